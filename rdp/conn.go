package rdp

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"deputy/internal/netconn"
)

// network is the name in addresses and errors of the blocking faces.
const network = "rdp"

// Loop runs functions under the lock of whoever drives an Endpoint.
type Loop = netconn.Loop

// Conn is a connection with blocking calls, in one of two faces. That of messages is SOCK_SEQPACKET's: a Write is one
// message, of at most MaxMessage bytes (EMSGSIZE) and at least one, and a Read takes one, whose end is lost with
// io.ErrShortBuffer if the buffer is too short. That of a stream has no boundaries. It implements net.Conn; see
// netconn.Conn for its methods. CloseWrite ends writing here, but RDP has no half close by which the peer would learn
// of it before Close.
type Conn struct{ *netconn.Conn }

// Info returns a snapshot of the connection.
func (c *Conn) Info() Info {
	var i Info
	c.Do(func(time.Duration) { i = c.record().Info() })
	return i
}

// MaxMessage returns the bytes of the longest message that can be written.
func (c *Conn) MaxMessage() int {
	var n int
	c.Do(func(time.Duration) { n = c.record().MaxMessage() })
	return n
}

func (c *Conn) record() *Record {
	if m, ok := c.Core().(messageCore); ok {
		return m.Record
	}
	return c.Core().(*Record)
}

// messageCore is a connection whose Write is one message.
type messageCore struct{ *Record }

func (c messageCore) Write(now time.Duration, p []byte) int {
	if c.WriteMessage(now, p) != nil { // OnSpace follows, or Err says why not
		return 0
	}
	return len(p)
}

// Listener accepts connections. It implements net.Listener.
type Listener struct{ *netconn.Listener }

// Accept waits for the next connection, a *Conn.
func (l *Listener) Accept() (net.Conn, error) {
	c, err := l.AcceptConn()
	if err != nil {
		return nil, err
	}
	return &Conn{c}, nil
}

// Listen listens at a port of the endpoint, whose loop is given, for connections with messages.
func Listen(e *Endpoint, loop Loop, port uint16, o Options) (*Listener, error) {
	return listen(e, loop, port, o, true)
}

// ListenStream is Listen for connections without boundaries.
func ListenStream(e *Endpoint, loop Loop, port uint16, o Options) (*Listener, error) {
	return listen(e, loop, port, o, false)
}

func listen(e *Endpoint, loop Loop, port uint16, o Options, messages bool) (*Listener, error) {
	if err := checkFace(e, o, messages); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	l := netconn.NewListener(loop, faceConfig(messages), netip.AddrPortFrom(e.addr, port),
		func(now time.Duration) { e.Unlisten(now, port) })
	var err error
	loop.Do(func(time.Duration) {
		err = e.Listen(port, o, func(_ time.Duration, r *Record) Events {
			if conn := l.Deliver(face(r, messages)); conn != nil {
				return conn
			}
			return nil
		})
	})
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: l.Addr(), Err: err}
	}
	return &Listener{l}, nil
}

// checkFace refuses a stream that is delivered in the order of arrival.
func checkFace(e *Endpoint, o Options, messages bool) error {
	if !messages && (o.ArrivalOrder || e.defaults.ArrivalOrder) {
		return fmt.Errorf("%w: a stream in the order of arrival", ErrOptions)
	}
	return nil
}

func faceConfig(messages bool) netconn.Config {
	return netconn.Config{Network: network, Messages: messages}
}

func face(r *Record, messages bool) netconn.Core {
	if messages {
		return messageCore{r}
	}
	return r
}

// Dialer opens connections from an endpoint.
type Dialer struct {
	Endpoint *Endpoint
	Loop     Loop
	Options  Options
	Stream   bool // without boundaries
}

// DialContext connects to address, an IPv4 address and a port as netip.ParseAddrPort takes it, and returns a *Conn. The
// network's name is not looked at.
func (d *Dialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return netconn.DialAddress(ctx, faceConfig(!d.Stream), address, d.DialAddrPort)
}

// DialAddrPort connects to remote.
func (d *Dialer) DialAddrPort(ctx context.Context, remote netip.AddrPort) (*Conn, error) {
	c, err := netconn.Dial(ctx, d.Loop, faceConfig(!d.Stream),
		func(now time.Duration, c *netconn.Conn) (netconn.Core, error) {
			if err := checkFace(d.Endpoint, d.Options, !d.Stream); err != nil {
				return nil, err
			}
			r, err := d.Endpoint.Dial(now, remote, d.Options, c)
			if err != nil {
				return nil, err
			}
			return face(r, !d.Stream), nil
		})
	if err != nil {
		return nil, err
	}
	return &Conn{c}, nil
}
