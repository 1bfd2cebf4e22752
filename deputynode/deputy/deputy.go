package deputy

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/channel"
	"deputy/deputynode/stub"
	"deputy/deputynode/tracee"
	"deputy/internal/engine"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// state of a deputy:
//
//	asking --Created--> armed --execve--> running --exit--> over
//	           born --Created--> running
//
// and from each to over when the body, the channel or the process ends.
type state int

const (
	asking  state = iota // the node was asked for a body
	armed                // seized; the next execve makes it a deputy
	born                 // child of a deputy; the node was asked for a body beside the parent's
	running              // its program is the body's
	over                 // the process has ended, or is not ours any more
)

// Deputy is one thread of a home process.
type Deputy struct {
	home    *Home
	options Options
	log     *slog.Logger
	started time.Time

	state   state
	tracee  *tracee.Tracee
	process *process // nil before the first execve
	slot    int      // of its memory
	memory  *stub.Memory
	fetched fetched // through the memory window, during the call in progress
	ch      *channel.Channel
	message []byte // buffer in which messages are made

	tx      transaction
	traced  traced
	signals signals
	forked  func(now time.Duration, err error) // of one that is born: tells the parent whether there is a body
	running call
	poller  *engine.Poller
}

// Open is the channel's event: the node's agent is asked for a body.
func (d *Deputy) Open(now time.Duration) {
	c := wireproto.Create{HomePID: uint32(d.tracee.PID), Node: d.home.node, Command: d.options.Command}
	if d.options.Lazy {
		c.Flags |= wireproto.CreateLazy
	}
	if d.state == born {
		c.Flags |= wireproto.CreateFork
		c.Parent = uint32(d.options.parent)
	}
	m, err := wireproto.AppendCreate(nil, c)
	if err != nil {
		d.refused(now, err)
		return
	}
	d.ch.Send(now, m)
}

// refused ends a Split that did not come so far that the process may execute its program.
func (d *Deputy) refused(now time.Duration, err error) {
	ready := d.options.Ready
	d.finish(now)
	ready(now, err)
}

// Message is the channel's event.
func (d *Deputy) Message(now time.Duration, m []byte) error {
	t := wireproto.Header(m).Type()
	if (t == wireproto.TypeCreated) != (d.state == asking || d.state == born) {
		return errUnexpected
	}
	switch t {
	case wireproto.TypeCreated:
		if d.state == born {
			return d.createdBesideParent(now, m)
		}
		return d.created(now, m)
	case wireproto.TypeRequest:
		return d.request(now, m)
	case wireproto.TypeNullRequest:
		return d.null(now, m)
	case wireproto.TypeCopyinReply:
		return d.copyinReply(now, m)
	case wireproto.TypeCopyoutReply:
		return d.copyoutReply(now, m)
	case wireproto.TypePageinRequest:
		return d.pagein(now, m)
	case wireproto.TypeFault:
		return d.fault(now, m)
	case wireproto.TypeExited:
		return d.bodyExited(now, m)
	}
	return errUnexpected
}

// Errors of what the body's side may not do.
var (
	errUnexpected = errors.New("not expected now")
	errStatus     = errors.New("not the status of a process that has ended")
)

// parseCreated makes an error of an answer that there is no body.
func parseCreated(m []byte) error {
	c, err := wireproto.ParseCreated(m)
	if err == nil && c.Errno != 0 {
		err = fmt.Errorf("%s: %w", c.Text, unix.Errno(c.Errno))
	}
	return err
}

func (d *Deputy) created(now time.Duration, m []byte) error {
	err := parseCreated(m)
	if err == nil {
		err = d.seize()
	}
	if err != nil {
		d.refused(now, err)
		return nil
	}
	d.state = armed
	d.options.Ready(now, nil)
	return nil
}

// Closed is the channel's last event: a deputy without its body ends as if killed.
func (d *Deputy) Closed(now time.Duration, err error) {
	if err == nil {
		err = errors.New("the node ended it")
	}
	switch d.state {
	case asking:
		d.refused(now, fmt.Errorf("node %s: %w", d.options.Node, err))
	case born:
		d.forked(now, err)
	case armed, running:
		d.kill(fmt.Sprintf("channel to the body: %v", err))
	}
}

// kill ends the process; what the kernel then tells of it ends the deputy.
func (d *Deputy) kill(why string) {
	d.log.Warn("deputy killed", "reason", why)
	_ = unix.Kill(d.tracee.PID, unix.SIGKILL) // ESRCH: it has ended already
}

// finish releases what the agent holds for a deputy and forgets it.
func (d *Deputy) finish(now time.Duration) {
	d.state = over
	d.poller.Set(false)
	d.ch.Close(now)
	if d.memory != nil {
		_ = d.memory.Close()
		d.memory = nil
	}
	delete(d.home.deputies, d.tracee.PID)
	last := d.process == nil || d.process.leave(d) && !d.process.gone
	if last && d.home.ended != nil {
		d.home.ended(d)
	}
}

// stopped handles a change of the process: its end, its execve, a signal, a stop of its job.
func (d *Deputy) stopped(now time.Duration, status unix.WaitStatus) {
	pid := d.tracee.PID
	var err error
	switch {
	case status.Exited() || status.Signaled():
		d.exited(now, status)
		return
	case !status.Stopped():
		return
	case tracee.Event(status) == unix.PTRACE_EVENT_EXEC:
		err = d.executed(now)
	case tracee.Event(status) == sys.PtraceEventStop && status.StopSignal() != unix.SIGTRAP:
		err = sys.PtraceListen(pid) // the job is stopped; SIGCONT ends that
	case tracee.Event(status) != 0 || status.StopSignal() == unix.SIGTRAP|0x80:
		err = sys.PtraceCont(pid, 0)
	default:
		err = d.signalled(now, status.StopSignal())
	}
	var gone *tracee.Gone
	switch {
	case errors.As(err, &gone): // killed meanwhile, and nobody else is told
		d.exited(now, gone.Status)
	case err != nil && !errors.Is(err, unix.ESRCH): // ESRCH: killed meanwhile, its end is told next
		d.kill(err.Error())
	}
}

// exited handles the end of the process.
func (d *Deputy) exited(now time.Duration, status unix.WaitStatus) {
	switch d.state {
	case running:
		if status.Signaled() {
			d.log.Info("deputy ended", "signal", status.Signal())
		} else {
			d.log.Debug("deputy ended", "status", status.ExitStatus())
		}
		d.ch.Send(now, wireproto.AppendExit(d.message[:0], d.tx.seq, uint32(status)))
	case asking:
		d.refused(now, &tracee.Gone{PID: d.tracee.PID, Status: status})
		return
	case born: // killed; if there is a body, it ends with the channel
		d.forked(now, &tracee.Gone{PID: d.tracee.PID, Status: status})
	}
	d.finish(now)
}

// executed handles a successful execve of the process: the fresh program becomes the body's.
func (d *Deputy) executed(now time.Duration) error {
	again := d.state == running
	if d.state == armed || again {
		return d.becomeDeputy(now, again)
	}
	return sys.PtraceCont(d.tracee.PID, 0)
}

// bodyExited handles a body that has ended by itself: the process ends in the same way.
func (d *Deputy) bodyExited(now time.Duration, m []byte) error {
	e, err := wireproto.ParseExited(m)
	if err != nil {
		return err
	}
	status := unix.WaitStatus(e.Status)
	if !status.Signaled() {
		return fmt.Errorf("%w: %#x", errStatus, e.Status)
	}
	d.log.Info("body ended", "signal", status.Signal())
	d.endBySignal(now, status.Signal())
	return nil
}
