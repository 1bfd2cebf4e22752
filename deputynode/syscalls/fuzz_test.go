package syscalls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"golang.org/x/sys/unix"
)

// FuzzPrepare walks any call with any arguments on any memory, answered by a kernel that writes anything, and checks
// what must hold: pointers are the body's own or point into the staging area, outputs are from there and go to the
// body, a restart gives the same layout, and a walk without a caller leaves what was read as it was.
func FuzzPrepare(f *testing.F) {
	words := func(values ...uint64) (b []byte) {
		for _, v := range values {
			b = binary.LittleEndian.AppendUint64(b, v)
		}
		return b
	}
	vector := words(bodyAddr, 20, bodyAddr+8, 4000, bodyAddr, 1<<20)
	message := words(bodyAddr, 16, bodyAddr+56, 2, bodyAddr+8, 24, 0, bodyAddr, 9, bodyAddr, 1<<20)
	f.Add(uint16(unix.SYS_READ), uint16(4096), int64(10), words(0, bodyAddr, 100), []byte("body"))
	f.Add(uint16(unix.SYS_OPENAT), uint16(600), int64(3), words(1, bodyAddr), []byte("/a/path\x00"))
	f.Add(uint16(unix.SYS_READV), uint16(60000), int64(5000), words(0, bodyAddr, 3), vector)
	f.Add(uint16(unix.SYS_WRITEV), uint16(60000), int64(24), words(0, bodyAddr, 2), vector)
	f.Add(uint16(unix.SYS_SENDMSG), uint16(60000), int64(1), words(0, bodyAddr), message)
	f.Add(uint16(unix.SYS_RECVMSG), uint16(60000), int64(4096), words(0, bodyAddr), message)
	f.Add(uint16(unix.SYS_EXECVE), uint16(60000), int64(-2), words(bodyAddr+24, bodyAddr, bodyAddr), words(bodyAddr+24, bodyAddr+25, 0, 0x6261))
	f.Add(uint16(unix.SYS_PSELECT6), uint16(4096), int64(1), words(64, bodyAddr, bodyAddr, 0, bodyAddr, bodyAddr), words(bodyAddr, 8))
	f.Add(uint16(unix.SYS_NAME_TO_HANDLE_AT), uint16(4096), int64(0), words(0, bodyAddr, bodyAddr, bodyAddr), words(8, 1))
	f.Add(uint16(unix.SYS_ACCEPT), uint16(4096), int64(3), words(0, bodyAddr, bodyAddr), words(4, 1))
	f.Add(uint16(unix.SYS_IOCTL), uint16(4096), int64(0), words(0, unix.TCGETS, bodyAddr), words(0))
	f.Fuzz(func(t *testing.T, nr, room uint16, ret int64, rawArgs, content []byte) {
		r := rows[int(nr)%len(rows)]
		var args [6]uint64
		var raw [48]byte
		copy(raw[:], rawArgs)
		for i := range args {
			args[i] = binary.LittleEndian.Uint64(raw[8*i:])
		}
		content = content[:min(len(content), 3*pageSize)]
		m := newMemory()
		m.put(bodyAddr, content...)

		var c, again Call
		staging := make([]byte, room)
		err := r.Prepare(&c, args, m, testBase, staging)
		if err != nil && !errors.Is(err, ErrTooLarge) {
			t.Fatal(err)
		}
		for i, p := range c.Args() {
			inside := p >= testBase && p <= testBase+uint64(room)
			if p != args[i] && !inside && !c.Clamped() {
				t.Fatalf("argument %d is %#x, was %#x", i, p, args[i])
			}
		}

		for page := range m.pages {
			m.missing[page] = true
		}
		other := make([]byte, room)
		errAgain := errMissing
		for errors.Is(errAgain, errMissing) {
			errAgain = r.Prepare(&again, args, m, testBase, other)
		}
		if errAgain != err || again.Args() != c.Args() || again.Window() != c.Window() || !bytes.Equal(staging, other) {
			t.Fatalf("another layout after a restart: %v and %v", err, errAgain)
		}

		k, recorded := &keeper{memory: m}, new(Call)
		_ = r.Prepare(recorded, args, k, 0, make([]byte, room))
		for i, view := range k.views {
			if !bytes.Equal(view, m.read(t, k.addrs[i], len(view))) {
				t.Fatalf("what was read at %#x has changed", k.addrs[i])
			}
		}

		for i := range staging {
			staging[i] ^= byte(ret) // the kernel
		}
		c.Outputs(ret, func(addr uint64, data []byte) {
			if len(data) == 0 || addr >= taskSize || uint64(len(data)) > taskSize-addr {
				t.Fatalf("%d bytes of output for %#x", len(data), addr)
			}
			if cap(data) > len(staging) {
				t.Fatal("output that is not in the staging area")
			}
		})
	})
}
