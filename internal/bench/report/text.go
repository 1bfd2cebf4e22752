package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"
)

// WriteText writes the report for a reader: setup, table, remarks, and what the figures compare with.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Round trips by layer, %s.\n\n", r.Between)
	writeSettings(&b, r.Setup)
	r.table(&b)
	r.footer(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func writeSettings(b *strings.Builder, settings []Setting) {
	width := 0
	for _, s := range settings {
		width = max(width, utf8.RuneCountInString(s.Name))
	}
	for _, s := range settings {
		fmt.Fprintf(b, "  %s  %s\n", pad(s.Name, width), s.Value)
	}
	b.WriteByte('\n')
}

func (r *Report) table(b *strings.Builder) {
	cells := [][]string{
		{"", "payload", "frame", "p50", "p99", "added"},
		{"layer", "bytes", "bytes", "µs", "µs", "µs one way"},
	}
	for _, row := range r.Rows {
		cells = append(cells, []string{
			row.Layer, strconv.Itoa(row.PayloadBytes), strconv.Itoa(row.FrameBytes),
			fixed(row.RTT.P50), fixed(row.RTT.P99), r.added(row),
		})
	}
	columns := make([]int, len(cells[0]))
	for _, line := range cells {
		for i, cell := range line {
			columns[i] = max(columns[i], utf8.RuneCountInString(cell))
		}
	}
	for n, line := range cells {
		b.WriteString("  " + pad(line[0], columns[0]))
		for i, cell := range line[1:] {
			b.WriteString("   " + padLeft(cell, columns[i+1]))
		}
		if n >= 2 {
			if lower := below[r.Rows[n-2].Layer]; lower != "" {
				b.WriteString("  over " + lower)
			}
		}
		b.WriteByte('\n')
		if n == 1 {
			total := 2
			for _, c := range columns {
				total += c + 3
			}
			b.WriteString("  " + strings.Repeat("-", total-5) + "\n")
		}
	}
	b.WriteByte('\n')
}

// added is the last column: empty where the layer below was not measured.
func (r *Report) added(row Row) string {
	if lower, carried := below[row.Layer]; carried {
		if _, measured := r.row(lower); !measured {
			return ""
		}
	}
	return fixed(row.AddedUS)
}

func (r *Report) footer(b *strings.Builder) {
	for _, line := range r.Remarks() {
		fmt.Fprintf(b, "  %s\n", line)
	}
	for _, line := range r.comparisons() {
		fmt.Fprintf(b, "  %s\n", line)
	}
}

// comparisons sets the figures beside each other and beside the thesis.
func (r *Report) comparisons() []string {
	var lines []string
	for _, ours := range []string{TCPMod, RDP} {
		a, ok := r.row(ours)
		blocking, ok1 := r.row(KernelTCP)
		spinning, ok2 := r.row(KernelTCPSpin)
		if ok && ok1 && ok2 && a.RTT.P50 > 0 {
			lines = append(lines, fmt.Sprintf("kernel TCP takes %.1f times as long as %s, spinning %.1f times",
				blocking.RTT.P50/a.RTT.P50, ours, spinning.RTT.P50/a.RTT.P50))
		}
	}
	if r.LocalClose > 0 {
		line := fmt.Sprintf("close(): %s µs local", fixed(r.LocalClose))
		for _, layer := range []string{CloseTCPMod, CloseRDP} {
			if row, ok := r.row(layer); ok {
				line += fmt.Sprintf("; %s µs remote over %s, slowdown %.1f", fixed(row.RTT.P50),
					strings.TrimPrefix(layer, "close-"), row.RTT.P50/r.LocalClose)
			}
		}
		lines = append(lines, line)
	}
	var parts []string
	sum := 0.0
	for _, c := range Thesis.Message {
		parts = append(parts, fmt.Sprintf("%s %.0f", c.Name, c.Micros))
		sum += c.Micros
	}
	return append(lines,
		fmt.Sprintf("thesis:  %.0f µs local; %.2f ms remote, slowdown %.1f (table 5.1: two 486DX/33, 10 Mbit/s Ethernet)",
			Thesis.LocalClose, Thesis.RemoteClose/1e3, Thesis.Slowdown),
		fmt.Sprintf("         its request one way: %s, in all %s µs (table 5.2)", strings.Join(parts, ", "), Grouped(int64(sum))))
}

// fixed is a number of µs with as many decimals as its size deserves.
func fixed(v float64) string {
	decimals := 2
	if v >= 1000 {
		decimals = 0
	} else if v >= 100 {
		decimals = 1
	}
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	if s == "-0.00" {
		return "0.00"
	}
	return s
}

// Grouped is a whole number with its thousands set apart: "10,000".
func Grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
}

func padLeft(s string, width int) string {
	return strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0)) + s
}
