package wireproto

// Exit tells the body that the process is over: the body must end.
type Exit struct {
	Sequence uint16
	Status   uint32 // as wait(2) gives it
}

// AppendExit appends an exit, 16 bytes.
func AppendExit(b []byte, seq uint16, status uint32) []byte {
	return appendHeader(b, TypeExit, 0, seq, 0, pair(status, 0))
}

// ParseExit parses a whole exit.
func ParseExit(b []byte) (Exit, error) {
	h, _, err := open(b, TypeExit)
	if err != nil {
		return Exit{}, err
	}
	return Exit{Sequence: h.Sequence(), Status: h.Call()}, nil
}

// Exited tells the deputy that the body ended on its own.
type Exited struct {
	Sequence uint16
	Status   uint32 // as wait(2) gives it
}

// AppendExited appends an exited, 16 bytes.
func AppendExited(b []byte, seq uint16, status uint32) []byte {
	return appendHeader(b, TypeExited, 0, seq, 0, pair(status, 0))
}

// ParseExited parses a whole exited.
func ParseExited(b []byte) (Exited, error) {
	h, _, err := open(b, TypeExited)
	if err != nil {
		return Exited{}, err
	}
	return Exited{Sequence: h.Sequence(), Status: h.Call()}, nil
}
