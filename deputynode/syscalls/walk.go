package syscalls

import (
	"encoding/binary"
	"errors"

	"golang.org/x/sys/unix"
)

// ErrFault is what a Memory answers where the body's memory cannot be read.
var ErrFault error = unix.EFAULT

// ErrTooLarge is returned for a call whose memory does not fit in the staging area and must not be cut.
var ErrTooLarge = errors.New("syscalls: arguments larger than the staging area")

// Memory is the body's memory. An error that is not ErrFault stops Prepare, which returns it as it is; the caller
// may then start it again, with what was missing.
type Memory interface {
	// Read fills p, a part of the staging area, with the memory at addr, or fails with ErrFault if any of it cannot
	// be read. No part of the staging area is filled twice.
	Read(addr uint64, p []byte) error
	// ReadString returns the string at addr with its NUL, or the first limit bytes if they hold none. It is valid
	// until the next call. It fails with ErrFault if memory that cannot be read comes before the NUL and the limit.
	ReadString(addr uint64, limit int) ([]byte, error)
}

const (
	// taskSize is the end of user memory with four page-table levels. What lies above is left to the kernel to judge.
	taskSize = 1<<47 - pageSize
	pageSize = 4096
	// sector is the alignment that direct I/O asks of buffers on most devices.
	sector = 512
	// minClamp is the least that a count is cut to: below it a read of a directory entry or a path would fail.
	minClamp = 4096
	// alignment of what is laid out in the staging area, enough for every structure of the kernel's.
	alignment = 16
	// maxVector is UIO_MAXIOV, the most iovec structures that a call takes.
	maxVector = 1024
)

// Call is the state of one call between Prepare and Outputs. It may be used again and again.
type Call struct {
	args     [6]uint64
	original [6]uint64
	slots    []slot
	window   bool
	clamped  bool

	mem     Memory
	base    uint64
	staging []byte
	used    int
	length  int      // where the Length argument was put, or -1
	timeout [16]byte // the Timeout argument as it was
}

// Args returns the arguments to make the call with.
func (c *Call) Args() [6]uint64 { return c.args }

// Window reports whether the call may follow a pointer into the body's own memory, so that it needs the memory window.
func (c *Call) Window() bool { return c.window }

// Clamped reports whether a count was cut to the size of the staging area: the call does less than it was asked for,
// as a short read or write does.
func (c *Call) Clamped() bool { return c.clamped }

// Prepare reads the inputs of a call with these arguments from mem, lays them out in staging, which the process that
// makes the call has at address base, and points the arguments there. A NULL pointer stays NULL. What cannot be read
// keeps its address, and c.Window is true then. The layout depends only on the arguments, what mem returns, the size
// of staging and the place of base in its page.
//
// With base 0 no process is to make the call: the walk is made to see what it reads, and staging keeps what mem put
// there, without pointers changed.
//
// Errors are ErrTooLarge, after which c is the call with its own arguments, all left to the window, and those of mem
// other than ErrFault, after which only another Prepare may follow.
func (r *Row) Prepare(c *Call, args [6]uint64, mem Memory, base uint64, staging []byte) error {
	c.args, c.original = args, args
	c.slots = c.slots[:0]
	c.window, c.clamped = false, false
	c.mem, c.base, c.staging = mem, base, staging
	c.used, c.length = 0, -1

	steps := r.plan
	if r.Commands != nil {
		if cmd := r.Commands.lookup(&args); cmd != nil {
			steps = cmd.plan
		}
	}
	windowed := r.WindowIf != nil && r.WindowIf.Holds(&args)
	for i := range steps {
		index, a := steps[i].index, steps[i].arg
		if c.args[index] == 0 || a.If != nil && !a.If.Holds(&c.original) {
			continue
		}
		if windowed {
			c.window = true
			continue
		}
		if err := c.walk(index, a); err != nil {
			if err == ErrTooLarge {
				c.args, c.slots = args, c.slots[:0]
				c.window, c.clamped = true, false
			}
			return err
		}
	}
	return nil
}

// walk lays out one argument, which is not NULL.
func (c *Call) walk(index int, a *Arg) error {
	switch a.Kind {
	case Unknown:
		// No memory can be mapped in the first page, so a small value is not a pointer.
		c.window = c.window || c.args[index] >= pageSize
		return nil
	case String:
		off, err := c.copyinString(c.args[index], a.Size)
		if off >= 0 {
			c.args[index] = c.base + uint64(off)
		}
		return err
	case In, Out, InOut, FdSet:
		return c.walkBuffer(index, a)
	case Timeout:
		off, err := c.copyin(&c.args[index], a.Size)
		if off >= 0 {
			copy(c.timeout[:], c.staging[off:])
			c.output(slot{addr: c.original[index], off: off, size: a.Size, when: a.When, valid: ifChanged})
		}
		return err
	case SigmaskPair:
		return c.walkSigmaskPair(index)
	case Length:
		off, err := c.copyin(&c.args[index], a.Size)
		if off >= 0 {
			c.length = off
			c.output(slot{addr: c.original[index], off: off, size: a.Size, when: a.When})
		}
		return err
	case Sized:
		return c.walkSized(index, a)
	case SelfSized:
		return c.walkSelfSized(index, a)
	case IovecIn, IovecOut:
		return c.walkIovec(index, a)
	case MsgIn, MsgOut:
		return c.walkMessage(index, a)
	case Strings:
		return c.walkStrings(index, a)
	}
	return nil
}

// place finds room for n bytes that the body has at addr. A buffer of a sector or more keeps its place in the sector,
// or in the page if it begins one, for direct I/O.
func (c *Call) place(addr uint64, n int) (off int, ok bool) {
	at, unit, want := c.base+uint64(c.used), uint64(alignment), uint64(0)
	if n >= sector {
		unit = sector
		if addr%pageSize == 0 {
			unit = pageSize
		}
		want = addr % unit
	}
	off = c.used + int((want-at)&(unit-1))
	if off > len(c.staging) || n > len(c.staging)-off {
		return off, false
	}
	return off, true
}

// user reports whether n bytes at addr can be user memory.
func user(addr uint64, n int) bool { return addr < taskSize && uint64(n) <= taskSize-addr }

// leave gives up on describing an argument, which keeps its own value.
func (c *Call) leave() error {
	c.window = true
	return nil
}

// copyin lays out n bytes of input that *pointer points to and turns it to them. off is -1 where nothing was laid out:
// the input could not be read, or an error is returned.
func (c *Call) copyin(pointer *uint64, n int) (off int, err error) {
	addr := *pointer
	if !user(addr, n) {
		return -1, c.leave()
	}
	off, ok := c.place(addr, n)
	if !ok {
		return -1, ErrTooLarge
	}
	if err := c.read(addr, off, n); err != nil {
		return -1, c.fault(err)
	}
	*pointer = c.base + uint64(off)
	return off, nil
}

// read fills n bytes of the staging area at off, which are used then even if it fails.
func (c *Call) read(addr uint64, off, n int) error {
	c.used = off + n
	return c.mem.Read(addr, c.staging[off:off+n:off+n])
}

// patch changes 8 bytes of input in the staging area.
func (c *Call) patch(off int, value uint64) {
	if c.base != 0 {
		binary.NativeEndian.PutUint64(c.staging[off:], value)
	}
}

// fault turns ErrFault into an argument left to the window.
func (c *Call) fault(err error) error {
	if errors.Is(err, ErrFault) {
		return c.leave()
	}
	return err
}

// counted returns how many elements the argument that a.Count names asks for; ok is false if it is negative or
// more than any memory has.
func (c *Call) counted(a *Arg) (n int, ok bool) {
	v := c.original[a.count]
	switch a.countWidth {
	case Fd, Int:
		v = uint64(int32(v))
	case Uint:
		v = uint64(uint32(v))
	}
	return int(v), v <= taskSize
}

// copyinString lays a string out; off is -1 as in copyin.
func (c *Call) copyinString(addr uint64, limit int) (off int, err error) {
	if !user(addr, 1) {
		return -1, c.leave()
	}
	s, err := c.mem.ReadString(addr, limit)
	if err != nil {
		return -1, c.fault(err)
	}
	n := len(s)
	if n < limit && (n == 0 || s[n-1] != 0) {
		n++ // a NUL that the Memory left out
	}
	off = c.used // strings need no alignment
	if n > limit || n > len(c.staging)-off {
		return -1, ErrTooLarge
	}
	c.staging[off+n-1] = 0
	copy(c.staging[off:], s)
	c.used = off + n
	return off, nil
}

// size returns the bytes of a buffer; ok is false if its count makes no sense.
func (c *Call) size(a *Arg) (n int, ok bool) {
	if a.count < 0 {
		return a.Size, true
	}
	count, ok := c.counted(a)
	if !ok {
		return 0, false
	}
	if a.Kind == FdSet {
		return (count + 63) / 64 * 8, true
	}
	if count > taskSize/a.Size {
		return 0, false
	}
	n = count*a.Size + a.Plus
	if a.AtMost > 0 {
		n = min(n, a.AtMost)
	}
	return n, true
}

func (c *Call) walkBuffer(index int, a *Arg) error {
	addr := c.args[index]
	n, ok := c.size(a)
	switch {
	case !ok:
		return c.leave()
	case n == 0:
		return nil // never followed
	case !user(addr, n):
		return c.leave()
	}
	off, ok := c.place(addr, n)
	clamped := false
	if !ok {
		room := (len(c.staging) - off - a.Plus) / a.Size
		if !a.Clamp || room*a.Size < minClamp {
			return ErrTooLarge
		}
		n, clamped = room*a.Size+a.Plus, true
	}
	if a.Kind != Out {
		if err := c.read(addr, off, n); err != nil {
			return c.fault(err)
		}
	}
	if a.Kind != In {
		s := slot{addr: addr, off: off, size: n, when: a.When}
		if a.Returned {
			s.valid, s.unit, s.plus = returned, a.Size, a.Plus
		}
		c.output(s)
	}
	if clamped {
		c.clamped = true
		c.args[a.count] = uint64((n - a.Plus) / a.Size)
	}
	c.used = off + n
	c.args[index] = c.base + uint64(off)
	return nil
}

func (c *Call) walkSigmaskPair(index int) error {
	off, err := c.copyin(&c.args[index], 16)
	if off < 0 {
		return err
	}
	pair := c.staging[off : off+16]
	mask := binary.NativeEndian.Uint64(pair)
	if mask == 0 || binary.NativeEndian.Uint64(pair[8:]) != sigsetSize {
		return nil // no mask, or EINVAL
	}
	_, err = c.copyin(&mask, sigsetSize)
	c.patch(off, mask)
	return err
}

func (c *Call) walkSized(index int, a *Arg) error {
	addr := c.args[index]
	if c.length < 0 {
		return c.leave()
	}
	n := int(int32(binary.NativeEndian.Uint32(c.staging[c.length:])))
	if n <= 0 {
		return nil // nothing to write, or EINVAL
	}
	if a.AtMost > 0 {
		n = min(n, a.AtMost)
	}
	if !user(addr, n) {
		return c.leave()
	}
	off, ok := c.place(addr, n)
	if !ok {
		return ErrTooLarge
	}
	if a.Input {
		if err := c.read(addr, off, n); err != nil {
			return c.fault(err)
		}
	}
	c.used = off + n
	c.args[index] = c.base + uint64(off)
	c.output(slot{addr: addr, off: off, size: n, when: a.When, valid: measured32, ref: c.length})
	return nil
}

func (c *Call) walkSelfSized(index int, a *Arg) error {
	addr, known := c.args[index], a.At+4
	off, err := c.copyin(&c.args[index], known)
	if off < 0 {
		return err
	}
	n := a.Size + int(binary.NativeEndian.Uint32(c.staging[off+a.At:]))
	switch {
	case n < known, n > pageSize, !user(addr, n):
		// A size that the kernel refuses, or a default that only it knows.
		c.args[index] = addr
		return c.leave()
	case n > len(c.staging)-off:
		return ErrTooLarge
	}
	if err := c.read(addr+uint64(known), off+known, n-known); err != nil {
		c.args[index] = addr
		return c.fault(err)
	}
	if a.Input {
		c.output(slot{addr: addr, off: off, size: n, when: a.When})
	}
	return nil
}
