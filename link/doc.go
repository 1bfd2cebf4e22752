// Package link sends and receives Ethernet frames on a network interface.
//
// The way of a frame in:
//
//  1. the kernel's filter (filter.go) lets through what is for our own hardware address or for everybody,
//     IPv4 or ARP, in no VLAN; the address is not the interface's, so the host's own IP stack drops these
//     frames as somebody else's;
//  2. the kernel writes it into a slot of the ring that it shares with us (ring_linux.go) or into the
//     queue of the socket (packet_linux.go);
//  3. Receive hands it out as a view into that memory, Release gives the memory back.
//
// The way of a frame out: Buffer lends memory for one frame, the layers above prepend their headers in
// it, Send passes it to the kernel in one system call that does not block.
//
// Beside the devices on real interfaces there is an in-memory pair (NewPair), and there are two wrappers
// that go around any device and around each other: Impair loses, duplicates, reorders, corrupts, delays and
// paces frames from a seed, Tap writes what passes into a pcapng file.
//
// # Limits
//
//   - A frame is one segment of memory: no scatter, no batches, one system call a frame sent.
//   - Received frames that the kernel merged (GRO, LRO) to more than the MTU are dropped and counted in
//     Stats.ReceiveOversize. It merges TCP segments with valid checksums only; where both ends use
//     checksums on a real adapter, switch GRO and LRO off.
//   - The MTU is read once, by Open.
//   - Two devices on one interface need two different addresses (Options.Addr); nothing checks that.
//   - No multicast.
package link
