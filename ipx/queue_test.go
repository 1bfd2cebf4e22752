package ipx

import (
	"math/rand/v2"
	"testing"
)

// The ring against a slice, growing at every place of its first element.
func TestQueue(t *testing.T) {
	for seed := range uint64(100) {
		random := rand.New(rand.NewPCG(seed, 0))
		var q queue
		var want []uint8
		for i := range 200 {
			if random.IntN(5) < 3 {
				q.push(datagram{proto: uint8(i)})
				want = append(want, uint8(i))
			} else if len(want) > 0 {
				if got := q.pop().proto; got != want[0] {
					t.Fatalf("seed %d: %d out, want %d", seed, got, want[0])
				}
				want = want[1:]
			}
			if q.len() != len(want) {
				t.Fatalf("seed %d: length %d, want %d", seed, q.len(), len(want))
			}
		}
	}
}

func TestPool(t *testing.T) {
	p := pool{size: 8, limit: 2}
	a, b := p.copyOf([]byte("one")), p.copyOf(nil)
	if string(a) != "one" || b == nil || len(b) != 0 {
		t.Fatalf("%q, %v", a, b)
	}
	if c := p.copyOf(nil); c != nil {
		t.Fatal("third buffer of two")
	}
	p.giveBack(b)
	if c := p.copyOf([]byte("12345678")); string(c) != "12345678" || string(a) != "one" {
		t.Fatalf("%q, %q", c, a)
	}
}
