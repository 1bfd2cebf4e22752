package bench

import (
	"context"
	"testing"

	"deputy/internal/bench/report"
	"deputy/internal/bench/tsc"
	"deputy/link"
)

// Hardware addresses of the two ends of a pair in memory.
var (
	addrA = link.Addr{2, 0, 0, 0, 0, 0xa}
	addrB = link.Addr{2, 0, 0, 0, 0, 0xb}
)

// nodePair is the measuring side a and a peer that serves on b, joined in memory.
type nodePair struct {
	a    *node
	peer *peer
}

// newNodePair starts the peer, which is ended with the test. wrap, if not nil, wraps the device of a.
// Both wait for frames in poll(2): two threads that spin would be too many beside other tests.
func newNodePair(t *testing.T, wrap func(link.Device, *tsc.Clock) link.Device) *nodePair {
	t.Helper()
	clock := tsc.New()
	da, db := link.NewPair(1500, addrA, addrB)
	if wrap != nil {
		da = wrap(da, clock)
	}
	a, err := newNode(clock, da, addressOf(addrA))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newNode(clock, db, addressOf(addrB))
	if err != nil {
		t.Fatal(err)
	}
	a.park, b.park = true, true
	p, err := newPeer(b, "none", peerInfo{
		addr: b.stack.Addr(), hardware: addrB, mtu: 1500, name: "b", backend: "memory", cpu: "not pinned",
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error)
	go func() { served <- p.serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Errorf("peer: %v", err)
		}
		_, _ = da.Close(), db.Close()
	})
	return &nodePair{a: a, peer: p}
}

// session finds the peer.
func (p *nodePair) session(t *testing.T) *session {
	t.Helper()
	s, err := newSession(p.a, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// slice does rounds of an exchange and returns the times and the losses.
func (p *nodePair) slice(t *testing.T, x exchange, rounds int) (report.RTT, int64, int) {
	t.Helper()
	h := report.NewHistogram()
	lost, err := p.a.slice(context.Background(), x, rounds, h)
	if err != nil {
		t.Fatalf("%T: %v", x, err)
	}
	return report.Percentiles(h), h.TotalCount(), lost
}
