package ipx

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"

	"deputy/link"
)

// segment is a network: a frame that one host sends all others get.
type segment []*informed

// internet is two networks with a gateway g between them, which has a host on
// each: a and g1 on 10.1.0.0/24, g2 and b on 10.2.0.0/24.
type internet struct {
	t            testing.TB
	a, b, g1, g2 *informed
	gateway      *Gateway
	networks     [2]segment
	carried      [2][][]byte // what was on each network since the last quiet
}

var (
	net1, net2 = mustPrefix("10.1.0.0/24"), mustPrefix("10.2.0.0/24")
	farA, farB = mustAddr("10.1.0.2"), mustAddr("10.2.0.2")
	nearG      = mustAddr("10.1.0.1")
	farG       = mustAddr("10.2.0.1")
)

func newInternet(t testing.TB, mtu1, mtu2 int) *internet {
	t.Helper()
	host := func(prefix string, hardware byte, mtu int, routes ...Route) *informed {
		h := &informed{host: newHostMTU(t, mustPrefix(prefix), link.Addr{2, 0, 0, 0, 1, hardware}, mtu, routes...)}
		h.Handle(testProto, h)
		return h
	}
	n := &internet{
		t:  t,
		a:  host("10.1.0.2/24", 1, mtu1, Route{net2, nearG}),
		g1: host("10.1.0.1/24", 2, mtu1),
		g2: host("10.2.0.1/24", 3, mtu2),
		b:  host("10.2.0.2/24", 4, mtu2, Route{net1, farG}),
	}
	n.networks = [2]segment{{n.a, n.g1}, {n.g2, n.b}}
	var err error
	if n.gateway, err = NewGateway(n.g1.Stack, n.g2.Stack); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *internet) all() []*informed { return []*informed{n.a, n.g1, n.g2, n.b} }

// quiet carries frames until nobody sends any more.
func (n *internet) quiet(now time.Duration) {
	n.t.Helper()
	for busy := true; busy; {
		busy = false
		for i, network := range n.networks {
			for _, from := range network {
				for _, frame := range from.frames() {
					busy = true
					n.carried[i] = append(n.carried[i], frame)
					for _, to := range network {
						if to != from {
							to.Input(now, frame)
						}
					}
				}
			}
		}
	}
	for _, h := range n.all() {
		accounted(n.t, h.Stack)
	}
}

// ip returns the datagrams that were on a network.
func (n *internet) ip(network int) []*layers.IPv4 {
	n.t.Helper()
	var all []*layers.IPv4
	for _, frame := range n.carried[network] {
		if frame[13] == 0 {
			_, ip := decodeIPv4(n.t, frame)
			all = append(all, ip)
		}
	}
	n.carried[network] = nil
	return all
}

// Thesis, figure 3.1: nodes on two networks reach each other through one in
// between.
func TestGateway(t *testing.T) {
	n := newInternet(t, 1500, 1500)
	large := string(randomBytes(1, 20_000))
	for _, payload := range []string{"", "hello", large} {
		for _, h := range n.all() {
			h.got = nil
		}
		if err := n.a.port.SendDatagram(0, farB, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		if err := n.b.port.SendDatagram(0, farA, []byte(payload)); err != nil {
			t.Fatal(err)
		}
		n.quiet(0)
		if d := n.b.got; len(d) != 1 || d[0].payload != payload || d[0].src != farA || d[0].dst != farB {
			t.Errorf("b got %d datagrams: %+v", len(d), n.b.Stats())
		}
		if d := n.a.got; len(d) != 1 || d[0].payload != payload || d[0].src != farB || d[0].dst != farA {
			t.Errorf("a got %d datagrams: %+v", len(d), n.a.Stats())
		}
	}
	for i, hops := range [2]map[string]uint8{{"10.1.0.2": 64, "10.2.0.2": 63}, {"10.1.0.2": 63, "10.2.0.2": 64}} {
		for _, ip := range n.ip(i) {
			if ip.TTL != hops[ip.SrcIP.String()] {
				t.Errorf("network %d: TTL %d from %s", i+1, ip.TTL, ip.SrcIP)
			}
		}
	}
}

// The gateway is a host of both networks, which each of its stacks speaks for
// both, and its own two addresses are reached from either side.
func TestGatewayIsHost(t *testing.T) {
	n := newInternet(t, 1500, 1000)
	for _, test := range []struct {
		from, to *informed
		dst      netip.Addr
	}{
		{n.a, n.g1, nearG}, {n.a, n.g2, farG}, {n.b, n.g1, nearG}, {n.b, n.g2, farG},
		{n.g1, n.a, farA}, {n.g1, n.b, farB}, {n.g2, n.a, farA}, {n.g2, n.b, farB},
	} {
		for _, size := range []int{10, 980, 981, 3000} {
			payload := string(randomBytes(uint64(size), size))
			test.to.got = nil
			var err error
			if size <= test.from.port.MTU() {
				err = test.from.send(0, test.dst, payload)
			} else {
				err = test.from.port.SendDatagram(0, test.dst, []byte(payload))
			}
			if err != nil {
				t.Fatal(err)
			}
			n.quiet(0)
			want := []delivered{{0, test.from.Addr(), test.dst, payload}}
			if diff := cmp.Diff(want, test.to.got, cmp.AllowUnexported(delivered{}), cmp.Comparer(equalAddr)); diff != "" {
				t.Errorf("%s to %s, %d bytes: %s", test.from.Addr(), test.dst, size, diff)
			}
		}
	}
	if err := n.g1.send(0, farG, "to our other self"); !errors.Is(err, ErrNoRoute) {
		t.Errorf("%v, want %v", err, ErrNoRoute)
	}
}

// Where a datagram can't go, its source is told, and the transport there.
func TestGatewayReports(t *testing.T) {
	nowhere, hole := mustAddr("10.9.0.1"), mustAddr("10.2.0.77")
	for _, test := range []struct {
		name       string
		dst        netip.Addr
		ttl        uint8
		size       int
		kind, code uint8
		mtu        int
		drops      InputDrops // of g1
	}{
		{"no route", nowhere, 64, 100, 3, 0, 0, InputDrops{NoRoute: 1}},
		{"no host", hole, 64, 100, 3, 1, 0, InputDrops{}},
		{"too large", farB, 64, 1480, 3, 4, 1000, InputDrops{TooLarge: 1}},
		{"TTL", farB, 1, 100, 11, 0, 0, InputDrops{TTL: 1}},
	} {
		n := newInternet(t, 1500, 1000)
		if err := n.a.AddRoute(Route{mustPrefix("0.0.0.0/0"), nearG}); err != nil {
			t.Fatal(err)
		}
		n.a.ttl = test.ttl
		payload := string(randomBytes(1, test.size))
		if err := n.a.send(0, test.dst, payload); err != nil {
			t.Fatal(err)
		}
		n.quiet(0)
		for n.g2.Deadline() < 5*time.Second { // of ARP
			now := n.g2.Deadline()
			n.g2.Advance(now)
			n.quiet(now)
		}
		want := []status{{test.dst, test.kind, test.code, test.mtu, payload[:min(test.size, 528)]}}
		if diff := cmp.Diff(want, n.a.statuses, cmp.AllowUnexported(status{}), cmp.Comparer(equalAddr)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if got := n.g1.Stats().Input; got != test.drops || len(n.b.got) != 0 {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// After the report that it is too large the same datagram arrives, in fragments;
// one that may be fragmented is, by the gateway, as often as needed.
func TestGatewayPathMTU(t *testing.T) {
	n := newInternet(t, 9000, 1000)
	payload := string(randomBytes(2, 8000))
	for range 2 {
		if err := n.a.send(0, farB, payload); err != nil {
			t.Fatal(err)
		}
		n.quiet(0)
	}
	if got := n.a.port.PathMTU(farB); got != 980 || len(n.a.statuses) != 1 {
		t.Errorf("path MTU %d, %+v", got, n.a.statuses)
	}
	if diff := cmp.Diff([]string{payload}, payloads(n.b.got)); diff != "" {
		t.Error(diff)
	}
	if got := n.g2.Stats().FragmentsSent; got != 0 {
		t.Errorf("the gateway made %d fragments of what was small enough", got)
	}

	n = newInternet(t, 9000, 1000)
	large := string(randomBytes(3, 60_000))
	if err := n.a.port.SendDatagram(0, farB, []byte(large)); err != nil {
		t.Fatal(err)
	}
	n.quiet(0)
	if diff := cmp.Diff([]string{large}, payloads(n.b.got)); diff != "" {
		t.Error("fragments of fragments:", diff)
	}
	if got := n.g2.Stats().FragmentsSent; got < 60 {
		t.Errorf("the gateway made %d fragments", got)
	}
}

// What a gateway must not forward, and tells nobody of.
func TestGatewayDrops(t *testing.T) {
	type edit = func(*layers.Ethernet, *layers.IPv4)
	hwG := link.Addr{2, 0, 0, 0, 1, 2}
	frame := func(edit edit) []byte {
		return ipFrame(t, "to be forwarded", func(e *layers.Ethernet, ip *layers.IPv4) {
			e.DstMAC, ip.SrcIP, ip.DstIP = hwG[:], farA.AsSlice(), farB.AsSlice()
			edit(e, ip)
		})
	}
	src := func(s string) edit {
		return func(_ *layers.Ethernet, ip *layers.IPv4) { ip.SrcIP = mustAddr(s).AsSlice() }
	}
	dst := func(s string) edit {
		return func(_ *layers.Ethernet, ip *layers.IPv4) { ip.DstIP = mustAddr(s).AsSlice() }
	}
	for _, test := range []struct {
		name string
		edit edit
		want InputDrops
	}{
		{"broadcast frame", func(e *layers.Ethernet, _ *layers.IPv4) { e.DstMAC = layers.EthernetBroadcast }, InputDrops{OtherAddress: 1}},
		{"directed broadcast", dst("10.2.0.255"), InputDrops{OtherAddress: 1}},
		{"multicast", dst("224.0.0.9"), InputDrops{OtherAddress: 1}},
		{"this network", dst("0.0.0.1"), InputDrops{OtherAddress: 1}},
		{"loopback", dst("127.0.0.1"), InputDrops{OtherAddress: 1}},
		{"class E", dst("240.0.0.1"), InputDrops{OtherAddress: 1}},
		{"source of the other side", src("10.4.0.9"), InputDrops{Source: 1}},
		{"source ours", src("10.1.0.1"), InputDrops{Source: 1}},
		{"source our other", src("10.2.0.1"), InputDrops{Source: 1}},
		{"to us, source our other", func(e *layers.Ethernet, ip *layers.IPv4) { src("10.2.0.1")(e, ip); dst("10.1.0.1")(e, ip) }, InputDrops{Source: 1}},
		{"source unknown", src("10.3.0.1"), InputDrops{Source: 1}},
		{"source broadcast", src("10.1.0.255"), InputDrops{Source: 1}},
		{"TTL of a fragment", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.TTL, ip.FragOffset = 1, 10 }, InputDrops{TTL: 1}},
	} {
		n := newInternet(t, 1500, 1500)
		if err := n.g1.AddRoute(Route{mustPrefix("10.2.0.0/16"), farA}); err != nil { // our own address is no less ours by it
			t.Fatal(err)
		}
		n.g1.Input(0, frame(test.edit))
		if diff := cmp.Diff(test.want, n.g1.Stats().Input); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if len(n.g1.frames())+len(n.g2.frames()) != 0 {
			t.Errorf("%s: had a consequence", test.name)
		}
	}
}

func TestGatewayErrors(t *testing.T) {
	a, b := newHost(t, mustPrefix("10.1.0.1/24"), hwA), newHost(t, mustPrefix("10.2.0.1/24"), hwB)
	same := newHost(t, mustPrefix("10.1.0.9/24"), hwC)
	if _, err := NewGateway(a.Stack, b.Stack, same.Stack); !errors.Is(err, ErrOverlap) {
		t.Errorf("%v, want %v", err, ErrOverlap)
	}
	if _, err := NewGateway(a.Stack, b.Stack); err != nil {
		t.Error(err)
	}
	if _, err := NewGateway(b.Stack, same.Stack); !errors.Is(err, ErrJoined) {
		t.Errorf("%v, want %v", err, ErrJoined)
	}
}

// A sweep of addresses through the gateway neither drives out its neighbours
// nor takes the room that its own datagrams need, and doesn't silence the reports
// of path MTUs.
func TestGatewaySwept(t *testing.T) {
	g1 := newInformed(t, mustPrefix("10.1.0.1/24"), hwA)
	g2 := newInformed(t, mustPrefix("10.2.0.1/16"), hwC)
	if _, err := NewGateway(g1.Stack, g2.Stack); err != nil {
		t.Fatal(err)
	}
	frame := func(dst netip.Addr, ttl uint8) []byte {
		return ipFrame(t, "is anybody there?", func(e *layers.Ethernet, ip *layers.IPv4) {
			e.DstMAC, ip.SrcIP, ip.DstIP, ip.TTL = hwA[:], farA.AsSlice(), dst.AsSlice(), ttl
		})
	}
	g1.Input(0, arpFrame(link.Broadcast, arpRequest, hwB, farA, hwNil, nearG))
	g2.Input(0, arpFrame(link.Broadcast, arpRequest, hwB, farB, hwNil, farG))
	g2.frames()
	if err := g2.send(ms, farB, "first"); err != nil || len(g2.frames()) != 1 {
		t.Fatal("not sent", err)
	}
	for i := range 5000 {
		g1.Input(2*ms, frame(netip.AddrFrom4([4]byte{10, 2, byte(1 + i>>8), byte(1 + i%250)}), 64))
		g1.Input(2*ms, frame(farB, 1)) // uses up the errors
	}
	accounted(t, g1.Stack)
	accounted(t, g2.Stack)
	if got := g2.small.lent; got != maxBuffers/2 || len(g2.neighbours.all) != maxNeighbours {
		t.Errorf("%d datagrams wait for %d neighbours", got, len(g2.neighbours.all))
	}
	g1.frames()
	g2.frames()
	if err := g2.send(3*ms, farB, "second"); err != nil {
		t.Error(err)
	}
	if err := g2.send(3*ms, mustAddr("10.2.0.3"), "to a new one"); err != nil {
		t.Error(err)
	}
	want := []string{"ip 10.2.0.2 second to 02:00:00:00:00:0b", "ask 10.2.0.1 10.2.0.3 to ff:ff:ff:ff:ff:ff"}
	if diff := cmp.Diff(want, describeAll(t, g2.frames())); diff != "" {
		t.Error(diff)
	}
	g2.mtu = 500
	g1.Input(3*ms, ipFrame(t, string(make([]byte, 600)), func(e *layers.Ethernet, ip *layers.IPv4) {
		e.DstMAC, ip.SrcIP, ip.DstIP, ip.Flags = hwA[:], farA.AsSlice(), farB.AsSlice(), layers.IPv4DontFragment
	}))
	if sent := g1.frames(); len(sent) != 1 {
		t.Errorf("%d reports", len(sent))
	} else if kind, _ := decodeError(t, sent[0], farA); kind != layers.CreateICMPv4TypeCode(3, 4) {
		t.Errorf("report %v", kind)
	}
	g1.advanceTo(10 * time.Second)
	g2.advanceTo(10 * time.Second)
	if g2.small.lent != 0 {
		t.Errorf("%d datagrams wait for ever", g2.small.lent)
	}
	accounted(t, g2.Stack)
}

// Options are forwarded as they are, and by fragments as RFC 791 has it.
func TestGatewayOptions(t *testing.T) {
	n := newInternet(t, 1500, 600)
	if err := n.a.send(0, farB, "learns the way"); err != nil {
		t.Fatal(err)
	}
	n.quiet(0)
	n.ip(1)
	payload := randomBytes(4, 1400)
	n.g1.Input(0, ipFrame(t, string(payload), func(e *layers.Ethernet, ip *layers.IPv4) {
		e.DstMAC, ip.SrcIP, ip.DstIP = n.g1.hardware[:], farA.AsSlice(), farB.AsSlice()
		ip.Options = []layers.IPv4Option{
			{OptionType: 7, OptionLength: 7, OptionData: make([]byte, 5)},
			{OptionType: 0x88, OptionLength: 4, OptionData: []byte{1, 2}},
		}
	}))
	n.quiet(0)
	sent := n.ip(1)
	if len(sent) != 3 || sent[0].IHL != 8 || sent[1].IHL != 6 || sent[2].IHL != 6 || sent[1].Options[0].OptionType != 0x88 {
		t.Fatalf("%+v", sent)
	}
	if got := n.b.got[len(n.b.got)-1]; !bytes.Equal([]byte(got.payload), payload) {
		t.Errorf("%d bytes arrived", len(got.payload))
	}
}

// The TTL's checksum is patched as gopacket computes it, for each TTL.
func TestDecrementTTL(t *testing.T) {
	for ttl := 1; ttl < 256; ttl++ {
		for _, id := range []uint16{0, 1, 0xff00, 0xffff, uint16(ttl * 251)} {
			with := func(ttl uint8) Header {
				frame := ipFrame(t, "", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.TTL, ip.Id = ttl, id })
				return Header(frame[link.HeaderLen:])
			}
			h := with(uint8(ttl))
			h.decrementTTL()
			if want := with(uint8(ttl - 1)); !bytes.Equal(h, want) {
				t.Fatalf("TTL %d, identification %d: %x, want %x", ttl, id, h, want)
			}
		}
	}
}

func TestForwardDoesNotAllocate(t *testing.T) {
	n := newInternet(t, 1500, 1500)
	for range 2 {
		if err := n.a.send(0, farB, "x"); err != nil {
			t.Fatal(err)
		}
		n.quiet(0)
	}
	n.g2.dev.null = true
	frame := n.carried[0][len(n.carried[0])-1]
	before := n.g1.Stats().DatagramsForwarded
	if allocs := testing.AllocsPerRun(1000, func() { n.g1.Input(0, frame) }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
	if got := n.g1.Stats().DatagramsForwarded - before; got != 1001 {
		t.Errorf("%d forwarded", got)
	}
}

// FuzzGateway: no frame makes a gateway panic or lose count, and all that it
// sends is well formed, from a host that may send it and to one that may get it.
func FuzzGateway(f *testing.F) {
	frame := func(edit func(*layers.Ethernet, *layers.IPv4)) []byte {
		return ipFrame(f, "to be forwarded", func(e *layers.Ethernet, ip *layers.IPv4) {
			ip.SrcIP, ip.DstIP = farA.AsSlice(), farB.AsSlice()
			edit(e, ip)
		})
	}
	f.Add(frame(func(*layers.Ethernet, *layers.IPv4) {})[link.HeaderLen:])
	f.Add(frame(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.TTL = 1 })[link.HeaderLen:])
	f.Add(frame(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.DstIP = farG.AsSlice() })[link.HeaderLen:])
	f.Add(frame(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.DstIP[0]++ })[link.HeaderLen:])
	f.Fuzz(func(t *testing.T, datagram []byte) {
		n := newInternet(t, 1500, 576)
		for _, known := range []struct {
			of   *informed
			who  netip.Addr
			from *informed
		}{{n.g1, farA, n.a}, {n.g2, farB, n.b}} {
			known.of.Input(0, arpFrame(link.Broadcast, arpRequest, known.from.hardware, known.who, hwNil, known.of.Addr()))
			known.of.frames()
		}
		if len(datagram) > 1500 {
			return
		}
		if len(datagram) >= HeaderLen { // get past the checksum
			h := Header(datagram)
			datagram[offVersionIHL] = 0x40 | max(5, datagram[offVersionIHL]&0x0f)
			if h.HeaderLen() <= len(datagram) {
				h.setPlace(len(datagram), h.fragment())
			}
		}
		head := make([]byte, link.HeaderLen, link.HeaderLen+len(datagram))
		copy(head, n.g1.hardware[:])
		copy(head[etherSource:], n.a.hardware[:])
		head[etherType] = 8
		input := append(head, datagram...)
		before := bytes.Clone(input)
		n.g1.Input(0, input)
		if !bytes.Equal(input, before) {
			t.Error("the frame was changed")
		}
		for i, out := range []*informed{n.g1, n.g2} {
			accounted(t, out.Stack)
			for _, sent := range out.frames() {
				if sent[13] == 6 {
					decodeARP(t, sent)
					continue
				}
				h, err := ParseHeader(sent[link.HeaderLen:])
				if err != nil || len(h) > out.mtu+HeaderLen || link.Addr(sent) == link.Broadcast {
					t.Fatalf("network %d: %v in %x", i+1, err, sent)
				}
				if own := h.Source() == nearG || h.Source() == farG; !own && (!net1.Contains(h.Source()) || h.TTL() != Header(datagram).TTL()-1) {
					t.Fatalf("network %d: forwarded from %s with TTL %d", i+1, h.Source(), h.TTL())
				}
				if dst := toUint32(h.Destination()); !isUnicast(dst) || n.gateway.isBroadcast(dst) || n.gateway.owner(dst) != nil {
					t.Fatalf("network %d: to %s", i+1, h.Destination())
				}
			}
		}
	})
}

// What a gateway's IP costs for each datagram that it forwards, without a device.
func BenchmarkForward(b *testing.B) {
	n := newInternet(b, 1500, 1500)
	for range 2 {
		if err := n.a.send(0, farB, string(make([]byte, 1060))); err != nil {
			b.Fatal(err)
		}
		n.quiet(0)
	}
	n.g2.dev.null = true
	frame := n.carried[0][len(n.carried[0])-1]
	b.ReportAllocs()
	for b.Loop() {
		n.g1.Input(0, frame)
	}
	if n.g1.Stats().Input != (InputDrops{}) {
		b.Errorf("%+v", n.g1.Stats().Input)
	}
}
