package tcpmod

// congestion decides how much may be under way. All sizes are bytes.
type congestion interface {
	// window returns CWND.
	window() int
	// acked: n more bytes were acknowledged outside recovery. limited says
	// that CWND was what held the sender back; without it the window does not
	// grow, since it would grow unproven.
	acked(n int, limited bool)
	// lost: a loss was detected with flight bytes under way; recovery begins.
	lost(flight int)
	// duplicate: another duplicate ACK in recovery, a segment has left.
	duplicate()
	// partial: n bytes were acknowledged in recovery, which goes on.
	partial(n int)
	// recovered: recovery ended with flight bytes under way.
	recovered(flight int)
	// timeout: the retransmission timer expired with flight bytes under way.
	timeout(flight int)
}

// reno is RFC 5681 with RFC 6582's window in recovery.
type reno struct {
	cwnd, ssthresh int
	mss            int
	credit         int // bytes acknowledged towards the next growth by one MSS
}

func (r *reno) init(mss, initial int) {
	r.mss = mss
	r.cwnd = max(initial, 2*mss)
	r.ssthresh = 1 << 30
}

func (r *reno) window() int { return r.cwnd }

func (r *reno) acked(n int, limited bool) {
	if !limited {
		return
	}
	if r.cwnd < r.ssthresh {
		// Slow start, at most two segments an ACK (RFC 3465).
		r.cwnd += min(n, 2*r.mss)
		return
	}
	r.credit += n
	if r.credit >= r.cwnd {
		r.credit -= r.cwnd
		r.cwnd += r.mss
	}
}

// halve is equation 4 of RFC 5681.
func (r *reno) halve(flight int) {
	r.ssthresh = max(flight/2, 2*r.mss)
	r.credit = 0
}

func (r *reno) lost(flight int) {
	r.halve(flight)
	r.cwnd = r.ssthresh + 3*r.mss
}

func (r *reno) duplicate() { r.cwnd += r.mss }

func (r *reno) partial(n int) {
	r.cwnd = max(r.cwnd-n, r.mss)
	if n >= r.mss {
		r.cwnd += r.mss
	}
}

func (r *reno) recovered(flight int) {
	r.cwnd = min(r.ssthresh, max(flight, r.mss)+r.mss)
}

func (r *reno) timeout(flight int) {
	r.halve(flight)
	r.cwnd = r.mss
}
