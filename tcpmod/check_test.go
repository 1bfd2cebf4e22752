package tcpmod

import (
	"fmt"
	"math/bits"
)

// check returns what is wrong with an endpoint between two calls: with the
// sequence spaces, the buffers, or the timers.
func (e *Endpoint) check() error {
	for i, c := range e.timers {
		switch {
		case c.heapIndex != i:
			return fmt.Errorf("timer %d has index %d", i, c.heapIndex)
		case e.timers[(i-1)/2].heapAt > c.heapAt:
			return fmt.Errorf("timer %d is before its parent", i)
		case c.heapAt > c.deadline():
			return fmt.Errorf("timer %d: looked at %v, due %v", i, c.heapAt, c.deadline())
		case e.conns[c.key] != c || c.state == Closed:
			return fmt.Errorf("timer %d of a forgotten connection", i)
		}
	}
	if len(e.timers) != len(e.conns) {
		return fmt.Errorf("%d timers of %d connections", len(e.timers), len(e.conns))
	}
	for _, c := range e.conns {
		if err := c.check(); err != nil {
			return fmt.Errorf("%v: %w; %+v", c.state, err, c.Info())
		}
	}
	return nil
}

func (c *TCB) check() error {
	w, r, in := &c.snd, &c.rcv, &c.in
	switch {
	case w.nxt.lt(w.una):
		return fmt.Errorf("SND.UNA %d, SND.NXT %d", w.una, w.nxt)
	case c.out.n < 0 || c.out.n > c.out.limit || len(c.out.mem) > memory(c.out.limit):
		return fmt.Errorf("send buffer: %d bytes in %d", c.out.n, len(c.out.mem))
	case c.state == SynSent || c.state == SynRcvd:
		if c.loss.mode != lossRTO {
			return fmt.Errorf("no retransmission timer")
		}
		return nil
	case c.unread() < 0 || c.unread() > r.size || r.edge.sub(in.head) > max(r.size, 0xffff):
		return fmt.Errorf("receive buffer: %d unread, edge %d above them", c.unread(), r.edge.sub(in.head))
	case len(in.mem) > memory(r.size):
		return fmt.Errorf("receive buffer: memory of %d for %d", len(in.mem), r.size)
	case c.state == TimeWait:
		return nil
	case c.state.sends() && (w.flight() > 0 || c.pending()) && (c.loss.mode == lossNone || c.loss.deadline == Never):
		return fmt.Errorf("nothing will make it send: %d under way", w.flight())
	case c.ack.held && c.ack.deadline == Never:
		return fmt.Errorf("an ACK is held for ever")
	}
	if err := c.board.check(w.una, w.nxt); err != nil {
		return err
	}
	end := r.nxt
	for _, g := range in.ranges {
		if !end.lt(g.start) || !g.start.lt(g.end) || r.edge.lt(g.end) {
			return fmt.Errorf("ranges %v, RCV.NXT %d, edge %d", in.ranges, r.nxt, r.edge)
		}
		end = g.end
	}
	return nil
}

// check compares the sums with the segments.
func (b *scoreboard) check(una, nxt seqNum) error {
	var pipe, held, gone int
	start := una
	for i := range b.n {
		p := b.at(i)
		if !start.lt(p.end) {
			return fmt.Errorf("scoreboard: segment %d is empty", i)
		}
		switch p.state & notInFlight {
		case sacked:
			held++
		case lost:
			gone++
		case 0:
			pipe += p.end.sub(start)
		default:
			return fmt.Errorf("scoreboard: segment %d is sacked and lost", i)
		}
		start = p.end
	}
	switch {
	case b.n > 0 && start != nxt:
		return fmt.Errorf("scoreboard: ends at %d, SND.NXT is %d", start, nxt)
	case b.n == 0 && una != nxt:
		return fmt.Errorf("scoreboard: empty, %d bytes are under way", nxt.sub(una))
	case b.pipe != pipe || b.sacked != held || b.lost != gone:
		return fmt.Errorf("scoreboard: pipe %d, sacked %d, lost %d; counted %d, %d, %d", b.pipe, b.sacked, b.lost, pipe, held, gone)
	}
	return nil
}

func memory(size int) int { return max(minRing, 1<<bits.Len(uint(size-1))) }
