package sim

import (
	"fmt"
	"reflect"
	"testing"
)

// seeds is how many scenarios the test runs: fixed, so that it does the same on every machine.
const seeds = 12_000

// shards is in how many parts that may run at the same time.
const shards = 8

// TestSeeds runs scenarios, and sees that they reach every fault and every mechanism against it.
func TestSeeds(t *testing.T) {
	n := uint64(seeds)
	if testing.Short() {
		n /= 20
	}
	var totals [shards]Result
	t.Run("shards", func(t *testing.T) {
		for shard := range uint64(shards) {
			t.Run(fmt.Sprint(shard), func(t *testing.T) {
				t.Parallel()
				for seed := 1 + shard; seed <= n; seed += shards {
					r, err := Run(seed, nil)
					if err != nil {
						t.Fatalf("%v\nsee it again with: go run ./internal/sim/soak -seed %d -v", err, seed)
					}
					add(&totals[shard], r)
				}
			})
		}
	})
	var total Result
	for _, r := range totals {
		add(&total, r)
	}
	t.Logf("%d seeds: %+v", n, total)
	v := reflect.ValueOf(total)
	for i := range v.NumField() {
		if s := v.Field(i); s.Kind() == reflect.Struct {
			for j := range s.NumField() {
				if s.Field(j).IsZero() {
					t.Errorf("%s never happened", s.Type().Field(j).Name)
				}
			}
		}
	}
	if total.Good < total.Parties/2 {
		t.Errorf("of %d parties %d had no excuse: too few to show anything", total.Parties, total.Good)
	}
}

// add adds up all that can be.
func add(to *Result, r Result) { addTo(reflect.ValueOf(to).Elem(), reflect.ValueOf(r)) }

func addTo(to, from reflect.Value) {
	for i := range to.NumField() {
		switch f := to.Field(i); f.Kind() {
		case reflect.Struct:
			addTo(f, from.Field(i))
		case reflect.Uint64:
			f.SetUint(f.Uint() + from.Field(i).Uint())
		default:
			f.SetInt(f.Int() + from.Field(i).Int())
		}
	}
}

// TestSameSeedSameRun holds that a failure can be looked at again.
func TestSameSeedSameRun(t *testing.T) {
	different := 0
	for seed := uint64(1); seed <= 200; seed++ {
		a, err := Run(seed, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := Run(seed, nil)
		if a != b {
			t.Errorf("seed %d: two runs differ:\n%+v\n%+v", seed, a, b)
		}
		if c, _ := Run(seed+1, nil); c.Trace != a.Trace {
			different++
		}
	}
	if different != 200 {
		t.Errorf("only %d of 200 seeds differ from the next one", different)
	}
}
