package tcpmod

import "time"

// trainable returns how many of the next k full segments can be sent as one
// train; less than 2: none. An integrity option or a report of SACK makes each
// segment differ from the others by more than a train's may.
func (c *TCB) trainable(k int) int {
	if c.e.trains == nil || c.opt.Integrity != IntegrityNone || c.reporting() {
		return 0
	}
	return min(k, (c.e.trains.MaxTrain(c.dst)-c.headerLen)/c.mss, maxSent-c.board.n)
}

// sendTrain sends the k full segments at SND.NXT, and reports whether the
// network took them.
func (c *TCB) sendTrain(now time.Duration, k int) bool {
	seq, off, n := c.snd.nxt, c.snd.flight(), k*c.mss
	c.afterIdle(now)
	b := c.e.trains.TrainBuffer()
	copy(b, c.template[:c.headerLen])
	if c.ts.ok {
		c.ts.put(b[c.headerLen-tsLen:], now)
	}
	flags := ACK
	if off+n == c.out.n {
		flags |= PSH // left to the last
	}
	h := Header(b[:c.headerLen+n])
	c.out.read(h[c.headerLen:], off)
	h.put(seq, c.rcv.nxt, c.headerLen, flags, c.rcv.advertise(c.in.head))
	c.segmentsOut += uint64(k)
	c.e.stats.SegmentsOut += uint64(k)
	c.e.stats.BytesOut += uint64(n)
	if c.e.trains.SendTrain(now, c.dst, len(h), c.headerLen, c.mss) != nil {
		c.e.stats.SendErrors++
		return false
	}
	c.ts.lastAck = c.rcv.nxt
	c.ack.sent()
	for range k {
		c.snd.nxt = c.snd.nxt.add(c.mss)
		c.board.push(now, c.snd.nxt, c.mss)
	}
	c.sentNew(now, n, n)
	return true
}
