// Package ipx is the Internet Protocol, version 4 (RFC 791), of one Ethernet
// interface, with the Address Resolution Protocol (RFC 826) that finds the
// neighbours, and ICMP (RFC 792) that tells what became of a datagram. It takes
// frames and gives the transports datagrams, and the other way round. It does no
// I/O but through its Device, has no clock and starts no goroutine; time is an
// argument. A Gateway joins the stacks of several interfaces.
//
// The path of a datagram in is told at Stack.Input, the path out at Port.Send,
// that of a fragment at Stack.inputFragment, of an ICMP message at
// icmpHandler.Receive, of another host's datagram at Stack.inputOther.
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
// service 0, an identification that counts up, TTL 64 or Config.TTL, and no
// options. A datagram that fits has flag DF set and offset 0. One that doesn't
// goes in fragments, all of which carry its identification: flag MF is set in
// all but the last, and the offset counts 8 bytes.
//
// An ICMP message (icmp.go) is the payload of protocol 1:
//
//	 0      1      2      3      4      5      6      7      8 ...
//	+------+------+------+------+------+------+------+------+--- - -
//	| type | code | checksum    | echo: ident | echo: sequ. | echo: data
//	|      |      |             | 0           | 3, 4: MTU   | error: quote
//	+------+------+------+------+------+------+------+------+--- - -
//
// The quote is the header of the datagram that the error is about, and at least
// 8 bytes of its payload; ours has all that fits into 576 bytes. What we send:
// echo reply (0), echo (8), net, host and protocol unreachable (3, codes 0, 1
// and 2), fragmentation needed (3, 4), time exceeded on the way (11, 0) and in
// reassembly (11, 1).
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
// # Bounds
//
//	neighbours                    1024, strangers can't drive out who is in use
//	destinations (paths)          1024, with their path MTUs for 10 minutes
//	routes                        256
//	datagrams that wait           16 for a neighbour, 128 in the loopback, 256 in all; of large ones 32, 2 MiB;
//	                              half of them at most may be forwarded ones
//	datagrams in reassembly       64, 4 MiB; 16 of a source; 1 s, 32 holes, fragments of 48 bytes at least
//	ICMP errors sent              50 at once, then 100 a second; fragmentation needed 200, then 1000
//	echo replies sent             200 at once, then 1000 a second
//	path MTU                      never below 576 bytes
//
// # Cost
//
// In the steady state nothing is allocated, in either direction, by reassembly,
// or by forwarding. Headers of what we send are copied from a template that each
// path has; total length, identification, protocol and checksum are patched
// (template.go). A received payload is a view into the frame. Deadline is a
// field. Fragments are copied once on each side: out of the pieces that
// SendDatagram gets into the frames, and out of the frames into one buffer.
//
// # Limitations
//
//   - One interface, one address, one network for a Stack. A datagram leaves by
//     the device that the Gateway's routes say, with the address of the Stack
//     that it was sent by.
//   - Routes are given: no routing protocol, no redirects in either direction,
//     and a next hop that stays silent is not replaced by another.
//   - An identification is 16 bits, and those of fragments are counted one by one:
//     at 10 Gbit/s a count of datagrams of two fragments comes round in 80 ms. A
//     receiver that has lost one fragment may then complete the datagram with
//     another's (RFC 4963). Reassembly gives up after a second or after 16,384
//     other datagrams, and a stack begins to count at random, since it may be
//     that of a host that has just crashed; the rest is up to the transport's
//     checksum. Who can guess
//     the number can spoil a datagram by an overlap (RFC 5722).
//   - Fragments of less than 48 bytes, which a network of MTU 68 would make of
//     datagrams with options, are dropped.
//   - ICMP has no port unreachable, which the transports say by their own resets,
//     no timestamps, and ignores redirects and source quench. Errors received are
//     believed as far as the quoted addresses go; the rest is up to the transport
//     (RFC 5927). Anybody on the way can lower a path MTU to 576 bytes.
//   - Path MTU is what gateways tell; a silent one that drops what is too large is
//     not found out (RFC 4821).
//   - Options received are skipped unread, source routes included: what is
//     addressed to us is delivered, and no route is recorded or reversed. Options
//     of forwarded datagrams are passed on as they are.
//   - No multicast. Our own broadcasts are not delivered to ourselves, nor are
//     broadcasts forwarded.
//   - A Gateway forwards only what comes from a network that a route of the
//     incoming Stack leads back to, so paths must be symmetric by network.
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
//   - The prefix and the MTU of the interface don't change during the life of a
//     Stack.
package ipx
