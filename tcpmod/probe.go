package tcpmod

import "time"

// probeTimeout returns how long to wait for an ACK before a tail-loss probe:
// two round trips, and the time for which the peer may hold the ACK of a lone
// segment back (RFC 8985, section 7.2), half as long again for its timer.
func (c *TCB) probeTimeout() time.Duration {
	if c.rtt.srtt == 0 {
		return Never
	}
	pto := 2 * c.rtt.srtt
	if c.snd.flight() < streamAckEvery*c.mss {
		pto += c.opt.PeerAckDelay
	}
	return pto + c.opt.PeerAckDelay/2
}

// probeTail sends new data if there is some, also beyond CWND, or else the
// last segment again, so that the peer's answer shows what is missing (RFC
// 8985, section 7.3).
func (c *TCB) probeTail(now time.Duration) {
	l := &c.loss
	l.probed = true
	c.e.stats.TailProbes++
	off := c.snd.flight()
	if n := min(c.out.n-off, c.mss, c.snd.wnd-off); n > 0 && !c.board.full() {
		c.sendNext(now, n, false)
	} else if !l.tail {
		l.tail, l.tailEnd = true, c.snd.nxt
		c.retransmit(now, c.board.tail())
	}
	c.restartLossTimer(now)
}

// tailAcknowledged is section 7.4.2: if a probe sent the last segment again,
// did it repair a loss, to which the congestion window must react? The ACK of
// a segment that arrived twice is followed by a second one, that says so.
func (c *TCB) tailAcknowledged(now time.Duration, ack seqNum, d *delivery, duplicate bool) {
	l := &c.loss
	switch {
	case ack.lt(l.tailEnd):
	case !d.twice.empty(), duplicate && len(d.sack) == 0:
		l.tail, d.twice = false, seqRange{} // of the probe, and of no recovery
	case l.tailEnd.lt(ack):
		l.tail = false
		if l.phase == phaseOpen {
			c.cc.Lost(now, c.snd.flight())
		}
	}
}

// probeWindow asks a peer whose window is closed whether it still is, for as
// long as it answers (RFC 9293, section 3.8.6.1). The probe has a sequence
// number below the window and no data. A window that is only too small for a
// decent segment is used as it is (section 3.8.6.2.1, the override timeout).
func (c *TCB) probeWindow(now time.Duration) {
	l := &c.loss
	if c.alive.heard >= l.probedAt {
		l.probes, l.ignored = 0, 0
	}
	if l.probes > 0 {
		l.ignored += c.persistTimeout()
	}
	if l.probes++; l.ignored >= c.opt.Timeout {
		c.timedOut(now)
		return
	}
	l.probedAt = now
	off := c.snd.flight()
	n := max(0, min(c.out.n-off, c.mss, c.snd.wnd-off))
	fin := c.finQueued && n == c.out.n-off && c.snd.wnd > n+off
	if n == 0 && !fin {
		c.e.stats.WindowProbes++
		c.send(now, c.snd.una-1, ACK, 0, 0)
	} else if c.sendNext(now, n, fin) {
		return // with the timer for it
	}
	l.shift++
	c.restartLossTimer(now)
}
