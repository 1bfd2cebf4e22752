package ipx

import (
	"net/netip"
	"time"
)

// StatusHandler is a Handler that wants to know what became of its datagrams:
// the status communication of the thesis, section 3.1.1.
type StatusHandler interface {
	Handler
	// Status tells that a datagram of ours to dst didn't arrive, by an ICMP
	// error (RFC 792): destination unreachable (type 3) or time exceeded (11) or
	// parameter problem (12). Host unreachable (3, 1) comes also from our own ARP.
	// segment is the beginning of the datagram's payload, 8 bytes at least, valid
	// during the call only. mtu is for fragmentation needed (3, 4) the largest
	// datagram in bytes that may travel to dst from now on, and 0 otherwise.
	// Anybody can forge such a message: segment should be tested for what is
	// really under way (RFC 5927). Status may call Port.Buffer and Port.Send.
	Status(now time.Duration, dst netip.Addr, icmpType, icmpCode uint8, mtu int, segment []byte)
}

// icmpHandler is the Handler of ICMP that every Stack has.
type icmpHandler struct{ *Stack }

// Receive takes an ICMP message:
//
//  1. Checksum and length are tested.
//  2. An echo request is answered, unless it was sent to all (RFC 1122, section
//     3.2.2.6). An echo reply goes to who asked (echo.go).
//  3. An error quotes a datagram, which must be one that we may have sent: from
//     our address, to one that we have a path to.
//  4. Fragmentation needed changes the path's MTU (pathmtu.go).
//  5. The transport of the datagram is told, if it is a StatusHandler.
//
// Everything else is counted and ignored, redirects and source quench (RFC
// 6633) with it.
func (h icmpHandler) Receive(now time.Duration, src, dst netip.Addr, payload []byte) {
	s := h.Stack
	m, err := parseICMP(payload)
	if err != nil {
		s.stats.ICMP.Malformed++
		return
	}
	if dst != s.addr {
		s.stats.ICMP.Ignored++
		return
	}
	switch m.kind() {
	case icmpEcho:
		s.answerEcho(now, src, m)
	case icmpEchoReply:
		s.takeEchoReply(now, src, m)
	case icmpUnreachable, icmpTimeExceeded, icmpParameter:
		s.takeError(now, m)
	default:
		s.stats.ICMP.Ignored++
	}
}

// takeError takes an error message about a datagram of ours.
func (s *Stack) takeError(now time.Duration, m icmpMessage) {
	q, err := m.quote()
	if err != nil {
		s.stats.ICMP.Malformed++
		return
	}
	dst := q.Destination()
	to := s.paths.byAddr[dst]
	if q.Source() != s.addr || to == nil || to.via.state == permanent {
		s.stats.ICMP.NotOurs++
		return
	}
	mtu := 0
	if m.kind() == icmpUnreachable && m.code() == codeFragmentationNeeded {
		if mtu = s.lowerMTU(now, to, q, m.nextHopMTU()); mtu == 0 {
			s.stats.ICMP.Ignored++
			return
		}
	}
	s.stats.ICMP.ErrorsReceived++
	if q.FragmentOffset() == 0 {
		s.tell(now, m.kind(), m.code(), mtu, q)
	}
}

// tell tells the transport of a datagram of ours what became of it.
func (s *Stack) tell(now time.Duration, kind, code uint8, mtu int, q Header) {
	if h, ok := s.handlers[q.Protocol()].(StatusHandler); ok {
		h.Status(now, q.Destination(), kind, code, mtu, q[q.HeaderLen():])
	}
}

// reportUnreachable tells whose datagram it is that ARP had no answer: our own
// transport, or the source of a forwarded one.
func (s *Stack) reportUnreachable(now time.Duration, d datagram) {
	h := Header(d.bytes)
	switch {
	case d.forwarded:
		s.sendError(now, h, icmpUnreachable, codeHostUnreachable, 0)
	case len(h) >= h.HeaderLen()+quotedLeast && h.FragmentOffset() == 0 && h.Source() == s.addr:
		s.tell(now, icmpUnreachable, codeHostUnreachable, 0, h)
	}
}
