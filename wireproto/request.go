package wireproto

import (
	"encoding/binary"
	"math"
)

// MaxArgs is how many arguments a system call can have.
const MaxArgs = 6

// Argument widths, two bits each.
const (
	widthAbsent = 0
	width4      = 1 // 4 bytes: the value fits in 32 bits unsigned
	width8      = 2 // 8 bytes: it does not
	widthBits   = 2
	widthMask   = 1<<widthBits - 1
)

// Request asks the deputy to perform a system call, and opens a transaction.
type Request struct {
	Sequence uint16
	Flags    Flags  // FlagRanges, if the body copied in eagerly
	Call     uint32 // number of the call
	Ranges   Ranges // memory that the call is going to read

	widths uint32
	args   []byte
}

// Args puts the arguments in dst, clears the rest of it, and returns how many there are. It allocates nothing.
func (r *Request) Args(dst *[MaxArgs]uint64) int {
	*dst = [MaxArgs]uint64{}
	args := r.args
	n := 0
	for widths := r.widths; widths != 0; widths >>= widthBits {
		if widths&widthMask == width4 {
			dst[n] = uint64(binary.LittleEndian.Uint32(args))
			args = args[4:]
		} else {
			dst[n] = binary.LittleEndian.Uint64(args)
			args = args[8:]
		}
		n++
	}
	return n
}

// AppendRequest appends a request for a call with args, which are all of the call's arguments and no more: 16 bytes,
// and 4 or 8 for each argument, the sum of these rounded up to 8. With FlagRanges, AppendRange and then PutLength
// follow. It panics if there are more than MaxArgs.
func AppendRequest(b []byte, seq uint16, call uint32, args []uint64, flags Flags) []byte {
	if len(args) > MaxArgs {
		panic("wireproto: more arguments than a system call has")
	}
	var widths, size uint32
	for i, a := range args {
		if a <= math.MaxUint32 {
			widths |= width4 << (i * widthBits)
			size += 4
		} else {
			widths |= width8 << (i * widthBits)
			size += 8
		}
	}
	b = appendHeader(b, TypeRequest, flags, seq, roundUp8(size), pair(call, widths))
	for _, a := range args {
		if a <= math.MaxUint32 {
			b = binary.LittleEndian.AppendUint32(b, uint32(a))
		} else {
			b = binary.LittleEndian.AppendUint64(b, a)
		}
	}
	if size%8 != 0 {
		b = append(b, 0, 0, 0, 0)
	}
	return b
}

// ParseRequest parses a whole request. The result's Ranges point into b.
func ParseRequest(b []byte) (Request, error) {
	h, rest, err := open(b, TypeRequest)
	if err != nil {
		return Request{}, err
	}
	args, ranges, err := cutArgs(h.Widths(), rest)
	if err != nil {
		return Request{}, err
	}
	r := Request{
		Sequence: h.Sequence(), Flags: h.Flags(), Call: h.Call(),
		Ranges: Ranges{ranges}, widths: h.Widths(), args: args,
	}
	if r.Flags&FlagRanges == 0 {
		if len(ranges) != 0 {
			return Request{}, fail(TypeRequest, "length", ErrLength, uint64(len(rest)))
		}
		return r, nil
	}
	if err := r.Ranges.check(TypeRequest, FlagFault|FlagString); err != nil {
		return Request{}, err
	}
	return r, nil
}

// cutArgs checks the arguments at the beginning of b, so that Args need not, and cuts them, padding included, from what
// follows them. There is one way only to write a list of arguments.
func cutArgs(widths uint32, b []byte) (args, rest []byte, err error) {
	if widths>>(MaxArgs*widthBits) != 0 {
		return nil, nil, fail(TypeRequest, "widths", ErrWidth, uint64(widths))
	}
	size := 0
	for w := widths; w != 0; w >>= widthBits {
		switch w & widthMask {
		case width4:
			size += 4
		case width8:
			if len(b) >= size+8 {
				if v := binary.LittleEndian.Uint64(b[size:]); v <= math.MaxUint32 {
					return nil, nil, fail(TypeRequest, "argument", ErrWidth, v)
				}
			}
			size += 8
		default:
			return nil, nil, fail(TypeRequest, "widths", ErrWidth, uint64(widths))
		}
	}
	padded := int(roundUp8(uint32(size)))
	if len(b) < padded {
		return nil, nil, fail(TypeRequest, "length", ErrLength, uint64(len(b)))
	}
	if size != padded {
		if v := binary.LittleEndian.Uint32(b[size:]); v != 0 {
			return nil, nil, fail(TypeRequest, "padding", ErrReserved, uint64(v))
		}
	}
	return b[:padded], b[padded:], nil
}

func roundUp8(n uint32) uint32 { return (n + 7) &^ 7 }
