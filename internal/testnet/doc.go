// Package testnet makes nodes on one machine: two or more, each with a network, mount, UTS and PID
// namespace of its own, joined by veth pairs. The testbed command, ipxbench and tests stand on it.
//
//	calling process ── locked thread per node, inside the node's namespaces
//	 │  │                (starts the node's processes, opens its sockets)
//	 │  ├─ node a: pid 1 ── host name a, /node/name, private /run and /proc
//	 │  │     eth0 192.0.2.1/24 ═══ veth ═══╗
//	 │  └─ node b: pid 1                     ║   or each to a bridge in a network
//	 │        eth0 192.0.2.2/24 ═════════════╝   namespace of its own
//	 └─ commands and agents: children of the calling process, members of their node's namespaces
//
// With several networks there is a bridge for each, and a node g with an interface on every one.
//
// Nothing has a name in the file system and nothing is put into the host's namespaces, so there is
// nothing to remove: a node's pid 1 is killed by the kernel when the calling process ends, however it
// ends, with it go all processes of the node, with them the namespaces, and with those the interfaces
// and mounts. The bridge's namespace is held by a thread of the calling process.
//
// A node's root is a tmpfs in which every top-level folder of the host is bound, recursively, but
// private: mounts made on either side are not seen on the other. Its own are /proc, /sys, /run (empty,
// but for /run/testbed/bin, where the nodes share one folder of binaries), and /node with the file
// name. /tmp, /dev and everything else are the host's. IPC and user namespaces are the host's too.
//
// eth0 has an address for the host's IP stack, for measurements beside kernel UDP and TCP. Agents use
// addresses of their own. IPv6 is off, so that a link is silent until somebody sends.
//
// A program that uses this package calls Init first thing in main (a test: in TestMain), because a
// node's pid 1 is the same program, started again. Needed: root, and a kernel of 5.8 or newer.
package testnet
