package tcpmod

import "time"

// receive takes a segment of the connection (RFC 9293, section 3.10.7).
func (c *TCB) receive(now time.Duration, s *segment) {
	c.segmentsIn++
	if c.state == SynSent {
		c.receiveSynSent(now, s)
		return
	}
	if c.state == SynRcvd && s.flags&SYN != 0 && s.seq == c.rcv.irs {
		if s.flags&ACK == 0 {
			// The peer did not get our SYN,ACK.
			c.synAt = Never
			c.sendSYN(now)
			return
		}
		// Simultaneous open: the SYN is known, the ACK is news.
		s.seq++
		s.flags &^= SYN
	}

	if len(s.options) > 0 {
		s.parseOptions()
	}
	// First, the sequence number, after PAWS (RFC 7323, section 5.3).
	if c.ts.ok && s.flags&RST == 0 && c.ts.old(now, s) {
		c.e.stats.OldTimestamps++
		c.challenge(now)
		return
	}
	if !c.acceptable(s) {
		c.unacceptable(now, s)
		return
	}
	c.alive.heard = now

	// Second, RST: only with the very next sequence number (RFC 5961,
	// section 3).
	if s.flags&RST != 0 {
		if s.seq != c.rcv.nxt {
			c.challenge(now)
			return
		}
		c.receiveReset(now)
		return
	}

	// Fourth, SYN (RFC 5961, section 4).
	if s.flags&SYN != 0 {
		c.challenge(now)
		return
	}

	// Fifth, ACK.
	if s.flags&ACK == 0 {
		c.e.stats.Unacceptable++
		return
	}
	if c.state == SynRcvd {
		if !c.synAcknowledged(now, s) {
			return
		}
	} else if !c.receiveAck(now, s) {
		return
	}
	if c.ts.ok { // not before the ACK has shown that the segment is the peer's
		c.ts.update(now, s)
	}

	// Seventh, the text; the urgent pointer (sixth) is not supported.
	// Eighth, FIN.
	c.text(now, s)
	c.finish(now)
}

// finish sends what a segment or timer has made possible or necessary.
func (c *TCB) finish(now time.Duration) {
	if c.state == Closed {
		return
	}
	if c.out.space() && c.ev != nil {
		c.ev.OnSpace(now)
	}
	c.output(now)
	switch {
	case c.ack.now:
		c.sendAck(now)
	case c.ack.held && !c.ack.listed:
		c.ack.listed = true
		c.e.held = append(c.e.held, c)
		fallthrough
	case c.ack.held:
		if c.ack.deadline == Never {
			c.ack.deadline = now + c.opt.AckDelay
			c.arm(c.ack.deadline)
		}
	}
}

// receiveSynSent is RFC 9293, section 3.10.7.3.
func (c *TCB) receiveSynSent(now time.Duration, s *segment) {
	if s.flags&ACK != 0 && s.ack != c.snd.nxt {
		if s.flags&RST == 0 {
			c.e.stats.ResetsOut++
			c.send(now, s.ack, RST, 0, 0)
		}
		return
	}
	if s.flags&RST != 0 {
		if s.flags&ACK != 0 {
			c.e.stats.ResetsIn++
			c.end(now, ErrRefused)
		}
		return
	}
	if s.flags&SYN == 0 {
		return
	}
	c.negotiate(now, s)
	if s.flags&ACK == 0 {
		c.setState(now, SynRcvd)
		c.synAt = Never
		c.sendSYN(now)
		return
	}
	c.established(now, s)
	c.finish(now)
}

// established completes the handshake. The ACK of the peer's SYN, if it is
// owed, rides on what the user writes in OnOpen.
func (c *TCB) established(now time.Duration, s *segment) {
	if c.synAt != Never {
		c.rtt.sample(now - c.synAt)
	}
	c.rtt.shift = 0 // a backoff of the handshake says little of the data
	c.snd.una = s.ack
	c.loss.progress()
	c.loss.stop()
	if c.state == SynSent {
		c.ack.urgent()
	}
	c.setState(now, Established)
	c.arm(c.alive.deadline)
	if c.active {
		c.e.stats.ActiveOpens++
	} else {
		c.e.stats.PassiveOpens++
	}
	if c.finQueued {
		c.setState(now, FinWait1)
	}
	if c.ev != nil {
		c.ev.OnOpen(now)
	}
}

// synAcknowledged handles an ACK in SYN-RCVD and reports whether the
// connection is established by it.
func (c *TCB) synAcknowledged(now time.Duration, s *segment) bool {
	if s.ack != c.snd.nxt {
		c.e.stats.ResetsOut++
		c.send(now, s.ack, RST, 0, 0)
		return false
	}
	l := c.listener
	c.snd.set(s, int(s.window)<<c.snd.shift)
	if l == nil {
		c.established(now, s)
		return c.state != Closed
	}
	if c.e.listeners[c.local.Port()] != l {
		c.Abort(now)
		return false
	}
	c.listener = nil
	l.halfOpen--
	c.established(now, s)
	ev := l.accept(now, c)
	if ev == nil {
		c.Abort(now)
		return false
	}
	if c.state == Closed {
		return false // aborted by accept
	}
	c.ev = ev
	ev.OnOpen(now)
	return c.state != Closed
}

// receiveReset ends the connection by the peer's reset.
func (c *TCB) receiveReset(now time.Duration) {
	c.e.stats.ResetsIn++
	switch c.state {
	case TimeWait: // RFC 1337, section 3: it would only cut the wait short
	case SynRcvd:
		c.end(now, ErrRefused)
	default:
		c.end(now, ErrReset)
	}
}

// receiveAck is the fifth step for synchronized states. It reports whether
// the rest of the segment is to be looked at.
func (c *TCB) receiveAck(now time.Duration, s *segment) bool {
	if c.snd.nxt.lt(s.ack) || s.ack.lt(c.oldest()) {
		// Acknowledges what was never sent, or is older than anything that
		// could be under way (RFC 5961, section 5).
		c.challenge(now)
		return false
	}
	c.acknowledge(now, s)
	if c.finSent && c.finSeq.lt(c.snd.una) {
		switch c.state {
		case FinWait1:
			c.setState(now, FinWait2)
		case Closing:
			c.setState(now, TimeWait)
		case LastAck:
			// The peer's FIN was told by OnEnd, or still will be.
			c.setState(now, Closed)
			return false
		}
	}
	return true
}

// oldest is the lowest number that the peer can still be telling of.
func (c *TCB) oldest() seqNum { return c.snd.una.add(-max(c.snd.maxWnd, c.mss)) }

// acceptable is the test of RFC 9293, section 3.10.7.4, first step. With a
// window of zero everything at RCV.NXT is let in, for its ACK, RST or FIN;
// its data is not.
func (c *TCB) acceptable(s *segment) bool {
	wnd := c.rcv.window()
	first := s.seq.sub(c.rcv.nxt)
	if wnd == 0 {
		return first == 0
	}
	if first >= 0 && first < wnd {
		return true
	}
	n := s.len()
	last := first + n - 1
	return n > 0 && last >= 0 && last < wnd
}

// unacceptable answers a segment outside the window with an ACK. One that is
// only old and has text or FIN always gets it, since the peer sends it again
// until it does; others are answered within limits.
//
// One that is only old has an ACK that may be news, all the same: of a peer
// that retransmits while our own data goes the other way.
func (c *TCB) unacceptable(now time.Duration, s *segment) {
	c.e.stats.Unacceptable++
	if s.flags&RST != 0 {
		return
	}
	old := s.seq.lt(c.rcv.nxt) && c.rcv.nxt.sub(s.seq) <= c.rcv.size
	if old {
		c.sack.duplicate(s.seq, minSeq(s.seq.add(len(s.data)), c.rcv.nxt))
	}
	if old && s.flags&SYN == 0 && s.len() > 0 {
		c.ack.urgent()
	} else {
		c.challenge(now)
	}
	if old && s.flags&(SYN|ACK) == ACK && c.state != SynRcvd {
		c.alive.heard = now
		if c.state == TimeWait && s.flags&FIN != 0 {
			c.setState(now, TimeWait) // the clock starts again
		}
		c.receiveAck(now, s)
	}
	c.finish(now)
}

// challenge sends an ACK that lets an honest peer prove itself (RFC 5961), if
// there were not too many of late.
func (c *TCB) challenge(now time.Duration) {
	if !c.challenges.allow(now) {
		c.e.stats.ChallengesHeld++
		return
	}
	c.e.stats.Challenges++
	c.sendAck(now)
}
