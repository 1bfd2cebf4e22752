package tsc

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestReadAdvances(t *testing.T) {
	a := Read()
	for range 1000 {
		b := Read()
		if b < a {
			t.Fatalf("counter went back from %d to %d", a, b)
		}
		a = b
	}
}

// The clock agrees with CLOCK_MONOTONIC to 1 part in 1,000 over an interval longer than its calibration.
func TestClockAgreesWithMonotonic(t *testing.T) {
	c := New()
	for try := 0; ; try++ {
		from, wall := c.Now(), time.Now()
		for time.Since(wall) < 50*time.Millisecond {
		}
		got, want := c.Now()-from, time.Since(wall)
		diff := (got - want).Abs()
		if diff < want/1000 {
			return
		}
		if try == 5 { // a preemption between the two readings is no fault of the clock; six in a row are
			t.Fatalf("clock says %v, CLOCK_MONOTONIC %v", got, want)
		}
	}
}

func TestScale(t *testing.T) {
	for _, test := range []struct {
		name   string
		d      time.Duration
		cycles uint64
		want   uint64
	}{
		{"1 GHz", time.Millisecond, 1e6, 1 << 32},
		{"2 GHz", time.Millisecond, 2e6, 1 << 31},
		{"500 MHz, an hour", time.Hour, 1800e9, 1 << 33},
	} {
		if got := scale(test.d, test.cycles); got != test.want {
			t.Errorf("%s: scale = %d, want %d", test.name, got, test.want)
		}
	}
}

func TestFallback(t *testing.T) {
	c := &Clock{start: time.Now()}
	if got := c.Now(); got < 0 || got > time.Minute {
		t.Errorf("Now = %v right after the start", got)
	}
	if got := c.Source(); !strings.Contains(got, "CLOCK_MONOTONIC") {
		t.Errorf("Source = %q", got)
	}
}

func TestInvariant(t *testing.T) {
	for _, test := range []struct {
		flags string
		want  bool
	}{
		{"flags\t\t: fpu tsc constant_tsc nonstop_tsc", true},
		{"flags\t\t: fpu tsc constant_tsc", false},
		{"flags\t\t: nonstop_tsc tsc", false},
		{"bugs\t\t: constant_tsc nonstop_tsc", false},
		{"", false},
	} {
		name := filepath.Join(t.TempDir(), "cpuinfo")
		if err := os.WriteFile(name, []byte("processor\t: 0\n"+test.flags+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := invariant(name); got != test.want {
			t.Errorf("%q: invariant = %v", test.flags, got)
		}
	}
	if invariant(filepath.Join(t.TempDir(), "none")) {
		t.Error("a missing file counts as invariant")
	}
}

func BenchmarkNow(b *testing.B) {
	c := New()
	for b.Loop() {
		c.Now()
	}
}
