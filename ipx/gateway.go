package ipx

import (
	"errors"
	"fmt"
	"net/netip"
)

// Errors of NewGateway.
var (
	ErrJoined  = errors.New("ipx: stack belongs to a Gateway already")
	ErrOverlap = errors.New("ipx: two stacks of a Gateway have the same network")
)

// Gateway joins the networks of two or more stacks: what comes in on one and
// is for a host of another is forwarded (forward.go). The stacks are one host:
// what is for the address of one of them is delivered to that one's Handlers
// wherever it comes in, and each may send to the networks of all. One goroutine
// at a time may call the stacks of a Gateway.
type Gateway struct {
	stacks []*Stack
}

// NewGateway joins stacks for good. The errors wrap ErrJoined and ErrOverlap;
// after an error nothing is joined.
func NewGateway(stacks ...*Stack) (*Gateway, error) {
	for i, s := range stacks {
		if s.gateway != nil {
			return nil, fmt.Errorf("%w: %s", ErrJoined, s.addr)
		}
		for _, other := range stacks[:i] {
			if s.bits == other.bits && (s.host^other.host)&s.mask == 0 {
				return nil, fmt.Errorf("%w: %s and %s", ErrOverlap, other.addr, s.addr)
			}
		}
	}
	g := &Gateway{stacks: stacks}
	for _, s := range stacks {
		s.gateway = g
		s.forgetPaths()
	}
	return g, nil
}

// owner returns the stack whose address addr is, or nil.
func (g *Gateway) owner(addr uint32) *Stack {
	for _, s := range g.stacks {
		if s.host == addr {
			return s
		}
	}
	return nil
}

// route returns the stack and the next hop with the longest prefix. There is
// no way to our own addresses: what is for them is not sent.
func (g *Gateway) route(dst netip.Addr) (out *Stack, hop netip.Addr, ok bool) {
	if !dst.Is4() || g.owner(toUint32(dst)) != nil {
		return nil, netip.Addr{}, false
	}
	longest := -1
	for _, s := range g.stacks {
		if via, bits, found := s.nextHop(dst); found && bits > longest {
			out, hop, longest = s, via, bits
		}
	}
	return out, hop, out != nil
}

// isBroadcast reports whether addr is the broadcast address of one of the
// networks.
func (g *Gateway) isBroadcast(addr uint32) bool {
	for _, s := range g.stacks {
		if s.isBroadcast(addr) {
			return true
		}
	}
	return false
}
