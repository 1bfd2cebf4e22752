package wireproto

// PageinRequest asks the deputy for bytes of a file mapping that the body has not got yet.
type PageinRequest struct {
	Sequence uint16
	Address  uint64
	Count    uint32 // bytes wanted, at most MaxData
}

// AppendPageinRequest appends a page-in request, 16 bytes.
func AppendPageinRequest(b []byte, seq uint16, address uint64, count uint32) []byte {
	return appendHeader(b, TypePageinRequest, 0, seq, count, address)
}

// ParsePageinRequest parses a whole page-in request.
func ParsePageinRequest(b []byte) (PageinRequest, error) {
	h, _, err := open(b, TypePageinRequest)
	if err != nil {
		return PageinRequest{}, err
	}
	return PageinRequest{Sequence: h.Sequence(), Address: h.Address(), Count: h.Length()}, nil
}

// PageinReply brings the body bytes of a file mapping, up to what the mapping has.
type PageinReply struct {
	Sequence uint16
	Flags    Flags // FlagFault: there is no mapping, or no file, beyond Data
	Address  uint64
	Data     []byte // view into the message
}

// AppendPageinReply appends a page-in reply, 16 bytes and the data. A file can also be read straight into the message:
// append it without data, then the data, then use PutLength and PutFlags.
func AppendPageinReply(b []byte, seq uint16, address uint64, flags Flags, data []byte) []byte {
	b = appendHeader(b, TypePageinReply, flags, seq, uint32(len(data)), address)
	return append(b, data...)
}

// ParsePageinReply parses a whole page-in reply.
func ParsePageinReply(b []byte) (PageinReply, error) {
	h, data, err := open(b, TypePageinReply)
	if err != nil {
		return PageinReply{}, err
	}
	return PageinReply{Sequence: h.Sequence(), Flags: h.Flags(), Address: h.Address(), Data: data}, nil
}
