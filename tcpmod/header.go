package tcpmod

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"deputy/internal/checksum"
)

// Protocol is TCP's number in the IP header.
const Protocol = 6

// HeaderLen is the length of a header without options, in bytes; maxHeaderLen
// that with as many options as the data offset allows.
const (
	HeaderLen    = 20
	maxHeaderLen = 60
)

// Offsets of the fields, in bytes.
const (
	offSrcPort  = 0
	offDstPort  = 2
	offSeq      = 4
	offAck      = 8
	offData     = 12 // data offset in 32-bit words, high 4 bits
	offFlags    = 13
	offWindow   = 14
	offChecksum = 16
	offUrgent   = 18
)

// Flags are the control bits (RFC 9293, section 3.1).
type Flags uint8

// The control bits.
const (
	FIN Flags = 1 << iota
	SYN
	RST
	PSH
	ACK
	URG
	ECE
	CWR
)

// String returns the names of the bits set, the first letter of each, as
// captures print them: "S", "SA", "FA", "R"; "." stands for none.
func (f Flags) String() string {
	const names = "FSRPAUEC"
	var b [8]byte
	n := 0
	for i := range names {
		if f&(1<<i) != 0 {
			b[n] = names[i]
			n++
		}
	}
	if n == 0 {
		return "."
	}
	return string(b[:n])
}

// Why Parse refuses a segment.
var (
	ErrShort  = errors.New("tcpmod: segment shorter than a header")
	ErrOffset = errors.New("tcpmod: data offset outside the segment")
)

// Header is a segment: header, options, data. After Parse no accessor can
// panic.
type Header []byte

// Parse checks the lengths of a segment and returns a view of it. The error is
// ErrShort or ErrOffset.
func Parse(segment []byte) (Header, error) {
	if len(segment) < HeaderLen {
		return nil, ErrShort
	}
	h := Header(segment)
	if n := h.DataOffset(); n < HeaderLen || n > len(segment) {
		return nil, ErrOffset
	}
	return h, nil
}

// SrcPort returns the source port.
func (h Header) SrcPort() uint16 { return binary.BigEndian.Uint16(h[offSrcPort:]) }

// DstPort returns the destination port.
func (h Header) DstPort() uint16 { return binary.BigEndian.Uint16(h[offDstPort:]) }

// Seq returns the sequence number.
func (h Header) Seq() uint32 { return binary.BigEndian.Uint32(h[offSeq:]) }

// Ack returns the acknowledgement number.
func (h Header) Ack() uint32 { return binary.BigEndian.Uint32(h[offAck:]) }

// DataOffset returns the length of header and options in bytes, 20 to 60.
func (h Header) DataOffset() int { return int(h[offData]>>4) * 4 }

// Flags returns the control bits.
func (h Header) Flags() Flags { return Flags(h[offFlags]) }

// Window returns the window field, unscaled.
func (h Header) Window() uint16 { return binary.BigEndian.Uint16(h[offWindow:]) }

// Checksum returns the checksum field; 0 where the sender did not compute it.
func (h Header) Checksum() uint16 { return binary.BigEndian.Uint16(h[offChecksum:]) }

// Options returns the bytes of the options, 0 to 40.
func (h Header) Options() []byte { return h[HeaderLen:h.DataOffset()] }

// Payload returns the data.
func (h Header) Payload() []byte { return h[h.DataOffset():] }

// put writes what differs from segment to segment into a header made from a
// connection's template.
func (h Header) put(seq, ack seqNum, headerLen int, f Flags, window uint16) {
	binary.BigEndian.PutUint32(h[offSeq:], uint32(seq))
	binary.BigEndian.PutUint32(h[offAck:], uint32(ack))
	h[offData] = byte(headerLen << 2)
	h[offFlags] = byte(f)
	binary.BigEndian.PutUint16(h[offWindow:], window)
}

// setChecksum computes the checksum over pseudo-header and segment (RFC 9293,
// section 3.1). The field must be zero before.
func (h Header) setChecksum(src, dst netip.Addr) {
	sum := checksum.PseudoHeader(src, dst, Protocol, uint16(len(h)))
	binary.BigEndian.PutUint16(h[offChecksum:], checksum.Fold(checksum.Sum(h, sum)))
}

// validChecksum verifies the checksum.
func (h Header) validChecksum(src, dst netip.Addr) bool {
	sum := checksum.PseudoHeader(src, dst, Protocol, uint16(len(h)))
	return checksum.Fold(checksum.Sum(h, sum)) == 0
}
