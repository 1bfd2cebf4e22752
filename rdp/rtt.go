package rdp

import "time"

// rtt estimates the round trip and the retransmission timeout (RFC 6298, section 2).
type rtt struct {
	srtt, rttvar time.Duration
	least        time.Duration // the shortest
	sampled      bool
}

// sample takes one measurement; a round trip of 0 is one like any other.
func (r *rtt) sample(d time.Duration) {
	d = max(d, 0)
	if !r.sampled {
		r.srtt, r.rttvar, r.least, r.sampled = d, d/2, d, true
		return
	}
	r.least = min(r.least, d)
	diff := r.srtt - d
	if diff < 0 {
		diff = -diff
	}
	r.rttvar += (diff - r.rttvar) / 4
	r.srtt += (d - r.srtt) / 8
}

// maxDoubled is beyond the number of doublings between any two bounds.
const maxDoubled = 100

// rto is SRTT + 4 RTTVAR within its bounds, doubled backoff times (section 5.5).
func (r *rtt) rto(lo, hi time.Duration, backoff uint8) time.Duration {
	d := initialRTO
	if r.sampled {
		d = r.srtt + 4*r.rttvar
	}
	d = max(d, lo)
	for ; backoff > 0 && d < hi; backoff-- {
		d *= 2
	}
	return min(d, hi)
}

// tail is how long the last of the segments waits for an answer before it is sent again as a probe (RFC 8985, section
// 7.2): two round trips and what the peer may hold its ACK back, with a margin; but no longer than the RTO.
func (r *rtt) tail(rto time.Duration) time.Duration {
	if !r.sampled {
		return rto
	}
	return min(rto, 2*r.srtt+AckDelay*3/2)
}

// reordering is how long a segment is waited for after one sent later has been reported (after RFC 8985, section
// 6.2): a quarter of the round trip, but not less than a scheduler's hiccup.
func (r *rtt) reordering(minRTO time.Duration) time.Duration {
	return min(max(r.srtt/4, 200*time.Microsecond), minRTO/2)
}
