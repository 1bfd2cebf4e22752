package nodes

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	interval = time.Second
	// silence is after how long a node that is not heard is taken for gone.
	silence = 5 * interval
	// maxNodes bounds the nodes that are remembered: anybody can announce some.
	maxNodes = 4096
	// maxHops bounds the gateways between two nodes.
	maxHops = 16
)

// Network is the IP layer below, as this package uses it.
type Network interface {
	Addr() netip.Addr
	Buffer() []byte
	Send(now time.Duration, dst netip.Addr, n int) error
}

// Node is a node that was heard.
type Node struct {
	Announcement
	Addr netip.Addr
	Seen time.Duration // when it was heard last
	Own  bool

	on *network // where it was heard
}

// Members are the nodes known to one of them. Its methods run on the loop.
type Members struct {
	networks []*network // the first has the address of this node
	log      *slog.Logger
	self     func() Announcement
	nodes    map[string]Node
	deadline time.Duration
	ask      bool
	// Malformed counts datagrams that were no announcements.
	Malformed uint64
}

// network is one that this node is on. It is the handler of Protocol there.
type network struct {
	Network
	members *Members
}

// Handler takes the announcements of a network.
type Handler interface {
	Receive(now time.Duration, src, dst netip.Addr, payload []byte)
}

// New makes the membership of a node that describes itself by self. It announces itself at once and asks who else is
// there, on the networks that it has joined.
func New(self func() Announcement, log *slog.Logger) *Members {
	return &Members{log: log, self: self, nodes: map[string]Node{}, ask: true}
}

// Join has the node announce itself on a network, with the address that it has on the first one that it joins. On
// several networks it is a gateway, and relays what it hears on each to the others. The handler is for Protocol there.
func (m *Members) Join(net Network) Handler {
	n := &network{net, m}
	m.networks = append(m.networks, n)
	return n
}

// addr is that of this node.
func (m *Members) addr() netip.Addr { return m.networks[0].Addr() }

// Receive takes an announcement.
func (n *network) Receive(now time.Duration, src, _ netip.Addr, payload []byte) {
	m := n.members
	a, err := ParseAnnouncement(payload)
	if err != nil {
		m.Malformed++
		return
	}
	addr := src
	if a.Addr.IsValid() {
		addr = a.Addr
	}
	if a.Name == m.self().Name {
		if addr != m.addr() {
			m.log.Warn("another node has our name", "node", a.Name, "address", addr)
		}
		return
	}
	known, ok := m.nodes[a.Name]
	isFresh := now-known.Seen < silence
	switch {
	case !ok && len(m.nodes) == maxNodes:
		return
	case !ok:
		m.log.Info("node found", "node", a.Name, "address", addr, "gateways", a.Hops)
	case known.Addr != addr && isFresh:
		m.log.Warn("two nodes have the same name", "node", a.Name, "address", addr, "other", known.Addr)
		return
	case isFresh && (a.Hops > known.Hops || a.Hops == known.Hops && n != known.on):
		return // it came a longer way, or another one: relayed too, it would go round for ever
	}
	m.nodes[a.Name] = Node{Announcement: a, Addr: addr, Seen: now, on: n}
	if a.Hops < maxHops {
		a.Addr = addr
		a.Hops++
		m.relay(now, n, a)
	}
	if a.Ask {
		m.announce(now)
	}
}

// relay sends the announcement of another node to all networks but the one that it came from.
func (m *Members) relay(now time.Duration, from *network, a Announcement) {
	for _, n := range m.networks {
		if n != from {
			n.send(now, a)
		}
	}
}

// Ask announces this node and asks all others to do so too.
func (m *Members) Ask(now time.Duration) {
	m.ask = true
	m.announce(now)
}

func (m *Members) announce(now time.Duration) {
	a := m.self()
	a.Ask, m.ask = m.ask, false
	for _, n := range m.networks {
		n.send(now, a)
		a.Addr = m.addr() // on the others it is not the sender's
	}
	m.deadline = now + interval
}

// send sends an announcement to all of a network. If it is lost the next one is due in a second.
func (n *network) send(now time.Duration, a Announcement) {
	length := len(AppendAnnouncement(n.Buffer()[:0], a))
	_ = n.Send(now, netip.AddrFrom4([4]byte{255, 255, 255, 255}), length)
}

// Deadline is when the next announcement is due.
func (m *Members) Deadline() time.Duration { return m.deadline }

// Advance announces, and forgets who has been silent.
func (m *Members) Advance(now time.Duration) {
	m.announce(now)
	for name, n := range m.nodes {
		if now-n.Seen > silence {
			m.log.Info("node gone", "node", name, "address", n.Addr)
			delete(m.nodes, name)
		}
	}
}

// Flush has nothing to send.
func (m *Members) Flush(time.Duration) {}

// Find returns the address of a node, this one included.
func (m *Members) Find(name string) (netip.Addr, bool) {
	if name == m.self().Name {
		return m.addr(), true
	}
	n, ok := m.nodes[name]
	return n.Addr, ok
}

// All returns the nodes by name, this one included.
func (m *Members) All(now time.Duration) []Node {
	all := []Node{{Announcement: m.self(), Addr: m.addr(), Seen: now, Own: true}}
	for _, n := range m.nodes {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return all
}
