package sim

import (
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

const never = time.Duration(math.MaxInt64)

// Bounds of a run. Within them everything must have ended: no reader stalls, no link is down and no connection idles for
// long enough to come near.
const (
	maxIdle   = 150 * time.Second // of virtual time in which no party gets on
	maxDrain  = 150 * time.Second // after the last party has left, until no endpoint remembers a connection
	maxEvents = 20_000_000
)

// auditEvery is how many events pass between two looks at what is acknowledged.
const auditEvery = 64

// world is all of a run: who is there, what time it is, and what will happen.
type world struct {
	seed       uint64
	now        time.Duration
	queue      queue
	frames     framePool
	rand       *rand.Rand // of the parties
	nodes      []*node
	hosts      int // so many of the nodes, the first; the others are gateways
	ports      []*port
	networks   int // in a line, with gateways between them
	flows      []*flow
	parties    []*party
	trace      tracer
	faults     Faults
	incidents  Incidents
	mechanisms Mechanisms

	impaired    bool // something is not as on a perfect network, so a connection may fail to open
	interrupted bool // for seconds, so a connection may fail to end in an orderly way

	failure error
	moved   time.Duration // when a party last got on
	events  int
	checked int // bytes
	good    int // parties without an excuse
}

func newWorld(seed uint64, out io.Writer) *world {
	return &world{seed: seed, trace: tracer{out: out}, rand: newRand(seed, 1)}
}

// newRand returns the stream of random numbers of a purpose.
func newRand(seed, purpose uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, purpose)) }

// addNode adds a node without an interface yet.
func (w *world) addNode() *node {
	n := &node{world: w, index: len(w.nodes)}
	w.nodes = append(w.nodes, n)
	return n
}

// at puts f into the queue.
func (w *world) at(t time.Duration, f func()) { w.queue.push(t, event{do: f}) }

// fail ends the run. The first failure counts.
func (w *world) fail(format string, args ...any) {
	if w.failure == nil {
		w.failure = fmt.Errorf("seed %d, at %v: %s", w.seed, w.now, fmt.Sprintf(format, args...))
		w.trace.note(w.now, w.nodes[0], "FAILURE", "%v", w.failure)
	}
}

// progress notes that a party got on.
func (w *world) progress() { w.moved = w.now }

// step lets the next event happen and reports whether there was one.
func (w *world) step() bool {
	if w.queue.len() == 0 || w.failure != nil {
		return false
	}
	at, e := w.queue.pop()
	w.now = at
	if e.to != nil {
		e.to.node.receive(e.to, e.data)
	} else {
		e.do()
	}
	if w.events++; w.events == maxEvents {
		w.fail("still busy after %d events", w.events)
	}
	if w.events%auditEvery == 0 {
		w.audit()
	}
	return true
}

// run lets things happen until every call is done and every party has left, and then until the endpoints have forgotten
// them. It returns what went wrong.
func (w *world) run() error {
	for !w.finished() && w.step() {
		if w.now-w.moved > maxIdle {
			w.fail("nothing moves any more:\n%s", w.unfinished())
		}
	}
	if !w.finished() {
		w.fail("nothing is left to happen:\n%s", w.unfinished())
	}
	for end := w.now + maxDrain; !w.drained() && w.now < end && w.step(); {
	}
	w.verdict()
	return w.failure
}

// finished reports whether every call is done and every party has left.
func (w *world) finished() bool {
	for _, f := range w.flows {
		for _, c := range f.calls {
			if !c.done && !f.lost {
				return false
			}
		}
	}
	for _, p := range w.parties {
		if !p.left && !p.crashed {
			return false
		}
	}
	return true
}

func (w *world) unfinished() string {
	var b strings.Builder
	for _, f := range w.flows {
		for i, c := range f.calls {
			if !c.done && !f.lost {
				fmt.Fprintf(&b, "call %d of flow %d, after %d tries\n", i, f.index, c.tries)
			}
		}
	}
	for _, p := range w.parties {
		if p.left || p.crashed {
			continue
		}
		fmt.Fprintf(&b, "%v", p)
		if p.tcb != nil {
			fmt.Fprintf(&b, " %+v", p.tcb.Info())
		}
		if p.record != nil {
			fmt.Fprintf(&b, " %+v", p.record.Info())
		}
		fmt.Fprintln(&b)
	}
	return b.String()
}

// drained reports whether no endpoint remembers a connection.
func (w *world) drained() bool {
	for _, n := range w.nodes {
		if n.empty() != "" {
			return false
		}
	}
	return true
}
