package sim

import "time"

// Incidents together are shorter than what any transport waits for: 14 s for rdp's retransmissions, 10 s for tcpmod's
// handshakes, which may fail, and 30 s for the rest.
const (
	maxIncidents = 3
	longest      = 3 * time.Second
)

// changedBuffer is how much waits for a line that has changed: as much as any flow was made for.
const changedBuffer = 1_000_000

// drawIncidents draws what befalls nodes.
func (s *scenario) drawIncidents() {
	w := s.world
	if s.oneIn(2) {
		return
	}
	w.impaired = true
	for range 1 + s.IntN(maxIncidents) {
		n := pick(s.dice, w.nodes...)
		at := s.duration(50*time.Microsecond, 4*time.Second)
		d := s.duration(time.Millisecond, longest)
		if d > 100*time.Millisecond {
			w.interrupted = true
		}
		switch s.IntN(6) {
		case 0:
			ways := pick(s.dice, in, out, in|out)
			w.at(at, func() { w.cut(n, ways, d) })
		case 1, 2:
			w.at(at, func() { w.crash(n, d) })
		case 3:
			w.at(at, func() { w.freeze(n, d) })
		case 4:
			w.at(at, func() { w.jump(n, d) })
		default:
			s.drawChange(n, at)
		}
	}
	if s.oneIn(6) {
		n := pick(s.dice, w.nodes[:w.hosts]...)
		at := s.duration(50*time.Microsecond, 10*time.Second)
		if s.oneIn(2) {
			w.at(at, func() { w.cut(n, in|out, 0) })
		} else {
			w.at(at, func() { w.crash(n, 0) })
		}
	}
}

// drawChange draws new conditions for a node's line: another path, with another delay.
func (s *scenario) drawChange(n *node, at time.Duration) {
	var c conditions
	s.impair(&c)
	if s.large { // many fragments can't all get through what single frames do
		c.loss, c.burstLoss = min(c.loss, 0.01), 0
		c.corrupt, c.refuse = min(c.corrupt, 0.01), min(c.refuse, 0.01)
	}
	p := pick(s.dice, n.ports...)
	c.delay, c.buffer = s.duration(time.Microsecond, 20*time.Millisecond), changedBuffer
	s.world.at(at, func() {
		s.world.trace.note(at, n, "conditions change", "to %+v", c)
		s.world.incidents.Changes++
		p.line.conditions = c
	})
}

// Incidents counts those of nodes that really came.
type Incidents struct{ Cuts, Crashes, Freezes, Jumps, Changes, Gone int }

// gone marks the connections of a node that is gone for ever.
func (w *world) gone(n *node) {
	w.incidents.Gone++
	for _, f := range w.flows {
		if f.from == n || f.to == n {
			f.lost = true
		}
	}
	w.disturb(n)
}

// disturb marks the parties that are connected with node n: it is an excuse for whatever they are told.
func (w *world) disturb(n *node) {
	for _, p := range w.parties {
		if !p.left && (p.flow.from == n || p.flow.to == n) {
			p.disturbed = true
		}
	}
}

// ways are the directions of a node's link.
type ways uint8

const (
	in ways = 1 << iota
	out
)

// cut cuts ways of a node's link for d; 0: for ever.
func (w *world) cut(n *node, ways ways, d time.Duration) {
	w.trace.note(w.now, n, "is cut off", "ways %b, for %v", ways, d)
	w.incidents.Cuts++
	set := func(cut bool) {
		for _, p := range n.ports {
			if ways&in != 0 {
				p.line.cut = cut
			}
			if ways&out != 0 {
				p.cut = cut
			}
		}
	}
	set(true)
	if d == 0 {
		n.severed = true
		w.gone(n)
		return
	}
	w.at(w.now+d, func() {
		if !n.severed {
			w.trace.note(w.now, n, "is joined", "")
			set(false)
		}
	})
}

// crash takes a node away for d, and then lets it boot; 0: for ever. Nobody on it hears of it.
func (w *world) crash(n *node, d time.Duration) {
	if !n.up {
		return
	}
	w.incidents.Crashes++
	n.crash()
	w.disturb(n)
	for _, p := range w.parties {
		if p.node == n && !p.crashed {
			p.crashed = true
			if p.call != nil {
				p.call.open[p.side] = nil
			}
		}
	}
	if d == 0 {
		w.gone(n)
		return
	}
	w.at(w.now+d, func() { w.boot(n) })
}

// boot starts a node again, with what it listens for and dials.
func (w *world) boot(n *node) {
	n.start()
	w.progress()
	for _, f := range w.flows {
		if f.to == n {
			f.listen()
		}
		if f.from == n || f.simultaneous && f.to == n {
			for _, c := range f.calls {
				c.dialLater(time.Millisecond)
			}
		}
	}
	n.settle()
}

// freeze suspends a node's machine for d.
func (w *world) freeze(n *node, d time.Duration) {
	if !n.up || n.frozen {
		return
	}
	w.trace.note(w.now, n, "freezes", "for %v", d)
	w.incidents.Freezes++
	n.freeze()
	w.at(w.now+d, func() {
		w.trace.note(w.now, n, "thaws", "")
		n.thaw()
	})
}

// jump sets a node's clock ahead by d from one moment to the next.
func (w *world) jump(n *node, d time.Duration) {
	if !n.up || n.frozen {
		return
	}
	w.trace.note(w.now, n, "clock jumps", "by %v", d)
	w.incidents.Jumps++
	n.ahead += d
	n.settle()
}
