package agent

import (
	"fmt"
	"time"

	"deputy/deputynode/control"
	"deputy/ipx"
)

// pingTimeout is how long an echo reply may take.
const pingTimeout = time.Second

// ping sends one echo request to a node's IP and waits for the reply.
func (a *Agent) ping(node string, size int) control.Response {
	if size < 0 || size > ipx.MaxEcho {
		return control.Response{Error: fmt.Sprintf("%d bytes: an echo request carries 0 to %d", size, ipx.MaxEcho)}
	}
	address, ok := a.findNode(node)
	if !ok {
		return control.Response{Error: fmt.Sprintf("node %q is not there (see deputynode nodes)", node)}
	}
	answer := make(chan control.Response, 1)
	a.loop.Submit(func(now time.Duration) {
		done := func(_, rtt time.Duration, err error) {
			if err != nil {
				answer <- control.Response{Error: err.Error()}
				return
			}
			answer <- control.Response{Ping: &control.Ping{Node: node, Address: address.String(), Bytes: size, Microseconds: float64(rtt) / 1e3}}
		}
		if err := a.ip.Echo(now, address, make([]byte, size), pingTimeout, done); err != nil {
			done(now, 0, err)
		}
	})
	return <-answer
}
