package tcpmod

import (
	"io"
	"time"
)

// text takes the data and the FIN of an acceptable segment.
func (c *TCB) text(now time.Duration, s *segment) {
	if !c.state.receives() {
		if s.len() > 0 {
			c.ack.urgent() // its ACK was lost
		}
		return
	}
	seq, data, fin := s.seq, s.data, s.flags&FIN != 0
	if old := c.rcv.nxt.sub(seq); old > 0 {
		c.sack.duplicate(seq, minSeq(seq.add(len(data)), c.rcv.nxt))
		if old > len(data) || (old == len(data) && !fin) {
			if s.len() > 0 {
				c.ack.urgent()
			}
			return
		}
		seq, data = c.rcv.nxt, data[old:]
	}
	if over := seq.add(len(data)).sub(c.rcv.edge); over > 0 {
		data, fin = data[:len(data)-over], false
		c.ack.urgent()
	}
	if c.rcv.finSeen {
		if over := seq.add(len(data)).sub(c.rcv.finAt); over > 0 {
			data, fin = data[:max(0, len(data)-over)], false
		}
	}
	if fin && !c.rcv.finSeen {
		c.rcv.finSeen, c.rcv.finAt = true, seq.add(len(data))
		c.ack.urgent()
	}
	if len(data) > 0 {
		if c.detached {
			// Nobody will read it (RFC 9293, section 3.6.1).
			c.reset(now)
			c.end(now, ErrAborted)
			return
		}
		if seq == c.rcv.nxt {
			c.inOrder(now, seq, data)
		} else {
			c.outOfOrder(seq, data)
		}
	}
	if c.state.receives() && c.rcv.finSeen && !c.rcv.fin && c.rcv.nxt == c.rcv.finAt {
		c.receiveFIN(now)
	}
	c.closeNow(now)
}

// inOrder gives data at RCV.NXT to the user, in place, or keeps what it
// doesn't take.
func (c *TCB) inOrder(now time.Duration, seq seqNum, data []byte) {
	waiting := c.unread() > 0
	c.rcv.nxt = seq.add(len(data))
	c.e.stats.BytesIn += uint64(len(data))
	c.ack.data(len(data), c.rcv.mss)
	if !waiting && c.ev != nil && !c.delivering {
		n := c.offer(now, data)
		c.in.take(n)
		seq, data = seq.add(n), data[n:]
	}
	if len(data) > 0 {
		waiting = true
		c.in.store(seq, data, seq)
	}
	if len(c.in.ranges) == 0 {
		return
	}
	// A gap closes, or becomes smaller (RFC 5681, section 4.2).
	c.ack.urgent()
	next := c.in.join(c.rcv.nxt)
	c.e.stats.BytesIn += uint64(next.sub(c.rcv.nxt))
	c.rcv.nxt = next
	if !waiting && c.ev != nil {
		c.drain(now)
	}
}

// outOfOrder keeps data behind a gap, and lets the peer know of the gap by a
// duplicate ACK.
func (c *TCB) outOfOrder(seq seqNum, data []byte) {
	c.ack.urgent()
	piece := seqRange{seq, seq.add(len(data))}
	if r, ok := c.in.find(seq); ok && r.covers(piece) {
		c.sack.duplicate(seq, piece.end)
	}
	if !c.in.insert(seq, data, c.rcv.nxt) {
		c.e.stats.Discarded++
		return
	}
	c.e.stats.OutOfOrder++
	r, _ := c.in.find(seq)
	c.sack.changed(seq, r)
}

// receiveFIN takes the FIN, which is next in sequence.
func (c *TCB) receiveFIN(now time.Duration) {
	c.rcv.fin = true
	c.rcv.nxt++
	c.in.ranges = c.in.ranges[:0] // what a confused peer sent beyond its FIN
	c.ack.urgent()
	switch c.state {
	case Established:
		c.setState(now, CloseWait)
	case FinWait1:
		c.setState(now, Closing)
	case FinWait2:
		c.setState(now, TimeWait)
	}
	if c.unread() == 0 && c.ev != nil {
		c.ended(now, io.EOF)
	}
}
