package rdp

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/wire"
)

// largePort is a network whose IP sends what is larger than the MTU as fragments, each of which can be lost.
type largePort struct {
	*wire.Port
	s *sim
	i int
}

const maxDatagram = 65515

func (p largePort) MaxDatagram() int          { return maxDatagram }
func (p largePort) PathMTU(netip.Addr) int    { return p.MTU() }
func (p largePort) fragments(segment int) int { return (segment + p.MTU() - 1) / p.MTU() }

func (p largePort) SendDatagram(now time.Duration, _ netip.Addr, segment ...[]byte) error {
	if p.Err != nil {
		return p.Err
	}
	var b []byte
	for _, piece := range segment {
		b = append(b, piece...)
	}
	if len(b) > maxDatagram {
		p.s.t.Errorf("a segment of %d bytes", len(b))
	}
	for range p.fragments(len(b)) - 1 { // Carry loses the last
		if p.s.Rand.Float64() < p.s.Loss {
			return nil
		}
	}
	p.s.Carry(now, p.i, b)
	return nil
}

// newLargeSim is a sim whose ends can send large segments.
func newLargeSim(t testing.TB, seed uint64) *sim {
	s := newSim(t, seed)
	for i := range s.Ends {
		fixed := s.Ends[i].fixedISS
		s.Ends[i] = New(largePort{s.Ports[i], s, i}, Config{Secret: [32]byte{byte(seed), byte(i)}})
		s.Ends[i].fixedISS = fixed
	}
	return s
}

// TestLargeMessages: messages above the MTU, up to the longest that IP carries, through a bad network.
func TestLargeMessages(t *testing.T) {
	for seed := uint64(1); seed <= 60; seed++ {
		s := newLargeSim(t, seed)
		s.Loss = s.Rand.Float64() * 0.02
		s.Dup, s.Reorder = 0.02, 0.1
		o := Options{SegmentSize: 65535, Checksum: seed%2 == 0, ArrivalOrder: seed%4 >= 2}
		if seed%3 == 0 {
			o.SegmentSize = 1500 + s.Rand.IntN(60_000)
		}
		a := simUser{total: 100, longest: 70_000, lazy: seed%5 == 0}
		b := simUser{total: 100, longest: 3000}
		s.connect(o, Options{SegmentSize: 65535, Checksum: o.Checksum, ArrivalOrder: o.ArrivalOrder}, &a, &b)
		done := func() bool {
			s.poke(&a, &b)
			return a.ended && b.ended && len(s.Ends[0].records)+len(s.Ends[1].records) == 0
		}
		for range 1000 {
			if s.Run(100*time.Millisecond, done) {
				break
			}
		}
		if !done() || a.err != net.ErrClosed || b.err != io.EOF || len(a.got) != a.want || len(b.got) != b.want {
			t.Fatalf("seed %d at %v: got %d and %d, ends %v and %v\n%+v", seed, s.Now, len(a.got), len(b.got), a.err, b.err, a.r.Info())
		}
		if i := a.r.Info(); i.LargeSent == 0 || i.MaxMessage != o.SegmentSize-38 {
			t.Errorf("seed %d: %d large segments, MaxMessage %d", seed, i.LargeSent, i.MaxMessage)
		}
		for _, e := range s.Ends {
			if e.buffers.lent != 0 {
				t.Fatalf("seed %d: %d buffers left", seed, e.buffers.lent)
			}
		}
	}
}

// TestLargeNeedsBothSides: the default is the MTU, whatever the other side accepts, and whatever the network carries.
func TestLargeNeedsBothSides(t *testing.T) {
	const mtu = 1480 - HeaderLen
	for _, tc := range []struct{ client, server, sent, received int }{
		{0, 0, mtu, mtu}, {65535, 0, mtu, 65497}, {0, 65535, mtu, mtu}, {65535, 65535, 65497, 65497}, {10_000, 65535, 9962, 9962}, {65535, 10_000, 9962, 65497},
	} {
		s := newLargeSim(t, 1)
		a, b := simUser{total: 1, longest: 10, hold: true}, simUser{}
		s.connect(Options{SegmentSize: tc.client}, Options{SegmentSize: tc.server}, &a, &b)
		s.Run(time.Second, func() bool { return len(b.got) == 1 })
		if i := a.r.Info(); i.MaxMessage != tc.sent || i.MaxReceive != tc.received {
			t.Errorf("sizes %d and %d: sends %d and receives %d, want %d and %d", tc.client, tc.server, i.MaxMessage, i.MaxReceive, tc.sent, tc.received)
		}
	}
}

// TestLargeCarriesEACK: a large segment lists what was received out of order only as far as its size allows.
func TestLargeCarriesEACK(t *testing.T) {
	s := newLargeSim(t, 1)
	a, b := simUser{}, simUser{stalled: true}
	a.hold = true
	s.connect(Options{SegmentSize: 10_000}, Options{SegmentSize: 10_000, Outstanding: 50}, &a, &b)
	s.Run(time.Second, func() bool { return b.open && a.open })
	for range 20 {
		if err := a.r.WriteMessage(s.Now, make([]byte, 100)); err != nil {
			t.Fatal(err)
		}
	}
	for len(s.Flight) > 0 {
		if k := s.Take(); k.To == 1 { // the reports are lost
			s.Ends[1].Receive(s.Now, wire.Addrs[0], wire.Addrs[1], k.Bytes)
		}
	}
	for _, tc := range []struct{ size, numbers int }{{9962, 0}, {9959, 0}, {9958, 1}, {9000, 20}} {
		s.Flight = nil
		b.r.fresh = 1
		if err := b.r.WriteMessage(s.Now, make([]byte, tc.size)); err != nil {
			t.Fatal(err)
		}
		h, data, err := Parse(s.Flight[0].Bytes)
		if err != nil || h.EACKs() != tc.numbers || len(data) != tc.size {
			t.Errorf("%d bytes with %d numbers, want %d; %v", len(data), h.EACKs(), tc.numbers, err)
		}
	}
}

// TestLargeAllocatesNothing: neither do the pieces that the network is given.
func TestLargeAllocatesNothing(t *testing.T) {
	p := newPipe()
	for i := range p.Ends {
		p.Ends[i] = New(&largePipe{PipePort: p.Ports[i]}, Config{Secret: [32]byte{byte(i + 1)}})
	}
	client, server := p.connect(t, Options{SegmentSize: 65535, Checksum: true}, false)
	message := make([]byte, 20_000)
	sent := 0
	round := func() {
		sent += client.r.Write(p.Now, message)
		large := p.Ends[0].net.(*largePipe)
		p.Ends[1].Receive(p.Now, wire.Addrs[0], wire.Addrs[1], large.last)
		p.Settle()
	}
	for range 100 {
		round()
	}
	if n := testing.AllocsPerRun(200, round); n != 0 {
		t.Errorf("%v allocations a round", n)
	}
	if server.n != sent || client.r.Info().LargeSent == 0 {
		t.Errorf("sent %d, got %d, %d large", sent, server.n, client.r.Info().LargeSent)
	}
}

// largePipe keeps the last large segment.
type largePipe struct {
	*wire.PipePort
	buf  [maxDatagram]byte
	last []byte
}

func (p *largePipe) MaxDatagram() int       { return maxDatagram }
func (p *largePipe) PathMTU(netip.Addr) int { return p.MTU() }
func (p *largePipe) SendDatagram(_ time.Duration, _ netip.Addr, segment ...[]byte) error {
	p.last = p.buf[:0]
	for _, piece := range segment {
		p.last = append(p.last, piece...)
	}
	return nil
}

func TestPool(t *testing.T) {
	p := pool{size: 1480}
	for _, n := range []int{0, 1, 1480, 1481, 2960, 2961, 65497} {
		b := p.copy(make([]byte, n))
		b = b[:cap(b)]
		if len(b) < n || len(b) > max(1480, 2*n) || p.lent != 1 {
			t.Errorf("%d bytes for %d, %d lent", len(b), n, p.lent)
		}
		p.put(b[:n])
		if again := p.copy(make([]byte, n)); cap(again) != len(b) || n > 0 && &again[0] != &b[0] || p.kept != 0 || len(p.free) != 0 {
			t.Errorf("%d bytes: another buffer, %d kept", n, p.kept)
		}
		p.lent = 0
	}
	p.put(nil)
	var all [][]byte
	for range poolKeepLarge/65536 + 10 {
		all = append(all, p.getLarge(65000))
	}
	for _, b := range all {
		p.put(b)
	}
	if p.lent != 0 || p.kept > poolKeepLarge {
		t.Errorf("%d lent, %d bytes kept", p.lent, p.kept)
	}
}
