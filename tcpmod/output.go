package tcpmod

import (
	"net/netip"
	"time"
)

// output sends what was written, as far as the windows allow (RFC 9293,
// section 3.8.6.2.1), and the FIN after it.
func (c *TCB) output(now time.Duration) {
	if !c.state.sends() {
		return
	}
	c.limited = false
	for {
		off := c.snd.flight() // of SND.NXT in the buffer
		unsent := c.out.n - off
		if unsent < 0 || (unsent == 0 && !c.finQueued) {
			break // all is sent
		}
		peer, congested := c.snd.wnd-off, c.cc.window()-off
		n := min(unsent, c.mss, peer, congested)
		if unsent > 0 && n <= 0 {
			c.limited = peer > 0
			break
		}
		if n < unsent && n < c.mss {
			// A window, not the end of the data, makes the segment short.
			if congested < peer {
				c.limited = true
				break
			}
			if n < c.snd.maxWnd/2 && c.snd.nxt == c.snd.max {
				break // what was sent before is sent again in any case
			}
		}
		fin := c.finQueued && n == unsent && peer > n
		if n == 0 && !fin {
			break
		}
		if c.opt.Nagle && n < c.mss && off > 0 && !c.finQueued {
			break
		}
		if !c.sendNext(now, n, fin) {
			break
		}
	}
	if c.loss.mode == lossNone && (c.snd.flight() > 0 || c.pending()) {
		c.restartLossTimer(now)
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
	flags := ACK
	if n > 0 && off+n == c.out.n {
		flags |= PSH
	}
	end := seq.add(n)
	if fin {
		flags |= FIN
		c.finSent, c.finSeq = true, end
		end++
	}
	if c.send(now, seq, flags, off, n) != nil {
		return false
	}
	c.snd.nxt = end
	if c.snd.max.lt(end) {
		if seq == c.snd.max {
			c.rtt.start(now, end)
		}
		c.bytesOut += uint64(max(0, seq.add(n).sub(c.snd.max)))
		c.snd.max = end
	} else {
		c.retransmitted()
	}
	if c.loss.mode != lossRTO && c.loss.mode != lossProbe {
		c.restartLossTimer(now)
	}
	return true
}

// sendAgain sends the segment that begins at seq, which was sent before.
func (c *TCB) sendAgain(now time.Duration, seq seqNum) {
	off := seq.sub(c.snd.una)
	n := max(0, min(c.mss, c.out.n-off, c.snd.max.sub(seq)))
	flags := ACK
	if n > 0 && off+n == c.out.n {
		flags |= PSH
	}
	if c.finSent && seq.add(n) == c.finSeq {
		flags |= FIN
	}
	c.rtt.cancel()
	c.retransmitted()
	c.send(now, seq, flags, off, n)
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
	copy(b, c.template[:])
	o := synOptions{mss: uint16(c.e.mss()), scale: c.opt.scale(), hasScale: c.offerScale}
	n := len(o.appendTo(b[:HeaderLen]))
	h := Header(b[:n])
	h.put(c.snd.iss, c.rcv.nxt, n, flags, window)
	if c.opt.Integrity == IntegrityChecksum {
		h.setChecksum(c.e.addr, c.dst)
	}
	c.segmentsOut++
	c.e.transmit(now, c.dst, n)
	c.loss.set(lossRTO, now+c.rtt.timeout())
	c.arm(c.loss.deadline)
}

// send sends a segment with n bytes from the distance off in the send buffer.
// Every segment of a synchronized connection carries the ACK that may be
// owed.
func (c *TCB) send(now time.Duration, seq seqNum, flags Flags, off, n int) error {
	b := c.e.net.Buffer()
	copy(b, c.template[:])
	h := Header(b[:HeaderLen+n])
	c.out.read(h[HeaderLen:], off)
	var ack seqNum
	if flags&ACK != 0 {
		ack = c.rcv.nxt
	}
	h.put(seq, ack, HeaderLen, flags, c.rcv.advertise(c.in.head))
	if c.opt.Integrity == IntegrityChecksum {
		h.setChecksum(c.e.addr, c.dst)
	}
	c.segmentsOut++
	c.e.stats.BytesOut += uint64(n)
	if flags&ACK != 0 {
		c.ack.sent() // one that the network refuses is lost, and asked for again
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
