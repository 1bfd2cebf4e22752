package body

import (
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
	"deputy/wireproto"
)

// signals is what the body knows of signals. Its kernel has the program's handlers (rt_sigaction is made on
// both sides), builds their frames, restarts or ends the calls; which signals come is decided at home.
type signals struct {
	told   []sys.Siginfo                          // by the deputy, in the transaction that is open
	raised [wireproto.MaxSignal + 1][]sys.Siginfo // sent to the body, not yet delivered
	fault  bool                                   // the body is stopped by a fault that was reported to the deputy
	taken  bool                                   // the deputy answered that the program handles it
	queued wireproto.Fault                        // a fault that waits for the end of the transaction that is open
	waits  bool
}

// transactionRequest asks for a null request. If a request of the body has crossed it, that opened the
// transaction, and this is ignored (thesis 4.3, figure 4.2 B).
func (b *Body) transactionRequest(now time.Duration) error {
	if !b.tx.open {
		b.begin()
		b.send(now, wireproto.AppendNullRequest(b.message[:0], b.tx.seq))
	}
	return nil
}

// action notes what the deputy wants done about a signal, for the end of the transaction.
func (b *Body) action(m []byte) error {
	a, err := wireproto.ParseAction(m)
	if err != nil {
		return err
	}
	if !b.tx.open || a.Kind != wireproto.ActionHandler {
		return errUnexpected
	}
	if b.signals.fault && !b.signals.taken {
		b.signals.taken = true
		return nil
	}
	b.signals.told = append(b.signals.told, sys.Siginfo(a.Siginfo))
	return nil
}

// raise sends the signals that the deputy told of to the body, whose kernel runs the handlers.
func (b *Body) raise() {
	for i := range b.signals.told {
		info := b.signals.told[i]
		sig := info.Signal()
		if sig <= 0 || sig > wireproto.MaxSignal {
			continue
		}
		if len(b.signals.raised[sig]) > 0 && sig < firstRealTime {
			continue // one of a kind is pending at most
		}
		b.signals.raised[sig] = append(b.signals.raised[sig], info)
		_ = unix.Tgkill(b.group.pid, b.self.PID, sig) // ESRCH: killed meanwhile
	}
	b.signals.told = b.signals.told[:0]
}

// firstRealTime is the first signal that queues (signal(7)).
const firstRealTime = 32

// signalled handles a signal about to be delivered to the body: one that the deputy told of gets the siginfo of
// home; a fault is reported to the deputy; others have no business here.
func (b *Body) signalled(now time.Duration, sig unix.Signal) error {
	if queue := b.signals.raised[sig]; len(queue) > 0 {
		info := queue[0]
		b.signals.raised[sig] = queue[1:]
		if err := sys.PtraceSetSiginfo(b.self.PID, &info); err != nil {
			return err
		}
		return sys.PtraceCont(b.self.PID, sig)
	}
	var info sys.Siginfo
	if err := sys.PtraceGetSiginfo(b.self.PID, &info); err != nil {
		return err
	}
	if !synchronous(sig) || info.Code() <= 0 {
		b.log.Warn("signal from this node dropped", "signal", sig)
		return sys.PtraceCont(b.self.PID, 0)
	}
	f := wireproto.Fault{Address: info.FaultAddress(), Signal: uint32(sig), Code: uint32(info.Code())}
	if b.tx.open {
		b.signals.queued, b.signals.waits = f, true
		return nil
	}
	b.report(now, f)
	return nil
}

// report opens a transaction with a fault of the body; it stays stopped until the deputy has decided.
func (b *Body) report(now time.Duration, f wireproto.Fault) {
	b.begin()
	b.signals.fault, b.signals.taken, b.signals.waits = true, false, false
	f.Sequence = b.tx.seq
	b.send(now, wireproto.AppendFault(b.message[:0], f))
}

// resolved ends the stop by a fault: the program's handler runs. (Where there is none the deputy ends, and the
// body with it.)
func (b *Body) resolved(now time.Duration) error {
	b.signals.fault = false
	var info sys.Siginfo
	err := sys.PtraceGetSiginfo(b.self.PID, &info)
	if err == nil {
		sig := info.Signal()
		if !b.signals.taken {
			sig = 0
		}
		err = sys.PtraceCont(b.self.PID, sig)
	}
	if err != nil {
		b.log.Debug("after a fault", "error", err) // killed meanwhile, its end is told next
	}
	return nil
}

// synchronous says whether a signal can be the fault of the instruction that a thread is at.
func synchronous(sig unix.Signal) bool {
	switch sig {
	case unix.SIGSEGV, unix.SIGBUS, unix.SIGILL, unix.SIGFPE, unix.SIGTRAP, unix.SIGSYS:
		return true
	}
	return false
}
