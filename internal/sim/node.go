package sim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"deputy/ipx"
	"deputy/link"
	"deputy/rdp"
	"deputy/tcpmod"
)

// node is a host, or a gateway between two networks: the real IP and the real transports over a device at the switch, driven as package engine does it.
type node struct {
	world *world
	index int

	ports []*port // the transports are at the first one
	tcp   *tcpmod.Endpoint
	rdp   *rdp.Endpoint

	life    int           // counts the starts; 0: never started
	up      bool          // not crashed
	severed bool          // its link is cut for ever
	frozen  bool          // its machine is suspended: nothing happens, frames wait in the ring
	late    []event       // what is to happen when it thaws
	ahead   time.Duration // its clock less the world's time

	wraps   wrap
	spin    time.Duration // how long after the last work what is held back is flushed; negative: never
	wakeAt  time.Duration // of the wake-up in the queue; Never: none
	flushAt time.Duration // the same of the flush
	worked  time.Duration // when it last did something
}

// ringFrames is how many frames wait at a frozen node; more are lost, as in a ring that nobody empties.
const ringFrames = 256

// maxAdvances is how often in a moment a node's timers may find work; after that, something spins for ever.
const maxAdvances = 1000

// now returns the time of the node's own clock.
func (n *node) now() time.Duration { return n.world.now + n.ahead }

// start boots the node: with an empty memory, other secrets, and a clock that begins anew.
func (n *node) start() {
	w := n.world
	n.life++
	n.up, n.frozen = true, false
	n.late = n.late[:0]
	n.wakeAt, n.flushAt = never, never
	n.startIP()
	var secret [32]byte
	binary.LittleEndian.PutUint64(secret[:], mix(w.seed))
	binary.LittleEndian.PutUint64(secret[8:], mix(uint64(n.index)<<32|uint64(n.life)))
	n.ahead = -w.now
	if n.life == 1 { // twice, and the numbers of both lives would be the same on purpose
		n.ahead += n.wraps.epoch(secret)
	}
	ip := n.ports[0].ip
	n.tcp = tcpmod.New(ip.Port(tcpmod.Protocol), tcpmod.Config{Seed: &secret})
	n.rdp = rdp.New(ip.Port(rdp.Protocol), rdp.Config{Secret: secret})
	ip.Handle(tcpmod.Protocol, n.tcp)
	ip.Handle(rdp.Protocol, n.rdp)
	w.trace.note(w.now, n, "starts", "")
}

// startIP gives every port an empty IP; those of a gateway are joined.
func (n *node) startIP() {
	var stacks []*ipx.Stack
	for _, p := range n.ports {
		var err error
		first := uint16(mix(n.world.seed ^ uint64(n.index)<<32 ^ uint64(n.life)))
		if p.ip, err = ipx.New(p, ipx.Config{Prefix: p.prefix, Routes: p.routes(), Fragments: max(first, 1)}); err != nil {
			panic(fmt.Sprintf("sim: node %d: %v", n.index, err)) // of the simulation, not of the network
		}
		stacks = append(stacks, p.ip)
	}
	if len(stacks) > 1 {
		if _, err := ipx.NewGateway(stacks...); err != nil {
			panic(fmt.Sprintf("sim: node %d: %v", n.index, err))
		}
	}
}

// crash takes the node away from one moment to the next; what it sent is still under way.
func (n *node) crash() {
	n.world.mechanisms.countNode(n)
	n.up, n.frozen = false, false
	n.world.trace.note(n.world.now, n, "crashes", "")
}

// addr is the address at which the transports are.
func (n *node) addr() netip.Addr { return n.ports[0].addr() }

// receive takes a frame from the line to one of the ports.
func (n *node) receive(p *port, f *frame) {
	w := n.world
	switch {
	case !n.up:
		w.faults.Absent++
	case n.frozen:
		if len(n.late) < ringFrames {
			n.late = append(n.late, event{to: p, data: f})
			return
		}
		w.faults.Absent++
	case len(f.bytes) > link.HeaderLen+p.mtu:
		w.fail("node %d: the frame has %d bytes, its MTU is %d: %s", n.index, len(f.bytes), p.mtu, describe(f.bytes))
	default:
		w.faults.Delivered++
		w.trace.frame(w.now, "got", p, f.bytes)
		p.ip.Input(n.now(), f.bytes)
		n.settle()
	}
	f.release()
}

// do runs f as part of the node, when it is awake; not at all if it has crashed since after was asked for.
func (n *node) do(f func(now time.Duration)) {
	f(n.now())
	n.settle()
}

// after runs f as part of the node in d of the world's time, or later if the node is frozen then; not if it has crashed
// meanwhile.
func (n *node) after(d time.Duration, f func(now time.Duration)) {
	life := n.life
	n.world.at(n.world.now+d, func() { n.resume(life, f) })
}

func (n *node) resume(life int, f func(now time.Duration)) {
	switch {
	case !n.up || n.life != life:
	case n.frozen:
		n.late = append(n.late, event{do: func() { n.resume(life, f) }})
	default:
		n.do(f)
	}
}

// freeze suspends the machine.
func (n *node) freeze() { n.frozen = true }

// thaw lets it go on: its clock has jumped, timers are due, and the ring is full.
func (n *node) thaw() {
	if !n.frozen {
		return // it crashed meanwhile
	}
	n.frozen = false
	late := n.late
	n.late = nil
	for _, e := range late {
		if e.data != nil {
			n.receive(e.to, e.data)
		} else {
			e.do()
		}
	}
	n.settle()
}

// settle ends each thing that a node does: due timers fire, and the next wake-up and flush are put into the queue.
func (n *node) settle() {
	w := n.world
	now := n.now()
	for i := 0; n.deadline() <= now; i++ {
		if i == maxAdvances {
			w.fail("node %d: timers find work for ever: ip %v, tcpmod %v, rdp %v at %v",
				n.index, n.ports[0].ip.Deadline(), n.tcp.Deadline(), n.rdp.Deadline(), now)
			return
		}
		for _, p := range n.ports {
			p.ip.Advance(now)
		}
		n.tcp.Advance(now)
		n.rdp.Advance(now)
	}
	n.worked = w.now
	if n.spin >= 0 && n.flushAt == never {
		n.flushAt = w.now + n.spin
		w.at(n.flushAt, n.flush)
	}
	n.schedule()
}

// deadline returns when something is due, on the node's own clock.
func (n *node) deadline() time.Duration {
	d := min(n.tcp.Deadline(), n.rdp.Deadline())
	for _, p := range n.ports {
		d = min(d, p.ip.Deadline())
	}
	return d
}

// schedule puts the wake-up for the next deadline into the queue, unless there is an earlier one.
func (n *node) schedule() {
	d := n.deadline()
	if d == never {
		return
	}
	if d = max(d-n.ahead, n.world.now); d < n.wakeAt {
		n.wakeAt = d
		n.world.at(d, func() { n.wake(d) })
	}
}

// wake fires the timers that are due at d of the world's time.
func (n *node) wake(d time.Duration) {
	if n.wakeAt != d {
		return // another one came before it
	}
	n.wakeAt = never
	if n.up && !n.frozen {
		n.settle()
	}
}

// flush lets the transports send what they hold back, if nothing was done since.
func (n *node) flush() {
	if n.flushAt != n.world.now {
		return // of an earlier life
	}
	n.flushAt = never
	if !n.up || n.frozen {
		return
	}
	if due := n.worked + n.spin; due > n.world.now {
		n.flushAt = due
		n.world.at(due, n.flush)
		return
	}
	n.tcp.Flush(n.now())
	n.rdp.Flush(n.now())
	n.schedule()
}

// empty returns why the node's tables are not empty, "" if they are.
func (n *node) empty() string {
	switch {
	case !n.up:
	case n.tcp.Active() != 0:
		return fmt.Sprintf("tcpmod has %d connections", n.tcp.Active())
	case n.tcp.Deadline() != never:
		return "tcpmod has a timer"
	case n.rdp.Stats().Connections != 0:
		return fmt.Sprintf("rdp has %d connections", n.rdp.Stats().Connections)
	}
	return ""
}
