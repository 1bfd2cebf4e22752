package ipx

import "time"

const (
	// minPathMTU is the least MTU in bytes that a message can set: what every
	// host takes, whole or reassembled (RFC 1122, section 3.3.2). Below it, a
	// forged message would make us send dust. Where a network on the way really
	// carries less, its gateway may fragment: DF is no longer set.
	minPathMTU = 576
	// pathMTUTime is how long a lowered path MTU is believed; then the path may
	// have changed (RFC 1191, section 6.3).
	pathMTUTime = 10 * time.Minute
)

// plateaus are the MTUs that are found in practice, in bytes, from which a
// guess is made where a gateway older than RFC 1191 doesn't tell its own (same
// RFC, section 7.1).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, minPathMTU}

// lowerMTU takes a message that q, a datagram of ours, was too large for a
// network of an MTU. It returns the path's new MTU, or 0 for a message that
// can't be true: about a datagram that might have been fragmented, or was no
// larger than that. The MTU is never raised by a message.
func (s *Stack) lowerMTU(now time.Duration, to *path, q Header, mtu int) int {
	total := q.TotalLength()
	if !q.DontFragment() || total > to.out.mtu+HeaderLen || mtu >= total {
		return 0
	}
	if mtu == 0 {
		for _, mtu = range plateaus {
			if mtu < total {
				break
			}
		}
	}
	if mtu < minPathMTU {
		to.fragile = true
		mtu = min(minPathMTU, to.out.mtu+HeaderLen)
		s.paths.last = nil
	}
	to.mtu = min(to.mtu, mtu-HeaderLen)
	to.mtuUntil = now + pathMTUTime
	s.paths.mtuDeadline = min(s.paths.mtuDeadline, to.mtuUntil)
	s.schedule(to.mtuUntil)
	return to.mtu + HeaderLen
}

// advancePathMTUs sets the paths whose time is over back to the interface's
// MTU.
func (s *Stack) advancePathMTUs(now time.Duration) {
	t := &s.paths
	if now < t.mtuDeadline {
		return
	}
	t.mtuDeadline = Never
	for _, p := range t.all {
		if p.mtuUntil <= now {
			p.mtu, p.mtuUntil, p.fragile = p.out.mtu, Never, false
		}
		t.mtuDeadline = min(t.mtuDeadline, p.mtuUntil)
	}
}
