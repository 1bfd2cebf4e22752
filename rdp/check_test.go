package rdp

import "fmt"

// check verifies what must hold between any two calls.
func (e *Endpoint) check() error {
	lent := 0
	for k, r := range e.records {
		if r.key != k || r.state == StateClosed {
			return fmt.Errorf("record of %v in state %v under key %x", r.remote, r.state, k)
		}
		n, err := r.check()
		if err != nil {
			return fmt.Errorf("%v: %w", r.state, err)
		}
		lent += n
	}
	if e.buffers.lent < lent { // records that wait for their user, but are forgotten here, hold buffers too
		return fmt.Errorf("%d buffers lent, %d in use", e.buffers.lent, lent)
	}
	if limit := e.memory + (1+len(e.records))*e.buffers.size; e.waiting < 0 || e.waiting > limit && e.large == nil {
		return fmt.Errorf("%d bytes wait, limit %d", e.waiting, limit)
	}
	for i, r := range e.timers.heap {
		if r.index != i || r.armed < e.timers.heap[(i-1)/2].armed {
			return fmt.Errorf("timer %d: index %d, %v under %v", i, r.index, r.armed, e.timers.heap[(i-1)/2].armed)
		}
		if d := r.deadline(); d < r.armed {
			return fmt.Errorf("%v: due at %v, filed under %v", r.state, d, r.armed)
		}
	}
	if len(e.timers.heap) != len(e.records) || e.stats.Connections != len(e.records) {
		return fmt.Errorf("%d timers and %d connections of %d records", len(e.timers.heap), e.stats.Connections, len(e.records))
	}
	embryonic := make(map[*listener]int)
	for _, r := range e.records {
		if r.listener != nil {
			embryonic[r.listener]++
		}
	}
	for _, l := range e.listeners {
		if l.embryonic != embryonic[l] || l.embryonic > l.options.Backlog {
			return fmt.Errorf("listener counts %d half-open connections, has %d", l.embryonic, embryonic[l])
		}
	}
	return nil
}

// check also returns how many buffers the record holds.
func (r *Record) check() (lent int, err error) {
	s := &r.sender
	queued, outstanding := s.sndEnd-s.sndUna, s.sndNxt-s.sndUna
	live := r.state == StateSynSent || r.state == StateSynReceived || r.state == StateOpen
	if live {
		if outstanding > s.sndMax || outstanding > queued || int(queued) > len(s.out.slots) {
			return 0, fmt.Errorf("%d outstanding of %d queued, window %d", outstanding, queued, s.sndMax)
		}
		if r.state == StateOpen && queued > s.slots+1 {
			return 0, fmt.Errorf("%d queued, limit %d", queued, s.slots)
		}
		bytes, eacked, due := 0, uint32(0), Never
		unacked, lost, lostBytes := 0, uint32(0), 0
		for seq := s.sndUna; seq != s.sndEnd; seq++ {
			o := s.out.at(seq)
			if (o.data != nil) != (o.kind == kindData) {
				return 0, fmt.Errorf("segment %d of kind %d with %d bytes", seq-s.iss, o.kind, len(o.data))
			}
			if o.data != nil {
				lent++
				bytes += len(o.data)
			}
			sent := within(seq, s.sndUna, outstanding)
			if o.eacked {
				eacked++
				if !sent {
					return 0, fmt.Errorf("segment %d is acknowledged and was not sent", seq-s.iss)
				}
			}
			if sent && (!o.eacked || seq == s.sndUna) {
				due = min(due, o.due)
			}
			if sent && !o.eacked && s.cc != nil {
				unacked += len(o.data)
			}
			if o.lost {
				lost++
				lostBytes += len(o.data)
			}
		}
		if bytes != s.queuedBytes || eacked != s.eacked {
			return 0, fmt.Errorf("%d bytes and %d EACKs, counted %d and %d", bytes, eacked, s.queuedBytes, s.eacked)
		}
		if unacked != r.unacked || lost != r.lost || lostBytes != r.lostBytes {
			return 0, fmt.Errorf("%d bytes under way, %d and %d segments of them lost, counted %d, %d and %d",
				unacked, lostBytes, lost, r.unacked, r.lostBytes, r.lost)
		}
		if outstanding > 0 && due == Never {
			return 0, fmt.Errorf("%d outstanding, and no timer", outstanding)
		}
		if due < r.retryAt {
			return 0, fmt.Errorf("a segment is due at %v, the timer at %v", due, r.retryAt)
		}
	} else if r.retryAt != Never || r.ackAt != Never || len(s.out.slots) != 0 || s.queuedBytes != 0 {
		return 0, fmt.Errorf("still sends")
	}

	c := &r.receiver
	if before(c.rcvIn, c.rcvCur) || before(c.rcvHigh, c.rcvIn) || c.rcvHigh-c.rcvCur > r.window() && before(c.rcvCur, c.rcvHigh) {
		return 0, fmt.Errorf("RCV.CUR %d, in sequence to %d, highest %d", c.rcvCur-c.irs, c.rcvIn-c.irs, c.rcvHigh-c.irs)
	}
	if c.offer.held {
		lent++
		if c.offer.capped && !before(c.acked, c.offer.seq) {
			return 0, fmt.Errorf("acknowledged %d, which the user refused", c.offer.seq-c.irs)
		}
	}
	unread, ready, held := 0, 0, 0
	for i := range c.in.slots {
		switch p := c.in.slots[i]; p.place {
		case placeHeld, placeWaiting:
			unread++
			if p.place == placeWaiting {
				ready++
			}
			if p.data != nil {
				lent++
			}
		case placeTaken:
			held++
		case placeEmpty:
			if p.data != nil {
				return 0, fmt.Errorf("an empty place with %d bytes", len(p.data))
			}
		}
	}
	if unread != c.unread || ready != c.ready || unread+held > int(max(c.rcvHigh-c.rcvCur, 0)) {
		return 0, fmt.Errorf("%d unread, %d ready, %d taken, counted %d and %d, highest %d above RCV.CUR",
			unread, ready, held, c.unread, c.ready, c.rcvHigh-c.rcvCur)
	}
	if ready > 0 && !c.offer.held {
		return 0, fmt.Errorf("%d ready, and none offered", ready)
	}
	if before(r.ackNumber(), c.acked) {
		return 0, fmt.Errorf("acknowledged %d, should be %d", c.acked-c.irs, r.ackNumber()-c.irs)
	}
	return lent, nil
}
