package ipx

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"deputy/link"
)

// arpLen is the size in bytes of an ARP packet for IPv4 over Ethernet.
const arpLen = 28

// Offsets in an ARP packet (RFC 826), for 6-byte hardware and 4-byte protocol
// addresses.
const (
	offHardwareType   = 0  // 2 bytes, 1 = Ethernet
	offProtocolType   = 2  // 2 bytes, an EtherType
	offHardwareLength = 4  // 1 byte, 6
	offProtocolLength = 5  // 1 byte, 4
	offOperation      = 6  // 2 bytes
	offSenderHardware = 8  // 6 bytes
	offSenderProtocol = 14 // 4 bytes
	offTargetHardware = 18 // 6 bytes
	offTargetProtocol = 24 // 4 bytes
)

// Operations of ARP.
const (
	arpRequest = 1
	arpReply   = 2
)

var (
	errARPShort     = errors.New("ipx: ARP packet shorter than 28 bytes")
	errARPFormat    = errors.New("ipx: ARP packet not for IPv4 over Ethernet")
	errARPOperation = errors.New("ipx: ARP operation neither request nor reply")
)

// arpPacket is a view of an ARP packet, arpLen bytes long. On one that
// parseARP returned no accessor panics.
type arpPacket []byte

// parseARP checks that b begins with an ARP request or reply for IPv4 over
// Ethernet and returns a view of it, without the padding that follows.
func parseARP(b []byte) (arpPacket, error) {
	if len(b) < arpLen {
		return nil, errARPShort
	}
	if binary.BigEndian.Uint16(b[offHardwareType:]) != 1 ||
		binary.BigEndian.Uint16(b[offProtocolType:]) != link.EtherTypeIPv4 ||
		b[offHardwareLength] != 6 || b[offProtocolLength] != 4 {
		return nil, errARPFormat
	}
	p := arpPacket(b[:arpLen])
	if op := p.operation(); op != arpRequest && op != arpReply {
		return nil, errARPOperation
	}
	return p, nil
}

func (p arpPacket) operation() uint16         { return binary.BigEndian.Uint16(p[offOperation:]) }
func (p arpPacket) senderHardware() link.Addr { return link.Addr(p[offSenderHardware:]) }
func (p arpPacket) sender() netip.Addr        { return netip.AddrFrom4([4]byte(p[offSenderProtocol:])) }
func (p arpPacket) targetHardware() link.Addr { return link.Addr(p[offTargetHardware:]) }
func (p arpPacket) target() netip.Addr        { return netip.AddrFrom4([4]byte(p[offTargetProtocol:])) }

// arpFields are the parts of an ARP packet that vary.
type arpFields struct {
	operation      uint16
	senderHardware link.Addr
	sender         netip.Addr
	targetHardware link.Addr // zero where it isn't known
	target         netip.Addr
}

// put writes the packet into the first arpLen bytes of b.
func (f arpFields) put(b []byte) {
	binary.BigEndian.PutUint16(b[offHardwareType:], 1)
	binary.BigEndian.PutUint16(b[offProtocolType:], link.EtherTypeIPv4)
	b[offHardwareLength] = 6
	b[offProtocolLength] = 4
	binary.BigEndian.PutUint16(b[offOperation:], f.operation)
	sender, target := f.sender.As4(), f.target.As4()
	copy(b[offSenderHardware:], f.senderHardware[:])
	copy(b[offSenderProtocol:], sender[:])
	copy(b[offTargetHardware:], f.targetHardware[:])
	copy(b[offTargetProtocol:], target[:])
}
