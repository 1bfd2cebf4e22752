package tcpmod

import "time"

// delivery is what one segment tells of ours.
type delivery struct {
	bytes    int           // newly acknowledged, in sequence or not
	rtt      time.Duration // round trip of the segment sent last among them; 0: not known
	sent     time.Duration // when that was
	echo     uint32        // TSecr, if hasEcho
	hasEcho  bool
	original bool     // one of them was sent once only, before the last timeout
	sack     []byte   // blocks of the SACK option
	twice    seqRange // what the peer reports that it got twice (RFC 2883); empty: nothing
}

// acknowledge uses the acknowledgement number, SACK blocks and window of a
// segment.
func (c *TCB) acknowledge(now time.Duration, s *segment) {
	before := c.snd.wnd
	c.snd.update(s)
	acked := s.ack.sub(c.snd.una)
	if acked < 0 {
		return
	}
	l := &c.loss
	d := delivery{echo: s.tsEcho, hasEcho: s.hasTS && c.ts.ok}
	if c.sack.ok {
		d.sack = s.sack
	}
	// RFC 5681, section 2: a duplicate ACK.
	duplicate := acked == 0 && c.snd.wnd == before && c.board.n > 0 && s.len() == 0
	if acked == 0 && !duplicate && len(d.sack) == 0 {
		return
	}
	if acked > 0 {
		c.advance(now, s.ack, acked, &d)
	}
	if len(d.sack) > 0 {
		c.receiveSACK(now, s.ack, &d)
	}
	if d.rtt == 0 && acked > 0 && d.hasEcho {
		d.rtt = c.ts.sample(now, d.echo) // all were sent more than once (RFC 7323, section 4.1)
	}
	if d.rtt > 0 {
		c.rtt.sample(d.rtt)
	}
	if l.tail {
		c.tailAcknowledged(now, s.ack, &d, duplicate)
	}
	c.steer(now, acked, duplicate, &d)

	// RFC 6298, section 5.2 and 5.3.
	switch {
	case acked == 0:
	case c.snd.flight() > 0:
		c.restartLossTimer(now)
	default:
		l.stop()
	}
}

// advance moves SND.UNA over acked bytes.
func (c *TCB) advance(now time.Duration, ack seqNum, acked int, d *delivery) {
	b := &c.board
	start := c.snd.una
	for b.n > 0 {
		p := b.at(0)
		if ack.lt(p.end) {
			if n := ack.sub(start); n > 0 && p.state&notInFlight == 0 {
				b.pipe -= n
				d.bytes += n
			}
			break
		}
		n := p.end.sub(start)
		start = p.end
		if p.state&sacked == 0 {
			c.delivered(now, p, n, d)
		}
		b.pop(n)
	}
	c.out.discard(min(acked, c.out.n))
	c.snd.una = ack
	c.loss.progress()
	c.soft = nil
	if l := &c.loss; l.dupAcks > 0 {
		c.creditDuplicates(acked, d)
	}
}

// delivered notes that a segment of n bytes has reached the peer.
func (c *TCB) delivered(now time.Duration, p *sentSegment, n int, d *delivery) {
	d.bytes += n
	again := p.state&sentAgain != 0
	if again && d.hasEcho && int32(d.echo-c.ts.tick(p.at)) < 0 {
		// An earlier transmission arrived (RFC 8985, section 6.2, step 2).
	} else {
		c.rack.delivered(now, p, again)
	}
	if !again && p.at >= d.sent {
		d.rtt, d.sent = max(now-p.at, 1), p.at // Karn: not of those sent again
	}
	if p.state&sentAgain == 0 && p.end.leq(c.loss.recover) {
		d.original = true
	}
}

// steer finds what is lost and sets the congestion window.
func (c *TCB) steer(now time.Duration, acked int, duplicate bool, d *delivery) {
	l := &c.loss
	if !d.twice.empty() {
		c.rack.duplicateReported(c.snd.una, c.snd.nxt)
		if l.canUndo && l.undo > 0 && l.start.leq(d.twice.start) && d.twice.end.leq(l.recover) {
			if l.undo--; l.undo == 0 {
				c.undoReduction() // all that was sent again was sent in vain
			}
		}
	}
	if l.phase == phaseTimeout && l.canUndo && d.original && c.sack.ok && c.snd.una.lt(l.recover) {
		// F-RTO with SACK (RFC 5682, section 3): what was not sent again
		// arrives, so the timeout came too early. An ACK of everything may
		// owe to what was sent again.
		c.undoReduction()
	}
	if l.phase != phaseOpen && l.recover.leq(c.snd.una) {
		l.phase, l.dupAcks = phaseOpen, 0
		c.rack.recoveryEnded()
	}
	found := false
	switch {
	case !c.sack.ok:
		found = c.countDuplicates(acked, duplicate, d)
	case c.board.n > 0:
		found = c.detectLosses(now)
	default:
		c.rack.deadline = Never
	}
	switch l.phase {
	case phaseOpen:
		if found {
			c.enterRecovery(now, d.bytes)
		} else if acked > 0 {
			c.cc.Acked(now, acked, c.rtt.srtt, c.limited)
		}
	case phaseRecovery:
		l.window = l.prr.window(d.bytes, c.pipe(), c.cc.Window(), c.mss, acked > 0 && !found)
	case phaseTimeout:
		if acked > 0 {
			c.cc.Acked(now, acked, c.rtt.srtt, c.limited || c.board.lost > 0)
		}
	}
}

// enterRecovery begins fast recovery (RFC 6675, section 5), by an ACK that
// delivered so many bytes.
func (c *TCB) enterRecovery(now time.Duration, delivered int) {
	l := &c.loss
	c.e.stats.FastRetransmits++
	c.cc.Lost(now, c.snd.flight())
	l.begin(phaseRecovery, c.snd.una, c.snd.nxt)
	l.prr = prr{flight: c.snd.flight()}
	l.window = l.prr.window(delivered, c.pipe(), c.cc.Window(), c.mss, false)
	l.set(lossRTO, now+c.rtt.timeout())
	c.arm(l.deadline)
}

// pipe returns how many bytes are in flight (RFC 6675, section 4).
func (c *TCB) pipe() int { return max(0, c.board.pipe-c.loss.dupAcks*c.mss) }

// window returns how much may be in flight.
func (c *TCB) window() int {
	if c.loss.phase == phaseRecovery {
		return c.loss.window
	}
	return c.cc.Window()
}
