// Package congestion decides how much data a transport may have under way. Its
// two algorithms, Reno (RFC 5681) and CUBIC (RFC 9438), stand behind one
// interface, which tcpmod and rdp share.
//
// Loss recovery itself (what is sent again, and how it is paced) is the
// transport's: a Controller only gives the window to come to. Sizes are bytes
// and times are arguments; there is no clock, goroutine or lock.
package congestion

import (
	"errors"
	"fmt"
	"time"
)

// Controller keeps the congestion window of one connection.
type Controller interface {
	// Window returns CWND in bytes, at least one segment.
	Window() int
	// Acked: n more bytes were acknowledged outside recovery, or in the slow
	// start after a timeout. srtt is the smoothed round trip, 0 if none is
	// known. limited says that CWND was what held the sender back; without it
	// the window does not grow, since it would grow unproven (RFC 7661).
	Acked(now time.Duration, n int, srtt time.Duration, limited bool)
	// Lost: a loss was found with flight bytes sent and not acknowledged;
	// recovery begins. The window is at once what it is to be at its end.
	Lost(now time.Duration, flight int)
	// Timeout: the retransmission timer expired for the first time, or again
	// after something was acknowledged, with flight bytes sent and not
	// acknowledged. The window is one segment.
	Timeout(now time.Duration, flight int)
	// Idle: the sender is about to send after a silence of d; rto is its
	// retransmission timeout. What the window was proves little then.
	Idle(now time.Duration, d, rto time.Duration)
	// Undo takes the last Lost or Timeout back: nothing had been lost after all
	// (RFC 4015; RFC 9438, section 4.9). It has an effect once for each.
	Undo()
}

// Algorithm names an algorithm.
type Algorithm string

const (
	Reno  Algorithm = "reno"  // RFC 5681, the default
	Cubic Algorithm = "cubic" // RFC 9438
)

// ErrAlgorithm is wrapped by the error of New.
var ErrAlgorithm = errors.New("congestion: unknown algorithm")

// New returns a controller. mss is the segment size and initial the initial
// window, both in bytes; the window begins with two segments at least. An
// empty name means Reno.
func New(a Algorithm, mss, initial int) (Controller, error) {
	switch a {
	case "", Reno:
		return newReno(mss, initial), nil
	case Cubic:
		return newCubic(mss, initial), nil
	}
	return nil, fmt.Errorf("%w %q: have %q and %q", ErrAlgorithm, a, Reno, Cubic)
}

// unlimited is the first slow-start threshold: arbitrarily high (RFC 5681,
// section 3.1).
const unlimited = 1 << 30

// slowStart returns the growth in slow start for n bytes acknowledged. RFC 3465
// allows two segments an ACK; of a receiver that acknowledges eight at a time
// (tcpmod does so in a stream) the ACK of as many counts whole, and no more: a
// long silence of ACKs must not end in a burst.
func slowStart(n, mss int) int { return min(n, 8*mss) }

// restart returns the window after a silence: no more than the initial one if
// the silence was longer than a retransmission timeout (RFC 5681, section 4.1).
func restart(cwnd, initial int, d, rto time.Duration) int {
	if d <= rto {
		return cwnd
	}
	return min(cwnd, initial)
}
