package sim

import (
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// Result is what a run came to.
type Result struct {
	Trace   uint64        // condenses all that happened; equal for equal runs
	Time    time.Duration // virtual
	Events  int
	Parties int // ends of connections, those that could not be opened included
	Good    int // those of them that had to, and did, come to a good end with every byte
	Bytes   int // received and checked
	Faults
	Incidents
	Mechanisms
}

// Run plays the scenario of a seed. A trace goes to out, unless it is nil. The error says what went wrong and when;
// a panic of the stack is one too.
func Run(seed uint64, out io.Writer) (r Result, err error) {
	w := newWorld(seed, out)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("seed %d, at %v: panic: %v\n%s", seed, w.now, p, debug.Stack())
		}
		r = w.result()
	}()
	w.draw()
	return r, w.run()
}

func (w *world) result() Result {
	for _, n := range w.nodes {
		if n.up {
			w.mechanisms.countNode(n)
		}
	}
	for _, p := range w.parties {
		w.mechanisms.countParty(p)
	}
	return Result{
		Trace: w.trace.hash, Time: w.now, Events: w.events, Parties: len(w.parties), Good: w.good, Bytes: w.checked,
		Faults: w.faults, Incidents: w.incidents, Mechanisms: w.mechanisms,
	}
}
