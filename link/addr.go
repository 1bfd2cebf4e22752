package link

import (
	"fmt"
	"net"
)

// Addr is a 48-bit Ethernet hardware address (IEEE 802, MAC-48), in the order of transmission.
type Addr [6]byte

// Broadcast is the address of all stations.
var Broadcast = Addr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}

// The two flag bits in the first byte of an address (IEEE 802-2014, 8.2.2).
const (
	groupBit = 0x01 // set: multicast or broadcast
	localBit = 0x02 // set: administered locally, not assigned by the vendor
)

// String is the usual form, six hexadecimal bytes with colons: "02:00:5e:10:00:01".
func (a Addr) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5])
}

// IsUnicast reports whether the address names one station: no group bit, not zero.
func (a Addr) IsUnicast() bool { return a[0]&groupBit == 0 && a != Addr{} }

// DeriveAddr gives the address that we use beside the hardware address hw of an interface: always the same
// for the same hw, always different from it, unicast and locally administered. The last five bytes stay,
// so that it can be recognised in a capture. hw is expected to have 6 bytes; missing ones count as zero.
func DeriveAddr(hw net.HardwareAddr) Addr {
	// own is flipped whatever hw has there: without it, an interface that is administered locally
	// already (any virtual one) would keep its address.
	const own = 0x40
	var a Addr
	copy(a[:], hw)
	a[0] = (a[0]^own)&^groupBit | localBit
	return a
}
