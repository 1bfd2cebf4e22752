package wireproto

import (
	"fmt"
	"math"
)

// Type is a message's type. The numbers are part of the protocol: new ones go to the end, none is used again.
type Type uint8

// The messages, with who sends each to whom.
const (
	TypeRequest            Type = 1  // body to deputy: perform this system call; opens a transaction
	TypeResult             Type = 2  // deputy to body: how the call ended
	TypeCopyinRequest      Type = 3  // deputy to body: send these bytes of user memory
	TypeCopyinReply        Type = 4  // body to deputy: the bytes
	TypeCopyout            Type = 5  // deputy to body: put these bytes in user memory
	TypeCopyoutReply       Type = 6  // body to deputy: whether that could be done
	TypePageinRequest      Type = 7  // body to deputy: send these bytes of a file mapping
	TypePageinReply        Type = 8  // deputy to body: the bytes
	TypeTransactionRequest Type = 9  // deputy to body: open a transaction, please
	TypeNullRequest        Type = 10 // body to deputy: opens a transaction without a call
	TypeAction             Type = 11 // deputy to body: what to do about a signal
	TypeTerminate          Type = 12 // deputy to body: ends the transaction
	TypeFault              Type = 13 // body to deputy: the program did something that raises a signal
	TypeCreate             Type = 14 // home agent to node agent: make a body
	TypeCreated            Type = 15 // node agent to home agent: made, or why not
	TypeMap                Type = 16 // deputy to body: map memory
	TypeStart              Type = 17 // deputy to body: the image is complete, run
	TypeReset              Type = 18 // deputy to body: drop all user memory
	TypeExit               Type = 19 // deputy to body: the process is over
	TypeExited             Type = 20 // body to deputy: the body ended on its own
	TypeFileVersion        Type = 21 // deputy to body: which file a mapping shows
)

// String gives the message's name in the thesis's words, such as "copyin request".
func (t Type) String() string {
	if f := t.format(); f != nil {
		return f.name
	}
	return fmt.Sprintf("message type %d", uint8(t))
}

// Flags are the flags of a header or of a range. The bits mean the same wherever they are allowed.
type Flags uint8

const (
	// FlagRanges: ranges of user memory follow the fixed part of a request (eager copyin) or result (eager copyout). It
	// may be set with no range following: the sender copied eagerly, and there was nothing to copy.
	FlagRanges Flags = 1

	// FlagTerminated: the termination of the transaction is piggybacked on this result.
	FlagTerminated Flags = 2

	// FlagString: a copyin goes up to and including the first NUL. The length is a limit, at which it ends without one.
	FlagString Flags = 4

	// FlagFault: the memory could not be accessed, or not beyond the bytes that came; the call's error is EFAULT.
	FlagFault Flags = 8
)

// format is what can be said of a type's header without looking further.
type format struct {
	name     string
	flags    Flags  // allowed
	min, max uint32 // bounds of the length
	unused   uint64 // bits of the last eight bytes that must be zero
}

const (
	allUnused  = math.MaxUint64
	halfUnused = math.MaxUint32 << 32 // the second four bytes
)

// formats has one row a type.
var formats = [...]format{
	TypeRequest:            {"request", FlagRanges, 0, MaxData, 0},
	TypeResult:             {"result", FlagRanges | FlagTerminated, resultLen, MaxData, allUnused},
	TypeCopyinRequest:      {"copyin request", FlagString, 0, MaxData, 0},
	TypeCopyinReply:        {"copyin reply", FlagFault, 0, MaxData, 0},
	TypeCopyout:            {"copyout", 0, 0, MaxData, 0},
	TypeCopyoutReply:       {"copyout reply", FlagFault, 0, 0, 0},
	TypePageinRequest:      {"page-in request", 0, 0, MaxData, 0},
	TypePageinReply:        {"page-in reply", FlagFault, 0, MaxData, 0},
	TypeTransactionRequest: {"transaction request", 0, 0, 0, allUnused},
	TypeNullRequest:        {"null request", 0, 0, 0, allUnused},
	TypeAction:             {"action", 0, 0, SiginfoLen, 0},
	TypeTerminate:          {"terminate", 0, 0, 0, allUnused},
	TypeFault:              {"fault", 0, faultLen, faultLen, 0},
	TypeCreate:             {"create", 0, createLen, createLen + parentLen + 2*MaxString, 0},
	TypeCreated:            {"created", 0, 0, MaxString, 0},
	TypeMap:                {"map", 0, mapLen, mapLen, 0},
	TypeStart:              {"start", 0, startLen, startLen + MaxAuxv, 0},
	TypeReset:              {"reset", 0, 0, 0, allUnused},
	TypeExit:               {"exit", 0, 0, 0, halfUnused},
	TypeExited:             {"exited", 0, 0, 0, halfUnused},
	TypeFileVersion:        {"file version", 0, versionLen, versionLen, 0},
}

// format returns the type's row, nil for a type that does not exist.
func (t Type) format() *format {
	if t == 0 || int(t) >= len(formats) {
		return nil
	}
	return &formats[t]
}
