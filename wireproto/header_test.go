package wireproto

import (
	"errors"
	"math"
	"testing"
)

// wantField checks that an error is a *FieldError about this field of this message, for this reason.
func wantField(t *testing.T, err error, message Type, field string, reason error) {
	t.Helper()
	var fe *FieldError
	switch {
	case err == nil:
		t.Errorf("no error, want %v: %s: %v", message, field, reason)
	case !errors.As(err, &fe):
		t.Errorf("error %v (%T), want a *FieldError", err, err)
	case fe.Message != message || fe.Field != field || !errors.Is(err, reason):
		t.Errorf("error %v, want %v: %s: %v", err, message, field, reason)
	}
}

func TestHeaderAccessors(t *testing.T) {
	h := Header{1, 2, 0x04, 0x03, 0x08, 0x07, 0x06, 0x05, 0x0c, 0x0b, 0x0a, 0x09, 0x10, 0x0f, 0x0e, 0x0d}
	for _, c := range []struct {
		field     string
		got, want uint64
	}{
		{"type", uint64(h.Type()), 1},
		{"flags", uint64(h.Flags()), 2},
		{"sequence", uint64(h.Sequence()), 0x0304},
		{"length", uint64(h.Length()), 0x05060708},
		{"address", h.Address(), 0x0d0e0f10090a0b0c},
		{"call", uint64(h.Call()), 0x090a0b0c},
		{"widths", uint64(h.Widths()), 0x0d0e0f10},
		{"size", uint64(h.Size()), HeaderLen + 0x05060708},
	} {
		if c.got != c.want {
			t.Errorf("%s = %#x, want %#x", c.field, c.got, c.want)
		}
	}
}

// TestSizeTypesAndFlags goes through all pairs of a type and a set of flags.
func TestSizeTypesAndFlags(t *testing.T) {
	allowed := map[Type]Flags{
		TypeRequest: FlagRanges, TypeResult: FlagRanges | FlagTerminated,
		TypeCopyinRequest: FlagString, TypeCopyinReply: FlagFault, TypeCopyout: 0, TypeCopyoutReply: FlagFault,
		TypePageinRequest: 0, TypePageinReply: FlagFault,
		TypeTransactionRequest: 0, TypeNullRequest: 0, TypeAction: 0, TypeTerminate: 0, TypeFault: 0,
		TypeCreate: 0, TypeCreated: 0, TypeMap: 0, TypeStart: 0, TypeReset: 0, TypeExit: 0, TypeExited: 0,
		TypeFileVersion: 0,
	}
	for n := range 256 {
		typ := Type(n)
		flags, known := allowed[typ]
		for bits := range 256 {
			b := make([]byte, HeaderLen)
			b[offType], b[offFlags] = byte(n), byte(bits)
			if known {
				b[offLength] = byte(formats[n].min)
			}
			_, err := Size(b)
			switch {
			case !known:
				wantField(t, err, typ, "type", ErrUnknown)
			case Flags(bits)&^flags != 0:
				wantField(t, err, typ, "flags", ErrUnknown)
			case err != nil:
				t.Errorf("type %d, flags %#x: %v", n, bits, err)
			}
		}
	}
}

// TestSizeLengths has the bounds of the length for every type, in the words of the package comment.
func TestSizeLengths(t *testing.T) {
	const most = 64<<20 + 64<<10 - 16
	for typ, bounds := range map[Type][2]uint32{
		TypeRequest: {0, most}, TypeResult: {12, most},
		TypeCopyinRequest: {0, most}, TypeCopyinReply: {0, most}, TypeCopyout: {0, most}, TypeCopyoutReply: {0, 0},
		TypePageinRequest: {0, most}, TypePageinReply: {0, most},
		TypeTransactionRequest: {0, 0}, TypeNullRequest: {0, 0}, TypeAction: {0, 128}, TypeTerminate: {0, 0},
		TypeFault: {8, 8}, TypeCreate: {8, 12 + 2*65535}, TypeCreated: {0, 65535}, TypeMap: {24, 24},
		TypeStart: {100, 100 + 4096}, TypeReset: {0, 0}, TypeExit: {0, 0}, TypeExited: {0, 0}, TypeFileVersion: {24, 24},
	} {
		header := func(length uint32) []byte { return appendHeader(nil, typ, 0, 0, length, 0) }
		for _, length := range bounds {
			want := HeaderLen + int(length)
			if typ == TypeCopyinRequest || typ == TypePageinRequest {
				want = HeaderLen
			}
			if got, err := Size(header(length)); err != nil || got != want {
				t.Errorf("%v of length %d: Size = %d, %v, want %d", typ, length, got, err, want)
			}
		}
		for _, length := range []uint32{bounds[0] - 1, bounds[1] + 1, math.MaxUint32} {
			if length >= bounds[0] && length <= bounds[1] {
				continue
			}
			_, err := Size(header(length))
			wantField(t, err, typ, "length", ErrLength)
		}
	}
}

func TestSizeUnused(t *testing.T) {
	for _, typ := range []Type{TypeResult, TypeTransactionRequest, TypeNullRequest, TypeTerminate, TypeReset} {
		for bit := range 64 {
			_, err := Size(appendHeader(nil, typ, 0, 0, formats[typ].min, 1<<bit))
			wantField(t, err, typ, "unused", ErrReserved)
		}
	}
	for _, typ := range []Type{TypeExit, TypeExited} {
		for bit := range 32 {
			_, err := Size(appendHeader(nil, typ, 0, 0, 0, 1<<(32+bit)))
			wantField(t, err, typ, "unused", ErrReserved)
		}
		if _, err := Size(appendHeader(nil, typ, 0, 0, 0, math.MaxUint32)); err != nil {
			t.Errorf("%v with any status: %v", typ, err)
		}
	}
}

func TestSizeShortHeader(t *testing.T) {
	for n := range HeaderLen {
		_, err := Size(AppendNullRequest(nil, 1)[:n])
		wantField(t, err, 0, "header", ErrTruncated)
	}
}

// TestPutInPlace builds messages whose data is put into the buffer behind the header, with another message before them.
func TestPutInPlace(t *testing.T) {
	b := AppendTerminate(nil, 1)

	reply := len(b)
	b = AppendCopyinReply(b, 2, 0x1000, 0, nil)
	b = append(b, "read"...)
	PutLength(b[reply:])
	PutFlags(b[reply:], FlagFault)

	req := len(b)
	b = AppendRequest(b, 3, 1, []uint64{1, 0x1000, 4}, FlagRanges)
	first := len(b)
	b = AppendRange(b, 0x1000, 0, nil)
	b = append(b, "data"...)
	PutRange(b[first:], FlagFault)
	b = AppendRange(b, 0x2000, 0, []byte("more"))
	PutLength(b[req:])

	var want []byte
	want = AppendTerminate(want, 1)
	want = AppendCopyinReply(want, 2, 0x1000, FlagFault, []byte("read"))
	want = append(want, withRanges(AppendRequest(nil, 3, 1, []uint64{1, 0x1000, 4}, FlagRanges),
		Range{Address: 0x1000, Flags: FlagFault, Data: []byte("data")},
		Range{Address: 0x2000, Data: []byte("more")})...)
	if string(b) != string(want) {
		t.Errorf("in place:\n%x\nwant\n%x", b, want)
	}
}

func TestErrorText(t *testing.T) {
	_, err := ParseCopyinRequest(AppendCopyinRequest(nil, 1, 0x1000, 1, 0x40))
	if got, want := err.Error(), "wireproto: copyin request: flags: unknown (0x40)"; got != want {
		t.Errorf("error text %q, want %q", got, want)
	}
}
