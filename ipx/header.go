package ipx

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"deputy/internal/checksum"
)

// HeaderLen is the size in bytes of an IPv4 header without options, which is
// the one this stack sends.
const HeaderLen = 20

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
	if checksum.Fold(checksum.Sum(b[:length], 0)) != 0 {
		return nil, ErrChecksum
	}
	return h[:total], nil
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
