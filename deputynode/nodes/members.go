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
}

// Members are the nodes known to one of them. Its methods run on the loop.
type Members struct {
	net      Network
	log      *slog.Logger
	self     func() Announcement
	nodes    map[string]Node
	deadline time.Duration
	ask      bool
	// Malformed counts datagrams that were no announcements.
	Malformed uint64
}

// New makes the membership of a node that describes itself by self. It announces at once and asks who else is
// there.
func New(net Network, self func() Announcement, log *slog.Logger) *Members {
	return &Members{net: net, log: log, self: self, nodes: map[string]Node{}, ask: true}
}

// Receive takes an announcement; it is the handler of Protocol.
func (m *Members) Receive(now time.Duration, src, _ netip.Addr, payload []byte) {
	a, err := ParseAnnouncement(payload)
	if err != nil {
		m.Malformed++
		return
	}
	own := m.self().Name
	if a.Name == own {
		if src != m.net.Addr() {
			m.log.Warn("another node has our name", "node", a.Name, "address", src)
		}
		return
	}
	known, ok := m.nodes[a.Name]
	switch {
	case !ok:
		m.log.Info("node found", "node", a.Name, "address", src)
	case known.Addr != src && now-known.Seen < silence:
		m.log.Warn("two nodes have the same name", "node", a.Name, "address", src, "other", known.Addr)
		return
	}
	m.nodes[a.Name] = Node{Announcement: a, Addr: src, Seen: now}
	if a.Ask {
		m.announce(now)
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
	n := len(AppendAnnouncement(m.net.Buffer()[:0], a))
	_ = m.net.Send(now, netip.AddrFrom4([4]byte{255, 255, 255, 255}), n) // lost: the next one is due in a second
	m.deadline = now + interval
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
		return m.net.Addr(), true
	}
	n, ok := m.nodes[name]
	return n.Addr, ok
}

// All returns the nodes by name, this one included.
func (m *Members) All(now time.Duration) []Node {
	all := []Node{{Announcement: m.self(), Addr: m.net.Addr(), Seen: now, Own: true}}
	for _, n := range m.nodes {
		all = append(all, n)
	}
	slices.SortFunc(all, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return all
}
