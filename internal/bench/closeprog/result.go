package closeprog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	magic     = "closes\x00\x01"
	headerLen = 64
)

// ErrOutput is what Parse returns for bytes that the program cannot have written.
var ErrOutput = errors.New("closeprog: not the output of the program")

// Result is what one run of the program found.
type Result struct {
	Cycles    []uint64      // what each close took, in cycles of the time stamp counter
	Elapsed   time.Duration // from the first call to the last, by CLOCK_MONOTONIC
	Frequency float64       // of the counter, in cycles a second, by this run
}

// Parse reads what the program wrote.
func Parse(b []byte) (Result, error) {
	if len(b) < headerLen || string(b[:len(magic)]) != magic {
		return Result{}, fmt.Errorf("%w: no header in its %d bytes", ErrOutput, len(b))
	}
	le := binary.LittleEndian
	count := le.Uint64(b[8:])
	if count == 0 || count > MaxCount || uint64(len(b)-headerLen) != 8*count {
		return Result{}, fmt.Errorf("%w: %d samples announced, %d bytes of them", ErrOutput, count, len(b)-headerLen)
	}
	elapsed := timespec(b[48:]) - timespec(b[16:])
	first, last := le.Uint64(b[32:]), le.Uint64(b[40:])
	if elapsed <= 0 || last <= first {
		return Result{}, fmt.Errorf("%w: a clock went backwards", ErrOutput)
	}
	r := Result{Cycles: make([]uint64, count), Elapsed: elapsed, Frequency: float64(last-first) / elapsed.Seconds()}
	for i := range r.Cycles {
		r.Cycles[i] = le.Uint64(b[headerLen+8*i:])
	}
	return r, nil
}

// Duration is the time that a number of cycles took on the machine of the run.
func (r Result) Duration(cycles uint64) time.Duration {
	return time.Duration(float64(cycles) / r.Frequency * 1e9)
}

// timespec reads a struct timespec. Its fields cannot be out of range where a kernel wrote them.
func timespec(b []byte) time.Duration {
	le := binary.LittleEndian
	return time.Duration(le.Uint64(b))*time.Second + time.Duration(le.Uint64(b[8:]))
}
