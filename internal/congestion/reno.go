package congestion

import "time"

// reno is RFC 5681.
type reno struct {
	renoState
	before  renoState // the last Lost or Timeout
	undo    bool      // before is valid
	mss     int
	initial int
}

type renoState struct {
	cwnd, ssthresh int
	credit         int // bytes acknowledged towards the next growth by one segment
}

func newReno(mss, initial int) *reno {
	initial = max(initial, 2*mss)
	return &reno{renoState: renoState{cwnd: initial, ssthresh: unlimited}, mss: mss, initial: initial}
}

func (r *reno) Window() int { return r.cwnd }

// Acked is section 3.1: slow start, or one segment for each window.
func (r *reno) Acked(_ time.Duration, n int, _ time.Duration, limited bool) {
	if !limited {
		return
	}
	if r.cwnd < r.ssthresh {
		r.cwnd += slowStart(n, r.mss)
		return
	}
	r.credit += n
	if r.credit >= r.cwnd {
		r.credit -= r.cwnd
		r.cwnd += r.mss
	}
}

// halve is equation 4.
func (r *reno) halve(flight int) {
	r.before, r.undo = r.renoState, true
	r.ssthresh = max(flight/2, 2*r.mss)
	r.credit = 0
}

func (r *reno) Lost(_ time.Duration, flight int) {
	r.halve(flight)
	r.cwnd = r.ssthresh
}

func (r *reno) Timeout(_ time.Duration, flight int) {
	r.halve(flight)
	r.cwnd = r.mss
}

func (r *reno) Idle(_ time.Duration, d, rto time.Duration) {
	r.cwnd = restart(r.cwnd, r.initial, d, rto)
}

// Undo never makes the window smaller.
func (r *reno) Undo() {
	if r.undo {
		r.undo = false
		r.cwnd = max(r.cwnd, r.before.cwnd)
		r.ssthresh = max(r.ssthresh, r.before.ssthresh)
	}
}
