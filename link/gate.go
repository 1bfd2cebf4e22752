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

// enter reports whether the device is still open. leave must follow in either case.
func (g *gate) enter() bool { return g.state.Add(1)&gateClosing == 0 }

// leave takes the caller out. It reports whether the caller must do the teardown.
func (g *gate) leave() bool {
	return g.state.Add(-1) == gateClosing && g.state.CompareAndSwap(gateClosing, gateClosing|gateDead)
}

// shut lets nobody in any more. It reports whether nobody is inside and the caller must do the teardown.
func (g *gate) shut() bool {
	g.state.Or(gateClosing)
	return g.state.CompareAndSwap(gateClosing, gateClosing|gateDead)
}
