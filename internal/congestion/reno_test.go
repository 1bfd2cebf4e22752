package congestion

import (
	"testing"
	"time"
)

func TestRenoGrowth(t *testing.T) {
	r := newReno(1000, 4000)
	want := func(what string, cwnd int) {
		t.Helper()
		if r.Window() != cwnd {
			t.Errorf("%s: CWND %d, want %d", what, r.Window(), cwnd)
		}
	}
	r.Acked(0, 1000, 0, false)
	want("the application was the limit", 4000)
	r.Acked(0, 1000, 0, true)
	r.Acked(0, 9000, 0, true)
	want("slow start, eight segments an ACK at most", 13000)
	r.Timeout(0, 7000)
	want("timeout", 1000)
	for range 3 {
		r.Acked(0, 1000, 0, true)
	}
	want("slow start to the threshold of 3500", 4000)
	for range 4 {
		r.Acked(0, 1000, 0, true)
	}
	want("congestion avoidance, one segment a window", 5000)
	r.Lost(0, 10000)
	want("loss", 5000)
	for range 5 {
		r.Acked(0, 1000, 0, true)
	}
	want("congestion avoidance after a loss", 6000)
	r.Lost(0, 100)
	want("loss with little under way", 2000)
}

func TestRenoUndo(t *testing.T) {
	r := newReno(1000, 20000)
	r.Undo() // of nothing
	r.Timeout(0, 20000)
	r.Acked(0, 1000, 0, true)
	r.Undo()
	if r.cwnd != 20000 || r.ssthresh != unlimited {
		t.Errorf("CWND %d, threshold %d", r.cwnd, r.ssthresh)
	}
	r.cwnd = 5000
	r.Undo()
	if r.cwnd != 5000 {
		t.Errorf("undone twice: CWND %d", r.cwnd)
	}
}

func TestIdle(t *testing.T) {
	for _, a := range []Algorithm{Reno, Cubic} {
		c, err := New(a, 1000, 10000)
		if err != nil {
			t.Fatal(err)
		}
		for range 10 {
			c.Acked(0, 1000, 0, true)
		}
		c.Idle(time.Second, 5*time.Millisecond, 5*time.Millisecond)
		if got := c.Window(); got != 20000 {
			t.Errorf("%s: %d after a short silence, want 20000", a, got)
		}
		c.Idle(time.Second, 6*time.Millisecond, 5*time.Millisecond)
		if got := c.Window(); got != 10000 {
			t.Errorf("%s: %d after a long silence, want the initial window of 10000", a, got)
		}
	}
}
