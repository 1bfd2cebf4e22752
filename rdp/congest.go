package rdp

import (
	"time"

	"deputy/internal/congestion"
)

// congest is what the thesis missed in RDP: congestion control, if Options.Congestion asks for it. RFC 908 sends what
// the window allows, and resends at once what is lost; then this takes no part. With it, a segment found lost waits
// until the congestion window has room for it, except the first of a recovery (RFC 6675), and a segment whose timer
// expires takes with it all that were sent as long ago.
//
// Of a loss that a tail probe repairs the Controller isn't told (RFC 8985, section 7.4, would).
//
// The windows of the Controller are bytes of data. As a small message costs a frame like a large one, the window in
// segments remains what bounds those.
//
// The Controller itself is sender.cc, where every segment looks for it.
type congest struct {
	unacked    int           // bytes sent, neither acknowledged nor reported by EACK
	lostBytes  int           // of those, found lost and not sent again yet
	lost       uint32        // segments of lostBytes
	recover    uint32        // SND.NXT when the last loss was found
	recovering bool          // until SND.UNA is there
	timedOut   bool          // by timer, and nothing was acknowledged since
	limited    bool          // the congestion window holds back what the other would allow
	lastSent   time.Duration // when something was sent for the first time
}

// startCongestion gives the connection its Controller. The first window is RFC 6928's.
func (r *Record) startCongestion() {
	if r.options.Congestion == "" {
		return
	}
	initial := min(10*r.maxData, max(2*r.maxData, 14600))
	r.cc, _ = congestion.New(r.options.Congestion, r.maxData, initial) // resolve knows the name
	r.recover = r.sndNxt
}

// congested reports whether n more bytes exceed the congestion window. One segment is always allowed.
func (r *Record) congested(n int) bool {
	pipe := r.unacked - r.lostBytes
	return pipe > 0 && pipe+n > r.cc.Window()
}

// beforePump resends what is lost, as far as the window allows, before anything new is sent.
func (r *Record) beforePump(now time.Duration) {
	if r.sndNxt == r.sndUna && r.sndNxt != r.sndEnd {
		r.cc.Idle(now, now-r.lastSent, r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0))
	}
	for seq := r.sndUna; r.lost > 0 && seq != r.sndNxt; seq++ {
		s := r.out.at(seq)
		if !s.lost {
			continue
		}
		if r.congested(len(s.data)) {
			return
		}
		r.found(s)
		r.resend(now, seq, s, &r.info.FastResends)
	}
}

// congestionOpen is windowOpen's other half.
func (r *Record) congestionOpen() bool {
	r.limited = r.lost > 0 || r.congested(len(r.out.at(r.sndNxt).data))
	return !r.limited
}

// lose holds a segment lost: one sent later has arrived. It reports whether the segment is to be sent again at once:
// without congestion control always, with it if it is the first of its flight.
func (r *Record) lose(now time.Duration, seq uint32, s *outgoing) bool {
	if r.cc == nil {
		return true
	}
	if !before(seq, r.recover) {
		r.cc.Lost(now, r.flight())
		r.recover, r.recovering = r.sndNxt, true
		return true
	}
	r.missing(s)
	return false
}

// flight returns the bytes sent above SND.UNA, those reported by EACK included (RFC 5681's FlightSize).
func (r *Record) flight() int {
	n := 0
	for seq := r.sndUna; seq != r.sndNxt; seq++ {
		n += len(r.out.at(seq).data)
	}
	return n
}

// missing notes that a segment is lost and waits.
func (r *Record) missing(s *outgoing) {
	s.lost, s.suspect, s.due = true, false, Never
	r.lost++
	r.lostBytes += len(s.data)
}

// found notes that a segment is not lost, or waits no more.
func (r *Record) found(s *outgoing) {
	s.lost = false
	r.lost--
	r.lostBytes -= len(s.data)
}

// gone notes that the peer has a segment.
func (r *Record) gone(s *outgoing) {
	if s.lost {
		r.found(s)
	}
	r.unacked -= len(s.data)
}

// expired notes that the timer of a segment has: the network has stopped carrying. What was sent a timeout ago is lost,
// and waits for the window, which the oldest segment doesn't: it always goes first.
func (r *Record) expired(now time.Duration) {
	if !r.timedOut {
		r.cc.Timeout(now, r.flight())
		r.timedOut = true
	}
	r.recovering, r.recover = false, r.sndNxt
	rto := r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, 0)
	for seq := r.sndUna + 1; before(seq, r.sndNxt); seq++ {
		if s := r.out.at(seq); !s.eacked && !s.lost && (s.due <= now || now-s.sent >= rto) {
			r.missing(s)
		}
	}
}

// congestionAcked takes in n bytes that the peer has been found to have; fresh says that SND.UNA advanced.
func (r *Record) congestionAcked(now time.Duration, n int, fresh bool) {
	if n > 0 && !r.recovering {
		r.cc.Acked(now, n, r.rtt.srtt, r.limited || r.lost > 0)
	}
	if fresh {
		r.timedOut = false
		r.recovering = r.recovering && before(r.sndUna, r.recover)
	}
}
