package bench

import "runtime/debug"

// heapLimit is how much memory may be allocated before the garbage collector is let in: the paths that
// are measured allocate nothing, all else little.
const heapLimit = 256 << 20

// quietCollector keeps the garbage collector out of the measurements until the returned function is
// called.
func quietCollector() (restore func()) {
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(heapLimit)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}
