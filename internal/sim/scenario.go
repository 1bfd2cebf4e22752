package sim

import (
	"math"
	"time"

	"deputy/internal/congestion"
	"deputy/rdp"
	"deputy/tcpmod"
)

// maxFlows is how many flows a scenario has at most.
const maxFlows = 4

// fewLost is up to which loss datagrams may travel in fragments.
const fewLost = 0.03

// scenario is what is drawn before the parts of it are.
type scenario struct {
	dice
	world   *world
	verify  bool          // all connections have an integrity option, so frames may be corrupted
	lossy   float64       // the worst loss of a line
	slow    time.Duration // the longest delay of a line
	patient bool          // little is lost, so connections may idle until keepalive
	large   bool          // rdp's segments may be larger than the MTU
	mtu     int           // the smallest
	room    int           // bytes that wait for a line, the least of all lines
}

// draw makes the scenario of the world's seed.
func (w *world) draw() {
	s := &scenario{dice: dice{newRand(w.seed, 0)}, world: w, room: math.MaxInt32}
	s.verify = s.oneIn(2)
	s.drawNodes()
	s.patient = s.lossy <= 0.02
	if s.oneIn(12) {
		s.drawCrowd()
	} else {
		for range 1 + s.IntN(maxFlows) {
			s.drawFlow(1)
		}
	}
	s.drawWraps()
	for _, n := range w.nodes {
		n.start()
	}
	for _, f := range w.flows {
		w.trace.note(0, f.from, "flow", "%v", f)
		f.listen()
		for _, c := range f.calls {
			c.dialLater(f.begin)
		}
	}
	s.drawIncidents()
}

// drawCrowd draws many small connections.
func (s *scenario) drawCrowd() {
	s.drawFlow(20 + s.IntN(100))
}

// largest returns how much a party sends at most, so that a run takes milliseconds of our time and seconds of its own.
func (s *scenario) largest(calls int) int {
	switch {
	case calls > 1:
		return 3_000
	case s.lossy > 0.1 || s.slow > 10*time.Millisecond:
		return 15_000
	case s.lossy > 0.02:
		return 60_000
	}
	return 300_000
}

// drawFlow draws a flow of so many calls.
func (s *scenario) drawFlow(calls int) {
	w := s.world
	i := len(w.flows)
	f := &flow{index: i, port: uint16(1000 + i), begin: s.duration(time.Microsecond, 50*time.Millisecond)}
	from := s.IntN(w.hosts)
	f.from, f.to = w.nodes[from], w.nodes[(from+1+s.IntN(w.hosts-1))%w.hosts]
	f.transport = pick(s.dice, overTCP, overTCP, overRDP, overRDPMessages)
	if calls == 1 && s.oneIn(2) {
		f.localPort = uint16(2000 + i)
		f.simultaneous = s.oneIn(4)
	}
	for range calls {
		f.calls = append(f.calls, &call{flow: f})
	}
	s.drawPlans(f, s.largest(calls))
	if calls == 1 && !f.simultaneous && !f.rough() && s.oneIn(3) {
		// Not after an abort, which leaves no TIME-WAIT: a new connection between the same ports may then get what is
		// still under way, if it went faster than the clock of initial sequence numbers (RFC 9293, section 3.4.3).
		f.calls[0].again = 1 + s.IntN(4)
	}
	s.drawOptions(f)
	w.flows = append(w.flows, f)
}

// drawWraps draws at which flows' ends the sequence numbers wrap around.
func (s *scenario) drawWraps() {
	for _, f := range s.world.flows {
		if f.localPort == 0 || s.oneIn(2) {
			continue
		}
		left := uint32(s.size(1, 1+f.plans[0].total+f.plans[1].total))
		if f.transport != overTCP {
			left = uint32(s.size(1, 200)) // segments
		}
		side := s.IntN(2)
		f.ends()[side].wraps = wrap{f, side, left}
	}
}

// drawPlans draws what the two parties do.
func (s *scenario) drawPlans(f *flow, largest int) {
	a, b := &f.plans[0], &f.plans[1]
	for _, p := range []*plan{a, b} {
		p.total = s.size(headerLen, largest)
		if s.oneIn(3) {
			p.total = largest/2 + s.IntN(largest/2)
		}
		p.piece = s.size(headerLen, 20_000)
		if s.oneIn(5) { // for a while
			p.gap = s.duration(time.Microsecond, 4*time.Second*time.Duration(p.piece)/time.Duration(2*p.total+p.piece))
		}
		p.reading = s.drawReading(largest)
	}
	if s.oneIn(4) {
		turn := s.size(headerLen, 400)
		turns := 1 + a.total/turn/4
		a.turn, b.turn = turn, turn
		a.total, b.total = turns*turn, turns*turn
		a.gap, b.gap = 0, 0
	}
	pairs := [][2]ending{{closeDone, follow}, {follow, closeDone}, {closeDone, closeDone}}
	if f.transport == overTCP {
		pairs = append(pairs, [2]ending{halfClose, halfClose}, [2]ending{halfClose, follow}, [2]ending{follow, halfClose})
	}
	e := pick(s.dice, pairs...)
	a.ending, b.ending = e[0], e[1]
	if s.oneIn(8) {
		rough := pick(s.dice, a, b)
		rough.ending = pick(s.dice, closeSoon, abort)
		rough.endAt = 1 + s.IntN(rough.total)
	}
	if s.oneIn(6) {
		hold := s.duration(time.Millisecond, pick(s.dice, time.Second, 3*time.Second, 70*time.Second))
		if hold > 3*time.Second && !s.patient {
			hold = 3 * time.Second
		}
		a.hold, b.hold = hold, hold
	}
}

// drawReading draws how a party reads.
func (s *scenario) drawReading(largest int) reading {
	r := reading{partial: s.oneIn(3)}
	if s.oneIn(6) { // for seconds at most
		r.partial = false
		r.slow = s.size(200, 20_000)
		r.pause = s.duration(10*time.Microsecond, max(20*time.Microsecond, 4*time.Second*time.Duration(r.slow)/time.Duration(largest)))
	}
	if s.oneIn(6) {
		r.stallAt, r.stall = s.IntN(largest), s.duration(time.Millisecond, 4*time.Second)
	}
	return r
}

// drawOptions draws the options of both ends.
func (s *scenario) drawOptions(f *flow) {
	integrity := s.verify || s.oneIn(4)
	check := pick(s.dice, tcpmod.IntegrityChecksum, tcpmod.IntegrityCRC32C)
	large := s.large && len(f.calls) == 1 && s.lossy <= fewLost && s.oneIn(2)
	for i := range f.tcp {
		t := tcpmod.Options{
			Nagle:         s.oneIn(5),
			SendBuffer:    s.size(2_000, 1_000_000),
			ReceiveBuffer: s.size(2_000, 1_000_000),
			Congestion:    pick(s.dice, congestion.Reno, congestion.Cubic),
			NoSACK:        s.oneIn(6),
			Timestamps:    s.oneIn(3),
		}
		if integrity {
			t.Integrity = check
		}
		r := rdp.Options{
			Checksum:     integrity,
			Outstanding:  s.size(1, 300),
			SendBuffer:   s.size(2_000, 1_000_000),
			ArrivalOrder: f.transport == overRDPMessages && s.oneIn(2),
		}
		if s.oneIn(3) {
			t.KeepaliveIdle, t.KeepaliveInterval = s.duration(500*time.Millisecond, 5*time.Second), 500*time.Millisecond
			r.KeepAlive = t.KeepaliveIdle
		}
		if s.oneIn(3) {
			r.Congestion = pick(s.dice, congestion.Reno, congestion.Cubic)
		}
		if s.lossy > fewLost {
			r.SegmentSize = s.mtu // no fragments, at a gateway either: they would hardly all get through
		}
		if large {
			// RDP without congestion control would go on to send more fragments at once than a line has room for.
			r.SegmentSize = s.size(1_000, min(s.room/8, math.MaxUint16))
			r.Outstanding = min(r.Outstanding, max(1, s.room/2/r.SegmentSize))
		}
		t.KeepaliveProbes = 25 // more than a blackout has time for
		f.tcp[i], f.rdp[i] = t, r
	}
}
