package wireproto

import "encoding/binary"

// Sizes in bytes.
const (
	// HeaderLen is the length of the header that every message starts with.
	HeaderLen = 16

	// MaxMessage is the longest message, header included: the 64 MiB of data that one copyin, copyout or page-in may
	// move, and 64 KiB for everything around them.
	MaxMessage = 64<<20 + 64<<10

	// MaxData is what can follow a header, and so the largest count that a copyin or page-in request can ask for.
	MaxData = MaxMessage - HeaderLen
)

// Offsets of the header's fields.
const (
	offType     = 0
	offFlags    = 1
	offSequence = 2
	offLength   = 4
	offAddress  = 8  // eight bytes in most messages, or
	offCall     = 8  // the first four of them and
	offWidths   = 12 // the other four
)

// Header is a message seen through its header: a slice of at least HeaderLen bytes, of which the accessors read the
// first 16. They check nothing and cannot panic once the slice is known to be that long; Size makes this check and all
// others that need no more than the header.
type Header []byte

// Type says which message this is.
func (h Header) Type() Type { return Type(h[offType]) }

// Flags returns the header's flags.
func (h Header) Flags() Flags { return Flags(h[offFlags]) }

// Sequence is the number of the transaction that the message belongs to.
func (h Header) Sequence() uint16 { return binary.LittleEndian.Uint16(h[offSequence:]) }

// Length counts the bytes after the header or, in a copyin or page-in request, the bytes wanted.
func (h Header) Length() uint32 { return binary.LittleEndian.Uint32(h[offLength:]) }

// Address is the header's last eight bytes as one number: an address in the body.
func (h Header) Address() uint64 { return binary.LittleEndian.Uint64(h[offAddress:]) }

// Call is the number of the system call, in a request; elsewhere the first half of Address.
func (h Header) Call() uint32 { return binary.LittleEndian.Uint32(h[offCall:]) }

// Widths are the argument widths, in a request; elsewhere the second half of Address.
func (h Header) Widths() uint32 { return binary.LittleEndian.Uint32(h[offWidths:]) }

// Size is the size of the whole message in bytes, header included. It trusts the header; the function Size does not.
func (h Header) Size() int {
	switch h.Type() {
	case TypeCopyinRequest, TypePageinRequest:
		return HeaderLen
	default:
		return HeaderLen + int(h.Length())
	}
}

// Size returns the size of the message that begins with header, in bytes, header included, so that a reader of a byte
// stream knows what to wait for and can refuse what it need not wait for. It looks at the first HeaderLen bytes alone,
// and returns a *FieldError if there are fewer or if no valid message can begin with them: ErrUnknown for the type or
// flags, ErrLength for a length that messages of the type cannot have, ErrReserved for the unused part of the last
// eight bytes.
func Size(header []byte) (int, error) {
	if len(header) < HeaderLen {
		return 0, fail(0, "header", ErrTruncated, uint64(len(header)))
	}
	h := Header(header)
	t := h.Type()
	f := t.format()
	if f == nil {
		return 0, fail(t, "type", ErrUnknown, uint64(t))
	}
	if unknown := h.Flags() &^ f.flags; unknown != 0 {
		return 0, fail(t, "flags", ErrUnknown, uint64(unknown))
	}
	if n := h.Length(); n < f.min || n > f.max {
		return 0, fail(t, "length", ErrLength, uint64(n))
	}
	if unused := h.Address() & f.unused; unused != 0 {
		return 0, fail(t, "unused", ErrReserved, unused)
	}
	return h.Size(), nil
}

// PutLength completes a message to which data or ranges were appended after its Append function: it makes the length in
// the header of message, which begins with its header and ends with its last byte, the number of bytes after the
// header. More than MaxData of them make a message that no one accepts.
func PutLength(message []byte) {
	binary.LittleEndian.PutUint32(message[offLength:], uint32(len(message)-HeaderLen))
}

// PutFlags replaces the flags of a message: of a result, to piggyback its termination when no asynchronous event turns
// out to be pending, or of a copyin or page-in reply of which it is known only now that it ends at a fault.
func PutFlags(message []byte, flags Flags) {
	message[offFlags] = byte(flags)
}

// appendHeader appends a header of which the last eight bytes are one number.
func appendHeader(b []byte, t Type, flags Flags, seq uint16, length uint32, address uint64) []byte {
	b = append(b, byte(t), byte(flags))
	b = binary.LittleEndian.AppendUint16(b, seq)
	b = binary.LittleEndian.AppendUint32(b, length)
	return binary.LittleEndian.AppendUint64(b, address)
}

// pair puts two header fields of four bytes in the place of an address.
func pair(first, second uint32) uint64 {
	return uint64(second)<<32 | uint64(first)
}

// open makes the checks that all messages share: b must be one whole valid message of type t as far as the header
// says. It returns what follows the header.
func open(b []byte, t Type) (Header, []byte, error) {
	size, err := Size(b)
	if err != nil {
		return nil, nil, err
	}
	h := Header(b)
	switch {
	case h.Type() != t:
		return nil, nil, fail(h.Type(), "type", ErrType, uint64(h.Type()))
	case len(b) < size:
		return nil, nil, fail(t, "length", ErrTruncated, uint64(len(b)))
	case len(b) > size:
		return nil, nil, fail(t, "length", ErrTrailing, uint64(len(b)))
	}
	return h, b[HeaderLen:], nil
}
