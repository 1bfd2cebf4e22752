package wireproto

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// TestTruncated cuts every golden message at every place.
func TestTruncated(t *testing.T) {
	for _, g := range goldens() {
		wire := unhex(t, g.wire)
		for n := range len(wire) {
			m, err := parse(wire[:n])
			if m != nil {
				t.Errorf("%s cut to %d bytes: parsed as %+v", g.name, n, m)
			}
			if n < HeaderLen {
				wantField(t, err, 0, "header", ErrTruncated)
			} else {
				wantField(t, err, Header(wire).Type(), "length", ErrTruncated)
			}
		}
	}
}

// TestTruncatedAndShortened cuts every golden message at every place and says so in its length. What then still parses
// must be a message of its own: a shorter piece of memory or text, fewer ranges, or none.
func TestTruncatedAndShortened(t *testing.T) {
	for _, g := range goldens() {
		wire := unhex(t, g.wire)
		for n := HeaderLen; n < len(wire); n++ {
			b := bytes.Clone(wire[:n])
			PutLength(b)
			m, err := parse(b)
			if err == nil && !shortenable(m, n) {
				t.Errorf("%s shortened to %d bytes: parsed as %+v", g.name, n, m)
			}
			if err != nil {
				wantFieldError(t, err, Header(wire).Type())
			}
		}
	}
}

// shortenable says whether the message may have size bytes.
func shortenable(m any, size int) bool {
	switch m := m.(type) {
	case CopyinReply:
		return len(m.Data) == size-HeaderLen
	case Copyout:
		return len(m.Data) == size-HeaderLen
	case PageinReply:
		return len(m.Data) == size-HeaderLen
	case Created:
		return len(m.Text) == size-HeaderLen
	case request:
		left := size - HeaderLen
		for _, r := range m.Ranges {
			left -= RangeHeaderLen + len(r.Data)
		}
		return m.Flags&FlagRanges != 0 && left == 16 // of arguments, in the golden messages with ranges
	case result:
		return m.Flags&FlagRanges != 0 && size == HeaderLen+12
	}
	return false
}

func wantFieldError(t *testing.T, err error, typ Type) {
	t.Helper()
	fe, ok := err.(*FieldError)
	if !ok || fe.Message != typ || fe.Field == "" || fe.Reason == nil {
		t.Errorf("error %#v, want a complete *FieldError of %v", err, typ)
	}
}

// TestTrailing puts a byte behind every golden message.
func TestTrailing(t *testing.T) {
	for _, g := range goldens() {
		wire := unhex(t, g.wire)
		_, err := parse(append(wire, 0))
		wantField(t, err, Header(wire).Type(), "length", ErrTrailing)
	}
}

// TestLengthened puts a zero byte behind every golden message and says so in its length: an error unless the message
// may be that long.
func TestLengthened(t *testing.T) {
	for _, g := range goldens() {
		b := append(unhex(t, g.wire), 0)
		PutLength(b)
		m, err := parse(b)
		switch Header(b).Type() {
		case TypeCopyinReply, TypeCopyout, TypePageinReply, TypeCreated:
			if err != nil {
				t.Errorf("%s and a byte: %v", g.name, err)
			}
		case TypeCopyinRequest, TypePageinRequest: // nothing follows the header, whatever the length
			wantField(t, err, Header(b).Type(), "length", ErrTrailing)
		default:
			if err == nil {
				t.Errorf("%s and a byte: parsed as %+v", g.name, m)
				continue
			}
			wantFieldError(t, err, Header(b).Type())
		}
	}
}

// TestOtherType gives every message to every other message's parse function.
func TestOtherType(t *testing.T) {
	parsers := map[Type]func([]byte) error{
		TypeRequest:            func(b []byte) error { _, err := ParseRequest(b); return err },
		TypeResult:             func(b []byte) error { _, err := ParseResult(b); return err },
		TypeCopyinRequest:      func(b []byte) error { _, err := ParseCopyinRequest(b); return err },
		TypeCopyinReply:        func(b []byte) error { _, err := ParseCopyinReply(b); return err },
		TypeCopyout:            func(b []byte) error { _, err := ParseCopyout(b); return err },
		TypeCopyoutReply:       func(b []byte) error { _, err := ParseCopyoutReply(b); return err },
		TypePageinRequest:      func(b []byte) error { _, err := ParsePageinRequest(b); return err },
		TypePageinReply:        func(b []byte) error { _, err := ParsePageinReply(b); return err },
		TypeTransactionRequest: func(b []byte) error { _, err := ParseTransactionRequest(b); return err },
		TypeNullRequest:        func(b []byte) error { _, err := ParseNullRequest(b); return err },
		TypeAction:             func(b []byte) error { _, err := ParseAction(b); return err },
		TypeTerminate:          func(b []byte) error { _, err := ParseTerminate(b); return err },
		TypeFault:              func(b []byte) error { _, err := ParseFault(b); return err },
		TypeCreate:             func(b []byte) error { _, err := ParseCreate(b); return err },
		TypeCreated:            func(b []byte) error { _, err := ParseCreated(b); return err },
		TypeMap:                func(b []byte) error { _, err := ParseMap(b); return err },
		TypeStart:              func(b []byte) error { _, err := ParseStart(b); return err },
		TypeReset:              func(b []byte) error { _, err := ParseReset(b); return err },
		TypeExit:               func(b []byte) error { _, err := ParseExit(b); return err },
		TypeExited:             func(b []byte) error { _, err := ParseExited(b); return err },
		TypeFileVersion:        func(b []byte) error { _, err := ParseFileVersion(b); return err },
	}
	if len(parsers) != len(formats)-1 {
		t.Fatalf("%d parse functions for %d types", len(parsers), len(formats)-1)
	}
	for _, g := range goldens() {
		wire := unhex(t, g.wire)
		for typ, parser := range parsers {
			err := parser(wire)
			if typ != Header(wire).Type() {
				wantField(t, err, Header(wire).Type(), "type", ErrType)
			} else if err != nil {
				t.Errorf("%s: %v", g.name, err)
			}
		}
	}
}

// rawRequest is a request with anything in the place of widths and arguments.
func rawRequest(flags Flags, widths uint32, after ...byte) []byte {
	return append(appendHeader(nil, TypeRequest, flags, 1, uint32(len(after)), pair(3, widths)), after...)
}

// TestMalformed has, for every field that a parse function looks at, a message with that field wrong.
func TestMalformed(t *testing.T) {
	put32 := func(b []byte, offset int, v uint32) []byte {
		b = bytes.Clone(b)
		binary.LittleEndian.PutUint32(b[offset:], v)
		return b
	}
	// resize makes the message that long, with zeros, and says so in its length.
	resize := func(b []byte, size int) []byte {
		b = append(bytes.Clone(b), make([]byte, max(0, size-len(b)))...)[:size]
		PutLength(b)
		return b
	}
	eight := []byte{0, 0, 0, 0, 1, 0, 0, 0} // 1<<32
	oneRange := withRanges(AppendRequest(nil, 1, 3, []uint64{3}, FlagRanges), Range{Address: 1, Data: []byte("abc")})
	oneResult := withRanges(AppendResult(nil, 1, 0, 3, FlagRanges), Range{Address: 1, Data: []byte("abc")})
	siginfo := make([]byte, SiginfoLen)
	action := AppendAction(nil, Action{Signal: 1, Kind: ActionKill, Siginfo: siginfo})
	fault := AppendFault(nil, Fault{Signal: 11})
	create := mustCreate(Create{Node: "ab", Command: "cd"})
	created := AppendCreated(nil, Created{})
	mapping := AppendMap(nil, Map{Address: 0x1000, Length: 0x1000, Kind: MapAnonymous})
	s := startMessage()
	start := AppendStart(nil, &s)

	for _, c := range []struct {
		name    string
		message []byte
		field   string
		reason  error
	}{
		{"seventh argument", rawRequest(0, 1<<12, 0, 0, 0, 0, 0, 0, 0, 0), "widths", ErrWidth},
		{"highest width bit", rawRequest(0, 1<<31), "widths", ErrWidth},
		{"width 3", rawRequest(0, 3, eight...), "widths", ErrWidth},
		{"first argument absent, second present", rawRequest(0, 1<<2, 3, 0, 0, 0, 0, 0, 0, 0), "widths", ErrWidth},
		{"gap between arguments", rawRequest(0, 1|1<<4, 3, 0, 0, 0, 3, 0, 0, 0), "widths", ErrWidth},
		{"8 bytes for a value that fits in 4", rawRequest(0, 2, 255, 255, 255, 255, 0, 0, 0, 0), "argument", ErrWidth},
		{"padding not zero", rawRequest(0, 1, 3, 0, 0, 0, 0, 0, 0, 1), "padding", ErrReserved},
		{"argument missing", rawRequest(0, 1), "length", ErrLength},
		{"padding missing", rawRequest(0, 1, 3, 0, 0, 0), "length", ErrLength},
		{"half an argument of 8 bytes", rawRequest(0, 2, 0, 0, 0, 0), "length", ErrLength},
		{"second argument missing", rawRequest(0, 2|1<<2, eight...), "length", ErrLength},
		{"argument without width", rawRequest(0, 0, eight...), "length", ErrLength},
		{"arguments missing with ranges", rawRequest(FlagRanges, 1), "length", ErrLength},
		{"ranges without the flag", put32(oneRange, 0, uint32(TypeRequest)), "length", ErrLength},
		{"request: range header cut", resize(oneRange, 24+15), "range", ErrTruncated},
		{"request: a byte behind the range", resize(oneRange, 24+16+3+1), "range", ErrTruncated},
		{"request: range data cut", resize(oneRange, 24+16+2), "range length", ErrTruncated},
		{"request: range too long for any message", put32(oneRange, 24+8, 1<<32-1), "range length", ErrTruncated},
		{"request: flag Ranges in a range", put32(oneRange, 24+12, 1), "range flags", ErrUnknown},
		{"request: flag Terminated in a range", put32(oneRange, 24+12, 2), "range flags", ErrUnknown},
		{"request: range flag above the first eight", put32(oneRange, 24+12, 1<<8), "range flags", ErrUnknown},

		{"result: error above 4095", AppendResult(nil, 1, 4096, 0, 0), "error", ErrRange},
		{"result: a negative error", AppendResult(nil, 1, 1<<32-1, 0, 0), "error", ErrRange},
		{"result: ranges without the flag", put32(oneResult, 0, uint32(TypeResult)), "length", ErrLength},
		{"result: range header cut", resize(oneResult, 28+15), "range", ErrTruncated},
		{"result: range data cut", resize(oneResult, 28+16+2), "range length", ErrTruncated},
		{"result: flag String in a range", put32(oneResult, 28+12, 4), "range flags", ErrUnknown},
		{"result: flag Fault in a range", put32(oneResult, 28+12, 8), "range flags", ErrUnknown},

		{"action: signal 0", put32(action, 8, 0), "signal", ErrRange},
		{"action: signal 65", put32(action, 8, 65), "signal", ErrRange},
		{"action: kind 0", put32(action, 12, 0), "kind", ErrUnknown},
		{"action: kind 5", put32(action, 12, 5), "kind", ErrUnknown},
		{"action: part of a siginfo", resize(action, HeaderLen+127), "length", ErrLength},
		{"action: handler without a siginfo", resize(put32(action, 12, 1), HeaderLen), "length", ErrLength},
		{"fault: signal 0", put32(fault, 16, 0), "signal", ErrRange},
		{"fault: signal 65", put32(fault, 16, 65), "signal", ErrRange},

		{"create: version 0", put32(create, 8, 0), "version", ErrVersion},
		{"create: version 2", put32(create, 8, 2), "version", ErrVersion},
		{"create: unknown flag", put32(create, 16, 4), "create flags", ErrUnknown},
		{"create: highest flag", put32(create, 16, 1<<31), "create flags", ErrUnknown},
		{"create: node cut", resize(create, 23), "length", ErrLength},
		{"create: node longer than the message", put32(create, 20, 0xffff), "node", ErrTruncated},
		{"create: no command", resize(create, 24), "command", ErrTruncated},
		{"create: half the length of the command", resize(create, 25), "command", ErrTruncated},
		{"create: command cut", resize(create, 27), "command", ErrTruncated},
		{"create: a byte behind the command", resize(create, 29), "length", ErrLength},
		{"created: version 2", put32(created, 8, 2), "version", ErrVersion},
		{"created: error above 4095", put32(created, 12, 4096), "error", ErrRange},

		{"map: no length", put32(mapping, 16, 0), "map length", ErrRange},
		{"map: beyond 64 bits", put32(put32(mapping, 16, 0xfffff000), 20, 0xffffffff), "map length", ErrRange},
		{"map: kind 0", put32(mapping, 32, 0), "kind", ErrUnknown},
		{"map: kind 5", put32(mapping, 32, 5), "kind", ErrUnknown},
		{"map: reserved", put32(mapping, 36, 1), "reserved", ErrReserved},

		{"start: auxv longer than the message", put32(start, 112, 32), "auxv length", ErrLength},
		{"start: auxv shorter than the message", put32(start, 112, 0), "auxv length", ErrLength},
		{"start: part of an auxv entry", resize(put32(start, 112, 15), 116+15), "auxv length", ErrLength},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := parse(c.message)
			wantField(t, err, Header(c.message).Type(), c.field, c.reason)
		})
	}
}

// TestWidths goes through all widths that six arguments can have, and some that none can.
func TestWidths(t *testing.T) {
	for widths := range uint32(1 << 14) {
		var args []uint64
		valid := widths < 1<<12
		for w := widths; w != 0 && valid; w >>= 2 {
			switch w & 3 {
			case 1:
				args = append(args, 0x89abcdef)
			case 2:
				args = append(args, 0x0123456789abcdef)
			default:
				valid = false
			}
		}
		if valid {
			b := AppendRequest(nil, 1, 3, args, 0)
			if got := Header(b).Widths(); got != widths {
				t.Fatalf("%#x: widths %#x", args, got)
			}
			r, err := ParseRequest(b)
			if err != nil {
				t.Fatalf("widths %#x: %v", widths, err)
			}
			got := [MaxArgs]uint64{1, 2, 3, 4, 5, 6}
			var want [MaxArgs]uint64
			copy(want[:], args)
			if n := r.Args(&got); n != len(args) || got != want {
				t.Fatalf("widths %#x: %d arguments %#x, want %d, %#x", widths, n, got, len(args), want)
			}
			continue
		}
		_, err := ParseRequest(rawRequest(0, widths, bytes.Repeat([]byte{1}, 6*8)...))
		wantField(t, err, TypeRequest, "widths", ErrWidth)
	}
}

func TestTooManyArguments(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("seven arguments appended")
		}
	}()
	AppendRequest(nil, 1, 3, make([]uint64, MaxArgs+1), 0)
}

func TestLongStrings(t *testing.T) {
	longest, longer := strings.Repeat("x", MaxString), strings.Repeat("x", MaxString+1)
	before := []byte("before")
	for field, c := range map[string]Create{
		"node":    {Node: longer},
		"command": {Command: longer},
	} {
		b, err := AppendCreate(before, c)
		wantField(t, err, TypeCreate, field, ErrLength)
		if string(b) != "before" {
			t.Errorf("%s too long: buffer is now %d bytes", field, len(b))
		}
	}
	c, err := ParseCreate(mustCreate(Create{Node: longest, Command: longest}))
	if err != nil || c.Node != longest || c.Command != longest {
		t.Errorf("longest strings: %v, %d and %d bytes", err, len(c.Node), len(c.Command))
	}
	d, err := ParseCreated(AppendCreated(nil, Created{Text: longer}))
	if err != nil || d.Text != longest {
		t.Errorf("text too long: %v, %d bytes", err, len(d.Text))
	}
}

// TestRangesView checks that ranges are views that cannot grow into what follows them, and that a copy iterates alone.
func TestRangesView(t *testing.T) {
	b := withRanges(AppendRequest(nil, 1, 3, nil, FlagRanges),
		Range{Address: 1, Data: []byte("ab")}, Range{Address: 2, Data: []byte("cd")})
	r, err := ParseRequest(b)
	if err != nil {
		t.Fatal(err)
	}
	copied := r.Ranges
	first, ok := r.Ranges.Next()
	if !ok || &first.Data[0] != &b[HeaderLen+RangeHeaderLen] {
		t.Error("data is not a view into the message")
	}
	_ = append(first.Data, "overwritten"...)
	if second, ok := r.Ranges.Next(); !ok || second.Address != 2 || string(second.Data) != "cd" {
		t.Errorf("second range is %+v, %t", second, ok)
	}
	if third, ok := r.Ranges.Next(); ok {
		t.Errorf("third range %+v", third)
	}
	if n := len(collect(copied)); n != 2 {
		t.Errorf("copy has %d ranges, want 2", n)
	}
}
