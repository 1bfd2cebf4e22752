// The endpoint: demultiplexing, ports, timers.

package rdp

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"time"
)

// Network is what an endpoint sends by: a Port of IP. A lent buffer is the same one until Send.
type Network interface {
	Addr() netip.Addr // own address, IPv4
	MTU() int         // bytes of the largest segment
	Buffer() []byte   // lends MTU() bytes
	Send(now time.Duration, dst netip.Addr, n int) error
}

// DatagramNetwork is a Network that takes segments larger than its MTU too, which IP sends as fragments. A Network that
// implements it makes Options.SegmentSize above the MTU possible (the thesis, section 3.2.1).
type DatagramNetwork interface {
	Network
	MaxDatagram() int           // bytes of the largest segment
	PathMTU(dst netip.Addr) int // bytes of the largest that travels to dst whole, as far as is known
	SendDatagram(now time.Duration, dst netip.Addr, segment ...[]byte) error
}

// First and last of the ephemeral ports (RFC 6335).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// Stats counts what happened at an endpoint.
type Stats struct {
	SegmentsReceived, SegmentsSent uint64
	ResetsSent                     uint64
	SendErrors                     uint64

	// Segments dropped, by reason.
	Short, Version, HeaderLength, DataLength uint64
	Port, Flags, UnexpectedData              uint64
	Address                                  uint64 // not to our address, or not from IPv4
	BadChecksum                              uint64 // wrong, or missing where one is required
	NoConnection                             uint64 // answered with a RST, except a RST
	BacklogFull                              uint64
	BadParameters                            uint64 // of a SYN
	NoMemory                                 uint64 // above Config.ReceiveMemory

	// Messages of ICMP about segments: StatusIgnored were of none that is under way.
	StatusTaken, StatusIgnored uint64

	Connections int // records, those in CLOSE-WAIT included
}

// Endpoint is RDP at one address: its connections and listeners. All calls come from one goroutine at a time, those of
// its records included.
type Endpoint struct {
	net       Network
	large     DatagramNetwork // net, if it is one
	mtu       int             // bytes of the largest segment that net sends whole
	largest   int             // bytes of the largest segment that net sends
	header    [HeaderLen + 4*MaxEACKs]byte
	pieces    [2][]byte // of a segment larger than the MTU: header and data
	addr      netip.Addr
	defaults  Options
	secret    [32]byte
	fixedISS  func() uint32 // in tests
	log       *slog.Logger  // nil unless it takes level Debug
	records   map[uint64]*Record
	last      *Record // found last: most segments are for the same connection as the one before
	listeners map[uint16]*listener
	timers    timers
	held      []*Record // ACKs held back
	buffers   pool
	memory    int // bytes of buffers that received segments may take
	waiting   int // bytes that they take
	nextPort  uint16
	stats     Stats
}

// New makes an endpoint on a network.
func New(net Network, cfg Config) *Endpoint {
	e := &Endpoint{
		net: net, mtu: net.MTU(), largest: net.MTU(), addr: net.Addr().Unmap(), defaults: cfg.Options, secret: cfg.Secret,
		records: make(map[uint64]*Record), listeners: make(map[uint16]*listener),
		buffers: pool{size: max(net.MTU(), MinSegmentSize)},
	}
	if e.memory = cfg.ReceiveMemory; e.memory <= 0 {
		e.memory = DefaultReceiveMemory
	}
	if large, ok := net.(DatagramNetwork); ok {
		e.large, e.largest = large, large.MaxDatagram()
	}
	if e.secret == [32]byte{} {
		_, _ = rand.Read(e.secret[:]) // never fails (crypto/rand)
	}
	e.nextPort = firstEphemeral + (uint16(e.secret[0])<<8|uint16(e.secret[1]))%(lastEphemeral-firstEphemeral+1)
	if cfg.Logger != nil && cfg.Logger.Enabled(context.Background(), slog.LevelDebug) {
		e.log = cfg.Logger
	}
	return e
}

// key identifies a connection to the demultiplexer: the own address is the same for all.
func key(remote netip.Addr, remotePort, localPort uint16) uint64 {
	a := remote.As4()
	return uint64(a[0])<<56 | uint64(a[1])<<48 | uint64(a[2])<<40 | uint64(a[3])<<32 |
		uint64(remotePort)<<16 | uint64(localPort)
}

// Receive processes one segment from IP. The segment is not kept.
func (e *Endpoint) Receive(now time.Duration, src, dst netip.Addr, segment []byte) {
	e.stats.SegmentsReceived++
	src = src.Unmap()
	if dst.Unmap() != e.addr || !src.Is4() {
		e.stats.Address++
		return
	}
	h, data, err := Parse(segment)
	if err != nil {
		e.countMalformed(err)
		return
	}
	r := e.find(key(src, h.Source(), h.Destination()))
	if r == nil {
		e.receiveClosed(now, src, h, segment)
		return
	}
	if r.options.Checksum && !checksumOK(segment, src, dst) {
		e.stats.BadChecksum++
		return
	}
	r.info.SegmentsReceived++
	switch r.state {
	case StateOpen:
		r.receiveOpen(now, h, data)
	case StateSynSent:
		r.receiveSynSent(now, h)
	case StateSynReceived:
		r.receiveSynReceived(now, h, data)
	case StateCloseWait:
		r.receiveCloseWait(now, h, data)
	}
	r.settle(now)
}

func (e *Endpoint) find(k uint64) *Record {
	if e.last != nil && e.last.key == k {
		return e.last
	}
	r := e.records[k]
	if r != nil {
		e.last = r
	}
	return r
}

// receiveClosed processes a segment for which there is no record: states LISTEN and CLOSED.
func (e *Endpoint) receiveClosed(now time.Duration, src netip.Addr, h Header, segment []byte) {
	l := e.listeners[h.Destination()]
	verify := h.Checksum() != 0
	if l != nil {
		verify = l.options.Checksum
	}
	if verify && !checksumOK(segment, src, e.addr) {
		e.stats.BadChecksum++
		return
	}
	if l != nil && h.Flags() == SYN {
		e.receiveListen(now, l, src, h)
		return
	}
	e.stats.NoConnection++
	if h.Flags()&RST == 0 {
		e.refuse(now, src, h, verify)
	}
}

// refuse sends the RST of RFC 908's CLOSED state, which fits the window of whoever sent h: SEQ = SEG.ACK + 1; or, if h
// acknowledges nothing, with ACK = SEG.SEQ (RFC 1151). (RFC 908 takes the ACK of a NUL for granted.)
func (e *Endpoint) refuse(now time.Duration, dst netip.Addr, h Header, withChecksum bool) {
	b := e.net.Buffer()[:HeaderLen]
	if h.Flags()&ACK != 0 {
		putHeader(b, RST, HeaderLen, h.Destination(), h.Source(), 0, h.Ack()+1, 0)
	} else {
		putHeader(b, RST|ACK, HeaderLen, h.Destination(), h.Source(), 0, 0, h.Seq())
	}
	if withChecksum {
		putChecksum(b, e.addr, dst)
	}
	e.stats.ResetsSent++
	e.emit(now, dst, len(b))
}

// keep copies received data into a buffer.
func (e *Endpoint) keep(data []byte) []byte {
	b := e.buffers.copy(data)
	e.waiting += cap(b)
	return b
}

// unkeep gives a buffer of keep back; nil is none.
func (e *Endpoint) unkeep(b []byte) {
	e.waiting -= cap(b)
	e.buffers.put(b)
}

// emit sends the first n bytes of the lent buffer and reports whether the network took them.
func (e *Endpoint) emit(now time.Duration, dst netip.Addr, n int) bool {
	e.stats.SegmentsSent++
	if err := e.net.Send(now, dst, n); err != nil {
		e.stats.SendErrors++
		return false
	}
	return true
}

// emitLarge sends a segment larger than the MTU: a header and the data.
func (e *Endpoint) emitLarge(now time.Duration, dst netip.Addr, header, data []byte) bool {
	e.stats.SegmentsSent++
	e.pieces[0], e.pieces[1] = header, data
	err := e.large.SendDatagram(now, dst, e.pieces[:]...)
	e.pieces[1] = nil
	if err != nil {
		e.stats.SendErrors++
	}
	return err == nil
}

// Dial opens a connection. ev gets OnOpen, or OnEnd with ErrRefused, ErrTimeout (after about 4 s), ErrReset or
// ErrParameters. The errors are ErrOptions, ErrAddress, ErrPortInUse and ErrNoPorts.
func (e *Endpoint) Dial(now time.Duration, remote netip.AddrPort, o Options, ev Events) (*Record, error) {
	o, err := o.resolve(e.defaults, e.mtu, e.largest)
	if err != nil {
		return nil, err
	}
	remote = netip.AddrPortFrom(remote.Addr().Unmap(), remote.Port())
	if !remote.Addr().Is4() || remote.Port() == 0 {
		return nil, ErrAddress
	}
	port := o.LocalPort
	if port == 0 {
		if port = e.ephemeral(remote); port == 0 {
			return nil, ErrNoPorts
		}
	} else if e.records[key(remote.Addr(), remote.Port(), port)] != nil {
		return nil, ErrPortInUse
	}
	r := e.newRecord(now, o, port, remote)
	r.setEvents(ev)
	r.setState(StateSynSent)
	r.sendSYN(now)
	r.settle(now)
	return r, nil
}

// ephemeral picks a local port that is free towards remote; 0 if there is none.
func (e *Endpoint) ephemeral(remote netip.AddrPort) uint16 {
	for range lastEphemeral - firstEphemeral + 1 {
		port := e.nextPort
		if e.nextPort++; e.nextPort < firstEphemeral { // wrapped
			e.nextPort = firstEphemeral
		}
		if e.listeners[port] == nil && e.records[key(remote.Addr(), remote.Port(), port)] == nil {
			return port
		}
	}
	return 0
}

func (e *Endpoint) newRecord(now time.Duration, o Options, port uint16, remote netip.AddrPort) *Record {
	local := netip.AddrPortFrom(e.addr, port)
	r := &Record{
		endpoint: e, options: o, local: local, remote: remote,
		key:     key(remote.Addr(), remote.Port(), port),
		retryAt: Never, ackAt: Never, heard: now,
	}
	r.iss = e.iss(now, local, remote)
	r.rcvMax = uint32(o.Outstanding)
	r.arrivalOrder = o.ArrivalOrder
	e.records[r.key] = r
	e.timers.add(r, Never)
	e.stats.Connections++
	return r
}

// remove forgets a record.
func (e *Endpoint) remove(r *Record) {
	if r.index < 0 {
		return
	}
	if l := r.listener; l != nil {
		r.listener = nil
		l.embryonic--
	}
	delete(e.records, r.key)
	if e.last == r {
		e.last = nil
	}
	e.timers.remove(r)
	e.stats.Connections--
}

// Deadline is when Advance wants to be called next; it may be early, never late.
func (e *Endpoint) Deadline() time.Duration { return e.timers.next() }

// Advance fires the timers that are due.
func (e *Endpoint) Advance(now time.Duration) {
	for e.timers.next() <= now {
		r := e.timers.heap[0]
		r.onTimer(now)
		r.settle(now)
		if r.index >= 0 {
			e.timers.move(r, max(r.deadline(), now+1))
		}
	}
}

// Flush sends the ACKs held back: the caller is about to wait. After it Deadline is exact.
func (e *Endpoint) Flush(now time.Duration) {
	for i, r := range e.held {
		e.held[i] = nil
		r.onHold = false
		if r.ackAt != Never {
			r.sendAck(now)
		}
	}
	e.held = e.held[:0]
	for len(e.timers.heap) > 0 {
		r := e.timers.heap[0]
		d := r.deadline()
		if d <= r.armed {
			return
		}
		e.timers.move(r, d)
	}
}

// Stats returns the counts.
func (e *Endpoint) Stats() Stats { return e.stats }

func (e *Endpoint) countMalformed(err error) {
	s := &e.stats
	switch err {
	case ErrShort:
		s.Short++
	case ErrVersion:
		s.Version++
	case ErrHeaderLength:
		s.HeaderLength++
	case ErrDataLength:
		s.DataLength++
	case ErrPort:
		s.Port++
	case ErrFlags:
		s.Flags++
	case ErrUnexpectedData:
		s.UnexpectedData++
	}
}
