package main

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"testing"
)

func TestSoak(t *testing.T) {
	for _, test := range []struct {
		args   string
		status int
		want   string // regular expression of what is printed
	}{
		{"-seeds 20 -first 7", 0, `(?m)^\d+s: 20 seeds, [\d.]+ a second, [\d.]+ MB checked$`},
		{"-seeds 20 -workers 1", 0, `20 seeds`},
		{"-for 1ns", 0, `0 seeds`},
		{"-seed 3", 0, `^\{Trace:\d+ `},
		{"-seed 3 -v", 0, `n0 \*{5} starts`},
		{"-workers 0", 2, `^$`},
		{"-seeds x", 2, `^$`},
		{"3", 2, `^$`},
		{"-h", 0, `^$`},
	} {
		var out bytes.Buffer
		if got := run(strings.Fields(test.args), &out, io.Discard); got != test.status {
			t.Errorf("soak %s: status %d, want %d", test.args, got, test.status)
		}
		if !regexp.MustCompile(test.want).MatchString(out.String()) {
			t.Errorf("soak %s printed %.200q, want %s", test.args, out.String(), test.want)
		}
	}
}

// TestSoakStopsAtFailure holds that the first failure ends the run and is named with the command that shows it again.
func TestSoakStopsAtFailure(t *testing.T) {
	var out bytes.Buffer
	s := newSoak(&out)
	s.first = 100
	s.play = func(seed uint64) (int, error) {
		if seed == 105 {
			return 0, io.ErrUnexpectedEOF
		}
		return 1, nil
	}
	if got := s.run(1); got != 1 {
		t.Errorf("status %d, want 1", got)
	}
	for _, want := range []string{"6 seeds", "FAILED: unexpected EOF", "go run ./internal/sim/soak -seed 105 -v\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("printed %q, want %q in it", out.String(), want)
		}
	}
}
