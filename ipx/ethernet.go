package ipx

// Offsets in the Ethernet II header, which is link.HeaderLen bytes long.
const (
	etherDestination = 0  // 6 bytes
	etherSource      = 6  // 6 bytes
	etherType        = 12 // 2 bytes
)

// groupBit is the bit in the first byte of a hardware address that marks a
// group: multicast or broadcast. A frame's source never has it.
const groupBit = 0x01
