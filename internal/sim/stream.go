package sim

import (
	"errors"
	"io"
	"time"
)

// streamParty is a party whose connection is a stream.
type streamParty struct{ *party }

// OnData is an event of the connection: it takes what the plan says, and checks every byte of it.
func (s streamParty) OnData(now time.Duration, data []byte) int {
	p := s.party
	if p.ended && errors.Is(p.err, io.EOF) {
		p.fail("data after the end")
	}
	if p.closed {
		return len(data) // nobody looks at it
	}
	b := data[:p.appetite(len(data))]
	if len(b) > 0 {
		p.take(b)
		p.world.progress()
	}
	if len(b) < len(data) {
		p.resumeLater()
	}
	if !p.endedEarly(now) {
		p.push(now)
	}
	return len(b)
}

// take checks the next bytes of the stream.
func (p *party) take(b []byte) {
	p.world.checked += len(b)
	if p.got < headerLen {
		n := copy(p.heading[p.got:], b)
		if p.got += n; p.got == headerLen {
			p.identify(p.heading[:])
		}
		b = b[n:]
		if len(b) == 0 || p.peer == nil {
			return
		}
	}
	if i := p.theirs.mismatch(b, p.got); i >= 0 {
		p.fail("byte %d is wrong: %x", p.got+i, b[i:min(len(b), i+16)])
	}
	p.got += len(b)
	if p.got > p.expect {
		p.fail("got more than the peer sent")
	}
}

// appetite returns how many of n bytes that are offered the party takes.
func (p *party) appetite(n int) int {
	r := &p.plan.reading
	if p.stalled || p.resuming {
		return 0
	}
	if r.stall > 0 && p.got+n > r.stallAt {
		p.stallNow()
		return max(0, r.stallAt-p.got)
	}
	if r.slow > 0 {
		n = min(n, r.slow-p.taken)
		p.taken += n
		return n
	}
	if r.partial {
		n = p.world.rand.IntN(n + 1)
	}
	return n
}

// stallNow begins the time in which the party reads nothing.
func (p *party) stallNow() {
	d := p.plan.reading.stall
	p.note("stalls", "%v", d)
	p.stalled, p.plan.reading.stall = true, 0
	p.node.after(d, func(now time.Duration) {
		p.stalled = false
		p.world.progress()
		p.conn.Resume(now)
	})
}

// resumeLater asks for what was not taken, after the pause of the plan.
func (p *party) resumeLater() {
	if p.resuming || p.stalled {
		return
	}
	p.resuming = true
	pause := p.plan.reading.pause
	if p.plan.reading.slow == 0 {
		pause = time.Duration(p.world.rand.Int64N(int64(time.Millisecond)))
	}
	p.node.after(pause, func(now time.Duration) {
		p.resuming, p.taken = false, 0
		p.conn.Resume(now)
	})
}
