package bench

import (
	"errors"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

func TestParsePins(t *testing.T) {
	pairs := func(a, b int) bool { return a/2 == b/2 } // CPUs 0 and 1 share a core, 2 and 3, ...
	alone := func(a, b int) bool { return a == b }
	for _, test := range []struct {
		in      string
		cpus    []int
		sibling func(a, b int) bool
		want    Pins
		text    string
	}{
		{"auto", []int{0, 1}, alone, Pins{0, 1}, "this side to CPU 0, peer to CPU 1"},
		{"", []int{0, 1, 2, 3}, pairs, Pins{0, 2}, "this side to CPU 0, peer to CPU 2"},
		{"auto", []int{4, 5}, pairs, Pins{4, 5}, "this side to CPU 4, peer to CPU 5"},
		{"auto", []int{3}, alone, Pins{3, 3}, "both sides to CPU 3, so none spins"},
		{"none", []int{0, 1}, alone, Pins{-1, -1}, "this side not pinned, peer not pinned"},
		{"1", []int{0, 1}, alone, Pins{1, -1}, "this side to CPU 1, peer not pinned"},
		{"1,0", []int{0, 1}, alone, Pins{1, 0}, "this side to CPU 1, peer to CPU 0"},
	} {
		got, err := parsePins(test.in, test.cpus, test.sibling)
		if err != nil || got != test.want {
			t.Errorf("%q of %v: %v, %v; want %v", test.in, test.cpus, got, err, test.want)
		}
		if got.String() != test.text {
			t.Errorf("%q: %q, want %q", test.in, got, test.text)
		}
	}
	for _, in := range []string{"x", "7", "0,7", "0,", ",0", "0,1,2", "-1"} {
		if p, err := parsePins(in, []int{0, 1}, alone); !errors.Is(err, ErrPin) {
			t.Errorf("%q: %v, error %v, want ErrPin", in, p, err)
		}
	}
}

func TestPin(t *testing.T) {
	p, err := ParsePins("auto")
	if err != nil {
		t.Fatal(err)
	}
	var got unix.CPUSet
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // not unlocked: the pinned thread ends here
		err := pin(p.Own)
		if err == nil {
			err = unix.SchedGetaffinity(0, &got)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !got.IsSet(p.Own) || got.Count() != 1 {
		t.Errorf("thread may run on %v, want CPU %d alone", allowed(got), p.Own)
	}
}
