package wireproto

// TransactionRequest asks the body to open a transaction, because a signal waits for it (thesis, figure 4.2). A body
// that has just opened one ignores it. It belongs to no transaction: its sequence is the sender's choice.
type TransactionRequest struct {
	Sequence uint16
}

// AppendTransactionRequest appends a transaction request, 16 bytes.
func AppendTransactionRequest(b []byte, seq uint16) []byte {
	return appendHeader(b, TypeTransactionRequest, 0, seq, 0, 0)
}

// ParseTransactionRequest parses a whole transaction request.
func ParseTransactionRequest(b []byte) (TransactionRequest, error) {
	seq, err := parseBare(b, TypeTransactionRequest)
	return TransactionRequest{seq}, err
}

// NullRequest opens a transaction without a call, in answer to a TransactionRequest.
type NullRequest struct {
	Sequence uint16
}

// AppendNullRequest appends a null request, 16 bytes.
func AppendNullRequest(b []byte, seq uint16) []byte {
	return appendHeader(b, TypeNullRequest, 0, seq, 0, 0)
}

// ParseNullRequest parses a whole null request.
func ParseNullRequest(b []byte) (NullRequest, error) {
	seq, err := parseBare(b, TypeNullRequest)
	return NullRequest{seq}, err
}

// Terminate ends a transaction whose result did not end it.
type Terminate struct {
	Sequence uint16
}

// AppendTerminate appends a terminate, 16 bytes.
func AppendTerminate(b []byte, seq uint16) []byte {
	return appendHeader(b, TypeTerminate, 0, seq, 0, 0)
}

// ParseTerminate parses a whole terminate.
func ParseTerminate(b []byte) (Terminate, error) {
	seq, err := parseBare(b, TypeTerminate)
	return Terminate{seq}, err
}

// parseBare parses a message that says nothing beyond its type and sequence.
func parseBare(b []byte, t Type) (uint16, error) {
	h, _, err := open(b, t)
	if err != nil {
		return 0, err
	}
	return h.Sequence(), nil
}
