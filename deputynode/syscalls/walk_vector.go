package syscalls

import "encoding/binary"

// struct iovec: 16 bytes.
const (
	iovecSize   = 16
	iovecLength = 8 // offset of iov_len
)

// struct msghdr: 56 bytes.
const (
	msgSize          = 56
	msgName          = 0  // pointer
	msgNameLength    = 8  // int
	msgVector        = 16 // pointer to iovec
	msgVectorLength  = 24 // size_t
	msgControl       = 32 // pointer
	msgControlLength = 40 // size_t
	msgFlagsEnd      = 52 // end of msg_flags, which follows
)

func (c *Call) walkIovec(index int, a *Arg) error {
	n, ok := c.counted(a)
	if !ok || n > maxVector {
		return c.leave()
	}
	if n == 0 {
		return nil
	}
	return c.vector(&c.args[index], n, a.Kind == IovecIn, a.Clamp)
}

// vector lays out n iovec structures that *pointer points to and the buffers that they point to.
func (c *Call) vector(pointer *uint64, n int, input, clamp bool) error {
	own := *pointer
	off, err := c.copyin(pointer, n*iovecSize)
	if off < 0 {
		return err
	}
	end := off + n*iovecSize
	for e := off; e < end; e += iovecSize {
		if int64(binary.NativeEndian.Uint64(c.staging[e+iovecLength:])) < 0 {
			*pointer = own // EINVAL
			return c.leave()
		}
	}
	total := 0
	for e := off; e < end; e += iovecSize {
		addr := binary.NativeEndian.Uint64(c.staging[e:])
		size := binary.NativeEndian.Uint64(c.staging[e+iovecLength:])
		if size == 0 {
			continue
		}
		if addr == 0 || size > taskSize || !user(addr, int(size)) {
			// The kernel stops here, or before it began.
			return c.leave()
		}
		want := int(size)
		at, fits := c.place(addr, want)
		if !fits {
			want = max(len(c.staging)-at, 0)
			if !clamp || total == 0 && want < minClamp {
				return ErrTooLarge
			}
		}
		if want > 0 && input {
			if err := c.read(addr, at, want); err != nil {
				return c.fault(err)
			}
		} else if want > 0 {
			c.used = at + want
			c.output(slot{addr: addr, off: at, size: want, valid: returned, unit: 1, skip: total})
		}
		c.patch(e, c.base+uint64(at))
		if !fits {
			c.clamped = true
			c.patch(e+iovecLength, uint64(want))
			for e += iovecSize; e < end; e += iovecSize {
				c.patch(e+iovecLength, 0)
			}
			return nil
		}
		total += want
	}
	return nil
}

// walkMessage lays out a msghdr: first the name and the control data, last the vector, which may be clamped.
func (c *Call) walkMessage(index int, a *Arg) error {
	own := c.args[index]
	off, err := c.copyin(&c.args[index], msgSize)
	if off < 0 {
		return err
	}
	h, input := c.staging[off:off+msgSize], a.Kind == MsgIn
	nameLength := int(int32(binary.NativeEndian.Uint32(h[msgNameLength:])))
	controlLength := binary.NativeEndian.Uint64(h[msgControlLength:])
	vectorLength := binary.NativeEndian.Uint64(h[msgVectorLength:])
	if nameLength < 0 || controlLength > 1<<31-1 || vectorLength > maxVector {
		c.args[index] = own // EINVAL, ENOBUFS, EMSGSIZE
		return c.leave()
	}
	nameLength = min(nameLength, sockaddrMax)

	if !input {
		c.output(slot{addr: own + msgControlLength, off: off + msgControlLength, size: msgFlagsEnd - msgControlLength})
		if binary.NativeEndian.Uint64(h[msgName:]) != 0 {
			c.output(slot{addr: own + msgNameLength, off: off + msgNameLength, size: 4})
		}
	}
	name := slot{size: nameLength, valid: measured32, ref: off + msgNameLength}
	if err := c.attach(off+msgName, name, input); err != nil {
		return err
	}
	control := slot{size: int(controlLength), valid: measured64, ref: off + msgControlLength}
	if err := c.attach(off+msgControl, control, input); err != nil {
		return err
	}
	vector := binary.NativeEndian.Uint64(h[msgVector:])
	if vector == 0 || vectorLength == 0 {
		return nil
	}
	err = c.vector(&vector, int(vectorLength), input, a.Clamp)
	c.patch(off+msgVector, vector)
	return err
}

// attach lays out what the pointer at offset field of the staging area points to: input, or the output s.
func (c *Call) attach(field int, s slot, input bool) error {
	s.addr = binary.NativeEndian.Uint64(c.staging[field:])
	if s.addr == 0 || s.size == 0 {
		return nil
	}
	if input {
		pointer := s.addr
		_, err := c.copyin(&pointer, s.size)
		c.patch(field, pointer)
		return err
	}
	if !user(s.addr, s.size) {
		return c.leave()
	}
	off, ok := c.place(s.addr, s.size)
	if !ok {
		return ErrTooLarge
	}
	s.off, c.used = off, off+s.size
	clear(c.staging[off:c.used]) // the kernel skips the padding in control data
	c.patch(field, c.base+uint64(off))
	c.output(s)
	return nil
}

// walkStrings lays out the pointers up to the NULL that ends them, then the strings. If anything cannot be read the
// whole vector is left to the window.
func (c *Call) walkStrings(index int, a *Arg) error {
	table := (c.used + alignment - 1) &^ (alignment - 1)
	n, err := c.pointers(c.args[index], table)
	if n < 0 {
		return err
	}
	for e := table; e < table+8*n; e += 8 {
		off, err := c.copyinString(binary.NativeEndian.Uint64(c.staging[e:]), a.Size)
		if off < 0 {
			return err
		}
		c.patch(e, c.base+uint64(off))
	}
	c.args[index] = c.base + uint64(table)
	return nil
}

// pointers reads the pointers at addr, up to and with the NULL, to offset table of the staging area, and returns how
// many come before the NULL, or -1 if they cannot be read. It reads no page that does not hold a part of them.
func (c *Call) pointers(addr uint64, table int) (n int, err error) {
	const batch = 64 * 8 // bytes at a time
	for off := table; ; {
		if !user(addr, 8) {
			return -1, c.leave()
		}
		size := max(min(batch, pageSize-int(addr%pageSize))&^7, 8)
		size = min(size, (len(c.staging)-off)&^7)
		if size <= 0 {
			return -1, ErrTooLarge
		}
		if err := c.read(addr, off, size); err != nil {
			return -1, c.fault(err)
		}
		for end := off + size; off < end; n++ {
			p := binary.NativeEndian.Uint64(c.staging[off:])
			if off += 8; p == 0 {
				return n, nil
			}
		}
		addr += uint64(size)
	}
}
