// Package checksum computes the Internet checksum of RFC 1071: the ones'
// complement of the ones' complement sum of big-endian 16-bit words, which
// IPv4 (RFC 791), TCP (RFC 9293) and RDP version 2 (RFC 1151) carry.
//
// A checksum over several pieces is a chain of partial sums, closed by Fold:
//
//	sum := checksum.PseudoHeader(src, dst, proto, uint16(len(segment)))
//	sum = checksum.Sum(segment, sum)
//	field := checksum.Fold(sum)
//
// Every piece but the last must have an even length, since an odd one is
// padded with a zero byte (RFC 1071, section 4.1). To verify, sum with the
// received field in place: Fold is then 0.
package checksum

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// Sum adds the bytes of b to the partial sum initial and returns the new
// partial sum, at most 0xffff, so that a caller may add some words to it by
// hand without overflow. The last byte of an odd length counts as the high
// byte of a word. Sum(nil, s) is s folded to 16 bits.
//
// It adds 8 bytes at a time in little-endian order and swaps the bytes of the
// result once: the ones' complement sum doesn't depend on the byte order of
// its words (RFC 1071, section 2(B)), nor on the width of the accumulator as
// long as every carry comes back in at the bottom.
func Sum(b []byte, initial uint32) uint32 {
	var sum, carry uint64
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		sum, carry = bits.Add64(sum, binary.LittleEndian.Uint64(b), carry)
		b = b[8:]
	}
	if len(b) > 0 {
		var tail uint64
		if len(b) >= 4 {
			tail = uint64(binary.LittleEndian.Uint32(b))
			switch len(b) {
			case 5:
				tail |= uint64(b[4]) << 32
			case 6:
				tail |= uint64(binary.LittleEndian.Uint16(b[4:])) << 32
			case 7:
				tail |= uint64(binary.LittleEndian.Uint16(b[4:]))<<32 | uint64(b[6])<<48
			}
		} else {
			switch len(b) {
			case 1:
				tail = uint64(b[0])
			case 2:
				tail = uint64(binary.LittleEndian.Uint16(b))
			case 3:
				tail = uint64(binary.LittleEndian.Uint16(b)) | uint64(b[2])<<16
			}
		}
		sum, carry = bits.Add64(sum, tail, carry)
	}
	// The last carry comes in at the bottom. It is never set beside a sum of
	// all ones, so two folds leave 32 bits.
	sum = sum>>32 + sum&0xffffffff + carry
	sum = sum>>32 + sum&0xffffffff
	words := bits.ReverseBytes16(fold16(uint32(sum)))
	return uint32(fold16(uint32(words) + uint32(fold16(initial))))
}

// Fold closes a partial sum: it returns the ones' complement of the sum folded
// to 16 bits, which is the value of the checksum field in host order, to be
// written big-endian.
func Fold(sum uint32) uint16 { return ^fold16(sum) }

// fold16 adds the halves of sum until 16 bits hold it. Zero comes only from
// zero.
func fold16(sum uint32) uint16 {
	sum = sum>>16 + sum&0xffff
	sum = sum>>16 + sum&0xffff
	return uint16(sum)
}

// PseudoHeader returns the partial sum of the pseudo-header that TCP and RDP
// put in front of a segment (RFC 9293, section 3.1): source and destination
// address, a zero byte, the protocol number, and length, the bytes of header
// and data of the segment. The invalid zero Addr counts as all zero.
func PseudoHeader(src, dst netip.Addr, proto uint8, length uint16) uint32 {
	return address(src) + address(dst) + uint32(proto) + uint32(length)
}

// address returns the sum of a's 16-bit words, at most 0x1fffe.
func address(a netip.Addr) uint32 {
	if a = a.Unmap(); a.Is4() {
		b := a.As4()
		return uint32(binary.BigEndian.Uint16(b[:])) + uint32(binary.BigEndian.Uint16(b[2:]))
	}
	b := a.As16()
	return Sum(b[:], 0)
}
