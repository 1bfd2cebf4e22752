package tcpmod

import "time"

// ackEvery is how many full-sized segments one ACK covers (RFC 9293, section
// 3.8.6.3).
const ackEvery = 2

// In a stream without gaps that has gone on for steadyAfter full segments, an
// ACK covers steadyAckEvery: it costs both ends about as much as a segment. A
// sender whose window is smaller gets its ACK when the loop is about to wait.
const (
	steadyAfter    = 64
	steadyAckEvery = 8
)

// delayedAck decides when received segments are acknowledged. An ACK that is
// held rides on the next segment with data, is sent by Flush when the loop is
// about to wait, or when the timer expires: whichever is first. So a reply
// acknowledges its request, and the next request the reply.
type delayedAck struct {
	held     bool // an ACK is owed
	now      bool // and it must not wait
	full     int  // full-sized segments since the last ACK
	steady   int  // full-sized segments since an ACK was urgent
	deadline time.Duration
	listed   bool // the connection is in the endpoint's list of held ACKs
}

func (d *delayedAck) init() { d.deadline = Never }

// data counts a segment with n bytes in sequence.
func (d *delayedAck) data(n, mss int) {
	d.held = true
	if n < mss {
		return
	}
	every := ackEvery
	if d.steady++; d.steady > steadyAfter {
		every = steadyAckEvery
	}
	d.full++
	d.now = d.now || d.full >= every
}

// urgent asks for an ACK at once.
func (d *delayedAck) urgent() { d.held, d.now, d.steady = true, true, 0 }

// sent notes that a segment with ACK was sent.
func (d *delayedAck) sent() {
	d.held, d.now, d.full, d.deadline = false, false, 0, Never
}
