package sim

import (
	"encoding/binary"
	"math/rand/v2"

	"deputy/ipx"
	"deputy/link"
)

// corrupt changes a frame so that the receiver is certain to notice, and reports whether it changed it.
//
// It raises bits, up to three of them in different columns of 16 bits, all in the IP header or all behind it. What that
// adds to the ones' complement sum is a sum of different powers of two, which is no multiple of 65,535: the checksum of
// IP, TCP and RDP finds it. In a fragment it is one bit only: that of a whole datagram fewer than 16 are raised is then all but
// certain, and fewer than 16 powers of two, different or not, make no multiple of 65,535 either. CRC32C finds any three bits in a frame. So whatever gets through is a fault of ours and not bad luck, which is one
// case of 65,536 with bits flipped at random.
//
// Only IPv4 is corrupted: ARP has no checksum of its own, and relies on the frame check sequence.
func corrupt(r *rand.Rand, b []byte) bool {
	if binary.BigEndian.Uint16(b[link.HeaderLen-2:]) != link.EtherTypeIPv4 {
		return false
	}
	datagram := b[link.HeaderLen:]
	header := min(int(datagram[0]&0xf)*4, len(datagram))
	area := datagram[header:]
	if len(area) < ipx.HeaderLen || r.IntN(8) == 0 {
		area = datagram[:header]
	}
	bits := 1 + r.IntN(3)
	if len(datagram) >= ipx.HeaderLen && ipx.Header(datagram).IsFragment() {
		bits = 1
	}
	changed := false
	var columns uint16
	for range bits {
		i, bit := r.IntN(len(area)), r.IntN(8)
		column := uint16(1) << (i%2*8 + bit)
		if columns&column == 0 && area[i]&(1<<bit) == 0 {
			columns |= column
			area[i] |= 1 << bit
			changed = true
		}
	}
	return changed
}
