package ipx

import (
	"net/netip"

	"deputy/link"
)

// request asks who has addr, by broadcast or of one neighbour.
func (s *Stack) request(to link.Addr, addr netip.Addr) {
	s.sendARP(to, arpFields{
		operation:      arpRequest,
		senderHardware: s.hardware,
		sender:         s.addr,
		target:         addr,
	})
}

// reply tells the sender of a request that our address is ours. addr is
// unspecified where the request was a probe.
func (s *Stack) reply(to link.Addr, addr netip.Addr) {
	s.sendARP(to, arpFields{
		operation:      arpReply,
		senderHardware: s.hardware,
		sender:         s.addr,
		targetHardware: to,
		target:         addr,
	})
}

// probe asks who has our address without saying that we want it, so that no
// neighbour learns anything from it (RFC 5227, section 1.1).
func (s *Stack) probe() {
	s.sendARP(link.Broadcast, arpFields{
		operation:      arpRequest,
		senderHardware: s.hardware,
		sender:         netip.IPv4Unspecified(),
		target:         s.addr,
	})
}

// announce tells everybody that our address is ours (RFC 5227, section 2.3).
func (s *Stack) announce() { s.request(link.Broadcast, s.addr) }

// sendARP sends an ARP packet in the lent frame. A device that doesn't take it
// is counted: the packet is repeated, or asked for again, as if it were lost.
func (s *Stack) sendARP(to link.Addr, fields arpFields) {
	frame := s.dev.Buffer()
	s.putEthernet(frame, to, link.EtherTypeARP)
	fields.put(frame[link.HeaderLen:])
	switch err := s.dev.Send(link.HeaderLen + arpLen); {
	case err != nil:
		s.stats.ARPSendErrors++
	case fields.operation == arpReply:
		s.stats.ARPRepliesSent++
	default:
		s.stats.ARPRequestsSent++
	}
}
