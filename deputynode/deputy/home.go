// Package deputy is the home half of a split process: the process that stays, with its pid, descriptors,
// credentials and terminal, and makes the system calls that its body asks for (thesis chapters 2 and 4.2).
//
// The process itself becomes the deputy: its program is taken out and a stub put in its place (hollow.go).
// A call of the body goes through these steps:
//
//  1. a request comes over the channel (deputy.go)
//  2. its row of the call table tells what the call reads; what did not come with the request is asked
//     for by copyin, and the row is walked again (transaction.go)
//  3. the stub makes the call, on memory that agent and deputy share (call.go)
//  4. what the kernel touches beyond that is fetched by the memory window (window.go, fault.go)
//  5. what the call wrote goes back by copyout, then the result, which ends the transaction
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
)

// Home is what the deputies of a node share. All its methods, and those of its deputies, run on the loop's
// thread, which is the tracer of the deputies.
type Home struct {
	loop     *engine.Loop
	log      *slog.Logger
	node     string
	passer   *passer
	bell     *stub.Doorbell
	uffd     int // /dev/userfaultfd
	deputies map[int]*Deputy
	ended    func(*Deputy)
}

// New prepares a node for deputies. ended, if not nil, is told of each deputy that has ended.
func New(loop *engine.Loop, node string, log *slog.Logger, ended func(*Deputy)) (*Home, error) {
	h := &Home{loop: loop, log: log, node: node, uffd: -1, deputies: map[int]*Deputy{}, ended: ended}
	var err error
	if h.uffd, err = unix.Open("/dev/userfaultfd", unix.O_RDWR|unix.O_CLOEXEC, 0); err != nil {
		return nil, fmt.Errorf("open /dev/userfaultfd (Linux 6.1 or later): %w", err)
	}
	if h.passer, err = newPasser(); err == nil {
		h.bell, err = stub.NewDoorbell()
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(h.uffd))
	}
	return h, nil
}

// WaitBell sleeps until a stub rings and then has the loop look; it returns when closing does. It runs on a
// goroutine of its own.
func (h *Home) WaitBell(closing <-chan struct{}) {
	seen := uint32(0) // rings from before this goroutine count too
	for {
		h.bell.Wait(seen)
		select {
		case <-closing:
			return
		default:
		}
		if now := h.bell.Count(); now != seen {
			seen = now
			h.loop.Submit(h.answer)
		}
	}
}

// Ring ends a WaitBell whose closing channel is closed.
func (h *Home) Ring() { h.bell.Ring() }

// answer looks which of the parked deputies rang.
func (h *Home) answer(now time.Duration) {
	for _, d := range h.deputies {
		if d.running.parked && d.memory.Done() {
			d.running.parked = false
			d.returned(now)
		}
	}
}

// Options say which process becomes a deputy, and how.
type Options struct {
	PID     int    // a process that is about to execute the program
	Node    string // where its body shall be
	Command string // for people to read
	Lazy    bool   // copyin and copyout in messages of their own, as in the thesis
	// Connect opens the connection to the node's agent.
	Connect func(now time.Duration, c *channel.Channel) error
	// Ready is told when the body has been created and the process may execute the program, or why not.
	Ready func(now time.Duration, err error)

	// Trace, if not nil, is told of each call.
	Trace func(TracedCall)

	parent int // pid of the deputy that forked this one
}

var errAlready = errors.New("the process is a deputy already")

// Split begins to make a deputy of a process: the node is asked for a body, the process is seized, and at
// its next execve it is hollowed.
func (h *Home) Split(now time.Duration, o Options) {
	if h.deputies[o.PID] != nil {
		o.Ready(now, errAlready)
		return
	}
	d := h.newDeputy(o)
	if err := o.Connect(now, d.ch); err != nil {
		o.Ready(now, err)
		return
	}
	h.deputies[o.PID] = d
}

func (h *Home) newDeputy(o Options) *Deputy {
	d := &Deputy{home: h, options: o, tracee: &tracee.Tracee{PID: o.PID}, fetched: fetched{}, started: time.Now(),
		log: h.log.With("pid", o.PID, "node", o.Node, "command", o.Command)}
	d.ch = channel.New(d)
	d.poller = h.loop.NewPoller(d.look)
	return d
}

// Stopped is told of every change of a traced process (wait(2)); it reports whether it is a deputy's.
func (h *Home) Stopped(now time.Duration, pid int, status unix.WaitStatus) bool {
	d := h.deputies[pid]
	if d == nil {
		return false
	}
	if tracee.Event(status) == unix.PTRACE_EVENT_EXEC {
		if former, err := sys.PtraceGetEventMsg(pid); err == nil && int(former) != pid && h.deputies[int(former)] != nil {
			thread := h.deputies[int(former)]
			h.replaced(now, d, thread)
			d = thread
		}
	}
	d.stopped(now, status)
	return true
}

// Deputies returns the deputies of the node, by thread id.
func (h *Home) Deputies() map[int]*Deputy { return h.deputies }

// Close kills what is left and releases the node's part.
func (h *Home) Close(now time.Duration) {
	for _, d := range h.deputies {
		d.kill("the agent ends")
		d.finish(now)
	}
	h.passer.close()
	_ = unix.Close(h.uffd)
}

// options of ptrace for a deputy: it dies with the agent.
const traceOptions = unix.PTRACE_O_TRACEEXEC | unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_EXITKILL

func (d *Deputy) seize() error {
	if err := sys.PtraceSeize(d.tracee.PID, traceOptions); err != nil {
		return fmt.Errorf("become the tracer of the process: %w", err)
	}
	return nil
}
