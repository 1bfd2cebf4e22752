package sim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"deputy/internal/netconn"
	"deputy/rdp"
	"deputy/tcpmod"
)

// headerLen is the size in bytes of what a party says first, and at the start of each message: its number, and how
// much it will send (messages: the message's index).
const headerLen = 16

// party is the application at one end of a connection: it sends what is its own content alone, and knows from the
// first bytes that it receives whose content must follow, to the byte.
type party struct {
	world  *world
	flow   *flow
	call   *call // that dialed; nil if accepted
	side   int   // of the flow
	node   *node
	plan   plan
	id     int // index in world.parties
	conn   netconn.Core
	tcb    *tcpmod.TCB // one of these two is conn
	record *rdp.Record

	own, theirs content
	peer        *party // from whom the bytes come, once known
	heading     [headerLen]byte
	expect      int // bytes that the peer will send, header included

	sent, got         int // bytes, headers included
	messagesSent      int
	messagesGot       int
	seen              []bool // messages of the peer, in arrival order
	largest           int    // bytes of a message, at most
	taken             int    // since the last pause
	stalled, resuming bool   // reads nothing; will read again
	writing           bool   // a Write is in the queue
	holding, held     bool   // an idle time has begun, is over

	opened, ended, left, crashed bool
	disturbed                    bool // something befell the peer: anything may have become of the connection
	closed                       bool // Close or Abort was called
	err                          error
	spare                        []byte
}

// newParty makes a party; its connection follows.
func (w *world) newParty(f *flow, side int, n *node) *party {
	p := &party{world: w, flow: f, side: side, node: n, plan: f.plans[side], id: len(w.parties), disturbed: f.lost}
	p.own = makeContent(w.seed, p.id)
	w.parties = append(w.parties, p)
	return p
}

func (p *party) String() string {
	return fmt.Sprintf("party %d (flow %d side %d, n%d, %v: sent %d of %d, got %d of %d, opened %v, ended %v: %v)",
		p.id, p.flow.index, p.side, p.node.index, p.flow.transport, p.sent, p.plan.total, p.got, p.expect, p.opened, p.ended, p.err)
}

// note puts what the party does into the trace.
func (p *party) note(what, format string, args ...any) {
	t := &p.world.trace
	t.add(uint64(p.id)<<32 | uint64(p.got+p.sent))
	if t.out != nil {
		what = fmt.Sprintf("party %d %s", p.id, what)
	}
	t.note(p.world.now, p.node, what, format, args...)
}

func (p *party) fail(format string, args ...any) {
	p.world.fail("%v: %s", p, fmt.Sprintf(format, args...))
}

// OnOpen is an event of the connection.
func (p *party) OnOpen(now time.Duration) {
	if p.opened || p.ended {
		p.fail("OnOpen again, or after the end")
	}
	p.opened = true
	p.world.progress()
	p.note("opens", "")
	if p.record != nil {
		p.largest = min(p.plan.piece, p.record.MaxMessage())
	}
	p.push(now)
}

// OnSpace is an event of the connection.
func (p *party) OnSpace(now time.Duration) { p.push(now) }

// OnEnd is an event of the connection.
func (p *party) OnEnd(now time.Duration, err error) {
	if p.ended {
		p.fail("OnEnd again: %v", err)
	}
	p.ended, p.err = true, err
	p.world.progress()
	p.note("ends", "%v", err)
	p.push(now)
	if p.closed || p.record != nil || !errors.Is(err, io.EOF) {
		p.leave()
	}
}

// refused ends a party whose dialing failed at once.
func (p *party) refused(err error) {
	p.disturbed, p.ended, p.err = true, true, err
	p.note("cannot dial", "%v", err)
	p.leave()
}

// complete reports whether the party has sent and received all.
func (p *party) complete() bool { return p.sentAll() && p.gotAll() }

// sentAll reports whether the connection has taken all that the party was to send.
func (p *party) sentAll() bool { return p.sent >= p.plan.total }

// gotAll reports whether the party has received all that the peer will send.
func (p *party) gotAll() bool {
	if p.flow.transport == overRDPMessages {
		return p.peer != nil && p.peer.sentAll() && p.got == p.peer.sent
	}
	return p.peer != nil && p.got == p.expect
}

// orderly reports whether the connection ended as it should.
func (p *party) orderly() bool {
	return errors.Is(p.err, io.EOF) || p.record != nil && p.closed && errors.Is(p.err, net.ErrClosed)
}

// push sends what the plan and the connection allow.
func (p *party) push(now time.Duration) {
	if p.closed {
		return
	}
	if p.ended && p.conn.Err() != nil {
		p.leave() // the peer's direction ended well, ours didn't
		return
	}
	for !p.sentAll() && !p.writing {
		n := min(p.allowed(), p.plan.total) - p.sent
		if n <= 0 {
			break
		}
		n = min(n, 1+p.world.rand.IntN(p.plan.piece))
		if !p.write(now, n) {
			return // OnSpace follows
		}
		p.world.progress()
		if p.plan.gap > 0 {
			p.writing = true
			p.node.after(p.plan.gap, func(now time.Duration) {
				p.writing = false
				p.push(now)
			})
		}
		if p.endedEarly(now) {
			return
		}
	}
	p.endConnection(now)
}

// allowed returns how much may be sent so far by parties that take turns.
func (p *party) allowed() int {
	turn := p.plan.turn
	if turn == 0 || p.ended { // nobody's turn comes again
		return p.plan.total
	}
	if p.side == 0 {
		return (p.got/turn + 1) * turn
	}
	return p.got / turn * turn
}

// write sends n bytes of the stream, or the next message, and reports whether it was taken as a whole.
func (p *party) write(now time.Duration, n int) bool {
	if p.flow.transport == overRDPMessages {
		return p.writeMessage(now)
	}
	b := p.scratch(n)
	p.own.fill(b, p.sent)
	if p.sent < headerLen {
		var h [headerLen]byte
		p.putHeader(h[:], p.plan.total)
		copy(b, h[p.sent:])
	}
	k := p.conn.Write(now, b)
	p.sent += k
	return k == n
}

// scratch lends n bytes.
func (p *party) scratch(n int) []byte {
	if cap(p.spare) < n {
		p.spare = make([]byte, n)
	}
	return p.spare[:n]
}

func (p *party) putHeader(b []byte, x int) {
	binary.LittleEndian.PutUint64(b, uint64(p.id)^mix(p.world.seed))
	binary.LittleEndian.PutUint64(b[8:], uint64(x))
}

// identify takes the header of what comes from the peer: it must be the one party that this one is connected with.
func (p *party) identify(h []byte) {
	id := binary.LittleEndian.Uint64(h) ^ mix(p.world.seed)
	if id >= uint64(len(p.world.parties)) {
		p.fail("got the header %x of nobody", h)
		return
	}
	peer := p.world.parties[id]
	if peer == p.peer {
		return
	}
	switch {
	case peer.flow != p.flow || peer.side == p.side:
		p.fail("got bytes of another connection, %v", peer)
	case peer.peer != nil && peer.peer != p:
		p.fail("got bytes of a connection that was, %v with party %d", peer, peer.peer.id)
	case p.peer != nil:
		p.fail("got bytes of two peers, %v and %v", p.peer, peer)
	}
	for _, other := range p.world.parties {
		if other != p && other.peer == peer {
			p.fail("got bytes of %v, which %v has got", peer, other)
		}
	}
	p.peer, p.theirs, p.expect = peer, peer.own, peer.plan.total
	p.disturbed = p.disturbed || peer.crashed // before its first bytes came
}
