package report

import (
	"encoding/json"
	"io"
	"strings"
)

// Report is what one run of ping-pong found.
type Report struct {
	Between     string    // the two ends, in words
	Setup       []Setting // what the figures depend on
	Rows        []Row     // in the order of Layers
	LeftOut     []LeftOut
	LocalClose  float64 // median of a local close() in µs; 0 if it was not measured
	Interrupted bool    // the run was stopped before all rounds were done
}

// Setting is one line on the machine or the run.
type Setting struct{ Name, Value string }

// LeftOut says why layers were not measured.
type LeftOut struct {
	Layers []string
	Why    string
}

func (l LeftOut) String() string { return "left out: " + strings.Join(l.Layers, ", ") + ": " + l.Why }

// WriteJSON writes one object a line, a line a row.
func (r *Report) WriteJSON(w io.Writer) error {
	return writeJSON(w, r.Rows)
}

func writeJSON[Row any](w io.Writer, rows []Row) error {
	e := json.NewEncoder(w)
	for _, row := range rows {
		if err := e.Encode(row); err != nil {
			return err
		}
	}
	return nil
}

// Remarks is what a reader of the rows must know besides, a line each: layers left out, frames lost, a
// run that was stopped.
func (r *Report) Remarks() []string {
	var lines []string
	if r.Interrupted {
		lines = append(lines, "interrupted: the figures are of the rounds done until then")
	}
	for _, row := range r.Rows {
		if row.Lost > 0 {
			lines = append(lines, row.Layer+": "+counted(row.Lost, "frame")+" lost, sent again and not in the figures")
		}
		if row.Resent > 0 {
			lines = append(lines, row.Layer+": "+counted(row.Resent, "segment")+" sent again by this side; their round trips are in the figures")
		}
	}
	for _, l := range r.LeftOut {
		lines = append(lines, l.String())
	}
	return lines
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return Grouped(int64(n)) + " " + what + "s"
}

func (r *Report) row(layer string) (Row, bool) {
	for _, row := range r.Rows {
		if row.Layer == layer {
			return row, true
		}
	}
	return Row{}, false
}
