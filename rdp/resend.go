package rdp

import "time"

// reorderThreshold is how many segments sent later must have arrived for one to count as lost at once (RFC 5681's
// three duplicates, counted in transmissions as in RFC 9002, section 6.1.1). With fewer, a short wait decides.
const reorderThreshold = 3

// ackSpan is how far an ACK may lie below SND.NXT: twice the largest window there is. A segment with any other can't be
// of this connection, and is dropped whole (RFC 5961, section 5): who doesn't see the traffic would have to guess it.
const ackSpan = 2 * maxOutstanding

// acknowledge takes in the ACK and EACK of a segment (RFC 908, section 3.7.2, corrected by RFC 1151: SND.UNA =
// SEG.ACK + 1). It reports false if the peer acknowledges what was never sent, or long ago. An ACK older than SND.UNA moves
// nothing back, and its EACK still counts: what was received stays received.
func (r *Record) acknowledge(now time.Duration, h Header) bool {
	ack := h.Ack()
	if r.sndNxt-1-ack >= ackSpan {
		return false
	}
	sample := time.Duration(-1)
	had := r.unacked            // stays 0 without congestion control
	news, fresh := false, false // EACKs not known before; an advance of SND.UNA
	for !before(ack, r.sndUna) {
		s := r.out.at(r.sndUna)
		if s.eacked {
			r.eacked--
		} else {
			if !s.resent {
				sample = now - s.sent
			}
			r.arrived(now, s)
			if r.cc != nil {
				r.gone(s)
			}
		}
		r.release(r.sndUna)
		r.sndUna++
		fresh = true
	}
	if fresh {
		r.cause = StatusError{}
		if r.closing {
			r.lingerAt = now + r.options.Linger
		}
	}
	outstanding := r.sndNxt - r.sndUna
	for i := range h.EACKs() {
		seq := h.EACK(i)
		if !within(seq, r.sndUna, outstanding) {
			continue
		}
		s := r.out.at(seq)
		if s.eacked {
			continue
		}
		s.eacked, s.suspect, news = true, false, true
		if r.eacked == 0 || before(r.eackedHigh, seq) {
			r.eackedHigh = seq
		}
		r.eacked++
		if !s.resent {
			sample = max(sample, now-s.sent)
		}
		r.arrived(now, s)
		if r.cc != nil {
			r.gone(s)
		}
	}
	if sample >= 0 {
		r.rtt.sample(sample)
		r.backoff = 0
	}
	if r.cc != nil {
		r.congestionAcked(now, had-r.unacked, fresh)
	}
	switch {
	case outstanding == 0:
		r.retryAt, r.expiries = Never, 0
	case fresh || news:
		r.expiries = 0
		if r.eacked > 0 {
			r.resendHoles(now)
		}
		if s := r.out.at(r.sndUna); fresh && (s.eacked || s.timeouts > 0 || r.backoff > 0) {
			r.restartOldest(now, s)
		}
	}
	return true
}

// restartOldest sets the timer of a segment that has become the oldest: one that the peer has had none as long as it was
// not the one to probe with; another doesn't wait out a backoff from before the peer was heard again (RFC 6298, section
// 5.3). The backoff itself stays, until something is measured, for what is sent from now on.
func (r *Record) restartOldest(now time.Duration, s *outgoing) {
	due := now + r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0)
	switch {
	case s.lost:
		return
	case s.eacked:
		s.due = due
	default:
		s.due, s.timeouts = min(s.due, due), 0
	}
	r.retryAt = min(r.retryAt, s.due)
}

// arrived notes the last transmission of a segment as one that made it; unless it was an earlier one, which is so if
// the answer came faster than any before (RFC 8985, section 6.2, step 2).
func (r *Record) arrived(now time.Duration, s *outgoing) {
	if before(r.delivered, s.serial) && (!s.resent || now-s.sent >= r.rtt.least) {
		r.delivered = s.serial
	}
}

// resendHoles resends at once the segments that are missing below one reported by EACK, if enough sent later have
// arrived; otherwise it moves their timers close.
func (r *Record) resendHoles(now time.Duration) {
	for seq := r.sndUna; before(seq, r.eackedHigh); seq++ {
		s := r.out.at(seq)
		if s.eacked || s.lost || !before(s.serial, r.delivered) {
			continue
		}
		if r.delivered-s.serial >= reorderThreshold {
			if r.lose(now, seq, s) {
				s.resent = true
				r.info.FastResends++
				r.transmit(now, seq)
			}
			continue
		}
		if due := now + r.rtt.reordering(r.options.MinRTO); !s.suspect && due < s.due {
			s.suspect, s.due = true, due
			r.retryAt = min(r.retryAt, due)
		}
	}
}

// retry resends every segment whose timer has expired (RFC 908, section 3.7.3), backs off (RFC 6298, section 5.5),
// and finds the next expiry. The oldest segment, if the peer has it and doesn't take it, is sent as a probe: its
// acknowledgement could have been lost, and nothing else is outstanding that would show a dead peer. The last segment, if
// nothing is sent after it that could show its loss, is sent again early, once: the others' losses show by its EACK.
func (r *Record) retry(now time.Duration) {
	r.retryAt = Never
	rto := r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0)
	for seq := r.sndUna; seq != r.sndNxt; seq++ {
		s := r.out.at(seq)
		probe := s.eacked && seq == r.sndUna
		if s.eacked && !probe || s.lost {
			continue
		}
		if s.due > now {
			r.retryAt = min(r.retryAt, s.due)
			continue
		}
		if s.suspect && !r.lose(now, seq, s) {
			continue
		}
		tail := !s.resent && !s.suspect && !probe && now-s.sent < rto
		if tail && seq != r.sndNxt-1 {
			s.due = s.sent + rto
			r.retryAt = min(r.retryAt, s.due)
			continue
		}
		if r.cc != nil && !probe && !tail && !s.suspect {
			if r.expired(now); s.lost { // not the oldest
				continue
			}
		}
		s.resent = true
		switch {
		case probe:
			if int(r.probes) >= r.options.RetryLimit {
				r.fail(now, r.timeout())
				return
			}
			r.probes++
			r.info.Probes++
			r.transmit(now, seq)
			s.due = now + r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, s.timeouts)
			s.timeouts = min(s.timeouts+1, maxDoubled)
		case s.suspect:
			r.info.FastResends++
			r.transmit(now, seq)
		case tail:
			r.info.TailProbes++
			r.transmit(now, seq)
		case seq == r.sndUna && int(r.expiries) >= r.retryLimit(s.kind):
			r.fail(now, r.timeout())
			return
		default:
			if seq == r.sndUna {
				r.expiries++
			}
			s.timeouts = min(s.timeouts+1, maxDoubled)
			r.backoff = max(r.backoff, s.timeouts)
			r.info.Timeouts++
			r.transmit(now, seq)
		}
		r.retryAt = min(r.retryAt, s.due)
	}
}

// retryLimit is how often the oldest segment is retransmitted by timer while nothing is acknowledged.
func (r *Record) retryLimit(k kind) int {
	if k == kindSYN {
		return openRetries
	}
	return r.options.RetryLimit
}
