package wireproto

// Copyout brings the body bytes for its user memory. The body answers with a CopyoutReply.
type Copyout struct {
	Sequence uint16
	Address  uint64
	Data     []byte // view into the message
}

// AppendCopyout appends a copyout, 16 bytes and the data. Data can also be read straight into the message: append it
// without data, then the data, then use PutLength.
func AppendCopyout(b []byte, seq uint16, address uint64, data []byte) []byte {
	b = appendHeader(b, TypeCopyout, 0, seq, uint32(len(data)), address)
	return append(b, data...)
}

// ParseCopyout parses a whole copyout.
func ParseCopyout(b []byte) (Copyout, error) {
	h, data, err := open(b, TypeCopyout)
	if err != nil {
		return Copyout{}, err
	}
	return Copyout{Sequence: h.Sequence(), Address: h.Address(), Data: data}, nil
}

// CopyoutReply tells the deputy whether a copyout could be done.
type CopyoutReply struct {
	Sequence uint16
	Flags    Flags  // FlagFault: not all of the memory is writable
	Address  uint64 // of the copyout
}

// AppendCopyoutReply appends a copyout reply, 16 bytes.
func AppendCopyoutReply(b []byte, seq uint16, address uint64, flags Flags) []byte {
	return appendHeader(b, TypeCopyoutReply, flags, seq, 0, address)
}

// ParseCopyoutReply parses a whole copyout reply.
func ParseCopyoutReply(b []byte) (CopyoutReply, error) {
	h, _, err := open(b, TypeCopyoutReply)
	if err != nil {
		return CopyoutReply{}, err
	}
	return CopyoutReply{Sequence: h.Sequence(), Flags: h.Flags(), Address: h.Address()}, nil
}
