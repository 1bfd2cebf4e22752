package ipx

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/netip"
	"time"

	"deputy/link"
)

// Never is the deadline of a Stack that waits for nothing.
const Never = time.Duration(math.MaxInt64)

// Bounds of what New accepts.
const (
	minMTU     = 68     // RFC 791, section 3.2: every network carries that much unfragmented
	maxMTU     = 0xffff // what the total length field holds
	minBits    = 8      // of a prefix: the shortest network that was ever assigned
	defaultTTL = 64     // RFC 1700, page 64
)

// Bounds of the datagrams that wait in a stack, for neighbours and in the
// loopback together.
const (
	// maxBuffers bounds those that fit into a frame. At an MTU of 1500 bytes they
	// take 380 KB.
	maxBuffers = 256
	// maxLargeBuffers bounds the larger ones, which take 2 MiB.
	maxLargeBuffers = 32
)

// Errors of New. Errors of sending stand in port.go.
var (
	ErrMTU    = errors.New("ipx: MTU of the device not in 68..65535")
	ErrPrefix = errors.New("ipx: prefix is not the IPv4 address of a host with 8 to 32 bits of network")
)

// Device is what the stack needs of a link.Device. Frames have an Ethernet II
// header.
type Device interface {
	Buffer() []byte   // lends a frame of link.HeaderLen+MTU() bytes; the same one until Send
	Send(n int) error // transmits the first n bytes of the lent frame
	MTU() int         // largest datagram in bytes
	Addr() link.Addr  // our hardware address
}

// Handler takes the datagrams of one protocol. payload is a view that is valid
// during the call only. dst is our address or a broadcast address. A Handler
// may call Port.Buffer, Port.Send and Port.SendDatagram, but not Input or
// Advance. One that is a StatusHandler too is told of what doesn't arrive.
type Handler interface {
	Receive(now time.Duration, src, dst netip.Addr, payload []byte)
}

// Config is what a Stack is made with.
type Config struct {
	Prefix netip.Prefix // our address and its network, such as 10.77.0.1/24
	Routes []Route      // to other networks
	TTL    uint8        // time to live of what we send, in hops; 0 means 64
	Logger *slog.Logger // for conflicts and changes of neighbours; nil means none

	// Fragments is the identification of the first datagram in fragments; 0 means a random one, so that a host that
	// starts again at once has its fragments hardly ever taken for those of its earlier life.
	Fragments uint16
}

// Stack is the IPv4 of one device. It does no I/O but through its Device, and
// has no clock, goroutine or lock: one goroutine at a time may call it. now is
// the monotonic time since a start that the caller chose, and never decreases.
type Stack struct {
	dev      Device
	trains   trainDevice // dev, if it takes trains; else nil
	log      *slog.Logger
	mtu      int // largest payload
	ttl      uint8
	hardware link.Addr
	addr     netip.Addr
	host     uint32 // addr in host order
	mask     uint32
	bits     int        // of mask
	directed netip.Addr // broadcast address of the network; not valid where it has none
	handlers [256]Handler
	deadline time.Duration

	id         uint16 // identification of the last datagram that is not to be fragmented
	fragmentID uint16 // of the last one that was or may be
	paths      paths
	self       path // to our own address: only its own address tells it
	neighbours neighbours
	routes     []Route  // longest prefixes first
	gateway    *Gateway // nil: datagrams are not forwarded

	small        pool // for what waits
	large        pool
	scratch      []byte // payload of a datagram that Send can't send in place
	loopback     queue
	reassemblies reassemblies

	icmp         *Port
	errors       limiter
	mtuErrors    limiter
	replies      limiter
	message      [icmpHeaderLen]byte // of what is sent
	quote        [maxHeaderLen + quotedLeast]byte
	echoes       []echo
	echoSequence uint16

	claim claim
	stats Stats
}

// New returns the stack of dev. It sends nothing yet: see Announce and Probe.
// The errors wrap ErrMTU, ErrPrefix, ErrRoute and ErrRoutes.
func New(dev Device, cfg Config) (*Stack, error) {
	if mtu := dev.MTU(); mtu < minMTU || mtu > maxMTU {
		return nil, fmt.Errorf("%w: %d", ErrMTU, mtu)
	}
	addr, bits := cfg.Prefix.Addr(), cfg.Prefix.Bits()
	if !addr.Is4() || bits < minBits || addr.IsLoopback() || addr.IsMulticast() {
		return nil, fmt.Errorf("%w: %s", ErrPrefix, cfg.Prefix)
	}
	s := &Stack{
		dev:      dev,
		log:      cfg.Logger,
		mtu:      dev.MTU() - HeaderLen,
		ttl:      cfg.TTL,
		hardware: dev.Addr(),
		addr:     addr,
		host:     toUint32(addr),
		mask:     ^uint32(0) << (32 - bits),
		bits:     bits,
		deadline: Never,
		claim:    claim{held: true, deadline: Never},
	}
	if t, ok := dev.(trainDevice); ok && t.Trains() {
		s.trains = t
	}
	if !s.isHost(s.host) || s.host>>24 == 0 || s.host == math.MaxUint32 {
		return nil, fmt.Errorf("%w: %s", ErrPrefix, cfg.Prefix)
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.fragmentID = cfg.Fragments - 1
	if cfg.Fragments == 0 {
		var b [2]byte
		rand.Read(b[:]) // never fails
		s.fragmentID = binary.BigEndian.Uint16(b[:])
	}
	if s.ttl == 0 {
		s.ttl = defaultTTL
	}
	s.small = pool{size: dev.MTU(), limit: maxBuffers}
	s.large = pool{size: maxMTU, limit: maxLargeBuffers}
	s.reassemblies.buffers = pool{size: maxPayload, limit: maxReassemblies}
	s.neighbours.byAddr = make(map[netip.Addr]*neighbour)
	s.paths = paths{byAddr: make(map[netip.Addr]*path), mtuDeadline: Never}
	s.icmp = s.Port(icmpProto)
	s.Handle(icmpProto, icmpHandler{s})
	s.errors = newLimiter(errorBurst, errorInterval)
	s.mtuErrors = newLimiter(mtuBurst, mtuInterval)
	s.replies = newLimiter(replyBurst, replyInterval)
	s.addBroadcast(netip.AddrFrom4([4]byte{255, 255, 255, 255}))
	if bits < 31 { // RFC 3021: a network of two addresses has no broadcast
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], s.host|^s.mask)
		s.directed = netip.AddrFrom4(b)
		s.addBroadcast(s.directed)
	}
	for _, r := range cfg.Routes {
		if err := s.AddRoute(r); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Handle makes h the receiver of the datagrams of protocol proto, in place of
// the one before; nil removes it. ICMP, protocol 1, has a Handler of its own.
func (s *Stack) Handle(proto uint8, h Handler) { s.handlers[proto] = h }

// Addr returns our address.
func (s *Stack) Addr() netip.Addr { return s.addr }

// Stats returns the counters as they are now.
func (s *Stack) Stats() Stats {
	stats := s.stats
	stats.Neighbours = len(s.neighbours.all)
	return stats
}

// Deadline returns when Advance has something to do, Never if nothing waits. A
// datagram in the loopback is due at once: the deadline is then in the past.
func (s *Stack) Deadline() time.Duration { return s.deadline }

// Advance does what is due at now: it delivers the datagrams that wait in the
// loopback, repeats ARP requests, ages neighbours and path MTUs, drops datagrams
// that didn't become whole and echo requests that had no reply, and probes for
// or announces our address. Before the deadline it does nothing.
func (s *Stack) Advance(now time.Duration) {
	if now < s.deadline {
		return
	}
	s.deliverLoopback(now)
	s.advanceNeighbours(now)
	s.advanceReassemblies(now)
	s.advancePathMTUs(now)
	s.advanceEchoes(now)
	s.advanceClaim(now)

	s.deadline = min(s.claim.deadline, s.paths.mtuDeadline)
	if len(s.reassemblies.active) > 0 {
		s.deadline = min(s.deadline, s.reassemblies.active[0].deadline)
	}
	for _, e := range s.echoes {
		s.deadline = min(s.deadline, e.deadline)
	}
	for _, n := range s.neighbours.all {
		s.deadline = min(s.deadline, n.deadline)
	}
	if s.loopback.len() > 0 {
		s.deadline = min(s.deadline, now)
	}
}

// schedule brings the deadline forward to at.
func (s *Stack) schedule(at time.Duration) { s.deadline = min(s.deadline, at) }
