package ipx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/internal/checksum"
	"deputy/link"
)

// decodeICMP decodes a message by gopacket and checks its checksum by it.
func decodeICMP(t testing.TB, b []byte) *layers.ICMPv4 {
	t.Helper()
	var icmp layers.ICMPv4
	if err := icmp.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
		t.Fatalf("gopacket finds no ICMP message in %x: %v", b, err)
	}
	if again := makeICMP(t, icmp, icmp.Payload); !bytes.Equal(again, b) {
		t.Fatalf("message %x, gopacket makes %x", b, again)
	}
	return &icmp
}

// makeICMP makes a message by gopacket.
func makeICMP(t testing.TB, icmp layers.ICMPv4, payload []byte) []byte {
	t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, &icmp, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buffer.Bytes())
}

// icmpFrames are the frames by gopacket that bring an ICMP message from b to a.
func icmpFrames(t testing.TB, message []byte, edit func(*layers.Ethernet, *layers.IPv4)) [][]byte {
	t.Helper()
	icmp := func(e *layers.Ethernet, ip *layers.IPv4) {
		ip.Protocol = layers.IPProtocolICMPv4
		if edit != nil {
			edit(e, ip)
		}
	}
	if len(message) <= testMTU-HeaderLen {
		return [][]byte{ipFrame(t, string(message), icmp)}
	}
	var frames [][]byte
	for _, p := range parts(9, len(message), 1480) {
		frames = append(frames, p.frame(t, string(message), icmp))
	}
	return frames
}

func TestEchoAnswered(t *testing.T) {
	for _, size := range []int{0, 1, 56, 1472, 1473, 65507} {
		h := newHost(t, prefixA, hwA)
		h.knowsB(0)
		data := randomBytes(uint64(size), size)
		request := layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0), Id: 0xfff0, Seq: 0x1234}
		for _, frame := range icmpFrames(t, makeICMP(t, request, data), nil) {
			h.Input(0, frame)
		}
		b := newHost(t, mustPrefix("10.77.0.2/24"), hwB)
		b.Handle(icmpProto, b)
		for _, frame := range h.frames() {
			b.Input(0, frame)
		}
		if len(b.got) != 1 {
			t.Fatalf("%d bytes: %d answers", size, len(b.got))
		}
		reply := decodeICMP(t, []byte(b.got[0].payload))
		if reply.TypeCode.Type() != layers.ICMPv4TypeEchoReply || reply.Id != 0xfff0 || reply.Seq != 0x1234 || !bytes.Equal(reply.Payload, data) {
			t.Errorf("%d bytes: %+v", size, reply)
		}
		if stats := h.Stats().ICMP; stats != (ICMPStats{RepliesSent: 1}) {
			t.Errorf("%+v", stats)
		}
		accounted(t, h.Stack)
	}
}

// What is neither answered nor reported.
func TestICMPSilence(t *testing.T) {
	echo := makeICMP(t, layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(layers.ICMPv4TypeEchoRequest, 0)}, []byte("data"))
	wrong := bytes.Clone(echo)
	wrong[offICMPChecksum]++
	toAll := func(e *layers.Ethernet, ip *layers.IPv4) {
		e.DstMAC, ip.DstIP = layers.EthernetBroadcast, net.IPv4bcast.To4()
	}
	unknown := func(edit func(*layers.Ethernet, *layers.IPv4)) []byte {
		return ipFrame(t, string(make([]byte, 80)), func(e *layers.Ethernet, ip *layers.IPv4) {
			ip.Protocol = 200
			edit(e, ip)
		})
	}
	for _, test := range []struct {
		name  string
		frame []byte
		want  ICMPStats
	}{
		{"echo to all", icmpFrames(t, echo, toAll)[0], ICMPStats{Ignored: 1}},
		{"wrong checksum", icmpFrames(t, wrong, nil)[0], ICMPStats{Malformed: 1}},
		{"short", icmpFrames(t, echo[:7], nil)[0], ICMPStats{Malformed: 1}},
		{"reply to nothing", icmpFrames(t, makeICMP(t, layers.ICMPv4{}, nil), nil)[0], ICMPStats{NotOurs: 1}},
		{"redirect", icmpFrames(t, makeICMP(t, layers.ICMPv4{TypeCode: 0x0501}, make([]byte, 28)), nil)[0], ICMPStats{Ignored: 1}},
		{"unknown type", icmpFrames(t, makeICMP(t, layers.ICMPv4{TypeCode: 0x2a00}, nil), nil)[0], ICMPStats{Ignored: 1}},
		{"unknown protocol to all", unknown(toAll), ICMPStats{}},
		{"unknown protocol, fragment", unknown(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.FragOffset = 8 }), ICMPStats{}},
		{"unknown protocol, first fragment", unknown(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Flags = layers.IPv4MoreFragments }), ICMPStats{}},
	} {
		h := newHost(t, prefixA, hwA)
		h.knowsB(0)
		h.Input(0, test.frame)
		if sent := h.frames(); len(sent) != 0 {
			t.Errorf("%s: sent %q", test.name, describeAll(t, sent))
		}
		if got := h.Stats().ICMP; got != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
		accounted(t, h.Stack)
	}
}

// An error is not answered by an error even where ICMP has no Handler.
func TestNoErrorAboutErrors(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.Handle(icmpProto, nil)
	h.knowsB(0)
	for kind := range uint8(50) {
		message := []byte{kind, 0, 0, 0, 0, 0, 0, 0}
		binary.BigEndian.PutUint16(message[offICMPChecksum:], checksum.Fold(checksum.Sum(message, 0)))
		h.Input(time.Duration(kind)*time.Second, icmpFrames(t, message, nil)[0])
		isQuery := kind == 0 || kind == 8 || kind == 9 || kind == 10 || kind >= 13 && kind <= 18 // RFC 1122, section 3.2.2
		if sent := h.frames(); (len(sent) == 1) != isQuery {
			t.Errorf("%d sent about type %d", len(sent), kind)
		}
	}
}

func TestProtocolUnreachable(t *testing.T) {
	for _, size := range []int{8, 100, 1480} {
		h := newHost(t, prefixA, hwA)
		h.knowsB(0)
		frame := ipFrame(t, string(randomBytes(1, size)), func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Protocol = 200 })
		h.Input(0, frame)
		sent := h.frames()
		if len(sent) != 1 || len(sent[0]) > link.HeaderLen+576 {
			t.Fatalf("%d frames", len(sent))
		}
		kind, quote := decodeError(t, sent[0], addrB)
		if kind != layers.CreateICMPv4TypeCode(layers.ICMPv4TypeDestinationUnreachable, layers.ICMPv4CodeProtocol) ||
			!bytes.HasPrefix(frame[link.HeaderLen:], quote) || len(quote) != min(HeaderLen+size, 548) {
			t.Errorf("%v about %x", kind, quote)
		}
		if stats := h.Stats(); stats.ICMP != (ICMPStats{ErrorsSent: 1}) || stats.Input.UnknownProtocol != 1 {
			t.Errorf("%+v", stats)
		}
	}
}

// Errors and replies are limited in their rate, each by itself.
func TestICMPLimits(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	unknown := ipFrame(t, "what is this", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Protocol = 200 })
	echo := icmpFrames(t, makeICMP(t, layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(8, 0)}, nil), nil)[0]
	count := func(now time.Duration, frame []byte) int {
		for range 1000 {
			h.Input(now, frame)
		}
		return len(h.frames())
	}
	for _, test := range []struct {
		at   time.Duration
		what []byte
		want int
	}{
		{0, unknown, errorBurst}, {0, echo, replyBurst}, {9 * ms, unknown, 0}, {9 * ms, echo, 9},
		{30 * ms, unknown, 3}, {time.Hour, unknown, errorBurst}, {time.Hour, echo, replyBurst},
	} {
		if got := count(test.at, test.what); got != test.want {
			t.Errorf("at %v: %d sent, want %d", test.at, got, test.want)
		}
	}
	if got := h.Stats().ICMP.Limited; got != 7000-2*errorBurst-2*replyBurst-12 {
		t.Errorf("%d limited", got)
	}
}

// status is one call of Status.
type status struct {
	dst        netip.Addr
	kind, code uint8
	mtu        int
	segment    string
}

// informed is a host whose transport wants to know.
type informed struct {
	*host
	statuses []status
}

func newInformed(t testing.TB, prefix netip.Prefix, hardware link.Addr, routes ...Route) *informed {
	h := &informed{host: newHost(t, prefix, hardware, routes...)}
	h.Handle(testProto, h)
	return h
}

func (h *informed) Status(_ time.Duration, dst netip.Addr, kind, code uint8, mtu int, segment []byte) {
	h.statuses = append(h.statuses, status{dst, kind, code, mtu, string(segment)})
}

// errorFrame is an error by b about a datagram of ours, quoted as far as usual.
func errorFrame(t testing.TB, kind, code uint8, mtu uint16, about []byte) []byte {
	t.Helper()
	return icmpFrames(t, makeICMP(t, layers.ICMPv4{TypeCode: layers.CreateICMPv4TypeCode(kind, code), Seq: mtu}, about[:min(len(about), 548)]), nil)[0]
}

// Errors reach the transport if they quote what it may have sent.
func TestStatus(t *testing.T) {
	for _, test := range []struct {
		name       string
		kind, code uint8
		edit       func(quote []byte) []byte
		want       []status
		stats      ICMPStats
	}{
		{"net unreachable", 3, 0, nil, []status{{addrB, 3, 0, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"protocol unreachable", 3, 2, nil, []status{{addrB, 3, 2, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"time exceeded", 11, 0, nil, []status{{addrB, 11, 0, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"parameter problem", 12, 0, nil, []status{{addrB, 12, 0, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"8 bytes", 3, 3, func(q []byte) []byte { return q[:28] }, []status{{addrB, 3, 3, 0, "segment "}}, ICMPStats{ErrorsReceived: 1}},
		{"TTL changed on the way", 3, 3, func(q []byte) []byte { q[8]--; return q }, []status{{addrB, 3, 3, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"padding behind", 3, 3, func(q []byte) []byte { return append(q, "junk"...) }, []status{{addrB, 3, 3, 0, "segment that is lost"}}, ICMPStats{ErrorsReceived: 1}},
		{"7 bytes", 3, 3, func(q []byte) []byte { return q[:27] }, nil, ICMPStats{Malformed: 1}},
		{"no header", 3, 3, func(q []byte) []byte { return q[:19] }, nil, ICMPStats{Malformed: 1}},
		{"version", 3, 3, func(q []byte) []byte { q[0] = 0x65; return q }, nil, ICMPStats{Malformed: 1}},
		{"header length", 3, 3, func(q []byte) []byte { q[0] = 0x44; return q }, nil, ICMPStats{Malformed: 1}},
		{"header beyond", 3, 3, func(q []byte) []byte { q[0] = 0x4f; return q }, nil, ICMPStats{Malformed: 1}},
		{"total length", 3, 3, func(q []byte) []byte { q[3] = 27; return q }, nil, ICMPStats{Malformed: 1}},
		{"another source", 3, 3, func(q []byte) []byte { q[15]++; return q }, nil, ICMPStats{NotOurs: 1}},
		{"another destination", 3, 3, func(q []byte) []byte { q[19]++; return q }, nil, ICMPStats{NotOurs: 1}},
		{"to all", 3, 3, func(q []byte) []byte { return append(q[:16:16], append([]byte{255, 255, 255, 255}, q[20:]...)...) }, nil, ICMPStats{NotOurs: 1}},
		{"later fragment", 3, 3, func(q []byte) []byte { q[7] = 1; return q }, nil, ICMPStats{ErrorsReceived: 1}},
		{"another protocol", 3, 3, func(q []byte) []byte { q[9] = 6; return q }, nil, ICMPStats{ErrorsReceived: 1}},
	} {
		h := newInformed(t, prefixA, hwA)
		h.knowsB(0)
		if err := h.send(0, addrB, "segment that is lost"); err != nil {
			t.Fatal(err)
		}
		quote := bytes.Clone(h.frames()[0][link.HeaderLen:])
		if test.edit != nil {
			quote = test.edit(quote)
		}
		h.Input(0, errorFrame(t, test.kind, test.code, 0, quote))
		if diff := cmp.Diff(test.want, h.statuses, cmp.AllowUnexported(status{}), cmp.Comparer(equalAddr)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if got := h.Stats().ICMP; got != test.stats {
			t.Errorf("%s: %+v", test.name, got)
		}
		if len(h.frames()) != 0 {
			t.Errorf("%s: answered", test.name)
		}
	}
}

// A neighbour that doesn't answer ARP is an unreachable host too.
func TestStatusByARP(t *testing.T) {
	h := newInformed(t, prefixA, hwA)
	for _, payload := range []string{"lost for ever", "short"} {
		if err := h.send(0, addrB, payload); err != nil {
			t.Fatal(err)
		}
	}
	h.advanceTo(3000 * ms)
	want := []status{{addrB, 3, 1, 0, "lost for ever"}}
	if diff := cmp.Diff(want, h.statuses, cmp.AllowUnexported(status{}), cmp.Comparer(equalAddr)); diff != "" {
		t.Error(diff)
	}
	accounted(t, h.Stack)
}

// Fragmentation needed lowers what travels unfragmented: Send then fragments,
// and after ten minutes it tries again.
func TestPathMTU(t *testing.T) {
	h := newInformed(t, prefixA, hwA)
	h.knowsB(0)
	send := func(now time.Duration, n int) [][]byte {
		t.Helper()
		if err := h.send(now, addrB, string(randomBytes(7, n))); err != nil {
			t.Fatal(err)
		}
		return h.frames()
	}
	about := send(0, 1400)[0][link.HeaderLen:]
	for _, step := range []struct {
		name      string
		told      uint16
		mtu, want int // next MTU, 0: not believed; then the path's, without the header
	}{
		{"more than the datagram", 1500, 0, 1480},
		{"as much as the datagram", 1420, 0, 1480},
		{"less", 1000, 1000, 980},
		{"more again", 1100, 1000, 980},
		{"by an old gateway", 0, 1000, 980},
	} {
		h.statuses = nil
		h.Input(0, errorFrame(t, 3, 4, step.told, about))
		if got := h.port.PathMTU(addrB); got != step.want {
			t.Errorf("%s: path MTU %d, want %d", step.name, got, step.want)
		}
		var want []status
		if step.mtu > 0 {
			want = []status{{addrB, 3, 4, step.mtu, string(about[HeaderLen:548])}}
		}
		if diff := cmp.Diff(want, h.statuses, cmp.AllowUnexported(status{}), cmp.Comparer(equalAddr)); diff != "" {
			t.Errorf("%s: %s", step.name, diff)
		}
	}
	if frames := send(ms, 980); len(frames) != 1 {
		t.Errorf("%d frames for what the path carries", len(frames))
	}
	frames := send(ms, 1400)
	if got := reassemble(t, frames); len(frames) != 2 || !bytes.Equal(got, randomBytes(7, 1400)) {
		t.Errorf("%d frames of %d bytes", len(frames), len(got))
	}
	for _, frame := range frames {
		if _, ip := decodeIPv4(t, frame); ip.Flags&layers.IPv4DontFragment != 0 || len(frame) > link.HeaderLen+1000 {
			t.Errorf("fragment of %d bytes: %+v", len(frame), ip)
		}
	}
	h.Input(9*time.Minute, requestB) // stays a neighbour
	_ = send(9*time.Minute, 10)
	h.Advance(pathMTUTime - 1)
	if got := h.port.PathMTU(addrB); got != 980 {
		t.Errorf("path MTU %d before its time", got)
	}
	h.Advance(pathMTUTime)
	if got := h.port.PathMTU(addrB); got != 1480 {
		t.Errorf("path MTU %d after its time", got)
	}
	h.frames()
	if frames := send(pathMTUTime, 1400); len(frames) != 1 {
		t.Errorf("%d frames", len(frames))
	}
	if got := h.port.PathMTU(addrC); got != 1480 {
		t.Errorf("path MTU %d to a stranger", got)
	}
}

// A gateway older than RFC 1191 doesn't tell its MTU, and one that carries less
// than every host must take gets datagrams that it may fragment.
func TestPathMTUGuessAndFloor(t *testing.T) {
	for _, test := range []struct {
		size   int
		told   uint16
		want   int
		mayFit bool // DF isn't set any more
	}{
		{1480, 0, 1492, false}, {1472, 0, 1006, false}, {980, 0, 576, false},
		{1480, 576, 576, false}, {1480, 575, 576, true}, {1480, 68, 576, true}, {1480, 1, 576, true}, {500, 296, 576, true},
	} {
		h := newInformed(t, prefixA, hwA)
		h.knowsB(0)
		_ = h.send(0, addrB, string(make([]byte, test.size)))
		h.Input(0, errorFrame(t, 3, 4, test.told, h.frames()[0][link.HeaderLen:]))
		if got := h.port.PathMTU(addrB) + HeaderLen; got != test.want || len(h.statuses) != 1 || h.statuses[0].mtu != test.want {
			t.Errorf("%d bytes, told %d: path MTU %d, %d reports", test.size, test.told, got, len(h.statuses))
		}
		_ = h.send(0, addrB, "some of it")
		if _, ip := decodeIPv4(t, h.frames()[0]); (ip.Flags&layers.IPv4DontFragment == 0) != test.mayFit {
			t.Errorf("%d bytes, told %d: %+v", test.size, test.told, ip)
		}
	}
}

// A datagram that could have been fragmented can't have been too large.
func TestPathMTUWithoutDF(t *testing.T) {
	h := newInformed(t, prefixA, hwA)
	h.knowsB(0)
	_ = h.send(0, addrB, string(make([]byte, 1400)))
	quote := h.frames()[0][link.HeaderLen:]
	quote[offFragment] = 0
	h.Input(0, errorFrame(t, 3, 4, 1000, quote))
	if got := h.port.PathMTU(addrB); got != 1480 || len(h.statuses) != 0 || h.Stats().ICMP.Ignored != 1 {
		t.Errorf("path MTU %d, %+v", got, h.statuses)
	}
}

// echoResult is a call of Echo's done.
type echoResult struct {
	now, rtt time.Duration
	err      error
}

func TestEchoAsked(t *testing.T) {
	a := newHost(t, prefixA, hwA)
	b := newHost(t, mustPrefix("10.77.0.2/24"), hwB)
	var got []echoResult
	done := func(now, rtt time.Duration, err error) { got = append(got, echoResult{now, rtt, err}) }
	ask := func(now time.Duration, dst netip.Addr, size int) {
		t.Helper()
		if err := a.Echo(now, dst, make([]byte, size), 100*ms, done); err != nil {
			t.Fatal(err)
		}
	}
	carry := func(now time.Duration) (frames int) {
		for _, frame := range a.frames() {
			b.Input(now, frame)
		}
		for _, frame := range b.frames() {
			a.Input(now, frame)
			frames++
		}
		return frames
	}
	ask(0, addrB, 56)
	carry(2 * ms)
	carry(3 * ms)
	ask(10*ms, addrB, 60_000)
	carry(14 * ms)
	if len(got) != 2 || got[0] != (echoResult{3 * ms, 3 * ms, nil}) || got[1] != (echoResult{14 * ms, 4 * ms, nil}) {
		t.Errorf("%+v", got)
	}

	got = nil
	ask(20*ms, addrB, 0)
	a.frames() // lost
	ask(21*ms, addrB, 0)
	carry(22 * ms)
	a.advanceTo(120*ms - 1)
	if len(got) != 1 || got[0].err != nil {
		t.Errorf("%+v", got)
	}
	a.advanceTo(120 * ms)
	if len(got) != 2 || got[1].now != 120*ms || !errors.Is(got[1].err, ErrEchoTimeout) {
		t.Errorf("%+v", got)
	}

	got = nil
	for range maxEchoes {
		ask(time.Second, addrA, 8)
	}
	if err := a.Echo(time.Second, addrA, nil, ms, done); !errors.Is(err, ErrEchoes) {
		t.Errorf("%v, want %v", err, ErrEchoes)
	}
	if err := a.Echo(time.Second, mustAddr("10.78.0.1"), nil, ms, done); !errors.Is(err, ErrEchoes) && !errors.Is(err, ErrNoRoute) {
		t.Error(err)
	}
	a.Advance(time.Second) // requests to ourselves, answered
	a.Advance(time.Second) // the answers
	if len(got) != maxEchoes || got[0] != (echoResult{time.Second, 0, nil}) {
		t.Errorf("%d answers of ourselves: %+v", len(got), got)
	}
	accounted(t, a.Stack)
}

// FuzzICMP: no message makes the stack panic or lose count, nobody is told of
// what he can't have sent, and a path MTU stays within its bounds.
func FuzzICMP(f *testing.F) {
	frame := ipFrame(f, "hello hello", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.SrcIP, ip.DstIP = ip.DstIP, ip.SrcIP })
	f.Add([]byte{8, 0, 0, 0, 0, 1, 0, 2, 3, 4, 5})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 1})
	f.Add(append([]byte{3, 3, 0, 0, 0, 0, 0, 0}, frame[link.HeaderLen:]...))
	f.Add(append([]byte{3, 4, 0, 0, 0, 0, 0, 10}, frame[link.HeaderLen:]...))
	f.Fuzz(func(t *testing.T, message []byte) {
		if len(message) > testMTU-HeaderLen {
			return
		}
		if len(message) >= icmpHeaderLen {
			binary.BigEndian.PutUint16(message[offICMPChecksum:], 0)
			binary.BigEndian.PutUint16(message[offICMPChecksum:], checksum.Fold(checksum.Sum(message, 0)))
		}
		h := newInformed(t, prefixA, hwA)
		h.knowsB(0)
		_ = h.send(0, addrB, "hello hello")
		if err := h.Echo(0, addrB, nil, ms, func(time.Duration, time.Duration, error) {}); err != nil {
			t.Fatal(err)
		}
		h.frames()
		h.Input(0, icmpFrames(t, message, nil)[0])
		for _, s := range h.statuses {
			if s.dst != addrB || len(s.segment) < 8 || (s.mtu != 0) != (s.kind == 3 && s.code == 4) {
				t.Errorf("%+v", s)
			}
		}
		if got := h.port.PathMTU(addrB) + HeaderLen; got < minPathMTU || got > testMTU {
			t.Errorf("path MTU %d", got)
		}
		for _, sent := range h.frames() {
			decodeIPv4(t, sent)
		}
		h.advanceTo(time.Hour)
		if len(h.echoes) != 0 {
			t.Errorf("%d requests wait", len(h.echoes))
		}
		accounted(t, h.Stack)
	})
}
