package ipx

import (
	"encoding/binary"
	"math"
	"time"

	"deputy/internal/checksum"
	"deputy/link"
)

// inputOther takes a datagram that is not for us, as a gateway does (RFC 1812,
// section 5.2.1):
//
//  1. Without a Gateway, or in a broadcast frame, it is dropped.
//  2. Its source is a host that is reached through us too (RFC 3704, section
//     2.2), its destination a single host (RFC 2644: broadcasts to another
//     network are not forwarded).
//  3. The address of another stack of the Gateway: it is delivered there.
//  4. TTL, route and size: where one doesn't suffice, the source is told by ICMP.
//  5. The TTL goes down by one, and the datagram to the next hop; a copy waits
//     for its hardware address if need be. One that is too large goes in
//     fragments.
func (s *Stack) inputOther(now time.Duration, to link.Addr, h Header) {
	if s.gateway == nil || !s.claim.held || to == link.Broadcast {
		s.stats.Input.OtherAddress++
		return
	}
	src, dst := binary.BigEndian.Uint32(h[offSource:]), binary.BigEndian.Uint32(h[offDestination:])
	if !isUnicast(dst) || s.gateway.isBroadcast(dst) {
		s.stats.Input.OtherAddress++
		return
	}
	if src == s.host || !s.isHost(src) && !s.isRouted(src) {
		s.stats.Input.Source++
		return
	}
	if owner := s.gateway.owner(dst); owner != nil {
		s.stats.DatagramsForwarded++
		owner.stats.FramesReceived++
		owner.deliver(now, to, owner.addr, h)
		return
	}
	if h.TTL() <= 1 {
		s.stats.Input.TTL++
		s.refuse(now, to, h, icmpTimeExceeded, codeTTL, 0)
		return
	}
	out, hop, ok := s.gateway.route(fromUint32(dst))
	if !ok {
		s.stats.Input.NoRoute++
		s.refuse(now, to, h, icmpUnreachable, codeNetUnreachable, 0)
		return
	}
	if mtu := out.mtu + HeaderLen; len(h) > mtu && h.DontFragment() {
		s.stats.Input.TooLarge++
		s.refuse(now, to, h, icmpUnreachable, codeFragmentationNeeded, mtu)
		return
	}
	via := out.findNeighbour(hop, unused)
	if via != nil && via.state == unreachable {
		s.stats.Input.NextHop++
		s.refuse(now, to, h, icmpUnreachable, codeHostUnreachable, 0)
		return
	}
	if via == nil || out.forward(now, via, h) != nil {
		s.stats.Input.NextHop++
		return
	}
	s.stats.DatagramsForwarded++
}

// refuse tells the source of a datagram why it goes no further, if it may be
// told.
func (s *Stack) refuse(now time.Duration, to link.Addr, h Header, kind, code uint8, mtu int) {
	if s.mayReport(to, h) && !s.gateway.isBroadcast(binary.BigEndian.Uint32(h[offSource:])) {
		s.sendError(now, h, kind, code, mtu)
	}
}

// forward sends a datagram of another host to one of our neighbours.
func (s *Stack) forward(now time.Duration, via *neighbour, h Header) error {
	var buffer [maxHeaderLen]byte
	header := Header(buffer[:copy(buffer[:], h[:h.HeaderLen()])])
	header.decrementTTL()
	payload := gather{head: h.Payload()}
	n := len(h) - len(header)
	if !via.isUsable() {
		return s.wait(now, via, header, &payload, n, true)
	}
	via.used = now
	return s.emitForwarded(via, header, &payload, n)
}

// emitForwarded sends a datagram of another host, in one frame if it fits.
func (s *Stack) emitForwarded(via *neighbour, header Header, payload *gather, n int) error {
	var err error
	if len(header)+n <= s.mtu+HeaderLen {
		err = s.put(via, header, payload, n)
	} else {
		s.stats.DatagramsFragmented++
		err = s.fragment(via, header, payload, n, s.mtu+HeaderLen)
	}
	if err != nil {
		s.stats.Output.DeviceError++
	}
	return err
}

// decrementTTL takes a hop off a TTL above 0. The checksum is patched: HC' =
// ~(~HC + ~m + m') (RFC 1624, section 3), where m' is m less 0x0100.
func (h Header) decrementTTL() {
	h[offTTL]--
	sum := uint32(^h.Checksum()) + math.MaxUint16 - 0x0100
	binary.BigEndian.PutUint16(h[offChecksum:], checksum.Fold(sum))
}
