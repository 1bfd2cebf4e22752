package congestion

import (
	"math"
	"time"
)

// The constants of RFC 9438.
const (
	cubicC    = 0.4                                   // section 5: segments per second cubed
	cubicBeta = 0.7                                   // section 4.6: what a loss leaves of the window
	renoAlpha = 3 * (1 - cubicBeta) / (1 + cubicBeta) // section 4.3: Reno's growth with this beta
)

// cubic is RFC 9438. Windows are in segments, as there.
type cubic struct {
	cubicState
	before  cubicState // the last Lost or Timeout
	undo    bool       // before is valid
	mss     int
	initial float64
}

type cubicState struct {
	cwnd, ssthresh float64
	prior          float64 // cwnd_prior: before the last loss
	wMax           float64 // W_max: where the last growth ended
	wEst           float64 // W_est: what Reno would have
	k              float64 // K: seconds from the epoch to W_max
	epoch          time.Duration
	running        bool          // the epoch, a stage of congestion avoidance, has begun
	afterTimeout   bool          // the next epoch is the first after a timeout
	last           time.Duration // when the last ACK came
}

func newCubic(mss, initial int) *cubic {
	w := max(float64(initial)/float64(mss), 2)
	return &cubic{cubicState: cubicState{cwnd: w, ssthresh: unlimited}, mss: mss, initial: w}
}

func (c *cubic) Window() int { return int(c.cwnd * float64(c.mss)) }

// Acked is slow start below the threshold, and section 4.2 above it.
func (c *cubic) Acked(now time.Duration, n int, srtt time.Duration, limited bool) {
	since := now - c.last
	c.last = now
	if !limited {
		c.epoch += since // no growth for the time that nothing was asked for (section 5.8)
		return
	}
	if c.cwnd < c.ssthresh {
		c.cwnd += float64(slowStart(n, c.mss)) / float64(c.mss)
		return
	}
	if !c.running {
		c.begin(now)
	}
	acked := float64(n) / float64(c.mss)

	// Section 4.3, equation 4: the Reno-friendly region.
	alpha := renoAlpha
	if c.wEst >= c.prior {
		alpha = 1
	}
	c.wEst += alpha * acked / c.cwnd
	t := (now - c.epoch).Seconds()
	if c.at(t) < c.wEst {
		c.cwnd = max(c.cwnd, c.wEst)
		return
	}

	// Sections 4.4 and 4.5: concave below W_max, convex above it.
	target := min(max(c.at(t+srtt.Seconds()), c.cwnd), 1.5*c.cwnd)
	c.cwnd += (target - c.cwnd) / c.cwnd * acked
}

// begin starts an epoch of congestion avoidance.
func (c *cubic) begin(now time.Duration) {
	c.running, c.epoch = true, now
	c.wEst = c.cwnd
	if c.afterTimeout || c.wMax < c.cwnd { // section 4.8
		c.afterTimeout = false
		c.wMax = c.cwnd
	}
	c.k = math.Cbrt((c.wMax - c.cwnd) / cubicC) // equation 2
}

// at returns W_cubic(t), equation 1.
func (c *cubic) at(t float64) float64 {
	t -= c.k
	return cubicC*t*t*t + c.wMax
}

// reduce is section 4.6, with fast convergence (section 4.7): a flow whose
// window fell short of the last one leaves room for others.
func (c *cubic) reduce(flight int) {
	c.before, c.undo = c.cubicState, true
	c.prior = c.cwnd
	c.ssthresh = max(float64(flight)/float64(c.mss)*cubicBeta, 2)
	if c.cwnd < c.wMax {
		c.wMax = c.cwnd * (1 + cubicBeta) / 2
	} else {
		c.wMax = c.cwnd
	}
	c.running = false
}

func (c *cubic) Lost(_ time.Duration, flight int) {
	c.reduce(flight)
	c.cwnd = c.ssthresh
	c.afterTimeout = false
}

func (c *cubic) Timeout(_ time.Duration, flight int) {
	c.reduce(flight)
	c.cwnd = 1
	c.afterTimeout = true
}

func (c *cubic) Idle(now time.Duration, d, rto time.Duration) {
	c.cwnd = float64(restart(c.Window(), int(c.initial*float64(c.mss)), d, rto)) / float64(c.mss)
	c.running = false
	c.last = now
}

// Undo never makes the window smaller (section 4.9).
func (c *cubic) Undo() {
	if c.undo {
		c.undo = false
		w, last := max(c.cwnd, c.before.cwnd), c.last
		c.cubicState = c.before
		c.cwnd, c.last = w, last
	}
}
