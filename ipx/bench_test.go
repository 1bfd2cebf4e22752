package ipx

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket/layers"

	"deputy/link"
)

// nullDevice takes every frame and keeps none.
type nullDevice struct{ out []byte }

func (d *nullDevice) Buffer() []byte  { return d.out }
func (d *nullDevice) Send(int) error  { return nil }
func (d *nullDevice) MTU() int        { return testMTU }
func (d *nullDevice) Addr() link.Addr { return hwA }

// counter is a Handler that reads a byte.
type counter struct{ count, bytes int }

func (c *counter) Receive(_ time.Duration, _, _ netip.Addr, payload []byte) {
	c.count++
	c.bytes += len(payload)
}

// steady returns a stack that knows neighbour b, with the frame by which b
// sends size bytes of payload.
func steady(tb testing.TB, size int) (*Stack, *Port, *counter, []byte) {
	tb.Helper()
	s, err := New(&nullDevice{make([]byte, link.HeaderLen+testMTU)}, Config{Prefix: prefixA})
	if err != nil {
		tb.Fatal(err)
	}
	s.Input(0, arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA))
	c := &counter{}
	s.Handle(testProto, c)
	return s, s.Port(testProto), c, ipFrame(tb, string(make([]byte, size)), nil)
}

func TestSteadyStateDoesNotAllocate(t *testing.T) {
	s, port, c, frame := steady(t, 1040)
	now := time.Duration(0)
	other := mustAddr("10.77.0.9")
	s.Input(0, arpFrame(link.Broadcast, arpRequest, hwC, other, hwNil, addrA))
	echo := icmpFrames(t, makeICMP(t, layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, make([]byte, 56)), nil)[0]
	unknown := ipFrame(t, "what is this?", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Protocol = 200 })
	payload := make([]byte, 20_000)
	if err := s.AddRoute(Route{mustPrefix("10.9.0.0/16"), addrB}); err != nil {
		t.Fatal(err)
	}
	send := func(dst netip.Addr) {
		if err := port.Send(now, dst, 1040); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		name string
		do   func()
	}{
		{"Input to Handler", func() { s.Input(now, frame) }},
		{"Send", func() { port.Buffer()[0]++; send(addrB) }},
		{"Send to two in turn", func() { send(addrB); send(other) }},
		{"Send to all", func() { send(allOnes) }},
		{"Send by a route", func() { send(mustAddr("10.9.0.1")) }},
		{"SendDatagram", func() {
			if err := port.SendDatagram(now, addrB, payload[:10], payload[10:]); err != nil {
				t.Fatal(err)
			}
		}},
		{"SendDatagram in one frame", func() {
			if err := port.SendDatagram(now, other, payload[:10], payload[10:1000]); err != nil {
				t.Fatal(err)
			}
		}},
		{"echo", func() { now += replyInterval; s.Input(now, echo) }},
		{"unknown protocol", func() { now += errorInterval; s.Input(now, unknown) }},
		{"loopback", func() { send(addrA); s.Advance(now) }},
		{"Deadline and Advance", func() { s.Advance(s.Deadline() - 1) }},
		{"bad checksum", func() {
			frame[24]++
			s.Input(now, frame)
			frame[24]--
		}},
		{"ARP", func() { s.Input(now, requestB) }},
	} {
		before := s.Stats()
		if allocs := testing.AllocsPerRun(1000, test.do); allocs != 0 {
			t.Errorf("%s: %v allocations", test.name, allocs)
		}
		if after := s.Stats(); test.name != "Deadline and Advance" && after == before {
			t.Errorf("%s: did nothing", test.name)
		}
	}
	if c.count == 0 || c.bytes != c.count*1040 {
		t.Errorf("%d datagrams, %d bytes", c.count, c.bytes)
	}
}

// What IP costs for each datagram sent and received, without a device.
func BenchmarkSendInput(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"44", 44}, {"1060", 1060}} {
		b.Run(bench.name, func(b *testing.B) {
			s, port, c, frame := steady(b, bench.size)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				port.Buffer()[0] = byte(n)
				if err := port.Send(0, addrB, bench.size); err != nil {
					b.Fatal(err)
				}
				s.Input(0, frame)
				n++
			}
			if c.count != n {
				b.Fatalf("%d of %d received", c.count, n)
			}
		})
	}
}

func BenchmarkSend(b *testing.B) {
	_, port, _, _ := steady(b, 44)
	b.ReportAllocs()
	for b.Loop() {
		_ = port.Send(0, addrB, 44)
	}
}

func BenchmarkInput(b *testing.B) {
	s, _, _, frame := steady(b, 44)
	b.ReportAllocs()
	for b.Loop() {
		s.Input(0, frame)
	}
}

// How much of Send would be a checksum that is computed instead of patched is
// seen by comparing with BenchmarkSum/20 of package checksum.
func BenchmarkTemplateFill(b *testing.B) {
	made := makeTemplate(hwA, hwB, addrA, addrB, 64)
	frame := make([]byte, frameHeaderLen)
	id := uint16(0)
	for b.Loop() {
		id++
		made.fill(frame, testProto, id, 44)
	}
	if binary.BigEndian.Uint16(frame[link.HeaderLen+offIdentification:]) != id {
		b.Fatal("not filled")
	}
}
