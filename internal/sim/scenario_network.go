package sim

import (
	"slices"
	"time"
)

// drawNodes draws networks, the hosts on them, and gateways between them.
func (s *scenario) drawNodes() {
	w := s.world
	w.hosts = pick(s.dice, 2, 2, 2, 3, 5)
	w.networks = pick(s.dice, 1, 1, 1, 1, 2, 3)
	perfect := s.oneIn(5)
	mtus := make([]int, w.networks)
	for i := range mtus {
		mtus[i] = pick(s.dice, 1500, 1500, 576, 9000)
	}
	anyMTU := w.networks == 1 && s.oneIn(3) // each host has its own: to send more than the others take is its fault
	for range w.hosts {
		n := w.addNode()
		n.spin = pick(s.dice, 0, 0, 20*time.Microsecond, 100*time.Microsecond, -1)
		network := s.IntN(w.networks)
		mtu := mtus[network]
		if anyMTU {
			mtu = pick(s.dice, 576, 1500, 9000)
		}
		s.drawPort(n, network, mtu, perfect)
	}
	for network := range w.networks - 1 {
		n := w.addNode()
		n.spin = -1
		s.drawPort(n, network, mtus[network], perfect)
		s.drawPort(n, network+1, mtus[network+1], perfect)
	}
	// A datagram in fragments needs one MTU: nobody tells the sender that another one is smaller than its own.
	s.large = !anyMTU
	s.mtu = slices.Min(mtus)
	if anyMTU {
		s.mtu = 0 // each host tells its own
	}
}

// drawPort draws the conditions of a node's line.
func (s *scenario) drawPort(n *node, network, mtu int, perfect bool) {
	c := conditions{delay: s.duration(time.Microsecond, time.Millisecond)}
	if !perfect {
		s.impair(&c)
	}
	p := s.world.addPort(n, network, mtu, c)
	p.errors = s.oneIn(2)
	s.lossy = max(s.lossy, c.loss+c.burstLoss*float64(c.badTime)/float64(c.goodTime+c.badTime+1)+c.corrupt+c.refuse)
	if c.rate > 0 {
		s.room = min(s.room, c.buffer)
	}
	s.slow = max(s.slow, c.delay+c.jitter+c.reorderSpan)
	s.world.trace.note(0, n, "port", "network %d mtu %d spin %v %+v", network, mtu, n.spin, c)
}

// impair draws what is wrong with a line.
func (s *scenario) impair(c *conditions) {
	s.world.impaired = true
	if s.oneIn(8) {
		c.delay = s.duration(time.Millisecond, 30*time.Millisecond)
	}
	if s.oneIn(3) {
		c.jitter = s.duration(time.Microsecond, 2*time.Millisecond)
	}
	if s.oneIn(2) {
		c.rate = pick(s.dice, int64(10e6), int64(100e6), int64(1e9))
		c.buffer = s.size(20_000, 1_000_000)
	}
	if s.oneIn(2) {
		c.loss = s.scale(0.0005, pick(s.dice, 0.01, 0.2))
	}
	if s.oneIn(4) {
		c.burstLoss = pick(s.dice, 0.5, 1)
		c.badTime = s.duration(10*time.Microsecond, 20*time.Millisecond)
		c.goodTime = max(10*c.badTime, s.duration(time.Millisecond, time.Second))
	}
	if s.oneIn(3) {
		c.duplicate = s.scale(0.001, 0.1)
	}
	if s.oneIn(3) {
		c.reorder = s.scale(0.001, 0.3)
		c.reorderSpan = s.duration(time.Microsecond, 5*time.Millisecond)
	}
	if s.oneIn(4) {
		c.straggle = s.scale(0.001, 0.2)
	}
	if s.verify && s.oneIn(2) {
		c.corrupt = s.scale(0.0005, 0.1)
	}
	if s.oneIn(6) {
		c.refuse = s.scale(0.001, 0.1)
	}
}
