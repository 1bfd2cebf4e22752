package link

import (
	"sync"
	"sync/atomic"
	"testing"
)

func TestGate(t *testing.T) {
	var g gate
	if !g.enter() || g.leave() {
		t.Fatal("an open gate")
	}
	if !g.shut() {
		t.Error("the gate shut with nobody inside leaves the teardown to others")
	}
	if g.enter() {
		t.Error("entered a shut gate")
	}
	if g.leave() {
		t.Error("a second teardown")
	}
	if g.shut() {
		t.Error("a teardown by the second Close")
	}

	g = gate{}
	g.enter()
	g.enter()
	if g.shut() {
		t.Error("teardown with two inside")
	}
	if g.leave() {
		t.Error("teardown with one inside")
	}
	if g.enter() || g.leave() { // a visitor that is turned away
		t.Error("teardown by a visitor with one inside")
	}
	if !g.leave() {
		t.Error("no teardown by the last one")
	}
	if g.enter() || g.leave() {
		t.Error("a second teardown")
	}
}

// TestGateParallel shuts gates with visitors on several goroutines: exactly one of all does the teardown, and
// nobody is inside then.
func TestGateParallel(t *testing.T) {
	for range 2000 {
		var g gate
		var inside, teardowns atomic.Int32
		teardown := func() {
			teardowns.Add(1)
			if n := inside.Load(); n != 0 {
				t.Errorf("teardown with %d inside", n)
			}
		}
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for {
					ok := g.enter()
					if ok {
						inside.Add(1)
						inside.Add(-1)
					}
					if g.leave() {
						teardown()
					}
					if !ok {
						return
					}
				}
			})
		}
		if g.shut() {
			teardown()
		}
		wg.Wait()
		if n := teardowns.Load(); n != 1 {
			t.Fatalf("%d teardowns", n)
		}
	}
}
