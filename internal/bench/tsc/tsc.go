// Package tsc is a clock of nanoseconds for round trips of a few microseconds: the processor's time
// stamp counter, calibrated against CLOCK_MONOTONIC.
//
// One reading costs about 10 ns where clock_gettime(2) from Go costs about 50, and both stand on every
// round trip that is measured. Where the counter does not tick at one rate in all states of the
// processor, the clock falls back to CLOCK_MONOTONIC and says so (Source).
package tsc

import (
	"fmt"
	"math/bits"
	"os"
	"strings"
	"time"
)

// Read returns the time stamp counter, in cycles, after all earlier instructions have completed (RDTSC
// behind LFENCE; Intel SDM volume 2B).
func Read() uint64

// calibration is how long New compares the two clocks. CLOCK_MONOTONIC read from Go is uncertain by some
// 50 ns at either end, which makes the rate right to about 5 parts in a million.
const calibration = 20 * time.Millisecond

// Clock gives the time since it was made. It is safe for use by several goroutines.
type Clock struct {
	start  time.Time
	cycles uint64 // counter at start
	scale  uint64 // nanoseconds a cycle, in units of 2^-32; 0: the counter is not used
}

// New makes a clock and calibrates it, which takes 20 ms.
func New() *Clock {
	c := &Clock{}
	c.start, c.cycles = both()
	if !invariant("/proc/cpuinfo") {
		return c
	}
	for time.Since(c.start) < calibration {
	}
	end, cycles := both()
	c.scale = scale(end.Sub(c.start), cycles-c.cycles)
	return c
}

// Now is the time since the clock was made.
func (c *Clock) Now() time.Duration {
	if c.scale == 0 {
		return time.Since(c.start)
	}
	hi, lo := bits.Mul64(Read()-c.cycles, c.scale)
	return time.Duration(hi<<32 | lo>>32)
}

// Source says in words what the clock reads.
func (c *Clock) Source() string {
	if c.scale == 0 {
		return "CLOCK_MONOTONIC (no invariant TSC)"
	}
	return fmt.Sprintf("TSC at %.0f MHz", 1e3*float64(1<<32)/float64(c.scale))
}

// scale is the length of a cycle in units of 2^-32 ns, from a time and the cycles that it took.
func scale(d time.Duration, cycles uint64) uint64 {
	hi, lo := bits.Mul64(uint64(d), 1<<32)
	q, _ := bits.Div64(hi, lo, cycles)
	return q
}

// both reads the two clocks together: of several tries the one between whose counter readings the least
// time passed.
func both() (time.Time, uint64) {
	var at time.Time
	var mid uint64
	best := ^uint64(0)
	for range 16 {
		before := Read()
		t := time.Now()
		after := Read()
		if after-before < best {
			at, mid, best = t, before+(after-before)/2, after-before
		}
	}
	return at, mid
}

// invariant reports whether the counter runs at one rate whatever the processor does, by the flags in
// cpuinfo (proc_cpuinfo(5)).
func invariant(cpuinfo string) bool {
	text, err := os.ReadFile(cpuinfo)
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(text)) {
		name, flags, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) != "flags" {
			continue
		}
		f := " " + strings.TrimSpace(flags) + " "
		return strings.Contains(f, " constant_tsc ") && strings.Contains(f, " nonstop_tsc ")
	}
	return false
}
