package wireproto

import "encoding/binary"

const (
	// SiginfoLen is the size in bytes of the kernel's siginfo_t (sigaction(2)), carried as it is.
	SiginfoLen = 128

	// MaxSignal is the highest signal number (SIGRTMAX of the kernel).
	MaxSignal = 64

	faultLen = 8 // signal and code
)

// ActionKind says what the body is to do about a signal.
type ActionKind uint32

const (
	ActionHandler  ActionKind = 1 // deliver it, so that the program's handler runs
	ActionKill     ActionKind = 2 // end
	ActionStop     ActionKind = 3 // stop until ActionContinue
	ActionContinue ActionKind = 4 // go on
)

// Action tells the body, within a transaction, what to do about a signal that was posted to the deputy.
type Action struct {
	Sequence uint16
	Signal   uint32 // 1 to MaxSignal
	Kind     ActionKind
	Siginfo  []byte // SiginfoLen bytes; may be empty unless Kind is ActionHandler; view into the message
}

// AppendAction appends an action, 144 bytes, or 16 without a siginfo.
func AppendAction(b []byte, a Action) []byte {
	b = appendHeader(b, TypeAction, 0, a.Sequence, uint32(len(a.Siginfo)), pair(a.Signal, uint32(a.Kind)))
	return append(b, a.Siginfo...)
}

// ParseAction parses a whole action.
func ParseAction(b []byte) (Action, error) {
	h, rest, err := open(b, TypeAction)
	if err != nil {
		return Action{}, err
	}
	a := Action{Sequence: h.Sequence(), Signal: h.Call(), Kind: ActionKind(h.Widths()), Siginfo: rest}
	switch {
	case a.Signal == 0 || a.Signal > MaxSignal:
		return Action{}, fail(TypeAction, "signal", ErrRange, uint64(a.Signal))
	case a.Kind < ActionHandler || a.Kind > ActionContinue:
		return Action{}, fail(TypeAction, "kind", ErrUnknown, uint64(a.Kind))
	case len(rest) == SiginfoLen, len(rest) == 0 && a.Kind != ActionHandler:
		return a, nil
	default:
		return Action{}, fail(TypeAction, "length", ErrLength, uint64(len(rest)))
	}
}

// Fault reports a signal that the program raised by what it executed. The deputy decides what becomes of it, and
// answers with an Action.
type Fault struct {
	Sequence uint16
	Address  uint64 // si_addr
	Signal   uint32 // 1 to MaxSignal
	Code     uint32 // si_code
}

// AppendFault appends a fault, 24 bytes.
func AppendFault(b []byte, f Fault) []byte {
	b = appendHeader(b, TypeFault, 0, f.Sequence, faultLen, f.Address)
	b = binary.LittleEndian.AppendUint32(b, f.Signal)
	return binary.LittleEndian.AppendUint32(b, f.Code)
}

// ParseFault parses a whole fault.
func ParseFault(b []byte) (Fault, error) {
	h, rest, err := open(b, TypeFault)
	if err != nil {
		return Fault{}, err
	}
	f := Fault{
		Sequence: h.Sequence(), Address: h.Address(),
		Signal: binary.LittleEndian.Uint32(rest),
		Code:   binary.LittleEndian.Uint32(rest[4:]),
	}
	if f.Signal == 0 || f.Signal > MaxSignal {
		return Fault{}, fail(TypeFault, "signal", ErrRange, uint64(f.Signal))
	}
	return f, nil
}
