package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// Comparison is what one run of compare found.
type Comparison struct {
	Between     string
	Setup       []Setting
	Rows        []Goodput
	Interrupted bool // the run was stopped before all transfers were done
}

// Goodput is the figures of one transport. Its JSON form is an interface that others parse.
type Goodput struct {
	Transport string  `json:"transport"`
	Bytes     int     `json:"bytes"` // of a transfer
	Runs      int     `json:"runs"`
	MBps      Spread  `json:"goodput_mb_s"` // 10^6 bytes a second, until the receiver has all
	VsKernel  float64 `json:"vs_kernel"`    // ratio of the medians; 0 where the kernel's was not measured
	Resent    int     `json:"resent"`       // segments sent again; not known of the kernel
}

// Spread is the median of some figures, and the extremes.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// SpreadOf is the spread of at least one figure.
func SpreadOf(figures []float64) Spread {
	s := slices.Sorted(slices.Values(figures))
	n := len(s)
	return Spread{Min: s[0], Median: (s[(n-1)/2] + s[n/2]) / 2, Max: s[n-1]}
}

// SetRatios sets each row beside the kernel's TCP.
func SetRatios(rows []Goodput) {
	kernel := 0.0
	for _, r := range rows {
		if r.Transport == KernelTCP {
			kernel = r.MBps.Median
		}
	}
	for i := range rows {
		if kernel > 0 {
			rows[i].VsKernel = rows[i].MBps.Median / kernel
		}
	}
}

// WriteJSON writes one object a line, a line a row.
func (c *Comparison) WriteJSON(w io.Writer) error {
	return writeJSON(w, c.Rows)
}

// Remarks is what a reader of the rows must know besides, a line each.
func (c *Comparison) Remarks() []string {
	var lines []string
	if c.Interrupted {
		lines = append(lines, "interrupted: the figures are of the transfers done until then")
	}
	for _, row := range c.Rows {
		if row.Resent > 0 {
			lines = append(lines, row.Transport+": "+counted(row.Resent, "segment")+" sent again")
		}
	}
	return lines
}

// WriteText writes the comparison for a reader.
func (c *Comparison) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Goodput of one connection, %s.\n\n", c.Between)
	writeSettings(&b, c.Setup)
	fmt.Fprintf(&b, "  %-10s  %8s  %8s  %8s  %9s\n", "", "median", "least", "most", "to kernel")
	fmt.Fprintf(&b, "  %-10s  %8s  %8s  %8s  %9s\n  %s\n", "transport", "MB/s", "MB/s", "MB/s", "TCP", strings.Repeat("-", 51))
	for _, r := range c.Rows {
		ratio := ""
		if r.VsKernel > 0 {
			ratio = fmt.Sprintf("%.2f", r.VsKernel)
		}
		fmt.Fprintf(&b, "  %-10s  %8.1f  %8.1f  %8.1f  %9s\n", r.Transport, r.MBps.Median, r.MBps.Min, r.MBps.Max, ratio)
	}
	b.WriteByte('\n')
	for _, line := range c.Remarks() {
		fmt.Fprintf(&b, "  %s\n", line)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
