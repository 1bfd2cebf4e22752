package bench

import (
	"context"

	"github.com/HdrHistogram/hdrhistogram-go"

	"deputy/internal/bench/report"
)

// subject is what a row is made of.
type subject struct {
	layer   string
	payload int
	frame   func() int // bytes of the frame of a request
	// slice does a number of rounds, records their times in ns and returns how many frames were lost.
	slice func(ctx context.Context, rounds int, h *hdrhistogram.Histogram) (int, error)
	// resent, if not nil, is how many segments have been sent again since the connection was opened.
	resent func() int
	// optional: a failure leaves the row out, and does not end the run.
	optional bool

	times *hdrhistogram.Histogram
	lost  int
	early int   // resent before the rounds that count
	why   error // the row is left out
}

// reset forgets the slices done so far.
func (s *subject) reset() {
	s.times.Reset()
	s.lost = 0
	if s.resent != nil {
		s.early = s.resent()
	}
}

// add does a slice.
func (s *subject) add(ctx context.Context, rounds int) error {
	lost, err := s.slice(ctx, rounds, s.times)
	s.lost += lost
	if err != nil && s.optional {
		s.why = err
		return nil
	}
	return err
}

func (s *subject) row() report.Row {
	r := report.Row{
		Layer: s.layer, PayloadBytes: s.payload, FrameBytes: s.frame(),
		Count: s.times.TotalCount(), RTT: report.Percentiles(s.times), Lost: s.lost,
	}
	if s.resent != nil {
		r.Resent = s.resent() - s.early
	}
	return r
}

// ours makes a subject of an exchange, done on the measuring thread.
func ours(t *thread, n *node, layer string, x exchange, payload, headers int) *subject {
	return &subject{
		layer: layer, payload: payload,
		frame: func() int { return headers + payload },
		slice: func(ctx context.Context, rounds int, h *hdrhistogram.Histogram) (lost int, err error) {
			err = t.do(func() error {
				lost, err = n.slice(ctx, x, rounds, h)
				return err
			})
			return lost, err
		},
	}
}
