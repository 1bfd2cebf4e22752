// Package tcpmod is the Transmission Control Protocol (RFC 9293) for a local
// network of microseconds: the variant of the thesis (section 3.2.3), and with
// IntegrityChecksum one that speaks to any other TCP. It is a state machine. A
// segment, a time or a call of the user goes in; segments and events come out.
// There is no I/O, clock, lock or goroutine in it; conn.go is its face for those
// who want to block: net.Conn, net.Listener and a Dialer.
//
// The path of a segment in is told at Endpoint.Receive, the states at State.
// A segment out begins in output (output.go).
//
// # Layout
//
//	 0      1      2      3      4      5      6      7
//	+------+------+------+------+------+------+------+------+
//	| source port | dest. port  | sequence number           |
//	+------+------+------+------+------+------+------+------+
//	 8      9      10     11     12     13     14     15
//	+------+------+------+------+------+------+------+------+
//	| acknowledgement number    |data  |flags | window      |
//	|                           |offset|      |             |
//	+------+------+------+------+------+------+------+------+
//	 16     17     18     19     20 ...
//	+------+------+------+------+------+------ - - -
//	| checksum    | urgent,  0  | options, then data
//	+------+------+------+------+------+------ - - -
//
// The options, in this order:
//
//	in every segment:  CRC32C          253 8 dc 32 and the CRC   IntegrityCRC32C
//	                   timestamps      1 1 8 10 and two values   if negotiated
//	in a SYN:          segment size    2 4 and 2 bytes
//	                   SACK permitted  4 2                       unless NoSACK
//	                   timestamps      8 10 and two values       Options.Timestamps
//	                   window scale    1 3 3 and 1 byte
//	on a gap:          SACK            1 1 5 n and the blocks
//
// A segment of a default connection has none of them once it is open, so that a
// message has 40 bytes of headers, as in the thesis.
//
// # How losses are found and repaired
//
// A scoreboard (scoreboard.go) knows of each segment under way when it was sent
// last. RACK (rack.go, RFC 8985) takes for lost what was sent sufficiently
// before something that has arrived; of a peer without SACK, duplicate ACKs tell
// (newreno.go, RFC 6582). If no ACK comes at all a probe sends the tail again
// (probe.go), and after it the retransmission timeout (loss.go, RFC 6298). PRR
// (prr.go, RFC 6937) paces what is sent in recovery. The congestion window is
// package congestion's, Reno or CUBIC. What turns out not to have been lost, by
// D-SACK (RFC 2883) or by the arrival of what had timed out (F-RTO, RFC 5682),
// gives the window back.
//
// The retransmission timeout is 5 ms at least, not RFC 6298's second. A lower
// bound has to cover the longest time for which a peer holds an ACK back, which
// is our own 1 ms here, and the wake-up of a loaded machine; the round trip
// itself is some microseconds. A peer that holds ACKs back for longer, such as a
// kernel, wants Options.PeerAckDelay. A timeout that comes too early costs one
// segment, since with SACK it is undone.
//
// # Who may disturb a connection
//
// Nobody who doesn't see its segments. Initial sequence numbers are those of RFC
// 6528. Only the exactly next reset resets, and everything else out of place
// gets an ACK at most, within a limit (RFC 5961). ICMP reports are believed only
// of segments under way, end attempts to connect at most, and lower the segment
// size to a floor of 536 bytes (RFC 5927). Per listener 256 connections may be
// half open; what a connection keeps is bounded by Options.SendBuffer and
// ReceiveBuffer, 8,192 segments under way and 256 pieces behind gaps.
//
// # Limitations
//
//   - IPv4 only, and no IP options.
//   - The urgent pointer is ignored: urgent data is data.
//   - No ECN, no fast open, no SYN cookies: a flood of SYNs keeps new
//     connections out while it lasts, and leaves established ones alone.
//   - Buffers have a fixed size; there is no automatic tuning.
//   - The congestion window is not shared between connections, and there is no
//     pacing outside recovery.
//   - Nothing is sent with a SYN, and data on a received one is not taken.
//   - IntegrityCRC32C leaves the checksum field zero, so a kernel drops such a
//     SYN in silence and the attempt times out.
//   - Reports that a path has become larger are not looked for (RFC 1191,
//     section 6.3): a segment size that was lowered stays.
package tcpmod
