package sim

import (
	"fmt"
	"net/netip"
	"time"

	"deputy/rdp"
	"deputy/tcpmod"
)

// transport of a flow.
type transport uint8

const (
	overTCP         transport = iota // a stream over tcpmod
	overRDP                          // a stream over rdp
	overRDPMessages                  // messages over rdp
)

var transportNames = [...]string{"tcpmod", "rdp", "rdp messages"}

func (t transport) String() string { return transportNames[t] }

// flow is one or more connections between the same nodes with the same plans.
type flow struct {
	index        int
	from, to     *node // from dials
	transport    transport
	port         uint16 // of to
	localPort    uint16 // of from; 0: ephemeral
	simultaneous bool   // both dial, from port to localPort and back
	begin        time.Duration
	plans        [2]plan // of from and to
	tcp          [2]tcpmod.Options
	rdp          [2]rdp.Options
	calls        []*call
	lost         bool // an end of it is gone for ever
}

func (f *flow) String() string {
	s := fmt.Sprintf("flow %d: %d of %v, n%d:%d > n%d:%d, at %v, simultaneous %v, %v %v",
		f.index, len(f.calls), f.transport, f.from.index, f.localPort, f.to.index, f.port, f.begin, f.simultaneous,
		f.plans[0], f.plans[1])
	if f.transport == overTCP {
		return s + fmt.Sprintf(" %+v %+v", f.tcp[0], f.tcp[1])
	}
	return s + fmt.Sprintf(" %+v %+v", f.rdp[0], f.rdp[1])
}

// rough reports whether a party of the flow ends it in the middle on purpose.
func (f *flow) rough() bool { return f.plans[0].ending.rough() || f.plans[1].ending.rough() }

// ends returns both nodes of the flow.
func (f *flow) ends() [2]*node { return [2]*node{f.from, f.to} }

// addresses returns both addresses of the flow as its side sees them. The port of from is 0 if it is an ephemeral one.
func (f *flow) addresses(side int) (local, remote netip.AddrPort) {
	from, to := netip.AddrPortFrom(f.from.addr(), f.localPort), netip.AddrPortFrom(f.to.addr(), f.port)
	if side == 0 {
		return from, to
	}
	return to, from
}

// listen makes the listening end ready, after each start of its node.
func (f *flow) listen() {
	w := f.to.world
	if f.simultaneous {
		return
	}
	var err error
	if f.transport == overTCP {
		err = f.to.tcp.Listen(f.port, f.tcp[1], func(_ time.Duration, c *tcpmod.TCB) tcpmod.Events {
			p := w.newParty(f, 1, f.to)
			p.conn, p.tcb = c, c
			return streamParty{p}
		})
	} else {
		err = f.to.rdp.Listen(f.port, f.rdp[1], func(_ time.Duration, r *rdp.Record) rdp.Events {
			p := w.newParty(f, 1, f.to)
			p.conn, p.record = r, r
			return p.rdpEvents()
		})
	}
	if err != nil {
		w.fail("node %d: listen: %v", f.to.index, err)
	}
}
