package tcpmod

import (
	"encoding/binary"
	"net/netip"
	"time"

	"deputy/internal/congestion"
)

// Sizes of segments, in bytes of data.
const (
	defaultMSS = 536 // of a peer that doesn't say (RFC 9293, section 3.7.1)
	minMSS     = 64  // the least that is believed: a smaller one would only make work
)

// TCB is a connection: the transmission control block of RFC 9293. It has no
// I/O, clock, lock or goroutine of its own; see Endpoint for who may call it.
type TCB struct {
	e             *Endpoint
	ev            Events // nil until a passive open is accepted
	opt           *Options
	key           key
	local, remote netip.AddrPort
	dst           netip.Addr
	listener      *listener // of a passive open that is not established

	state    State
	active   bool  // opened by Dial
	detached bool  // the user called Close: it reads no more
	endTold  bool  // OnEnd was called
	soft     error // what ICMP reported since the last new ACK
	err      error // why it ended, if not in good order

	delivering bool // OnData is running
	closeLater bool // Close was called meanwhile

	mss        int // bytes of data in a segment sent
	offerScale bool
	offerSACK  bool
	offerTS    bool
	template   [maxHeaderLen]byte // header with what never changes filled in
	headerLen  int                // of every segment, in bytes
	mismatched bool               // a SYN,ACK had another integrity option
	synAt      time.Duration      // when the SYN was sent; Never if more than once
	snd        sendWindow
	out        sendBuffer
	finQueued  bool // the sending direction is closed
	finSent    bool
	finSeq     seqNum        // of the FIN, once sent
	limited    bool          // CWND is what held the last output back
	lastSent   time.Duration // when new data was sent last

	rcv receiveWindow
	in  reassembly

	sack sackReports
	ts   timestamps

	rtt            rttEstimator
	board          scoreboard
	rack           rack
	loss           lossRecovery
	cc             congestion.Controller // nil before the peer's SYN
	ack            delayedAck
	alive          keepalive
	challenges     challengeLimit
	lingerDeadline time.Duration // end of TIME-WAIT, or of an orphan's FIN-WAIT-2

	heapAt    time.Duration // when the endpoint looks at the timers
	heapIndex int           // in the endpoint's heap; -1 once removed

	segmentsIn, segmentsOut uint64
	bytesIn, bytesOut       uint64
	retransmissions         uint64
}

// newTCB makes a connection and enters it in the endpoint's tables.
func (e *Endpoint) newTCB(now time.Duration, k key, remote netip.AddrPort, o *Options) *TCB {
	c := &TCB{
		e: e, opt: o, key: k, remote: remote, dst: remote.Addr(),
		local:          netip.AddrPortFrom(e.addr, uint16(k)),
		mss:            e.pathMSS(remote.Addr()),
		offerScale:     true,
		offerSACK:      !o.NoSACK,
		offerTS:        o.Timestamps,
		headerLen:      HeaderLen,
		synAt:          now,
		lingerDeadline: Never,
		heapAt:         Never,
	}
	binary.BigEndian.PutUint16(c.template[offSrcPort:], c.local.Port())
	binary.BigEndian.PutUint16(c.template[offDstPort:], remote.Port())
	if o.Timestamps {
		_, c.ts.offset = e.offsets(k)
	}
	if o.Integrity == IntegrityCRC32C {
		c.addOption(crcOption[:]...)
	}
	c.out.limit = o.SendBuffer
	c.out.pool, c.in.pool = &e.pool, &e.pool
	c.rcv.size = o.ReceiveBuffer
	c.rtt.init(o)
	c.rack.deadline = Never
	c.loss.init()
	c.ack.init()
	c.alive.init(o)
	c.challenges.init(now)
	e.conns[k] = c
	e.timers.push(c)
	return c
}

// mss returns the largest segment of the network, in bytes of data.
func (e *Endpoint) mss() int { return min(e.net.MTU()-HeaderLen, 0xffff) }

// pathMSS returns the largest segment that reaches dst, as far as the network
// knows.
func (e *Endpoint) pathMSS(dst netip.Addr) int {
	if p, ok := e.net.(PathNetwork); ok {
		return min(e.mss(), max(p.PathMTU(dst)-HeaderLen, minPathMSS))
	}
	return e.mss()
}

// start begins the sequence space.
func (w *sendWindow) start(iss seqNum) {
	w.iss, w.una, w.nxt = iss, iss, iss.add(1)
}

// negotiate takes the peer's SYN: its sequence number, options and window.
func (c *TCB) negotiate(now time.Duration, s *segment) {
	o := parseSYNOptions(s.options)
	peer := int(o.mss)
	if peer == 0 {
		peer = defaultMSS
	}
	c.sack.ok = c.offerSACK && o.sack
	c.offerSACK = c.sack.ok
	if c.ts.ok = c.offerTS && o.hasTS; c.ts.ok {
		c.ts.recent, c.ts.recentAt = o.tsValue, now
		c.addOption(optNop, optNop, optTimestamps, tsLen-2)
		c.headerLen += tsLen - 4
	}
	c.offerTS = c.ts.ok
	// RFC 6691: the size that the peer tells does not count options.
	c.mss = min(c.mss, max(peer, minMSS)) - (c.headerLen - HeaderLen)
	if o.hasScale {
		c.snd.shift, c.rcv.shift = o.scale, c.opt.scale()
	} else {
		c.offerScale = false
	}
	c.cc, _ = congestion.New(c.opt.Congestion, c.mss, c.opt.InitialWindow) // Options.check knows the name
	c.rack.fack = c.snd.iss

	c.rcv.irs, c.rcv.nxt = s.seq, s.seq.add(1)
	c.ts.lastAck = c.rcv.nxt
	c.rcv.mss = c.mss
	c.in.head = c.rcv.nxt
	c.rcv.edge = c.rcv.nxt.add(min(c.rcv.size, 0xffff))
	c.snd.set(s, int(s.window)) // never scaled in a SYN
}

// addOption adds the beginning of an option that every segment has.
func (c *TCB) addOption(b ...byte) { c.headerLen += copy(c.template[c.headerLen:], b) }

// LocalAddr returns this end.
func (c *TCB) LocalAddr() netip.AddrPort { return c.local }

// RemoteAddr returns the peer's end.
func (c *TCB) RemoteAddr() netip.AddrPort { return c.remote }

// State returns the connection's state.
func (c *TCB) State() State { return c.state }

// Info returns a snapshot of the connection.
func (c *TCB) Info() Info {
	i := Info{
		State: c.state, MSS: c.mss,
		SRTT: c.rtt.srtt, RTTVAR: c.rtt.rttvar, RTO: c.rtt.timeout(),
		SendWindow: c.snd.wnd, SACK: c.sack.ok, Timestamps: c.ts.ok,
		Unacked: c.out.n, Unread: c.unread(),
		SegmentsIn: c.segmentsIn, SegmentsOut: c.segmentsOut,
		BytesIn: c.bytesIn, BytesOut: c.bytesOut,
		Retransmissions: c.retransmissions,
	}
	if c.cc != nil {
		i.CWND = c.window()
	}
	return i
}

// unread returns how many bytes in sequence the user has not taken.
func (c *TCB) unread() int {
	n := c.rcv.nxt.sub(c.in.head)
	if c.rcv.fin {
		n--
	}
	return n
}
