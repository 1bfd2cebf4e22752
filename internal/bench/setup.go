package bench

import (
	"fmt"

	"deputy/internal/bench/report"
)

// setup says what the figures depend on.
func (r *run) setup() []report.Setting {
	peer := r.session.peer
	waits := ", polled"
	if r.node.park {
		waits = ", waiting in poll(2)"
	}
	backend := backendOf(r.dev)
	link := fmt.Sprintf("%s%s; %s, MTU %d bytes", backend, waits, r.at.medium, r.dev.MTU())
	if peer.backend != backend {
		link += fmt.Sprintf("; the peer's is %s", peer.backend)
	}
	pinned := r.pins.String()
	if !r.at.own {
		pinned = fmt.Sprintf("this side %s; peer %s %s", onCPU(r.pins.Own), peer.name, peer.cpu)
	}
	return []report.Setting{
		{Name: "machine", Value: machine()},
		{Name: "link", Value: link},
		{Name: "pinned", Value: pinned},
		{Name: "clock", Value: r.node.clock.Source()},
	}
}
