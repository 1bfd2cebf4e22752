package wireproto

import "encoding/binary"

const (
	resultLen = 12 // error and value

	// MaxErrno is the largest error number that a system call returns (MAX_ERRNO of the kernel).
	MaxErrno = 4095
)

// Result tells the body how a call ended.
type Result struct {
	Sequence uint16
	Flags    Flags  // FlagTerminated: no Terminate follows; FlagRanges: the deputy copied out eagerly
	Errno    uint32 // 0, or the error number, at most MaxErrno
	Value    uint64 // what the call returned, where it did not fail
	Ranges   Ranges // memory that the call has written
}

// AppendResult appends a result, 28 bytes. With FlagRanges, AppendRange and then PutLength follow.
func AppendResult(b []byte, seq uint16, errno uint32, value uint64, flags Flags) []byte {
	b = appendHeader(b, TypeResult, flags, seq, resultLen, 0)
	b = binary.LittleEndian.AppendUint32(b, errno)
	return binary.LittleEndian.AppendUint64(b, value)
}

// ParseResult parses a whole result. Its Ranges point into b.
func ParseResult(b []byte) (Result, error) {
	h, rest, err := open(b, TypeResult)
	if err != nil {
		return Result{}, err
	}
	r := Result{
		Sequence: h.Sequence(), Flags: h.Flags(),
		Errno:  binary.LittleEndian.Uint32(rest),
		Value:  binary.LittleEndian.Uint64(rest[4:]),
		Ranges: Ranges{rest[resultLen:]},
	}
	if r.Errno > MaxErrno {
		return Result{}, fail(TypeResult, "error", ErrRange, uint64(r.Errno))
	}
	if r.Flags&FlagRanges == 0 {
		if len(rest) != resultLen {
			return Result{}, fail(TypeResult, "length", ErrLength, uint64(len(rest)))
		}
		return r, nil
	}
	if err := r.Ranges.check(TypeResult, 0); err != nil {
		return Result{}, err
	}
	return r, nil
}
