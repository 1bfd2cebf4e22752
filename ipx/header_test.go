package ipx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/internal/checksum"
	"deputy/link"
)

// A datagram written out by hand, checksum by pencil.
var golden = []byte{
	0x45,       // version 4, header length 5 units
	0x02,       // type of service: ECT(0)
	0x00, 0x1b, // total length 27
	0x12, 0x34, // identification
	0x20, 0xb9, // flags MF, fragment offset 185 units
	0x3f,       // TTL 63
	0x1b,       // protocol 27
	0x7e, 0xe0, // checksum
	10, 77, 0, 2, // source
	192, 168, 255, 1, // destination
	'p', 'a', 'y', 'l', 'o', 'a', 'd',
}

func TestHeaderGolden(t *testing.T) {
	h, err := ParseHeader(append(bytes.Clone(golden), 0, 0, 0)) // and padding
	if err != nil {
		t.Fatal(err)
	}
	type fields struct {
		Version, HeaderLen, TotalLength, FragmentOffset int
		TypeOfService, TTL, Protocol                    uint8
		Identification, Checksum                        uint16
		DontFragment, MoreFragments, IsFragment         bool
		Source, Destination, Payload                    string
	}
	got := fields{
		h.Version(), h.HeaderLen(), h.TotalLength(), h.FragmentOffset(),
		h.TypeOfService(), h.TTL(), h.Protocol(),
		h.Identification(), h.Checksum(),
		h.DontFragment(), h.MoreFragments(), h.IsFragment(),
		h.Source().String(), h.Destination().String(), string(h.Payload()),
	}
	want := fields{
		4, 20, 27, 1480,
		2, 63, 27,
		0x1234, 0x7ee0,
		false, true, true,
		"10.77.0.2", "192.168.255.1", "payload",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIsFragment(t *testing.T) {
	for _, test := range []struct {
		flags uint16
		want  bool
	}{
		{0x0000, false},
		{0x4000, false}, // DF
		{0x8000, false}, // reserved
		{0x2000, true},  // first
		{0x0001, true},  // last
		{0x3fff, true},
	} {
		h := Header(bytes.Clone(golden))
		binary.BigEndian.PutUint16(h[offFragment:], test.flags)
		if got := h.IsFragment(); got != test.want {
			t.Errorf("%#04x: %v, want %v", test.flags, got, test.want)
		}
	}
}

func TestParseHeaderErrors(t *testing.T) {
	set := func(at int, value ...byte) func([]byte) []byte {
		return func(b []byte) []byte { copy(b[at:], value); return b }
	}
	for _, test := range []struct {
		name string
		edit func([]byte) []byte
		want error
	}{
		{"nil", func([]byte) []byte { return nil }, ErrShort},
		{"version 6", set(0, 0x65), ErrVersion},
		{"version 0", set(0, 0x05), ErrVersion},
		{"header length 0", set(0, 0x40), ErrHeaderLength},
		{"header length 16", set(0, 0x44), ErrHeaderLength},
		{"header beyond the frame", set(0, 0x47), ErrHeaderLength},
		{"total length 0", set(2, 0, 0), ErrTotalLength},
		{"total length 19", set(2, 0, 19), ErrTotalLength},
		{"total length below the options", func(b []byte) []byte { b[0], b[3] = 0x46, 23; return b }, ErrTotalLength},
		{"total length beyond the frame", set(2, 0, 28), ErrTotalLength},
		{"total length 65535", set(2, 0xff, 0xff), ErrTotalLength},
		{"checksum 0", set(10, 0, 0), ErrChecksum},
		{"TTL changed", set(8, 0x40), ErrChecksum},
	} {
		if _, err := ParseHeader(test.edit(bytes.Clone(golden))); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}

func TestParseHeaderEveryTruncation(t *testing.T) {
	for n := range len(golden) {
		want := ErrTotalLength
		if n < HeaderLen {
			want = ErrShort
		}
		if _, err := ParseHeader(golden[:n:n]); !errors.Is(err, want) {
			t.Errorf("%d bytes: %v, want %v", n, err, want)
		}
	}
}

// A single wrong bit in the header never goes unseen.
func TestParseHeaderEveryBit(t *testing.T) {
	for bit := range HeaderLen * 8 {
		b := bytes.Clone(golden)
		b[bit/8] ^= 1 << (bit % 8)
		if _, err := ParseHeader(b); err == nil {
			t.Errorf("bit %d of byte %d wrong: no error", bit%8, bit/8)
		}
	}
}

// The template with its patched checksum, against gopacket, for words that
// carry in every way.
func TestTemplateAgainstGopacket(t *testing.T) {
	for _, dst := range []string{"10.77.0.2", "255.255.255.255", "255.255.255.254", "10.77.0.0"} {
		to := mustAddr(dst)
		for _, ttl := range []uint8{1, 64, 255} {
			made := makeTemplate(hwA, hwB, addrA, to, ttl)
			for _, proto := range []uint8{0, 6, 27, 255} {
				for _, id := range []uint16{0, 1, 0x7fff, 0x8000, 0xbfff, 0xfffe, 0xffff} {
					for _, n := range []int{0, 1, 7, 46, 1480} {
						frame := make([]byte, frameHeaderLen+n)
						made.fill(frame, proto, id, n)
						ethernet, ip := decodeIPv4(t, frame)
						want := layers.IPv4{
							BaseLayer: ip.BaseLayer, Version: 4, IHL: 5, Length: uint16(HeaderLen + n), Id: id,
							Flags: layers.IPv4DontFragment, TTL: ttl, Protocol: layers.IPProtocol(proto),
							Checksum: ip.Checksum, SrcIP: addrA.AsSlice(), DstIP: to.AsSlice(),
						}
						if diff := cmp.Diff(want, *ip); diff != "" {
							t.Fatal(diff)
						}
						if link.Addr(ethernet.DstMAC) != hwB || link.Addr(ethernet.SrcMAC) != hwA {
							t.Fatalf("from %s to %s", ethernet.SrcMAC, ethernet.DstMAC)
						}
					}
				}
			}
		}
	}
}

// What ParseHeader accepts gopacket decodes to the same fields, and no
// accessor panics.
func FuzzHeader(f *testing.F) {
	f.Add(golden)
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHeader(b)
		if err != nil {
			return
		}
		var ip layers.IPv4
		if err := ip.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			if h.HeaderLen() > HeaderLen {
				return // gopacket reads the options, we skip them
			}
			t.Fatalf("gopacket refuses %x: %v", b, err)
		}
		got := layers.IPv4{
			BaseLayer: layers.BaseLayer{Contents: h[:h.HeaderLen()], Payload: h.Payload()},
			Version:   uint8(h.Version()), IHL: uint8(h.HeaderLen() / 4), TOS: h.TypeOfService(),
			Length: uint16(h.TotalLength()), Id: h.Identification(), Flags: ip.Flags,
			FragOffset: uint16(h.FragmentOffset() / 8), TTL: h.TTL(), Protocol: layers.IPProtocol(h.Protocol()),
			Checksum: h.Checksum(), SrcIP: h.Source().AsSlice(), DstIP: h.Destination().AsSlice(),
			Options: ip.Options, Padding: ip.Padding,
		}
		if h.DontFragment() != (ip.Flags&layers.IPv4DontFragment != 0) ||
			h.MoreFragments() != (ip.Flags&layers.IPv4MoreFragments != 0) ||
			h.IsFragment() != (ip.Flags&layers.IPv4MoreFragments != 0 || ip.FragOffset != 0) {
			t.Errorf("flags differ from gopacket's %v, offset %d", ip.Flags, ip.FragOffset)
		}
		if diff := cmp.Diff(ip, got); diff != "" {
			t.Error(diff)
		}
	})
}

// The unrolled test of the checksum against package checksum, on headers of
// which every other is right.
func TestIsSumRight(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	right := 0
	for i := range 20_000 {
		var b [HeaderLen]byte
		for j := range b {
			if b[j] = byte(random.Uint32()); random.IntN(3) == 0 {
				b[j] = 0xff // carries
			}
		}
		if i%2 == 0 {
			binary.BigEndian.PutUint16(b[offChecksum:], 0)
			binary.BigEndian.PutUint16(b[offChecksum:], checksum.Fold(checksum.Sum(b[:], 0)))
		}
		want := checksum.Fold(checksum.Sum(b[:], 0)) == 0
		if got := isSumRight(&b); got != want {
			t.Fatalf("%x: %v, want %v", b, got, want)
		}
		if want {
			right++
		}
	}
	if right < 10_000 {
		t.Errorf("%d right headers", right)
	}
}
