package link

import (
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// pairQueue is how many frames wait in one direction of a pair; a power of two. What is sent to a full
// queue is dropped and counted at both ends, as in a switch.
const pairQueue = 1024

// NewPair gives two devices joined back to back in memory, with addresses a and b: what one sends to the
// address of the other or to Broadcast, IPv4 or ARP, the other receives. Each end may have an owner and a
// goroutine of its own. mtu is in bytes. No descriptor is made until FD is called. A frame sent to a closed
// end is lost.
func NewPair(mtu int, a, b Addr) (Device, Device) {
	x, y := newPairEnd(mtu, a), newPairEnd(mtu, b)
	x.peer, y.peer = y, x
	return x, y
}

// pairEnd is one device of a pair. It owns the queue of the frames that it receives: its peer fills the
// slots and moves tail, it empties them and moves head.
type pairEnd struct {
	addr  Addr
	mtu   int
	peer  *pairEnd
	out   []byte
	stats Stats
	held  bool

	slots      [][]byte // frames; the lengths vary, the capacity is HeaderLen+mtu
	head, tail atomic.Uint32
	drops      atomic.Uint64 // frames that the peer found no room for

	gate     gate         // guards the eventfd, which the peer writes to
	event    atomic.Int64 // the eventfd plus 1; 0 before there is one
	signaled atomic.Bool  // the eventfd is readable, or about to be
}

func newPairEnd(mtu int, a Addr) *pairEnd {
	return &pairEnd{addr: a, mtu: mtu, out: make([]byte, HeaderLen+mtu), slots: make([][]byte, pairQueue)}
}

func (e *pairEnd) Receive() []byte {
	e.Release()
	if !e.enter() {
		return nil
	}
	defer e.leave()
	for {
		head := e.head.Load()
		if head == e.tail.Load() {
			if !e.quiet() {
				return nil
			}
			continue
		}
		frame := e.slots[head%pairQueue]
		if !forUs(frame, e.addr) {
			e.head.Store(head + 1)
			continue
		}
		e.held = true
		e.stats.ReceivedFrames++
		e.stats.ReceivedBytes += uint64(len(frame))
		return frame[:len(frame):len(frame)]
	}
}

// quiet makes the eventfd of the empty queue unreadable. It reports whether the queue must be looked at
// once more: the peer may have put a frame in, and seen no need to signal it, before the signal was
// taken back.
func (e *pairEnd) quiet() (again bool) {
	if !e.signaled.Load() {
		return false
	}
	e.signaled.Store(false)
	var count [8]byte
	_, _ = unix.Read(int(e.event.Load()-1), count[:]) // EAGAIN: the peer has not come to the write yet
	return true
}

func (e *pairEnd) Release() {
	if e.held {
		e.held = false
		e.head.Add(1)
	}
}

func (e *pairEnd) Buffer() []byte { return e.out }

func (e *pairEnd) Send(n int) error {
	if n < HeaderLen || n > len(e.out) {
		e.stats.SendErrors++
		return fmt.Errorf("link: pair: sending %d bytes: %w", n, ErrFrameSize)
	}
	if !e.enter() {
		e.stats.SendErrors++
		return fmt.Errorf("link: pair: send: %w", net.ErrClosed)
	}
	defer e.leave()
	if !e.peer.put(e.out[:n]) {
		e.stats.SendDrops++
		return nil
	}
	e.stats.SentFrames++
	e.stats.SentBytes += uint64(n)
	return nil
}

// put copies a frame into the queue of e; the caller is the peer. It reports whether there was room.
func (e *pairEnd) put(frame []byte) bool {
	tail := e.tail.Load()
	if tail-e.head.Load() == pairQueue {
		e.drops.Add(1)
		return false
	}
	slot := &e.slots[tail%pairQueue]
	if *slot == nil {
		*slot = make([]byte, 0, HeaderLen+e.mtu) // once a slot
	}
	*slot = append((*slot)[:0], frame...)
	e.tail.Store(tail + 1)
	e.signal()
	return true
}

// signal makes the eventfd readable, if there is one.
func (e *pairEnd) signal() {
	if e.event.Load() == 0 || e.signaled.Swap(true) {
		return
	}
	if !e.enter() {
		return // closed: nobody waits
	}
	defer e.leave()
	one := [8]byte{1}
	_, _ = unix.Write(int(e.event.Load()-1), one[:]) // EAGAIN: the counter is full, so it is readable
}

// FD makes the eventfd on first use. It is -1 if the process has no descriptor left or the device is
// closed.
func (e *pairEnd) FD() int {
	if fd := e.event.Load(); fd != 0 {
		return int(fd - 1)
	}
	if !e.enter() {
		return -1
	}
	defer e.leave()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return -1
	}
	e.event.Store(int64(fd) + 1)
	// From here on the peer signals. What it put in before, it has not.
	if e.head.Load() != e.tail.Load() {
		e.signal()
	}
	return fd
}

func (e *pairEnd) Addr() Addr { return e.addr }
func (e *pairEnd) MTU() int   { return e.mtu }

func (e *pairEnd) Stats() Stats {
	s := e.stats
	s.ReceiveDrops = e.drops.Load()
	return s
}

// Err has nothing to report but that the device is closed.
func (e *pairEnd) Err() error {
	if !e.enter() {
		return fmt.Errorf("link: pair: %w", net.ErrClosed)
	}
	e.leave()
	return nil
}

func (e *pairEnd) Close() error {
	if e.gate.shut() {
		return e.teardown()
	}
	return nil
}

func (e *pairEnd) enter() bool {
	if e.gate.enter() {
		return true
	}
	e.leave()
	return false
}

func (e *pairEnd) leave() {
	if e.gate.leave() {
		_ = e.teardown()
	}
}

func (e *pairEnd) teardown() error {
	if fd := e.event.Load(); fd != 0 {
		return os.NewSyscallError("close", unix.Close(int(fd-1)))
	}
	return nil
}
