package deputy

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/stub"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// sigactionSize is the size of the kernel's struct sigaction: handler, flags, restorer, mask.
const sigactionSize = 32

// Handler values and flags of sigaction(2).
const (
	sigIgnore     = 1 // 0 is default
	saSiginfo     = 4
	saOnStack     = 0x08000000
	saRestart     = 0x10000000
	saRestorer    = 0x04000000
	saResetHand   = 0x80000000
	highestSignal = 64
)

// Results of interrupted calls that the kernel keeps to itself, except from a tracer: whether and how the
// call goes on depends on the handler (signal(7)).
const (
	erestartSys   = 512
	erestartBlock = 516
)

// signals is what the deputy knows of its process's signals. The kernel at home decides about default,
// ignored and blocked ones. A caught one it delivers to the stub, whose handler only returns, so that a
// blocking call is interrupted as it would be; the tracer sees it, and the body is told to run the handler.
type signals struct {
	pending []wireproto.Action // for the body, oldest first
	restart int64              // how the call in progress was interrupted, as the tracer saw it
	asked   bool               // a transaction request is under way
}

// signalled handles a signal that is about to be delivered to the process.
func (d *Deputy) signalled(now time.Duration, sig unix.Signal) error {
	if (d.state == running || d.state == born) && d.handles(sig) {
		var info sys.Siginfo
		if err := sys.PtraceGetSiginfo(d.tracee.PID, &info); err != nil {
			return err
		}
		d.signals.pending = append(d.signals.pending, wireproto.Action{Signal: uint32(sig), Kind: wireproto.ActionHandler,
			Siginfo: info[:]})
		if d.running.then != nil {
			var regs unix.PtraceRegs
			if err := sys.PtraceGetRegs(d.tracee.PID, &regs); err != nil {
				return err
			}
			if code := -int64(regs.Rax); int64(regs.Orig_rax) >= 0 && code >= erestartSys && code <= erestartBlock {
				d.signals.restart = code
			}
		} else {
			d.requestTransaction(now)
		}
		if action := &d.process.actions[sig]; binary.LittleEndian.Uint64(action[8:])&saResetHand != 0 {
			clear(action[:])
		}
	}
	return sys.PtraceCont(d.tracee.PID, sig)
}

// requestTransaction asks the body to begin a transaction, in which it is told of the signals; a request of
// the body that crosses it does as well (thesis 4.3, figure 4.2).
func (d *Deputy) requestTransaction(now time.Duration) {
	if !d.signals.asked && !d.tx.open {
		d.signals.asked = true
		d.send(now, wireproto.AppendTransactionRequest(d.message[:0], d.tx.seq))
	}
}

// null begins a transaction that serves only to tell of signals.
func (d *Deputy) null(now time.Duration, m []byte) error {
	r, err := wireproto.ParseNullRequest(m)
	if err != nil {
		return err
	}
	if d.state != running || d.tx.open {
		return errUnexpected
	}
	d.tx = transaction{open: true, null: true, seq: r.Sequence, known: d.tx.known[:0]}
	d.message = wireproto.AppendTerminate(d.message[:0], d.tx.seq)
	d.terminate(now)
	return nil
}

// fault decides about a synchronous signal of the body: its handler runs, or the process ends.
func (d *Deputy) fault(now time.Duration, m []byte) error {
	f, err := wireproto.ParseFault(m)
	if err != nil {
		return err
	}
	if d.state != running || d.tx.open {
		return errUnexpected
	}
	d.tx = transaction{null: true, seq: f.Sequence, known: d.tx.known[:0]}
	if !d.handles(unix.Signal(f.Signal)) {
		d.log.Info("fault of the body", "signal", unix.Signal(f.Signal), "address", fmt.Sprintf("%#x", f.Address))
		d.endBySignal(now, unix.Signal(f.Signal))
		return nil
	}
	info := make([]byte, wireproto.SiginfoLen)
	binary.LittleEndian.PutUint32(info, f.Signal)
	binary.LittleEndian.PutUint32(info[8:], f.Code)
	binary.LittleEndian.PutUint64(info[16:], f.Address)
	d.tx.open = true
	d.signals.pending = slices.Insert(d.signals.pending, 0,
		wireproto.Action{Signal: f.Signal, Kind: wireproto.ActionHandler, Siginfo: info})
	d.message = wireproto.AppendTerminate(d.message[:0], d.tx.seq)
	d.terminate(now)
	return nil
}

// handles reports whether the program has a handler for a signal.
func (d *Deputy) handles(sig unix.Signal) bool {
	return sig > 0 && sig <= highestSignal && binary.LittleEndian.Uint64(d.process.actions[sig][:]) > sigIgnore
}

// act sends the body what it has to do about the signals that came.
func (d *Deputy) act(now time.Duration) {
	d.signals.asked = false
	for _, a := range d.signals.pending {
		a.Sequence = d.tx.seq
		d.send(now, wireproto.AppendAction(nil, a))
	}
	d.signals.pending = d.signals.pending[:0]
}

// interrupted returns what the body's kernel has to see of a call that a caught signal interrupted: it then
// restarts the call or ends it with EINTR, after the handler, as flags and call demand.
func (d *Deputy) interrupted(ret int64) int64 {
	code := d.signals.restart
	d.signals.restart = 0
	if code != 0 && ret == -int64(unix.EINTR) {
		return -code
	}
	return ret
}

// sigaction serves rt_sigaction(2). At home a handler is replaced by the stub's, without SA_RESTART: the
// body's kernel restarts calls. The old action that the program sees is its own.
func (d *Deputy) sigaction(now time.Duration) {
	if !d.prepare(now) {
		return
	}
	tx := &d.tx
	args := tx.prepared.Args()
	sig := tx.args[0]
	var set [sigactionSize]byte
	staging := d.memory.Staging()
	if offset := args[1] - d.memory.StagingBase(); args[1] != 0 && offset < stub.StagingSize {
		action := staging[offset:][:sigactionSize]
		copy(set[:], action)
		if binary.LittleEndian.Uint64(action) > sigIgnore {
			flags := binary.LittleEndian.Uint64(action[8:])
			binary.LittleEndian.PutUint64(action, stub.Handler)
			binary.LittleEndian.PutUint64(action[8:], flags&^(saRestart|saOnStack)|saSiginfo|saRestorer)
			binary.LittleEndian.PutUint64(action[16:], stub.Restorer)
			binary.LittleEndian.PutUint64(action[24:], ^uint64(0))
		}
	}
	d.start(now, unix.SYS_RT_SIGACTION, args, func(now time.Duration, ret int64) {
		if ret == 0 && sig <= highestSignal {
			if offset := args[2] - d.memory.StagingBase(); args[2] != 0 && offset < stub.StagingSize {
				old := staging[offset:][:sigactionSize]
				if binary.LittleEndian.Uint64(old) == stub.Handler {
					copy(old, d.process.actions[sig][:])
				}
			}
			if args[1] != 0 {
				d.process.actions[sig] = set
			}
		}
		d.served(now, ret)
	})
}
