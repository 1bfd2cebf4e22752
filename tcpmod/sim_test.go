package tcpmod

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"
	"deputy/internal/wire"
)

// sim is two endpoints on a wire.
type sim struct{ *wire.Wire[*Endpoint] }

func newSim(seed uint64) *sim {
	s := &sim{wire.New[*Endpoint](seed)}
	for i := range s.Ends {
		s.Ends[i] = New(s.Ports[i], Config{Seed: &[32]byte{byte(seed), byte(seed >> 8), byte(i)}})
	}
	s.Check = func() {
		for i, e := range s.Ends {
			if err := e.check(); err != nil {
				panic(fmt.Sprintf("end %d at %v: %v", i, s.Now, err))
			}
		}
	}
	return s
}

// setISN makes the next connection from port to port start at isn, on end i.
func (s *sim) setISN(i int, local, remote uint16, isn uint32) {
	e := s.Ends[i]
	k := makeKey(wire.Addrs[1-i], remote, local)
	// The hash is what the secret makes it: search one that is near.
	for try := uint64(0); ; try++ {
		binary.BigEndian.PutUint64(e.secret[:], try)
		if got := uint32(e.initialSeq(s.Now, k)); got-isn < 1<<24 {
			return
		}
	}
}

// pattern is byte i of the stream that end number e sends.
func pattern(e, i int) byte { return byte(i*7 + i>>8*13 + i>>16*31 + e*101) }

// user is an application at one end: it sends total bytes of the pattern in
// random pieces, and checks what it receives.
type user struct {
	t     testing.TB
	s     *sim
	end   int
	c     *TCB
	total int // to send
	sent  int
	want  int // to receive
	got   int

	open     bool
	ended    bool
	err      error
	greedy   bool // takes all it is offered
	stalled  bool // takes nothing
	afterEnd bool
	hold     bool // leaves its direction open
}

func (u *user) OnOpen(now time.Duration) {
	if u.open {
		u.t.Errorf("end %d: OnOpen twice", u.end)
	}
	u.open = true
	u.push(now)
}

func (u *user) push(now time.Duration) {
	var p [3000]byte
	for u.sent < u.total {
		n := min(1+u.s.Rand.IntN(len(p)), u.total-u.sent)
		for i := range n {
			p[i] = pattern(u.end, u.sent+i)
		}
		k := u.c.Write(now, p[:n])
		u.sent += k
		if k < n {
			return
		}
	}
	if !u.hold {
		u.c.CloseWrite(now)
	}
}

func (u *user) OnData(_ time.Duration, data []byte) int {
	if u.ended {
		u.afterEnd = true
	}
	n := len(data)
	if u.stalled {
		return 0
	}
	if !u.greedy {
		n = u.s.Rand.IntN(n + 1)
	}
	for i, b := range data[:n] {
		if want := pattern(1-u.end, u.got+i); b != want {
			u.t.Fatalf("end %d: byte %d is %#x, want %#x", u.end, u.got+i, b, want)
		}
	}
	u.got += n
	return n
}

func (u *user) OnSpace(now time.Duration) { u.push(now) }

func (u *user) OnEnd(_ time.Duration, err error) {
	if u.ended {
		u.t.Errorf("end %d: OnEnd twice: %v, %v", u.end, u.err, err)
	}
	u.ended, u.err = true, err
}

func addrPort(i int, port uint16) netip.AddrPort { return netip.AddrPortFrom(wire.Addrs[i], port) }

// connect opens a connection between two users, from port 50000 to 80.
func (s *sim) connect(t testing.TB, o Options, a, b *user) {
	t.Helper()
	s.connectEach(t, o, o, a, b)
}

// connectEach is connect with options for each end.
func (s *sim) connectEach(t testing.TB, oa, ob Options, a, b *user) {
	t.Helper()
	*a, *b = user{t: t, s: s, end: 0, total: a.total, want: b.total, greedy: a.greedy, hold: a.hold},
		user{t: t, s: s, end: 1, total: b.total, want: a.total, greedy: b.greedy, hold: b.hold}
	s.Ends[1].Unlisten(80)
	if err := s.Ends[1].Listen(80, ob, func(_ time.Duration, c *TCB) Events { b.c = c; return b }); err != nil {
		t.Fatal(err)
	}
	c, err := s.Ends[0].DialFrom(s.Now, 50000, addrPort(1, 80), oa, a)
	if err != nil {
		t.Fatal(err)
	}
	a.c = c
}

func TestStreamsThroughBadNetwork(t *testing.T) {
	const seeds = 1500
	var total Stats
	for seed := uint64(1); seed <= seeds; seed++ {
		s := newSim(seed)
		s.Loss = s.Rand.Float64() * 0.08
		s.Dup = s.Rand.Float64() * 0.05
		s.Reorder = s.Rand.Float64() * 0.2
		s.Delay = time.Duration(1 + s.Rand.IntN(300_000))
		s.HoldACKs = seed%3 == 0
		if seed%2 == 0 {
			isn := uint32(1<<31) + s.Rand.Uint32N(1<<31)
			if seed%4 == 0 {
				isn = 0xffff0000 // wraps on the way
			}
			s.setISN(0, 50000, 80, isn)
			s.setISN(1, 80, 50000, isn)
		}
		o := Options{
			Nagle: seed%5 == 0, SendBuffer: 4096 << s.Rand.IntN(6), ReceiveBuffer: 2048 << s.Rand.IntN(8),
			NoSACK: s.Rand.IntN(4) == 0, Timestamps: s.Rand.IntN(3) == 0,
		}
		switch seed % 7 {
		case 0:
			o.Integrity = IntegrityChecksum
		case 1:
			o.Integrity = IntegrityCRC32C
			s.Corrupt, s.Bits = s.Rand.Float64()*0.02, 3
		}
		if s.Rand.IntN(2) == 0 {
			o.Congestion = congestion.Cubic
		}
		a, b := user{total: s.Rand.IntN(200_000), greedy: seed%2 == 0}, user{total: s.Rand.IntN(200_000), greedy: seed%3 == 0}
		s.connect(t, o, &a, &b)
		done := func() bool {
			for _, u := range []*user{&a, &b} {
				if u.c != nil && s.Rand.IntN(8) == 0 {
					u.c.Resume(s.Now)
				}
			}
			return a.ended && b.ended && a.c.State() == Closed && b.c.State() == Closed
		}
		for range 1000 { // a reader that stopped has no deadline: come back to it
			if s.Run(100*time.Millisecond, done) {
				break
			}
			a.c.Resume(s.Now)
			if b.c != nil {
				b.c.Resume(s.Now)
			}
		}
		if !done() || a.err != io.EOF || b.err != io.EOF || a.got != a.want || b.got != b.want || a.afterEnd || b.afterEnd {
			t.Fatalf("seed %d at %v: got %d of %d and %d of %d, ends %v and %v, states %v and %v\n%+v\n%+v",
				seed, s.Now, a.got, a.want, b.got, b.want, a.err, b.err, a.c.State(), b.c.State(), a.c.Info(), b.c.Info())
		}
		for _, e := range s.Ends {
			if len(e.conns) != 0 || len(e.timers) != 0 {
				t.Fatalf("seed %d: connections are left: %v", seed, e.conns)
			}
			total.add(e.Stats())
		}
	}
	if total.FastRetransmits == 0 || total.Timeouts == 0 || total.TailProbes == 0 || total.WindowProbes == 0 || total.OutOfOrder == 0 || total.Undone == 0 {
		t.Errorf("a mechanism never worked: %+v", total)
	}
	t.Logf("%+v", total)
}

func (s *Stats) add(o Stats) {
	s.SegmentsIn += o.SegmentsIn
	s.Retransmissions += o.Retransmissions
	s.FastRetransmits += o.FastRetransmits
	s.Timeouts += o.Timeouts
	s.TailProbes += o.TailProbes
	s.WindowProbes += o.WindowProbes
	s.OutOfOrder += o.OutOfOrder
	s.Unacceptable += o.Unacceptable
	s.Challenges += o.Challenges
	s.ChallengesHeld += o.ChallengesHeld
	s.Undone += o.Undone
	s.Reneged += o.Reneged
	s.OldTimestamps += o.OldTimestamps
}

// pinger sends a request, waits for the answer, and sends the next.
type pinger struct {
	c       *TCB
	server  bool
	size    int
	have    int
	rounds  int
	started time.Duration
	times   []time.Duration
	err     error
}

func (p *pinger) OnOpen(now time.Duration) {
	if !p.server {
		p.request(now)
	}
}

func (p *pinger) request(now time.Duration) {
	p.started = now
	p.c.Write(now, make([]byte, p.size))
}

func (p *pinger) OnData(now time.Duration, data []byte) int {
	if p.have += len(data); p.have < p.size {
		return len(data)
	}
	p.have = 0
	switch {
	case p.server:
		p.request(now)
	case len(p.times)+1 < p.rounds:
		p.times = append(p.times, now-p.started)
		p.request(now)
	default:
		p.times = append(p.times, now-p.started)
	}
	return len(data)
}

func (p *pinger) OnSpace(time.Duration)            {}
func (p *pinger) OnEnd(_ time.Duration, err error) { p.err = err }
func (s *sim) pingPong(t testing.TB, o Options, size, rounds int) (client, server *pinger) {
	t.Helper()
	client, server = &pinger{size: size, rounds: rounds}, &pinger{size: size, server: true}
	if err := s.Ends[1].Listen(80, o, func(_ time.Duration, c *TCB) Events { server.c = c; return server }); err != nil {
		t.Fatal(err)
	}
	c, err := s.Ends[0].Dial(s.Now, netip.AddrPortFrom(wire.Addrs[1], 80), o, client)
	if err != nil {
		t.Fatal(err)
	}
	client.c = c
	return client, server
}

func TestRequestResponseUnderLoss(t *testing.T) {
	s := newSim(7)
	s.Loss = 0.01
	client, _ := s.pingPong(t, Options{}, 24, 3000)
	if !s.Run(time.Minute, func() bool { return len(client.times) == client.rounds }) {
		t.Fatalf("%d rounds of %d", len(client.times), client.rounds)
	}
	slices.Sort(client.times)
	p50, p99, worst := client.times[1500], client.times[2970], client.times[2999]
	t.Logf("p50 %v p99 %v max %v, %+v", p50, p99, worst, s.Ends[0].Stats())
	if p50 != 2*s.Delay {
		t.Errorf("median %v, want the bare round trip %v", p50, 2*s.Delay)
	}
	if p99 > 3*time.Millisecond {
		t.Errorf("p99 %v: a lost segment should cost a tail-loss probe", p99)
	}
	if worst > 100*time.Millisecond {
		t.Errorf("worst round trip %v", worst)
	}
}

func TestPingPongSendsNoBareAcks(t *testing.T) {
	s := newSim(1)
	client, server := s.pingPong(t, Options{}, 24, 1000)
	s.Run(time.Minute, func() bool { return len(client.times) == client.rounds })
	// SYN, ACK of the SYN,ACK riding on the first request, one segment a
	// message.
	if got := client.c.Info().SegmentsOut; got != 1001 {
		t.Errorf("client sent %d segments for 1000 requests, want 1001", got)
	}
	if got := server.c.Info().SegmentsOut; got != 1001 {
		t.Errorf("server sent %d segments for 1000 replies, want 1001", got)
	}
}

func TestCloseUnderLoss(t *testing.T) {
	for seed := uint64(1); seed <= 200; seed++ {
		s := newSim(seed)
		s.Loss = 0.3
		a, b := user{total: 100, greedy: true}, user{total: 100, greedy: true}
		s.connect(t, Options{}, &a, &b)
		if !s.Run(time.Minute, func() bool { return len(s.Ends[0].conns)+len(s.Ends[1].conns) == 0 && a.ended }) {
			t.Fatalf("seed %d: states %v, %v", seed, a.c.State(), b.c.State())
		}
		if a.err != io.EOF || a.got != 100 {
			// The one that closes last may be left alone if the final ACK and
			// all that follows is lost; with 2 MSL it is not.
			t.Errorf("seed %d: got %d, %v", seed, a.got, a.err)
		}
	}
}

func TestBlackoutEndsConnection(t *testing.T) {
	s := newSim(1)
	a, b := user{total: 1 << 20, greedy: true}, user{hold: true}
	s.connect(t, Options{SendBuffer: 64 << 10}, &a, &b)
	s.Run(time.Second, func() bool { return a.sent > 200_000 })
	s.Cut = [2]bool{true, true}
	start := s.Now
	s.Run(2*time.Minute, func() bool { return a.ended })
	if !errors.Is(a.err, ErrTimeout) {
		t.Fatalf("OnEnd %v, want %v", a.err, ErrTimeout)
	}
	if d := s.Now - start; d < DefaultTimeout || d > DefaultTimeout+2*DefaultMaxRTO {
		t.Errorf("ended after %v, want about %v", d, DefaultTimeout)
	}
}

func TestOutageIsSurvived(t *testing.T) {
	s := newSim(1)
	a, b := user{total: 400_000, greedy: true}, user{greedy: true}
	s.connect(t, Options{SendBuffer: 64 << 10}, &a, &b)
	s.Run(time.Second, func() bool { return b.got > 200_000 })
	s.Cut = [2]bool{true, true}
	s.Run(20*time.Second, func() bool { return false })
	s.Cut = [2]bool{}
	start := s.Now
	if !s.Run(time.Minute, func() bool { return b.got == 400_000 }) {
		t.Fatalf("got %d, %v", b.got, a.err)
	}
	if d := s.Now - start; d > DefaultMaxRTO+100*time.Millisecond {
		t.Errorf("recovered %v after the link came back, want within the maximum RTO", d)
	}
}

// The clock jumps, as after a suspension, in the middle of a transfer, while
// the window is closed, and while all is idle: no connection is given up.
func TestClockJumps(t *testing.T) {
	s := newSim(1)
	s.Loss = 0.02
	a, b := user{total: 3_000_000, greedy: true}, user{total: 1_000_000, greedy: true}
	s.connect(t, Options{}, &a, &b)
	jumps := 0
	next := 50_000
	if !s.Run(10*time.Minute+40*time.Hour, func() bool {
		if b.got > next {
			next += 50_000
			jumps++
			s.Now += 37 * time.Minute
		}
		return a.ended && b.ended
	}) || a.err != io.EOF || b.err != io.EOF || a.got != 1_000_000 || b.got != 3_000_000 {
		t.Errorf("got %d and %d, %v and %v", a.got, b.got, a.err, b.err)
	}
	if jumps < 50 {
		t.Errorf("%d jumps", jumps)
	}

	s = newSim(2)
	a, b = user{total: 300_000, greedy: true}, user{greedy: true, hold: true}
	s.connect(t, Options{ReceiveBuffer: 16 << 10}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	b.stalled = true
	for range 20 {
		s.Run(10*time.Second, func() bool { return false })
		s.Now += time.Hour
	}
	b.stalled = false
	b.c.Resume(s.Now)
	if !s.Run(time.Minute, func() bool { return b.got == 300_000 }) {
		t.Fatalf("got %d, %v", b.got, a.err)
	}
	for range 20 {
		s.Now += time.Hour
		s.Run(40*time.Second, func() bool { return false })
	}
	if a.c.State() != FinWait2 || b.c.State() != CloseWait {
		t.Errorf("%v and %v", a.c.State(), b.c.State())
	}
}

// restart replaces an end by a new one, as after a crash. What is on the wire
// still arrives.
func (s *sim) restart(i int) {
	p := s.Ends[i].net
	s.Ends[i] = New(p, Config{Seed: &[32]byte{byte(i), 99}})
}

// A peer that crashed and came back resets what it doesn't know any more, and
// a new connection between the same ports works though the old one is still
// open at the other end (RFC 9293, section 3.5.1).
func TestPeerRestarts(t *testing.T) {
	for seed := uint64(1); seed <= 100; seed++ {
		s := newSim(seed)
		s.Loss, s.Reorder, s.Dup = 0.02, 0.2, 0.1
		if seed%2 == 0 {
			s.setISN(0, 50000, 80, 1<<31+uint32(seed)<<16)
		}
		old, oldPeer := user{total: 1 << 20, greedy: true}, user{total: 1 << 20, greedy: true}
		o := Options{Timestamps: seed%3 == 0, Integrity: Integrity(seed % 2)}
		s.connect(t, o, &old, &oldPeer)
		s.Run(time.Second, func() bool { return oldPeer.got > 100_000 })
		s.restart(0)
		if seed%4 == 0 { // nobody dials: the reset comes by itself
			if !s.Run(time.Second, func() bool { return oldPeer.ended }) || !errors.Is(oldPeer.err, ErrReset) {
				t.Fatalf("seed %d: OnEnd %v", seed, oldPeer.err)
			}
			continue
		}
		listener := s.Ends[1].listeners[80]
		a, b := user{t: t, s: s, total: 50_000, want: 50_000, greedy: true}, user{t: t, s: s, end: 1, total: 50_000, want: 50_000, greedy: true}
		listener.accept = func(_ time.Duration, c *TCB) Events { b.c = c; return &b }
		var err error
		if a.c, err = s.Ends[0].DialFrom(s.Now, 50000, addrPort(1, 80), o, &a); err != nil {
			t.Fatal(err)
		}
		if !s.Run(time.Minute, func() bool { return a.ended && b.ended }) || a.err != io.EOF || b.err != io.EOF || a.got != 50_000 || b.got != 50_000 {
			t.Fatalf("seed %d: got %d and %d, %v and %v", seed, a.got, b.got, a.err, b.err)
		}
		if !errors.Is(oldPeer.err, ErrReset) {
			t.Errorf("seed %d: the old end got %v", seed, oldPeer.err)
		}
	}
}

func TestKeepaliveClosesDeadPeer(t *testing.T) {
	for _, off := range []bool{false, true} {
		t.Run(fmt.Sprint("off=", off), func(t *testing.T) {
			s := newSim(1)
			client, _ := s.pingPong(t, Options{NoKeepalive: off}, 24, 1)
			s.Run(time.Second, func() bool { return len(client.times) == 1 })
			s.Run(5*time.Minute, func() bool { return client.err != nil })
			if client.err != nil {
				t.Fatalf("closed with a living peer: %v", client.err)
			}
			probes := s.Ends[0].Stats().KeepaliveProbes
			if (probes == 0) != off {
				t.Errorf("%d probes", probes)
			}
			s.Cut[1] = true
			start := s.Now
			s.Run(5*time.Minute, func() bool { return client.err != nil })
			if off {
				if client.err != nil {
					t.Fatal(client.err)
				}
				return
			}
			if !errors.Is(client.err, ErrKeepalive) {
				t.Fatalf("OnEnd %v, want %v", client.err, ErrKeepalive)
			}
			if d := s.Now - start; d > DefaultKeepaliveIdle+(DefaultKeepaliveProbes+1)*DefaultKeepaliveInterval {
				t.Errorf("closed after %v", d)
			}
		})
	}
}

func TestZeroWindow(t *testing.T) {
	s := newSim(3)
	s.Loss = 0.05
	a, b := user{total: 300_000, greedy: true}, user{greedy: true, hold: true}
	s.connect(t, Options{ReceiveBuffer: 16 << 10, SendBuffer: 8 << 10}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	b.stalled = true
	// Ten minutes are far beyond every timeout: the probes are answered.
	s.Run(10*time.Minute, func() bool { return a.ended || b.ended })
	if a.ended || b.ended {
		t.Fatalf("ended in a zero window: %v, %v", a.err, b.err)
	}
	if got := b.c.Info().Unread; got > 16<<10 || got <= 16<<10-b.c.Info().MSS {
		t.Errorf("%d bytes buffered, want the whole receive buffer but less than a segment", got)
	}
	if s.Ends[0].Stats().WindowProbes == 0 {
		t.Error("no window probes")
	}
	b.stalled = false
	b.c.Resume(s.Now)
	if !s.Run(time.Minute, func() bool { return b.got == 300_000 }) {
		t.Fatalf("got %d", b.got)
	}
}

func TestZeroWindowDeadPeer(t *testing.T) {
	s := newSim(3)
	a, b := user{total: 300_000, greedy: true}, user{hold: true}
	s.connect(t, Options{ReceiveBuffer: 16 << 10}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	b.stalled = true
	s.Run(time.Minute, func() bool { return false })
	s.Cut[1] = true
	s.Run(2*time.Minute, func() bool { return a.ended })
	if !errors.Is(a.err, ErrTimeout) {
		t.Fatalf("OnEnd %v, want %v", a.err, ErrTimeout)
	}
}

func TestSendErrorsAreRepaired(t *testing.T) {
	s := newSim(1)
	a, b := user{total: 100_000, greedy: true}, user{greedy: true}
	s.connect(t, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	s.Ports[0].Err = errors.New("no room")
	s.Run(200*time.Millisecond, func() bool { return false })
	s.Ports[0].Err = nil
	if !s.Run(time.Minute, func() bool { return b.got == 100_000 && b.ended }) {
		t.Fatalf("got %d", b.got)
	}
}
