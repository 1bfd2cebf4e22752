package wireproto

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzParse: no input makes a parse function panic; what does not parse is refused with a complete *FieldError; what
// parses is appended again as the same bytes, and Size had announced it.
func FuzzParse(f *testing.F) {
	for _, g := range goldens() {
		f.Add(unhex(f, g.wire))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		size, sizeErr := Size(b)
		m, err := parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("parsing changed the message")
		}
		if sizeErr != nil && err == nil {
			t.Fatalf("Size refused (%v) what parsed as %+v", sizeErr, m)
		}
		if err != nil {
			typ := Type(0)
			if len(b) >= HeaderLen {
				typ = Header(b).Type()
			}
			wantFieldError(t, err, typ)
			return
		}
		if size != len(b) || Header(b).Size() != size {
			t.Errorf("Size = %d, Header.Size = %d for %d bytes", size, Header(b).Size(), len(b))
		}
		again, err := encode(nil, m)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(b, again); diff != "" {
			t.Errorf("%+v appended again (-parsed +appended):\n%s", m, diff)
		}
	})
}

// FuzzRequest: any arguments and ranges come back as they were given, and a value takes no more bytes than it needs.
// The first input has the arguments, 8 bytes each. Each byte of the second is a range: its lowest two bits are the
// flags, the others how much of data it has.
func FuzzRequest(f *testing.F) {
	f.Add(uint16(1), uint32(3), []byte{3, 0, 0, 0, 0, 0, 0, 0}, []byte{}, []byte{})
	f.Add(uint16(2), uint32(1), bytes.Repeat([]byte{0xff}, 48), []byte{3 << 2, 0, 2, 1<<2 | 1}, []byte("data"))
	f.Fuzz(func(t *testing.T, seq uint16, call uint32, arguments, shapes, data []byte) {
		var args []uint64
		want := HeaderLen
		for a := range slices.Chunk(arguments[:min(len(arguments)&^7, 8*MaxArgs)], 8) {
			v := binary.LittleEndian.Uint64(a)
			args = append(args, v)
			if want += 4; v > 0xffffffff {
				want += 4
			}
		}
		want = (want + 7) &^ 7

		var ranges []Range
		var flags Flags
		for i, shape := range shapes {
			flags = FlagRanges
			part := data[:min(len(data), int(shape>>2))]
			ranges = append(ranges, Range{
				Address: uint64(i) << 40, Flags: Flags(shape&3) << 2 & (FlagString | FlagFault), Data: part,
			})
			want += RangeHeaderLen + len(part)
		}
		b := withRanges(AppendRequest(nil, seq, call, args, flags), ranges...)
		if len(b) != want {
			t.Errorf("%d bytes, want %d", len(b), want)
		}
		got, err := parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(request{seq, flags, call, append([]uint64{}, args...), ranges}, got); diff != "" {
			t.Errorf("parsed (-want +got):\n%s", diff)
		}
	})
}
