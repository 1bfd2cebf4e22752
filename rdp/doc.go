// Package rdp is version 2 of the Reliable Data Protocol, RFC 908 as changed by RFC 1151, IP protocol 27: messages,
// each in one segment, that arrive once, whole, and in sequence unless both sides want them in the order of arrival.
//
// An Endpoint is a state machine: segments, calls and the time go in, segments and events come out. It does no I/O,
// reads no clock and has no lock, and allocates nothing for a segment in a steady state. Conn, Listener and Dialer
// (conn.go) are its blocking faces, with messages or as a stream.
//
// # Segments
//
// Numbers are big-endian, offsets in bytes.
//
//	 0  SYN 80, ACK 40, EACK 20, RST 10, NUL 08, unused 04, version 03 (is 2)
//	 1  header length, in units of 2 bytes
//	 2  source port (2)
//	 4  destination port (2)
//	 6  data length (2)
//	 8  sequence number (4)
//	12  acknowledgement number (4): the last received in sequence
//	16  checksum (2): that of TCP, over a pseudo-header with protocol 27; 0: not computed
//	18  SYN only: maximum number of outstanding segments (2)
//	20            maximum segment size, IP and RDP headers included (2)
//	22            options (2): bit 0, of value 1, is sequenced delivery mode
//	18  EACK only: numbers received out of sequence (4 each, 1 to 123)
//	..  data
//
// SYN, NUL and segments with data take a sequence number each and are acknowledged; the others carry SND.NXT and are
// not. Data goes with ACK; EACK goes with ACK; SYN, RST and NUL have no data. Parse refuses everything else.
//
// # Decisions
//
// What neither RFC corrects, by the numbers of the tests (decisions_test.go):
//
//  1. A NUL passes the same order test as data. As printed it sets RCV.CUR, which skips what was lost.
//  2. A segment that fills a hole moves RCV.CUR over all that is buffered behind it (example 5.3).
//  3. Sequenced delivery buffers what comes out of order; delivery in the order of arrival remembers what it has
//     delivered, so that nothing is delivered twice.
//  4. The size in the peer's SYN bounds what we send, in every state, and our SYN says what we accept.
//  5. The ACK and EACK of a duplicate are used, up to a window to the left of the one that is accepted. What lies
//     further away has no effect, but is answered with an ACK if it asks for one.
//  6. A duplicate SYN in SYN-RCVD is answered with SYN and ACK.
//  7. A listener stays one: every SYN gets a record, up to Options.Backlog in SYN-RCVD at a time.
//  8. Comparisons are made on the circle of numbers.
//  9. A RST that ends a connection is repeated in CLOSE-WAIT until it is answered with one, or the state ends; data
//     and NUL there get it too.
//  10. A SYN with a maximum of no segments, or a size below 68 bytes, is refused with a RST.
//
// What they leave open:
//
//   - Flow control: a segment is acknowledged when the user has taken it (RFC 1151's remedy). Until then it is listed
//     by EACK, so that it isn't sent again, except the oldest, now and then, to see that the peer lives.
//   - Acknowledgements wait for a segment with data to ride on, until the loop is about to wait (Flush), until eight
//     are owed, or for 1 ms (ack.go). A hole that opens or is filled is reported at once.
//   - Retransmission: a timer for each segment (RFC 908), its length by RFC 6298 with a minimum of 5 ms (options.go
//     says why), doubled with each expiry up to 1 s. Twenty expiries of the oldest segment without an acknowledgement end
//     the connection. A segment is resent at once when three sent after it have arrived, and after a short wait when
//     fewer have; the last of a flight after two round trips and 1.5 ms, once, as nothing sent later could show that it
//     is lost (RFC 8985, section 7) (resend.go).
//   - Congestion: none, as in RFC 908, or Options.Congestion (congest.go).
//   - Size: a segment is at most the MTU, and one message as much less as the headers take. If both sides set
//     Options.SegmentSize above it, up to 65,535 bytes, larger ones travel as fragments of IP, of which the loss of one
//     loses all: 1-(1-P)^n of n fragments (the thesis, section 3.2.1). RDP itself cuts no message.
//   - Status: what ICMP tells is believed as far as RFC 5927 does (status.go).
//   - Opening: SYN is repeated for about 4 s. The side that answers says in its SYN which delivery mode it is: sequenced,
//     unless both ask for the other. An opener that meets a half-open connection resets it and ends too (RFC 1151).
//   - Closing: see close.go. Close waits until the peer's user has taken everything, so that an orderly end, io.EOF,
//     means that nothing was lost, either way. RST with ACK is orderly; RST alone is a reset.
//   - Initial sequence numbers: a keyed hash and a clock (RFC 6528).
//   - A SYN in OPEN is answered with an ACK, wherever its number lies. As printed one in the window resets.
//   - Segments that can't be of this connection by their ACK are dropped whole (RFC 5961, section 5).
//
// # Limits
//
//   - Of a listener: Options.Backlog connections in SYN-RCVD; more SYNs are dropped. A record takes 1.3 kB at most.
//   - Of a connection: 2 Options.Outstanding segments received and not taken, and Options.SendBuffer bytes or 1,024
//     segments written and not acknowledged, whichever is more, each in a buffer of the MTU or a larger one.
//   - Of an endpoint: Config.ReceiveMemory bytes of buffers for segments that wait, and one segment of each connection.
//     Beyond it what would have to wait is dropped and comes again; what can be delivered at once is.
//   - A connection lives as long as its peer answers: NUL after Options.KeepAlive, the retry limit, and Options.Linger
//     after Close.
//
// # Limitations
//
//   - IPv4 only, one address an endpoint.
//   - No version 1, whose header and checksum differ.
//   - The checksum can't be negotiated: the header has no bit for it. Both sides must be told.
//   - The window is counted in segments and fixed at open, so that a reader who stops holds the sender to it, not to
//     bytes. There is no half close: the protocol has none.
//   - A new connection between the same two ports has to wait until CLOSE-WAIT ends on the other side, 2 s.
//   - Without an integrity check of IP's own, and with Options.Checksum off, a corrupt segment is delivered: the thesis
//     leaves that to Ethernet.
package rdp
