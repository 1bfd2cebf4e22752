package rdp

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"time"
)

// issTick is how fast initial sequence numbers advance: faster than segments can be sent (a segment costs more than
// 250 ns), so that a new connection starts above an old one between the same ports; 2^32 of them take 18 minutes.
const issTick = 250 * time.Nanosecond

// iss selects SND.ISS: RFC 908's monotonically increasing clock, plus a keyed hash of the addresses and ports, which
// others can't guess (RFC 6528).
func (e *Endpoint) iss(now time.Duration, local, remote netip.AddrPort) uint32 {
	if e.fixedISS != nil {
		return e.fixedISS()
	}
	var b [len(e.secret) + 2*(16+2)]byte
	n := copy(b[:], e.secret[:])
	for _, a := range [...]netip.AddrPort{local, remote} {
		ip := a.Addr().As16()
		n += copy(b[n:], ip[:])
		binary.BigEndian.PutUint16(b[n:], a.Port())
		n += 2
	}
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:]) + uint32(now/issTick)
}
