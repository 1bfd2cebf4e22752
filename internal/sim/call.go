package sim

import "time"

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

// decide looks at a party of the call that has ended: the call is done, or will be tried again.
func (c *call) decide(p *party) {
	switch {
	case c.done:
	case p.opened && (c.flow.rough() || p.complete() && p.orderly()):
		if c.again == 0 {
			c.done = true
			return
		}
		c.again--
		c.tries = 0
		c.dialLater(retryWait / 10)
	default:
		c.dialLater(retryWait)
	}
}
