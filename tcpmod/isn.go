package tcpmod

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// isnTick is the period of the clock in initial sequence numbers.
const isnTick = 4 * time.Microsecond

// initialSeq is RFC 6528: ISN = M + F(addresses, ports, secret). So a new
// connection between the same ports starts above the old one, and nobody else
// can guess where.
func (e *Endpoint) initialSeq(now time.Duration, k key) seqNum {
	isn, _ := e.offsets(k)
	return seqNum(now/isnTick) + seqNum(isn)
}

// offsets returns where the clocks of the connections between two ports begin:
// that of sequence numbers, and that of timestamps (RFC 7323, section 7.1).
func (e *Endpoint) offsets(k key) (isn, ts uint32) {
	var b [len(e.secret) + 16]byte
	copy(b[:], e.secret[:])
	local := e.addr.As4()
	copy(b[len(e.secret):], local[:])
	binary.BigEndian.PutUint64(b[len(e.secret)+4:], uint64(k))
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:]), binary.BigEndian.Uint32(sum[4:])
}
