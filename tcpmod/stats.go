package tcpmod

import "time"

// Stats counts what happened at an endpoint since it was made.
type Stats struct {
	SegmentsIn, SegmentsOut uint64 // well-formed ones; all sent
	BytesIn, BytesOut       uint64 // data in sequence; data sent, also again

	Malformed     uint64 // dropped: header or lengths wrong
	BadChecksum   uint64 // dropped: checksum or CRC wrong
	Mismatched    uint64 // SYNs with another integrity option
	NotOurs       uint64 // dropped: not from a unicast address to ours
	Unacceptable  uint64 // outside the window
	OldTimestamps uint64 // dropped by PAWS
	OutOfOrder    uint64 // kept behind a gap
	Discarded     uint64 // behind too many gaps, dropped

	ActiveOpens, PassiveOpens uint64 // connections established
	Refused                   uint64 // SYNs dropped: too many half-open connections
	ResetsIn, ResetsOut       uint64
	Challenges                uint64 // ACKs in answer to segments out of place (RFC 5961), probes among them
	ChallengesHeld            uint64 // the same, not sent: too many

	Retransmissions            uint64 // segments sent again, for whatever reason
	Timeouts                   uint64 // expiries of the retransmission timer
	FastRetransmits            uint64 // recoveries begun by SACK or duplicate ACKs
	Undone                     uint64 // reductions of the congestion window taken back: nothing had been lost
	Reneged                    uint64 // a peer dropped data that it had reported by SACK
	TailProbes                 uint64 // tail-loss probes
	WindowProbes               uint64 // zero-window probes
	KeepaliveProbes            uint64
	ConnectionsEnded           uint64 // by timeout or keepalive
	StatusTaken, StatusIgnored uint64 // ICMP reports used, and not: about nothing under way
	SendErrors                 uint64 // of the network below
}

// Info tells the state of one connection.
type Info struct {
	State State
	MSS   int // bytes of data in a segment sent

	SRTT, RTTVAR time.Duration // 0: nothing measured yet
	RTO          time.Duration // with backoff
	CWND         int           // bytes; 0 before the peer's SYN
	SendWindow   int           // the peer's, bytes
	Unacked      int           // bytes written and not acknowledged
	Unread       int           // bytes received in sequence and not taken

	SACK, Timestamps bool // negotiated

	SegmentsIn, SegmentsOut uint64
	BytesIn, BytesOut       uint64 // of data: taken in sequence; sent for the first time
	Retransmissions         uint64 // segments sent again
}
