package tcpmod

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"

	"deputy/internal/wire"
)

func TestActiveOpen(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	s.in("SA", 0, 1, "", mss1000...)
	s.out("A 1:1(0) ack 1")
	s.events("open")
	s.state(Established)
}

func TestSYNOptions(t *testing.T) {
	// 1000 bytes; a shift of 5 for a window of 1 MiB.
	mss, scale := []byte{optMSS, 4, 0x03, 0xe8}, []byte{optNop, optScale, 3, 5}
	permitted, aligned := []byte{optSACKPermitted, 2}, []byte{optNop, optNop}
	stamp := []byte{optTimestamps, 10, 0, 0, 0, 0, 0, 0, 0, 0}
	for _, x := range []struct {
		o    Options
		want [][]byte
	}{
		{Options{}, [][]byte{mss, permitted, aligned, scale}},
		{Options{NoSACK: true}, [][]byte{mss, scale}},
		{Options{Timestamps: true}, [][]byte{mss, permitted, stamp, scale}},
		{Options{Timestamps: true, NoSACK: true}, [][]byte{mss, aligned, stamp, scale}},
	} {
		s := newScript(t)
		c, err := s.e.DialFrom(0, scriptLocal, netip.AddrPortFrom(wire.Addrs[1], scriptPeer), x.o, s.ev)
		if err != nil {
			t.Fatal(err)
		}
		want := slices.Concat(x.want...)
		if x.o.Timestamps {
			binary.BigEndian.PutUint32(want[bytes.Index(want, stamp[:2])+2:], c.ts.offset)
		}
		if got := Header(s.port.out[0]).Options(); !bytes.Equal(got, want) {
			t.Errorf("%+v: options %x, want %x", x.o, got, want)
		}
	}
}

func TestOpenRefused(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	s.in("RA", 0, 1, "")
	s.out()
	s.events("end " + ErrRefused.Error())
	s.state(Closed)
}

// A reset with SYN and ACK must not complete a handshake.
func TestOpenResetWithSYN(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	s.in("SRA", 0, 1, "")
	s.out()
	s.events("end " + ErrRefused.Error())
}

func TestSynSentIgnoresWrongAck(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	s.in("SA", 0, 2, "")
	s.out("R 2:2(0)")
	s.in("RA", 0, 2, "") // and a reset that acknowledges nothing of ours
	s.in("R", 0, 0, "")
	s.in("A", 0, 1, "")
	s.out()
	s.events()
	s.state(SynSent)
}

func TestSYNRetransmission(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	for i := range 4 {
		s.wait(DefaultInitialRTO<<i - 1)
		s.out()
		s.wait(1)
		s.out("S 0:0(0)")
	}
	s.wait(DefaultConnectTimeout + 2*DefaultMaxRTO)
	s.events("end " + ErrTimeout.Error())
	s.state(Closed)
}

func TestSimultaneousOpen(t *testing.T) {
	s := newScript(t)
	s.dial(Options{})
	s.in("S", 0, 0, "", mss1000...)
	s.out("SA 0:0(0) ack 1")
	s.state(SynRcvd)
	s.in("SA", 0, 1, "", mss1000...)
	s.events("open")
	s.state(Established)
	s.write("x")
	s.out("PA 1:2(1) ack 1")
}

func TestSimultaneousOpenOfTwoEndpoints(t *testing.T) {
	for _, o := range []Options{{}, {NoSACK: true}, {Timestamps: true, Integrity: IntegrityCRC32C}, {Integrity: IntegrityChecksum}} {
		s := newSim(1)
		s.setISN(0, 1000, 2000, 1<<31)
		a, b := &user{t: t, s: s, total: 5000, want: 5000, greedy: true}, &user{t: t, s: s, end: 1, total: 5000, want: 5000, greedy: true}
		var err error
		if a.c, err = s.Ends[0].DialFrom(0, 1000, addrPort(1, 2000), o, a); err != nil {
			t.Fatal(err)
		}
		if b.c, err = s.Ends[1].DialFrom(0, 2000, addrPort(0, 1000), o, b); err != nil {
			t.Fatal(err)
		}
		if !s.Run(time.Second, func() bool { return a.ended && b.ended }) || a.got != 5000 || b.got != 5000 {
			t.Fatalf("%+v: got %d and %d, states %v and %v", o, a.got, b.got, a.c.State(), b.c.State())
		}
		if i := a.c.Info(); i.SACK == o.NoSACK || i.Timestamps != o.Timestamps {
			t.Errorf("%+v: %+v", o, i)
		}
	}
}

func TestPassiveOpen(t *testing.T) {
	s := newScript(t)
	s.listen(Options{})
	s.in("S", 0, 0, "", append(mss1000, scale7...)...)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "hello") // data on the ACK of the handshake
	s.events("open")
	if string(s.ev.data) != "hello" {
		t.Errorf("data %q", s.ev.data)
	}
	if got := s.c.Info().SendWindow; got != 60000<<7 {
		t.Errorf("window %d, want it scaled by 7", got)
	}
}

// The window of the SYN itself is not scaled, and the segment size of the
// peer holds on passive open.
func TestPassiveOpenHonoursMSSAndWindow(t *testing.T) {
	s := newScript(t)
	s.listen(Options{})
	s.window = 300
	s.in("S", 0, 0, "", optMSS, 4, 0, 200)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.write(string(make([]byte, 1000)))
	s.out("A 1:201(200) ack 1") // then 100 bytes of room, but less than a segment
	s.in("A", 1, 201, "")
	s.out("A 201:401(200) ack 1")
}

func TestAbsentAndAbsurdMSS(t *testing.T) {
	for _, x := range []struct {
		options []byte
		want    int
	}{{nil, 536}, {[]byte{optMSS, 4, 0, 0}, 536}, {[]byte{optMSS, 4, 0, 1}, minMSS}, {[]byte{optMSS, 4, 0xff, 0xff}, 1000}} {
		s := newScript(t)
		s.listen(Options{})
		s.in("S", 0, 0, "", x.options...)
		s.out("SA 0:0(0) ack 1")
		s.in("A", 1, 1, "")
		if got := s.c.Info().MSS; got != x.want {
			t.Errorf("options %x: MSS %d, want %d", x.options, got, x.want)
		}
	}
}

// A SYN that asks for ECN is a SYN.
func TestECNSYN(t *testing.T) {
	s := newScript(t)
	s.listen(Options{})
	s.in("SEC", 0, 0, "")
	s.out("SA 0:0(0) ack 1")
}

func TestDuplicateSYNInSynRcvd(t *testing.T) {
	s := inState(t, SynRcvd, Options{})
	s.in("S", 0, 0, "", mss1000...)
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 2, "") // acknowledges too much
	s.out("R 2:2(0)")
	s.in("A", 1, 1, "")
	s.events("open")
}

func TestResetInSynRcvd(t *testing.T) {
	s := inState(t, SynRcvd, Options{})
	s.in("R", 1, 0, "")
	s.out()
	s.events()
	s.state(Closed)
	if len(s.e.conns) != 0 || s.e.listeners[scriptLocal].halfOpen != 0 {
		t.Error("the half-open connection is still counted")
	}
}

func TestAcceptRefuses(t *testing.T) {
	s := newScript(t)
	s.e.Listen(scriptLocal, Options{}, func(time.Duration, *TCB) Events { return nil })
	s.in("S", 0, 0, "")
	s.out("SA 0:0(0) ack 1")
	s.in("A", 1, 1, "")
	s.out("RA 1:1(0) ack 1")
	if len(s.e.conns) != 0 {
		t.Error("the connection is left")
	}
}

func TestUnlistenRefusesHalfOpen(t *testing.T) {
	s := inState(t, SynRcvd, Options{})
	s.e.Unlisten(scriptLocal)
	s.in("A", 1, 1, "")
	s.out("RA 1:1(0) ack 1")
	s.events()
}

func TestSYNFloodIsLimited(t *testing.T) {
	s := newScript(t)
	s.listen(Options{})
	syn := make([]byte, HeaderLen)
	for i := range 3 * maxHalfOpen {
		Header(syn).put(seqNum(i), 0, HeaderLen, SYN, 1000)
		syn[offSrcPort], syn[offSrcPort+1], syn[offDstPort+1] = byte(i>>8), byte(i)|1, scriptLocal
		s.e.Receive(0, netip.AddrFrom4([4]byte{10, 9, byte(i >> 8), byte(i)}), wire.Addrs[0], syn)
	}
	if n := len(s.e.conns); n != maxHalfOpen {
		t.Errorf("%d half-open connections, want %d", n, maxHalfOpen)
	}
	if n := s.e.Stats().Refused; n != 2*maxHalfOpen {
		t.Errorf("%d refused", n)
	}
	s.wait(DefaultConnectTimeout + 2*DefaultMaxRTO)
	if n := len(s.e.conns); n != 0 {
		t.Errorf("%d left after the timeout", n)
	}
	s.port.out = nil
	s.in("S", 0, 0, "")
	s.out("SA 0:0(0) ack 1")
}

func TestClosedPort(t *testing.T) {
	for _, x := range []struct {
		flags     string
		seq, ack  int
		data      string
		want      string
		noAnswer  bool
		broadcast bool
	}{
		{flags: "S", seq: 5, want: "RA 0:0(0) ack 6"},
		{flags: "F", seq: 5, data: "abc", want: "RA 0:0(0) ack 9"},
		{flags: "A", seq: 5, ack: 77, want: "R 77:77(0)"},
		{flags: "SA", seq: 5, ack: 77, want: "R 77:77(0)"},
		{flags: "R", noAnswer: true},
		{flags: "RA", ack: 3, noAnswer: true},
	} {
		s := newScript(t)
		s.in(x.flags, x.seq, x.ack, x.data)
		if x.noAnswer {
			s.out()
		} else {
			s.out(x.want)
		}
	}
}

func TestEphemeralPortsRunOut(t *testing.T) {
	s := newScript(t)
	remote := netip.AddrPortFrom(wire.Addrs[1], 7)
	seen := map[uint16]bool{}
	for range lastEphemeral - firstEphemeral + 1 {
		c, err := s.e.Dial(0, remote, Options{}, s.ev)
		if err != nil {
			t.Fatal(err)
		}
		seen[c.LocalAddr().Port()] = true
		s.port.out = nil
	}
	if len(seen) != 16384 {
		t.Errorf("%d ports", len(seen))
	}
	if _, err := s.e.Dial(0, remote, Options{}, s.ev); err != ErrNoPort {
		t.Errorf("error %v, want %v", err, ErrNoPort)
	}
}

func TestBadAddresses(t *testing.T) {
	s := newScript(t)
	for _, a := range []string{"0.0.0.0:1", "255.255.255.255:1", "224.0.0.1:1", "10.0.0.2:0", "[::1]:1"} {
		if _, err := s.e.Dial(0, netip.MustParseAddrPort(a), Options{}, s.ev); err != ErrAddress {
			t.Errorf("%s: error %v", a, err)
		}
	}
	s.listen(Options{})
	if err := s.e.Listen(scriptLocal, Options{}, nil); err != ErrInUse {
		t.Errorf("error %v", err)
	}
	syn := make([]byte, HeaderLen)
	Header(syn).put(0, 0, HeaderLen, SYN, 1000)
	syn[offSrcPort+1], syn[offDstPort+1] = 9, scriptLocal
	s.e.Receive(0, wire.Addrs[1], netip.MustParseAddr("255.255.255.255"), syn)
	s.e.Receive(0, netip.MustParseAddr("224.0.0.1"), wire.Addrs[0], syn)
	s.out()
	if n := s.e.Stats().NotOurs; n != 2 {
		t.Errorf("%d counted", n)
	}
}

func TestISN(t *testing.T) {
	s := newScript(t)
	k := makeKey(wire.Addrs[1], 1, 2)
	first := s.e.initialSeq(0, k)
	if got := s.e.initialSeq(time.Second, k).sub(first); got != 250_000 {
		t.Errorf("the clock moved by %d in a second, want 250000", got)
	}
	if s.e.initialSeq(0, makeKey(wire.Addrs[1], 1, 3)) == first {
		t.Error("another port has the same number")
	}
	if New(&s.port, Config{}).initialSeq(0, k) == first {
		t.Error("another secret has the same number")
	}
}

func TestUnknownOptions(t *testing.T) {
	for _, x := range []struct {
		o    Options
		want error
	}{{Options{Integrity: IntegrityCRC32C + 1}, ErrIntegrity}, {Options{Congestion: "vegas"}, congestion.ErrAlgorithm}} {
		s := newScript(t)
		if err := s.e.Listen(1, x.o, nil); !errors.Is(err, x.want) {
			t.Errorf("Listen: %v, want %v", err, x.want)
		}
		if _, err := s.e.Dial(0, addrPort(1, 1), x.o, s.ev); !errors.Is(err, x.want) {
			t.Errorf("Dial: %v, want %v", err, x.want)
		}
		if len(s.e.conns)+len(s.e.listeners) != 0 {
			t.Error("something is left")
		}
	}
}

// narrowPort is a network that knows of a smaller MTU to its peer.
type narrowPort struct {
	wirePort
	path int
}

func (p *narrowPort) PathMTU(netip.Addr) int { return p.path }

// The segment size is that of the path, the announced one ours, and neither
// falls below the floor.
func TestPathOfTheNetwork(t *testing.T) {
	for path, want := range map[int]int{700: 680, 2000: 980, 100: minPathMSS} {
		p := &narrowPort{wirePort{mtu: 1000}, path}
		s := &script{t: t, e: New(p, Config{Seed: &[32]byte{1}}), ev: &recorder{take: -1}, window: 60000}
		s.listen(Options{})
		s.in("S", 0, 0, "", optMSS, 4, 5, 180)
		h := Header(p.out[0])
		if o := parseSYNOptions(h.Options()); o.mss != 980 {
			t.Errorf("announced %d", o.mss)
		}
		s.iss = seqNum(h.Seq())
		s.in("A", 1, 1, "")
		if got := s.c.Info().MSS; got != want {
			t.Errorf("path of %d: MSS %d, want %d", path, got, want)
		}
	}
}

func TestScaleOfTheLargestBuffer(t *testing.T) {
	o := Options{ReceiveBuffer: maxReceiveBuffer + 1}.withDefaults()
	if got := o.scale(); got != maxScale {
		t.Errorf("shift %d", got)
	}
}
