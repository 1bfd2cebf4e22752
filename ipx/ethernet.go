package ipx

import (
	"encoding/binary"

	"deputy/link"
)

// Offsets in the Ethernet II header, which is link.HeaderLen bytes long.
const (
	etherDestination = 0  // 6 bytes
	etherSource      = 6  // 6 bytes
	etherType        = 12 // 2 bytes
)

// groupBit is the bit in the first byte of a hardware address that marks a
// group: multicast or broadcast. A frame's source never has it.
const groupBit = 0x01

// putEthernet writes the header of a frame of ours.
func (s *Stack) putEthernet(frame []byte, to link.Addr, kind uint16) {
	copy(frame[etherDestination:], to[:])
	copy(frame[etherSource:], s.hardware[:])
	binary.BigEndian.PutUint16(frame[etherType:], kind)
}
