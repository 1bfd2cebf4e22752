package agent

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"deputy/deputynode/nodes"
	"deputy/internal/engine"
	"deputy/ipx"
	"deputy/link"
)

var (
	errNoAddress  = errors.New("not an IPv4 address with its network, such as 10.77.0.1/24")
	errNoRoute    = errors.New("not a route, such as 10.0.2.0/24=10.0.1.1")
	errAddresses  = errors.New("several interfaces need an address each")
	errForward    = errors.New("several interfaces make a gateway, which has to be asked for by --forward")
	errNotForward = errors.New("a gateway needs several interfaces")
	errNextHop    = errors.New("next hop of a route is on no network of this node")
)

// ParseAddress parses an address with its network.
func ParseAddress(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() || binary.BigEndian.Uint32(p.Addr().AsSlice()) == 0 {
		return netip.Prefix{}, fmt.Errorf("%q: %w", s, errNoAddress)
	}
	return p, nil
}

// ParseRoute parses a network and the next hop to it, NETWORK=ADDRESS.
func ParseRoute(s string) (ipx.Route, error) {
	network, via, _ := strings.Cut(s, "=")
	prefix, err := netip.ParsePrefix(network)
	hop, hopErr := netip.ParseAddr(via)
	if err != nil || hopErr != nil || !prefix.Addr().Is4() || !hop.Is4() {
		return ipx.Route{}, fmt.Errorf("%q: %w", s, errNoRoute)
	}
	return ipx.Route{Prefix: prefix, Via: hop}, nil
}

// check refuses combinations of interfaces, addresses and routes that can't work.
func (c *Config) check() error {
	switch several := len(c.Interfaces) > 1; {
	case several && !c.Forward:
		return errForward
	case c.Forward && !several:
		return errNotForward
	case several && len(c.Addresses) != len(c.Interfaces), len(c.Addresses) > len(c.Interfaces):
		return fmt.Errorf("%w: %d interfaces, %d addresses", errAddresses, len(c.Interfaces), len(c.Addresses))
	}
	return nil
}

// openNetwork opens the devices and builds the protocols on them. The first is the one whose address is the node's, and
// has the transports; the others belong to a gateway, and lead to that address too.
func (a *Agent) openNetwork() (err error) {
	if err := a.cfg.check(); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.closeNetwork())
		}
	}()
	start := time.Now()
	for i := range a.cfg.Interfaces {
		if err := a.openDevice(i, start); err != nil {
			return err
		}
	}
	if a.cfg.Forward {
		if _, err := ipx.NewGateway(a.stacks...); err != nil {
			return err
		}
	}
	for _, r := range a.cfg.Routes {
		if err := a.addRoute(r); err != nil {
			return err
		}
	}
	a.loop, err = engine.New(a.devices[0], a.stacks[0], engine.Options{Spin: a.cfg.Spin, Start: start, Logger: a.log})
	if err != nil {
		return err
	}
	for i := range a.devices[1:] {
		if err := a.loop.AddDevice(a.devices[1+i], a.stacks[1+i]); err != nil {
			return err
		}
	}
	a.ip = a.stacks[0]
	if err := a.openTransports(); err != nil {
		return err
	}
	a.members = nodes.New(a.describe, a.log)
	for _, s := range a.stacks {
		s.Handle(nodes.Protocol, a.members.Join(s.Port(nodes.Protocol)))
	}
	a.loop.Add(a.members)
	return nil
}

// openDevice opens interface i and puts IP on it.
func (a *Agent) openDevice(i int, start time.Time) error {
	impairment, err := link.ParseImpairment(a.cfg.Impair)
	if err != nil {
		return err
	}
	dev, err := link.Open(a.cfg.Interfaces[i], link.Options{Backend: a.cfg.Backend, Logger: a.log})
	if err != nil {
		return err
	}
	if a.cfg.Capture != nil {
		if dev, err = link.Tap(dev, a.cfg.Capture); err != nil {
			return err
		}
	}
	if a.cfg.Impair != "" {
		dev = link.Impair(dev, impairment, func() time.Duration { return time.Since(start) })
	}
	a.devices = append(a.devices, dev)
	hw := dev.Addr()
	address := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, hw[3], hw[4], hw[5]}), 8)
	if i < len(a.cfg.Addresses) {
		address = a.cfg.Addresses[i]
	}
	stack, err := ipx.New(dev, ipx.Config{Prefix: address, Logger: a.log})
	if err != nil {
		return err
	}
	a.stacks = append(a.stacks, stack)
	a.log.Info("network", "interface", a.cfg.Interfaces[i], "address", address, "hardware", hw, "MTU", dev.MTU())
	return nil
}

// addRoute gives a route to the network that its next hop is on.
func (a *Agent) addRoute(r ipx.Route) error {
	for _, s := range a.stacks {
		err := s.AddRoute(r)
		if !errors.Is(err, ipx.ErrRoute) {
			return err
		}
	}
	return fmt.Errorf("%s=%s: %w", r.Prefix, r.Via, errNextHop)
}

// closeNetwork closes what openNetwork has opened.
func (a *Agent) closeNetwork() error {
	var errs []error
	if a.loop != nil {
		errs = append(errs, a.loop.Close())
	}
	for _, dev := range a.devices {
		errs = append(errs, dev.Close())
	}
	return errors.Join(errs...)
}
