package bench

import (
	"fmt"
	"net/netip"
	"time"
)

// dialed is our side of a connection to the peer.
type dialed struct {
	*session
	transport *transport
	conn      connection
	opened    bool
	ended     error
	answered  bool
}

// dial opens the connection; ev hands its events to d.
func (d *dialed) dial(port uint16, ev events) error {
	n := d.node
	now := n.clock.Now()
	var err error
	if d.conn, err = d.transport.dial(now, netip.AddrPortFrom(d.peer.addr, port), ev); err != nil {
		return err
	}
	opened, err := n.until(&d.opened, now+replyTimeout)
	switch {
	case err != nil:
		return err
	case d.ended != nil:
		return fmt.Errorf("%s connection to %v: %w", d.transport.layer, d.peer.addr, d.ended)
	case !opened:
		return fmt.Errorf("%s connection to %v: %w", d.transport.layer, d.peer.addr, ErrNoPeer)
	}
	return nil
}

// write sends p and waits until an event has set answered.
func (d *dialed) write(p []byte) error {
	now := d.node.clock.Now()
	d.answered = false
	if n := d.conn.Write(now, p); n != len(p) {
		return fmt.Errorf("%s: %d of %d bytes taken for sending", d.transport.layer, n, len(p))
	}
	answered, err := d.node.until(&d.answered, now+replyTimeout)
	switch {
	case err != nil:
		return err
	case d.ended != nil:
		return fmt.Errorf("%s connection: %w", d.transport.layer, d.ended)
	case !answered:
		return errGone
	}
	return nil
}

// resent is how many segments we have sent again on the connection.
func (d *dialed) resent() int { return d.transport.resent(d.conn) }

// OnOpen is one of the transport's events.
func (d *dialed) OnOpen(time.Duration) { d.opened = true }

// OnSpace is one of the transport's events.
func (d *dialed) OnSpace(time.Duration) {}

// OnEnd lets whoever waits go on, to find the error.
func (d *dialed) OnEnd(_ time.Duration, err error) {
	d.ended, d.opened, d.answered = err, true, true
}

// byteExchange sends bytes over a connection of a transport; the peer sends them back.
type byteExchange struct {
	dialed
	out  []byte
	back int
}

func newByteExchange(s *session, t *transport, size int) (*byteExchange, error) {
	x := &byteExchange{dialed: dialed{session: s, transport: t}, out: make([]byte, size)}
	return x, x.dial(portEcho, x)
}

func (x *byteExchange) enter() error { return x.enterDevice() }
func (x *byteExchange) leave() error { return nil }

func (x *byteExchange) round() error {
	x.back = 0
	return x.write(x.out)
}

// OnData counts what comes back.
func (x *byteExchange) OnData(_ time.Duration, data []byte) int {
	x.back += len(data)
	x.answered = x.back >= len(x.out)
	return len(data)
}
