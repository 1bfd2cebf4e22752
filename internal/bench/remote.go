package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"deputy/internal/bench/closeprog"
	"deputy/internal/bench/report"
)

// closeTimeout bounds one run of the program: a slice of calls, each of which takes far less than a
// millisecond, and the making of a body.
const closeTimeout = 30 * time.Second

// closing measures close(): by a process here, and by one whose body is on the other node.
type closing struct {
	dir    string // of the program's files; nodes see it
	runner *runner
	here   *subject
}

// newClosing has agents ready: its own, or those of this machine and of the peer.
func newClosing(ctx context.Context, at *place, backend, peer string) (_ *closing, err error) {
	c := &closing{}
	if c.dir, err = os.MkdirTemp("", "ipxbench-"); err != nil {
		return nil, err
	}
	if err := os.Chmod(c.dir, 0o755); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	if at.own {
		c.runner, err = ownRunner(ctx, backend, c.dir)
	} else {
		c.runner, err = realRunner(peer)
	}
	if err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// remove ends the agents and removes the files.
func (c *closing) remove() error {
	if c == nil {
		return nil
	}
	var err error
	if c.runner != nil {
		err = c.runner.close()
	}
	return errors.Join(err, os.RemoveAll(c.dir))
}

// program writes the program that does a number of calls, if it is not there yet.
func (c *closing) program(calls int) (string, error) {
	name := filepath.Join(c.dir, fmt.Sprintf("close-%d", calls))
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	image, err := closeprog.Image(calls)
	if err != nil {
		return "", err
	}
	return name, os.WriteFile(name, image, 0o755)
}

// slice runs the program once and records what each call took, but for the first ones.
func (c *closing) slice(ctx context.Context, rounds int, h *hdrhistogram.Histogram,
	start func(ctx context.Context, program string) ([]byte, error),
) error {
	program, err := c.program(settle + rounds)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, closeTimeout, fmt.Errorf("not done after %v", closeTimeout))
	defer cancel()
	out, err := start(limited, program)
	if err != nil {
		if ctx.Err() != nil {
			return nil // interrupted: this slice does not count
		}
		if cause := context.Cause(limited); cause != nil {
			err = cause
		}
		return err
	}
	result, err := closeprog.Parse(out)
	if err != nil {
		return err
	}
	for _, cycles := range result.Cycles[min(settle, len(result.Cycles)):] {
		if err := h.RecordValue(int64(result.Duration(cycles))); err != nil {
			return err
		}
	}
	return nil
}

// subject is a remote close() over a transport.
func (c *closing) subject(t *transport) *subject {
	return &subject{
		layer: t.closing, payload: requestLen, optional: true,
		frame: func() int { return ethernetHeaderLen + ipHeaderLen + t.header + requestLen },
		slice: func(ctx context.Context, rounds int, h *hdrhistogram.Histogram) (int, error) {
			return 0, c.slice(ctx, rounds, h, func(ctx context.Context, program string) ([]byte, error) {
				return c.runner.run(ctx, t.layer, program)
			})
		},
	}
}

// local is a close() by a process of this machine: no row, but what the others compare with.
func (c *closing) local() *subject {
	c.here = &subject{
		layer: "local close()", optional: true,
		slice: func(ctx context.Context, rounds int, h *hdrhistogram.Histogram) (int, error) {
			return 0, c.slice(ctx, rounds, h, func(ctx context.Context, program string) ([]byte, error) {
				return exec.CommandContext(ctx, program).Output()
			})
		},
	}
	return c.here
}

// localMedian is that of a local close(), in µs; 0 if it was not measured.
func (c *closing) localMedian() float64 {
	if c.here.why != nil {
		return 0
	}
	return report.Percentiles(c.here.times).P50
}
