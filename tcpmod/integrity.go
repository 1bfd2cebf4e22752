package tcpmod

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
	"time"
)

// Integrity is what protects the data of a connection beside the frame check
// sequence of the link. Both ends must have the same: a SYN that shows another
// one is answered with a reset, and an open that meets another one ends with
// ErrIntegrity.
type Integrity uint8

const (
	// IntegrityNone computes and verifies nothing; the checksum field is zero.
	// It is the thesis's variant (section 3.2.3) and the default.
	IntegrityNone Integrity = iota
	// IntegrityChecksum is TCP's own checksum, as every other TCP has it.
	IntegrityChecksum
	// IntegrityCRC32C is the Castagnoli CRC that iSCSI and SCTP use (RFC 3385),
	// in place of the checksum. It finds all errors of up to 5 bits and all
	// bursts of up to 32 in an Ethernet frame, where 16 bits of a sum miss one
	// in 65,536 and every exchange of two words. It travels in an experimental
	// option of 8 bytes, so that lengths and sequence numbers stay TCP's and
	// any tool reads the segment.
	IntegrityCRC32C
)

// The CRC option is the first of every segment that has it (RFC 6994: kind,
// length, ExID, and then our 4 bytes). It covers the pseudo-header and the
// segment with both its own field and the checksum field zero.
const (
	optExperiment = 253
	crcExID       = 0xdc32
	crcLen        = 8

	offCRCOption = HeaderLen
	offCRC       = offCRCOption + 4
	crcHeaderLen = HeaderLen + crcLen
)

const pseudoHeaderLen = 12

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// crcOption is the option without its value.
var crcOption = [crcLen]byte{optExperiment, crcLen, crcExID >> 8, crcExID & 0xff}

// hasCRC reports whether the segment begins its options with the CRC option.
func (h Header) hasCRC() bool {
	return h.DataOffset() >= crcHeaderLen && [4]byte(h[offCRCOption:offCRC]) == [4]byte(crcOption[:4])
}

// shown returns the integrity that a segment seems to have.
func (h Header) shown() Integrity {
	switch {
	case h.hasCRC():
		return IntegrityCRC32C
	case h.Checksum() != 0:
		return IntegrityChecksum
	}
	return IntegrityNone
}

// headerLen returns the length of the header and the option, if there is one.
func (i Integrity) headerLen() int {
	if i == IntegrityCRC32C {
		return crcHeaderLen
	}
	return HeaderLen
}

// seal protects a segment from us to dst, whose CRC option is in place.
func (e *Endpoint) seal(i Integrity, h Header, dst netip.Addr) {
	switch i {
	case IntegrityChecksum:
		h.setChecksum(e.addr, dst)
	case IntegrityCRC32C:
		binary.BigEndian.PutUint32(h[offCRC:], e.crc(h, e.addr, dst))
	}
}

// isIntact verifies a segment from src to us.
func (e *Endpoint) isIntact(i Integrity, h Header, src netip.Addr) bool {
	switch i {
	case IntegrityChecksum:
		return h.validChecksum(src, e.addr)
	case IntegrityCRC32C:
		return h.hasCRC() && binary.BigEndian.Uint32(h[offCRC:]) == e.crc(h, src, e.addr)
	}
	return true
}

// verdict is what a segment's integrity says.
type verdict uint8

const (
	intact  verdict = iota
	damaged         // on the way
	foreign         // intact, but of another option
)

// judge compares a segment with the integrity option of our end.
func (e *Endpoint) judge(i Integrity, h Header, src netip.Addr) verdict {
	shown := h.shown()
	switch {
	case i != IntegrityNone && e.isIntact(i, h, src), i == shown && i == IntegrityNone:
		return intact
	case i != shown && e.isIntact(shown, h, src):
		return foreign
	}
	return damaged
}

// verify reports whether a segment of the connection is to be looked at. Two
// that would complete the handshake with another option end the attempt; one
// can be ours with the option damaged.
func (c *TCB) verify(now time.Duration, h Header, src netip.Addr) bool {
	v := c.e.judge(c.opt.Integrity, h, src)
	if v == intact {
		return true
	}
	if c.state == SynSent && v == foreign && h.Flags()&(SYN|ACK) == SYN|ACK && seqNum(h.Ack()) == c.snd.nxt {
		c.e.stats.Mismatched++
		if c.mismatched {
			c.e.refuse(now, src, h)
			c.end(now, ErrIntegrity)
		}
		c.mismatched = true
		return false
	}
	c.e.stats.BadChecksum++
	return false
}

// crc computes the CRC of a segment with the option. The head, whose fields
// count as zero, is put together in memory of the endpoint: the segment is not
// ours to write to.
func (e *Endpoint) crc(h Header, src, dst netip.Addr) uint32 {
	b := &e.crcHead
	s, d := src.As4(), dst.As4()
	copy(b[0:], s[:])
	copy(b[4:], d[:])
	b[8], b[9] = 0, Protocol
	binary.BigEndian.PutUint16(b[10:], uint16(len(h)))
	copy(b[pseudoHeaderLen:], h[:crcHeaderLen])
	clear(b[pseudoHeaderLen+offChecksum : pseudoHeaderLen+offChecksum+2])
	clear(b[pseudoHeaderLen+offCRC:])
	return crc32.Update(crc32.Update(0, castagnoli, b[:]), castagnoli, h[crcHeaderLen:])
}
