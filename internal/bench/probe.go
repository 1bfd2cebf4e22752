package bench

import "encoding/binary"

// A probe is the payload of a frame or datagram that the peer sends back as it is.
//
//	0  0xE0 | the low 4 bits of its number. No IP datagram begins so: the version would be 14.
//	1  number  u32, little-endian, where the payload has room for it
//	5  anything
const (
	probeMark    = 0xe0
	probeMask    = 0xf0
	probeLongLen = 5
)

// putProbe writes the number into a payload of at least 1 byte.
func putProbe(payload []byte, number uint32) {
	payload[0] = probeMark | byte(number)&^probeMask
	if len(payload) >= probeLongLen {
		binary.LittleEndian.PutUint32(payload[1:], number)
	}
}

// isProbe reports whether the payload is some probe.
func isProbe(payload []byte) bool { return len(payload) > 0 && payload[0]&probeMask == probeMark }

// isProbeNumber reports whether the payload is the probe with this number and of at least this size:
// padding may follow.
func isProbeNumber(payload []byte, number uint32, size int) bool {
	return len(payload) >= size && payload[0] == probeMark|byte(number)&^probeMask &&
		(size < probeLongLen || binary.LittleEndian.Uint32(payload[1:]) == number)
}
