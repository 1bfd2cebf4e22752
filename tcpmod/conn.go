package tcpmod

import (
	"context"
	"net"
	"net/netip"
	"time"

	"deputy/internal/netconn"
)

// network is the name in addresses and errors of the blocking face.
const network = "tcpmod"

// Loop runs functions under the lock of whoever drives an Endpoint.
type Loop = netconn.Loop

// Conn is a connection with blocking calls. It implements net.Conn; see
// netconn.Conn for its methods.
type Conn struct{ *netconn.Conn }

// Info returns a snapshot of the connection.
func (c *Conn) Info() Info {
	var i Info
	c.Do(func(time.Duration) { i = c.Core().(*TCB).Info() })
	return i
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

// Listen listens at a port of the endpoint, whose loop is given.
func Listen(e *Endpoint, loop Loop, port uint16, o Options) (*Listener, error) {
	local := netip.AddrPortFrom(e.Addr(), port)
	l := netconn.NewListener(loop, netconn.Config{Network: network}, local,
		func(time.Duration) { e.Unlisten(port) })
	var err error
	loop.Do(func(time.Duration) {
		err = e.Listen(port, o, func(_ time.Duration, c *TCB) Events {
			if conn := l.Deliver(c); conn != nil {
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

// Dialer opens connections from an endpoint.
type Dialer struct {
	Endpoint *Endpoint
	Loop     Loop
	Options  Options
}

// DialContext connects to address, an IPv4 address and a port as
// netip.ParseAddrPort takes it, and returns a *Conn. The network's name is not
// looked at, so that the method fits http.Transport.
func (d *Dialer) DialContext(ctx context.Context, _, address string) (net.Conn, error) {
	return netconn.DialAddress(ctx, netconn.Config{Network: network}, address, d.DialAddrPort)
}

// DialAddrPort connects to remote.
func (d *Dialer) DialAddrPort(ctx context.Context, remote netip.AddrPort) (*Conn, error) {
	c, err := netconn.Dial(ctx, d.Loop, netconn.Config{Network: network},
		func(now time.Duration, c *netconn.Conn) (netconn.Core, error) {
			t, err := d.Endpoint.Dial(now, remote, d.Options, c)
			if err != nil {
				return nil, err
			}
			return t, nil
		})
	if err != nil {
		return nil, err
	}
	return &Conn{c}, nil
}
