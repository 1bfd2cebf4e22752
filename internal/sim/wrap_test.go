package sim

import (
	"testing"
	"time"
)

// TestWrapEpoch holds that a clock that begins there gives sequence numbers that wrap when they are to.
func TestWrapEpoch(t *testing.T) {
	for tr := range transport(len(transportNames)) {
		w := small(tr, conditions{}, sends, receives)
		f := w.flows[0]
		f.localPort, f.begin = 2000, 3*time.Millisecond
		for side := range 2 {
			for _, left := range []uint32{1, 100, 50_000} {
				r := wrap{f, side, left}
				secret := [32]byte{byte(left), byte(side)}
				got := -r.firstSeq(r.epoch(secret)+f.begin, secret)
				if d := int32(got - left); d < -8 || d > 8 {
					t.Errorf("%v side %d: wraps after %d numbers, want %d", tr, side, got, left)
				}
			}
		}
	}
}
