package tcpmod

import "time"

// State is a state of the connection (RFC 9293, section 3.3.2). LISTEN is not
// among them: a listener is not a connection here.
//
//	                   +--------+
//	         Dial      | CLOSED |     SYN to a listener
//	         snd SYN   +--------+     snd SYN,ACK
//	      +---------------/  \-----------------+
//	      V                                    V
//	 +----------+  rcv SYN, snd SYN,ACK   +----------+
//	 | SYN-SENT |------------------------>| SYN-RCVD |
//	 +----------+  (simultaneous open)    +----------+
//	      | rcv SYN,ACK                        | rcv ACK of SYN
//	      | snd ACK       +-------------+      | (accept)
//	      +-------------->| ESTABLISHED |<-----+
//	                      +-------------+
//	  CloseWrite, snd FIN    |       |   rcv FIN, snd ACK
//	      +------------------+       +------------------+
//	      V                                             V
//	+------------+  rcv FIN    +---------+        +------------+
//	| FIN-WAIT-1 |------------>| CLOSING |        | CLOSE-WAIT |
//	+------------+  snd ACK    +---------+        +------------+
//	      | rcv ACK of FIN          |                   | CloseWrite
//	      V                         |                   | snd FIN
//	+------------+                  | rcv ACK of FIN    V
//	| FIN-WAIT-2 |                  |             +----------+
//	+------------+                  |             | LAST-ACK |
//	      | rcv FIN, snd ACK        |             +----------+
//	      V                         V                   |
//	 +-----------+  2 MSL    +--------+  rcv ACK of FIN |
//	 | TIME-WAIT |---------->| CLOSED |<----------------+
//	 +-----------+           +--------+
//
// A reset, an Abort and a timeout lead from every state to CLOSED.
type State uint8

const (
	// Closed: the connection is over, and known to the endpoint no more.
	Closed State = iota
	// SynSent: the SYN was sent. Left by the peer's SYN.
	SynSent
	// SynRcvd: SYN received, SYN,ACK sent. Left by the ACK of our SYN.
	SynRcvd
	// Established: data flows both ways. Left by a FIN of either side.
	Established
	// FinWait1: our direction is closed, the FIN queued or sent. Left by its
	// ACK, or the peer's FIN.
	FinWait1
	// FinWait2: our FIN is acknowledged. Left by the peer's FIN; by the
	// clock, if Close was called.
	FinWait2
	// CloseWait: the peer's direction is closed. Left by CloseWrite.
	CloseWait
	// Closing: both FINs crossed, ours not yet acknowledged. Left by its ACK.
	Closing
	// LastAck: both directions are closed, the peer's first. Left by the ACK
	// of our FIN.
	LastAck
	// TimeWait: all done; answers a FIN that the peer sends again. Left by
	// the clock, or by a new SYN from the same port.
	TimeWait
)

var stateNames = [...]string{
	"CLOSED", "SYN-SENT", "SYN-RCVD", "ESTABLISHED", "FIN-WAIT-1", "FIN-WAIT-2",
	"CLOSE-WAIT", "CLOSING", "LAST-ACK", "TIME-WAIT",
}

// String returns the RFC's name of the state.
func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}

// sends reports whether data or a FIN may be sent or sent again.
func (s State) sends() bool {
	switch s {
	case Established, FinWait1, CloseWait, Closing, LastAck:
		return true
	}
	return false
}

// receives reports whether data of the peer may still come.
func (s State) receives() bool {
	return s == Established || s == FinWait1 || s == FinWait2
}

// setState is the one place where the state changes.
func (c *TCB) setState(now time.Duration, s State) {
	c.state = s
	switch s {
	case Established:
		c.alive.start(now)
	case FinWait2:
		if c.detached {
			c.lingerDeadline = now + finWait2Timeout
			c.arm(c.lingerDeadline)
		}
	case TimeWait:
		c.loss.stop()
		c.alive.deadline = Never
		c.lingerDeadline = now + c.opt.TimeWait
		c.arm(c.lingerDeadline)
		c.out.free()
		c.board.free()
		if c.unread() == 0 {
			c.in.free()
		}
	case Closed:
		c.loss.stop()
		c.alive.deadline = Never
		c.lingerDeadline = Never
		c.ack.sent()
		c.out.free()
		c.board.free()
		if c.unread() == 0 {
			c.in.free()
		}
		c.e.remove(c)
	}
}
