package tcpmod

// countDuplicates finds losses for a peer without SACK, by duplicate ACKs and
// partial ones (RFC 6582, section 3.2). It reports whether it marked something
// as lost.
func (c *TCB) countDuplicates(acked int, duplicate bool, d *delivery) bool {
	l := &c.loss
	if acked > 0 {
		if l.phase == phaseRecovery {
			return c.loseFirst() // a partial ACK: the next segment is lost too
		}
		l.dupAcks = 0
		return false
	}
	if !duplicate || l.phase == phaseTimeout {
		return false
	}
	if l.dupAcks+1 < c.board.n || l.phase == phaseOpen { // all but the missing one can have left
		l.dupAcks++
		d.bytes += c.mss
	}
	if l.phase == phaseRecovery || l.dupAcks < c.dupThresh() {
		return false
	}
	if l.hasRecover && c.snd.una.lt(l.recover) {
		return false // of segments that a timeout sent again
	}
	return c.loseFirst()
}

// loseFirst marks the segment at SND.UNA as lost.
func (c *TCB) loseFirst() bool {
	p := c.board.at(0)
	if p.state&notInFlight != 0 {
		return false
	}
	c.board.markLost(p, p.end.sub(c.snd.una))
	return true
}

// creditDuplicates takes what duplicate ACKs had reported off the bytes that
// are acknowledged now: all but the segment that was missing.
func (c *TCB) creditDuplicates(acked int, d *delivery) {
	known := min(c.loss.dupAcks, max(0, acked-1)/c.mss)
	c.loss.dupAcks -= known
	d.bytes -= known * c.mss
}

// dupThresh returns the number of duplicate ACKs that begins recovery: fewer
// than usual where so few segments are under way that the usual number can't
// come (RFC 5827; of one alone a duplicate says nothing), and one after a
// probe, whose answer it is.
func (c *TCB) dupThresh() int {
	if c.loss.probed {
		return 1
	}
	segments := (c.snd.flight() + c.mss - 1) / c.mss
	if segments < 2 || segments > dupThresh || c.out.n > c.snd.flight() {
		return dupThresh
	}
	return segments - 1
}
