package tcpmod

import (
	crand "crypto/rand"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Ephemeral ports (RFC 6335, section 6).
const (
	firstEphemeral = 49152
	lastEphemeral  = 65535
)

// Config of an endpoint.
type Config struct {
	// Seed makes initial sequence numbers and ports reproducible; nil takes
	// one from crypto/rand.
	Seed *[32]byte
	// Logger hears of connections that end by timeout; nil: nobody does.
	Logger *slog.Logger
}

// Endpoint is TCP at one address: all its connections and listeners. Its
// methods, and those of its connections, are for one goroutine at a time.
type Endpoint struct {
	net    Network
	trains TrainNetwork // net, if it is one; else nil
	addr   netip.Addr
	log    *slog.Logger

	secret [32]byte // RFC 6528
	random *rand.Rand

	conns     map[key]*TCB
	last      *TCB // found by the last segment
	listeners map[uint16]*listener
	timers    timerHeap
	held      []*TCB // connections with a held ACK
	pool      pool
	crcHead   [pseudoHeaderLen + crcHeaderLen]byte
	stats     Stats
}

// New returns an endpoint at the network's address.
func New(net Network, cfg Config) *Endpoint {
	var seed [32]byte
	if cfg.Seed != nil {
		seed = *cfg.Seed
	} else {
		crand.Read(seed[:]) // never fails
	}
	source := rand.NewChaCha8(seed)
	e := &Endpoint{
		net: net, addr: net.Addr(), log: cfg.Logger, random: rand.New(source),
		conns: make(map[key]*TCB), listeners: make(map[uint16]*listener),
	}
	e.trains, _ = net.(TrainNetwork)
	source.Read(e.secret[:])
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	return e
}

// Addr returns the endpoint's address.
func (e *Endpoint) Addr() netip.Addr { return e.addr }

// Stats returns the counters.
func (e *Endpoint) Stats() Stats { return e.stats }

// Active returns the number of connections that are not in TIME-WAIT: those
// that an owner may want to wait for before it goes.
func (e *Endpoint) Active() int {
	n := 0
	for _, c := range e.conns {
		if c.state != TimeWait {
			n++
		}
	}
	return n
}

// Dial opens a connection from an ephemeral port: it sends the SYN and
// returns. ev.OnOpen or ev.OnEnd follows. The error is ErrAddress,
// ErrNoPort or ErrIntegrity, or wraps congestion.ErrAlgorithm.
func (e *Endpoint) Dial(now time.Duration, remote netip.AddrPort, o Options, ev Events) (*TCB, error) {
	return e.DialFrom(now, 0, remote, o, ev)
}

// DialFrom is Dial from a given local port; 0 takes an ephemeral one. The
// error may also be ErrInUse.
func (e *Endpoint) DialFrom(now time.Duration, port uint16, remote netip.AddrPort, o Options, ev Events) (*TCB, error) {
	if !unicast(remote.Addr()) || remote.Port() == 0 {
		return nil, ErrAddress
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	k := makeKey(remote.Addr(), remote.Port(), port)
	if port == 0 {
		var ok bool
		if k, ok = e.ephemeral(remote); !ok {
			return nil, ErrNoPort
		}
	} else if e.conns[k] != nil {
		return nil, ErrInUse
	}
	o = o.withDefaults()
	c := e.newTCB(now, k, remote, &o)
	c.ev = ev
	c.active = true
	c.snd.start(e.initialSeq(now, k))
	c.setState(now, SynSent)
	c.sendSYN(now)
	return c, nil
}

// ephemeral chooses a free port, starting anywhere (RFC 6056, algorithm 1).
func (e *Endpoint) ephemeral(remote netip.AddrPort) (key, bool) {
	const n = lastEphemeral - firstEphemeral + 1
	start := e.random.IntN(n)
	for i := range n {
		port := uint16(firstEphemeral + (start+i)%n)
		k := makeKey(remote.Addr(), remote.Port(), port)
		if e.conns[k] == nil && e.listeners[port] == nil {
			return k, true
		}
	}
	return 0, false
}

// Deadline returns when Advance wants to be called next, or something before
// that; Never if nothing is waited for.
func (e *Endpoint) Deadline() time.Duration { return e.timers.next() }

// Advance fires the timers that are due.
func (e *Endpoint) Advance(now time.Duration) {
	for len(e.timers) > 0 && e.timers[0].heapAt <= now {
		c := e.timers[0]
		c.expire(now)
		if c.heapIndex >= 0 {
			c.heapAt = c.deadline()
			e.timers.fix(c)
		}
	}
}

// Flush sends the ACKs held back: the caller is about to wait.
func (e *Endpoint) Flush(now time.Duration) {
	for i, c := range e.held {
		c.ack.listed = false
		if c.ack.held {
			c.ack.waited()
			c.sendAck(now)
		}
		e.held[i] = nil
	}
	e.held = e.held[:0]
}

// remove forgets a connection.
func (e *Endpoint) remove(c *TCB) {
	if c.heapIndex < 0 {
		return
	}
	delete(e.conns, c.key)
	e.timers.remove(c)
	if e.last == c {
		e.last = nil
	}
	if l := c.listener; l != nil {
		l.halfOpen--
		c.listener = nil
	}
}

// end forgets a connection that is over and tells its user why. io.EOF means
// in good order. The reading side of a connection whose peer had closed ended
// in good order in any case; then only Err tells what befell the other.
func (c *TCB) end(now time.Duration, err error) {
	if c.state == Closed {
		return
	}
	if err != io.EOF {
		c.err = err
		c.e.log.Debug("connection ended", "local", c.local, "remote", c.remote, "state", c.state.String(), "err", err)
	}
	c.setState(now, Closed)
	if c.ev == nil {
		return
	}
	switch {
	case !c.rcv.fin:
		c.ended(now, err)
	case c.unread() == 0:
		c.ended(now, io.EOF)
	}
	if c.out.short && c.ev != nil {
		c.out.short = false
		c.ev.OnSpace(now)
	}
}

// ended calls OnEnd, once.
func (c *TCB) ended(now time.Duration, err error) {
	if !c.endTold {
		c.endTold = true
		c.ev.OnEnd(now, err)
	}
}
