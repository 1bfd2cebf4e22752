package report

// Thesis holds what Yarom's thesis reports of close(), measured on two 486DX/33 over 10 Mbit/s Ethernet.
var Thesis = struct {
	LocalClose  float64 // µs, table 5.1
	RemoteClose float64 // µs, table 5.1
	Slowdown    float64 // table 5.1
	Message     []Component
}{
	LocalClose:  24,
	RemoteClose: 3270,
	Slowdown:    136.3,
	Message: []Component{
		{"network", 411}, {"IP", 184}, {"context switch", 155}, {"TCP", 825}, {"packaging", 77},
	},
}

// Component is a part of a message's latency, one way, in µs: here those of the request of close(), of 64
// bytes, in table 5.2. (The text of 5.2.1 has 165 for the context switch.)
type Component struct {
	Name   string
	Micros float64
}
