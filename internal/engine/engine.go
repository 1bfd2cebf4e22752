// Package engine is the run-to-completion loop of a node: one locked thread takes a frame out of the
// device, runs IP, transport, message and handler, and sends the answer, without a channel or a
// goroutine switch in between (DESIGN of the project, "Protocol cores do no I/O").
//
// One turn of the loop:
//
//  1. the frames that wait in the device, or in each of several, go up through IP to their transport and handler;
//  2. the components whose deadline has come are advanced;
//  3. the pollers (words in shared memory that another thread writes) are looked at;
//  4. if nothing was done for the spin time, what the components hold back (acknowledgements) is flushed,
//     and the thread parks in epoll until a frame, a descriptor, a deadline or a call of Do.
//
// The lock of the loop guards everything that the loop runs. Do takes it for other goroutines.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"deputy/ipx"
	"deputy/link"
)

// Never is the deadline of a component that waits for nothing.
const Never = time.Duration(math.MaxInt64)

// DefaultSpin is how long the loop looks for work before it parks: longer than a remote call takes when its partners
// have to be woken (some 60 µs where a wake-up costs 8), so that the answer finds the loop awake. Measured over two
// nodes on two cores, 1-byte reads and writes: 27 µs a call with the answer inside the spin, 110 µs without.
const DefaultSpin = 100 * time.Microsecond

// watchEvery is how many turns of a spin pass between two looks at the descriptors: a look is a system
// call of about 1 µs, a look at the ring is a load.
const watchEvery = 8

// yieldEvery is how many turns of a spin pass before the lock is given up for a moment.
const yieldEvery = 64

// Component is a protocol machine that the loop drives.
type Component interface {
	// Deadline is when Advance wants to be called next; Never if it waits for nothing.
	Deadline() time.Duration
	// Advance does what is due at now.
	Advance(now time.Duration)
	// Flush sends what is held back: the loop is about to wait.
	Flush(now time.Duration)
}

// Options of a loop.
type Options struct {
	Spin   time.Duration // how long to look for work before parking; 0 means DefaultSpin, negative none
	Start  time.Time     // when the loop's time begins; zero means now
	Logger *slog.Logger
}

// batch bounds the frames that a turn takes from one device, so that the others have their turn too, and what is due.
const batch = 64

// port is a device with the IP stack on it.
type port struct {
	dev  link.Device
	ip   *ipx.Stack
	next *port
}

// Loop is the event loop of one device, or of several.
type Loop struct {
	port  *port // the first
	spin  time.Duration
	log   *slog.Logger
	start time.Time

	mu         sync.Mutex // guards all below, and everything that the loop runs
	components []Component
	pollers    map[*Poller]struct{}
	watches    map[int32]func(now time.Duration)
	ready      [32]unix.EpollEvent
	expect     int
	woken      bool // Wake was called since the last park

	submitMu  sync.Mutex // guards submitted
	submitted []func(now time.Duration)

	epoll, kick int
	parkedUntil atomic.Int64 // deadline of the parked loop in ns; 0 while it runs
}

// New makes a loop over a device and the IP stack on it. AddDevice adds others.
func New(dev link.Device, stack *ipx.Stack, o Options) (*Loop, error) {
	if o.Spin == 0 {
		o.Spin = DefaultSpin
	}
	if o.Start.IsZero() {
		o.Start = time.Now()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	l := &Loop{
		spin: o.Spin, log: o.Logger, start: o.Start,
		pollers: make(map[*Poller]struct{}), watches: make(map[int32]func(time.Duration)),
	}
	var err error
	if l.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("engine: epoll_create1: %w", err)
	}
	if l.kick, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		_ = unix.Close(l.epoll)
		return nil, fmt.Errorf("engine: eventfd: %w", err)
	}
	if err = l.register(l.kick); err == nil {
		err = l.AddDevice(dev, stack)
	}
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	return l, nil
}

// AddDevice has the loop drive another device and the IP stack on it, in turn with the others. Call it before Run or
// within Do.
func (l *Loop) AddDevice(dev link.Device, stack *ipx.Stack) error {
	if err := l.register(dev.FD()); err != nil {
		return err
	}
	last := &l.port
	for *last != nil {
		last = &(*last).next
	}
	*last = &port{dev: dev, ip: stack}
	l.components = append(l.components, stackComponent{stack})
	if c, ok := dev.(Component); ok { // a device with time of its own: impairment delays frames
		l.components = append(l.components, c)
	}
	return nil
}

// stackComponent drives the timers of IP, which holds nothing back.
type stackComponent struct{ *ipx.Stack }

func (stackComponent) Flush(time.Duration) {}

// Close releases the descriptors of a loop that does not run any more.
func (l *Loop) Close() error {
	return errors.Join(unix.Close(l.epoll), unix.Close(l.kick))
}

// Now is the time since the loop's time began.
func (l *Loop) Now() time.Duration { return time.Since(l.start) }

// Add gives the loop another component to drive. Call it before Run or within Do.
func (l *Loop) Add(c Component) { l.components = append(l.components, c) }

// Do runs f under the loop's lock, with the time; from any goroutine, but not from something that the
// loop itself runs. A parked loop is woken if f left a deadline earlier than the one it waits for.
func (l *Loop) Do(f func(now time.Duration)) {
	l.mu.Lock()
	f(l.Now())
	d := l.deadline()
	l.mu.Unlock()
	if until := l.parkedUntil.Load(); until != 0 && int64(d) < until {
		l.Wake()
	}
}

// Submit has f run by the loop's own thread, soon; from any goroutine.
func (l *Loop) Submit(f func(now time.Duration)) {
	l.submitMu.Lock()
	l.submitted = append(l.submitted, f)
	l.submitMu.Unlock()
	l.Wake()
}

// runSubmitted runs what was submitted since the last time.
func (l *Loop) runSubmitted(now time.Duration) {
	l.submitMu.Lock()
	fs := l.submitted
	l.submitted = nil
	l.submitMu.Unlock()
	for _, f := range fs {
		f(now)
	}
}

// Wake makes a parked loop take a turn.
func (l *Loop) Wake() {
	one := [8]byte{1}
	_, _ = unix.Write(l.kick, one[:]) // a full counter wakes as well
}

// Expect tells the loop that an answer is on its way (+1) or has come (-1): while one is, the loop spins
// on the device alone and leaves the descriptors, whose owners wait themselves, to the end of the spin.
func (l *Loop) Expect(delta int) { l.expect += delta }

// Poll takes one turn without waiting, for an owner that runs the loop itself. It reports whether
// anything was done.
func (l *Loop) Poll() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turn(l.Now())
}

// Flush sends what the components hold back; Poll's owner calls it before it waits.
func (l *Loop) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flush(l.Now())
}

// Run takes turns until the context ends. It locks its thread: ptrace(2) wants all calls for a tracee to
// come from one.
func (l *Loop) Run(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	stop := context.AfterFunc(ctx, l.Wake)
	defer stop()
	for ctx.Err() == nil {
		if err := l.cycle(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// cycle spins until nothing has happened for the spin time, then parks once.
func (l *Loop) cycle() error {
	l.mu.Lock()
	now := l.Now()
	idleSince := now
	for i := 0; ; i++ {
		if l.turn(now) {
			idleSince = l.Now()
		}
		if l.expect == 0 && i%watchEvery == watchEvery-1 {
			n, err := l.look(0)
			if err != nil {
				l.mu.Unlock()
				return err
			}
			if n {
				idleSince = l.Now()
			}
		}
		if i%yieldEvery == yieldEvery-1 { // a busy loop lets the callers of Do in
			l.mu.Unlock()
			l.mu.Lock()
		}
		now = l.Now()
		if now-idleSince >= l.spin && len(l.pollers) == 0 { // a poller bounds its own time
			break
		}
	}
	l.flush(now)
	if l.woken { // during the spin; by the end of the context, maybe
		l.woken = false
		l.mu.Unlock()
		return nil
	}
	deadline := l.deadline()
	l.parkedUntil.Store(int64(deadline))
	l.mu.Unlock()

	err := l.park(deadline)
	l.parkedUntil.Store(0)
	return err
}

// turn handles what has come and what is due.
func (l *Loop) turn(now time.Duration) bool {
	done := false
	for p := l.port; p != nil; p = p.next {
		for range batch {
			frame := p.dev.Receive()
			if frame == nil {
				break
			}
			p.ip.Input(now, frame)
			p.dev.Release()
			done = true
		}
	}
	for _, c := range l.components {
		if c.Deadline() <= now {
			c.Advance(now)
			done = true
		}
	}
	for p := range l.pollers {
		if p.check(now) {
			done = true
		}
	}
	return done
}

func (l *Loop) flush(now time.Duration) {
	for _, c := range l.components {
		c.Flush(now)
	}
}

func (l *Loop) deadline() time.Duration {
	d := Never
	for _, c := range l.components {
		d = min(d, c.Deadline())
	}
	return d
}
