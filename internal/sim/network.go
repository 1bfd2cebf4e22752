package sim

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"deputy/ipx"
	"deputy/link"
)

// prefixBits is the size of a network: 10.N.0.0/16 is number N.
const prefixBits = 16

// port is the interface of a node at the switch of a network, and IP on it. It is the ipx.Device.
type port struct {
	node    *node
	index   int // in world.ports
	network int
	prefix  netip.Prefix
	mtu     int
	buffer  []byte
	line    line // from the switch to here
	ip      *ipx.Stack

	cut    bool // nothing gets out
	errors bool // and Send says so, as with a carrier that is seen to be gone
}

// addPort gives a node an interface at a network, at the end of a line in these conditions.
func (w *world) addPort(n *node, network, mtu int, c conditions) *port {
	i := len(w.ports)
	addr := netip.AddrFrom4([4]byte{10, byte(network), byte(i >> 8), byte(i + 1)})
	p := &port{
		node: n, index: i, network: network, prefix: netip.PrefixFrom(addr, prefixBits),
		mtu: mtu, buffer: make([]byte, link.HeaderLen+mtu),
		line: newLine(c, newRand(w.seed, uint64(100+i))),
	}
	w.ports = append(w.ports, p)
	n.ports = append(n.ports, p)
	return p
}

// routes returns how the other networks are reached: they stand in a line, with a gateway between each two, and the
// next one on the way to a network is the gateway at this one that is nearer.
func (p *port) routes() []ipx.Route {
	var routes []ipx.Route
	for _, q := range p.node.world.ports {
		if q.network != p.network || q.node == p.node {
			continue
		}
		for _, far := range q.node.ports {
			if far.network == q.network {
				continue
			}
			for n := far.network; n >= 0 && n < p.node.world.networks; n += far.network - q.network {
				routes = append(routes, ipx.Route{Prefix: networkPrefix(n), Via: q.addr()})
			}
		}
	}
	return routes
}

// networkPrefix returns that of network n.
func networkPrefix(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), prefixBits)
}

func (p *port) addr() netip.Addr { return p.prefix.Addr() }

// hardwareAddr returns the address of port number i, locally administered.
func hardwareAddr(i int) link.Addr { return link.Addr{2, 'd', 's', 0, byte(i >> 8), byte(i)} }

func (p *port) Buffer() []byte  { return p.buffer }
func (p *port) MTU() int        { return p.mtu }
func (p *port) Addr() link.Addr { return hardwareAddr(p.index) }

// Send gives the frame to the switch, which knows every port's address: it copies it to the line of the port that it is
// for, or to all others.
func (p *port) Send(n int) error {
	w := p.node.world
	b := p.buffer[:n]
	w.faults.Sent++
	w.trace.frame(w.now, "sent", p, b)
	switch {
	case p.line.chance(p.line.refuse):
		w.faults.Refused++
		return unix.ENOBUFS
	case p.cut:
		w.faults.Cut++
		if p.errors {
			return unix.ENETDOWN
		}
		return nil
	}
	to := link.Addr(b[:6])
	for _, q := range w.ports {
		if q == p || q.network != p.network || to != link.Broadcast && to != hardwareAddr(q.index) {
			continue
		}
		q.line.carry(w.now, w.frames.take(b), &w.faults, func(at time.Duration, f *frame) {
			w.queue.push(at, event{to: q, data: f})
		})
	}
	return nil
}
