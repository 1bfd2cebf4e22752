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

// dupThresh is the number of duplicate ACKs that mean a loss (RFC 5681,
// section 3.2).
const dupThresh = 3

// lossRecovery finds and repairs losses: by duplicate ACKs (RFC 6582), by a
// probe for a lost tail, and by timeout.
type lossRecovery struct {
	mode     lossMode
	deadline time.Duration
	since    time.Duration // the first retransmission timeout without progress; Never: none
	probing  time.Duration // the first probe of the window; Never: none
	shift    uint          // doublings of the persist timer

	dupAcks    int
	recovering bool
	recover    seqNum // recovery ends when this is acknowledged
	hasRecover bool   // recover was ever set
	probed     bool   // a tail-loss probe or timeout since the last new ACK
}

func (l *lossRecovery) init() { l.deadline, l.since, l.probing = Never, Never, Never }

func (l *lossRecovery) set(m lossMode, t time.Duration) { l.mode, l.deadline = m, t }

func (l *lossRecovery) stop() { l.set(lossNone, Never) }

// progress notes that something new was acknowledged.
func (l *lossRecovery) progress() {
	l.since, l.shift, l.dupAcks, l.probed = Never, 0, 0, false
}

// restartLossTimer starts the timer for what is under way or waits.
func (c *TCB) restartLossTimer(now time.Duration) {
	l := &c.loss
	switch {
	case c.snd.flight() > 0:
		l.shift, l.probing = 0, Never
		rto := c.rtt.timeout()
		if pto := c.probeTimeout(); !l.probed && !l.recovering && pto < rto {
			l.set(lossProbe, now+pto)
		} else {
			l.set(lossRTO, now+rto)
		}
	case c.pending():
		l.since = Never
		l.set(lossPersist, now+min(c.rtt.timeout()<<min(l.shift, 20), c.opt.MaxRTO))
	default:
		l.stop()
		return
	}
	c.arm(l.deadline)
}

// probeTimeout returns how long to wait for an ACK before a tail-loss probe:
// two round trips, and the time for which the peer may hold the ACK of a lone
// segment back (RFC 8985, section 7.2), half as long again for its timer.
func (c *TCB) probeTimeout() time.Duration {
	if c.rtt.srtt == 0 {
		return Never
	}
	pto := 2 * c.rtt.srtt
	if c.snd.flight() < ackEvery*c.mss {
		pto += c.opt.AckDelay
	}
	return pto + c.opt.AckDelay/2
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

// probeTail sends new data if there is some, also beyond CWND, or else the
// last segment again, so that the peer's answer shows what is missing.
func (c *TCB) probeTail(now time.Duration) {
	c.loss.probed = true
	c.e.stats.TailProbes++
	off := c.snd.flight()
	if n := min(c.out.n-off, c.mss, c.snd.wnd-off); n > 0 {
		c.sendNext(now, n, false)
	} else {
		last := c.snd.max
		if c.finSent && c.finSeq.lt(last) {
			last = c.finSeq
		}
		c.sendAgain(now, maxSeq(c.snd.una, last.add(-c.mss)))
	}
	c.restartLossTimer(now)
}

// retransmissionTimeout is RFC 6298, section 5, and RFC 5681, section 3.1:
// everything that is not acknowledged is sent again, in slow start.
func (c *TCB) retransmissionTimeout(now time.Duration) {
	l := &c.loss
	handshake := c.state == SynSent || c.state == SynRcvd
	limit := c.opt.Timeout
	if handshake {
		limit = c.opt.ConnectTimeout
	}
	if l.since == Never {
		l.since = now
	}
	if now-l.since >= limit {
		c.timedOut(now)
		return
	}
	c.e.stats.Timeouts++
	c.rtt.cancel()
	c.rtt.backoff()
	if handshake {
		c.retransmitted()
		c.sendSYN(now)
		return
	}
	c.cc.timeout(c.snd.max.sub(c.snd.una))
	l.dupAcks, l.recovering, l.probed = 0, false, true
	l.recover, l.hasRecover = c.snd.max, true
	c.snd.nxt = c.snd.una
	c.output(now)
}

// probeWindow asks a peer whose window is closed whether it still is, for as
// long as it answers (RFC 9293, section 3.8.6.1). The probe has a sequence
// number below the window and no data. A window that is only too small for a
// decent segment is used as it is (section 3.8.6.2.1, the override timeout).
func (c *TCB) probeWindow(now time.Duration) {
	l := &c.loss
	if l.probing == Never {
		l.probing = now
	}
	if now-max(l.probing, c.alive.heard) >= c.opt.Timeout {
		c.timedOut(now)
		return
	}
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

// timedOut ends the connection: the peer doesn't answer.
func (c *TCB) timedOut(now time.Duration) {
	c.e.stats.ConnectionsEnded++
	c.reset(now)
	c.end(now, ErrTimeout)
}
