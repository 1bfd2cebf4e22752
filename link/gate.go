package link

import "sync/atomic"

// gate keeps memory and descriptor of a device alive while its owner is inside, so that Close may come from
// any goroutine: unmapped memory would be a fault, and a closed descriptor's number may belong to
// somebody else at once. Passing in and out costs two uncontended atomic operations, about 10 ns.
//
//	open   --enter--> open, users+1   --leave--> open, users-1
//	open   --shut---> closing         (no more enter)
//	closing, users = 0 --> dead       (whoever sees it first does the teardown, once)
type gate struct {
	state atomic.Int64 // users, or-ed with closing and dead
}

const (
	gateClosing = 1 << 32
	gateDead    = 1 << 33
)

// enter reports whether the device is still open; if so, leave must follow.
func (g *gate) enter() bool {
	if g.state.Add(1)&gateClosing == 0 {
		return true
	}
	// The teardown cannot be ours to do: it was done, or whoever is still inside will do it, unless
	// that one left while our own count stood. leave finds out.
	return false
}

// leave takes the caller out. It reports whether the caller must do the teardown.
func (g *gate) leave() bool {
	return g.state.Add(-1) == gateClosing && g.state.CompareAndSwap(gateClosing, gateClosing|gateDead)
}

// shut lets nobody in any more. first is false if the gate was shut before; teardown says that nobody is
// inside and the caller must do it.
func (g *gate) shut() (first, teardown bool) {
	if g.state.Or(gateClosing)&gateClosing != 0 {
		return false, false
	}
	return true, g.state.CompareAndSwap(gateClosing, gateClosing|gateDead)
}
