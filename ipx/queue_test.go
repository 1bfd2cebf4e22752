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
	a, b := p.get(), p.get()
	if len(a) != 8 || len(b) != 8 {
		t.Fatalf("buffers of %d and %d bytes", len(a), len(b))
	}
	if c := p.get(); c != nil {
		t.Fatal("third buffer of two")
	}
	copy(a, "one")
	p.giveBack(b[:0])
	if c := p.get(); len(c) != 8 || &c[0] != &b[0] || string(a[:3]) != "one" {
		t.Fatalf("%q, %q", c, a)
	}
}
