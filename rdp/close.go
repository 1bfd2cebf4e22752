package rdp

import (
	"io"
	"net"
	"time"
)

// RDP closes with one RST, which nobody acknowledges, and drops both directions at once (RFC 908, section 3.2.5). On
// that this package builds an orderly close:
//
//   - Close first waits until the peer's user has taken all that was written (RFC 908 leaves that to the user), but not
//     for ever: a peer that lives and takes nothing for Options.Linger is reset.
//   - It then sends RST with ACK; Abort, and a host without a record, send RST without. The receiver of the former
//     that has received all segments below it knows that nothing was lost: io.EOF. Anything else is a reset.
//   - A lost RST would leave the peer half-open. So the closer repeats it with backoff in CLOSE-WAIT, and answers data
//     and NUL there with it. An RST that ends a connection is answered with one RST, which stops the repetition; an RST
//     in CLOSED or CLOSE-WAIT never is, so the two can't go on answering each other.

// closer is the end of a connection.
type closer struct {
	closing    bool          // Close was called: RST once everything is acknowledged
	lingerAt   time.Duration // when it ends nevertheless
	dropped    bool          // data was received that the user will never take
	ended      bool          // OnEnd was called
	pendingEnd error         // what OnEnd will say when the user has taken what is left

	rstFlags Flags         // of the RST sent; 0 if the peer ended the connection
	rstTries uint8         // repetitions of it
	rstAt    time.Duration // the next one
	waitAt   time.Duration // RFC 908's CLOSEWAIT timer
}

// CloseWrite ends the writing. RDP has no half close: the peer learns of it by Close only.
func (r *Record) CloseWrite(now time.Duration) { r.writeClosed = true }

// Close ends the connection when everything written has been acknowledged; until then the user gets no more data, only
// OnEnd with net.ErrClosed (or what went wrong: ErrTimeout if nothing is acknowledged for Options.Linger), possibly before Close returns. Received data that was not taken, or
// still comes, is dropped, and the peer is told by a RST that is not an orderly one.
func (r *Record) Close(now time.Duration) {
	if r.ended || r.closing {
		return
	}
	r.writeClosed = true
	switch r.state {
	case StateSynSent, StateSynReceived:
		r.fail(now, net.ErrClosed)
	case StateOpen:
		r.closing, r.lingerAt = true, now+r.options.Linger
		r.discard(now)
		r.settle(now)
	case StateCloseWait, StateClosed: // the peer was first, and data is left
		r.end(now, net.ErrClosed)
	}
}

// Abort ends the connection at once with a RST. What is not acknowledged is lost. OnEnd with net.ErrClosed comes before
// Abort returns.
func (r *Record) Abort(now time.Duration) {
	if r.ended {
		return
	}
	r.writeClosed = true
	switch r.state {
	case StateSynSent, StateSynReceived:
		r.fail(now, net.ErrClosed)
	case StateOpen:
		r.abort(now, net.ErrClosed)
		r.file()
	case StateCloseWait, StateClosed:
		r.end(now, net.ErrClosed)
	}
}

// tryFinish ends the connection after Close if everything is acknowledged. If Close came in OnData, it is not known yet
// whether that segment was taken.
func (r *Record) tryFinish(now time.Duration) {
	if r.delivering || r.sndUna != r.sndEnd {
		return
	}
	flags := RST | ACK
	if r.dropped || r.unread > 0 {
		flags = RST
	}
	r.sendReset(now, flags)
	r.enterCloseWait(now, flags)
	r.end(now, net.ErrClosed)
}

// abort resets an open connection.
func (r *Record) abort(now time.Duration, err error) {
	r.sendReset(now, RST)
	r.enterCloseWait(now, RST)
	r.end(now, err)
}

// fail ends a connection that was never open, or whose peer doesn't answer.
func (r *Record) fail(now time.Duration, err error) {
	r.sendReset(now, RST)
	r.forget()
	r.end(now, err)
}

// reset ends an open connection by the peer's RST, whose sequence number is in the window.
func (r *Record) reset(now time.Duration, h Header) {
	err := ErrReset
	if h.Flags()&ACK != 0 && h.Seq() == r.rcvIn+1 && r.rcvHigh == r.rcvIn && r.acknowledge(now, h) {
		switch {
		case r.queuedBytes > 0:
			err = ErrUnread
		case r.closing:
			err = net.ErrClosed
		default:
			err = io.EOF
		}
	}
	r.sendReset(now, RST|ACK)
	r.enterCloseWait(now, 0)
	if err != ErrReset && !r.closing && (r.offer.held || r.ready > 0) {
		r.pendingEnd, r.err = err, err
		if r.wantSpace {
			r.wantSpace = false
			r.events.OnSpace(now)
		}
		return
	}
	r.end(now, err)
}

// endAfterDelivery is the deferred end of a connection whose peer closed while data waited for the user.
func (r *Record) endAfterDelivery(now time.Duration) {
	if r.pendingEnd != nil && !r.ended && !r.offer.held && r.ready == 0 {
		r.end(now, r.pendingEnd)
	}
}

// end tells the user.
func (r *Record) end(now time.Duration, err error) {
	if r.ended {
		return
	}
	r.ended, r.err = true, err
	r.freeReceived()
	if r.events != nil {
		r.events.OnEnd(now, err)
	}
}

// sendReset sends <SEQ=SND.NXT><RST>, with or without ACK.
func (r *Record) sendReset(now time.Duration, flags Flags) {
	b := r.endpoint.net.Buffer()
	ack := uint32(0)
	if flags&ACK != 0 {
		ack = r.ackNumber()
	}
	putHeader(b, flags, HeaderLen, r.local.Port(), r.remote.Port(), 0, r.sndNxt, ack)
	r.endpoint.stats.ResetsSent++
	r.emit(now, b[:HeaderLen])
}

// enterCloseWait begins CLOSE-WAIT. flags are those of our RST, 0 if the peer sent it.
func (r *Record) enterCloseWait(now time.Duration, flags Flags) {
	r.freeSent()
	r.setState(StateCloseWait)
	r.rstFlags, r.rstAt = flags, Never
	if flags != 0 {
		r.rstAt = now + r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0)
	}
	r.waitAt = now + r.options.CloseWait
}

// receiveCloseWait discards a segment (RFC 908), but answers one that waits for an acknowledgement with our RST, which
// must have been lost. A RST doesn't end the state (RFC 1151); it tells that ours has arrived, or isn't needed.
func (r *Record) receiveCloseWait(now time.Duration, h Header, data []byte) {
	if !r.nearby(h.Seq()) {
		r.info.OutOfRange++
		return
	}
	switch flags := h.Flags(); {
	case flags&RST != 0:
		r.rstAt = Never
	case flags&SYN == 0 && r.rstFlags != 0 && consumes(flags, data):
		r.sendReset(now, r.rstFlags)
	}
}

// closeWaitTimer repeats the RST, and ends the state.
func (r *Record) closeWaitTimer(now time.Duration) {
	if r.waitAt <= now {
		r.forget()
		return
	}
	if r.rstAt <= now {
		r.rstTries++
		r.sendReset(now, r.rstFlags)
		r.rstAt = now + r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, r.rstTries)
	}
}

// forget enters CLOSED: the endpoint knows the record no more.
func (r *Record) forget() {
	r.freeSent()
	r.setState(StateClosed)
	r.endpoint.remove(r)
}

// freeSent stops the sender, and gives its buffers back.
func (r *Record) freeSent() {
	for seq := r.sndUna; seq != r.sndEnd && len(r.out.slots) > 0; seq++ {
		r.release(seq)
	}
	r.out.slots = nil
	r.retryAt, r.ackAt = Never, Never
}
