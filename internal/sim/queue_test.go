package sim

import (
	"slices"
	"testing"
	"time"
)

// TestQueueOrder compares the queue with a list that is sorted, events of one moment in the order of their coming.
func TestQueueOrder(t *testing.T) {
	r := newRand(1, 1)
	var q queue
	type entry struct {
		at time.Duration
		n  int
	}
	var want []entry
	for n := range 5000 {
		if r.IntN(3) > 0 || q.len() == 0 {
			at := time.Duration(r.IntN(50))
			q.push(at, event{data: &frame{bytes: make([]byte, n)}})
			want = append(want, entry{at, n})
			slices.SortStableFunc(want, func(a, b entry) int { return int(a.at - b.at) })
			continue
		}
		at, e := q.pop()
		if got := (entry{at, len(e.data.bytes)}); got != want[0] {
			t.Fatalf("popped %v, want %v", got, want[0])
		}
		want = want[1:]
	}
	if q.len() != len(want) || len(want) == 0 {
		t.Errorf("%d left, want %d", q.len(), len(want))
	}
}
