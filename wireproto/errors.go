package wireproto

import (
	"errors"
	"fmt"
)

// Reasons for which a message is refused, found in a *FieldError with errors.Is.
var (
	// ErrTruncated: the message, or a part of it, ends before what its length says.
	ErrTruncated = errors.New("truncated")

	// ErrTrailing: bytes stand behind the end of the message.
	ErrTrailing = errors.New("bytes after the end")

	// ErrUnknown: a type, flag or kind that the protocol does not have, or not in this message.
	ErrUnknown = errors.New("unknown")

	// ErrType: a valid message, but another one than the caller parses.
	ErrType = errors.New("not the message expected")

	// ErrLength: a length that such a message cannot have.
	ErrLength = errors.New("length not possible")

	// ErrReserved: something other than zero where the protocol has no use for the bytes yet.
	ErrReserved = errors.New("not zero")

	// ErrRange: a value outside what the field can mean.
	ErrRange = errors.New("out of range")

	// ErrWidth: argument widths with a gap, with a width that does not exist or, for a value, wider than it needs.
	ErrWidth = errors.New("wrong width")

	// ErrVersion: the agent at the other end speaks another version of the protocol.
	ErrVersion = errors.New("version not spoken here")
)

// FieldError says why a message was refused. All errors of this package are of this type.
type FieldError struct {
	Message Type   // the message, as its header says; 0 if there was not even a header
	Field   string // the field, in the words of the package comment
	Reason  error  // one of the package's Err variables
	Value   uint64 // what the field held; for ErrTruncated and ErrTrailing the number of bytes there were
}

// Error has the form "wireproto: copyin request: flags: unknown (0x40)".
func (e *FieldError) Error() string {
	return fmt.Sprintf("wireproto: %v: %s: %v (%#x)", e.Message, e.Field, e.Reason, e.Value)
}

// Unwrap returns Reason.
func (e *FieldError) Unwrap() error { return e.Reason }

// fail makes an error. It stands alone so that the parse functions, which call it only to refuse, stay small.
func fail(t Type, field string, reason error, value uint64) error {
	return &FieldError{Message: t, Field: field, Reason: reason, Value: value}
}
