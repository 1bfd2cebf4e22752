package bench

// sliceRounds is how many rounds of a layer are done before it is the next layer's turn: the layers of
// a slice see the same machine within a second, and a run has at least leastSlices of them.
const (
	sliceRounds = 1000
	leastSlices = 10
)

// sliceSizes divides the rounds of a layer into slices whose sizes differ by 1 at most.
func sliceSizes(count int) []int {
	n := min(max((count+sliceRounds-1)/sliceRounds, leastSlices), count)
	sizes := make([]int, n)
	for i := range sizes {
		sizes[i] = count*(i+1)/n - count*i/n
	}
	return sizes
}

// warmUp is how many rounds of each layer are done before the first slice and are not counted.
func warmUp(count int) int { return min(max(count/10, 1), sliceRounds) }
