package rdp

import (
	"io"
	"log/slog"
	"net/netip"
	"time"
)

// State of a connection (RFC 908, section 3.2.3).
//
//	              +--------+  Listen   +--------+
//	     +--------| CLOSED |---------->| LISTEN | (a listener; every SYN gets a record of its own)
//	     |        +--------+           +--------+
//	     | Dial       ^                    | rcv SYN, snd SYN,ACK
//	     V            | refused, reset,    V
//	+----------+      | timeout      +----------+
//	| SYN-SENT |------+--------------| SYN-RCVD |
//	|          |-------------------->|          |
//	+----------+ rcv SYN,            +----------+
//	     |       snd SYN,ACK               | rcv ACK or SYN,ACK
//	     | rcv SYN,ACK, snd ACK            V
//	     |                             +------+
//	     +---------------------------->| OPEN |---- timeout ----> CLOSED
//	                                   +------+
//	                                       | rcv RST; or all acknowledged after Close, or Abort: snd RST
//	                                       V
//	                                 +------------+
//	                                 | CLOSE-WAIT |---- after a delay ----> CLOSED
//	                                 +------------+
type State uint8

// The states. LISTEN is that of a listener, never of a record.
const (
	StateClosed State = iota
	StateListen
	StateSynSent
	StateSynReceived
	StateOpen
	StateCloseWait
)

var stateNames = [...]string{"CLOSED", "LISTEN", "SYN-SENT", "SYN-RCVD", "OPEN", "CLOSE-WAIT"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "invalid"
}

// Events is what a connection tells its user. The endpoint calls it, on its own goroutine, and runs it to
// completion; it may call any method of the connection and of the endpoint.
type Events interface {
	// OnOpen tells that the connection is established.
	OnOpen(now time.Duration)
	// OnData offers the data of one segment, or what was left of it, and returns how many bytes were taken. What is
	// not taken is offered again after Resume. The data is valid during the call only.
	OnData(now time.Duration, data []byte) int
	// OnSpace tells, after a Write that took less than given, that there is room again, or that there never will be
	// (Record.Err says why).
	OnSpace(now time.Duration)
	// OnEnd is the last event: io.EOF if the peer closed in an orderly way and everything was delivered both ways,
	// net.ErrClosed after a local Close or Abort, else what ended the connection.
	OnEnd(now time.Duration, err error)
}

// MessageEvents is met by the Events of a user who wants messages instead of OnData's bytes.
type MessageEvents interface {
	// OnMessage offers one message, as the peer gave it to WriteMessage, and reports whether it was taken. If not, it
	// is offered again after Resume. It is valid during the call only.
	OnMessage(now time.Duration, p []byte) bool
}

// Record is the connection record of RFC 908 (section 3.2.4): one connection. It does no I/O, reads no clock and has
// no lock: all calls come from the goroutine of its endpoint.
type Record struct {
	endpoint *Endpoint
	events   Events
	messages MessageEvents // events, if it wants messages
	listener *listener     // of a passive open, until OPEN
	options  Options
	key      uint64 // in the demultiplexer
	local    netip.AddrPort
	remote   netip.AddrPort
	state    State
	err      error       // why it ended
	cause    StatusError // what ICMP said since the last progress; zero: nothing

	sender
	receiver
	closer
	congest

	// Timers; Never if stopped. armed and index belong to the heap of the endpoint.
	armed   time.Duration
	index   int
	retryAt time.Duration // not after the first segment's due
	ackAt   time.Duration // an ACK is held back until then
	heard   time.Duration // when the peer was last heard of

	info Info
}

// Info is what can be told about a connection: RFC 908's Status request, and counts since open.
type Info struct {
	State       State
	Unacked     int           // segments sent and not acknowledged
	Queued      int           // segments written and not sent
	Unread      int           // segments received and not taken, those out of order included
	MaxMessage  int           // bytes of data of the largest segment that may be sent
	MaxReceive  int           // the same of the largest that is accepted
	Outstanding int           // segments that may be sent without acknowledgement, SND.MAX
	Sequenced   bool          // delivery mode
	Congestion  int           // congestion window in bytes; 0 without congestion control
	SRTT        time.Duration // smoothed round trip; 0 before the first measurement
	RTTVar      time.Duration
	RTO         time.Duration // backoff included

	SegmentsSent, SegmentsReceived     uint64
	BytesSent, BytesReceived           uint64 // data; retransmissions and duplicates not counted
	AcksSent, EACKsSent                uint64 // segments without data; segments with EACK, with data or without
	Timeouts, FastResends              uint64 // segments sent again by timer; because an EACK reported a hole
	TailProbes                         uint64 // last segments sent again before their timeout
	Probes                             uint64 // segments sent again to a peer that has them but doesn't take them
	Duplicates, OutOfOrder, OutOfRange uint64 // segments received
	KeepAlives                         uint64 // NULs sent
	LargeSent                          uint64 // segments sent that were larger than the MTU
	SendErrors                         uint64 // by the network; the segments are retransmitted
}

// LocalAddr returns the own address and port.
func (r *Record) LocalAddr() netip.AddrPort { return r.local }

// RemoteAddr returns the peer's address and port.
func (r *Record) RemoteAddr() netip.AddrPort { return r.remote }

// State returns the state of the connection.
func (r *Record) State() State { return r.state }

// MaxMessage returns the largest message that can be written, in bytes; 0 before the connection is open.
func (r *Record) MaxMessage() int { return r.maxData }

// Err returns nil while the connection can be written to or is being opened, else why Write takes nothing.
func (r *Record) Err() error {
	switch {
	case r.err == io.EOF:
		return ErrClosing
	case r.err != nil:
		return r.err
	case r.writeClosed:
		return ErrClosing
	}
	return nil
}

// Info returns figures about the connection.
func (r *Record) Info() Info {
	i := r.info
	i.State = r.state
	if r.state == StateOpen || r.state == StateSynSent || r.state == StateSynReceived {
		i.Unacked = int(r.sndNxt - r.sndUna)
		i.Queued = int(r.sndEnd - r.sndNxt)
	}
	i.Unread = r.unread
	if r.offer.held {
		i.Unread++
	}
	i.MaxMessage = r.maxData
	i.MaxReceive = r.options.SegmentSize - ipHeaderLen - HeaderLen
	i.Outstanding = int(r.sndMax)
	i.Sequenced = !r.arrivalOrder
	if r.cc != nil {
		i.Congestion = r.cc.Window()
	}
	i.SRTT, i.RTTVar = r.rtt.srtt, r.rtt.rttvar
	i.RTO = r.rtt.rto(r.options.MinRTO, r.options.MaxRTO, r.backoff)
	return i
}

// setState is the one place where the state changes.
func (r *Record) setState(s State) {
	if r.endpoint.log != nil {
		r.endpoint.log.Debug("rdp: state", slog.Any("local", r.local), slog.Any("remote", r.remote),
			slog.String("from", r.state.String()), slog.String("to", s.String()))
	}
	r.state = s
}

// deadline is when the record must be looked at next.
func (r *Record) deadline() time.Duration {
	d := min(r.retryAt, r.ackAt)
	switch r.state {
	case StateOpen:
		if d = min(d, r.keepAliveAt()); r.closing {
			d = min(d, r.lingerAt)
		}
	case StateCloseWait:
		d = min(d, r.rstAt, r.waitAt)
	}
	return d
}

// onTimer does what is due.
func (r *Record) onTimer(now time.Duration) {
	if r.ackAt <= now {
		r.sendAck(now)
	}
	if r.retryAt <= now {
		r.retry(now)
	}
	switch r.state {
	case StateOpen:
		if r.closing && r.lingerAt <= now {
			r.abort(now, r.timeout())
		} else if r.keepAliveAt() <= now {
			r.askAlive(now)
		}
	case StateCloseWait:
		r.closeWaitTimer(now)
	}
}

// settle ends every entry into the record from outside (segment, timer, call): it sends what may be sent now,
// gives the user its space, finishes a close, decides on the acknowledgement, and files the timers.
func (r *Record) settle(now time.Duration) {
	if r.state == StateOpen {
		if r.sndNxt != r.sndEnd || r.lost > 0 {
			r.pump(now)
		}
		if r.wantSpace {
			r.offerSpace(now)
		}
	}
	if r.closing && r.state == StateOpen {
		r.tryFinish(now)
	}
	if r.state == StateOpen {
		r.acknowledgeLater(now)
	}
	r.file()
}

// file moves the record in the heap if a timer is earlier than what it is filed under.
func (r *Record) file() {
	if r.index < 0 {
		return
	}
	if d := r.deadline(); d < r.armed {
		r.endpoint.timers.move(r, d)
	}
}

// fileRetry is file where nothing but retryAt can have become earlier.
func (r *Record) fileRetry() {
	if r.retryAt < r.armed {
		r.endpoint.timers.move(r, r.retryAt)
	}
}
