package bench

import (
	"net/netip"
	"time"

	"deputy/ipx"
)

// datagramExchange sends an IP datagram, which the peer sends back.
type datagramExchange struct {
	*session
	port     *ipx.Port
	size     int // bytes of payload
	number   uint32
	answered bool
}

func newDatagramExchange(s *session, size int) *datagramExchange {
	x := &datagramExchange{session: s, port: s.node.stack.Port(protocolEcho), size: size}
	s.node.stack.Handle(protocolEcho, x)
	return x
}

func (x *datagramExchange) enter() error { return x.enterDevice() }
func (x *datagramExchange) leave() error { return nil }

func (x *datagramExchange) round() error {
	n := x.node
	x.number++
	x.answered = false
	now := n.clock.Now()
	putProbe(x.port.Buffer()[:x.size], x.number)
	if err := x.port.Send(now, x.peer.addr, x.size); err != nil {
		return err
	}
	answered, err := n.until(&x.answered, now+lossTimeout)
	if err == nil && !answered {
		err = errLost
	}
	return err
}

// Receive is an ipx.Handler's.
func (x *datagramExchange) Receive(_ time.Duration, _, _ netip.Addr, payload []byte) {
	if isProbeNumber(payload, x.number, x.size) {
		x.answered = true
	}
}
