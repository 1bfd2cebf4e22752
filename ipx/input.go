package ipx

import (
	"encoding/binary"
	"math"
	"net/netip"
	"time"

	"deputy/link"
)

// Input takes a frame, with its Ethernet header and without its frame check
// sequence, which it neither changes nor keeps:
//
//  1. What waits in the loopback is delivered, since it came first.
//  2. Ethernet: the frame is for us or for all, from a single sender, and its
//     EtherType is that of IPv4 or ARP.
//  3. ARP goes to inputARP, which learns and answers.
//  4. IPv4: the header is whole and correct (ParseHeader), which also cuts off
//     the padding of a short frame.
//  5. The destination is our address or a broadcast; others are for a Gateway
//     to forward (inputOther). The source is a host of our network, or of one
//     that a route leads to.
//  6. Fragments go to inputFragment, which collects them.
//  7. The Handler of the protocol reads the payload in place. If there is none,
//     the source is told (RFC 1122, section 3.2.2.1).
//
// What fails a test is dropped and counted in Stats.Input.
func (s *Stack) Input(now time.Duration, frame []byte) {
	if s.loopback.len() > 0 {
		s.deliverLoopback(now)
	}
	s.stats.FramesReceived++
	if len(frame) < link.HeaderLen {
		s.stats.Input.ShortFrame++
		return
	}
	to := link.Addr(frame[etherDestination:])
	if to != s.hardware && to != link.Broadcast {
		s.stats.Input.OtherHardware++
		return
	}
	if frame[etherSource]&groupBit != 0 || link.Addr(frame[etherSource:]) == s.hardware {
		s.stats.Input.SourceHardware++
		return
	}
	switch binary.BigEndian.Uint16(frame[etherType:]) {
	case link.EtherTypeIPv4:
		s.inputIPv4(now, to, frame[link.HeaderLen:])
	case link.EtherTypeARP:
		s.inputARP(now, frame[link.HeaderLen:])
	default:
		s.stats.Input.EtherType++
	}
}

// inputIPv4 takes the payload of a frame that was sent to the hardware address
// to.
func (s *Stack) inputIPv4(now time.Duration, to link.Addr, b []byte) {
	h, err := ParseHeader(b)
	if err != nil {
		s.countHeaderError(err)
		return
	}
	if h.HeaderLen() > HeaderLen {
		s.stats.OptionsSkipped++
	}

	// Accessors that make a netip.Addr are left for what is delivered.
	dst := s.addr
	if d := binary.BigEndian.Uint32(h[offDestination:]); d == s.host && s.claim.held {
		if to == link.Broadcast {
			s.stats.Input.BroadcastFrame++
			return
		}
	} else if s.claim.held && (d == math.MaxUint32 || s.isBroadcast(d)) {
		dst = h.Destination()
	} else {
		s.inputOther(now, to, h)
		return
	}
	if src := binary.BigEndian.Uint32(h[offSource:]); src == s.host || !s.isHost(src) && !s.isRouted(src) {
		s.stats.Input.Source++
		return
	}
	s.deliver(now, to, dst, h)
}

// deliver takes a datagram or fragment for us, whose header has been tested.
// dst is our address or a broadcast.
func (s *Stack) deliver(now time.Duration, to link.Addr, dst netip.Addr, h Header) {
	if h.IsFragment() {
		s.inputFragment(now, dst, h)
		return
	}
	handler := s.handlers[h.Protocol()]
	if handler == nil {
		s.stats.Input.UnknownProtocol++
		if dst == s.addr && s.mayReport(to, h) {
			s.sendError(now, h, icmpUnreachable, codeProtocolUnreachable, 0)
		}
		return
	}
	payload := h.Payload()
	s.stats.DatagramsReceived++
	s.stats.BytesReceived += uint64(len(payload))
	handler.Receive(now, h.Source(), dst, payload)
}

// countHeaderError counts a datagram that ParseHeader refused with err.
func (s *Stack) countHeaderError(err error) {
	drops := &s.stats.Input
	switch err {
	case ErrShort:
		drops.ShortHeader++
	case ErrVersion:
		drops.Version++
	case ErrHeaderLength:
		drops.HeaderLength++
	case ErrTotalLength:
		drops.TotalLength++
	default:
		drops.Checksum++
	}
}

// inputARP takes an ARP packet as RFC 826 says under "Packet Reception", with
// two differences: the operation is tested before anything is learned, and
// only a request makes a neighbour known, while a reply changes one that we
// know or asked for.
func (s *Stack) inputARP(now time.Duration, b []byte) {
	p, err := parseARP(b)
	if err != nil {
		s.countARPError(err)
		return
	}
	hardware, sender := p.senderHardware(), p.sender()
	if hardware[0]&groupBit != 0 || hardware == (link.Addr{}) || hardware == s.hardware ||
		sender != netip.IPv4Unspecified() && !s.isHost(toUint32(sender)) {
		s.stats.Input.ARPSender++
		return
	}
	s.stats.ARPReceived++
	isRequest := p.operation() == arpRequest
	isProbe := isRequest && sender == netip.IPv4Unspecified() // RFC 5227, section 1.1
	isForUs := p.target() == s.addr

	if sender == s.addr || isProbe && isForUs && !s.claim.held {
		s.conflict(now, hardware)
		return
	}
	if !s.claim.held {
		return
	}
	if sender != netip.IPv4Unspecified() {
		s.learn(now, sender, hardware, isRequest && isForUs)
	}
	if isRequest && isForUs {
		s.reply(hardware, sender)
	}
}

// countARPError counts a packet that parseARP refused with err.
func (s *Stack) countARPError(err error) {
	drops := &s.stats.Input
	switch err {
	case errARPShort:
		drops.ARPShort++
	case errARPFormat:
		drops.ARPFormat++
	default:
		drops.ARPOperation++
	}
}
