package tcpmod

import "time"

// rttEstimator computes the retransmission timeout (RFC 6298).
type rttEstimator struct {
	srtt, rttvar time.Duration // 0 srtt: nothing measured yet
	rto          time.Duration // without backoff
	shift        uint          // doublings since the last measurement
	min, max     time.Duration
}

func (r *rttEstimator) init(o *Options) {
	r.min, r.max = o.MinRTO, o.MaxRTO
	r.rto = min(max(o.InitialRTO, o.MinRTO), o.MaxRTO)
}

// sample is RFC 6298, section 2. A round trip below the clock's resolution
// counts as 1 ns, so that "measured" stays distinct from "not yet".
func (r *rttEstimator) sample(rtt time.Duration) {
	rtt = max(rtt, 1)
	if r.srtt == 0 {
		r.srtt, r.rttvar = rtt, rtt/2
	} else {
		r.rttvar += ((r.srtt - rtt).Abs() - r.rttvar) / 4
		r.srtt = max(1, r.srtt+(rtt-r.srtt)/8)
	}
	r.rto = min(max(r.srtt+4*r.rttvar, r.min), r.max)
	r.shift = 0
}

// timeout returns the RTO with its backoff, which stays until a measurement
// succeeds (RFC 6298, section 5.5 and the end of 5).
func (r *rttEstimator) timeout() time.Duration {
	if r.shift >= 32 {
		return r.max
	}
	return min(r.rto<<r.shift, r.max)
}

// backoff doubles the timeout.
func (r *rttEstimator) backoff() {
	if r.timeout() < r.max {
		r.shift++
	}
}
