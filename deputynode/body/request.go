package body

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/syscalls"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// transaction is what the body has open with its deputy: it begins with a request, or a null request, and ends
// with a termination (thesis 4.3).
type transaction struct {
	open  bool
	seq   uint16
	ended bool // the result has come, its termination has not
}

// trap is a call of the body that waits for its result.
type trap struct {
	waiting  bool   // a call waits
	queued   bool   // it waits for the end of another transaction before it can be sent
	traced   bool   // it is held by ptrace, not by the filter's listener
	id       uint64 // of the notification
	call     uint32
	args     [6]uint64
	ret      int64
	regs     unix.PtraceRegs               // of a traced call
	written  []written                     // what the home kernel wrote for a traced call
	returned bool                          // the body's own call has returned, without a child
	child    *Body                         // made by a traced call, which has not returned yet
	then     func(now time.Duration) error // what a traced call does with its result
}

// written is memory that the kernel at home wrote.
type written struct {
	address uint64
	data    []byte
}

// trapped is told of a call that waits at the filter's listener.
func (b *Body) trapped(now time.Duration, n *sys.Notification) {
	if b.trap.waiting {
		b.fail(now, errUnexpected)
		return
	}
	b.trap = trap{waiting: true, id: n.ID, call: uint32(n.Call), args: n.Args}
	b.forward(now)
}

// forward sends the waiting call as a request, unless a transaction is open: then when it ends.
func (b *Body) forward(now time.Duration) {
	t := &b.trap
	if b.tx.open {
		t.queued = true
		return
	}
	t.queued = false
	row := syscalls.Lookup(t.call)
	if row != nil {
		if errno := row.Refused(t.args); errno != 0 {
			b.answer(now, -int64(errno))
			return
		}
	}
	b.begin()
	b.message = b.appendRequest(b.message[:0], row)
	b.send(now, b.message)
}

// begin opens a transaction.
func (b *Body) begin() {
	b.tx = transaction{open: true, seq: b.tx.seq + 1}
}

// appendRequest makes the request. Eagerly it carries what the call reads: the walk that the deputy will make
// is made here first, on memory that records what is read of it.
func (b *Body) appendRequest(m []byte, row *syscalls.Row) []byte {
	t := &b.trap
	count := len(t.args)
	if row != nil {
		count = len(row.Args)
	}
	if b.lazy || row == nil {
		return wireproto.AppendRequest(m, b.tx.seq, t.call, t.args[:count], 0)
	}
	r := &b.guest.recorder
	r.begin(b.self.PID)
	_ = row.Prepare(&b.guest.walk, t.args, r, 0, b.guest.staging) // the deputy's walk meets the same error
	if len(r.read) == 0 {
		return wireproto.AppendRequest(m, b.tx.seq, t.call, t.args[:count], 0)
	}
	m = wireproto.AppendRequest(m, b.tx.seq, t.call, t.args[:count], wireproto.FlagRanges)
	total := 0
	for _, piece := range r.read {
		m = wireproto.AppendRange(m, piece.address, piece.flags, piece.data)
		total += len(piece.data)
	}
	wireproto.PutLength(m)
	b.guest.trim(total)
	return m
}

// recorder is memory of a body that notes what is read of it.
type recorder struct {
	pid  int
	read []piece
	text []byte // strings that were read
}

type piece struct {
	address uint64
	data    []byte
	flags   wireproto.Flags
}

func (r *recorder) begin(pid int) {
	r.pid = pid
	r.read = r.read[:0]
	r.text = r.text[:0]
}

// Read implements syscalls.Memory.
func (r *recorder) Read(address uint64, p []byte) error {
	n, err := sys.ProcessRead(r.pid, address, p)
	if err != nil {
		n = 0
	}
	if n < len(p) {
		r.read = append(r.read, piece{address, p[:n], wireproto.FlagFault})
		return syscalls.ErrFault
	}
	r.read = append(r.read, piece{address, p, 0})
	return nil
}

// ReadString implements syscalls.Memory.
func (r *recorder) ReadString(address uint64, limit int) ([]byte, error) {
	if cap(r.text)-len(r.text) < limit {
		r.text = make([]byte, 0, max(2*limit, 64<<10)) // the old one stays with what was read
	}
	text, err := readString(r.pid, address, r.text[len(r.text):][:limit])
	r.text = r.text[:len(r.text)+len(text)]
	if err != nil {
		r.read = append(r.read, piece{address, text, wireproto.FlagString | wireproto.FlagFault})
		return nil, syscalls.ErrFault
	}
	r.read = append(r.read, piece{address, text, wireproto.FlagString})
	return text, nil
}

// firstRead is how much of a string is read first: most paths are shorter, and a read of a page costs little
// more.
const firstRead = 256

// readString reads up to and including the first NUL, at most as much as buffer holds. Reads end at page
// boundaries, since the next page may not be there.
func readString(pid int, address uint64, buffer []byte) ([]byte, error) {
	have := 0
	for have < len(buffer) {
		at := address + uint64(have)
		n := min(pageSize-int(at%pageSize), len(buffer)-have)
		if have == 0 {
			n = min(n, firstRead)
		}
		got, err := sys.ProcessRead(pid, at, buffer[have:have+n])
		if err != nil {
			return buffer[:have], err
		}
		if end := bytes.IndexByte(buffer[have:have+got], 0); end >= 0 {
			return buffer[:have+end+1], nil
		}
		have += got
	}
	return buffer, nil
}

// trim gives the pages of staging back after a call that read much.
func (g *Guest) trim(n int) {
	if n > keepBuffer {
		_ = unix.Madvise(g.staging, unix.MADV_DONTNEED)
	}
}
