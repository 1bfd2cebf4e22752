package tcpmod

import "time"

// acknowledge uses the acknowledgement number and window of a segment.
func (c *TCB) acknowledge(now time.Duration, s *segment) {
	before := c.snd.wnd
	c.snd.update(s)
	acked := s.ack.sub(c.snd.una)
	if acked <= 0 {
		// RFC 5681, section 2: a duplicate ACK.
		if acked == 0 && c.snd.wnd == before && c.snd.una != c.snd.max && s.len() == 0 {
			c.duplicateAck(now)
		}
		return
	}
	c.rtt.ack(now, s.ack)
	c.out.discard(min(acked, c.out.n))
	c.snd.una = s.ack
	c.snd.nxt = maxSeq(c.snd.nxt, s.ack)
	l := &c.loss
	l.progress()
	switch {
	case !l.recovering:
		c.cc.acked(acked, c.limited)
	case l.recover.leq(s.ack):
		l.recovering = false
		c.cc.recovered(c.snd.flight())
	default:
		// A partial ACK: the next segment is lost too (RFC 6582, section 3.2).
		c.cc.partial(acked)
		c.sendAgain(now, c.snd.una)
	}
	// RFC 6298, section 5.2 and 5.3.
	if c.snd.flight() > 0 {
		c.restartLossTimer(now)
	} else {
		l.stop()
	}
}

// duplicateAck counts a duplicate ACK, and begins recovery when there are
// enough (RFC 6582, section 3.2).
func (c *TCB) duplicateAck(now time.Duration) {
	l := &c.loss
	l.dupAcks++
	if l.recovering {
		c.cc.duplicate()
		return
	}
	if l.hasRecover && c.snd.una.lt(l.recover) {
		return // of segments that a timeout sent again
	}
	if l.dupAcks < c.dupThresh() {
		c.limitedTransmit(now)
		return
	}
	c.e.stats.FastRetransmits++
	l.recovering = true
	l.recover, l.hasRecover = c.snd.max, true
	c.cc.lost(c.snd.flight())
	c.sendAgain(now, c.snd.una)
	l.set(lossRTO, now+c.rtt.timeout())
	c.arm(l.deadline)
}

// dupThresh returns the number of duplicate ACKs that begins recovery: fewer
// than usual where so few segments are under way that the usual number can't
// come (RFC 5827), and one after a probe, whose answer it is.
func (c *TCB) dupThresh() int {
	if c.loss.probed {
		return 1
	}
	segments := (c.snd.flight() + c.mss - 1) / c.mss
	if segments > dupThresh || c.out.n > c.snd.flight() {
		return dupThresh
	}
	return max(1, segments-1)
}

// limitedTransmit sends one new segment for each of the first duplicate ACKs,
// beyond CWND (RFC 3042).
func (c *TCB) limitedTransmit(now time.Duration) {
	off := c.snd.flight()
	n := min(c.out.n-off, c.mss, c.snd.wnd-off)
	if n > 0 && (n == c.mss || n == c.out.n-off) && off+n <= c.cc.window()+2*c.mss {
		c.sendNext(now, n, false)
	}
}
