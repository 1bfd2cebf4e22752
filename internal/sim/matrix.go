package sim

import (
	"fmt"
	"io"
	"math"
	"time"

	"deputy/internal/congestion"
	"deputy/ipx"
	"deputy/rdp"
	"deputy/tcpmod"
)

// The network of the matrix: two nodes, full duplex.
const (
	matrixRate   = 1e9 // bits a second, from the Ethernet header on
	matrixDelay  = 25 * time.Microsecond
	matrixBuffer = 1 << 20 // bytes that wait for a line
	matrixMTU    = 1500
	matrixSpin   = 100 * time.Microsecond // engine.DefaultSpin, after which held acknowledgements are sent
)

// What is sent for each cell: so much in bulk, but not more messages; and so many requests.
const (
	matrixBytes     = 8 << 20
	matrixMessages  = 20_000
	matrixRequests  = 4_000
	matrixDatagrams = 2_000            // in fragments
	matrixReply     = 24               // bytes
	matrixPatience  = 10 * time.Minute // of virtual time, after which a cell is given up
)

var (
	matrixSizes   = []int{24, 1 << 10, 8 << 10, 64 << 10} // bytes of a message
	matrixLoss    = []float64{0, 0.0001, 0.001, 0.01, 0.05}
	fragmentSizes = []int{1 << 10, 4 << 10, 16 << 10, 64_000} // each within a datagram
)

// subject is a transport in a variant.
type subject struct {
	name string
	tcp  *tcpmod.Options // one of the two
	rdp  *rdp.Options
}

var (
	plainTCP   = subject{name: "tcpmod", tcp: &tcpmod.Options{}}
	plainRDP   = subject{name: "rdp", rdp: &rdp.Options{}}
	fragmented = subject{name: "rdp fragmented", rdp: &rdp.Options{SegmentSize: math.MaxUint16}}
	subjects   = []subject{
		plainTCP,
		{name: "tcpmod cubic", tcp: &tcpmod.Options{Congestion: congestion.Cubic}},
		plainRDP,
		{name: "rdp cubic", rdp: &rdp.Options{Congestion: congestion.Cubic}},
		fragmented,
	}
)

// Matrix measures the table and writes it. Time is virtual, so the same code gives the same table to the last digit.
func Matrix(out io.Writer) {
	fmt.Fprintf(out, `Goodput and latency against loss and message size, on virtual time.

Network: %g Gbit/s full duplex, %d µs one way, MTU %d, %d KiB wait for a line at most; frames are lost both ways,
one by one. It carries 120.5 MB/s of data in TCP's largest segments, 120.7 in RDP's. Nodes take no time. Options
are the defaults, so a stream's messages may share a segment; "rdp fragmented" has the largest segments, which IP
fragments. %d MiB in bulk, but at most %d messages; %d requests. A dash: the connection did not live.
Made by: go test ./internal/sim -run Matrix -update
`, matrixRate/1e9, matrixDelay.Microseconds(), matrixMTU, matrixBuffer>>10, matrixBytes>>20, matrixMessages, matrixRequests)

	table(out, "Goodput in MB/s: messages of so many bytes one behind the other", "%9s",
		func(s *subject, loss float64, size int) (string, bool) {
			rate, _, ok := s.goodput(loss, size, min(matrixMessages, matrixBytes/size))
			return figure(rate), ok
		})
	table(out, fmt.Sprintf("Latency in µs, median / 99th percentile: a request of so many bytes and a reply of %d", matrixReply), "%18s",
		func(s *subject, loss float64, size int) (string, bool) {
			p50, p99, ok := s.latency(loss, size)
			return figure(float64(p50)/1e3) + " / " + figure(float64(p99)/1e3), ok
		})
	fragmentLoss(out)
}

// table measures and writes a line for each subject and size.
func table(out io.Writer, title, cell string, measure func(*subject, float64, int) (string, bool)) {
	fmt.Fprintf(out, "\n%s.\n\n%-14s %7s", title, "", "bytes")
	for _, loss := range matrixLoss {
		fmt.Fprintf(out, cell, fmt.Sprintf("%g%%", loss*100))
	}
	fmt.Fprintln(out)
	for _, s := range subjects {
		for _, size := range matrixSizes {
			line := fmt.Sprintf("%-14s %7d", s.name, size)
			possible := true
			for _, loss := range matrixLoss {
				value, ok := measure(&s, loss, size)
				line += fmt.Sprintf(cell, value)
				possible = possible && ok
			}
			if possible {
				fmt.Fprintln(out, line)
			}
		}
	}
}

// figure writes a number with three digits or more; one that could not be had is a dash.
func figure(x float64) string {
	switch {
	case x == 0:
		return "-"
	case x < 10:
		return fmt.Sprintf("%.2f", x)
	case x < 1000:
		return fmt.Sprintf("%.1f", x)
	}
	return fmt.Sprintf("%.0f", x)
}

// fragmentLoss sets the thesis's formula (3.2.1) beside the share of rdp's segments that had to be sent again: a datagram
// of n fragments is lost if one of them is, with 1-(1-P)^n. Each lost one is sent again; so are some that only seemed to be.
func fragmentLoss(out io.Writer) {
	s := fragmented
	if _, _, ok := s.goodput(0, fragmentSizes[0], 1); !ok {
		return
	}
	fmt.Fprint(out, "\nLoss of datagrams in fragments, 1-(1-P)^n, and the share of rdp's segments that was sent again.\n\n",
		"  bytes  fragments        P  1-(1-P)^n  sent again\n")
	for _, size := range fragmentSizes {
		n := fragments(size)
		for _, p := range matrixLoss[1:] {
			_, again, _ := s.goodput(p, size, matrixDatagrams)
			fmt.Fprintf(out, "%7d %10d %8s %10s %11s\n", size, n, percent(p), percent(1-math.Pow(1-p, float64(n))), percent(again))
		}
	}
}

func percent(x float64) string { return fmt.Sprintf("%.4g%%", x*100) }

// fragments returns how many frames carry an RDP segment with so many bytes of data.
func fragments(size int) int {
	most := (matrixMTU - ipx.HeaderLen) &^ 7 // a fragment's offset counts 8 bytes
	return (size + rdp.HeaderLen + most - 1) / most
}
