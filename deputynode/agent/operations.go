package agent

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"deputy/deputynode/channel"
	"deputy/deputynode/control"
	"deputy/deputynode/deputy"
)

// answer is the handler of the control socket; it runs on a goroutine of its own.
func (a *Agent) answer(peer control.Peer, r control.Request) control.Response {
	switch r.Op {
	case control.OpRun:
		return a.split(peer, r)
	case control.OpNodes:
		return ask(a, func(now time.Duration) control.Response { return control.Response{Nodes: a.nodes(now)} })
	case control.OpPS:
		return ask(a, func(time.Duration) control.Response { return control.Response{PS: a.processes()} })
	case control.OpStats:
		return ask(a, func(time.Duration) control.Response { return a.stats(r.PID) })
	case control.OpPing:
		return a.ping(r.On, r.Size)
	}
	return control.Response{Error: fmt.Sprintf("unknown operation %q", r.Op)}
}

// ask runs a question on the loop.
func ask[T any](a *Agent, f func(now time.Duration) T) T {
	answer := make(chan T, 1)
	a.loop.Submit(func(now time.Duration) { answer <- f(now) })
	return <-answer
}

// waitForNode is how long a node that was not heard yet may take to announce itself.
const waitForNode = 500 * time.Millisecond

// split makes the asking process a deputy at its next execve.
func (a *Agent) split(peer control.Peer, r control.Request) control.Response {
	t, err := a.findTransport(r.Transport)
	if err != nil {
		return control.Response{Error: err.Error()}
	}
	address, ok := a.findNode(r.On)
	if !ok {
		return control.Response{Error: fmt.Sprintf("node %q is not there (see deputynode nodes)", r.On)}
	}
	ready := make(chan error, 1)
	a.loop.Submit(func(now time.Duration) {
		a.home.Split(now, deputy.Options{
			PID: peer.PID, Node: r.On, Command: r.Command, Lazy: r.Lazy,
			Connect: func(now time.Duration, c *channel.Channel) error {
				return t.dial(now, netip.AddrPortFrom(address, Port), c)
			},
			Ready: func(_ time.Duration, err error) { ready <- err },
			Trace: a.tracer(r.TracedBy),
		})
	})
	if err := <-ready; err != nil {
		return control.Response{Error: err.Error()}
	}
	return control.Response{}
}

// findNode looks a node up, and asks the network once if it is not known.
func (a *Agent) findNode(name string) (netip.Addr, bool) {
	type found struct {
		addr netip.Addr
		ok   bool
	}
	deadline := time.Now().Add(waitForNode)
	for first := true; ; first = false {
		f := ask(a, func(now time.Duration) found {
			addr, ok := a.members.Find(name)
			if !ok && first {
				a.members.Ask(now)
			}
			return found{addr, ok}
		})
		if f.ok || time.Now().After(deadline) {
			return f.addr, f.ok
		}
		time.Sleep(waitForNode / 50)
	}
}

func (a *Agent) nodes(now time.Duration) []control.Node {
	var all []control.Node
	for _, n := range a.members.All(now) {
		all = append(all, control.Node{Name: n.Name, Address: n.Addr.String(), Processors: int(n.Processors),
			Load: float64(n.Load) / 100, FreeMemory: uint64(n.FreeMemory) << 20, Bodies: int(n.Bodies),
			SeenAgo: (now - n.Seen).Seconds(), Own: n.Own})
	}
	return all
}

func (a *Agent) processes() []control.Process {
	var all []control.Process
	for _, d := range a.home.Deputies() {
		if d.Leads() {
			all = append(all, process(d.Report(), false))
		}
	}
	slices.SortFunc(all, func(x, y control.Process) int { return x.PID - y.PID })
	return all
}

// stats tells of one deputy, running or ended.
func (a *Agent) stats(pid int) control.Response {
	if d := a.home.Deputies()[pid]; d != nil {
		return control.Response{PS: []control.Process{process(d.Report(), false)}}
	}
	if p, ok := a.recent.find(pid); ok {
		return control.Response{PS: []control.Process{p}}
	}
	return control.Response{Error: fmt.Sprintf("no split process %d, now or lately", pid)}
}

func process(r deputy.Report, ended bool) control.Process {
	return control.Process{PID: r.PID, Node: r.Node, Command: r.Command, Seconds: time.Since(r.Started).Seconds(),
		Calls: r.Calls.ByClass, ByName: r.Calls.ByName,
		Sent:     control.Traffic{Messages: r.Traffic.SentMessages, Bytes: r.Traffic.SentBytes},
		Received: control.Traffic{Messages: r.Traffic.ReceivedMessages, Bytes: r.Traffic.ReceivedBytes}, Ended: ended}
}

// deputyEnded remembers what a deputy did.
func (a *Agent) deputyEnded(d *deputy.Deputy) { a.recent.add(process(d.Report(), true)) }

// history is the deputies that ended lately.
type history struct{ ended []control.Process }

// remembered is how many.
const remembered = 256

func (h *history) add(p control.Process) {
	if len(h.ended) == remembered {
		h.ended = h.ended[1:]
	}
	h.ended = append(h.ended, p)
}

// find returns the youngest of a pid.
func (h *history) find(pid int) (control.Process, bool) {
	for _, p := range slices.Backward(h.ended) {
		if p.PID == pid {
			return p, true
		}
	}
	return control.Process{}, false
}
