package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"deputy/internal/bench/report"
)

// Defaults of CompareOptions.
const (
	DefaultBulk = 256 << 20 // bytes of a transfer
	DefaultRuns = 5
)

// CompareOptions of Compare.
type CompareOptions struct {
	Options     // Size and Count are not used
	Bytes   int // of one transfer
	Runs    int // transfers of each
}

// Compare measures the goodput of one connection of each transport and of the kernel's TCP, in turns. On two nodes
// of its own the interfaces' offloads are off: each segment is a frame of its own for all of them. If ctx ends, the
// report is of what was done until then.
func Compare(ctx context.Context, o CompareOptions) (_ *report.Comparison, err error) {
	o.Size, o.Count = DefaultSize, DefaultCount
	if err := o.check(); err != nil {
		return nil, err
	}
	switch {
	case o.Bytes < 1:
		return nil, fmt.Errorf("%w --bytes %d: give at least 1", ErrOptions, o.Bytes)
	case o.Runs < 1:
		return nil, fmt.Errorf("%w --runs %d: give at least 1", ErrOptions, o.Runs)
	}
	r, err := openRun(ctx, o.Options)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	quiet := quietCollector()
	defer quiet()
	if err := r.find(); err != nil {
		return nil, err
	}
	return r.compare(ctx, o)
}

// contestant is one of those compared.
type contestant struct {
	layer    string
	transfer func(total int) (time.Duration, error)
	resent   func() int // nil: not known
	early    int        // resent before the transfers that count
	goodput  []float64  // MB/s
}

// contestants opens the connections.
func (r *run) contestants() ([]*contestant, error) {
	var all []*contestant
	err := r.thread.do(func() error {
		for _, t := range r.node.transports {
			x, err := newBulkOver(r.session, t)
			if err != nil {
				return err
			}
			all = append(all, &contestant{layer: t.layer, transfer: x.transfer, resent: x.resent})
		}
		return nil
	})
	if r.kernel.IsValid() && !r.session.peer.kernel.IsUnspecified() {
		x := &bulkKernel{session: r.session, do: r.at.do, iface: r.at.iface, addr: r.kernel, chunk: make([]byte, bulkChunk)}
		all = append(all, &contestant{layer: report.KernelTCP, transfer: x.transfer})
	}
	return all, err
}

// compare does the transfers: one of each to warm up, then all in turns.
func (r *run) compare(ctx context.Context, o CompareOptions) (*report.Comparison, error) {
	all, err := r.contestants()
	if err != nil {
		return nil, err
	}
	for turn := range o.Runs + 1 {
		for _, c := range all {
			if ctx.Err() != nil {
				break
			}
			if turn == 1 && c.resent != nil {
				c.early = c.resent()
			}
			err := r.thread.do(func() error {
				took, err := c.transfer(o.Bytes)
				if turn > 0 && took > 0 {
					c.goodput = append(c.goodput, float64(o.Bytes)/1e6/took.Seconds())
				}
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.layer, err)
			}
		}
	}
	out := &report.Comparison{Between: r.at.between, Interrupted: ctx.Err() != nil, Setup: append(r.setup(), report.Setting{
		Name: "runs", Value: fmt.Sprintf("%d transfers of %s bytes over one connection each, in turns, after one that does not count",
			o.Runs, report.Grouped(int64(o.Bytes)))})}
	for _, c := range all {
		if len(c.goodput) == 0 {
			return nil, context.Cause(ctx)
		}
		row := report.Goodput{Transport: c.layer, Bytes: o.Bytes, Runs: len(c.goodput), MBps: report.SpreadOf(c.goodput)}
		if c.resent != nil {
			row.Resent = c.resent() - c.early
		}
		out.Rows = append(out.Rows, row)
	}
	report.SetRatios(out.Rows)
	return out, nil
}
