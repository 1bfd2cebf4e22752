package rdp

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"deputy/internal/wire"
)

// unhex reads bytes written in groups, a comment after each line.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	var digits strings.Builder
	for _, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "//")
		digits.WriteString(strings.Join(strings.Fields(line), ""))
	}
	b, err := hex.DecodeString(digits.String())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// golden are segments written down from figure 1 of RFC 1151 and sections 4.3 to 4.7 of RFC 908, byte by byte. No other
// implementation of version 2 is at hand to ask.
var golden = []struct {
	name string
	hex  string

	flags    Flags
	source   uint16
	dest     uint16
	seq, ack uint32
	checksum uint16
	max      uint16
	size     uint16
	sdm      bool
	eacks    []uint32
	data     string

	make func(b []byte) // writes the header as the endpoint does
}{
	{
		name: "SYN",
		hex: `
			82          // SYN; version 2
			0c          // header length: 12 units of 2 bytes
			c0 01       // source port 49153
			07 ca       // destination port 1994
			00 00       // data length
			80 00 00 01 // sequence number
			00 00 00 00 // acknowledgement number: means nothing without ACK
			00 00       // checksum: not computed
			01 00       // maximum number of outstanding segments
			05 dc       // maximum segment size: 1500
			00 01       // options: sequenced delivery mode`,
		flags: SYN, source: 49153, dest: 1994, seq: 1<<31 + 1, max: 256, size: 1500, sdm: true,
		make: func(b []byte) {
			putHeader(b, SYN, synLen, 49153, 1994, 0, 1<<31+1, 0)
			putSYN(b, 256, 1500, true)
		},
	},
	{
		name: "SYN,ACK in arrival order",
		hex: `
			c2          // SYN, ACK; version 2
			0c          // header length
			07 ca       // source port
			c0 01       // destination port
			00 00       // data length
			ff ff ff ff // sequence number
			80 00 00 01 // acknowledgement number: the SYN received
			00 00       // checksum
			ff ff       // maximum number of outstanding segments
			00 44       // maximum segment size: 68
			00 00       // options`,
		flags: SYN | ACK, source: 1994, dest: 49153, seq: 1<<32 - 1, ack: 1<<31 + 1, max: 65535, size: 68,
		make: func(b []byte) {
			putHeader(b, SYN|ACK, synLen, 1994, 49153, 0, 1<<32-1, 1<<31+1)
			putSYN(b, 65535, 68, false)
		},
	},
	{
		name: "ACK",
		hex: `
			42          // ACK; version 2
			09          // header length
			c0 01       // source port
			07 ca       // destination port
			00 00       // data length
			80 00 00 02 // sequence number: the next to be sent
			ff ff ff ff // acknowledgement number: the last received
			00 00       // checksum`,
		flags: ACK, source: 49153, dest: 1994, seq: 1<<31 + 2, ack: 1<<32 - 1,
		make: func(b []byte) { putHeader(b, ACK, HeaderLen, 49153, 1994, 0, 1<<31+2, 1<<32-1) },
	},
	{
		name: "data",
		hex: `
			42          // ACK; version 2
			09          // header length
			00 01       // source port
			ff ff       // destination port
			00 05       // data length
			01 02 03 04 // sequence number
			05 06 07 08 // acknowledgement number
			00 00       // checksum
			68 65 6c 6c 6f // data`,
		flags: ACK, source: 1, dest: 65535, seq: 0x01020304, ack: 0x05060708, data: "hello",
		make: func(b []byte) { putHeader(b, ACK, HeaderLen, 1, 65535, 5, 0x01020304, 0x05060708) },
	},
	{
		name: "EACK with data",
		hex: `
			62          // ACK, EACK; version 2
			0d          // header length: 13 units, two numbers
			00 01       // source port
			00 02       // destination port
			00 02       // data length
			01 02 03 04 // sequence number
			05 06 07 08 // acknowledgement number
			00 00       // checksum
			05 06 07 0a // received out of order
			05 06 07 0b // received out of order
			68 69       // data`,
		flags: ACK | EACK, source: 1, dest: 2, seq: 0x01020304, ack: 0x05060708, eacks: []uint32{0x0506070a, 0x0506070b},
		data: "hi",
		make: func(b []byte) { putHeader(b, ACK|EACK, HeaderLen+8, 1, 2, 2, 0x01020304, 0x05060708) },
	},
	{
		name: "RST",
		hex: `
			12          // RST; version 2
			09          // header length
			00 01       // source port
			00 02       // destination port
			00 00       // data length
			01 02 03 04 // sequence number
			00 00 00 00 // acknowledgement number
			00 00       // checksum`,
		flags: RST, source: 1, dest: 2, seq: 0x01020304,
		make: func(b []byte) { putHeader(b, RST, HeaderLen, 1, 2, 0, 0x01020304, 0) },
	},
	{
		name: "NUL with ACK",
		hex: `
			4a          // ACK, NUL; version 2
			09          // header length
			00 01       // source port
			00 02       // destination port
			00 00       // data length
			01 02 03 04 // sequence number
			05 06 07 08 // acknowledgement number
			00 00       // checksum`,
		flags: ACK | NUL, source: 1, dest: 2, seq: 0x01020304, ack: 0x05060708,
		make: func(b []byte) { putHeader(b, ACK|NUL, HeaderLen, 1, 2, 0, 0x01020304, 0x05060708) },
	},
	{
		name: "data with checksum",
		// 10.0.0.1 to 10.0.0.2, protocol 27, 19 bytes: the words of the pseudo-header add up to 0x1431, those of the
		// segment, its odd last byte padded on the right, to 0x9321; the complement of 0xa752 is 0x58ad.
		hex: `
			42 09 00 01 00 02 00 01
			01 02 03 04
			05 06 07 08
			58 ad       // checksum
			41          // data`,
		flags: ACK, source: 1, dest: 2, seq: 0x01020304, ack: 0x05060708, checksum: 0x58ad, data: "A",
	},
}

func TestGoldenHeaders(t *testing.T) {
	for _, g := range golden {
		t.Run(g.name, func(t *testing.T) {
			b := unhex(t, g.hex)
			h, data, err := Parse(b)
			if err != nil {
				t.Fatal(err)
			}
			if h.Flags() != g.flags || h.Source() != g.source || h.Destination() != g.dest || h.Seq() != g.seq ||
				h.Ack() != g.ack || h.Checksum() != g.checksum {
				t.Errorf("parsed %#x, ports %d and %d, SEQ %#x, ACK %#x, checksum %#x",
					h.Flags(), h.Source(), h.Destination(), h.Seq(), h.Ack(), h.Checksum())
			}
			if h.Outstanding() != g.max || h.SegmentSize() != g.size || h.Sequenced() != g.sdm {
				t.Errorf("parsed MAX %d, size %d, sequenced %v", h.Outstanding(), h.SegmentSize(), h.Sequenced())
			}
			if h.EACKs() != len(g.eacks) {
				t.Fatalf("%d EACKs, want %d", h.EACKs(), len(g.eacks))
			}
			for i, want := range g.eacks {
				if h.EACK(i) != want {
					t.Errorf("EACK %d is %#x, want %#x", i, h.EACK(i), want)
				}
			}
			if string(data) != g.data {
				t.Errorf("data %q, want %q", data, g.data)
			}
			if g.make == nil {
				return
			}
			own := bytes.Repeat([]byte{0xff}, len(b))
			copy(own[HeaderLen:], b[HeaderLen:])
			g.make(own)
			if !bytes.Equal(own, b) {
				t.Errorf("written\n%x, want\n%x", own, b)
			}
		})
	}
}

// TestTruncation: no beginning of a segment is one.
func TestTruncation(t *testing.T) {
	for _, g := range golden {
		b := unhex(t, g.hex)
		for n := range b {
			if _, _, err := Parse(b[:n:n]); err == nil {
				t.Errorf("%s: %d bytes of %d are taken for a segment", g.name, n, len(b))
			}
		}
		if _, _, err := Parse(append(b, 0)); err != ErrDataLength {
			t.Errorf("%s with a byte more: %v", g.name, err)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const (
		syn  = 0
		ack  = 2
		data = 3
		eack = 4
		rst  = 5
		nul  = 6
	)
	for name, tc := range map[string]struct {
		from int // a golden segment
		edit func(b []byte) []byte
		want error
	}{
		"nothing":                   {ack, func(b []byte) []byte { return nil }, ErrShort},
		"version 1":                 {data, func(b []byte) []byte { b[0] = 0x41; return b }, ErrVersion},
		"version 0":                 {data, func(b []byte) []byte { b[0] = 0x40; return b }, ErrVersion},
		"version 3":                 {data, func(b []byte) []byte { b[0] = 0x43; return b }, ErrVersion},
		"unused flag":               {data, func(b []byte) []byte { b[0] |= 0x04; return b }, ErrFlags},
		"no flag":                   {data, func(b []byte) []byte { b[0] = 0x02; return b }, ErrFlags},
		"SYN and RST":               {syn, func(b []byte) []byte { b[0] |= 0x10; return b }, ErrFlags},
		"SYN and EACK":              {syn, func(b []byte) []byte { b[0] |= 0x60; return b }, ErrFlags},
		"SYN and NUL":               {syn, func(b []byte) []byte { b[0] |= 0x08; return b }, ErrFlags},
		"RST and NUL":               {rst, func(b []byte) []byte { b[0] |= 0x08; return b }, ErrFlags},
		"RST and EACK":              {eack, func(b []byte) []byte { b[0] |= 0x10; return b }, ErrFlags},
		"EACK without ACK":          {eack, func(b []byte) []byte { b[0] &^= 0x40; return b }, ErrFlags},
		"header length 0":           {data, func(b []byte) []byte { b[1] = 0; return b }, ErrHeaderLength},
		"header length 8":           {data, func(b []byte) []byte { b[1] = 8; return b }, ErrHeaderLength},
		"header beyond the segment": {data, func(b []byte) []byte { b[1] = 12; return b }, ErrHeaderLength},
		"data in a longer header":   {data, func(b []byte) []byte { b[1], b[7] = 10, 3; return b }, ErrHeaderLength},
		"SYN of 9 units":            {syn, func(b []byte) []byte { b[1], b[7] = 9, 6; return b }, ErrHeaderLength},
		"SYN of 13 units":           {syn, func(b []byte) []byte { b[1] = 13; return append(b, 0, 0) }, ErrHeaderLength},
		"EACK of nothing":           {eack, func(b []byte) []byte { b[1], b[7] = 9, 10; return b }, ErrHeaderLength},
		"EACK of half a number":     {eack, func(b []byte) []byte { b[1], b[7] = 10, 8; return b }, ErrHeaderLength},
		"RST of 10 units":           {rst, func(b []byte) []byte { b[1] = 10; return append(b, 0, 0) }, ErrHeaderLength},
		"NUL of 10 units":           {nul, func(b []byte) []byte { b[1] = 10; return append(b, 0, 0) }, ErrHeaderLength},
		"data length too small":     {data, func(b []byte) []byte { b[7] = 4; return b }, ErrDataLength},
		"data length too large":     {data, func(b []byte) []byte { b[7] = 6; return b }, ErrDataLength},
		"data length far too large": {data, func(b []byte) []byte { b[6] = 0xff; return b }, ErrDataLength},
		"source port 0":             {data, func(b []byte) []byte { b[3] = 0; return b }, ErrPort},
		"destination port 0":        {data, func(b []byte) []byte { b[4], b[5] = 0, 0; return b }, ErrPort},
		"data in a SYN":             {syn, func(b []byte) []byte { b[7] = 1; return append(b, 1) }, ErrUnexpectedData},
		"data in a RST":             {rst, func(b []byte) []byte { b[7] = 1; return append(b, 1) }, ErrUnexpectedData},
		"data in a NUL":             {nul, func(b []byte) []byte { b[7] = 1; return append(b, 1) }, ErrUnexpectedData},
		"data in a NUL with EACK":   {eack, func(b []byte) []byte { b[0] |= 0x08; return b }, ErrUnexpectedData},
	} {
		b := tc.edit(unhex(t, golden[tc.from].hex))
		if _, _, err := Parse(b); !errors.Is(err, tc.want) {
			t.Errorf("%s (%x): error %v, want %v", name, b, err, tc.want)
		}
	}
}

// TestMaxEACKs: 255 units of header hold 123 numbers, and no 124th.
func TestMaxEACKs(t *testing.T) {
	if MaxEACKs != 123 {
		t.Fatalf("MaxEACKs is %d", MaxEACKs)
	}
	b := make([]byte, HeaderLen+4*MaxEACKs)
	putHeader(b, ACK|EACK, len(b), 1, 2, 0, 3, 4)
	h, _, err := Parse(b)
	if err != nil || h.EACKs() != MaxEACKs {
		t.Errorf("%d EACKs, %v", h.EACKs(), err)
	}
}

func TestChecksum(t *testing.T) {
	src, dst := wire.Addrs[0], wire.Addrs[1]
	b := unhex(t, golden[len(golden)-1].hex)
	if !checksumOK(b, src, dst) {
		t.Error("the golden checksum is refused")
	}
	own := bytes.Clone(b)
	putChecksum(own, src, dst)
	if !bytes.Equal(own, b) {
		t.Errorf("computed %x, want %x", own[offChecksum:offVariable], b[offChecksum:offVariable])
	}
	for bit := range 8 * len(b) {
		b[bit/8] ^= 0x80 >> (bit % 8)
		if checksumOK(b, src, dst) {
			t.Errorf("a change of bit %d is not noticed", bit)
		}
		b[bit/8] ^= 0x80 >> (bit % 8)
	}
	if checksumOK(b, src, netip.MustParseAddr("10.0.0.3")) {
		t.Error("a segment for another host is not noticed")
	}
}

// TestChecksumZero: a sum of 0 goes out as 0xffff, since 0 says that there is none.
func TestChecksumZero(t *testing.T) {
	b := unhex(t, golden[3].hex)
	found := false
	for x := range 1 << 16 {
		b[offAck], b[offAck+1] = byte(x>>8), byte(x)
		putChecksum(b, wire.Addrs[0], wire.Addrs[1])
		c := Header(b).Checksum()
		if c == 0 || !checksumOK(b, wire.Addrs[0], wire.Addrs[1]) {
			t.Fatalf("%x: checksum %#x", b, c)
		}
		found = found || c == 0xffff
	}
	if !found {
		t.Error("no sum was 0")
	}
	b[offChecksum], b[offChecksum+1] = 0, 0
	if checksumOK(b, wire.Addrs[0], wire.Addrs[1]) {
		t.Error("a segment without checksum passes as one with")
	}
}
