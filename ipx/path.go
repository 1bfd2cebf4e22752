package ipx

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"deputy/link"
)

// maxPaths bounds the destinations whose headers and path MTU a stack keeps.
// One that is evicted costs a look-up of its route, and its path MTU has to be
// discovered anew.
const maxPaths = 1024

// evictAmong is among how many paths, in turn, the one to give way is looked
// for: with a look at all of them, answers to forged addresses would be dear.
const evictAmong = 8

// path is the way to one destination: who takes its datagrams next, and the
// headers that they begin with.
type path struct {
	addr     netip.Addr
	owner    *Stack     // whose datagrams go this way
	out      *Stack     // through whose device: the owner's, or another's of its Gateway
	via      *neighbour // of out, the next hop: on our network the destination itself
	looked   time.Duration
	template template

	mtu      int           // largest payload that is known to travel unfragmented (pathmtu.go)
	mtuUntil time.Duration // when mtu is the interface's again; Never if it is
	fragile  bool          // somebody on the way carries less than minPathMTU: DF is not set
}

// inPlace reports whether n bytes of payload can be sent in the frame that the
// owner's device lends, behind the path's template.
func (p *path) inPlace(n int) bool {
	return n <= p.mtu && p.out == p.owner && !p.fragile && p.via.isUsable()
}

// paths is the table. A path is in the list of its neighbour too.
type paths struct {
	byAddr map[netip.Addr]*path
	all    []*path // without the broadcasts
	next   int     // index in all where the next eviction begins to look
	last   *path   // of the last Send, which went in place; or nil

	mtuDeadline time.Duration // when a lowered path MTU is to be forgotten
}

// pathTo returns the path to dst, which it adds if it is new, or &s.self for
// our own address. The errors are those of Port.Send, and counted.
func (s *Stack) pathTo(now time.Duration, dst netip.Addr) (*path, error) {
	if to := s.paths.last; to != nil && to.addr == dst {
		return to, nil
	}
	if !s.claim.held {
		s.stats.Output.NotClaimed++
		return nil, fmt.Errorf("%w: %s", ErrNotClaimed, s.addr)
	}
	dst = dst.Unmap()
	if dst == s.addr {
		return &s.self, nil
	}
	to := s.paths.byAddr[dst]
	if to == nil {
		var err error
		if to, err = s.newPath(now, dst); err != nil {
			return nil, err
		}
	}
	to.looked = now
	return to, nil
}

// newPath adds the path to dst by the route that leads there.
func (s *Stack) newPath(now time.Duration, dst netip.Addr) (*path, error) {
	out, hop, ok := s.route(dst)
	if !ok {
		s.stats.Output.NoRoute++
		return nil, fmt.Errorf("%w: %s", ErrNoRoute, dst)
	}
	via := out.findNeighbour(hop, now)
	if via == nil {
		s.stats.Output.QueueFull++
		return nil, fmt.Errorf("%w: to %s", ErrQueueFull, dst)
	}
	if len(s.paths.all) == maxPaths {
		s.evictPath()
	}
	to := s.makePath(dst, out, via)
	s.paths.all = append(s.paths.all, to)
	return to, nil
}

// makePath makes a path that its address and its neighbour lead to.
func (s *Stack) makePath(dst netip.Addr, out *Stack, via *neighbour) *path {
	to := &path{
		addr: dst, owner: s, out: out, via: via,
		template: makeTemplate(out.hardware, via.hardware, s.addr, dst, s.ttl),
		mtu:      out.mtu, mtuUntil: Never,
	}
	s.paths.byAddr[dst] = to
	via.paths = append(via.paths, to)
	return to
}

// addBroadcast adds a broadcast address, which needs no ARP.
func (s *Stack) addBroadcast(dst netip.Addr) {
	s.makePath(dst, s, &neighbour{addr: dst, state: permanent, hardware: link.Broadcast, deadline: Never})
}

// evictPath removes the one of the next few paths that was looked up longest
// ago.
func (s *Stack) evictPath() {
	t := &s.paths
	var victim *path
	for range evictAmong {
		t.next = (t.next + 1) % len(t.all)
		if p := t.all[t.next]; p != t.last && (victim == nil || p.looked < victim.looked) {
			victim = p
		}
	}
	victim.via.leave(victim)
	s.removePath(victim)
}

// removePath takes a path out of the table; its neighbour still has it.
func (s *Stack) removePath(p *path) {
	t := &s.paths
	delete(t.byAddr, p.addr)
	if t.last == p {
		t.last = nil
	}
	i := slices.Index(t.all, p)
	t.all = slices.Delete(t.all, i, i+1)
}

// forgetPaths removes all paths but the broadcasts, since the routes changed.
func (s *Stack) forgetPaths() {
	t := &s.paths
	for _, p := range t.all {
		p.via.leave(p)
		delete(t.byAddr, p.addr)
	}
	clear(t.all)
	t.all, t.last = t.all[:0], nil
}
