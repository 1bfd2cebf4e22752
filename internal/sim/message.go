package sim

import (
	"encoding/binary"
	"time"

	"deputy/rdp"
)

// messageParty is a party whose connection carries messages: each with a header of its own, of a size that follows from
// its index, so that a message that is cut or joined to another one shows.
type messageParty struct{ streamParty }

// rdpEvents returns the party as what rdp wants for the flow's kind of traffic.
func (p *party) rdpEvents() rdp.Events {
	if p.flow.transport == overRDPMessages {
		return messageParty{streamParty{p}}
	}
	return streamParty{p}
}

// messageLen returns the size in bytes of message number i of this party, header included.
func (p *party) messageLen(i int) int {
	if p.plan.turn > 0 {
		return p.plan.turn
	}
	return headerLen + int(mix(uint64(p.own)^uint64(i))%uint64(max(1, p.largest-headerLen+1)))
}

// contentAt returns where the bytes of message number i stand in the party's content.
func contentAt(i int) int { return i << 20 }

// writeMessage sends the next message, and reports whether it was taken.
func (p *party) writeMessage(now time.Duration) bool {
	n := p.messageLen(p.messagesSent)
	b := p.scratch(n)
	p.own.fill(b, contentAt(p.messagesSent))
	p.putHeader(b, p.messagesSent)
	if err := p.record.WriteMessage(now, b); err != nil {
		if err != rdp.ErrNoSpace {
			p.fail("message of %d bytes: %v", n, err)
		}
		return false
	}
	p.messagesSent++
	p.sent += n
	return true
}

// OnMessage is an event of the connection: it checks the message, if the plan lets it take one.
func (m messageParty) OnMessage(now time.Duration, b []byte) bool {
	p := m.party
	if p.closed {
		return true
	}
	if p.ended {
		p.fail("message after the end")
	}
	if !p.hungry(len(b)) {
		p.resumeLater()
		return false
	}
	p.takeMessage(b)
	p.world.progress()
	if !p.endedEarly(now) {
		p.push(now)
	}
	return true
}

// hungry reports whether the party takes a message of n bytes, which it may refuse.
func (p *party) hungry(n int) bool {
	r := &p.plan.reading
	switch {
	case p.stalled || p.resuming:
		return false
	case r.stall > 0 && p.got+n > r.stallAt:
		p.stallNow()
		return false
	case r.slow > 0 && p.taken >= r.slow, r.partial && p.world.rand.IntN(2) == 0:
		return false
	}
	p.taken += n
	return true
}

// takeMessage checks a message: whose it is, its size, its bytes, and that it is the next one; in arrival order, that
// it was not there before.
func (p *party) takeMessage(b []byte) {
	p.world.checked += len(b)
	if len(b) < headerLen {
		p.fail("message of %d bytes", len(b))
		return
	}
	if p.identify(b[:headerLen]); p.peer == nil {
		return
	}
	i := int(binary.LittleEndian.Uint64(b[8:]))
	switch {
	case i < 0 || i >= p.peer.messagesSent && !p.peer.crashed:
		p.fail("message %d of %d", i, p.peer.messagesSent)
		return
	case len(b) != p.peer.messageLen(i):
		p.fail("message %d has %d bytes, want %d", i, len(b), p.peer.messageLen(i))
	case p.theirs.mismatch(b[headerLen:], contentAt(i)+headerLen) >= 0:
		p.fail("message %d has wrong bytes", i)
	case p.inArrivalOrder():
		p.takeAnyOrder(i)
	case i != p.messagesGot:
		p.fail("message %d, want %d", i, p.messagesGot)
	}
	p.messagesGot++
	p.got += len(b)
}

// inArrivalOrder reports whether both ends asked for it.
func (p *party) inArrivalOrder() bool {
	return p.flow.rdp[0].ArrivalOrder && p.flow.rdp[1].ArrivalOrder
}

func (p *party) takeAnyOrder(i int) {
	for len(p.seen) <= i {
		p.seen = append(p.seen, false)
	}
	if p.seen[i] {
		p.fail("message %d again", i)
	}
	p.seen[i] = true
}
