package tcpmod

import (
	"net/netip"
	"time"
)

// output sends again what is lost, then what was written, as far as the windows
// allow, and the FIN after it.
func (c *TCB) output(now time.Duration) {
	if !c.state.sends() {
		return
	}
	if c.board.lost == 0 || c.resend(now) {
		c.sendNew(now)
	}
	if c.loss.mode == lossNone && (c.snd.flight() > 0 || c.pending()) {
		c.restartLossTimer(now)
	}
}

// sendNew sends what was not sent yet (RFC 9293, section 3.8.6.2.1).
func (c *TCB) sendNew(now time.Duration) {
	c.limited = false
	for {
		off := c.snd.flight() // of SND.NXT in the buffer
		unsent := c.out.n - off
		if unsent < 0 || (unsent == 0 && !c.finQueued) || c.board.full() {
			return // all is sent
		}
		peer, congested := c.snd.wnd-off, c.window()-c.pipe()
		n := min(unsent, c.mss, peer, congested)
		if unsent > 0 && n <= 0 {
			c.limited = peer > 0
			return
		}
		if n < unsent && n < c.mss {
			// A window, not the end of the data, makes the segment short.
			if congested < peer {
				c.limited = true
				return
			}
			if n < c.snd.maxWnd/2 {
				return
			}
		}
		if k := min(unsent, peer, congested) / c.mss; k > 1 {
			if k = c.trainable(k); k > 1 {
				if !c.sendTrain(now, k) {
					return
				}
				continue
			}
		}
		fin := c.finQueued && n == unsent && peer > n
		if n == 0 && !fin {
			return
		}
		if c.opt.Nagle && n < c.mss && off > 0 && !c.finQueued {
			return
		}
		if !c.sendNext(now, n, fin) {
			return
		}
	}
}

// pending reports whether data or a FIN waits to be sent.
func (c *TCB) pending() bool {
	unsent := c.out.n - c.snd.flight()
	return unsent > 0 || (unsent == 0 && c.finQueued)
}

// sendNext sends the n bytes at SND.NXT, and the FIN if it is due, and
// reports whether the network took the segment.
func (c *TCB) sendNext(now time.Duration, n int, fin bool) bool {
	seq, off := c.snd.nxt, c.snd.flight()
	c.afterIdle(now)
	flags, size := ACK, n
	if n > 0 && off+n == c.out.n {
		flags |= PSH
	}
	if fin {
		flags |= FIN
		size++
	}
	if c.send(now, seq, flags, off, n) != nil {
		return false
	}
	c.snd.nxt = seq.add(size)
	if fin {
		c.finSent, c.finSeq = true, seq.add(n)
	}
	c.board.push(now, c.snd.nxt, size)
	c.sentNew(now, size, n)
	return true
}

// afterIdle tells congestion control of a pause that new data ends.
func (c *TCB) afterIdle(now time.Duration) {
	if c.snd.flight() == 0 && now-c.lastSent > c.rtt.rto {
		c.cc.Idle(now, now-c.lastSent, c.rtt.timeout())
	}
}

// sentNew notes that size bytes of sequence space, n of them data, were sent
// for the first time.
func (c *TCB) sentNew(now time.Duration, size, n int) {
	if c.loss.phase == phaseRecovery {
		c.loss.prr.out += size
	}
	c.bytesOut += uint64(n)
	c.lastSent = now
	if c.loss.mode != lossRTO && c.loss.mode != lossProbe {
		c.restartLossTimer(now)
	}
}

// resend sends again what is lost, as far as the window allows. It reports
// whether nothing lost is left.
func (c *TCB) resend(now time.Duration) bool {
	b := &c.board
	for b.lost > 0 {
		i := b.firstLost()
		k := 0
		for i+k+1 < b.n && b.at(i+k+1).state&lost != 0 && b.at(i+k+1).end.sub(b.start(i, c.snd.una)) <= c.mss {
			k++
		}
		if k > 0 {
			b.join(i, k)
		}
		n := min(b.at(i).end.sub(b.start(i, c.snd.una)), c.mss)
		if c.pipe()+n > c.window() && c.pipe() > 0 {
			c.limited = true
			return false
		}
		if !c.retransmit(now, i) {
			return false
		}
	}
	return true
}

// retransmit sends segment i of the scoreboard again, and reports whether the
// network took it. If the segment size was lowered meanwhile, only its
// beginning.
func (c *TCB) retransmit(now time.Duration, i int) bool {
	b := &c.board
	seq, end := b.start(i, c.snd.una), b.at(i).end
	flags, off, n := ACK, seq.sub(c.snd.una), end.sub(seq)
	if c.finSent && c.finSeq.lt(end) {
		flags |= FIN
		n--
	}
	if n > c.mss {
		flags &^= FIN
		n, end = c.mss, seq.add(c.mss)
		b.split(i, end)
	}
	if n > 0 && off+n == c.out.n {
		flags |= PSH
	}
	if c.send(now, seq, flags, off, n) != nil {
		return false
	}
	size := end.sub(seq)
	b.markSent(b.at(i), now, size)
	if l := &c.loss; l.phase != phaseOpen {
		l.prr.out += size
		l.undo++
	}
	c.retransmitted()
	return true
}

func (c *TCB) retransmitted() {
	c.retransmissions++
	c.e.stats.Retransmissions++
}

// sendAck sends a segment without data.
func (c *TCB) sendAck(now time.Duration) {
	if c.state == SynSent || c.state == Closed {
		return
	}
	c.send(now, c.snd.ackSeq(), ACK, 0, 0)
}

// sendSYN sends the SYN, or the SYN,ACK, and starts its timer.
func (c *TCB) sendSYN(now time.Duration) {
	flags, window := SYN, uint16(min(c.rcv.size, 0xffff))
	if c.state == SynRcvd {
		flags |= ACK
	}
	b := c.e.net.Buffer()
	o := synOptions{
		mss: uint16(c.e.mss()), scale: c.opt.scale(), hasScale: c.offerScale, sack: c.offerSACK,
		hasTS: c.offerTS, tsValue: c.ts.tick(now), tsEcho: c.ts.recent,
	}
	n := len(o.appendTo(b[:copy(b, c.template[:c.opt.Integrity.headerLen()])]))
	h := Header(b[:n])
	h.put(c.snd.iss, c.rcv.nxt, n, flags, window)
	if c.opt.Integrity != IntegrityNone {
		c.e.seal(c.opt.Integrity, h, c.dst)
	}
	c.segmentsOut++
	c.e.transmit(now, c.dst, n)
	c.loss.set(lossRTO, now+c.rtt.timeout())
	c.arm(c.loss.deadline)
}

// send sends a segment with n bytes from the distance off in the send buffer.
// Every segment of a synchronized connection carries the ACK that may be
// owed, and what SACK has to report as far as there is room.
func (c *TCB) send(now time.Duration, seq seqNum, flags Flags, off, n int) error {
	b := c.e.net.Buffer()
	copy(b, c.template[:HeaderLen])
	size, reported := HeaderLen, true
	if c.headerLen > HeaderLen {
		size += copy(b[HeaderLen:], c.template[HeaderLen:c.headerLen])
		if c.ts.ok {
			c.ts.put(b[c.headerLen-tsLen:], now)
		}
	}
	if c.reporting() {
		k := c.putSACK(b[size:min(size+c.mss-n, maxHeaderLen)])
		size += k
		reported = k > 0 || n == 0
	}
	h := Header(b[:size+n])
	c.out.read(h[size:], off)
	var ack seqNum
	if flags&ACK != 0 {
		ack = c.rcv.nxt
	}
	h.put(seq, ack, size, flags, c.rcv.advertise(c.in.head))
	if c.opt.Integrity != IntegrityNone {
		c.e.seal(c.opt.Integrity, h, c.dst)
	}
	c.segmentsOut++
	c.e.stats.BytesOut += uint64(n)
	if flags&ACK != 0 {
		c.ts.lastAck = ack
		if reported {
			c.ack.sent() // one that the network refuses is lost, and asked for again
		}
	}
	return c.e.transmit(now, c.dst, len(h))
}

// transmit hands the lent buffer to the network.
func (e *Endpoint) transmit(now time.Duration, dst netip.Addr, n int) error {
	e.stats.SegmentsOut++
	err := e.net.Send(now, dst, n)
	if err != nil {
		e.stats.SendErrors++
	}
	return err
}
