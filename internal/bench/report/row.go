// Package report turns what ipxbench measured into what it prints: a table for people, and one JSON
// object a line for programs.
package report

import (
	"math"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// RTT holds percentiles of round trips in microseconds.
type RTT struct {
	Min float64 `json:"min"`
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Row is the figures of one layer. Its JSON form is an interface that others parse.
type Row struct {
	Layer        string `json:"layer"`
	PayloadBytes int    `json:"payload_bytes"` // of the layer's own payload, in the request
	FrameBytes   int    `json:"frame_bytes"`   // of the Ethernet frame that carries it, without FCS and padding
	Count        int64  `json:"count"`         // round trips measured
	RTT          RTT    `json:"rtt_us"`
	// AddedUS is what the layer adds over the one below it, one way, in microseconds: half the
	// difference of the medians. The lowest layer adds half its own median; a layer whose lower one
	// was not measured, 0.
	AddedUS float64 `json:"added_us"`

	Lost   int `json:"-"` // frames not answered in time; their rounds were done again
	Resent int `json:"-"` // segments that a transport sent again, within the rounds measured
}

// Bounds of a histogram, in nanoseconds, and its precision in decimal digits.
const (
	shortest = 1
	longest  = 60_000_000_000
	digits   = 3
)

// NewHistogram makes a histogram for round trips in nanoseconds, 1 ns to 60 s, to 3 digits.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(shortest, longest, digits)
}

// Percentiles of a histogram in nanoseconds, as microseconds with 3 decimals.
func Percentiles(h *hdrhistogram.Histogram) RTT {
	if h.TotalCount() == 0 {
		return RTT{}
	}
	return RTT{
		Min: micro(h.Min()),
		P50: micro(h.ValueAtPercentile(50)),
		P90: micro(h.ValueAtPercentile(90)),
		P99: micro(h.ValueAtPercentile(99)),
		Max: micro(h.Max()),
	}
}

func micro(ns int64) float64 { return float64(ns) / 1e3 }

// SetAdded fills in what each of the rows adds over the layer below it.
func SetAdded(rows []Row) {
	median := make(map[string]float64)
	for _, r := range rows {
		median[r.Layer] = r.RTT.P50
	}
	for i := range rows {
		r := &rows[i]
		lower, carried := below[r.Layer]
		under, measured := median[lower]
		if carried && !measured {
			r.AddedUS = 0
			continue
		}
		r.AddedUS = math.Round((r.RTT.P50-under)/2*1e3) / 1e3
	}
}
