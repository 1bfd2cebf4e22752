package rdp

import (
	"encoding/binary"
	"net/netip"

	"deputy/internal/checksum"
)

// Protocol is the number of RDP in IP's protocol field (IANA).
const Protocol = 27

// Sizes in bytes.
const (
	HeaderLen = 18 // the fixed header of version 2 (RFC 1151, figure 1)

	synLen      = HeaderLen + 6 // with the three words of a SYN (RFC 908, section 4.3)
	ipHeaderLen = 20            // counted by "maximum segment size" (RFC 908, section 4.3.2)
	unit        = 2             // what the header length field counts

	// MaxEACKs is how many numbers an EACK segment can list: its header length field ends at 255 units.
	MaxEACKs = (255*unit - HeaderLen) / 4
)

// Flags is the upper six bits of the first byte of a segment (RFC 908, section 4.2.1).
type Flags uint8

// Control flags. Bit 0x04 is unused and must be zero.
const (
	SYN  Flags = 0x80 // establish connection
	ACK  Flags = 0x40 // acknowledgement number significant
	EACK Flags = 0x20 // extended acknowledgement: numbers received out of order follow the header
	RST  Flags = 0x10 // reset, or close
	NUL  Flags = 0x08 // is the peer alive

	unusedFlag  = 0x04
	versionMask = 0x03
	version     = 2
)

// Offsets in the header.
const (
	offFlags    = 0
	offLength   = 1
	offSource   = 2
	offDest     = 4
	offDataLen  = 6
	offSeq      = 8
	offAck      = 12
	offChecksum = 16
	offVariable = 18

	offSynMax     = offVariable     // maximum number of outstanding segments
	offSynSize    = offVariable + 2 // maximum segment size
	offSynOptions = offVariable + 4 // options flag field

	// optionSDM is bit 0 of the options flag field, sequenced delivery mode. RFC 908 numbers bits from the
	// most significant in its figures (section 4.2), but draws no figure of this field; it is read as a set of
	// flags whose bit 0 is the value 1.
	optionSDM = 0x0001
)

// Header is a view of the header of a segment that Parse has accepted: no accessor can panic then.
type Header []byte

// Parse splits a segment, as IP delivers it, into header and data. It accepts nothing that RFC 908 (sections 4.2 to
// 4.7) and RFC 1151 don't allow; the error says why. The checksum is not looked at.
func Parse(segment []byte) (Header, []byte, error) {
	if len(segment) < HeaderLen {
		return nil, nil, ErrShort
	}
	first := segment[offFlags]
	if first&versionMask != version {
		return nil, nil, ErrVersion
	}
	n := int(segment[offLength]) * unit
	if n < HeaderLen || n > len(segment) {
		return nil, nil, ErrHeaderLength
	}
	h, data := Header(segment[:n:n]), segment[n:]
	if int(binary.BigEndian.Uint16(h[offDataLen:])) != len(data) {
		return nil, nil, ErrDataLength
	}
	if h.Source() == 0 || h.Destination() == 0 {
		return nil, nil, ErrPort
	}
	flags := Flags(first &^ versionMask)
	extra := n - HeaderLen
	switch {
	case flags&unusedFlag != 0:
		return nil, nil, ErrFlags
	case flags == ACK: // the usual one: ACK, with or without data
		if extra != 0 {
			return nil, nil, ErrHeaderLength
		}
		return h, data, nil
	case flags&SYN != 0:
		if flags&^(SYN|ACK) != 0 {
			return nil, nil, ErrFlags
		}
		if n != synLen {
			return nil, nil, ErrHeaderLength
		}
	case flags&RST != 0:
		if flags&^(RST|ACK) != 0 {
			return nil, nil, ErrFlags
		}
		if extra != 0 {
			return nil, nil, ErrHeaderLength
		}
	case flags&EACK != 0:
		if flags&ACK == 0 { // "The EACK is always combined with an ACK" (section 4.5)
			return nil, nil, ErrFlags
		}
		if extra == 0 || extra%4 != 0 {
			return nil, nil, ErrHeaderLength
		}
	case flags == NUL, flags == NUL|ACK:
		if extra != 0 {
			return nil, nil, ErrHeaderLength
		}
	default: // no flag at all: data segments carry ACK, and there is no other kind
		return nil, nil, ErrFlags
	}
	if len(data) != 0 && flags&(SYN|RST|NUL) != 0 {
		return nil, nil, ErrUnexpectedData
	}
	return h, data, nil
}

// Flags returns the control flags.
func (h Header) Flags() Flags { return Flags(h[offFlags] &^ (versionMask | unusedFlag)) }

// Source returns the source port.
func (h Header) Source() uint16 { return binary.BigEndian.Uint16(h[offSource:]) }

// Destination returns the destination port.
func (h Header) Destination() uint16 { return binary.BigEndian.Uint16(h[offDest:]) }

// Seq returns the sequence number, SEG.SEQ.
func (h Header) Seq() uint32 { return binary.BigEndian.Uint32(h[offSeq:]) }

// Ack returns the acknowledgement number, SEG.ACK; it means something only with flag ACK.
func (h Header) Ack() uint32 { return binary.BigEndian.Uint32(h[offAck:]) }

// Checksum returns the checksum field.
func (h Header) Checksum() uint16 { return binary.BigEndian.Uint16(h[offChecksum:]) }

// Outstanding returns the maximum number of outstanding segments of a SYN, SEG.MAX; 0 in any other segment.
func (h Header) Outstanding() uint16 { return h.synWord(offSynMax) }

// SegmentSize returns the maximum segment size of a SYN, SEG.BMAX, in bytes, IP and RDP headers included; 0 in any
// other segment.
func (h Header) SegmentSize() uint16 { return h.synWord(offSynSize) }

// Sequenced reports whether a SYN asks for sequenced delivery mode.
func (h Header) Sequenced() bool { return h.synWord(offSynOptions)&optionSDM != 0 }

func (h Header) synWord(off int) uint16 {
	if h.Flags()&SYN == 0 {
		return 0
	}
	return binary.BigEndian.Uint16(h[off:])
}

// EACKs returns how many numbers an EACK lists, 0 to MaxEACKs.
func (h Header) EACKs() int {
	if h.Flags()&EACK == 0 {
		return 0
	}
	return (len(h) - HeaderLen) / 4
}

// EACK returns the number i of the list, 0 <= i < EACKs().
func (h Header) EACK(i int) uint32 { return binary.BigEndian.Uint32(h[offVariable+4*i:]) }

// putHeader writes a header of n bytes, variable area not included, with checksum zero.
func putHeader(b []byte, flags Flags, n int, source, dest uint16, dataLen int, seq, ack uint32) {
	_ = b[HeaderLen-1]
	b[offFlags] = byte(flags) | version
	b[offLength] = byte(n / unit)
	binary.BigEndian.PutUint16(b[offSource:], source)
	binary.BigEndian.PutUint16(b[offDest:], dest)
	binary.BigEndian.PutUint16(b[offDataLen:], uint16(dataLen))
	binary.BigEndian.PutUint32(b[offSeq:], seq)
	binary.BigEndian.PutUint32(b[offAck:], ack)
	binary.BigEndian.PutUint16(b[offChecksum:], 0)
}

// putSYN writes the variable area of a SYN behind the fixed header.
func putSYN(b []byte, outstanding, segmentSize uint16, sequenced bool) {
	_ = b[synLen-1]
	binary.BigEndian.PutUint16(b[offSynMax:], outstanding)
	binary.BigEndian.PutUint16(b[offSynSize:], segmentSize)
	var options uint16
	if sequenced {
		options = optionSDM
	}
	binary.BigEndian.PutUint16(b[offSynOptions:], options)
}

// putChecksum fills in the checksum of RFC 1151: that of TCP, pseudo-header (with protocol 27) included, since
// the page of RFC 793 that it points to defines it so. A computed 0 goes out as 0xffff, its equal in ones'
// complement, so that a field of 0 always means: not computed.
func putChecksum(segment []byte, src, dst netip.Addr) {
	binary.BigEndian.PutUint16(segment[offChecksum:], 0)
	putSum(segment, checksum.Sum(segment, checksum.PseudoHeader(src, dst, Protocol, uint16(len(segment)))))
}

// putChecksumOf is putChecksum for a segment whose data doesn't follow its header, which has an even length.
func putChecksumOf(header, data []byte, src, dst netip.Addr) {
	binary.BigEndian.PutUint16(header[offChecksum:], 0)
	pseudo := checksum.PseudoHeader(src, dst, Protocol, uint16(len(header)+len(data)))
	putSum(header, checksum.Sum(data, checksum.Sum(header, pseudo)))
}

func putSum(header []byte, sum uint32) {
	folded := checksum.Fold(sum)
	if folded == 0 {
		folded = 0xffff
	}
	binary.BigEndian.PutUint16(header[offChecksum:], folded)
}

// checksumOK verifies the checksum of a segment; a field of 0 is a failure.
func checksumOK(segment []byte, src, dst netip.Addr) bool {
	if binary.BigEndian.Uint16(segment[offChecksum:]) == 0 {
		return false
	}
	return checksum.Fold(checksum.Sum(segment, checksum.PseudoHeader(src, dst, Protocol, uint16(len(segment))))) == 0
}
