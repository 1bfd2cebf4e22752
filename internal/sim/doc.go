// Package sim runs the whole stack (package ipx, and tcpmod and rdp on it) of any number of nodes on virtual time,
// through a network with every fault that we could think of, from one seed. The same seed does the same, frame by frame,
// so a failure can be looked at as often as it takes:
//
//	go run ./internal/sim/soak -seed N -v
//
// The seed draws a scenario: networks and gateways between them, nodes and the conditions of their lines
// (scenario_network.go); flows of connections, their options, and what the parties at their ends do (scenario.go); and
// when which node's link is cut, or the node crashes, freezes, or has its clock jump (incident.go). Then events happen in
// the order of their times (world.go), until every connection has ended.
//
// The way of a frame:
//
//  1. a party (party.go, stream.go, message.go) writes, or a timer of its node (node.go) expires;
//  2. the node's real transport and real IP make a frame of it, which a port (network.go) gives to the switch;
//  3. the line to its destination (line.go) loses, doubles, delays or corrupts it, or not;
//  4. it comes out of the queue (queue.go) when it is due, and goes up through the other node to another party.
//
// What is checked:
//
//   - Every byte. Each party sends content of its own (content.go), announced by its number, so a byte that is lost,
//     doubled, moved or changed shows, and so does one of an earlier connection or an earlier life of a node.
//   - Acknowledgements: what a party has seen acknowledged is at its peer (check.go).
//   - Ends: what was to end in good order does, with all bytes on both sides. Where a party aborts, a node crashes or is
//     cut off for ever, whoever is left learns of it. Nobody waits for ever.
//   - No frame is larger than its receiver takes.
//   - At the end the endpoints have no connection and no timer. Nothing panics, and nothing spins.
//
// The seed also tells what may fail: a connection can't always be opened on an impaired network, and is then tried
// again; RDP's RST can be lost in a blackout of seconds, all eight times, and then the peer of an otherwise complete
// connection is told of a reset. Nothing else is excused.
//
// The package has no clock, no goroutine, and iterates over no map. Matrix is another use of the same network: a
// table of goodput and latency (matrix.go), kept in testdata.
//
// # Limits
//
//   - Nodes take no time to compute, and their clocks all run at the same speed.
//   - Networks stand in a line, with one gateway between each two.
//   - Where nothing protects what the protocols themselves don't, nothing is drawn: ARP is never corrupted, the ports of an
//     aborted TCP connection are not used again at once, and an RDP without congestion control does not send more
//     fragments at once than the lines have room for.
package sim
