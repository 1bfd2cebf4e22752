package wireproto

// CopyinRequest asks the body for bytes of its user memory. Any address is valid in the message, one that wraps around
// the end of the address space included: the program may pass anything, and the answer is then a fault.
type CopyinRequest struct {
	Sequence uint16
	Flags    Flags // FlagString: up to and including the first NUL, at most Count
	Address  uint64
	Count    uint32 // bytes wanted, at most MaxData
}

// AppendCopyinRequest appends a copyin request, 16 bytes.
func AppendCopyinRequest(b []byte, seq uint16, address uint64, count uint32, flags Flags) []byte {
	return appendHeader(b, TypeCopyinRequest, flags, seq, count, address)
}

// ParseCopyinRequest parses a whole copyin request.
func ParseCopyinRequest(b []byte) (CopyinRequest, error) {
	h, _, err := open(b, TypeCopyinRequest)
	if err != nil {
		return CopyinRequest{}, err
	}
	return CopyinRequest{Sequence: h.Sequence(), Flags: h.Flags(), Address: h.Address(), Count: h.Length()}, nil
}

// CopyinReply brings the deputy bytes of user memory.
type CopyinReply struct {
	Sequence uint16
	Flags    Flags // FlagFault: memory beyond Data is not readable
	Address  uint64
	Data     []byte // view into the message
}

// AppendCopyinReply appends a copyin reply, 16 bytes and the data. Memory can also be read straight into the message:
// append it without data, then the data, then use PutLength and PutFlags.
func AppendCopyinReply(b []byte, seq uint16, address uint64, flags Flags, data []byte) []byte {
	b = appendHeader(b, TypeCopyinReply, flags, seq, uint32(len(data)), address)
	return append(b, data...)
}

// ParseCopyinReply parses a whole copyin reply.
func ParseCopyinReply(b []byte) (CopyinReply, error) {
	h, data, err := open(b, TypeCopyinReply)
	if err != nil {
		return CopyinReply{}, err
	}
	return CopyinReply{Sequence: h.Sequence(), Flags: h.Flags(), Address: h.Address(), Data: data}, nil
}
