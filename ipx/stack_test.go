package ipx

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"deputy/link"
)

func mustPrefix(s string) netip.Prefix { return netip.MustParsePrefix(s) }

func equalAddr(a, b netip.Addr) bool { return a == b }

func TestNewErrors(t *testing.T) {
	for _, test := range []struct {
		prefix netip.Prefix
		mtu    int
		want   error
	}{
		{prefixA, 1500, nil},
		{prefixA, 68, nil},
		{prefixA, 65535, nil},
		{mustPrefix("10.77.0.0/31"), 1500, nil},
		{mustPrefix("10.77.0.1/32"), 1500, nil},
		{mustPrefix("10.0.0.1/8"), 1500, nil},
		{prefixA, 67, ErrMTU},
		{prefixA, 65536, ErrMTU},
		{netip.Prefix{}, 1500, ErrPrefix},
		{mustPrefix("fe80::1/64"), 1500, ErrPrefix},
		{mustPrefix("::ffff:10.77.0.1/120"), 1500, ErrPrefix},
		{mustPrefix("10.77.0.0/24"), 1500, ErrPrefix},
		{mustPrefix("10.77.0.255/24"), 1500, ErrPrefix},
		{mustPrefix("10.77.0.1/7"), 1500, ErrPrefix},
		{mustPrefix("127.0.0.1/8"), 1500, ErrPrefix},
		{mustPrefix("224.0.0.1/24"), 1500, ErrPrefix},
		{mustPrefix("0.0.0.0/32"), 1500, ErrPrefix},
		{mustPrefix("0.1.2.3/8"), 1500, ErrPrefix},
		{mustPrefix("255.255.255.255/32"), 1500, ErrPrefix},
	} {
		s, err := New(newDevice(hwA, test.mtu), Config{Prefix: test.prefix})
		if !errors.Is(err, test.want) || (err == nil) != (s != nil) {
			t.Errorf("%s, MTU %d: %v, want %v", test.prefix, test.mtu, err, test.want)
		}
		if err == nil && (s.Addr() != test.prefix.Addr() || s.Port(6).Addr() != s.Addr() || s.Deadline() != Never) {
			t.Errorf("%s: address %s, deadline %v", test.prefix, s.Addr(), s.Deadline())
		}
	}
}

// Two stacks on a lossy wire: all that arrives is what was sent, the queues
// stay bounded, the counters agree, and a neighbour that is there is found.
func TestTwoStacksWithLoss(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		a := newHost(t, prefixA, hwA)
		b := newHost(t, mustPrefix("10.77.0.2/24"), hwB)
		now := time.Duration(0)
		carry := func(from, to *host) {
			for _, frame := range from.frames() {
				if random.IntN(5) > 0 {
					to.Input(now, frame)
				}
			}
		}
		sent := 0
		for range 3000 {
			now += time.Duration(random.IntN(100)) * ms
			if random.IntN(3) == 0 {
				if err := a.send(now, addrB, "datagram"); err == nil {
					sent++
				} else if !errors.Is(err, ErrUnreachable) {
					t.Fatal(err)
				}
			}
			a.Advance(now)
			b.Advance(now)
			carry(a, b)
			carry(b, a)
			accounted(t, a.Stack)
			accounted(t, b.Stack)
		}
		if len(b.got) < sent*6/10 || len(b.got) > sent {
			t.Errorf("seed %d: %d of %d arrived: %+v", seed, len(b.got), sent, a.Stats())
		}
		for _, d := range b.got {
			if d.payload != "datagram" || d.src != addrA {
				t.Fatalf("seed %d: %+v", seed, d)
			}
		}
	}
}

// Over the in-memory link, which lends and checks its frames as a real one.
func TestOverLinkPair(t *testing.T) {
	devA, devB := link.NewPair(testMTU, hwA, hwB)
	defer devA.Close()
	defer devB.Close()
	a, err := New(devA, Config{Prefix: prefixA})
	if err != nil {
		t.Fatal(err)
	}
	b, err := New(devB, Config{Prefix: mustPrefix("10.77.0.2/24")})
	if err != nil {
		t.Fatal(err)
	}
	echo := b.Port(testProto)
	b.Handle(testProto, handlerFunc(func(now time.Duration, src, dst netip.Addr, payload []byte) {
		if err := echo.Send(now, src, copy(echo.Buffer(), payload)); err != nil {
			t.Error(err)
		}
	}))
	var got string
	a.Handle(testProto, handlerFunc(func(_ time.Duration, _, _ netip.Addr, payload []byte) { got = string(payload) }))
	ping := a.Port(testProto)
	if err := ping.Send(0, addrB, copy(ping.Buffer(), "ping")); err != nil {
		t.Fatal(err)
	}
	turn := func(dev link.Device, s *Stack) {
		for frame := dev.Receive(); frame != nil; frame = dev.Receive() {
			s.Input(0, frame)
			dev.Release()
		}
	}
	for range 4 { // request, reply, datagram, echo
		turn(devB, b)
		turn(devA, a)
	}
	if got != "ping" {
		t.Errorf("got %q back: %+v, %+v", got, a.Stats(), b.Stats())
	}
}

type handlerFunc func(now time.Duration, src, dst netip.Addr, payload []byte)

func (f handlerFunc) Receive(now time.Duration, src, dst netip.Addr, payload []byte) {
	f(now, src, dst, payload)
}

// Any sequence of calls keeps the promises: bounded queues, no buffer lost, a
// deadline in the future after Advance, and well-formed frames only.
func FuzzCalls(f *testing.F) {
	f.Add([]byte{0, 2, 1, 20, 2, 2, 0, 2, 1, 255, 1, 255})
	f.Add([]byte{8, 2, 9, 20, 11, 20, 2, 2, 8, 2, 11, 20, 10, 20, 11, 20, 8, 1, 13, 1, 13, 2, 12, 4, 12, 0x40, 1, 255})
	f.Add([]byte{0, 1, 3, 2, 0, 255, 1, 1, 4, 2, 1, 200, 5, 0, 6, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		h := newHost(t, prefixA, hwA)
		now := time.Duration(0)
		depth := 0
		h.then = func(now time.Duration) { // answer from within Receive
			if depth++; depth%2 == 1 {
				_ = h.send(now, addrB, "answer")
			}
		}
		for ; len(script) >= 2; script = script[2:] {
			arg := script[1]
			peer := netip.AddrFrom4([4]byte{10, 77, 0, arg})
			hardware := link.Addr{2, 0, 0, 0, 1, arg}
			switch script[0] % 14 {
			case 0:
				_ = h.send(now, peer, "datagram")
			case 1:
				now += time.Duration(arg) * time.Duration(arg) * ms
				h.Advance(now)
				if h.Deadline() <= now && h.loopback.len() == 0 {
					t.Fatalf("deadline %v after Advance(%v)", h.Deadline(), now)
				}
			case 2:
				h.Input(now, arpFrame(hwA, arpReply, hardware, peer, hwA, addrA))
			case 3:
				h.Input(now, arpFrame(link.Broadcast, arpRequest, hardware, peer, hwNil, addrA))
			case 4:
				h.Input(now, ipFrame(t, "datagram", nil))
			case 5:
				h.Announce(now)
			case 6:
				h.Probe(now, (time.Duration(arg)+1)*ms, func(time.Duration, error) {})
			case 7:
				h.dev.err = nil
				if arg%2 == 0 {
					h.dev.err = errDevice
				}
			case 8:
				_ = h.port.SendDatagram(now, peer, make([]byte, 257*int(arg)/4), make([]byte, int(arg)))
			case 9:
				if err := h.AddRoute(Route{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, arg, 0, 0}), 16), addrB}); err != nil && arg < 77 {
					t.Fatal(err)
				}
			case 10:
				h.DeleteRoute(netip.PrefixFrom(netip.AddrFrom4([4]byte{10, arg, 0, 0}), 16))
			case 11:
				_ = h.port.SendDatagram(now, netip.AddrFrom4([4]byte{10, arg, 0, 1}), make([]byte, 2000))
			case 12:
				h.Input(now, fragmentFrame(uint16(arg%4), int(arg&0xf0), make([]byte, 16*4), arg&4 != 0))
			case 13:
				_ = h.Echo(now, peer, make([]byte, 20*int(arg)), (time.Duration(arg)+1)*ms, func(time.Duration, time.Duration, error) {})
			}
			accounted(t, h.Stack)
			if last := h.paths.last; last != nil && (!last.inPlace(0) || h.paths.byAddr[last.addr] != last) {
				t.Fatalf("stale path to %s", last.addr)
			}
			for _, frame := range h.frames() {
				describe(t, frame)
			}
		}
	})
}

var errDevice = errors.New("device error")
