package syscalls

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// data is struct seccomp_data.
type data struct {
	number, arch uint32
	args         [6]uint64
}

func (d *data) load(offset uint32) (uint32, bool) {
	switch {
	case offset == 0:
		return d.number, true
	case offset == 4:
		return d.arch, true
	case offset >= 16 && offset < 64 && offset%4 == 0:
		arg := d.args[(offset-16)/8]
		if offset%8 == 4 {
			arg >>= 32
		}
		return uint32(arg), true
	}
	return 0, false
}

// evaluate runs the program f as the kernel does, with the instructions that seccomp allows, and counts its steps.
func evaluate(f []unix.SockFilter, d *data) (action uint32, steps int, err error) {
	var a uint32
	for pc := 0; pc < len(f); pc++ {
		steps++
		in := f[pc]
		jump := func(taken bool) {
			if taken {
				pc += int(in.Jt)
			} else {
				pc += int(in.Jf)
			}
		}
		switch in.Code {
		case unix.BPF_LD | unix.BPF_W | unix.BPF_ABS:
			var ok bool
			if a, ok = d.load(in.K); !ok {
				return 0, steps, fmt.Errorf("instruction %d loads from %d", pc, in.K)
			}
		case unix.BPF_ALU | unix.BPF_AND | unix.BPF_K:
			a &= in.K
		case unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K:
			jump(a == in.K)
		case unix.BPF_JMP | unix.BPF_JGE | unix.BPF_K:
			jump(a >= in.K)
		case unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K:
			jump(a&in.K != 0)
		case unix.BPF_RET | unix.BPF_K:
			return in.K, steps, nil
		default:
			return 0, steps, fmt.Errorf("instruction %d has code %#x", pc, in.Code)
		}
	}
	return 0, steps, fmt.Errorf("ran out of the program")
}

func TestFilter(t *testing.T) {
	f := Filter()
	if len(f) > unix.BPF_MAXINSNS {
		t.Fatalf("%d instructions", len(f))
	}
	check := func(d data, want uint32) {
		t.Helper()
		got, steps, err := evaluate(f, &d)
		if err != nil {
			t.Fatalf("call %d: %v", d.number, err)
		}
		if got != want {
			t.Errorf("call %d of %#x with %#x: %#x, want %#x", d.number, d.arch, d.args, got, want)
		}
		if steps > 20 {
			t.Errorf("call %d: %d steps", d.number, steps)
		}
	}
	const amd64, i386 = unix.AUDIT_ARCH_X86_64, unix.AUDIT_ARCH_I386
	const notify, enosys = unix.SECCOMP_RET_USER_NOTIF, unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	for nr := uint32(0); nr < 1000; nr++ {
		check(data{number: nr, arch: i386}, enosys)
		check(data{number: nr | 0x40000000, arch: amd64}, enosys)
		r := Lookup(nr)
		if r == nil {
			check(data{number: nr, arch: amd64}, notify)
			continue
		}
		other := uint32(notify) // where the call is not local
		switch {
		case r.Trace:
			other = unix.SECCOMP_RET_TRACE
		case r.Class == Local:
			other = unix.SECCOMP_RET_ALLOW
		}
		if r.LocalIf == nil {
			check(data{number: nr, arch: amd64}, other)
			check(data{number: nr, arch: amd64, args: [6]uint64{1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1, 1<<64 - 1}}, other)
			continue
		}
		for bits := uint64(0); bits < 4; bits++ {
			// The bits outside the mask must not matter, nor the high half.
			d := data{number: nr, arch: amd64}
			value := uint64(r.LocalIf.Value) | uint64(^r.LocalIf.Mask)*(bits&1) | bits>>1<<40
			d.args[r.LocalIf.Arg] = value
			check(d, unix.SECCOMP_RET_ALLOW)
			d.args[r.LocalIf.Arg] = value ^ uint64(r.LocalIf.Mask&-r.LocalIf.Mask)
			check(d, other)
		}
	}
	for _, nr := range []uint32{1<<30 - 1, 1 << 30, 1<<31 - 1, 1 << 31, 1<<32 - 1} {
		want := uint32(notify)
		if nr&0x40000000 != 0 {
			want = enosys
		}
		check(data{number: nr, arch: amd64}, want)
	}
	check(data{number: unix.SYS_MUNMAP, arch: 0}, enosys)
}

// TestFilterOnMmap spells out the case that matters most.
func TestFilterOnMmap(t *testing.T) {
	f := Filter()
	for flags, want := range map[uint64]uint32{
		unix.MAP_PRIVATE | unix.MAP_ANONYMOUS:                 unix.SECCOMP_RET_ALLOW,
		unix.MAP_SHARED | unix.MAP_ANONYMOUS | unix.MAP_FIXED: unix.SECCOMP_RET_ALLOW,
		unix.MAP_PRIVATE:                                       unix.SECCOMP_RET_TRACE,
		unix.MAP_SHARED_VALIDATE:                               unix.SECCOMP_RET_TRACE,
		unix.MAP_PRIVATE | unix.MAP_ANONYMOUS<<32:              unix.SECCOMP_RET_TRACE,
		unix.MAP_PRIVATE | unix.MAP_GROWSDOWN | unix.MAP_FIXED: unix.SECCOMP_RET_TRACE,
	} {
		got, _, err := evaluate(f, &data{number: unix.SYS_MMAP, arch: unix.AUDIT_ARCH_X86_64, args: [6]uint64{3: flags}})
		if err != nil || got != want {
			t.Errorf("mmap with flags %#x: %#x, %v; want %#x", flags, got, err, want)
		}
	}
}

// TestFilterInKernel installs the filter on a thread of a child and makes calls. There is neither a listener nor a
// tracer, so the kernel answers ENOSYS to what is not local. It needs no privilege.
func TestFilterInKernel(t *testing.T) {
	if os.Getenv("SYSCALLS_FILTERED") == "1" {
		filtered()
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFilterInKernel$")
	cmd.Env = append(os.Environ(), "SYSCALLS_FILTERED=1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "as expected" {
		t.Fatalf("%v: %s", err, out)
	}
}

// filtered ends the process; the thread under the filter cannot print.
func filtered() {
	done := make(chan string)
	go func() {
		runtime.LockOSThread()
		done <- underFilter()
		select {}
	}()
	fmt.Println(<-done)
	os.Exit(0)
}

func underFilter() string {
	f := Filter()
	program := unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return "no new privileges: " + err.Error()
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return "seccomp: " + errno.Error()
	}
	const nowhere = ^uintptr(0)
	calls := []struct {
		name        string
		nr, a, b, c uintptr
		d, e, f     uintptr
		want        unix.Errno
	}{
		{"getrandom", unix.SYS_GETRANDOM, 0, 0, 0, 0, 0, 0, 0},
		{"sched_yield", unix.SYS_SCHED_YIELD, 0, 0, 0, 0, 0, 0, 0},
		{"anonymous mmap", unix.SYS_MMAP, 0, pageSize, 0, unix.MAP_PRIVATE | unix.MAP_ANONYMOUS, nowhere, 0, 0},
		{"mmap of a file", unix.SYS_MMAP, 0, pageSize, 0, unix.MAP_PRIVATE, 0, 0, unix.ENOSYS},
		{"clock_gettime", unix.SYS_CLOCK_GETTIME, unix.CLOCK_REALTIME, 0, 0, 0, 0, 0, unix.EFAULT},
		{"clock of a process", unix.SYS_CLOCK_GETTIME, nowhere - 1, 0, 0, 0, 0, 0, unix.ENOSYS},
		{"getpid", unix.SYS_GETPID, 0, 0, 0, 0, 0, 0, unix.ENOSYS},
		{"close", unix.SYS_CLOSE, nowhere, 0, 0, 0, 0, 0, unix.ENOSYS},
		{"clone3", unix.SYS_CLONE3, 0, 0, 0, 0, 0, 0, unix.ENOSYS},
		{"name of a memory area", unix.SYS_PRCTL, unix.PR_SET_VMA, nowhere, 0, 0, 0, 0, unix.EINVAL},
		{"name of the process", unix.SYS_PRCTL, unix.PR_GET_NAME, 0, 0, 0, 0, 0, unix.ENOSYS},
	}
	for _, c := range calls {
		if _, _, errno := unix.RawSyscall6(c.nr, c.a, c.b, c.c, c.d, c.e, c.f); errno != c.want {
			return fmt.Sprintf("%s: %v, want %v", c.name, errno, c.want)
		}
	}
	return "as expected"
}
