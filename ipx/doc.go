// Package ipx is the Internet Protocol, version 4 (RFC 791), of one Ethernet
// interface, with the Address Resolution Protocol (RFC 826) that finds the
// neighbours. It takes frames and gives the transports datagrams, and the other
// way round. It does no I/O but through its Device, has no clock and starts no
// goroutine; time is an argument.
//
// The path of a datagram in is told at Stack.Input, the path out at Port.Send.
//
// # Layout
//
// A frame is an Ethernet II header, which package link describes, and what its
// EtherType says. Numbers are big-endian. An IPv4 datagram (header.go) is what
// follows EtherType 0x0800:
//
//	 0      1      2      3      4      5      6      7
//	+------+------+------+------+------+------+------+------+
//	| ver  | type | total length|identifi-    |flags,       |
//	| IHL  | svc  |             |cation       |frag. offset |
//	+------+------+------+------+------+------+------+------+
//	 8      9      10     11     12     13     14     15
//	+------+------+------+------+------+------+------+------+
//	| TTL  |proto-| header      | source address            |
//	|      |col   | checksum    |                           |
//	+------+------+------+------+------+------+------+------+
//	 16     17     18     19     20 ...
//	+------+------+------+------+------+------ - - -
//	| destination address       | options, then payload
//	+------+------+------+------+------+------ - - -
//
// What we send has these values: version 4 and IHL 5 (byte 0 is 0x45), type of
// service 0, an identification that counts up, flag DF set, offset 0, TTL 64
// or Config.TTL, and no options.
//
// An ARP packet (arp.go) is what follows EtherType 0x0806:
//
//	 0      1      2      3      4      5      6      7
//	+------+------+------+------+------+------+------+------+
//	| hardware    | protocol    | hw   | prot.| operation   |
//	| type, 1     | type, 0x0800| len 6| len 4| 1 ask, 2 tell
//	+------+------+------+------+------+------+------+------+
//	 8      9      10     11     12     13     14     15
//	+------+------+------+------+------+------+------+------+
//	| sender hardware address                 | sender      |
//	|                                         | address ... |
//	+------+------+------+------+------+------+------+------+
//	 16     17     18     19     20     21     22     23
//	+------+------+------+------+------+------+------+------+
//	| ... sender  | target hardware address                 |
//	| address     |                                         |
//	+------+------+------+------+------+------+------+------+
//	 24     25     26     27
//	+------+------+------+------+
//	| target address            |
//	+------+------+------+------+
//
// # Cost
//
// In the steady state nothing is allocated in either direction. Headers of
// what we send are copied from a template that each neighbour has; total length,
// identification, protocol and checksum are patched (template.go). A received
// payload is a view into the frame. Deadline is a field.
//
// # Limitations
//
//   - One interface, one address, one network: no routes, no gateway, no
//     forwarding. Datagrams from outside of our network are dropped, since
//     nothing could answer them.
//   - No fragmentation: Port.MTU is the limit, and DF is set. Fragments
//     received are counted and dropped; inputFragment is where reassembly
//     begins.
//   - No ICMP: we answer no echo request, and tell nobody of an unknown
//     protocol. What a transport learns of a datagram's fate is the error of
//     Port.Send.
//   - Options received are skipped unread, source routes included: what is
//     addressed to us is delivered, and no route is recorded or reversed.
//   - No multicast. Our own broadcasts are not delivered to ourselves.
//   - Type of service, TTL and the rest of the header are not shown to the
//     transports, nor can they set them per datagram. A received TTL of 0 is
//     accepted (RFC 1122, section 3.2.1.7).
//   - ARP believes what it hears: on a network where others may forge frames,
//     nothing here protects the addresses. A flood of forged requests can't
//     drive out neighbours that are in use, nor grow the table.
//   - ARP asks faster than RFC 1122 recommends for the first 1.3 s, at 20 ms and
//     doubling, where a network of microseconds would make 1 s a long wait.
//   - Of RFC 5227, Probe doesn't wait at random before the first probe, and has
//     no limit on the rate of new attempts; ARP replies are sent by unicast.
//   - The prefix and the MTU don't change during the life of a Stack.
package ipx
