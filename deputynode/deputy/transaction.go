package deputy

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/syscalls"
	"deputy/wireproto"
)

// transaction is the request that is being served: it begins with the body's request and ends with the
// result (thesis 4.3).
type transaction struct {
	open  bool
	null  bool // there is no call
	seq   uint16
	call  uint32
	count int       // of arguments
	args  [6]uint64 // as the body gave them
	row   *syscalls.Row

	prepared syscalls.Call
	known    []known // memory of the body that is here
	need     need    // what the walk found missing
	large    bool    // much came with the request
	copyouts int     // copyouts not yet acknowledged
	faulted  bool    // one of them found no memory
	ret      int64   // of the call
}

// known is a range of the body's memory: what came with the request or by copyin.
type known struct {
	address uint64
	data    []byte
	text    bool // up to and including the first NUL
	fault   bool // what follows data can't be read
}

// need is a range that a copyin has to bring.
type need struct {
	address uint64
	length  int
	text    bool
}

var errMissing = errors.New("memory of the body that is not here yet")

// Read implements syscalls.Memory on what is known; what is not is noted as the next copyin.
func (tx *transaction) Read(address uint64, p []byte) error {
	end := address + uint64(len(p))
	for i := range tx.known {
		k := &tx.known[i]
		have := k.address + uint64(len(k.data))
		if k.text || address < k.address || address > have {
			continue
		}
		if end <= have {
			copy(p, k.data[address-k.address:])
			return nil
		}
		if k.fault {
			return syscalls.ErrFault
		}
	}
	tx.need = need{address: address, length: len(p)}
	return errMissing
}

// ReadString implements syscalls.Memory.
func (tx *transaction) ReadString(address uint64, limit int) ([]byte, error) {
	for i := range tx.known {
		k := &tx.known[i]
		if !k.text || k.address != address {
			continue
		}
		if k.fault {
			return nil, syscalls.ErrFault
		}
		return k.data[:min(len(k.data), limit)], nil
	}
	tx.need = need{address: address, length: limit, text: true}
	return nil, errMissing
}

// request begins a transaction.
func (d *Deputy) request(now time.Duration, m []byte) error {
	r, err := wireproto.ParseRequest(m)
	if err != nil {
		return err
	}
	if d.state != running || d.tx.open {
		return errUnexpected
	}
	tx := &d.tx
	*tx = transaction{open: true, seq: r.Sequence, call: r.Call, row: syscalls.Lookup(r.Call), known: tx.known[:0],
		large: len(m) > keepBuffer}
	tx.count = r.Args(&tx.args)
	for ranges := r.Ranges; ; {
		piece, ok := ranges.Next()
		if !ok {
			break
		}
		tx.known = append(tx.known, known{piece.Address, piece.Data, piece.Flags&wireproto.FlagString != 0,
			piece.Flags&wireproto.FlagFault != 0})
	}
	d.process.count.call(tx.call, tx.args, tx.row)
	d.traceBegin(m)
	d.serve(now)
	if tx.open { // the message is valid only now: keep what came with it
		for i := range tx.known {
			tx.known[i].data = bytes.Clone(tx.known[i].data)
		}
	}
	return nil
}

// serve does what the request asks for, as far as the memory at hand allows.
func (d *Deputy) serve(now time.Duration) {
	tx := &d.tx
	if special := specials[tx.call]; special != nil {
		special(d, now)
		return
	}
	if tx.row != nil {
		if errno := tx.row.Refused(tx.args); errno != 0 {
			d.result(now, -int64(errno))
			return
		}
	}
	if d.prepare(now) {
		d.start(now, uint64(tx.call), d.callArgs(), d.served)
	}
}

// callArgs are the arguments for the stub: those of the walk, or the body's own where no row describes them.
func (d *Deputy) callArgs() [6]uint64 {
	if d.tx.row == nil {
		return d.tx.args
	}
	return d.tx.prepared.Args()
}

// prepare walks the call's row. It reports whether all that the call reads is at hand; otherwise a copyin
// has been sent, or the transaction has ended.
func (d *Deputy) prepare(now time.Duration) bool {
	tx := &d.tx
	if tx.row == nil {
		return true
	}
	err := tx.row.Prepare(&tx.prepared, tx.args, tx, d.memory.StagingBase(), d.memory.Staging())
	switch {
	case err == nil, errors.Is(err, syscalls.ErrTooLarge): // too large: all of it is left to the memory window
		return true
	case errors.Is(err, errMissing):
		var flags wireproto.Flags
		if tx.need.text {
			flags = wireproto.FlagString
		}
		d.send(now, wireproto.AppendCopyinRequest(d.message[:0], tx.seq, tx.need.address, uint32(tx.need.length), flags))
	default:
		d.result(now, -int64(unix.EFAULT))
	}
	return false
}

// copyinReply brings memory of the body: for the memory window, or for the walk.
func (d *Deputy) copyinReply(now time.Duration, m []byte) error {
	r, err := wireproto.ParseCopyinReply(m)
	if err != nil {
		return err
	}
	tx := &d.tx
	if w := &d.process.window; w.asked[r.Address] == d {
		return w.fill(r.Address, r.Data, d.fetched)
	}
	if !tx.open || tx.need.length == 0 || r.Address != tx.need.address || len(r.Data) > tx.need.length {
		return errUnexpected
	}
	tx.known = append(tx.known, known{r.Address, bytes.Clone(r.Data), tx.need.text, r.Flags&wireproto.FlagFault != 0})
	tx.need = need{}
	d.serve(now)
	return nil
}

// served is told what the call returned: what it wrote goes to the body.
func (d *Deputy) served(now time.Duration, ret int64) {
	tx := &d.tx
	tx.ret = d.interrupted(ret)
	if len(d.fetched) > 0 {
		d.closeWindow(now)
		return
	}
	d.deliver(now, nil)
}

// returned is what the kernel returned to the stub, where ret tells the body's kernel more.
func (tx *transaction) returned() int64 {
	if tx.ret <= -erestartSys && tx.ret >= -erestartBlock {
		return -int64(unix.EINTR)
	}
	return tx.ret
}

// deliver sends the outputs of the call: with the result, or before it where copyouts go alone.
func (d *Deputy) deliver(now time.Duration, changes []change) {
	tx := &d.tx
	if d.options.Lazy {
		out := func(address uint64, data []byte) {
			tx.copyouts++
			d.send(now, wireproto.AppendCopyout(d.message[:0], tx.seq, address, data))
		}
		if tx.row != nil {
			tx.prepared.Outputs(tx.returned(), out)
		}
		for _, c := range changes {
			out(c.address, c.data)
		}
		if tx.copyouts == 0 {
			d.result(now, tx.ret)
		}
		return
	}
	d.message = appendResult(d.message[:0], tx.seq, tx.ret)
	plain := len(d.message)
	out := func(address uint64, data []byte) { d.message = wireproto.AppendRange(d.message, address, 0, data) }
	if tx.row != nil {
		tx.prepared.Outputs(tx.returned(), out)
	}
	for _, c := range changes {
		out(c.address, c.data)
	}
	if len(d.message) > plain {
		wireproto.PutFlags(d.message, wireproto.FlagTerminated|wireproto.FlagRanges)
		wireproto.PutLength(d.message)
	}
	d.terminate(now)
}

// copyoutReply acknowledges a copyout; after the last one goes the result.
func (d *Deputy) copyoutReply(now time.Duration, m []byte) error {
	r, err := wireproto.ParseCopyoutReply(m)
	if err != nil {
		return err
	}
	tx := &d.tx
	if tx.copyouts == 0 {
		return errUnexpected
	}
	tx.copyouts--
	tx.faulted = tx.faulted || r.Flags&wireproto.FlagFault != 0
	if tx.copyouts == 0 {
		if tx.faulted {
			tx.ret = -int64(unix.EFAULT)
		}
		d.result(now, tx.ret)
	}
	return nil
}

// result ends the transaction with what the call returned, and nothing else.
func (d *Deputy) result(now time.Duration, ret int64) {
	d.message = appendResult(d.message[:0], d.tx.seq, ret)
	d.terminate(now)
}

// appendResult splits what the kernel returned into error and value. The termination is piggybacked.
func appendResult(b []byte, seq uint16, ret int64) []byte {
	if ret < 0 && ret >= -maxErrno {
		return wireproto.AppendResult(b, seq, uint32(-ret), 0, wireproto.FlagTerminated)
	}
	return wireproto.AppendResult(b, seq, 0, uint64(ret), wireproto.FlagTerminated)
}

const maxErrno = 4095

// terminate sends the message that ends the transaction; before its end the body is told of the signals that
// came, which then takes a message of its own.
func (d *Deputy) terminate(now time.Duration) {
	d.tx.open = false
	value, trace := d.traceValue()
	if len(d.signals.pending) == 0 {
		d.send(now, d.message)
	} else {
		if h := wireproto.Header(d.message); h.Type() == wireproto.TypeResult {
			wireproto.PutFlags(d.message, h.Flags()&^wireproto.FlagTerminated)
			d.send(now, d.message)
		}
		d.act(now)
		d.send(now, wireproto.AppendTerminate(d.message[:0], d.tx.seq))
	}
	if trace {
		d.traceCall(true, value)
	}
	if cap(d.message) > keepBuffer || d.tx.large {
		d.message = nil
		d.memory.Trim()
	}
}

// keepBuffer is up to which size the buffer for messages is kept.
const keepBuffer = 1 << 20

func (d *Deputy) send(now time.Duration, m []byte) {
	d.message = m
	d.ch.Send(now, m)
}

// pagein reads file pages for the body (thesis 4.1): its address names a mapping that the deputy holds.
func (d *Deputy) pagein(now time.Duration, m []byte) error {
	r, err := wireproto.ParsePageinRequest(m)
	if err != nil {
		return err
	}
	if d.state != running || r.Count == 0 || r.Count > maxPagein {
		return fmt.Errorf("%w: %d bytes at %#x", errUnexpected, r.Count, r.Address)
	}
	d.send(now, d.readPages(r))
	return nil
}
