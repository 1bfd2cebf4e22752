package bench

import (
	"net/netip"
	"time"

	"deputy/internal/bench/report"
	"deputy/rdp"
	"deputy/tcpmod"
)

// IP protocol numbers (the IANA registry; RFC 9293, RFC 908).
const (
	protocolTCP = 6
	protocolRDP = 27
)

// Ports that a peer listens on, with either transport.
const (
	portEcho    = 7   // bytes come back as they are (RFC 862)
	portDiscard = 9   // bulk transfers are counted (after RFC 863)
	portMessage = 700 // intraprocess requests are answered
)

// connection is what both transports give for one connection.
type connection interface {
	Write(now time.Duration, p []byte) int
	Close(now time.Duration)
	Abort(now time.Duration)
}

// events is what both transports tell of a connection.
type events interface {
	OnOpen(now time.Duration)
	OnData(now time.Duration, data []byte) int
	OnSpace(now time.Duration)
	OnEnd(now time.Duration, err error)
}

// transport is one of our two, seen alike.
type transport struct {
	layer   string // of its bytes
	message string // of the messages over it
	closing string // of a remote close() over it
	header  int    // bytes

	dial   func(now time.Duration, to netip.AddrPort, ev events) (connection, error)
	listen func(port uint16, accept func(connection) events) error
	resent func(connection) int // segments of a connection that were sent again
}

// addTransports puts both on the node's stack.
func (n *node) addTransports() {
	tcp := tcpmod.New(n.stack.Port(protocolTCP), tcpmod.Config{})
	n.stack.Handle(protocolTCP, tcp)
	r := rdp.New(n.stack.Port(protocolRDP), rdp.Config{})
	n.stack.Handle(protocolRDP, r)
	n.components = []component{tcp, r}
	n.transports = []*transport{
		{
			layer: report.TCPMod, message: report.MessageTCPMod, closing: report.CloseTCPMod, header: tcpHeaderLen,
			dial: func(now time.Duration, to netip.AddrPort, ev events) (connection, error) {
				return tcp.Dial(now, to, tcpmod.Options{}, ev)
			},
			listen: func(port uint16, accept func(connection) events) error {
				return tcp.Listen(port, tcpmod.Options{}, func(_ time.Duration, c *tcpmod.TCB) tcpmod.Events { return accept(c) })
			},
			resent: func(c connection) int { return int(c.(*tcpmod.TCB).Info().Retransmissions) },
		},
		{
			layer: report.RDP, message: report.MessageRDP, closing: report.CloseRDP, header: rdpHeaderLen,
			dial: func(now time.Duration, to netip.AddrPort, ev events) (connection, error) {
				return r.Dial(now, to, rdp.Options{}, ev)
			},
			listen: func(port uint16, accept func(connection) events) error {
				return r.Listen(port, rdp.Options{}, func(_ time.Duration, c *rdp.Record) rdp.Events { return accept(c) })
			},
			resent: func(c connection) int {
				i := c.(*rdp.Record).Info()
				return int(i.Timeouts + i.FastResends + i.TailProbes)
			},
		},
	}
}

// listen has the node answer on all ports of both transports.
func (n *node) listen() error {
	for _, t := range n.transports {
		if err := t.listen(portEcho, func(c connection) events { return &byteEcho{conn: c} }); err != nil {
			return err
		}
		if err := t.listen(portDiscard, func(c connection) events { return &byteSink{conn: c} }); err != nil {
			return err
		}
		if err := t.listen(portMessage, func(c connection) events { return newResponder(c) }); err != nil {
			return err
		}
	}
	return nil
}

// byteEcho sends bytes back, on the peer's side of a connection.
type byteEcho struct{ conn connection }

// OnOpen is one of the transport's events.
func (*byteEcho) OnOpen(time.Duration) {}

// OnData sends the bytes back. The send buffer is larger than all that a measuring side has under way.
func (e *byteEcho) OnData(now time.Duration, data []byte) int { return e.conn.Write(now, data) }

// OnSpace is one of the transport's events.
func (*byteEcho) OnSpace(time.Duration) {}

// OnEnd closes our direction too.
func (e *byteEcho) OnEnd(now time.Duration, _ error) { e.conn.Close(now) }
