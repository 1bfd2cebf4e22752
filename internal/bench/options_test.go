package bench

import (
	"errors"
	"net/netip"
	"testing"
)

func TestOptions(t *testing.T) {
	o := Options{Size: DefaultSize, Count: DefaultCount}
	if err := o.check(); err != nil {
		t.Fatal(err)
	}
	if o.Link != "ring" || o.Logger == nil {
		t.Errorf("defaults: %+v", o)
	}
	for _, edit := range []func(o *Options){
		func(o *Options) { o.Size = 0 },
		func(o *Options) { o.Count = 0 },
		func(o *Options) { o.Count = MaxCount + 1 },
		func(o *Options) { o.Link = "token ring" },
		func(o *Options) { o.Peer = "b" },
		func(o *Options) { o.Address = netip.MustParseAddr("10.0.0.1") },
		func(o *Options) { o.Address = netip.MustParseAddr("::1") },
	} {
		o := Options{Size: DefaultSize, Count: DefaultCount}
		edit(&o)
		if err := o.check(); !errors.Is(err, ErrOptions) {
			t.Errorf("%+v: error %v, want ErrOptions", o, err)
		}
	}
}

func TestCheckSize(t *testing.T) {
	for _, test := range []struct {
		size, mtu int
		ok        bool
	}{{1, 1500, true}, {1460, 1500, true}, {1461, 1500, false}, {8960, 9000, true}, {8961, 9000, false}} {
		if err := checkSize(test.size, test.mtu); (err == nil) != test.ok || !test.ok && !errors.Is(err, ErrSize) {
			t.Errorf("%d bytes at %d: %v", test.size, test.mtu, err)
		}
	}
}

func TestSlices(t *testing.T) {
	for _, test := range []struct{ count, slices, warm int }{
		{1, 1, 1}, {9, 9, 1}, {200, 10, 20}, {10_000, 10, 1000}, {12_345, 13, 1000}, {1_000_000, 1000, 1000},
	} {
		sizes := sliceSizes(test.count)
		sum := 0
		for _, n := range sizes {
			if n < 1 || n > sliceRounds {
				t.Errorf("%d rounds: a slice of %d", test.count, n)
			}
			sum += n
		}
		if len(sizes) != test.slices || sum != test.count || warmUp(test.count) != test.warm {
			t.Errorf("%d rounds: %d slices with %d rounds, warm-up %d", test.count, len(sizes), sum, warmUp(test.count))
		}
	}
}
