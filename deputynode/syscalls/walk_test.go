package syscalls

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

const room = 64 << 10 // of the staging area in most tests

// prepare walks a call on m and fails the test on an error.
func prepare(t *testing.T, name string, m *memory, args ...uint64) *Call {
	t.Helper()
	c, err := tryPrepare(t, name, m, room, args...)
	if err != nil {
		t.Fatalf("%s(%#x): %v", name, args, err)
	}
	return c
}

func tryPrepare(t *testing.T, name string, m *memory, room int, args ...uint64) (*Call, error) {
	t.Helper()
	var six [6]uint64
	copy(six[:], args)
	c := new(Call)
	return c, rowOf(t, name).Prepare(c, six, m, testBase, make([]byte, room))
}

func TestPrepareInput(t *testing.T) {
	m := newMemory()
	m.put(bodyAddr, []byte("/etc/passwd\x00rest")...)
	m.put(bodyAddr+100, bytes.Repeat([]byte{7}, 300)...)
	m.put(bodyAddr+pageSize-4, []byte("a\x00bc")...) // up to the end of memory
	tests := []struct {
		name   string
		call   string
		args   [6]uint64
		arg    int
		want   string // staged for arg; empty: the pointer keeps its value
		window bool
	}{
		{"string", "open", [6]uint64{bodyAddr}, 0, "/etc/passwd\x00", false},
		{"string at the end of memory", "open", [6]uint64{bodyAddr + pageSize - 4}, 0, "a\x00", false},
		{"string that runs out of memory", "open", [6]uint64{bodyAddr + pageSize - 2}, 0, "", true},
		{"string that faults", "open", [6]uint64{0xdead000}, 0, "", true},
		{"string at NULL", "open", [6]uint64{0}, 0, "", false},
		{"string in kernel memory", "open", [6]uint64{0xffff_8000_0000_0000}, 0, "", true},
		{"second string", "openat", [6]uint64{0xffffff9c, bodyAddr}, 1, "/etc/passwd\x00", false},
		{"counted buffer", "write", [6]uint64{1, bodyAddr + 100, 3}, 1, "\x07\x07\x07", false},
		{"empty buffer is not followed", "write", [6]uint64{1, 0xdead000, 0}, 1, "", false},
		{"buffer that faults", "write", [6]uint64{1, 0xdead000, 3}, 1, "", true},
		{"buffer that faults in the middle", "write", [6]uint64{1, bodyAddr + pageSize - 4, 5}, 1, "", true},
		{"buffer that wraps", "write", [6]uint64{1, bodyAddr, 1<<64 - 1}, 1, "", true},
		{"buffer into kernel memory", "write", [6]uint64{1, bodyAddr, 1 << 47}, 1, "", true},
		{"structure", "nanosleep", [6]uint64{bodyAddr + 100}, 0, string(bytes.Repeat([]byte{7}, 16)), false},
		{"elements", "semop", [6]uint64{1, bodyAddr + 100, 2}, 1, string(bytes.Repeat([]byte{7}, 12)), false},
		{"header before the elements", "msgsnd", [6]uint64{1, bodyAddr + 100, 0}, 1, string(bytes.Repeat([]byte{7}, 8)), false},
		{"int count, high half ignored", "bind", [6]uint64{3, bodyAddr + 100, 5<<32 | 2}, 1, "\x07\x07", false},
		{"negative int count", "bind", [6]uint64{3, bodyAddr + 100, 0xffffffff}, 1, "", true},
		{"count above what the kernel reads", "bind", [6]uint64{3, bodyAddr + 100, 300}, 1, string(bytes.Repeat([]byte{7}, 128)), false},
		{"small value is no pointer", "ioctl", [6]uint64{0, 0x12345678, 5}, 2, "", false},
		{"unknown pointer", "ioctl", [6]uint64{0, 0x12345678, bodyAddr}, 2, "", true},
		{"command with a value", "ioctl", [6]uint64{0, unix.TIOCSCTTY, bodyAddr}, 2, "", false},
		{"command with input", "ioctl", [6]uint64{0, unix.TIOCSWINSZ, bodyAddr + 100}, 2, string(bytes.Repeat([]byte{7}, 8)), false},
		{"fcntl value", "fcntl", [6]uint64{0, unix.F_DUPFD, bodyAddr}, 2, "", false},
		{"fcntl lock", "fcntl", [6]uint64{0, unix.F_SETLKW, bodyAddr + 100}, 2, string(bytes.Repeat([]byte{7}, 32)), false},
		{"prctl name", "prctl", [6]uint64{unix.PR_SET_NAME, bodyAddr, 1 << 40, 1 << 40}, 1, "/etc/passwd\x00", false},
		{"epoll_ctl reads no event to delete", "epoll_ctl", [6]uint64{3, unix.EPOLL_CTL_DEL, 4, 0xdead000}, 3, "", false},
		{"epoll_ctl reads it to add", "epoll_ctl", [6]uint64{3, unix.EPOLL_CTL_ADD, 4, bodyAddr + 100}, 3, string(bytes.Repeat([]byte{7}, 12)), false},
		{"mq_open reads attributes only to create", "mq_open", [6]uint64{0, 0, 0, 0xdead000}, 3, "", false},
		{"mq_open creating", "mq_open", [6]uint64{0, unix.O_CREAT, 0, bodyAddr + 100}, 3, string(bytes.Repeat([]byte{7}, 64)), false},
		{"option with a pointer in it", "setsockopt", [6]uint64{3, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, bodyAddr + 100, 16}, 3, "", true},
		{"option", "setsockopt", [6]uint64{3, unix.SOL_SOCKET, unix.SO_REUSEADDR, bodyAddr + 100, 4}, 3, "\x07\x07\x07\x07", false},
		{"zero copy is left to the window", "sendto", [6]uint64{3, bodyAddr + 100, 4, unix.MSG_ZEROCOPY}, 1, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := prepare(t, tt.call, m, tt.args[:]...)
			if c.Window() != tt.window {
				t.Errorf("window is %t", c.Window())
			}
			got := c.Args()
			if tt.want == "" {
				if got != tt.args {
					t.Errorf("arguments are %#x, want them as they were", got)
				}
				return
			}
			if s := string(staged(t, c, got[tt.arg], len(tt.want))); s != tt.want {
				t.Errorf("staged %q, want %q", s, tt.want)
			}
			if got[tt.arg]%alignment != 0 {
				t.Errorf("staged at %#x", got[tt.arg])
			}
			for i := range got {
				if i != tt.arg && got[i] != tt.args[i] {
					t.Errorf("argument %d is %#x, was %#x", i, got[i], tt.args[i])
				}
			}
			if out := outputs(c, 0); out != nil {
				t.Errorf("input came back as output: %v", out)
			}
		})
	}
}

func TestLongString(t *testing.T) {
	m := newMemory()
	m.put(bodyAddr, bytes.Repeat([]byte{'x'}, 2*pathMax)...)
	c := prepare(t, "chdir", m, bodyAddr)
	if s := staged(t, c, c.Args()[0], pathMax); bytes.IndexByte(s, 0) >= 0 {
		t.Error("a path that is too long was ended, so that the kernel would take it")
	}
}

// TestOutputs checks what comes back of outputs. The kernel is an 'A' in every byte of the staging area, and what
// write changes.
func TestOutputs(t *testing.T) {
	a := func(addr uint64, n int) []piece { return []piece{{addr, string(bytes.Repeat([]byte{'A'}, n))}} }
	const buf = bodyAddr + 0x100
	eagain, eintr := -int64(unix.EAGAIN), -int64(unix.EINTR)
	tests := []struct {
		name string
		call string
		args [6]uint64
		ret  int64
		want []piece
	}{
		{"structure", "fstat", [6]uint64{0, buf}, 0, a(buf, 144)},
		{"structure after an error", "fstat", [6]uint64{0, buf}, -9, nil},
		{"no structure", "fstat", [6]uint64{0, 0}, 0, nil},
		{"read", "read", [6]uint64{0, buf, 100}, 100, a(buf, 100)},
		{"short read", "read", [6]uint64{0, buf, 100}, 7, a(buf, 7)},
		{"end of file", "read", [6]uint64{0, buf, 100}, 0, nil},
		{"failed read", "read", [6]uint64{0, buf, 100}, eagain, nil},
		{"more than there is room for", "recvfrom", [6]uint64{0, buf, 10, unix.MSG_TRUNC}, 1 << 40, a(buf, 10)},
		{"size asked of getxattr", "fgetxattr", [6]uint64{0, 0, buf, 0}, 500, nil},
		{"elements", "getgroups", [6]uint64{10, buf}, 3, a(buf, 12)},
		{"events", "epoll_wait", [6]uint64{3, buf, 10, 0}, 2, a(buf, 24)},
		{"message with its type", "msgrcv", [6]uint64{1, buf, 100}, 5, a(buf, 13)},
		{"child", "wait4", [6]uint64{0, buf}, 77, a(buf, 4)},
		{"no child yet", "wait4", [6]uint64{0, buf, unix.WNOHANG}, 0, nil},
		{"slept enough", "nanosleep", [6]uint64{0, buf}, 0, nil},
		{"interrupted sleep", "nanosleep", [6]uint64{0, buf}, eintr, a(buf, 16)},
		{"interrupted sleep, raw", "nanosleep", [6]uint64{0, buf}, -516, a(buf, 16)},
		{"failed sleep", "nanosleep", [6]uint64{0, buf}, -int64(unix.EINVAL), nil},
		{"interrupted absolute sleep", "clock_nanosleep", [6]uint64{1, unix.TIMER_ABSTIME, 0, buf}, eintr, nil},
		{"interrupted poll", "poll", [6]uint64{buf, 2}, eintr, a(buf, 16)},
		{"failed poll", "poll", [6]uint64{buf, 2}, -int64(unix.EINVAL), nil},
		{"siginfo of waitid also after an error", "waitid", [6]uint64{0, 0, buf}, -int64(unix.ECHILD), a(buf, 28)},
		{"attribute size after an error", "sched_setattr", [6]uint64{0, bodyAddr}, -int64(unix.E2BIG), a(bodyAddr, 48)},
		{"attribute after success", "sched_setattr", [6]uint64{0, bodyAddr}, 0, nil},
		{"command with output", "ioctl", [6]uint64{0, unix.TCGETS, buf}, 0, a(buf, 36)},
		{"two of three", "getresuid", [6]uint64{buf, 0, buf + 8}, 0, append(a(buf, 4), a(buf+8, 4)...)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory()
			m.put32(bodyAddr, 48)
			m.put(bodyAddr+pageSize, 0)
			c := prepare(t, tt.call, m, tt.args[:]...)
			for i := range c.staging {
				c.staging[i] = 'A'
			}
			if diff := cmp.Diff(tt.want, outputs(c, tt.ret)); diff != "" {
				t.Error(diff)
			}
			if c.Window() {
				t.Error("left to the window")
			}
		})
	}
}

func TestClamp(t *testing.T) {
	const small = 8 << 10
	m := newMemory()
	m.put(bodyAddr+10, bytes.Repeat([]byte{3}, 2*small)...)
	tests := []struct {
		call  string
		args  [6]uint64
		count int
		max   uint64 // the most that fits
	}{
		{"write", [6]uint64{1, bodyAddr + 10, 2 * small}, 2, small},
		{"read", [6]uint64{1, bodyAddr + 10, 1 << 40}, 2, small},
		{"pread64", [6]uint64{1, bodyAddr + 10, 2 * small, 5}, 2, small},
		{"getdents64", [6]uint64{1, bodyAddr + 10, 1<<32 - 1}, 2, small},
		{"recvfrom", [6]uint64{1, bodyAddr + 10, 2 * small}, 2, small},
		{"epoll_wait", [6]uint64{1, bodyAddr + 10, 1 << 20}, 2, small / 12},
	}
	for _, tt := range tests {
		c, err := tryPrepare(t, tt.call, m, small, tt.args[:]...)
		if err != nil {
			t.Errorf("%s: %v", tt.call, err)
			continue
		}
		got := c.Args()[tt.count]
		if !c.Clamped() || got > tt.max || got < tt.max/2 || c.Window() {
			t.Errorf("%s: count %d, clamped %t, window %t", tt.call, got, c.Clamped(), c.Window())
		}
	}
	c, err := tryPrepare(t, "write", m, small, 1, bodyAddr+10, 100)
	if err != nil || c.Clamped() || c.Args()[2] != 100 {
		t.Errorf("small write: %v, %v", c.Args(), err)
	}
}

func TestTooLarge(t *testing.T) {
	const small = 8 << 10
	m := newMemory()
	m.put(bodyAddr, bytes.Repeat([]byte{3}, 4*small)...)
	m.put(bodyAddr+4*small-1, 0)
	m.put64(bodyAddr+8*small, bodyAddr, bodyAddr, bodyAddr, 0)
	m.put64(bodyAddr+8*small+64, 0, 0, bodyAddr+8*small+128, 1, 0, 0, 0)
	m.put64(bodyAddr+8*small+128, bodyAddr, 2*small)
	m.put32(bodyAddr+8*small+200, 2*small)
	tests := []struct {
		name string
		call string
		room int
		args [6]uint64
	}{
		{"send", "sendto", small, [6]uint64{1, bodyAddr, 2 * small}},
		{"poll", "poll", small, [6]uint64{bodyAddr, 1 << 31}},
		{"select", "select", small, [6]uint64{1<<31 - 1, bodyAddr}},
		{"option", "setsockopt", small, [6]uint64{1, 1, 2, bodyAddr, 1<<31 - 1}},
		{"read option", "getsockopt", small, [6]uint64{1, 1, 2, bodyAddr, bodyAddr + 8*small + 200}},
		{"message", "sendmsg", small, [6]uint64{1, bodyAddr + 8*small + 64}},
		{"arguments", "execve", small, [6]uint64{bodyAddr, bodyAddr + 8*small}},
		{"room too small to clamp to", "read", 1000, [6]uint64{1, bodyAddr, 2000}},
		{"no room", "chdir", 0, [6]uint64{bodyAddr}},
		{"no room for a structure", "fstat", 100, [6]uint64{1, bodyAddr}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := tryPrepare(t, tt.call, m, tt.room, tt.args[:]...)
			if !errors.Is(err, ErrTooLarge) {
				t.Fatalf("error %v", err)
			}
			if c.Args() != tt.args || !c.Window() || c.Clamped() || outputs(c, 100) != nil {
				t.Errorf("not the call as it was: %#x, window %t, outputs %v", c.Args(), c.Window(), outputs(c, 100))
			}
		})
	}
}

// TestAlignment: direct I/O asks for aligned buffers, and refuses others.
func TestAlignment(t *testing.T) {
	m := newMemory()
	m.put(bodyAddr, make([]byte, 8*pageSize)...)
	for _, off := range []uint64{0, 512, 1536, 100, 513, pageSize, pageSize + 8} {
		c := prepare(t, "pwrite64", m, 1, bodyAddr+off, 2*pageSize)
		unit := uint64(sector)
		if off%pageSize == 0 {
			unit = pageSize
		}
		if got := c.Args()[1]; got%unit != off%unit {
			t.Errorf("buffer at %#x was laid out at %#x", bodyAddr+off, got)
		}
	}
}

func TestVector(t *testing.T) {
	m := newMemory()
	const table, data = bodyAddr, bodyAddr + 0x1000
	m.put(data, []byte("hello, world")...)
	m.put64(table, data, 5, 0xdead000, 0, data+7, 5)

	t.Run("in", func(t *testing.T) {
		c := prepare(t, "writev", m, 1, table, 3)
		var got []byte
		for i, e := 0, staged(t, c, c.Args()[1], 48); i < 3; i, e = i+1, e[16:] {
			if n := binary.NativeEndian.Uint64(e[8:]); n > 0 {
				got = append(got, staged(t, c, binary.NativeEndian.Uint64(e), int(n))...)
			}
		}
		if string(got) != "helloworld" || c.Window() || outputs(c, 10) != nil {
			t.Errorf("staged %q, window %t, outputs %v", got, c.Window(), outputs(c, 10))
		}
	})
	t.Run("out", func(t *testing.T) {
		c := prepare(t, "preadv2", m, 1, table, 3)
		for i := range c.staging {
			c.staging[i] = 'A'
		}
		for ret, want := range map[int64][]piece{
			-1: nil, 0: nil,
			3:  {{data, "AAA"}},
			5:  {{data, "AAAAA"}},
			7:  {{data, "AAAAA"}, {data + 7, "AA"}},
			10: {{data, "AAAAA"}, {data + 7, "AAAAA"}},
			99: {{data, "AAAAA"}, {data + 7, "AAAAA"}},
		} {
			if diff := cmp.Diff(want, outputs(c, ret)); diff != "" {
				t.Errorf("returned %d: %s", ret, diff)
			}
		}
	})
	t.Run("clamped", func(t *testing.T) {
		m.put64(table+0x100, data, 5, bodyAddr, 1<<30, data, 5, data, 5)
		c := prepare(t, "readv", m, 1, table+0x100, 4)
		e := staged(t, c, c.Args()[1], 64)
		second := binary.NativeEndian.Uint64(e[24:])
		if !c.Clamped() || second >= room || second < room/2 || binary.NativeEndian.Uint64(e[40:]) != 0 || binary.NativeEndian.Uint64(e[56:]) != 0 {
			t.Errorf("lengths are %d, %d, %d", second, e[40:48], e[56:])
		}
		total := 0
		c.Outputs(1<<30, func(_ uint64, data []byte) { total += len(data) })
		if total != 5+int(second) {
			t.Errorf("%d bytes come back, want %d", total, 5+second)
		}
	})
	for _, tt := range []struct {
		name   string
		vector []uint64
		n      uint64
		same   bool // the vector itself is left
	}{
		{"negative length", []uint64{data, 5, data, 1 << 63}, 2, true},
		{"vector faults", nil, 2, true},
		{"too many", []uint64{data, 5}, maxVector + 1, true},
		{"part faults", []uint64{data, 5, 0xdead000, 5}, 2, false},
		{"part is NULL", []uint64{data, 5, 0, 5}, 2, false},
		{"part in kernel memory", []uint64{data, 5, 1 << 63, 5}, 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := uint64(0xbad0000)
			if tt.vector != nil {
				at = table + 0x800
				m.put64(at, tt.vector...)
			}
			c := prepare(t, "writev", m, 1, at, tt.n)
			if !c.Window() || (c.Args()[1] == at) != tt.same {
				t.Fatalf("window %t, vector at %#x", c.Window(), c.Args()[1])
			}
			if !tt.same {
				e := staged(t, c, c.Args()[1], 32)
				if binary.NativeEndian.Uint64(e) == data || binary.NativeEndian.Uint64(e[16:]) != tt.vector[2] {
					t.Errorf("vector is %#x", e)
				}
			}
		})
	}
	if c := prepare(t, "writev", m, 1, 0xdead000, 0); c.Window() {
		t.Error("an empty vector was followed")
	}
}

func TestValueResult(t *testing.T) {
	const buf, length = bodyAddr, bodyAddr + 0x800
	all := func(n int) string { return string(bytes.Repeat([]byte{'A'}, n)) }
	word := func(n uint32) string { return string(binary.NativeEndian.AppendUint32(nil, n)) }
	tests := []struct {
		name        string
		call        string
		args        [6]uint64
		given, back uint32
		ret         int64
		want        []piece
		window      bool
	}{
		{"address fits", "accept", [6]uint64{3, buf, length}, 128, 16, 4, []piece{{length, word(16)}, {buf, all(16)}}, false},
		{"address is cut", "accept4", [6]uint64{3, buf, length}, 10, 16, 4, []piece{{length, word(16)}, {buf, all(10)}}, false},
		{"room above what the kernel has", "getsockname", [6]uint64{3, buf, length}, 1 << 30, 110, 0, []piece{{length, word(110)}, {buf, all(110)}}, false},
		{"failed", "accept", [6]uint64{3, buf, length}, 128, 128, -11, nil, false},
		{"no address wanted", "accept", [6]uint64{3, 0, 0}, 0, 0, 4, nil, false},
		{"no room", "getpeername", [6]uint64{3, buf, length}, 0, 16, 0, []piece{{length, word(16)}}, false},
		{"negative", "getpeername", [6]uint64{3, buf, length}, 1 << 31, 1 << 31, -22, nil, false},
		{"length at NULL", "getpeername", [6]uint64{3, buf, 0}, 0, 0, -14, nil, true},
		{"length faults", "getpeername", [6]uint64{3, buf, 0xdead000}, 0, 0, -14, nil, true},
		{"option", "getsockopt", [6]uint64{3, 1, 2, buf, length}, 4, 4, 0, []piece{{length, word(4)}, {buf, all(4)}}, false},
		{"length of a failed option", "getsockopt", [6]uint64{3, 1, 59, buf, length}, 4, 400, -34, []piece{{length, word(400)}}, false},
		{"recvfrom", "recvfrom", [6]uint64{3, buf + 200, 8, 0, buf, length}, 16, 16, 3, []piece{{length, word(16)}, {buf, all(16)}, {buf + 200, all(3)}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMemory()
			m.put32(length, tt.given)
			c := prepare(t, tt.call, m, tt.args[:]...)
			if c.Window() != tt.window {
				t.Errorf("window %t", c.Window())
			}
			for i := range c.staging {
				c.staging[i] = 'A'
			}
			if c.length >= 0 {
				binary.NativeEndian.PutUint32(c.staging[c.length:], tt.back)
			}
			if diff := cmp.Diff(tt.want, outputs(c, tt.ret)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMessage(t *testing.T) {
	const msg, name, vector, control, data = bodyAddr, bodyAddr + 0x100, bodyAddr + 0x200, bodyAddr + 0x300, bodyAddr + 0x400
	m := newMemory()
	m.put(name, []byte("\x01\x00/tmp/socket")...)
	m.put(control, []byte("control!control!")...)
	m.put(data, []byte("hello, world")...)
	m.put64(vector, data, 5, data+7, 5)
	m.put64(msg, name, 13, vector, 2, control, 16, 0)
	word := func(h []byte, at int) uint64 { return binary.NativeEndian.Uint64(h[at:]) }

	c := prepare(t, "sendmsg", m, 3, msg)
	h := staged(t, c, c.Args()[1], msgSize)
	e := staged(t, c, word(h, msgVector), 32)
	got := []string{
		string(staged(t, c, word(h, msgName), 13)), string(staged(t, c, word(h, msgControl), 16)),
		string(staged(t, c, word(e, 0), 5)), string(staged(t, c, word(e, 16), 5)),
	}
	if diff := cmp.Diff([]string{"\x01\x00/tmp/socket", "control!control!", "hello", "world"}, got); diff != "" {
		t.Error(diff)
	}
	if c.Window() || outputs(c, 10) != nil {
		t.Errorf("window %t, outputs %v", c.Window(), outputs(c, 10))
	}

	c = prepare(t, "recvmsg", m, 3, msg)
	h = staged(t, c, c.Args()[1], msgSize)
	for _, at := range []int{msgName, msgControl} {
		copy(staged(t, c, word(h, at), 8), "received")
	}
	e = staged(t, c, word(h, msgVector), 32)
	copy(staged(t, c, word(e, 0), 5), "HELLO")
	copy(staged(t, c, word(e, 16), 5), "WORLD")
	binary.NativeEndian.PutUint32(h[msgNameLength:], 3)
	binary.NativeEndian.PutUint64(h[msgControlLength:], 4)
	binary.NativeEndian.PutUint32(h[msgControlLength+8:], unix.MSG_CTRUNC)
	want := []piece{
		{msg + msgControlLength, "\x04\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00"},
		{msg + msgNameLength, "\x03\x00\x00\x00"},
		{name, "rec"}, {control, "rece"}, {data, "HELLO"}, {data + 7, "WO"},
	}
	if diff := cmp.Diff(want, outputs(c, 7)); diff != "" {
		t.Error(diff)
	}
	if outputs(c, -11) != nil {
		t.Error("output of a failed call")
	}

	for what, change := range map[string]func(){
		"name length":    func() { m.put32(msg+msgNameLength, 1<<31) },
		"vector length":  func() { m.put64(msg+msgVectorLength, maxVector+1) },
		"control length": func() { m.put64(msg+msgControlLength, 1<<31) },
	} {
		change()
		if c := prepare(t, "recvmsg", m, 3, msg); !c.Window() || c.Args()[1] != msg || outputs(c, 1) != nil {
			t.Errorf("%s: window %t, %#x", what, c.Window(), c.Args())
		}
		m.put64(msg, name, 13, vector, 2, control, 16, 0)
	}
	m.put64(msg, 0xdead000, 13, 0, 0, 0, 0)
	if c := prepare(t, "sendmsg", m, 3, msg); !c.Window() || c.Args()[1] == msg {
		t.Errorf("name that faults: window %t, %#x", c.Window(), c.Args())
	}
}

func TestStrings(t *testing.T) {
	m := newMemory()
	const vector, text = bodyAddr + pageSize - 16, bodyAddr + 0x3000 // the vector crosses a page
	m.put(text, []byte("ls\x00-l\x00\x00")...)
	m.put64(vector, text, text+3, text+6, 0)
	c := prepare(t, "execve", m, text, vector, 0)
	var got []string
	for p := staged(t, c, c.Args()[1], 32); binary.NativeEndian.Uint64(p) != 0; p = p[8:] {
		s := staged(t, c, binary.NativeEndian.Uint64(p), 3)
		got = append(got, string(s[:bytes.IndexByte(s, 0)]))
	}
	if diff := cmp.Diff([]string{"ls", "-l", ""}, got); diff != "" {
		t.Error(diff)
	}
	if c.Window() || c.Args()[2] != 0 {
		t.Errorf("window %t, %#x", c.Window(), c.Args())
	}

	m.put64(bodyAddr+2*pageSize-24, text, text, 0) // ends where memory ends
	if c := prepare(t, "execve", m, text, bodyAddr+2*pageSize-24); c.Window() {
		t.Error("read beyond the vector")
	}
	m.put64(bodyAddr+0x100, text, 0xdead000, 0)
	if c := prepare(t, "execve", m, text, bodyAddr+0x100, vector); !c.Window() || c.Args()[1] != bodyAddr+0x100 || c.Args()[2] == vector {
		t.Errorf("string that faults: window %t, %#x", c.Window(), c.Args())
	}
	m.put64(bodyAddr+2*pageSize-8, text)
	if c := prepare(t, "execve", m, text, bodyAddr+2*pageSize-8); !c.Window() {
		t.Error("a vector without end was taken")
	}
	// A vector of pointers that are not aligned.
	m.put64(bodyAddr+0x203, text, text+3, 0)
	if c := prepare(t, "execve", m, text, bodyAddr+0x203); c.Window() {
		t.Error("vector that is not aligned")
	}
}

func TestSelect(t *testing.T) {
	m := newMemory()
	const set, limit, pair, mask = bodyAddr, bodyAddr + 0x100, bodyAddr + 0x200, bodyAddr + 0x300
	m.put64(set, 1, 2, 3)
	m.put64(limit, 5, 6)
	m.put64(pair, mask, 8)
	m.put64(mask, 0xabc)
	c := prepare(t, "pselect6", m, 65, set, 0, set+8, limit, pair)
	if c.Window() {
		t.Error("left to the window")
	}
	if got := staged(t, c, c.Args()[1], 16); binary.NativeEndian.Uint64(got[8:]) != 2 {
		t.Errorf("65 bits staged as %#x", got)
	}
	p := staged(t, c, c.Args()[5], 16)
	if got := binary.NativeEndian.Uint64(staged(t, c, binary.NativeEndian.Uint64(p), 8)); got != 0xabc {
		t.Errorf("mask %#x", got)
	}
	if out := outputs(c, -9); out != nil {
		t.Errorf("failed and unchanged, but %v comes back", out)
	}
	if out := outputs(c, 1); len(out) != 2 || len(out[0].Data) != 16 {
		t.Errorf("sets: %v", out)
	}
	staged(t, c, c.Args()[4], 16)[0] = 4
	if out := outputs(c, -4); len(out) != 1 || out[0].Addr != limit || out[0].Data[0] != 4 {
		t.Errorf("remaining time: %v", out)
	}
	for _, bad := range [][2]uint64{{mask, 4}, {0, 8}} {
		m.put64(pair, bad[0], bad[1])
		if c := prepare(t, "pselect6", m, 0, 0, 0, 0, 0, pair); c.Window() {
			t.Errorf("mask %#x was followed", bad)
		}
	}
	m.put64(pair, 0xdead000, 8)
	if c := prepare(t, "pselect6", m, 0, 0, 0, 0, 0, pair); !c.Window() {
		t.Error("mask that faults")
	}
	if c := prepare(t, "select", m, 0xffffffff, set); !c.Window() || c.Args()[1] != set {
		t.Error("negative count of descriptors")
	}
}

func TestSelfSized(t *testing.T) {
	m := newMemory()
	m.put32(bodyAddr, 20)
	c := prepare(t, "name_to_handle_at", m, 3, 0, bodyAddr, bodyAddr+0x100)
	binary.NativeEndian.PutUint32(staged(t, c, c.Args()[2], 28), 30)
	out := outputs(c, -int64(unix.EOVERFLOW))
	if len(out) != 2 || out[0].Addr != bodyAddr || len(out[0].Data) != 28 || out[0].Data[0] != 30 {
		t.Errorf("outputs %v", out)
	}
	for size, where := range map[uint32]uint64{0: bodyAddr, pageSize + 1: bodyAddr, 20: bodyAddr + pageSize - 8} {
		m.put32(where, size)
		if c := prepare(t, "sched_setattr", m, 0, where); !c.Window() || c.Args()[1] != where || outputs(c, -7) != nil {
			t.Errorf("size %d at %#x was taken", size, where)
		}
	}
}

// TestRestart: after an error of the memory that is no fault, the next walk lays the call out as if there had been none.
func TestRestart(t *testing.T) {
	build := func() *memory {
		m := newMemory()
		for i := uint64(0); i < 6; i++ {
			m.put(bodyAddr+i*pageSize, []byte("text")...)
		}
		m.put64(bodyAddr+0x100, bodyAddr+pageSize, 100, 0xdead000, 5, bodyAddr+2*pageSize, 1000)
		m.put64(bodyAddr+0x200, bodyAddr+3*pageSize, 20, bodyAddr+0x100, 1, bodyAddr+4*pageSize, 200, 0)
		m.put64(bodyAddr+0x300, bodyAddr+pageSize, bodyAddr+5*pageSize, 0)
		return m
	}
	for call, args := range map[string][6]uint64{
		"writev":  {1, bodyAddr + 0x100, 3},
		"sendmsg": {1, bodyAddr + 0x200},
		"execve":  {bodyAddr + 2*pageSize, bodyAddr + 0x300, bodyAddr + 0x300},
		"rename":  {bodyAddr + pageSize, bodyAddr + 2*pageSize},
	} {
		r, m := rowOf(t, call), build()
		var c, want Call
		staging := make([]byte, room)
		if err := r.Prepare(&want, args, m, testBase, make([]byte, room)); err != nil {
			t.Fatal(err)
		}
		for page := range m.pages {
			m.missing[page] = true
		}
		rounds := 0
		for {
			err := r.Prepare(&c, args, m, testBase, staging)
			if err == nil {
				break
			}
			if err != errMissing {
				t.Fatalf("%s: %v", call, err)
			}
			rounds++
		}
		if rounds < 2 || c.Args() != want.Args() || c.Window() != want.Window() || !bytes.Equal(c.staging[:c.used], want.staging[:want.used]) {
			t.Errorf("%s: another layout after %d restarts", call, rounds)
		}
	}
}

// keeper is a memory that keeps views of what it filled, as the body's side does to send it along.
type keeper struct {
	*memory
	addrs []uint64
	views [][]byte
}

func (k *keeper) Read(addr uint64, p []byte) error {
	if err := k.memory.Read(addr, p); err != nil {
		return err
	}
	k.addrs, k.views = append(k.addrs, addr), append(k.views, p)
	return nil
}

// TestWalkOnly: with base 0 the staging area keeps what the memory put there.
func TestWalkOnly(t *testing.T) {
	m := newMemory()
	m.put(bodyAddr, make([]byte, pageSize)...)
	m.put64(bodyAddr+0x100, bodyAddr, 100, bodyAddr+8, 10)
	m.put64(bodyAddr+0x200, bodyAddr, 20, bodyAddr+0x100, 2, bodyAddr, 20, 0)
	m.put64(bodyAddr+0x300, bodyAddr+0x400, bodyAddr+0x400, 0)
	m.put64(bodyAddr+0x380, bodyAddr, 8)
	m.put32(bodyAddr+0x3c0, 12)
	for call, args := range map[string][6]uint64{
		"writev":            {1, bodyAddr + 0x100, 2},
		"sendmsg":           {1, bodyAddr + 0x200},
		"execve":            {bodyAddr + 0x400, bodyAddr + 0x300, bodyAddr + 0x300},
		"pselect6":          {0, 0, 0, 0, 0, bodyAddr + 0x380},
		"name_to_handle_at": {0, 0, bodyAddr + 0x3c0},
	} {
		k, c := &keeper{memory: m}, new(Call)
		if err := rowOf(t, call).Prepare(c, args, k, 0, make([]byte, room)); err != nil {
			t.Fatal(err)
		}
		if len(k.views) == 0 {
			t.Errorf("%s: nothing read", call)
		}
		for i, view := range k.views {
			if !bytes.Equal(view, m.read(t, k.addrs[i], len(view))) {
				t.Errorf("%s: what was read at %#x has changed", call, k.addrs[i])
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	m := newMemory()
	m.put(bodyAddr, []byte("/etc/passwd\x00")...)
	view := m.pages[bodyAddr][:12]
	mem := &flat{m.pages[bodyAddr], view}
	staging := make([]byte, room)
	var c Call
	emitted := 0
	emit := func(_ uint64, data []byte) { emitted += len(data) }
	for call, args := range map[string][6]uint64{
		"read":   {0, bodyAddr, 100},
		"write":  {0, bodyAddr, 100},
		"close":  {0},
		"lseek":  {0, 0, 0},
		"openat": {0xffffff9c, bodyAddr},
		"fstat":  {0, bodyAddr},
		"ioctl":  {0, unix.TCGETS, bodyAddr},
	} {
		r := rowOf(t, call)
		if n := testing.AllocsPerRun(100, func() {
			if err := r.Prepare(&c, args, mem, testBase, staging); err != nil {
				t.Fatal(err)
			}
			c.Outputs(50, emit)
		}); n != 0 {
			t.Errorf("%s: %v allocations", call, n)
		}
	}
	if emitted == 0 {
		t.Error("nothing emitted")
	}
}

// flat is one page of memory.
type flat struct{ page, text []byte }

func (f *flat) Read(addr uint64, p []byte) error              { copy(p, f.page); return nil }
func (f *flat) ReadString(addr uint64, _ int) ([]byte, error) { return f.text, nil }

func BenchmarkPrepareRead(b *testing.B) {
	benchmarkPrepare(b, "read", [6]uint64{0, bodyAddr, 1024})
}

func BenchmarkPrepareOpenat(b *testing.B) {
	benchmarkPrepare(b, "openat", [6]uint64{0xffffff9c, bodyAddr})
}

func benchmarkPrepare(b *testing.B, name string, args [6]uint64) {
	mem, staging := &flat{make([]byte, pageSize), []byte("/etc/passwd\x00")}, make([]byte, room)
	r := rowOf(b, name)
	var c Call
	for b.Loop() {
		if err := r.Prepare(&c, args, mem, testBase, staging); err != nil {
			b.Fatal(err)
		}
		c.Outputs(512, func(uint64, []byte) {})
	}
}
