package bench

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/bench/tsc"
	"deputy/ipx"
	"deputy/link"
)

// network is what the stacks of both sides have their addresses in: for benchmarks (RFC 2544, appendix C.2.2).
var network = netip.MustParsePrefix("198.18.0.0/16")

// timerEvery is how many turns without a frame pass between two looks at the clock and the timers. A
// turn is a load from the ring, a look costs some 30 ns and would delay a frame by as much.
const timerEvery = 64

// node is our stack on a device, run to completion by the thread that calls poll. One thread at a time
// uses it.
type node struct {
	clock      *tsc.Clock
	dev        link.Device
	stack      *ipx.Stack
	transports []*transport
	components []component
	park       bool // never spin: the other side shares our CPU
	turns      int
	wait       [1]unix.PollFd
}

// component has timers, and something held back.
type component interface {
	Deadline() time.Duration
	Advance(now time.Duration)
	Flush(now time.Duration)
}

// newNode puts a stack on a device. addr is its address; if that is not valid, one is made from the
// device's hardware address.
func newNode(clock *tsc.Clock, dev link.Device, addr netip.Addr) (*node, error) {
	if !addr.IsValid() {
		addr = addressOf(dev.Addr())
	}
	stack, err := ipx.New(dev, ipx.Config{Prefix: netip.PrefixFrom(addr, network.Bits())})
	if err != nil {
		return nil, err
	}
	n := &node{clock: clock, dev: dev, stack: stack}
	n.addTransports()
	return n, nil
}

// addressOf makes an address of the network from a hardware address: its last two bytes are the host, but
// 0.0 and 255.255, which no host can have, become 1.1.
func addressOf(hardware link.Addr) netip.Addr {
	a := network.Addr().As4()
	a[2], a[3] = hardware[4], hardware[5]
	if host := uint16(a[2])<<8 | uint16(a[3]); host == 0 || host == 0xffff {
		a[2], a[3] = 1, 1
	}
	return netip.AddrFrom4(a)
}

// ownAddr is the hardware address of ipxbench on an interface: neither the interface's own nor that of an
// agent on it (link.DeriveAddr), so that all three can be there at once.
func ownAddr(hardware []byte) link.Addr {
	const bench = 0x80
	a := link.DeriveAddr(hardware)
	a[0] ^= bench
	return a
}

// poll takes one turn: the next frame goes up; or, where there is none, what is due is done now and then.
// It reports whether there was a frame.
func (n *node) poll() bool {
	if frame := n.dev.Receive(); frame != nil {
		n.stack.Input(n.clock.Now(), frame)
		n.dev.Release()
		return true
	}
	if n.turns++; n.turns%timerEvery == 0 {
		n.advance(n.clock.Now())
	}
	return false
}

// advance fires the timers that are due.
func (n *node) advance(now time.Duration) {
	if n.stack.Deadline() <= now {
		n.stack.Advance(now)
	}
	for _, c := range n.components {
		if c.Deadline() <= now {
			c.Advance(now)
		}
	}
}

// flush sends what is held back: the owner is about to wait for something else than a frame.
func (n *node) flush() {
	now := n.clock.Now()
	for _, c := range n.components {
		c.Flush(now)
	}
}

// sleep waits in poll(2) for a frame, a timer, or the limit.
func (n *node) sleep(limit time.Duration) error {
	until := min(limit, n.stack.Deadline())
	for _, c := range n.components {
		until = min(until, c.Deadline())
	}
	now := n.clock.Now()
	timeout := unix.NsecToTimespec(int64(max(until-now, 0)))
	n.wait[0] = unix.PollFd{Fd: int32(n.dev.FD()), Events: unix.POLLIN}
	if _, err := unix.Ppoll(n.wait[:], &timeout, nil); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("waiting for a frame: %w", err)
	}
	if n.wait[0].Revents&unix.POLLERR != 0 {
		if r, ok := n.dev.(link.ErrorReporter); ok {
			if err := r.Err(); err != nil {
				return fmt.Errorf("waiting for a frame: %w", err)
			}
		}
	}
	n.advance(n.clock.Now())
	return nil
}

// until takes turns until the flag is set or the time has come, and returns the flag.
func (n *node) until(flag *bool, limit time.Duration) (bool, error) {
	for !*flag {
		if n.poll() {
			continue
		}
		if n.park {
			n.flush()
			if err := n.sleep(limit); err != nil {
				return false, err
			}
		}
		if (n.park || n.turns%timerEvery == 0) && n.clock.Now() >= limit {
			break
		}
	}
	return *flag, nil
}
