package sim

import (
	"net/netip"
	"slices"
	"time"

	"deputy/internal/netconn"
	"deputy/rdp"
	"deputy/tcpmod"
)

// handler is the events of either transport.
type handler interface {
	OnOpen(now time.Duration)
	OnData(now time.Duration, data []byte) int
	OnSpace(now time.Duration)
	OnEnd(now time.Duration, err error)
}

// connect makes the network of the matrix and opens a connection from client to server. It returns an error if the
// transport can't do it.
func (s *subject) connect(loss float64, client, server func(netconn.Core) handler) (*world, *rdp.Record, error) {
	w := newWorld(1, nil)
	for range 2 {
		n := w.addNode()
		w.addPort(n, 0, matrixMTU, conditions{rate: matrixRate, buffer: matrixBuffer, delay: matrixDelay, loss: loss})
		n.spin = matrixSpin
		n.start()
	}
	from, to := w.nodes[0], w.nodes[1]
	const port = 7
	remote := netip.AddrPortFrom(to.addr(), port)
	var record *rdp.Record
	var err error
	from.do(func(now time.Duration) {
		late := &lateHandler{}
		if s.tcp != nil {
			if err = to.tcp.Listen(port, *s.tcp, func(_ time.Duration, c *tcpmod.TCB) tcpmod.Events { return server(c) }); err == nil {
				var c *tcpmod.TCB
				c, err = from.tcp.Dial(now, remote, *s.tcp, late)
				late.handler = client(c)
			}
			return
		}
		if err = to.rdp.Listen(port, *s.rdp, func(_ time.Duration, r *rdp.Record) rdp.Events { return server(r) }); err == nil {
			record, err = from.rdp.Dial(now, remote, *s.rdp, late)
			late.handler = client(record)
		}
	})
	return w, record, err
}

// lateHandler is a handler that is made after its connection.
type lateHandler struct{ handler }

// bulk sends messages one behind the other, and counts what arrives.
type bulk struct {
	conn          netconn.Core
	message       []byte
	off           int // of the message that is being written
	left          int // messages
	begin, end    time.Duration
	expect, taken int // bytes
	world         *world
}

func (b *bulk) OnOpen(now time.Duration) {
	b.begin = b.world.now
	b.OnSpace(now)
}

func (b *bulk) OnSpace(now time.Duration) {
	for b.left > 0 {
		b.off += b.conn.Write(now, b.message[b.off:])
		if b.off < len(b.message) {
			return
		}
		b.off = 0
		b.left--
	}
}

func (b *bulk) OnData(time.Duration, []byte) int { return 0 }
func (b *bulk) OnEnd(_ time.Duration, err error) {}

// bulkSink is the receiving end of a bulk.
type bulkSink struct{ *bulk }

func (s bulkSink) OnOpen(time.Duration)  {}
func (s bulkSink) OnSpace(time.Duration) {}
func (s bulkSink) OnData(_ time.Duration, data []byte) int {
	if s.taken += len(data); s.taken == s.expect {
		s.end = s.world.now
	}
	return len(data)
}

// goodput measures a cell, in MB a second of virtual time, and the share of rdp's segments that had to be sent again.
// There are count messages. ok is false if the transport can't do it.
func (s *subject) goodput(loss float64, size, count int) (rate, again float64, ok bool) {
	b := &bulk{message: make([]byte, size), left: count}
	b.expect = b.left * size
	w, record, err := s.connect(loss,
		func(c netconn.Core) handler { b.conn = c; return b },
		func(netconn.Core) handler { return bulkSink{b} })
	if err != nil {
		return 0, 0, false
	}
	b.world = w
	for b.end == 0 && w.now < matrixPatience && w.step() {
	}
	if record != nil {
		i := record.Info()
		resent := float64(i.Timeouts + i.FastResends + i.TailProbes)
		again = resent / (resent + float64(i.BytesSent)/float64(size))
	}
	if b.end == 0 {
		return 0, again, true
	}
	return float64(b.expect) / 1e6 / (b.end - b.begin).Seconds(), again, true
}

// asker sends a request, waits for the reply, and sends the next one. Its peer is an answerer.
type asker struct {
	world   *world
	conn    netconn.Core
	request []byte
	off     int // of the request that is being written
	have    int // bytes of the reply
	sent    time.Duration
	times   []time.Duration
}

func (a *asker) OnOpen(now time.Duration) { a.ask(now) }

func (a *asker) ask(now time.Duration) {
	a.sent, a.off = a.world.now, 0
	a.OnSpace(now)
}

func (a *asker) OnSpace(now time.Duration) {
	if a.off < len(a.request) {
		a.off += a.conn.Write(now, a.request[a.off:])
	}
}

func (a *asker) OnData(now time.Duration, data []byte) int {
	if a.have += len(data); a.have == matrixReply {
		a.have = 0
		a.times = append(a.times, a.world.now-a.sent)
		a.ask(now)
	}
	return len(data)
}

func (a *asker) OnEnd(time.Duration, error) {}

// answerer replies to each request of a size.
type answerer struct {
	conn       netconn.Core
	size, have int
}

func (a *answerer) OnOpen(time.Duration)       {}
func (a *answerer) OnSpace(time.Duration)      {}
func (a *answerer) OnEnd(time.Duration, error) {}
func (a *answerer) OnData(now time.Duration, data []byte) int {
	if a.have += len(data); a.have == a.size {
		a.have = 0
		a.conn.Write(now, make([]byte, matrixReply))
	}
	return len(data)
}

// latency measures a cell: the median and the 99th percentile of the time from a request to its reply.
func (s *subject) latency(loss float64, size int) (p50, p99 time.Duration, ok bool) {
	a := &asker{request: make([]byte, size)}
	w, _, err := s.connect(loss,
		func(c netconn.Core) handler { a.conn = c; return a },
		func(c netconn.Core) handler { return &answerer{conn: c, size: size} })
	if err != nil {
		return 0, 0, false
	}
	a.world = w
	for len(a.times) < matrixRequests && w.now < matrixPatience && w.step() {
	}
	n := len(a.times)
	if n < matrixRequests {
		return 0, 0, true
	}
	slices.Sort(a.times)
	return a.times[n/2], a.times[n-1-n/100], true
}
