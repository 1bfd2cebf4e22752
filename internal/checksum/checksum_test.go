package checksum

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// naive is the checksum as RFC 1071, section 4.1, has it: a word at a time.
func naive(b []byte, initial uint32) uint32 {
	sum := uint64(initial)
	for ; len(b) >= 2; b = b[2:] {
		sum += uint64(b[0])<<8 | uint64(b[1])
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return uint32(sum)
}

func TestSumKnown(t *testing.T) {
	for _, test := range []struct {
		name string
		data []byte
		want uint16 // the field
	}{
		{"empty", nil, 0xffff},
		{"zeros", make([]byte, 20), 0xffff},
		{"RFC 1071 section 3", []byte{0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}, ^uint16(0xddf2)},
		{"odd length", []byte{0x12, 0x34, 0x56}, ^uint16(0x1234 + 0x5600)},
		{"carry", []byte{0xff, 0xff, 0x00, 0x01}, ^uint16(0x0001)},
	} {
		if got := Fold(Sum(test.data, 0)); got != test.want {
			t.Errorf("%s: %#04x, want %#04x", test.name, got, test.want)
		}
	}
}

// Every length and alignment of the fast loop against the naive one, with the
// bytes most likely to lose a carry among them.
func TestSumAgainstNaive(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	fills := map[string]func() byte{
		"random": func() byte { return byte(random.Uint32()) },
		"ones":   func() byte { return 0xff },
		"edges":  func() byte { return []byte{0x00, 0x01, 0xfe, 0xff}[random.IntN(4)] },
	}
	for name, fill := range fills {
		buffer := make([]byte, 1600)
		for i := range buffer {
			buffer[i] = fill()
		}
		for length := 0; length <= 300; length++ {
			for offset := range 9 {
				b := buffer[offset : offset+length]
				for _, initial := range []uint32{0, 1, 0xffff, 0x10000, 0xfffffffe, 0xffffffff, random.Uint32()} {
					if got, want := Sum(b, initial), naive(b, initial); got != want {
						t.Fatalf("%s: Sum of %d bytes at %d with %#x: %#x, want %#x", name, length, offset, initial, got, want)
					}
				}
			}
		}
		if got, want := Sum(buffer, 0), naive(buffer, 0); got != want {
			t.Errorf("%s: Sum of %d bytes: %#x, want %#x", name, len(buffer), got, want)
		}
	}
}

func TestSumInPieces(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 301)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	whole := Fold(Sum(b, 0))
	for cut := 0; cut <= len(b); cut += 2 {
		if got := Fold(Sum(b[cut:], Sum(b[:cut], 0))); got != whole {
			t.Fatalf("cut at %d: %#04x, want %#04x", cut, got, whole)
		}
	}
}

// gopacket is the independent oracle for the pseudo-header and odd lengths.
func TestPseudoHeaderAgainstGopacket(t *testing.T) {
	for _, test := range []struct{ src, dst string }{
		{"10.77.0.1", "10.77.0.2"},
		{"255.255.255.255", "255.255.255.254"},
		{"0.0.0.0", "127.0.0.1"},
		{"2001:db8::1", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe"},
		{"::ffff:10.77.0.1", "10.77.0.2"},
	} {
		src, dst := netip.MustParseAddr(test.src), netip.MustParseAddr(test.dst)
		for _, length := range []int{0, 1, 7, 8, 9, 100, 1440} {
			tcp := &layers.TCP{SrcPort: 49152, DstPort: 7, Seq: 0x80000001, Ack: 3, ACK: true, Window: 0xffff}
			var network gopacket.NetworkLayer = &layers.IPv4{
				SrcIP: src.Unmap().AsSlice(), DstIP: dst.Unmap().AsSlice(), Protocol: layers.IPProtocolTCP,
			}
			if src.Is6() && !src.Is4In6() {
				network = &layers.IPv6{SrcIP: src.AsSlice(), DstIP: dst.AsSlice(), NextHeader: layers.IPProtocolTCP}
			}
			if err := tcp.SetNetworkLayerForChecksum(network); err != nil {
				t.Fatal(err)
			}
			payload := make([]byte, length)
			for i := range payload {
				payload[i] = byte(i * 31)
			}
			buffer := gopacket.NewSerializeBuffer()
			options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
			if err := gopacket.SerializeLayers(buffer, options, tcp, gopacket.Payload(payload)); err != nil {
				t.Fatal(err)
			}
			segment := buffer.Bytes()
			sum := PseudoHeader(src, dst, 6, uint16(len(segment)))
			if got := Fold(Sum(segment, sum)); got != 0 {
				t.Errorf("%s to %s, %d bytes: verification gives %#04x, want 0", src, dst, length, got)
			}
			want := binary.BigEndian.Uint16(segment[16:])
			binary.BigEndian.PutUint16(segment[16:], 0)
			if got := Fold(Sum(segment, sum)); got != want {
				t.Errorf("%s to %s, %d bytes: %#04x, want %#04x", src, dst, length, got, want)
			}
		}
	}
}

func TestPseudoHeaderInvalidAddress(t *testing.T) {
	if got := PseudoHeader(netip.Addr{}, netip.Addr{}, 6, 20); got != 26 {
		t.Errorf("of zero addresses: %d, want 26", got)
	}
}

func FuzzSum(f *testing.F) {
	f.Add([]byte{}, uint32(0))
	f.Add([]byte{0xff}, uint32(0xffffffff))
	f.Add(make([]byte, 47), uint32(1))
	f.Fuzz(func(t *testing.T, b []byte, initial uint32) {
		if got, want := Sum(b, initial), naive(b, initial); got != want {
			t.Errorf("Sum(%x, %#x) = %#x, want %#x", b, initial, got, want)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"20", 20}, {"64", 64}, {"1080", 1080}, {"1480", 1480}} {
		data := make([]byte, bench.size)
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(bench.size))
			var sum uint32
			for b.Loop() {
				sum = Sum(data, sum)
			}
		})
	}
}
