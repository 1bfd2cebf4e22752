package tcpmod

import "time"

// rack is the state of RACK (RFC 8985, section 5.3): a segment is lost if one
// that was sent sufficiently later has arrived.
//
// Of the ways to find losses it is the one that fits here: it needs the time of
// each transmission, which the scoreboard has in any case, finds lost
// retransmissions and lost tails by the same rule, and with few segments under
// way it does not wait for duplicate ACKs that can't come.
type rack struct {
	at     time.Duration // RACK.xmit_ts: when the delivered segment sent last was sent
	rtt    time.Duration // RACK.rtt: its round trip; 0: none was delivered yet
	minRTT time.Duration
	fack   seqNum // RACK.fack: the highest end delivered

	reordering bool   // RACK.reordering_seen
	mult       int    // RACK.reo_wnd_mult, less 1
	persist    int    // RACK.reo_wnd_persist: recoveries for which mult stays
	round      seqNum // RACK.dsack_round: mult grows once until this is acknowledged
	inRound    bool

	deadline time.Duration // of the reordering timer; Never: it doesn't run
}

// reoPersist is for how many recoveries a wider reordering window stays (RFC
// 8985, section 6.2, step 4).
const reoPersist = 16

// delivered is steps 1 to 3 of section 6.2 for one segment that is newly
// acknowledged. again says that it was retransmitted and that which of its
// transmissions arrived is not known.
func (r *rack) delivered(now time.Duration, p *sentSegment, again bool) {
	rtt := max(now-p.at, 1)
	if again && rtt < r.minRTT {
		return // the ACK is of an earlier transmission
	}
	if !again && (r.minRTT == 0 || rtt < r.minRTT) {
		r.minRTT = rtt
	}
	if r.rtt == 0 || r.at < p.at {
		r.at, r.rtt = p.at, rtt
	}
	if r.fack.lt(p.end) {
		r.fack = p.end
	} else if p.state&sentAgain == 0 && p.end.lt(r.fack) {
		r.reordering = true
	}
}

// window returns RACK.reo_wnd, step 4: how much later than its round trip a
// segment may arrive before it is taken for lost.
func (c *TCB) reorderingWindow() time.Duration {
	r := &c.rack
	if !r.reordering && (c.loss.phase != phaseOpen || c.board.sacked >= dupThresh) {
		return 0
	}
	return min(time.Duration(r.mult+1)*r.minRTT/4, c.rtt.srtt)
}

// duplicateReported widens the reordering window, once a round trip: the peer
// got a segment twice, so one was sent again in vain.
func (r *rack) duplicateReported(una, nxt seqNum) {
	if r.inRound && una.lt(r.round) {
		return
	}
	r.inRound, r.round = true, nxt
	r.mult++
	r.persist = reoPersist
}

// recoveryEnded counts the recoveries for which a wide window stays.
func (r *rack) recoveryEnded() {
	if r.persist > 0 {
		if r.persist--; r.persist == 0 {
			r.mult = 0
		}
	}
}

// detectLosses is step 5: it marks what is lost, sets the reordering timer for
// what may be, and reports whether anything was lost.
func (c *TCB) detectLosses(now time.Duration) bool {
	r, b := &c.rack, &c.board
	r.deadline = Never
	if r.rtt == 0 {
		return false
	}
	found := false
	window := c.reorderingWindow()
	start := c.snd.una
	for i := range b.n {
		p := b.at(i)
		n := p.end.sub(start)
		start = p.end
		if p.state&notInFlight != 0 {
			continue
		}
		if p.at >= r.at {
			if p.state&sentAgain == 0 {
				break // and so were all behind it
			}
			continue
		}
		if due := p.at + r.rtt + window; due > now {
			if r.deadline == Never || r.deadline < due {
				r.deadline = due
			}
			continue
		}
		b.markLost(p, n)
		found = true
	}
	if r.deadline != Never {
		c.arm(r.deadline)
	}
	return found
}

// reorderingExpired is called when the reordering timer has expired.
func (c *TCB) reorderingExpired(now time.Duration) {
	if !c.detectLosses(now) {
		return
	}
	if c.loss.phase == phaseOpen {
		c.enterRecovery(now, 0)
	}
	c.output(now)
}
