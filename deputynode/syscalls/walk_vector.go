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
	own, mark := *pointer, c.used
	off, err := c.copyin(pointer, n*iovecSize)
	if off < 0 {
		return err
	}
	table := c.staging[off : off+n*iovecSize]
	for e := table; len(e) > 0; e = e[iovecSize:] {
		if int64(binary.NativeEndian.Uint64(e[iovecLength:])) < 0 {
			*pointer, c.used = own, mark // EINVAL
			return c.leave()
		}
	}
	total := 0
	for e := table; len(e) > 0; e = e[iovecSize:] {
		addr, size := binary.NativeEndian.Uint64(e), binary.NativeEndian.Uint64(e[iovecLength:])
		if size == 0 {
			continue
		}
		if addr == 0 || size > taskSize || !user(addr, int(size)) {
			// The kernel stops here, or before it began.
			return c.leave()
		}
		want := int(size)
		at, ok := c.place(addr, want)
		if !ok {
			room := len(c.staging) - at
			if !clamp || total == 0 && room < minClamp {
				return ErrTooLarge
			}
			want = max(room, 0)
		}
		if input && want > 0 {
			if err := c.mem.Read(addr, c.staging[at:at+want:at+want]); err != nil {
				return c.fault(err)
			}
		}
		if want > 0 {
			binary.NativeEndian.PutUint64(e, c.base+uint64(at))
			c.used = at + want
			if !input {
				c.output(slot{addr: addr, off: at, size: want, valid: returned, unit: 1, skip: total})
			}
		}
		total += want
		if !ok {
			c.clamped = true
			binary.NativeEndian.PutUint64(e[iovecLength:], uint64(want))
			for e = e[iovecSize:]; len(e) > 0; e = e[iovecSize:] {
				binary.NativeEndian.PutUint64(e[iovecLength:], 0)
			}
			return nil
		}
	}
	return nil
}

// walkMessage lays out a msghdr: first the name and the control data, last the vector, which may be clamped.
func (c *Call) walkMessage(index int, a *Arg) error {
	own, mark := c.args[index], c.used
	off, err := c.copyin(&c.args[index], msgSize)
	if off < 0 {
		return err
	}
	h, input := c.staging[off:off+msgSize], a.Kind == MsgIn
	nameLength := int(int32(binary.NativeEndian.Uint32(h[msgNameLength:])))
	controlLength := binary.NativeEndian.Uint64(h[msgControlLength:])
	vectorLength := binary.NativeEndian.Uint64(h[msgVectorLength:])
	if nameLength < 0 || controlLength > 1<<31-1 || vectorLength > maxVector {
		c.args[index], c.used = own, mark // EINVAL, ENOBUFS, EMSGSIZE
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
	if err := c.attach(h[msgName:], name, input); err != nil {
		return err
	}
	control := slot{size: int(controlLength), valid: measured64, ref: off + msgControlLength}
	if err := c.attach(h[msgControl:], control, input); err != nil {
		return err
	}
	vector := binary.NativeEndian.Uint64(h[msgVector:])
	if vector == 0 || vectorLength == 0 {
		return nil
	}
	err = c.vector(&vector, int(vectorLength), input, a.Clamp)
	binary.NativeEndian.PutUint64(h[msgVector:], vector)
	return err
}

// attach lays out what the pointer in field points to: input, or the output s.
func (c *Call) attach(field []byte, s slot, input bool) error {
	s.addr = binary.NativeEndian.Uint64(field)
	if s.addr == 0 || s.size == 0 {
		return nil
	}
	if input {
		pointer := s.addr
		_, err := c.copyin(&pointer, s.size)
		binary.NativeEndian.PutUint64(field, pointer)
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
	binary.NativeEndian.PutUint64(field, c.base+uint64(off))
	c.output(s)
	return nil
}

// walkStrings lays out the pointers up to the NULL that ends them, then the strings. If anything cannot be read the
// whole vector is left to the window.
func (c *Call) walkStrings(index int, a *Arg) error {
	own, mark := c.args[index], c.used
	table, window := (mark+alignment-1)&^(alignment-1), c.window
	c.window = false
	n, err := c.pointers(own, table)
	for i := 0; i < n && err == nil && !c.window; i++ {
		e := table + 8*i
		var off int
		off, err = c.copyinString(binary.NativeEndian.Uint64(c.staging[e:]), a.Size)
		if off >= 0 {
			binary.NativeEndian.PutUint64(c.staging[e:], c.base+uint64(off))
		}
	}
	if c.window {
		c.used = mark
		return err
	}
	c.window = window
	c.args[index] = c.base + uint64(table)
	return err
}

// pointers reads the pointers at addr, up to and with the NULL, to offset table of the staging area, and returns how
// many come before the NULL. It reads no page that does not hold a part of them.
func (c *Call) pointers(addr uint64, table int) (n int, err error) {
	const batch = 64 * 8 // bytes at a time
	for off := table; ; {
		if !user(addr, 8) {
			return 0, c.leave()
		}
		size := min(batch, pageSize-int(addr%pageSize))
		size = max(size&^7, 8)
		if len(c.staging)-off < size {
			size = (len(c.staging) - off) &^ 7
			if size <= 0 {
				return 0, ErrTooLarge
			}
		}
		p := c.staging[off : off+size]
		if err := c.mem.Read(addr, p); err != nil {
			return 0, c.fault(err)
		}
		for ; len(p) > 0; p = p[8:] {
			off += 8
			if binary.NativeEndian.Uint64(p) == 0 {
				c.used = off
				return n, nil
			}
			n++
		}
		addr += uint64(size)
	}
}
