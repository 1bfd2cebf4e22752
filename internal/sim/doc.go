// Package sim runs the whole stack (package ipx, and tcpmod and rdp on it) of any number of nodes on virtual time,
// through a network with every fault that we could think of, from one seed. The same seed does the same, frame by frame,
// so a failure can be looked at as often as it takes:
//
//	go run ./internal/sim/soak -seed N -v
//
// The seed draws a scenario (scenario.go): nodes and the conditions of their lines, flows of connections and what the
// parties at their ends do, and when which node's link is cut, or the node crashes, freezes, or has its clock jump. Then
// events happen in the order of their times (world.go), until every connection has ended.
//
// What is checked:
//
//   - Every byte. Each party sends content of its own (content.go), announced by its number, so a byte that is lost,
//     doubled, moved or changed shows, and so does one of an earlier connection or an earlier life of a node.
//   - Acknowledgements: what a party has seen acknowledged is at its peer (check.go).
//   - Ends: what was to end in good order does, with all bytes on both sides. Where a party aborts, a node crashes or is
//     cut off for ever, whoever is left learns of it. Nobody waits for ever.
//   - At the end the endpoints have no connection and no timer. Nothing panics, and nothing spins.
//
// The seed also tells what may fail: a connection can't always be opened on an impaired network, and is then tried
// again; RDP's single RST can be lost in a blackout of seconds, and then the peer of an otherwise complete
// connection is told of a reset. Nothing else is excused.
//
// The package has no clock, no goroutine, and iterates over no map. Matrix is another use of the same network: a
// table of throughput and latency (matrix.go).
//
// # Limits
//
//   - Nodes take no time to compute, and their clocks all run at the same speed.
//   - All nodes are at one switch.
//   - Initial sequence numbers are the endpoints' own, so they wrap around no more often than they do in life.
package sim
