package tcpmod

import (
	"io"
	"time"
)

// finWait2Timeout ends a connection whose user has closed it and whose peer
// acknowledges that but doesn't close.
const finWait2Timeout = 30 * time.Second

// arm makes sure that the connection is looked at by t.
func (c *TCB) arm(t time.Duration) {
	if t < c.heapAt && c.heapIndex >= 0 {
		c.heapAt = t
		c.e.timers.up(c.heapIndex)
	}
}

// deadline returns the earliest deadline of the connection.
func (c *TCB) deadline() time.Duration {
	return min(c.loss.deadline, c.rack.deadline, c.ack.deadline, c.alive.deadline, c.lingerDeadline)
}

// expire does what is due.
func (c *TCB) expire(now time.Duration) {
	if c.ack.deadline <= now {
		c.ack.deadline = Never
		if c.ack.held {
			c.ack.waited()
			c.sendAck(now)
		}
	}
	if c.rack.deadline <= now {
		c.reorderingExpired(now)
	}
	if c.loss.deadline <= now {
		c.lossExpired(now)
	}
	if c.alive.deadline <= now {
		c.keepaliveExpired(now)
	}
	if c.lingerDeadline <= now {
		if c.state == FinWait2 {
			c.end(now, ErrTimeout)
			return
		}
		c.end(now, io.EOF)
	}
}

// shrink gives up memory that a connection has kept from busier times.
func (c *TCB) shrink() {
	if c.board.n == 0 {
		c.board.free()
	}
	if len(c.in.ranges) == 0 {
		c.in.ranges = nil
	}
}

// keepaliveExpired probes an idle connection with a sequence number below the
// window, which the peer answers with an ACK (RFC 9293, section 3.8.4).
// While data is under way the retransmission timer watches the peer.
func (c *TCB) keepaliveExpired(now time.Duration) {
	if c.loss.mode != lossNone {
		c.alive.deadline = now + c.alive.idle
		return
	}
	probe, dead := c.alive.expire(now)
	if probe {
		c.shrink()
	}
	switch {
	case dead:
		c.e.stats.ConnectionsEnded++
		c.reset(now)
		c.end(now, ErrKeepalive)
	case probe:
		c.e.stats.KeepaliveProbes++
		c.send(now, c.snd.una-1, ACK, 0, 0)
	}
}
