package sim

import (
	"math"
	"math/rand/v2"
	"time"
)

// dice draws scenarios.
type dice struct{ *rand.Rand }

// oneIn is true in one of n cases.
func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// scale returns a number from lo to hi, above 0, whose logarithm is evenly distributed: small ones are as likely as
// large ones.
func (d dice) scale(lo, hi float64) float64 {
	return lo * math.Exp(d.Float64()*math.Log(hi/lo))
}

func (d dice) size(lo, hi int) int { return int(d.scale(float64(lo), float64(hi+1))) }

func (d dice) duration(lo, hi time.Duration) time.Duration {
	return time.Duration(d.scale(float64(lo), float64(hi)))
}

// pick returns one of the values.
func pick[T any](d dice, values ...T) T { return values[d.IntN(len(values))] }
