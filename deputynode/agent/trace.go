package agent

import (
	"time"

	"deputy/deputynode/control"
	"deputy/deputynode/deputy"
)

// trace has calls told to a tracer: those of the processes that name the asking one.
func (a *Agent) trace(peer control.Peer) (*control.Tracer, func()) {
	t := control.NewTracer()
	ask(a, func(time.Duration) bool {
		if a.tracers == nil {
			a.tracers = map[int]*control.Tracer{}
		}
		a.tracers[peer.PID] = t
		return true
	})
	return t, func() {
		ask(a, func(time.Duration) bool {
			if a.tracers[peer.PID] == t {
				delete(a.tracers, peer.PID)
			}
			return true
		})
	}
}

// tracer returns what tells of calls to whoever traces them; nil if nobody does.
func (a *Agent) tracer(by int) func(deputy.TracedCall) {
	t := a.tracers[by]
	if t == nil {
		return nil
	}
	return func(c deputy.TracedCall) {
		t.Call(control.TracedCall{PID: c.Thread, Call: c.Text, Returns: c.Returns, Value: c.Value, Class: c.Class,
			Messages: c.Messages, Sent: c.Sent, Received: c.Received, Micros: float64(c.Took) / 1e3})
	}
}
