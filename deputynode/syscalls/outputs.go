package syscalls

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// valid says how much of an output the kernel wrote.
type valid uint8

const (
	whole      valid = iota // all of it
	returned                // as many elements as the call returned
	measured32              // what the 32-bit length at ref says
	measured64              // what the 64-bit length at ref says
	ifChanged               // all of it, if it is not what it was
)

// slot is an output in the staging area.
type slot struct {
	addr  uint64 // where it belongs in the body's memory
	off   int    // where it is in the staging area
	size  int    // its room in bytes
	when  When
	valid valid
	ref   int // offset of the length
	unit  int // bytes of an element
	plus  int // bytes before the elements
	skip  int // bytes returned that went to earlier buffers of a vector
}

func (c *Call) output(s slot) {
	if c.base != 0 { // else there is no call to come
		c.slots = append(c.slots, s)
	}
}

// errRestartBlock is what the kernel turns into EINTR, or restarts with the rest of the time (linux/errno.h).
const errRestartBlock = 516

func interrupted(ret int64) bool {
	return ret == -int64(unix.EINTR) || ret <= -512 && ret >= -errRestartBlock
}

func (w When) holds(ret int64) bool {
	switch w {
	case Success:
		return ret >= 0
	case Positive:
		return ret > 0
	case Interrupted:
		return interrupted(ret)
	case Failure:
		return ret < 0
	case SuccessOrInterrupted:
		return ret >= 0 || interrupted(ret)
	}
	return true
}

// Outputs calls emit for each piece of output that the kernel wrote, given the raw return value of the call, -errno
// for an error. addr is the body's own address, data a view into the staging area. No call returns a pointer that
// would have to be translated.
func (c *Call) Outputs(ret int64, emit func(addr uint64, data []byte)) {
	for i := range c.slots {
		s := &c.slots[i]
		if !s.when.holds(ret) {
			continue
		}
		data := c.staging[s.off : s.off+s.size]
		switch s.valid {
		case returned:
			data = data[:s.delivered(ret)]
		case measured32:
			n := int32(binary.NativeEndian.Uint32(c.staging[s.ref:]))
			data = data[:min(len(data), max(int(n), 0))]
		case measured64:
			n := binary.NativeEndian.Uint64(c.staging[s.ref:])
			data = data[:min(uint64(len(data)), n)]
		case ifChanged:
			if bytes.Equal(data, c.timeout[:]) {
				continue
			}
		}
		if len(data) > 0 {
			emit(s.addr, data)
		}
	}
}

// delivered returns how many bytes of a returned slot are valid.
func (s *slot) delivered(ret int64) int {
	if ret > int64(s.skip+s.size) {
		return s.size // also more than there is room for, as with MSG_TRUNC
	}
	return min(s.size, max(0, int(ret)*s.unit+s.plus-s.skip))
}
