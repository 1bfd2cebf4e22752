package wireproto

import "fmt"

// request is what a parsed request shows its user.
type request struct {
	Sequence uint16
	Flags    Flags
	Call     uint32
	Args     []uint64
	Ranges   []Range
}

// result is the same for a result.
type result struct {
	Sequence uint16
	Flags    Flags
	Errno    uint32
	Value    uint64
	Ranges   []Range
}

func collect(r Ranges) []Range {
	var all []Range
	for next, ok := r.Next(); ok; next, ok = r.Next() {
		all = append(all, next)
	}
	return all
}

// withRanges completes a message that has FlagRanges.
func withRanges(b []byte, ranges ...Range) []byte {
	for _, r := range ranges {
		b = AppendRange(b, r.Address, r.Flags, r.Data)
	}
	PutLength(b)
	return b
}

// parse parses a message of any type, which comes back as a value that can be compared.
func parse(b []byte) (any, error) {
	if len(b) < HeaderLen {
		_, err := Size(b)
		return nil, err
	}
	switch Header(b).Type() {
	case TypeRequest:
		r, err := ParseRequest(b)
		if err != nil {
			return nil, err
		}
		var args [MaxArgs]uint64
		n := r.Args(&args)
		return request{r.Sequence, r.Flags, r.Call, args[:n], collect(r.Ranges)}, nil
	case TypeResult:
		r, err := ParseResult(b)
		if err != nil {
			return nil, err
		}
		return result{r.Sequence, r.Flags, r.Errno, r.Value, collect(r.Ranges)}, nil
	case TypeCopyinRequest:
		return whole(ParseCopyinRequest(b))
	case TypeCopyinReply:
		return whole(ParseCopyinReply(b))
	case TypeCopyout:
		return whole(ParseCopyout(b))
	case TypeCopyoutReply:
		return whole(ParseCopyoutReply(b))
	case TypePageinRequest:
		return whole(ParsePageinRequest(b))
	case TypePageinReply:
		return whole(ParsePageinReply(b))
	case TypeTransactionRequest:
		return whole(ParseTransactionRequest(b))
	case TypeNullRequest:
		return whole(ParseNullRequest(b))
	case TypeAction:
		return whole(ParseAction(b))
	case TypeTerminate:
		return whole(ParseTerminate(b))
	case TypeFault:
		return whole(ParseFault(b))
	case TypeCreate:
		return whole(ParseCreate(b))
	case TypeCreated:
		return whole(ParseCreated(b))
	case TypeMap:
		return whole(ParseMap(b))
	case TypeStart:
		return whole(ParseStart(b))
	case TypeReset:
		return whole(ParseReset(b))
	case TypeExit:
		return whole(ParseExit(b))
	case TypeExited:
		return whole(ParseExited(b))
	case TypeFileVersion:
		return whole(ParseFileVersion(b))
	}
	_, err := Size(b)
	return nil, err
}

// whole is a message that parsed, or nothing.
func whole[M any](m M, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}

// encode appends what parse returned.
func encode(b []byte, message any) ([]byte, error) {
	switch m := message.(type) {
	case request:
		start := len(b)
		b = AppendRequest(b, m.Sequence, m.Call, m.Args, m.Flags)
		return append(b[:start], withRanges(b[start:], m.Ranges...)...), nil
	case result:
		start := len(b)
		b = AppendResult(b, m.Sequence, m.Errno, m.Value, m.Flags)
		return append(b[:start], withRanges(b[start:], m.Ranges...)...), nil
	case CopyinRequest:
		return AppendCopyinRequest(b, m.Sequence, m.Address, m.Count, m.Flags), nil
	case CopyinReply:
		return AppendCopyinReply(b, m.Sequence, m.Address, m.Flags, m.Data), nil
	case Copyout:
		return AppendCopyout(b, m.Sequence, m.Address, m.Data), nil
	case CopyoutReply:
		return AppendCopyoutReply(b, m.Sequence, m.Address, m.Flags), nil
	case PageinRequest:
		return AppendPageinRequest(b, m.Sequence, m.Address, m.Count), nil
	case PageinReply:
		return AppendPageinReply(b, m.Sequence, m.Address, m.Flags, m.Data), nil
	case TransactionRequest:
		return AppendTransactionRequest(b, m.Sequence), nil
	case NullRequest:
		return AppendNullRequest(b, m.Sequence), nil
	case Action:
		return AppendAction(b, m), nil
	case Terminate:
		return AppendTerminate(b, m.Sequence), nil
	case Fault:
		return AppendFault(b, m), nil
	case Create:
		return AppendCreate(b, m)
	case Created:
		return AppendCreated(b, m), nil
	case Map:
		return AppendMap(b, m), nil
	case Start:
		return AppendStart(b, &m), nil
	case Reset:
		return AppendReset(b, m.Sequence), nil
	case Exit:
		return AppendExit(b, m.Sequence, m.Status), nil
	case Exited:
		return AppendExited(b, m.Sequence, m.Status), nil
	case FileVersion:
		return AppendFileVersion(b, m), nil
	}
	return nil, fmt.Errorf("no message: %T", message)
}
