package wireproto

import "encoding/binary"

// RangeHeaderLen is the length in bytes of what stands before the data of a range.
const RangeHeaderLen = 16

// Offsets of the fields of a range.
const (
	offRangeAddress = 0
	offRangeLength  = 8
	offRangeFlags   = 12
)

// Range is a piece of user memory that travels with a request or a result, instead of in a copyin reply or copyout of
// its own.
type Range struct {
	Address uint64 // in the body
	Flags   Flags  // in a request, FlagFault and FlagString; in a result none
	Data    []byte // view into the message; with FlagFault what could be read before the fault
}

// Ranges are the ranges of a Request or Result, in order. A copy of the value iterates on its own.
type Ranges struct {
	b []byte // checked when the message was parsed, so that Next cannot panic
}

// Next returns the next range and removes it from r; false if there is none. It allocates nothing.
func (r *Ranges) Next() (Range, bool) {
	if len(r.b) == 0 {
		return Range{}, false
	}
	end := RangeHeaderLen + int(binary.LittleEndian.Uint32(r.b[offRangeLength:]))
	next := Range{
		Address: binary.LittleEndian.Uint64(r.b[offRangeAddress:]),
		Flags:   Flags(binary.LittleEndian.Uint32(r.b[offRangeFlags:])),
		Data:    r.b[RangeHeaderLen:end:end],
	}
	r.b = r.b[end:]
	return next, true
}

// check goes over all ranges, which end with the message.
func (r *Ranges) check(t Type, allowed Flags) error {
	for b := r.b; len(b) != 0; {
		if len(b) < RangeHeaderLen {
			return fail(t, "range", ErrTruncated, uint64(len(b)))
		}
		if f := binary.LittleEndian.Uint32(b[offRangeFlags:]) &^ uint32(allowed); f != 0 {
			return fail(t, "range flags", ErrUnknown, uint64(f))
		}
		n := binary.LittleEndian.Uint32(b[offRangeLength:])
		b = b[RangeHeaderLen:]
		if uint64(n) > uint64(len(b)) {
			return fail(t, "range length", ErrTruncated, uint64(len(b)))
		}
		b = b[n:]
	}
	return nil
}

// AppendRange appends a range, 16 bytes and the data, to a message that has FlagRanges. After the last one comes
// PutLength.
func AppendRange(b []byte, address uint64, flags Flags, data []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, address)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = binary.LittleEndian.AppendUint32(b, uint32(flags))
	return append(b, data...)
}

// PutRange completes a range that was appended without data and whose data was then read straight into the message: it
// gives it the length of the data and the flags that are known by now. The slice begins with the range and ends with
// its last byte.
func PutRange(r []byte, flags Flags) {
	binary.LittleEndian.PutUint32(r[offRangeLength:], uint32(len(r)-RangeHeaderLen))
	binary.LittleEndian.PutUint32(r[offRangeFlags:], uint32(flags))
}
