package tcpmod

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/internal/wire"
)

// decode has gopacket read a segment, checksum verified if it has one.
func decode(t *testing.T, b []byte) *layers.TCP {
	t.Helper()
	p := gopacket.NewPacket(b, layers.LayerTypeTCP, gopacket.Default)
	tcp, ok := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
	if !ok || p.ErrorLayer() != nil {
		t.Fatalf("gopacket refuses %x: %v", b, p.ErrorLayer())
	}
	return tcp
}

// encode has gopacket make a segment.
func encode(t *testing.T, tcp *layers.TCP, src, dst netip.Addr, data []byte, checksum bool) []byte {
	t.Helper()
	ip := &layers.IPv4{SrcIP: net.IP(src.AsSlice()), DstIP: net.IP(dst.AsSlice()), Protocol: layers.IPProtocolTCP}
	if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
		t.Fatal(err)
	}
	b := gopacket.NewSerializeBuffer()
	o := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: checksum}
	if err := gopacket.SerializeLayers(b, o, tcp, gopacket.Payload(data)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestHeaderAgainstOracle(t *testing.T) {
	data := []byte("some odd data")
	want := &layers.TCP{
		SrcPort: 49152, DstPort: 80, Seq: 0xfffffffe, Ack: 0x80000001, Window: 0xabcd,
		SYN: true, ACK: true, PSH: true, CWR: true,
		Options: []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{0x05, 0xb4}},
			{OptionType: layers.TCPOptionKindNop, OptionLength: 1},
			{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{5}},
		},
	}
	b := encode(t, want, wire.Addrs[0], wire.Addrs[1], data, true)
	h, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if h.SrcPort() != 49152 || h.DstPort() != 80 || h.Seq() != 0xfffffffe || h.Ack() != 0x80000001 ||
		h.Window() != 0xabcd || h.Flags() != SYN|ACK|PSH|CWR || h.DataOffset() != 28 || !bytes.Equal(h.Payload(), data) {
		t.Errorf("parsed %x", []byte(h))
	}
	if o := parseSYNOptions(h.Options()); o != (synOptions{mss: 1460, scale: 5, hasScale: true}) {
		t.Errorf("options %+v", o)
	}
	if !h.validChecksum(wire.Addrs[0], wire.Addrs[1]) {
		t.Error("gopacket's checksum is refused")
	}
	for i := range h {
		h[i] ^= 0x10
		if h.validChecksum(wire.Addrs[0], wire.Addrs[1]) {
			t.Errorf("a corrupt byte %d is not noticed", i)
		}
		h[i] ^= 0x10
	}
	// Our own encoder gives the same bytes.
	own := Header(make([]byte, HeaderLen, len(b)))
	copy(own, b[:4])
	own = synOptions{mss: 1460, scale: 5, hasScale: true}.appendTo(own)
	own.put(0xfffffffe, 0x80000001, len(own), SYN|ACK|PSH|CWR, 0xabcd)
	own = append(own, data...)
	own.setChecksum(wire.Addrs[0], wire.Addrs[1])
	if !bytes.Equal(own, b) {
		t.Errorf("encoded %x\ngopacket %x", own, b)
	}
}

// Everything that an endpoint sends, gopacket must read as meant, with a valid
// checksum or, without, a zero field.
func TestSentSegmentsAgainstOracle(t *testing.T) {
	for _, integrity := range []Integrity{IntegrityNone, IntegrityChecksum} {
		s := newScript(t)
		s.listen(Options{Integrity: integrity})
		peer := func(tcp layers.TCP, data string) *layers.TCP {
			tcp.SrcPort, tcp.DstPort, tcp.Window = scriptPeer, scriptLocal, 1000
			b := encode(t, &tcp, wire.Addrs[1], wire.Addrs[0], []byte(data), integrity == IntegrityChecksum)
			s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
			if len(s.port.out) == 0 {
				return nil
			}
			b = s.port.out[len(s.port.out)-1]
			got := decode(t, b)
			if integrity == IntegrityNone {
				if got.Checksum != 0 {
					t.Errorf("checksum %#x where none is computed", got.Checksum)
				}
			} else {
				sum := got.Checksum
				again := encode(t, got, wire.Addrs[0], wire.Addrs[1], got.Payload, true)
				if h, _ := Parse(again); h.Checksum() != sum {
					t.Errorf("checksum %#x, gopacket computes %#x", sum, h.Checksum())
				}
			}
			return got
		}
		syn := peer(layers.TCP{Seq: 99, SYN: true, Options: []layers.TCPOption{
			{OptionType: layers.TCPOptionKindMSS, OptionLength: 4, OptionData: []byte{1, 0}}}}, "")
		if !syn.SYN || !syn.ACK || syn.Ack != 100 || syn.DataOffset != 6 {
			t.Fatalf("SYN,ACK %+v", syn)
		}
		s.port.out = nil
		peer(layers.TCP{Seq: 100, Ack: syn.Seq + 1, ACK: true}, "")
		s.ev.onData = func(time.Duration) { s.write("odd") }
		reply := peer(layers.TCP{Seq: 100, Ack: syn.Seq + 1, ACK: true}, "question")
		if string(reply.Payload) != "odd" || reply.Seq != syn.Seq+1 || reply.Ack != 108 || !reply.PSH || !reply.ACK {
			t.Errorf("reply %+v", reply)
		}
	}
}

func TestBadChecksumIsDropped(t *testing.T) {
	s := newScript(t)
	s.listen(Options{Integrity: IntegrityChecksum})
	tcp := &layers.TCP{SrcPort: scriptPeer, DstPort: scriptLocal, SYN: true}
	b := encode(t, tcp, wire.Addrs[1], wire.Addrs[0], nil, true)
	b[offWindow]++
	s.e.Receive(0, wire.Addrs[1], wire.Addrs[0], b)
	s.out()
	if n := s.e.Stats().BadChecksum; n != 1 {
		t.Errorf("%d counted", n)
	}
	b[offWindow]--
	s.e.Receive(0, wire.Addrs[1], wire.Addrs[0], b)
	if len(s.port.out) != 1 {
		t.Error("a good one was not answered")
	}
	// A reset for a closed port has a checksum if the segment had one.
	s.port.out = nil
	tcp.DstPort++
	s.e.Receive(0, wire.Addrs[1], wire.Addrs[0], encode(t, tcp, wire.Addrs[1], wire.Addrs[0], nil, true))
	if h := Header(s.port.out[0]); h.Flags() != RST|ACK || !h.validChecksum(wire.Addrs[0], wire.Addrs[1]) {
		t.Errorf("sent %x", []byte(h))
	}
}

func TestFlagsString(t *testing.T) {
	for f, want := range map[Flags]string{0: ".", SYN | ACK: "SA", FIN | PSH | ACK: "FPA", 0xff: "FSRPAUEC"} {
		if f.String() != want {
			t.Errorf("%d: %q, want %q", f, f, want)
		}
	}
}
