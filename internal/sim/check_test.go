package sim

import (
	"strings"
	"testing"
	"time"

	"deputy/tcpmod"
)

// small is a world of two nodes and a flow, for tests of the checks themselves.
func small(tr transport, c conditions, a, b plan) *world {
	w := newWorld(1, nil)
	for range 2 {
		n := w.addNode()
		w.addPort(n, 0, 1500, c)
		n.start()
	}
	f := &flow{from: w.nodes[0], to: w.nodes[1], transport: tr, port: 1000, plans: [2]plan{a, b}}
	f.calls = []*call{{flow: f}}
	w.flows = append(w.flows, f)
	return w
}

var (
	sends    = plan{total: 50_000, piece: 1400, ending: closeDone}
	receives = plan{total: 100, piece: 1400, ending: follow}
)

func (w *world) dialAndRun() error {
	w.flows[0].listen()
	w.flows[0].calls[0].dialLater(0)
	return w.run()
}

// wantFailure checks that a run failed, and why.
func wantFailure(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("run: %v, want a failure with %q", err, want)
	}
}

func TestPerfectNetwork(t *testing.T) {
	for tr := range transport(len(transportNames)) {
		w := small(tr, conditions{delay: time.Millisecond}, sends, receives)
		if err := w.dialAndRun(); err != nil {
			t.Errorf("%v: %v", tr, err)
		}
		if w.checked < sends.total+receives.total {
			t.Errorf("%v: %d bytes were checked", tr, w.checked)
		}
	}
}

// TestCorruptionWithoutIntegrityIsSeen holds that the parties look at every byte: without an integrity option nobody
// else does.
func TestCorruptionWithoutIntegrityIsSeen(t *testing.T) {
	for tr := range transport(len(transportNames)) {
		seen := 0
		for seed := range uint64(20) {
			w := small(tr, conditions{}, sends, receives)
			w.ports[1].line = newLine(conditions{corrupt: 0.2}, newRand(seed, 5))
			if w.dialAndRun() != nil {
				seen++
			}
		}
		if seen < 10 {
			t.Errorf("%v: corruption was seen in %d of 20 runs", tr, seen)
		}
	}
}

// TestLostForEverIsSeen: without keepalive, nobody tells a party that its peer is gone.
func TestLostForEverIsSeen(t *testing.T) {
	waits := sends
	waits.hold = time.Hour
	w := small(overTCP, conditions{}, waits, receives)
	w.flows[0].tcp = [2]tcpmod.Options{{NoKeepalive: true}, {NoKeepalive: true}}
	w.at(time.Second, func() { w.crash(w.nodes[0], 0) })
	wantFailure(t, w.dialAndRun(), "nothing")
	if w.incidents.Gone != 1 {
		t.Error("no node was gone")
	}
}

// TestPartiesCheck gives parties what only a fault of the stack could.
func TestPartiesCheck(t *testing.T) {
	// talk returns a world with two pairs of parties, of one connection each, and what party 0 says.
	talk := func(tr transport) (w *world, said []byte) {
		w = small(tr, conditions{}, sends, receives)
		f := w.flows[0]
		for side := range 4 {
			p := w.newParty(f, side%2, f.ends()[side%2])
			p.largest = 500
		}
		said = make([]byte, 500)
		w.parties[0].own.fill(said, 0)
		w.parties[0].putHeader(said, 0)
		w.parties[0].messagesSent = 3
		return w, said
	}
	stream := func(pieces ...func(said []byte) []byte) error {
		w, said := talk(overTCP)
		for _, piece := range pieces {
			w.parties[1].take(piece(said))
		}
		return w.failure
	}
	cut := func(from, to int) func([]byte) []byte { return func(said []byte) []byte { return said[from:to] } }
	if err := stream(cut(0, 7), cut(7, 100), cut(100, 500)); err != nil {
		t.Errorf("what was said, in pieces: %v", err)
	}
	wantFailure(t, stream(cut(0, 100), cut(99, 200)), "is wrong")
	wantFailure(t, stream(cut(0, 100), cut(101, 200)), "is wrong")
	wantFailure(t, stream(cut(0, 100), cut(0, 100)), "is wrong")
	wantFailure(t, stream(cut(20, 100)), "header")

	w, said := talk(overTCP)
	w.parties[1].take(said[:100])
	w.parties[1].peer.peer = w.parties[1]
	w.parties[3].take(said[:100])
	wantFailure(t, w.failure, "connection that was")

	w, said = talk(overTCP)
	w.parties[2].take(said)
	wantFailure(t, w.failure, "another connection")

	message := func(p *party, i int) []byte {
		b := make([]byte, p.messageLen(i))
		p.own.fill(b, contentAt(i))
		p.putHeader(b, i)
		return b
	}
	messages := func(arrivalOrder bool, numbers ...int) error {
		w, _ := talk(overRDPMessages)
		for i := range w.flows[0].rdp {
			w.flows[0].rdp[i].ArrivalOrder = arrivalOrder
		}
		for _, i := range numbers {
			w.parties[1].takeMessage(message(w.parties[0], i))
		}
		return w.failure
	}
	for _, arrivalOrder := range []bool{false, true} {
		if err := messages(arrivalOrder, 0, 1, 2); err != nil {
			t.Error(err)
		}
	}
	if err := messages(true, 2, 0, 1); err != nil {
		t.Error(err)
	}
	wantFailure(t, messages(false, 1, 0), "message 1, want 0")
	wantFailure(t, messages(false, 0, 0), "message 0, want 1")
	wantFailure(t, messages(true, 0, 2, 0), "message 0 again")
	wantFailure(t, messages(false, 0, 1, 2, 3), "message 3 of 3")

	w, _ = talk(overRDPMessages)
	b := message(w.parties[0], 0)
	w.parties[1].takeMessage(b[:len(b)-1])
	wantFailure(t, w.failure, "bytes, want")
	w, _ = talk(overRDPMessages)
	b = message(w.parties[0], 0)
	b[len(b)-1]++
	w.parties[1].takeMessage(b)
	wantFailure(t, w.failure, "wrong bytes")
}
