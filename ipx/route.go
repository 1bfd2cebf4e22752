package ipx

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// maxRoutes bounds the routes of a stack: they are searched one by one.
const maxRoutes = 256

// Errors of AddRoute.
var (
	ErrRoute  = errors.New("ipx: not a route to an IPv4 network by a host of ours")
	ErrRoutes = errors.New("ipx: too many routes")
)

// Route leads to another network.
type Route struct {
	Prefix netip.Prefix // the network, such as 10.0.2.0/24; 0.0.0.0/0 is everywhere else
	Via    netip.Addr   // next hop: the gateway, a host of our network
}

// AddRoute adds a route, in place of the one that there was to the same network.
// A datagram takes the route with the longest prefix that contains its
// destination (RFC 1812, section 5.2.4.3). Datagrams from a network that a route
// leads to are accepted. The errors wrap ErrRoute and ErrRoutes.
func (s *Stack) AddRoute(r Route) error {
	r.Via = r.Via.Unmap()
	if !r.Prefix.IsValid() || !r.Prefix.Addr().Is4() || !r.Via.Is4() || r.Via == s.addr || !s.isHost(toUint32(r.Via)) {
		return fmt.Errorf("%w: to %s by %s", ErrRoute, r.Prefix, r.Via)
	}
	r.Prefix = r.Prefix.Masked()
	i, exists := slices.BinarySearchFunc(s.routes, r.Prefix, orderRoutes)
	switch {
	case exists:
		s.routes[i] = r
	case len(s.routes) == maxRoutes:
		return fmt.Errorf("%w: %d", ErrRoutes, maxRoutes)
	default:
		s.routes = slices.Insert(s.routes, i, r)
	}
	s.routesChanged()
	return nil
}

// DeleteRoute removes the route to a network, and reports whether there was one.
func (s *Stack) DeleteRoute(prefix netip.Prefix) bool {
	i, exists := slices.BinarySearchFunc(s.routes, prefix.Masked(), orderRoutes)
	if exists {
		s.routes = slices.Delete(s.routes, i, i+1)
		s.routesChanged()
	}
	return exists
}

// Routes returns the routes, those with the longest prefixes first.
func (s *Stack) Routes() []Route { return slices.Clone(s.routes) }

// orderRoutes puts longer prefixes first, so that the first that contains an
// address is the one to take.
func orderRoutes(r Route, p netip.Prefix) int {
	if d := p.Bits() - r.Prefix.Bits(); d != 0 {
		return d
	}
	return r.Prefix.Addr().Compare(p.Addr())
}

// routesChanged forgets what followed from the routes before.
func (s *Stack) routesChanged() {
	s.forgetPaths()
	if s.gateway != nil {
		for _, other := range s.gateway.stacks {
			other.forgetPaths()
		}
	}
}

// NextHop returns the host of our network that takes the datagrams to dst:
// itself, or the gateway of the route that leads there.
func (s *Stack) NextHop(dst netip.Addr) (netip.Addr, bool) {
	hop, _, ok := s.nextHop(dst.Unmap())
	return hop, ok
}

// nextHop is NextHop, with the length of the prefix that decided.
func (s *Stack) nextHop(dst netip.Addr) (hop netip.Addr, bits int, ok bool) {
	if !dst.Is4() || !isUnicast(toUint32(dst)) {
		return netip.Addr{}, 0, false
	}
	a := toUint32(dst)
	isNear := (a^s.host)&s.mask == 0
	for _, r := range s.routes {
		if isNear && r.Prefix.Bits() <= s.bits {
			break
		}
		if r.Prefix.Contains(dst) {
			return r.Via, r.Prefix.Bits(), true
		}
	}
	return dst, s.bits, isNear && s.isHost(a)
}

// route returns the next hop to dst, and the stack that it is a neighbour of:
// ourselves, or another one of our Gateway.
func (s *Stack) route(dst netip.Addr) (out *Stack, hop netip.Addr, ok bool) {
	if s.gateway != nil {
		return s.gateway.route(dst)
	}
	hop, _, ok = s.nextHop(dst)
	return s, hop, ok
}

// isRouted reports whether a route leads to address src of another network,
// that isn't our Gateway's on another of its networks.
func (s *Stack) isRouted(src uint32) bool {
	if len(s.routes) == 0 || (src^s.host)&s.mask == 0 || s.gateway != nil && s.gateway.owner(src) != nil {
		return false
	}
	_, _, ok := s.nextHop(fromUint32(src))
	return ok
}
