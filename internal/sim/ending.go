package sim

import (
	"errors"
	"io"
	"net"
	"time"
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

// endedEarly carries a rough ending out when its time has come.
func (p *party) endedEarly(now time.Duration) bool {
	if p.closed || !p.plan.ending.rough() || p.sent+p.got < p.plan.endAt {
		return p.closed
	}
	p.closed = true
	p.note("ends early", "%v", p.plan.ending)
	if p.plan.ending == closeSoon {
		p.conn.Close(now)
	} else {
		p.conn.Abort(now)
	}
	switch {
	case p.ended:
		p.leave()
	case p.plan.ending == abort && p.tcb != nil: // tcpmod has no OnEnd after Abort
		p.OnEnd(now, net.ErrClosed)
	}
	return true
}

// endConnection ends the connection as far as the plan and the peer let it.
func (p *party) endConnection(now time.Duration) {
	if p.closed || !p.opened || !p.sentAll() {
		return
	}
	eof := p.ended && errors.Is(p.err, io.EOF)
	switch {
	case p.plan.ending == halfClose && !eof:
		p.conn.CloseWrite(now)
	case p.plan.ending == closeDone && p.gotAll() && !p.held && !eof:
		p.holdThenClose(now)
	case eof || p.plan.ending == closeDone && p.gotAll():
		p.closed = true
		p.note("closes", "")
		p.conn.Close(now)
		if p.ended {
			p.leave()
		}
	}
}

// holdThenClose leaves the connection idle for a while.
func (p *party) holdThenClose(now time.Duration) {
	if p.holding {
		return
	}
	p.holding = true
	over := func(now time.Duration) {
		p.held = true
		p.world.progress()
		p.endConnection(now)
	}
	if p.plan.hold == 0 {
		over(now)
		return
	}
	p.note("idles", "%v", p.plan.hold)
	p.node.after(p.plan.hold, over)
}

// leave is the last thing that a party does: nothing more will be read or written.
func (p *party) leave() {
	if p.left {
		return
	}
	p.left = true
	if c := p.call; c != nil {
		c.open[p.side] = nil
		c.decide(p)
	}
}
