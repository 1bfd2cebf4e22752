package ipx

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"

	"deputy/internal/checksum"
)

// HeaderLen is the size in bytes of an IPv4 header without options, which is
// the one this stack sends.
const HeaderLen = 20

// maxHeaderLen is the size in bytes of a header with all the options that it
// can hold.
const maxHeaderLen = 60

// Offsets in the IPv4 header (RFC 791, section 3.1).
const (
	offVersionIHL     = 0  // 4 bits version, 4 bits header length in 4-byte units
	offTypeOfService  = 1  // 1 byte
	offTotalLength    = 2  // 2 bytes, header and payload
	offIdentification = 4  // 2 bytes
	offFragment       = 6  // 3 bits flags, 13 bits fragment offset in 8-byte units
	offTTL            = 8  // 1 byte
	offProtocol       = 9  // 1 byte
	offChecksum       = 10 // 2 bytes, over the header
	offSource         = 12 // 4 bytes
	offDestination    = 16 // 4 bytes
)

// The flags and the fragment offset, which share two bytes.
const (
	flagDontFragment   = 0x4000
	flagMoreFragments  = 0x2000
	fragmentOffsetMask = 0x1fff
)

// Errors of ParseHeader, in the order in which it tests.
var (
	ErrShort        = errors.New("ipx: datagram shorter than an IPv4 header")
	ErrVersion      = errors.New("ipx: version is not 4")
	ErrHeaderLength = errors.New("ipx: header length below 20 bytes or beyond the frame")
	ErrTotalLength  = errors.New("ipx: total length below the header length or beyond the frame")
	ErrChecksum     = errors.New("ipx: wrong header checksum")
)

// Header is a view of one IPv4 datagram: header, options and payload, cut to
// the total length. On a Header that ParseHeader returned no accessor panics.
type Header []byte

// ParseHeader checks that b begins with a whole IPv4 datagram with a correct
// header checksum, and returns a view of it without what follows, such as the
// padding of a short Ethernet frame. The errors are ErrShort, ErrVersion,
// ErrHeaderLength, ErrTotalLength and ErrChecksum.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderLen {
		return nil, ErrShort
	}
	h := Header(b)
	if h.Version() != 4 {
		return nil, ErrVersion
	}
	length := h.HeaderLen()
	if length < HeaderLen || length > len(b) {
		return nil, ErrHeaderLength
	}
	total := h.TotalLength()
	if total < length || total > len(b) {
		return nil, ErrTotalLength
	}
	if length == HeaderLen {
		if !isSumRight((*[HeaderLen]byte)(b)) {
			return nil, ErrChecksum
		}
	} else if checksum.Fold(checksum.Sum(b[:length], 0)) != 0 {
		return nil, ErrChecksum
	}
	return h[:total], nil
}

// isSumRight reports whether the checksum of a header without options is right:
// checksum.Sum, unrolled for the size that nearly all have. The sum is all ones
// in either byte order.
func isSumRight(b *[HeaderLen]byte) bool {
	sum, carry := bits.Add64(binary.LittleEndian.Uint64(b[:]), binary.LittleEndian.Uint64(b[8:]), 0)
	sum, carry = bits.Add64(sum, uint64(binary.LittleEndian.Uint32(b[16:])), carry)
	sum = sum>>32 + sum&0xffffffff + carry
	sum = sum>>32 + sum&0xffffffff
	sum = sum>>16 + sum&0xffff
	return sum>>16+sum&0xffff == 0xffff
}

// Version returns the version of the protocol, 4 in a valid header.
func (h Header) Version() int { return int(h[offVersionIHL] >> 4) }

// HeaderLen returns the size of the header with its options, in bytes: 20 to
// 60 in a valid header.
func (h Header) HeaderLen() int { return int(h[offVersionIHL]&0x0f) * 4 }

// TypeOfService returns the type of service byte, today DSCP and ECN.
func (h Header) TypeOfService() uint8 { return h[offTypeOfService] }

// TotalLength returns the size of header and payload in bytes.
func (h Header) TotalLength() int { return int(binary.BigEndian.Uint16(h[offTotalLength:])) }

// Identification returns the value that the fragments of one datagram share.
func (h Header) Identification() uint16 { return binary.BigEndian.Uint16(h[offIdentification:]) }

// DontFragment reports the DF flag.
func (h Header) DontFragment() bool { return h.fragment()&flagDontFragment != 0 }

// MoreFragments reports the MF flag.
func (h Header) MoreFragments() bool { return h.fragment()&flagMoreFragments != 0 }

// FragmentOffset returns the place of the payload in the whole datagram, in
// bytes: 0 to 65528, a multiple of 8.
func (h Header) FragmentOffset() int { return int(h.fragment()&fragmentOffsetMask) * 8 }

// IsFragment reports whether the datagram is a part of a larger one.
func (h Header) IsFragment() bool {
	return h.fragment()&(flagMoreFragments|fragmentOffsetMask) != 0
}

func (h Header) fragment() uint16 { return binary.BigEndian.Uint16(h[offFragment:]) }

// setPlace sets total length and the word of flags and fragment offset of a
// header that is complete but for them, and computes its checksum.
func (h Header) setPlace(total int, fragment uint16) {
	binary.BigEndian.PutUint16(h[offTotalLength:], uint16(total))
	binary.BigEndian.PutUint16(h[offFragment:], fragment)
	binary.BigEndian.PutUint16(h[offChecksum:], 0)
	binary.BigEndian.PutUint16(h[offChecksum:], checksum.Fold(checksum.Sum(h[:h.HeaderLen()], 0)))
}

// TTL returns the time to live, in hops.
func (h Header) TTL() uint8 { return h[offTTL] }

// Protocol returns the number of the protocol of the payload.
func (h Header) Protocol() uint8 { return h[offProtocol] }

// Checksum returns the checksum field.
func (h Header) Checksum() uint16 { return binary.BigEndian.Uint16(h[offChecksum:]) }

// Source returns the address of the sender.
func (h Header) Source() netip.Addr { return netip.AddrFrom4([4]byte(h[offSource:])) }

// Destination returns the address of the receiver.
func (h Header) Destination() netip.Addr { return netip.AddrFrom4([4]byte(h[offDestination:])) }

// Payload returns a view of what follows header and options, 0 to 65515
// bytes. It is meaningful only for a Header that ParseHeader returned.
func (h Header) Payload() []byte { return h[h.HeaderLen():] }
