package congestion

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

const testMSS = 1000

// window feeds c one window's worth of ACKs each rtt from now to end.
func (c *cubic) window(now, end, rtt time.Duration) {
	for ; now < end; now += rtt {
		for acked, w := 0, c.Window(); acked < w; acked += testMSS {
			c.Acked(now, testMSS, rtt, true)
		}
	}
}

// On a long path the growth is equation 1: after a loss at 1000 segments, back
// to 1000 after K, concave before it and convex after it.
func TestCubicFollowsEquation1(t *testing.T) {
	c := newCubic(testMSS, 1000*testMSS)
	c.Lost(0, 1000*testMSS)
	if got := c.Window(); got != 700*testMSS {
		t.Fatalf("%d after a loss, want 700 segments", got)
	}
	const rtt = 100 * time.Millisecond
	k := math.Cbrt(1000 * 0.3 / cubicC)
	step := time.Duration(k / 4 * float64(time.Second))
	now := time.Duration(0)
	for i := 1; i <= 8; i++ {
		end := step * time.Duration(i)
		for ; now < end; now += rtt {
			c.window(now, now+rtt, rtt)
		}
		x := now.Seconds() - k
		want := 1000 + cubicC*x*x*x
		if got := c.cwnd; math.Abs(got-want) > 0.02*want {
			t.Errorf("after %v: %.0f segments, equation 1 says %.0f", now, got, want)
		}
	}
}

// On a short path the growth is Reno's with CUBIC's beta: the cube hardly moves.
func TestCubicIsRenoFriendly(t *testing.T) {
	c := newCubic(testMSS, 100*testMSS)
	c.Lost(0, 100*testMSS)
	const rtt = 100 * time.Microsecond
	c.window(0, 50*rtt, rtt)
	want := 70 + 50*renoAlpha
	if got := c.cwnd; math.Abs(got-want) > 1 {
		t.Errorf("%.1f segments after 50 round trips, want %.1f", got, want)
	}
	// From cwnd_prior on, as fast as Reno: one segment a round trip.
	c.window(50*rtt, 100*rtt, rtt)
	before := c.cwnd
	c.window(100*rtt, 120*rtt, rtt)
	if got := c.cwnd - before; math.Abs(got-20) > 1 {
		t.Errorf("grew by %.1f segments in 20 round trips, want 20", got)
	}
}

func TestCubicFastConvergence(t *testing.T) {
	c := newCubic(testMSS, 100*testMSS)
	c.Lost(0, 100*testMSS)
	if c.wMax != 100 {
		t.Errorf("W_max %v, want 100", c.wMax)
	}
	c.Lost(0, 70*testMSS)
	if want := 70 * (1 + cubicBeta) / 2; math.Abs(c.wMax-want) > 1e-9 {
		t.Errorf("W_max %v after a loss below the last one, want %v", c.wMax, want)
	}
}

func TestCubicTimeout(t *testing.T) {
	c := newCubic(testMSS, 100*testMSS)
	c.Timeout(0, 100*testMSS)
	if c.Window() != testMSS {
		t.Errorf("CWND %d, want one segment", c.Window())
	}
	for c.cwnd < c.ssthresh {
		c.Acked(0, testMSS, 0, true)
	}
	if math.Abs(c.cwnd-70) > 1 {
		t.Errorf("slow start to %v segments, want 70", c.cwnd)
	}
	c.Acked(0, testMSS, 0, true)
	if c.k != 0 || c.wMax >= 100 {
		t.Errorf("K %v, W_max %v in the first epoch after a timeout (section 4.8)", c.k, c.wMax)
	}
}

// Time in which nothing is asked for does not count: no jump after it.
func TestCubicApplicationLimited(t *testing.T) {
	c := newCubic(testMSS, 100*testMSS)
	c.Lost(0, 100*testMSS)
	c.Acked(0, testMSS, time.Millisecond, true)
	before := c.cwnd
	for now := time.Duration(0); now < time.Hour; now += time.Second {
		c.Acked(now, testMSS, time.Millisecond, false)
	}
	c.Acked(time.Hour, testMSS, time.Millisecond, true)
	if c.cwnd-before > 1 {
		t.Errorf("from %v to %v segments over an hour of little traffic", before, c.cwnd)
	}
}

func TestCubicUndo(t *testing.T) {
	c := newCubic(testMSS, 100*testMSS)
	for _, reduce := range []func(){
		func() { c.Lost(0, 100*testMSS) },
		func() { c.Timeout(0, 100*testMSS) },
	} {
		reduce()
		c.Acked(time.Millisecond, testMSS, 0, true)
		c.Undo()
		if c.cwnd != 100 || c.ssthresh != unlimited || c.wMax != 0 {
			t.Errorf("CWND %v, threshold %v, W_max %v", c.cwnd, c.ssthresh, c.wMax)
		}
	}
}

func TestUnknownAlgorithm(t *testing.T) {
	if _, err := New("vegas", testMSS, 0); !errors.Is(err, ErrAlgorithm) {
		t.Errorf("error %v", err)
	}
	if c, err := New("", testMSS, 0); err != nil || c.Window() != 2*testMSS {
		t.Errorf("%v, %v", c, err)
	}
}

// Whatever happens, the window is one segment at least, and finite.
func TestWindowIsSane(t *testing.T) {
	for _, a := range []Algorithm{Reno, Cubic} {
		for seed := range uint64(200) {
			rng := rand.New(rand.NewPCG(seed, 0))
			c, err := New(a, testMSS, 64<<10)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Duration(0)
			for range 500 {
				now += time.Duration(rng.Int64N(int64(time.Second) << rng.IntN(8)))
				switch rng.IntN(8) {
				case 0:
					c.Lost(now, rng.IntN(1<<20))
				case 1:
					c.Timeout(now, rng.IntN(1<<20))
				case 2:
					c.Idle(now, time.Duration(rng.IntN(1e9)), time.Millisecond)
				case 3:
					c.Undo()
				default:
					c.Acked(now, rng.IntN(1<<20), time.Duration(rng.IntN(1e9)), rng.IntN(4) > 0)
				}
				if w := c.Window(); w < testMSS || w > 1<<40 {
					t.Fatalf("%s, seed %d: CWND %d", a, seed, w)
				}
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	for _, a := range []Algorithm{Reno, Cubic} {
		c, err := New(a, testMSS, 64<<10)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Duration(0)
		if n := testing.AllocsPerRun(100, func() {
			now += time.Millisecond
			c.Acked(now, testMSS, time.Millisecond, true)
			c.Lost(now, c.Window())
		}); n != 0 {
			t.Errorf("%s: %v allocations", a, n)
		}
	}
}
