package rdp

import "time"

// place says what is known of a sequence number beyond RCV.CUR.
type place uint8

const (
	placeEmpty   place = iota
	placeHeld          // received out of order, kept until the hole is filled
	placeWaiting       // may be delivered, is in the ready queue
	placeTaken         // delivered out of order
)

// incoming is a segment that was received and can't be forgotten yet.
type incoming struct {
	data  []byte // lent by the pool; nil for NUL, and once taken
	next  uint32 // in the ready queue
	place place
}

// offer is the segment that the user was offered and didn't take as a whole.
type offer struct {
	data   []byte // lent by the pool
	off    int    // bytes of it that were taken
	seq    uint32
	held   bool
	capped bool // not acknowledged yet: ACK stops below it
}

// receiver is the receiving half of a record: RFC 908's receive sequence variables, the segments received out of order,
// and what is owed to the peer in acknowledgements.
//
//	taken by the user          received, not taken     hole      received out of order
//	------------------ RCV.CUR --------------- rcvIn -------- ... ------------------- rcvHigh
type receiver struct {
	irs     uint32 // RCV.IRS
	rcvCur  uint32 // RCV.CUR: the last in sequence that the user has taken (RFC 1151's remedy), or is offered now
	rcvIn   uint32 // the last received in sequence
	rcvHigh uint32 // the highest received
	rcvMax  uint32 // RCV.MAX

	arrivalOrder bool // delivery mode; otherwise sequenced

	in         ring[incoming] // RCV.CUR+1 up to rcvHigh; RFC 908's RCVDSEQNO
	readyFirst uint32         // ready queue: segments in the order of delivery
	readyLast  uint32
	ready      int
	offer      offer
	delivering bool // the user is being called
	discarding bool // after Close: what comes is taken and thrown away
	unread     int  // segments in the ring that are held or wait

	acknowledger
}

// accept takes in an acceptable segment that consumes a sequence number; no data means NUL, which goes through the same
// order test (RFC 908 prints RCV.CUR = SEG.SEQ, which would skip lost data).
func (r *Record) accept(now time.Duration, seq uint32, data []byte) {
	switch {
	case seq == r.rcvIn+1:
		r.acceptNext(now, seq, data)
	case !before(r.rcvIn, seq), !before(r.rcvHigh, seq) && r.in.at(seq).place != placeEmpty:
		r.info.Duplicates++
		r.fresh++
	default:
		r.acceptOutOfOrder(now, seq, data)
	}
}

// acceptNext takes in the next segment in sequence. If it fills a hole, RCV.CUR and rcvIn advance over what is buffered
// (RFC 908, example 5.3), and an acknowledgement goes out at once.
func (r *Record) acceptNext(now time.Duration, seq uint32, data []byte) {
	direct := r.ready == 0 && !r.offer.held && !r.delivering
	if !direct && r.crowdedOut(data) {
		return
	}
	r.info.BytesReceived += uint64(len(data))
	filled := before(seq, r.rcvHigh)
	r.rcvIn = seq
	if !filled {
		r.rcvHigh = seq
	}
	if direct {
		r.deliver(now, seq, data, nil)
	} else {
		r.hold(seq, data)
		r.enqueueReady(seq)
		r.fresh++
	}
	if !filled || r.ended {
		return
	}
	r.ackNow = true
	if before(r.rcvIn, r.rcvCur) { // over what was taken out of order
		r.rcvIn = r.rcvCur
	}
	for r.rcvIn != r.rcvHigh {
		s := r.in.at(r.rcvIn + 1)
		if s.place == placeEmpty {
			break
		}
		r.rcvIn++
		if s.place == placeHeld {
			r.enqueueReady(r.rcvIn)
		}
	}
	r.deliverReady(now)
}

// acceptOutOfOrder takes in a segment behind a hole.
func (r *Record) acceptOutOfOrder(now time.Duration, seq uint32, data []byte) {
	if r.crowdedOut(data) {
		return
	}
	r.info.BytesReceived += uint64(len(data))
	r.info.OutOfOrder++
	r.noteGap(seq)
	r.hold(seq, data)
	if before(r.rcvHigh, seq) {
		r.rcvHigh = seq
	}
	if r.arrivalOrder {
		r.enqueueReady(seq)
		r.deliverReady(now)
	}
}

// crowdedOut drops a segment that would have to wait, if too many do (Config.ReceiveMemory).
func (r *Record) crowdedOut(data []byte) bool {
	e := r.endpoint
	if e.waiting+len(data) <= e.memory {
		return false
	}
	e.stats.NoMemory++
	r.fresh++
	return true
}

// hold keeps a segment in the ring.
func (r *Record) hold(seq uint32, data []byte) {
	first := r.rcvCur + 1
	used := uint32(0)
	if before(r.rcvCur, r.rcvHigh) {
		used = r.rcvHigh - r.rcvCur
	}
	r.in.reserve(first, min(used, uint32(len(r.in.slots))), max(used, seq-r.rcvCur))
	s := r.in.at(seq)
	*s = incoming{place: placeHeld}
	if len(data) > 0 {
		s.data = r.endpoint.keep(data)
	}
	r.unread++
}

// enqueueReady puts a held segment at the end of the ready queue.
func (r *Record) enqueueReady(seq uint32) {
	r.in.at(seq).place = placeWaiting
	if r.ready == 0 {
		r.readyFirst = seq
	} else {
		r.in.at(r.readyLast).next = seq
	}
	r.readyLast = seq
	r.ready++
}

// deliverReady offers what is ready until the user doesn't take it.
func (r *Record) deliverReady(now time.Duration) {
	for r.ready > 0 && !r.offer.held && !r.delivering {
		seq := r.readyFirst
		s := r.in.at(seq)
		data := s.data
		s.data = nil
		r.readyFirst = s.next
		r.ready--
		r.unread--
		r.deliver(now, seq, data, data)
	}
}

// deliver offers the segment seq to the user. lent is the buffer of the pool that the data is in, if any. The segment
// counts as taken during the call, so that a reply written in it carries the acknowledgement. If the user doesn't take
// it and no acknowledgement has gone out, none will until it is taken.
func (r *Record) deliver(now time.Duration, seq uint32, data, lent []byte) {
	r.taken(seq)
	n := len(data)
	if n > 0 && !r.discarding {
		n = r.call(now, data)
	} else if n > 0 {
		r.dropped = true
	}
	if n == len(data) && lent == nil {
		return
	}
	if n == len(data) || r.ended || r.discarding {
		r.dropped = r.dropped || n < len(data)
		r.endpoint.unkeep(lent)
		return
	}
	if lent == nil {
		data, n = r.endpoint.keep(data[n:]), 0
		r.fresh++
	}
	r.offer = offer{data: data, off: n, seq: seq, held: true, capped: before(r.acked, seq)}
}

// call offers data to the user and returns how many bytes were taken.
func (r *Record) call(now time.Duration, data []byte) int {
	r.delivering = true
	n := 0
	if r.messages == nil {
		n = max(0, min(r.events.OnData(now, data), len(data)))
	} else if r.messages.OnMessage(now, data) {
		n = len(data)
	}
	r.delivering = false
	return n
}

// taken notes that the user has, or is offered, the segment seq, and advances RCV.CUR over all that are taken.
func (r *Record) taken(seq uint32) {
	if seq != r.rcvCur+1 {
		r.in.at(seq).place = placeTaken
		return
	}
	r.rcvCur = seq
	if len(r.in.slots) > 0 {
		r.in.at(seq).place = placeEmpty
	}
	for r.rcvCur != r.rcvHigh {
		s := r.in.at(r.rcvCur + 1)
		if s.place != placeTaken {
			return
		}
		s.place = placeEmpty
		r.rcvCur++
	}
}

// Resume offers again what the user has not taken, before it returns. In an event of the same connection it does
// nothing.
func (r *Record) Resume(now time.Duration) {
	if r.delivering || !r.offer.held {
		return
	}
	r.resumeOffer(now)
	r.deliverReady(now)
	r.endAfterDelivery(now)
	r.settle(now)
}

// resumeOffer offers the rest of the segment that was offered last.
func (r *Record) resumeOffer(now time.Duration) {
	o := r.offer
	r.offer = offer{}
	n := r.call(now, o.data[o.off:])
	if o.off += n; o.off == len(o.data) || r.ended || r.discarding {
		r.dropped = r.dropped || o.off < len(o.data)
		r.endpoint.unkeep(o.data)
		return
	}
	o.capped = o.capped && before(r.acked, o.seq)
	r.offer = o
}

// discard throws away what was received and not taken, and what is still to come. RCV.CUR advances as if it had been
// taken: the user is gone, and the peer must be able to close too.
func (r *Record) discard(now time.Duration) {
	r.discarding = true
	if r.offer.held {
		r.dropped = true
		r.endpoint.unkeep(r.offer.data)
		r.offer = offer{}
	}
	if !r.delivering {
		r.deliverReady(now)
	}
}

// freeReceived gives the buffers back at the end of a connection.
func (r *Record) freeReceived() {
	if r.offer.held {
		r.endpoint.unkeep(r.offer.data)
		r.offer = offer{}
	}
	for i := range r.in.slots {
		r.endpoint.unkeep(r.in.slots[i].data)
	}
	r.in.slots, r.ready, r.unread = nil, 0, 0
}
