package sim

import (
	"fmt"
	"net/netip"
	"time"

	"deputy/rdp"
	"deputy/tcpmod"
)

// ending is how a party ends its connection.
type ending uint8

const (
	follow    ending = iota // when the peer has ended, and all is sent
	halfClose               // closes its direction when all is sent, and reads on; tcpmod only
	closeDone               // closes when all is sent and all is received
	closeSoon               // closes in the middle, without reading what is left
	abort                   // aborts in the middle
)

var endingNames = [...]string{"follow", "halfClose", "closeDone", "closeSoon", "abort"}

func (e ending) String() string { return endingNames[e] }

// rough reports whether an ending leaves the peer without what was still to come.
func (e ending) rough() bool { return e == closeSoon || e == abort }

// reading is how a party takes what it is offered.
type reading struct {
	partial bool          // takes a random part, and asks for the rest later
	slow    int           // bytes taken before a pause; 0: no pauses
	pause   time.Duration // after each slow bytes
	stallAt int           // having taken so many bytes, it takes nothing for a while
	stall   time.Duration // 0: never
}

// plan is what a party does with its connection.
type plan struct {
	total   int           // bytes to send, headerLen and more; of all messages together about that
	piece   int           // bytes in a Write or message, at most
	gap     time.Duration // pause between two Writes
	turn    int           // bytes of a request or a reply, for parties that take turns; 0: they don't
	reading reading
	hold    time.Duration // leaves the connection idle for so long before closeDone
	ending  ending
	endAt   int // bytes sent and received, for the rough endings
}

func (p plan) String() string {
	return fmt.Sprintf("{send %d piece %d gap %v turn %d read %+v hold %v %v at %d}",
		p.total, p.piece, p.gap, p.turn, p.reading, p.hold, p.ending, p.endAt)
}

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

// call is one connection of a flow, dialed again until it has done what was planned; then, for some, another one
// between the same ports.
type call struct {
	flow    *flow
	again   int // how often it is repeated after it has done what was planned
	tries   int
	open    [2]*party // that dialed last and have not ended; the second of a simultaneous flow only
	pending bool      // a try is in the queue
	done    bool
}

// A call that fails is tried again after retryWait, and so often. A port may be in use for as long as CLOSE-WAIT or
// TIME-WAIT last, and a node down for some seconds.
const (
	maxTries  = 60
	retryWait = 300 * time.Millisecond
)

// dialLater puts a try into the queue.
func (c *call) dialLater(d time.Duration) {
	if c.done || c.pending || c.flow.lost {
		return
	}
	c.pending = true
	w := c.flow.from.world
	w.at(w.now+d, func() {
		c.pending = false
		c.dial()
	})
}

// dial tries, if nothing of the try before is left; a simultaneous flow's ends at the same moment.
func (c *call) dial() {
	f := c.flow
	w := f.from.world
	if c.done || f.lost || c.open[0] != nil || c.open[1] != nil {
		return
	}
	ends := f.ends()
	dialers := ends[:1]
	if f.simultaneous {
		dialers = ends[:]
	}
	for _, n := range dialers {
		if !n.up || n.frozen { // the start dials again
			c.dialLater(retryWait)
			return
		}
	}
	if c.tries++; c.tries > maxTries {
		w.fail("%v: a call was tried %d times", f, maxTries)
		return
	}
	for side, n := range dialers {
		n.do(func(now time.Duration) { c.dialFrom(now, side, n) })
	}
}

func (c *call) dialFrom(now time.Duration, side int, n *node) {
	f := c.flow
	p := n.world.newParty(f, side, n)
	p.call = c
	c.open[side] = p
	local, remote := f.addresses(side)
	var err error
	if f.transport == overTCP {
		if p.tcb, err = n.tcp.DialFrom(now, local.Port(), remote, f.tcp[side], streamParty{p}); err == nil {
			p.conn = p.tcb
		}
	} else {
		o := f.rdp[side]
		o.LocalPort = local.Port()
		if p.record, err = n.rdp.Dial(now, remote, o, p.rdpEvents()); err == nil {
			p.conn = p.record
		}
	}
	if err != nil {
		p.refused(err)
	}
}
