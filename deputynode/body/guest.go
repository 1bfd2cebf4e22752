// Package body is the travelling half of a split process: a full process on the node where it runs, at the
// same addresses and with the same thread ids as at home, but without any right on that node (thesis
// chapter 4.1). Its local system calls run natively; all others reach the agent, which forwards them.
//
//	guest.go    what the bodies of a node share; a body is asked for
//	space.go    the PID namespace of a body and its children
//	spawn.go    the empty process: identity
//	load.go     its image comes from home: mappings, pages
//	pager.go    file pages, from home or from the node's cache (cache.go)
//	launch.go   the last steps: limits, rights, filter, registers
//	request.go  a call goes to the deputy
//	serve.go    what the deputy asks within a transaction, and its result
//	traced.go   calls that change the body itself
//	fork.go     calls that make a child or a thread
//	thread.go   threads of one body
//	listener.go where the calls wait that the filter does not allow
//	signal.go   faults of the body, and signals that the deputy tells of
package body

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/channel"
	"deputy/deputynode/syscalls"
	"deputy/deputynode/tracee"
	"deputy/internal/engine"
	"deputy/wireproto"
)

// Guest is what the bodies of a node share. All runs on the loop's thread, which is their tracer.
type Guest struct {
	loop     *engine.Loop
	log      *slog.Logger
	node     string
	filter   []unix.SockFilter
	staging  []byte // where the walk of a call's row lays out what it reads
	recorder recorder
	walk     syscalls.Call
	cache    *pageCache
	tracees  map[int]*Body // by the pid of a body's process
	spaces   map[int]*space
	bodies   map[*Body]struct{}
}

// stagingSize is that of a deputy, so that both walks have the same limits.
const stagingSize = 65 << 20

// New prepares a node for bodies.
func New(loop *engine.Loop, node string, log *slog.Logger) (*Guest, error) {
	staging, err := unix.Mmap(-1, 0, stagingSize, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("memory for calls: %w", err)
	}
	return &Guest{loop: loop, log: log, node: node, filter: syscalls.Filter(), staging: staging, cache: newPageCache(),
		tracees: map[int]*Body{}, spaces: map[int]*space{}, bodies: map[*Body]struct{}{}}, nil
}

// Accept makes the handler of a new connection; the first message asks for a body.
func (g *Guest) Accept() *channel.Channel {
	b := &Body{guest: g, log: g.log}
	b.ch = channel.New(b)
	g.bodies[b] = struct{}{}
	return b.ch
}

// Stopped is told of every change of a traced process (wait(2)); it reports whether it is a body's.
func (g *Guest) Stopped(now time.Duration, pid int, status unix.WaitStatus) bool {
	if s := g.spaces[pid]; s != nil {
		s.stopped(status)
		return true
	}
	b := g.tracees[pid]
	if b == nil {
		return false
	}
	b.stopped(now, pid, status)
	return true
}

// Count is how many bodies there are.
func (g *Guest) Count() int {
	n := 0
	for b := range g.bodies {
		if b.leads() {
			n++
		}
	}
	return n
}

// Close ends all bodies.
func (g *Guest) Close(now time.Duration) {
	for b := range g.bodies {
		b.ch.Close(now)
		b.finish()
	}
	_ = unix.Munmap(g.staging)
}

// Body is one thread of a body and its channel.
type Body struct {
	guest *Guest
	log   *slog.Logger
	ch    *channel.Channel

	state    state
	home     string // node of the deputy
	homePID  int    // thread id
	group    *group
	command  string
	lazy     bool
	space    *space
	self     process
	vdso     []mapped // where the kernel's own mappings wait for their place
	listener *listener
	newborn  bool // forked, and stopped until the transaction of the fork ends
	exiting  bool // the thread makes its own exit
	load     load

	message []byte // buffer in which messages are made
	tx      transaction
	trap    trap
	signals signals
}

// state of a body:
//
//	connected --Create--> loading --Start, all pages there--> running --Exit, death--> over
//	connected --Create of a child--> running
//	running --Reset--> loading
type state int

const (
	connected state = iota
	loading
	running
	over
)

// Open is the channel's event; the home agent speaks first.
func (b *Body) Open(time.Duration) {}

// Closed is the channel's last event: a body whose deputy is gone is killed.
func (b *Body) Closed(_ time.Duration, err error) {
	if b.state != over && b.state != connected {
		b.log.Warn("body killed: its deputy is gone", "error", err)
	}
	b.finish()
}

// finish ends the process, if there is one, and forgets the body.
func (b *Body) finish() {
	if _, ok := b.guest.bodies[b]; !ok {
		return
	}
	delete(b.guest.bodies, b)
	b.state = over
	if b.self.PID != 0 && !b.exiting {
		_ = unix.Kill(b.self.PID, unix.SIGKILL) // with all of its threads; ESRCH: it has ended already
	}
	b.listener.release()
	b.space.release()
}

// fail ends a body that cannot go on, and says so to its deputy, which then ends too.
func (b *Body) fail(now time.Duration, err error) {
	if b.state == over {
		return
	}
	var gone *tracee.Gone
	if errors.As(err, &gone) { // its end was told here, and nobody else is told
		delete(b.guest.tracees, gone.PID)
	}
	b.log.Error("body killed", "error", err)
	b.ch.Send(now, wireproto.AppendExited(b.message[:0], b.tx.seq, uint32(unix.SIGKILL)))
	b.ch.Close(now)
	b.finish()
}

func (b *Body) send(now time.Duration, m []byte) {
	b.message = m
	b.ch.Send(now, m)
	if cap(b.message) > keepBuffer {
		b.message = nil
	}
}

// keepBuffer is up to which size the buffer for messages is kept.
const keepBuffer = 1 << 20
