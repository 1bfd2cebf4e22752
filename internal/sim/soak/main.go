// Command soak runs the simulation of package sim with one seed after the other, for as long as it is told, on all
// processors. It stops at the first failure, and tells how to see it again.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"deputy/internal/sim"
)

// reportEvery is how often the progress is printed.
const reportEvery = 10 * time.Second

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("soak", flag.ContinueOnError)
	flags.SetOutput(stderr)
	duration := flags.Duration("for", 0, "stop after `time`; 0: not by time")
	count := flags.Uint64("seeds", 0, "stop after `n` seeds; 0: not by number")
	first := flags.Uint64("first", 1, "`seed` to begin with")
	workers := flags.Int("workers", runtime.GOMAXPROCS(0), "how many run at a time")
	seed := flags.Uint64("seed", 0, "run this `seed` only")
	verbose := flags.Bool("v", false, "with -seed: print what happens, frame by frame")
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil || flags.NArg() > 0 || *workers < 1:
		flags.Usage()
		return 2
	}
	if *seed != 0 {
		return replay(*seed, *verbose, stdout)
	}
	s := newSoak(stdout)
	s.first, s.count = *first, *count
	if *duration > 0 {
		s.end = s.start.Add(*duration)
	}
	return s.run(*workers)
}

// replay runs one seed.
func replay(seed uint64, verbose bool, stdout io.Writer) int {
	var trace io.Writer
	if verbose {
		trace = stdout
	}
	r, err := sim.Run(seed, trace)
	fmt.Fprintf(stdout, "%+v\n", r)
	if err != nil {
		fmt.Fprintln(stdout, err)
		return 1
	}
	return 0
}

// soak is a run of many seeds.
type soak struct {
	first, count uint64
	start, end   time.Time // end zero: not by time
	out          io.Writer
	play         func(seed uint64) (bytes int, err error)

	next   atomic.Uint64
	failed atomic.Bool
	mu     sync.Mutex // guards all below, and out
	report time.Time  // when the next one is due
	seeds  uint64
	bytes  int
	err    error
	bad    uint64
}

func newSoak(out io.Writer) *soak {
	return &soak{out: out, start: time.Now(), play: func(seed uint64) (int, error) {
		r, err := sim.Run(seed, nil)
		return r.Bytes, err
	}}
}

func (s *soak) run(workers int) int {
	s.report = s.start.Add(reportEvery)
	var all sync.WaitGroup
	for range workers {
		all.Go(s.work)
	}
	all.Wait()
	s.print()
	if s.err != nil {
		fmt.Fprintf(s.out, "FAILED: %v\nsee it again with:\n\tgo run ./internal/sim/soak -seed %d -v\n", s.err, s.bad)
		return 1
	}
	return 0
}

// work runs seeds until the end, or until one fails.
func (s *soak) work() {
	for !s.failed.Load() && (s.end.IsZero() || time.Now().Before(s.end)) {
		n := s.next.Add(1) - 1
		if s.count > 0 && n >= s.count {
			return
		}
		bytes, err := s.play(s.first + n)
		s.done(s.first+n, bytes, err)
	}
}

func (s *soak) done(seed uint64, bytes int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.bytes += bytes
	if err != nil && (s.err == nil || seed < s.bad) {
		s.err, s.bad = err, seed
		s.failed.Store(true)
	}
	if now := time.Now(); now.After(s.report) {
		s.report = now.Add(reportEvery)
		s.print()
	}
}

func (s *soak) print() {
	d := time.Since(s.start)
	fmt.Fprintf(s.out, "%v: %d seeds, %.1f a second, %.1f MB checked\n",
		d.Round(time.Second), s.seeds, float64(s.seeds)/d.Seconds(), float64(s.bytes)/1e6)
}
