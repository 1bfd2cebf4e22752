package rdp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"deputy/internal/congestion"
	"deputy/internal/wire"
)

// sim is two endpoints on a wire.
type sim struct {
	*wire.Wire[*Endpoint]
	t    testing.TB
	seed uint64
}

func newSim(t testing.TB, seed uint64) *sim {
	s := &sim{Wire: wire.New[*Endpoint](seed), t: t, seed: seed}
	for i := range s.Ends {
		s.restart(i)
	}
	s.Check = s.check
	return s
}

// restart makes the endpoint of one end anew: nothing is known of earlier connections.
func (s *sim) restart(i int) {
	s.Ends[i] = New(s.Ports[i], Config{Secret: [32]byte{byte(s.seed), byte(s.seed >> 8), byte(i), byte(s.Rand.Uint32())}})
	s.Ends[i].fixedISS = func() uint32 {
		switch iss := s.Rand.Uint32(); s.Rand.IntN(4) {
		case 0:
			return 1<<32 - 1 - iss%100 // wraps soon
		case 1:
			return iss | 1<<31
		case 2:
			return 1<<31 - 1 - iss%100 // changes sign soon
		default:
			return iss &^ (1 << 31)
		}
	}
}

func (s *sim) check() {
	s.t.Helper()
	for i, e := range s.Ends {
		if err := e.check(); err != nil {
			s.t.Fatalf("seed %d, end %d, at %v: %v", s.seed, i, s.Now, err)
		}
	}
}

// simUser is an application at one end. It sends messages that say their number and length and are filled with a
// pattern, and checks those that it receives: each once, whole, and in sequence if the delivery mode says so.
type simUser struct {
	s       *sim
	end     int
	r       *Record
	total   int // messages to send
	longest int // bytes
	sent    int
	want    int // messages to receive
	got     map[uint32]bool
	next    uint32 // in sequence

	lazy    bool // takes a message only sometimes
	stalled bool // takes nothing
	hold    bool // does not close
	closes  bool // closes when it has sent and received all; otherwise waits for the peer
	open    bool
	ended   bool
	err     error
}

// message is number n from end e.
func (s *sim) message(e int, n uint32, longest int) []byte {
	size := 1
	if longest > 8 {
		size = 8 + int((n*2654435761+uint32(e)*977)%uint32(longest-7))
	}
	p := make([]byte, max(size, 8))
	binary.BigEndian.PutUint32(p, n)
	binary.BigEndian.PutUint32(p[4:], uint32(len(p)))
	for i := 8; i < len(p); i++ {
		p[i] = byte(uint32(i)*7 + n*13 + uint32(e)*101)
	}
	return p
}

func (u *simUser) OnOpen(now time.Duration) {
	if u.open {
		u.s.t.Errorf("end %d: OnOpen twice", u.end)
	}
	u.open = true
	u.push(now)
}

func (u *simUser) OnSpace(now time.Duration) { u.push(now) }

func (u *simUser) OnData(time.Duration, []byte) int {
	u.s.t.Error("OnData instead of OnMessage")
	return 0
}

func (u *simUser) push(now time.Duration) {
	for u.sent < u.total {
		err := u.r.WriteMessage(now, u.s.message(u.end, uint32(u.sent), min(u.longest, u.r.MaxMessage())))
		if err != nil {
			if err != ErrNoSpace && u.r.Err() == nil {
				u.s.t.Errorf("seed %d, end %d: WriteMessage: %v", u.s.seed, u.end, err)
			}
			return
		}
		u.sent++
	}
	u.finish(now)
}

func (u *simUser) finish(now time.Duration) {
	if u.closes && !u.hold && u.sent == u.total && len(u.got) == u.want {
		u.r.Close(now)
	}
}

func (u *simUser) OnMessage(now time.Duration, p []byte) bool {
	s := u.s
	if u.ended {
		s.t.Errorf("seed %d, end %d: a message after OnEnd", s.seed, u.end)
	}
	if u.stalled || u.lazy && s.Rand.IntN(3) > 0 {
		return false
	}
	n := binary.BigEndian.Uint32(p)
	if len(p) < 8 || binary.BigEndian.Uint32(p[4:]) != uint32(len(p)) {
		s.t.Fatalf("seed %d, end %d: message of %d bytes, not as sent", s.seed, u.end, len(p))
	}
	for i := 8; i < len(p); i++ {
		if p[i] != byte(uint32(i)*7+n*13+uint32(1-u.end)*101) {
			s.t.Fatalf("seed %d, end %d: message %d: byte %d", s.seed, u.end, n, i)
		}
	}
	if u.got[n] || n >= uint32(u.want) {
		s.t.Fatalf("seed %d, end %d: message %d of %d, taken before: %v", s.seed, u.end, n, u.want, u.got[n])
	}
	if u.r.Info().Sequenced && n != u.next {
		s.t.Fatalf("seed %d, end %d: message %d, expected %d", s.seed, u.end, n, u.next)
	}
	u.got[n] = true
	u.next++
	u.finish(now)
	return true
}

func (u *simUser) OnEnd(_ time.Duration, err error) {
	if u.ended {
		u.s.t.Errorf("seed %d, end %d: OnEnd twice: %v, %v", u.s.seed, u.end, u.err, err)
	}
	u.ended, u.err = true, err
}

// connect opens a connection from end 0, port 50000, to end 1, port 80.
func (s *sim) connect(oa, ob Options, a, b *simUser) {
	s.t.Helper()
	a.s, a.end, a.want, a.got, a.closes = s, 0, b.total, make(map[uint32]bool), true
	b.s, b.end, b.want, b.got = s, 1, a.total, make(map[uint32]bool)
	if err := s.Ends[1].Listen(80, ob, func(_ time.Duration, r *Record) Events { b.r = r; return b }); err != nil {
		s.t.Fatal(err)
	}
	oa.LocalPort = 50000
	r, err := s.Ends[0].Dial(s.Now, netip.AddrPortFrom(wire.Addrs[1], 80), oa, a)
	if err != nil {
		s.t.Fatal(err)
	}
	a.r = r
}

// poke lets users that refused something look again.
func (s *sim) poke(users ...*simUser) {
	for _, u := range users {
		if u.r != nil && u.open {
			u.r.Resume(s.Now)
		}
	}
}

// mechanisms are counts over many connections: each must have been at work.
type mechanisms struct {
	Timeouts, FastResends, Probes, EACKs, Duplicates, OutOfOrder uint64
}

func (m *mechanisms) add(i Info) {
	m.Timeouts += i.Timeouts
	m.FastResends += i.FastResends
	m.Probes += i.Probes
	m.EACKs += i.EACKsSent
	m.Duplicates += i.Duplicates
	m.OutOfOrder += i.OutOfOrder
}

// TestMessagesThroughBadNetwork: every message arrives, once, whole and in the order of the delivery mode, and the close
// is orderly on both sides.
func TestMessagesThroughBadNetwork(t *testing.T) {
	const seeds = 600
	var total mechanisms
	for seed := uint64(1); seed <= seeds; seed++ {
		s := newSim(t, seed)
		s.Loss = s.Rand.Float64() * 0.08
		s.Dup = s.Rand.Float64() * 0.05
		s.Reorder = s.Rand.Float64() * 0.2
		s.Delay = time.Duration(1 + s.Rand.IntN(300_000))
		s.HoldACKs = seed%3 == 0
		options := func() Options {
			return Options{
				Outstanding: 1 + s.Rand.IntN(1<<s.Rand.IntN(9)), SendBuffer: 1 + s.Rand.IntN(1<<s.Rand.IntN(20)),
				SegmentSize: 100 + s.Rand.IntN(1401), ArrivalOrder: seed%4 >= 2, Checksum: seed%5 == 0,
				Congestion: []congestion.Algorithm{"", "", congestion.Reno, congestion.Cubic}[s.Rand.IntN(4)],
			}
		}
		if seed%5 == 0 {
			s.Corrupt = 0.02
		}
		a := simUser{total: s.Rand.IntN(400), longest: 1 + s.Rand.IntN(1400), lazy: seed%2 == 0}
		b := simUser{total: s.Rand.IntN(400), longest: 1 + s.Rand.IntN(1400), lazy: seed%7 == 0}
		s.connect(options(), options(), &a, &b)
		done := func() bool {
			if s.Rand.IntN(8) == 0 {
				s.poke(&a, &b)
			}
			return a.ended && b.ended && len(s.Ends[0].records)+len(s.Ends[1].records) == 0
		}
		for range 1000 { // a user that refused has no deadline: come back to it
			if s.Run(100*time.Millisecond, done) {
				break
			}
			s.poke(&a, &b)
		}
		if !done() || a.err != net.ErrClosed || b.err != io.EOF || len(a.got) != a.want || len(b.got) != b.want {
			t.Fatalf("seed %d at %v: got %d of %d and %d of %d, ends %v and %v\n%+v\n%+v",
				seed, s.Now, len(a.got), a.want, len(b.got), b.want, a.err, b.err, a.r.Info(), b.r.Info())
		}
		for _, e := range s.Ends {
			if e.buffers.lent != 0 || len(e.timers.heap) != 0 {
				t.Fatalf("seed %d: %d buffers, %d timers left", seed, e.buffers.lent, len(e.timers.heap))
			}
		}
		total.add(a.r.Info())
		total.add(b.r.Info())
	}
	if total.Timeouts == 0 || total.FastResends == 0 || total.Probes == 0 || total.EACKs == 0 || total.OutOfOrder == 0 || total.Duplicates == 0 {
		t.Errorf("a mechanism never worked: %+v", total)
	}
	t.Logf("%+v", total)
}

// TestSimultaneousOpenUnderLoss: both dial; one connection comes of it.
func TestSimultaneousOpenUnderLoss(t *testing.T) {
	for seed := uint64(1); seed <= 200; seed++ {
		s := newSim(t, seed)
		s.Loss = 0.2
		users := [2]*simUser{}
		for i := range users {
			users[i] = &simUser{s: s, end: i, total: 20, want: 20, longest: 100, got: make(map[uint32]bool), closes: i == 0}
			r, err := s.Ends[i].Dial(s.Now, netip.AddrPortFrom(wire.Addrs[1-i], 80), Options{LocalPort: 80}, users[i])
			if err != nil {
				t.Fatal(err)
			}
			users[i].r = r
		}
		if !s.Run(time.Minute, func() bool { return users[0].ended && users[1].ended }) ||
			users[0].err != net.ErrClosed || users[1].err != io.EOF || len(users[1].got) != 20 {
			t.Fatalf("seed %d: %v, %v", seed, users[0].err, users[1].err)
		}
	}
}

// TestCrashAndRestart: a peer that has forgotten everything, with old segments still under way, ends the old connection
// and gets a new one.
func TestCrashAndRestart(t *testing.T) {
	for seed := uint64(1); seed <= 200; seed++ {
		s := newSim(t, seed)
		s.Loss, s.Reorder, s.Delay = 0.05, 0.3, time.Duration(1+s.Rand.IntN(300_000))
		a, b := simUser{total: 300, longest: 1000, hold: true}, simUser{total: 300, longest: 1000, hold: true}
		s.connect(Options{}, Options{}, &a, &b)
		s.Run(time.Second, func() bool { return len(b.got) > 100 })
		crashed := seed % 2
		s.restart(int(crashed))
		var c, d simUser
		c.total, d.total, c.longest, d.longest = 50, 50, 1000, 1000
		if crashed == 1 {
			// The opener finds out by itself.
			if !s.Run(time.Minute, func() bool { return a.ended }) || a.err != ErrReset {
				t.Fatalf("seed %d: %v", seed, a.err)
			}
		} else {
			s.Ends[1].Unlisten(s.Now, 80)
		}
		redial := func() bool {
			s.Run(100*time.Millisecond, func() bool { return false })
			c, d = simUser{total: 50, longest: 1000}, simUser{total: 50, longest: 1000}
			s.Ends[1].Unlisten(s.Now, 80)
			s.connect(Options{}, Options{}, &c, &d)
			return s.Run(time.Minute, func() bool { return c.ended && (d.ended || !d.open) }) && c.err == net.ErrClosed
		}
		if crashed == 1 {
			s.Run(DefaultCloseWait, func() bool { return false }) // the old connection has the port until then
		}
		// RFC 1151 closes an opener that an old segment meets, or a half-open connection: it tries again, later.
		opened := false
		for range 3 {
			opened = opened || redial()
		}
		if !opened {
			t.Fatalf("seed %d, end %d crashed: %v, %v", seed, crashed, c.err, d.err)
		}
		if len(c.got) != 50 || len(d.got) != 50 {
			t.Fatalf("seed %d: got %d and %d", seed, len(c.got), len(d.got))
		}
		if crashed == 0 && b.err != ErrReset {
			t.Fatalf("seed %d: the old connection ended with %v", seed, b.err)
		}
	}
}

// TestCloseUnderLoss: the closer's RST is lost three times of ten, and nobody stays half-open.
func TestCloseUnderLoss(t *testing.T) {
	for seed := uint64(1); seed <= 200; seed++ {
		s := newSim(t, seed)
		s.Loss = 0.3
		a, b := simUser{total: 20, longest: 100}, simUser{total: 20, longest: 100}
		s.connect(Options{}, Options{}, &a, &b)
		if !s.Run(time.Minute, func() bool { return a.ended && b.ended && len(s.Ends[0].records)+len(s.Ends[1].records) == 0 }) {
			t.Fatalf("seed %d: %v, %v", seed, a.r.State(), b.r.State())
		}
		if a.err != net.ErrClosed || b.err != io.EOF {
			t.Errorf("seed %d: %v, %v", seed, a.err, b.err)
		}
	}
}

// TestEveryRSTLost: the half-open peer is told by whoever has forgotten the connection, at its next keepalive.
func TestEveryRSTLost(t *testing.T) {
	s := newSim(t, 1)
	a, b := simUser{total: 1, longest: 10}, simUser{total: 1, longest: 10}
	s.connect(Options{}, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return b.open && a.r.State() == StateCloseWait })
	s.Cut[0], s.Flight = true, nil
	s.Run(DefaultCloseWait+time.Second, func() bool { return false })
	if len(s.Ends[0].records) != 0 || b.r.State() != StateOpen {
		t.Fatalf("%d records, the peer in %v", len(s.Ends[0].records), b.r.State())
	}
	s.Cut[0] = false
	if !s.Run(DefaultKeepAlive+time.Second, func() bool { return b.ended }) || b.err != ErrReset {
		t.Errorf("the peer ended: %v, %v", b.ended, b.err)
	}
}

func TestOutage(t *testing.T) {
	s := newSim(t, 1)
	a, b := simUser{total: 3000, longest: 1000}, simUser{}
	s.connect(Options{SendBuffer: 64 << 10}, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return len(b.got) > 1000 })
	s.Cut = [2]bool{true, true}
	s.Run(5*time.Second, func() bool { return false })
	s.Cut = [2]bool{}
	start := s.Now
	if !s.Run(time.Minute, func() bool { return len(b.got) == 3000 }) {
		t.Fatalf("got %d, %v", len(b.got), a.err)
	}
	if d := s.Now - start; d > DefaultMaxRTO+100*time.Millisecond {
		t.Errorf("recovered %v after the link came back, want within MaxRTO", d)
	}
	s.Cut = [2]bool{true, true}
	s.Run(time.Minute, func() bool { return a.ended && b.ended })
	if a.err != ErrTimeout && a.err != net.ErrClosed || b.err != ErrTimeout {
		t.Errorf("dead peers ended with %v, %v", a.err, b.err)
	}
}

// TestClockJump: a host that was suspended finds every timer expired, once.
func TestClockJump(t *testing.T) {
	s := newSim(t, 2)
	s.Loss = 0.02
	a, b := simUser{total: 2000, longest: 1000, hold: true}, simUser{}
	s.connect(Options{}, Options{}, &a, &b)
	for range 10 {
		s.Run(time.Millisecond, func() bool { return false })
		s.Now += time.Hour
	}
	if !s.Run(time.Minute, func() bool { return len(b.got) == 2000 }) {
		t.Fatalf("got %d, %v, %v", len(b.got), a.err, b.err)
	}
}

// TestSlowReader: RDP can't close the sender's window, so acknowledging what was taken is what holds it back. Ten
// minutes without reading are no reason to end, and what is buffered is bounded by the window.
func TestSlowReader(t *testing.T) {
	s := newSim(t, 3)
	s.Loss = 0.05
	a, b := simUser{total: 1000, longest: 1400}, simUser{stalled: true}
	s.connect(Options{SendBuffer: 8 << 10}, Options{Outstanding: 16}, &a, &b)
	s.Run(10*time.Minute, func() bool { return a.ended || b.ended })
	if a.ended || b.ended {
		t.Fatalf("ended: %v, %v", a.err, b.err)
	}
	if got := b.r.Info().Unread; got == 0 || got > 16 {
		t.Errorf("%d segments buffered, window of 16", got)
	}
	if a.r.Info().Probes == 0 {
		t.Error("no probes")
	}
	b.stalled = false
	b.r.Resume(s.Now)
	if !s.Run(time.Minute, func() bool { return len(b.got) == 1000 }) {
		t.Fatalf("got %d", len(b.got))
	}
}

func TestSendErrorsAreRepaired(t *testing.T) {
	s := newSim(t, 1)
	a, b := simUser{total: 500, longest: 1400}, simUser{total: 500, longest: 1400}
	s.connect(Options{}, Options{}, &a, &b)
	s.Run(time.Second, func() bool { return b.open })
	for i := range 20 {
		s.Ports[i%2].Err = errors.New("no room")
		s.Run(5*time.Millisecond, func() bool { return false })
		s.Ports[i%2].Err = nil
		s.Run(time.Millisecond, func() bool { return false })
	}
	if !s.Run(time.Minute, func() bool { return a.ended && b.ended }) || len(b.got) != 500 || len(a.got) != 500 {
		t.Fatalf("got %d and %d", len(a.got), len(b.got))
	}
}

// simPinger sends a request, waits for the answer, and sends the next.
type simPinger struct {
	r       *Record
	server  bool
	size    int
	rounds  int
	started time.Duration
	times   []time.Duration
}

func (p *simPinger) OnOpen(now time.Duration) {
	if !p.server {
		p.request(now)
	}
}

func (p *simPinger) request(now time.Duration) {
	p.started = now
	p.r.Write(now, make([]byte, p.size))
}

func (p *simPinger) OnData(now time.Duration, data []byte) int {
	if !p.server {
		p.times = append(p.times, now-p.started)
	}
	if p.server || len(p.times) < p.rounds {
		p.request(now)
	}
	return len(data)
}

func (p *simPinger) OnSpace(time.Duration)      {}
func (p *simPinger) OnEnd(time.Duration, error) {}

func (s *sim) pingPong(o Options, size, rounds int) (client, server *simPinger) {
	s.t.Helper()
	client, server = &simPinger{size: size, rounds: rounds}, &simPinger{size: size, server: true}
	if err := s.Ends[1].Listen(80, o, func(_ time.Duration, r *Record) Events { server.r = r; return server }); err != nil {
		s.t.Fatal(err)
	}
	r, err := s.Ends[0].Dial(s.Now, netip.AddrPortFrom(wire.Addrs[1], 80), o, client)
	if err != nil {
		s.t.Fatal(err)
	}
	client.r = r
	return client, server
}

// TestPingPongSendsNoBareAcks: the reply acknowledges the request, and the next request the reply.
func TestPingPongSendsNoBareAcks(t *testing.T) {
	s := newSim(t, 1)
	client, server := s.pingPong(Options{}, 24, 1000)
	s.Run(time.Minute, func() bool { return len(client.times) == client.rounds })
	if i := client.r.Info(); i.SegmentsSent != 1001 || i.AcksSent != 0 {
		t.Errorf("client sent %d segments, %d without data, for 1000 requests; want a SYN more", i.SegmentsSent, i.AcksSent)
	}
	if i := server.r.Info(); i.SegmentsSent != 1001 || i.AcksSent != 0 {
		t.Errorf("server sent %d segments, %d without data, for 1000 replies; want a SYN more", i.SegmentsSent, i.AcksSent)
	}
}

// TestPingPongUnderLoss: a lost message costs a tail probe, far less than the RTO, and its loss is not paid for again by
// those that follow.
func TestPingPongUnderLoss(t *testing.T) {
	s := newSim(t, 7)
	s.Loss = 0.01
	client, _ := s.pingPong(Options{}, 24, 5000)
	if !s.Run(5*time.Minute, func() bool { return len(client.times) == client.rounds }) {
		t.Fatalf("%d rounds of %d", len(client.times), client.rounds)
	}
	slices.Sort(client.times)
	p50, p99, worst := client.times[2500], client.times[4950], client.times[4999]
	t.Logf("p50 %v p99 %v max %v", p50, p99, worst)
	if p50 != 2*s.Delay {
		t.Errorf("median %v, want the bare round trip %v", p50, 2*s.Delay)
	}
	if limit := 2 * AckDelay; p99 > limit {
		t.Errorf("p99 %v, want one probe at most, %v", p99, limit)
	}
	if worst > 4*DefaultMinRTO {
		t.Errorf("worst round trip %v", worst)
	}
}

// TestBulkUnderLoss: at 1 % loss a window of 256 segments is almost never held up by a timer.
func TestBulkUnderLoss(t *testing.T) {
	for _, loss := range []float64{0.001, 0.01, 0.05} {
		t.Run(fmt.Sprint(loss), func(t *testing.T) {
			s := newSim(t, 5)
			s.Loss, s.Delay = loss, 50*time.Microsecond
			a, b := simUser{total: 20_000, longest: 1400, hold: true}, simUser{}
			s.connect(Options{}, Options{}, &a, &b)
			start := s.Now
			if !s.Run(time.Minute, func() bool { return len(b.got) == 20_000 }) {
				t.Fatalf("got %d", len(b.got))
			}
			i := a.r.Info()
			// The ideal is a window a round trip of 0.1 ms: 78 rounds. A loss adds about a round trip, since
			// the window can't move past it.
			t.Logf("%v: %d fast, %d timeouts, sent %d", s.Now-start, i.FastResends, i.Timeouts, i.SegmentsSent)
			if i.Timeouts > i.FastResends/10+1 {
				t.Errorf("%d timeouts, %d fast", i.Timeouts, i.FastResends)
			}
			if waste := float64(i.SegmentsSent)/20_000 - 1; waste > 2*loss+0.02 {
				t.Errorf("sent %.3f more than needed at loss %v", waste, loss)
			}
		})
	}
}
