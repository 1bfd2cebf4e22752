package ipx

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/link"
)

const ms = time.Millisecond

// The two hosts of most scripts. Node b is played by the test.
var (
	prefixA = netip.MustParsePrefix("10.77.0.1/24")
	addrA   = prefixA.Addr()
	addrB   = netip.MustParseAddr("10.77.0.2")
	addrC   = netip.MustParseAddr("10.77.0.3")
	allOnes = netip.MustParseAddr("255.255.255.255")
	toAll   = netip.MustParseAddr("10.77.0.255")
	nobody  = netip.IPv4Unspecified()

	hwA   = link.Addr{0x02, 0, 0, 0, 0, 0x0a}
	hwB   = link.Addr{0x02, 0, 0, 0, 0, 0x0b}
	hwC   = link.Addr{0x02, 0, 0, 0, 0, 0x0c}
	hwNil link.Addr
)

const (
	testProto = 27
	testMTU   = 1500
)

// device is a Device that keeps what is sent.
type device struct {
	addr link.Addr
	mtu  int
	out  []byte
	sent [][]byte
	err  error // of Send
	null bool  // keep nothing
}

func newDevice(addr link.Addr, mtu int) *device {
	return &device{addr: addr, mtu: mtu, out: make([]byte, link.HeaderLen+mtu, link.HeaderLen+mtu+8)}
}

func (d *device) Buffer() []byte  { return d.out }
func (d *device) MTU() int        { return d.mtu }
func (d *device) Addr() link.Addr { return d.addr }

func (d *device) Send(n int) error {
	if d.err != nil {
		return d.err
	}
	if d.null {
		return nil
	}
	d.sent = append(d.sent, bytes.Clone(d.out[:n]))
	// A real device lends another frame, with anything in it.
	for i := range d.out {
		d.out[i] = 0xa5
	}
	return nil
}

// delivered is one call of Handler.Receive.
type delivered struct {
	now      time.Duration
	src, dst netip.Addr
	payload  string
}

// host is a stack under test with its device and what its Handler got.
type host struct {
	*Stack
	t    testing.TB
	dev  *device
	port *Port
	got  []delivered
	then func(now time.Duration) // called by Receive, if set
}

func newHost(t testing.TB, prefix netip.Prefix, hardware link.Addr, routes ...Route) *host {
	t.Helper()
	return newHostMTU(t, prefix, hardware, testMTU, routes...)
}

func newHostMTU(t testing.TB, prefix netip.Prefix, hardware link.Addr, mtu int, routes ...Route) *host {
	t.Helper()
	dev := newDevice(hardware, mtu)
	s, err := New(dev, Config{Prefix: prefix, Routes: routes, Fragments: 1})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{Stack: s, t: t, dev: dev, port: s.Port(testProto)}
	s.Handle(testProto, h)
	return h
}

func (h *host) Receive(now time.Duration, src, dst netip.Addr, payload []byte) {
	h.got = append(h.got, delivered{now, src, dst, string(payload)})
	if h.then != nil {
		h.then(now)
	}
}

func (h *host) send(now time.Duration, dst netip.Addr, payload string) error {
	return h.port.Send(now, dst, copy(h.port.Buffer(), payload))
}

// frames returns what was sent since the last call.
func (h *host) frames() [][]byte {
	sent := h.dev.sent
	h.dev.sent = nil
	return sent
}

// knowsB makes b a neighbour of h at time now and forgets the reply.
func (h *host) knowsB(now time.Duration) {
	h.t.Helper()
	h.Input(now, arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA))
	if sent := h.frames(); len(sent) != 1 {
		h.t.Fatalf("%d frames sent on a request, want the reply alone", len(sent))
	}
}

// advanceTo calls Advance at each deadline up to end, and at end.
func (h *host) advanceTo(end time.Duration) {
	h.t.Helper()
	for range 10_000 {
		at := h.Deadline()
		if at > end {
			h.Advance(end)
			return
		}
		h.Advance(at)
		if h.Deadline() <= at {
			h.t.Fatalf("deadline %v after Advance(%v)", h.Deadline(), at)
		}
	}
	h.t.Fatalf("deadlines without end before %v", end)
}

// arpFrame is made by hand here, and checked against gopacket in arp_test.go.
func arpFrame(to link.Addr, op uint16, sha link.Addr, spa netip.Addr, tha link.Addr, tpa netip.Addr) []byte {
	frame := make([]byte, link.HeaderLen+arpLen)
	copy(frame, to[:])
	copy(frame[6:], sha[:])
	binary.BigEndian.PutUint16(frame[12:], 0x0806)
	arpFields{op, sha, spa, tha, tpa}.put(frame[link.HeaderLen:])
	return frame
}

// ipFrame is a frame by gopacket from b to a, changed by edit if that is set.
func ipFrame(t testing.TB, payload string, edit func(*layers.Ethernet, *layers.IPv4)) []byte {
	t.Helper()
	ethernet := &layers.Ethernet{SrcMAC: hwB[:], DstMAC: hwA[:], EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{
		Version: 4, TTL: 64, Id: 7, Protocol: testProto,
		SrcIP: addrB.AsSlice(), DstIP: addrA.AsSlice(),
	}
	if edit != nil {
		edit(ethernet, ip)
	}
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, ethernet, ip, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buffer.Bytes()[:link.HeaderLen+int(ip.Length)]) // without gopacket's padding
}

// decodeIPv4 decodes a frame by gopacket and checks its checksum by it.
func decodeIPv4(t testing.TB, frame []byte) (*layers.Ethernet, *layers.IPv4) {
	t.Helper()
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{Lazy: true})
	ethernet, _ := packet.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	ip, _ := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
	if ethernet == nil || ip == nil || packet.Metadata().Truncated {
		t.Fatalf("gopacket finds no whole datagram in %x: %v", frame, packet.ErrorLayer())
	}
	again := *ip
	again.Checksum = 0
	buffer := gopacket.NewSerializeBuffer()
	if err := again.SerializeTo(buffer, gopacket.SerializeOptions{ComputeChecksums: true}); err != nil {
		t.Fatal(err)
	}
	if again.Checksum != ip.Checksum {
		t.Fatalf("header checksum %#04x, gopacket computes %#04x", ip.Checksum, again.Checksum)
	}
	return ethernet, ip
}

// decodeARP decodes a frame by gopacket.
func decodeARP(t testing.TB, frame []byte) (*layers.Ethernet, *layers.ARP) {
	t.Helper()
	packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.DecodeOptions{})
	ethernet, _ := packet.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
	arp, _ := packet.Layer(layers.LayerTypeARP).(*layers.ARP)
	if arp == nil {
		t.Fatalf("gopacket finds no ARP packet in %x", frame)
	}
	return ethernet, arp
}

// describe says in words what a frame is, for comparison in scripts.
func describe(t testing.TB, frame []byte) string {
	t.Helper()
	to := net.HardwareAddr(frame[:6]).String()
	if binary.BigEndian.Uint16(frame[12:]) == 0x0806 {
		_, arp := decodeARP(t, frame)
		what := map[uint16]string{1: "ask", 2: "tell"}[arp.Operation]
		return what + " " + net.IP(arp.SourceProtAddress).String() + " " + net.IP(arp.DstProtAddress).String() + " to " + to
	}
	_, ip := decodeIPv4(t, frame)
	return "ip " + ip.DstIP.String() + " " + string(ip.Payload) + " to " + to
}

func describeAll(t testing.TB, frames [][]byte) []string {
	t.Helper()
	var lines []string
	for _, frame := range frames {
		lines = append(lines, describe(t, frame))
	}
	return lines
}

// Frames as describe has them.
const (
	askForB = "ask 10.77.0.1 10.77.0.2 to ff:ff:ff:ff:ff:ff"
	pollB   = "ask 10.77.0.1 10.77.0.2 to 02:00:00:00:00:0b"
	tellB   = "tell 10.77.0.1 10.77.0.2 to 02:00:00:00:00:0b"
	probeA  = "ask 0.0.0.0 10.77.0.1 to ff:ff:ff:ff:ff:ff"
	heraldA = "ask 10.77.0.1 10.77.0.1 to ff:ff:ff:ff:ff:ff"
)

// accounted checks the promise of Stats that no frame is lost sight of.
func accounted(t testing.TB, s *Stack) {
	t.Helper()
	stats := s.Stats()
	sum := stats.ARPReceived + stats.DatagramsReceived - stats.DatagramsReassembled + stats.FragmentsReceived +
		stats.DatagramsForwarded + stats.Input.Total()
	if sum != stats.FramesReceived {
		t.Fatalf("%d frames received, %d accounted for: %+v", stats.FramesReceived, sum, stats)
	}
	waiting := s.loopback.len()
	for _, n := range s.neighbours.all {
		waiting += n.waiting.len()
		if n.waiting.len() > maxWaiting || n.waiting.len() > 0 && n.state != incomplete {
			t.Fatalf("%d datagrams wait for %s in state %d", n.waiting.len(), n.addr, n.state)
		}
	}
	if lent := s.small.lent + s.large.lent; waiting != lent {
		t.Fatalf("%d datagrams wait in %d buffers", waiting, lent)
	}
	held, perSource := 0, map[uint32]int{}
	for _, r := range s.reassemblies.active {
		if perSource[r.src]++; perSource[r.src] > maxPerSource {
			t.Fatalf("%d reassemblies of one source", perSource[r.src])
		}
		if r.buffer != nil {
			held++
		}
	}
	if lent := s.reassemblies.buffers.lent; held != lent || len(s.reassemblies.active) > maxReassemblies {
		t.Fatalf("%d reassemblies, %d hold %d buffers", len(s.reassemblies.active), held, lent)
	}
	if len(s.paths.all) > maxPaths {
		t.Fatalf("%d paths", len(s.paths.all))
	}
}
