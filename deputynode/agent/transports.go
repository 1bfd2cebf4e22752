package agent

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"deputy/deputynode/channel"
	"deputy/ipx"
	"deputy/rdp"
	"deputy/tcpmod"
)

// Port is where an agent takes requests for bodies, over each transport: the migration daemon of the thesis
// (4.4.2).
const Port = 1994

// DefaultTransport is the thesis's choice.
const DefaultTransport = "tcpmod"

// IP protocol numbers of the transports.
const (
	protocolTCP = 6
	protocolRDP = 27
)

// transport is what an agent does with a transport.
type transport interface {
	dial(now time.Duration, to netip.AddrPort, c *channel.Channel) error
	listen(port uint16, accept func() *channel.Channel) error
}

// openTransports puts both transports on IP and takes connections over them.
func (a *Agent) openTransports() error {
	tcp := tcpmod.New(a.ip.Port(protocolTCP), tcpmod.Config{Logger: a.log})
	a.ip.Handle(protocolTCP, tcp)
	a.loop.Add(tcp)
	reliable := rdp.New(a.ip.Port(protocolRDP), rdp.Config{Logger: a.log})
	a.ip.Handle(protocolRDP, reliable)
	a.loop.Add(reliable)
	a.transports = map[string]transport{"tcpmod": overTCP{tcp}, "rdp": overRDP{reliable}}
	for name, t := range a.transports {
		if err := t.listen(Port, func() *channel.Channel { return a.guest.Accept() }); err != nil {
			return fmt.Errorf("listen by %s: %w", name, err)
		}
	}
	return nil
}

// Interfaces that the protocols meet.
var (
	_ tcpmod.PathNetwork  = (*ipx.Port)(nil)
	_ rdp.DatagramNetwork = (*ipx.Port)(nil)
	_ ipx.StatusHandler   = (*tcpmod.Endpoint)(nil)
	_ ipx.StatusHandler   = (*rdp.Endpoint)(nil)
)

type overTCP struct{ *tcpmod.Endpoint }

func (t overTCP) dial(now time.Duration, to netip.AddrPort, c *channel.Channel) error {
	conn, err := t.Dial(now, to, tcpmod.Options{ConnectTimeout: connectTimeout}, c)
	if err == nil {
		c.Attach(conn)
	}
	return err
}

func (t overTCP) listen(port uint16, accept func() *channel.Channel) error {
	return t.Listen(port, tcpmod.Options{}, func(_ time.Duration, conn *tcpmod.TCB) tcpmod.Events {
		c := accept()
		c.Attach(conn)
		return c
	})
}

type overRDP struct{ *rdp.Endpoint }

func (r overRDP) dial(now time.Duration, to netip.AddrPort, c *channel.Channel) error {
	conn, err := r.Dial(now, to, rdp.Options{}, c)
	if err == nil {
		c.Attach(conn)
	}
	return err
}

func (r overRDP) listen(port uint16, accept func() *channel.Channel) error {
	return r.Listen(port, rdp.Options{}, func(_ time.Duration, conn *rdp.Record) rdp.Events {
		c := accept()
		c.Attach(conn)
		return c
	})
}

// connectTimeout is how long a node may take to answer.
const connectTimeout = 3 * time.Second

var errTransport = errors.New("no such transport")

// findTransport returns the transport of a name; empty is the default.
func (a *Agent) findTransport(name string) (transport, error) {
	if name == "" {
		name = DefaultTransport
	}
	if t := a.transports[name]; t != nil {
		return t, nil
	}
	var names []string
	for known := range a.transports {
		names = append(names, known)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("%q: %w (there are %s)", name, errTransport, strings.Join(names, ", "))
}
