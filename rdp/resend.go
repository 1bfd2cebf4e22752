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
				r.resend(now, seq, s, &r.info.FastResends)
			}
			continue
		}
		if due := now + r.rtt.reordering(r.options.MinRTO); !s.suspect && due < s.due {
			s.suspect, s.due = true, due
			r.retryAt = min(r.retryAt, due)
		}
	}
}

// resend transmits a segment again, and counts it.
func (r *Record) resend(now time.Duration, seq uint32, s *outgoing, count *uint64) {
	s.resent = true
	*count++
	r.transmit(now, seq)
}

// retry does what is due of every segment whose timer has expired (RFC 908, section 3.7.3), and finds the next expiry.
// Segments that the peer has have none, except the oldest.
func (r *Record) retry(now time.Duration) {
	r.retryAt = Never
	for seq := r.sndUna; seq != r.sndNxt; seq++ {
		s := r.out.at(seq)
		if s.eacked && seq != r.sndUna {
			continue
		}
		if s.due <= now && !r.due(now, seq, s) {
			return
		}
		r.retryAt = min(r.retryAt, s.due)
	}
}

// due does what the timer of a segment was for, and reports whether the connection lives on.
func (r *Record) due(now time.Duration, seq uint32, s *outgoing) bool {
	rto := r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0)
	switch {
	case s.eacked:
		return r.probe(now, seq, s)
	case s.suspect:
		if r.lose(now, seq, s) {
			r.resend(now, seq, s, &r.info.FastResends)
		}
	case s.resent || now-s.sent >= rto:
		return r.expire(now, seq, s)
	case seq == r.sndNxt-1: // the last, early: its EACK will show what else is lost
		r.resend(now, seq, s, &r.info.TailProbes)
	default: // something was sent later that will
		s.due = s.sent + rto
	}
	return true
}

// probe sends the oldest segment again, which the peer has and doesn't take: its acknowledgement could have been lost,
// and nothing else is outstanding that would show a dead peer.
func (r *Record) probe(now time.Duration, seq uint32, s *outgoing) bool {
	if int(r.probes) >= r.options.RetryLimit {
		r.fail(now, r.timeout())
		return false
	}
	r.probes++
	r.resend(now, seq, s, &r.info.Probes)
	s.due = now + r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, s.timeouts)
	s.timeouts = min(s.timeouts+1, maxDoubled)
	return true
}

// expire is the retransmission timeout: the segment is sent again, with backoff (RFC 6298, section 5.5). The oldest has
// only so many while nothing is acknowledged.
func (r *Record) expire(now time.Duration, seq uint32, s *outgoing) bool {
	if seq == r.sndUna {
		if int(r.expiries) >= r.retryLimit(s.kind) {
			r.fail(now, r.timeout())
			return false
		}
		r.expiries++
	}
	if r.cc != nil {
		if r.expired(now); s.lost { // it waits; the oldest doesn't
			return true
		}
	}
	s.timeouts = min(s.timeouts+1, maxDoubled)
	r.backoff = max(r.backoff, s.timeouts)
	r.resend(now, seq, s, &r.info.Timeouts)
	return true
}

// retryLimit is how often the oldest segment is retransmitted by timer while nothing is acknowledged.
func (r *Record) retryLimit(k kind) int {
	if k == kindSYN {
		return openRetries
	}
	return r.options.RetryLimit
}
