package tcpmod

// sendWindow is the sending side's sequence space (RFC 9293, section 3.3.1).
type sendWindow struct {
	iss seqNum
	una seqNum // SND.UNA
	nxt seqNum // SND.NXT

	wnd      int    // SND.WND, scaled
	wl1, wl2 seqNum // sequence and acknowledgement number of the last update
	maxWnd   int    // the largest window seen
	shift    uint8  // of the peer's windows
}

// update takes the window of an acceptable segment, if it is not older than
// the last one.
func (w *sendWindow) update(s *segment) {
	if w.wl1.lt(s.seq) || (w.wl1 == s.seq && w.wl2.leq(s.ack)) {
		w.set(s, int(s.window)<<w.shift)
	}
}

func (w *sendWindow) set(s *segment, wnd int) {
	w.wnd = wnd
	w.maxWnd = max(w.maxWnd, wnd)
	w.wl1, w.wl2 = s.seq, s.ack
}

// flight returns what was sent and is not acknowledged, in bytes of sequence
// space (FlightSize of RFC 5681).
func (w *sendWindow) flight() int { return w.nxt.sub(w.una) }

// ackSeq returns the sequence number for a segment without data: SND.NXT, or
// if the peer has shrunk its window, the highest that it accepts.
func (w *sendWindow) ackSeq() seqNum { return minSeq(w.nxt, w.una.add(w.wnd)) }

// receiveWindow is the receiving side's (RFC 9293, section 3.3.1). The right
// edge of what was once advertised is always accepted, so the window never
// shrinks but for the rounding of its scale.
type receiveWindow struct {
	irs   seqNum
	nxt   seqNum // RCV.NXT
	edge  seqNum // right edge advertised
	size  int    // of the buffer, bytes
	shift uint8  // of our windows
	mss   int    // largest segment expected

	finSeen bool   // a FIN was received, perhaps ahead of a gap
	finAt   seqNum // its sequence number
	fin     bool   // it is in sequence: RCV.NXT counts it
}

// window returns RCV.WND, from RCV.NXT to the edge.
func (w *receiveWindow) window() int { return max(0, w.edge.sub(w.nxt)) }

// limit returns where the edge could be; head is the first byte not taken.
func (w *receiveWindow) limit(head seqNum) seqNum {
	limit := head.add(w.size)
	return minSeq(limit, w.nxt.add(0xffff<<w.shift))
}

// advertise moves the edge, unless that is a silly little (RFC 9293, section
// 3.8.6.2.2), and returns the window field.
func (w *receiveWindow) advertise(head seqNum) uint16 {
	limit := w.limit(head)
	if limit.sub(w.edge) >= min(w.size/2, w.mss) {
		w.edge = limit
	}
	return uint16(w.window() >> w.shift)
}

// worthUpdate reports whether the window has opened so far that the peer
// should know at once: by two segments, and to twice what it knows.
func (w *receiveWindow) worthUpdate(head seqNum) bool {
	gain := w.limit(head).sub(w.edge)
	return gain >= min(w.size/2, 2*w.mss) && gain >= w.window()
}
