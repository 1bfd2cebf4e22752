package tcpmod

import "time"

// lossMode is what the loss timer is running for.
type lossMode uint8

const (
	lossNone    lossMode = iota // nothing to wait for
	lossProbe                   // an ACK is due: probe for a lost tail (RFC 8985, section 7)
	lossRTO                     // retransmission timeout (RFC 6298)
	lossPersist                 // data waits for the peer's window (RFC 9293, section 3.8.6.1)
)

// phase is what is going on after a loss.
type phase uint8

const (
	phaseOpen     phase = iota // nothing
	phaseRecovery              // fast recovery: prr holds the window
	phaseTimeout               // slow start after a retransmission timeout
)

// dupThresh is the number of duplicate ACKs that mean a loss (RFC 5681,
// section 3.2), or of segments sacked.
const dupThresh = 3

// lossRecovery repairs losses. They are found by RACK, or by duplicate ACKs if
// the peer has no SACK (RFC 6582), by a probe for a lost tail, and by timeout.
type lossRecovery struct {
	mode     lossMode
	deadline time.Duration
	shift    uint // doublings of the persist timer

	// How long the peer has been silent is counted in timeouts, not read from
	// the clock: it may jump, as when the machine was suspended.
	timeouts int           // retransmission timeouts without progress
	silent   time.Duration // their sum, but for the first; not those in a closed window that the peer answered
	probes   int           // of the window, unanswered
	probedAt time.Duration // when the last was sent, or the timer expired
	ignored  time.Duration // the time given to them

	phase   phase
	start   seqNum // what was acknowledged when the phase began
	recover seqNum // it ends when this is acknowledged
	prr     prr
	window  int // in recovery: how much may be under way, bytes

	dupAcks    int    // segments that left the network, as far as duplicate ACKs tell; 0 with SACK
	hasRecover bool   // recover was ever set
	undo       int    // retransmissions of this phase and not yet reported as duplicates
	canUndo    bool   // the last reduction of the window may yet turn out wrong
	probed     bool   // a tail-loss probe or timeout since the last new ACK
	tail       bool   // the last probe sent a segment again, and its end, tailEnd, is not passed
	tailEnd    seqNum // TLP.end_seq
}

func (l *lossRecovery) init() { l.deadline = Never }

func (l *lossRecovery) set(m lossMode, t time.Duration) { l.mode, l.deadline = m, t }

func (l *lossRecovery) stop() { l.set(lossNone, Never) }

// progress notes that something new was acknowledged.
func (l *lossRecovery) progress() { l.timeouts, l.silent, l.shift, l.probed = 0, 0, 0, false }

// begin enters a phase that ends when recover is acknowledged.
func (l *lossRecovery) begin(p phase, start, recover seqNum) {
	l.phase, l.start = p, start
	l.recover, l.hasRecover = recover, true
	l.undo, l.canUndo = 0, true
	l.tail = false
}

// restartLossTimer starts the timer for what is under way or waits.
func (c *TCB) restartLossTimer(now time.Duration) {
	l := &c.loss
	switch {
	case c.snd.flight() > 0:
		l.shift, l.probes, l.ignored = 0, 0, 0
		rto := c.rtt.timeout()
		if pto := c.probeTimeout(); !l.probed && l.phase == phaseOpen && pto < rto {
			l.set(lossProbe, now+pto)
		} else {
			l.set(lossRTO, now+rto)
		}
	case c.pending():
		l.timeouts, l.silent = 0, 0
		l.set(lossPersist, now+c.persistTimeout())
	default:
		l.stop()
		return
	}
	c.arm(l.deadline)
}

// persistTimeout returns the time to the next probe of the window.
func (c *TCB) persistTimeout() time.Duration {
	return min(c.rtt.timeout()<<min(c.loss.shift, 20), c.opt.MaxRTO)
}

// lossExpired is called when the timer has expired.
func (c *TCB) lossExpired(now time.Duration) {
	mode := c.loss.mode
	c.loss.stop()
	switch mode {
	case lossProbe:
		c.probeTail(now)
	case lossRTO:
		c.retransmissionTimeout(now)
	case lossPersist:
		c.probeWindow(now)
	}
}

// retransmissionTimeout is RFC 6298, section 5, RFC 5681, section 3.1, and RFC
// 8985, section 6.3: the first segment is sent again, and in slow start what
// else was under way for long enough.
func (c *TCB) retransmissionTimeout(now time.Duration) {
	l := &c.loss
	handshake := c.state == SynSent || c.state == SynRcvd
	limit := c.opt.Timeout
	if handshake {
		limit = c.opt.ConnectTimeout
	}
	again := l.timeouts > 0
	switch {
	case !handshake && c.snd.wnd == 0 && c.alive.heard >= l.probedAt:
		l.silent = 0 // it lives, and has shut its window on what was under way
	case again:
		l.silent += c.rtt.timeout()
	}
	l.probedAt = now
	if l.timeouts++; l.silent >= limit {
		c.timedOut(now)
		return
	}
	c.e.stats.Timeouts++
	c.rtt.backoff()
	if handshake {
		c.retransmitted()
		c.synAt = Never
		c.sendSYN(now)
		return
	}
	b := &c.board
	if b.at(0).state&sacked != 0 {
		// The peer would have acknowledged it, if it still had it.
		c.e.stats.Reneged++
		b.renege(c.snd.una)
	}
	if !again {
		// RFC 5681, section 3.1: the threshold of the first of several
		// timeouts holds.
		c.cc.Timeout(now, c.snd.flight())
		l.begin(phaseTimeout, c.snd.una, c.snd.nxt)
	}
	l.dupAcks, l.probed = 0, true
	c.rack.deadline = Never
	c.markLostByTimeout(now)
	c.retransmit(now, 0)
	c.restartLossTimer(now)
}

// markLostByTimeout marks the first segment and all that have had the time to
// arrive; without SACK, which could tell that they did, all.
func (c *TCB) markLostByTimeout(now time.Duration) {
	start := c.snd.una
	window := c.reorderingWindow()
	for i := range c.board.n {
		p := c.board.at(i)
		n := p.end.sub(start)
		start = p.end
		if p.state&notInFlight != 0 {
			continue
		}
		if i == 0 || !c.sack.ok || c.rack.rtt == 0 || p.at+c.rack.rtt+window <= now {
			c.board.markLost(p, n)
		}
	}
}

// undoReduction gives the window back: nothing had been lost. What waits to be
// sent again does not need to be, and if some of it does, RACK finds it.
func (c *TCB) undoReduction() {
	l := &c.loss
	l.canUndo = false
	c.cc.Undo()
	c.board.revive(c.snd.una)
	c.e.stats.Undone++
	if l.phase != phaseOpen {
		l.phase = phaseOpen
		c.rack.recoveryEnded()
	}
}

// timedOut ends the connection: the peer doesn't answer.
func (c *TCB) timedOut(now time.Duration) {
	c.e.stats.ConnectionsEnded++
	c.reset(now)
	if c.soft != nil {
		c.end(now, &TimeoutError{c.soft})
		return
	}
	c.end(now, ErrTimeout)
}
