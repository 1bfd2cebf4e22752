package syscalls

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// numbersOfUnix parses the generated table of golang.org/x/sys/unix.
func numbersOfUnix(t *testing.T) map[uint32]string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "golang.org/x/sys").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "unix", "zsysnum_linux_amd64.go"))
	if err != nil {
		t.Fatal(err)
	}
	numbers := map[uint32]string{}
	for _, m := range regexp.MustCompile(`(?m)^\s*SYS_(\w+)\s*=\s*(\d+)$`).FindAllStringSubmatch(string(text), -1) {
		nr, err := strconv.ParseUint(m[2], 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		numbers[uint32(nr)] = strings.ToLower(m[1])
	}
	return numbers
}

func TestNumbersAndNames(t *testing.T) {
	want := numbersOfUnix(t)
	if len(want) < 380 {
		t.Fatalf("only %d numbers found in golang.org/x/sys/unix", len(want))
	}
	for nr, name := range want {
		r := Lookup(nr)
		if r == nil {
			t.Errorf("no row for %d %s", nr, name)
			continue
		}
		if r.Name != name || r.Number != nr {
			t.Errorf("row of %d is %d %s, want %s", nr, r.Number, r.Name, name)
		}
	}
	if len(Rows()) != len(want) {
		t.Errorf("%d rows, want %d", len(Rows()), len(want))
	}
	for nr := uint32(0); nr <= 334; nr++ {
		if Lookup(nr) == nil {
			t.Errorf("no row for %d", nr)
		}
	}
	for nr := uint32(424); nr <= 470; nr++ {
		if Lookup(nr) == nil {
			t.Errorf("no row for %d", nr)
		}
	}
	for _, nr := range []uint32{337, 423, 472, maxNumber - 1, maxNumber, 1 << 30, 1<<32 - 1} {
		if r := Lookup(nr); r != nil {
			t.Errorf("row %s for %d", r.Name, nr)
		}
	}
}

func TestRowsAreInOrderAndConsistent(t *testing.T) {
	last := -1
	for _, r := range Rows() {
		if int(r.Number) <= last {
			t.Errorf("%s: number %d after %d", r.Name, r.Number, last)
		}
		last = int(r.Number)
		checkArgs(t, r.Name, r.Args, r.Class == Local)
		if r.Commands != nil {
			for _, c := range r.Commands.List {
				checkArgs(t, r.Name+" "+c.Name, c.Args, false)
				if r.Commands.From+len(c.Args) > len(r.Args) {
					t.Errorf("%s %s: more arguments than the call has", r.Name, c.Name)
				}
			}
		}
		if r.Errno != 0 && r.Note == "" {
			t.Errorf("%s is refused without a note", r.Name)
		}
		if r.Trace && r.Class != Special {
			t.Errorf("%s stops the body and is %s", r.Name, r.Class)
		}
		for _, cond := range []*Cond{r.LocalIf, r.WindowIf} {
			if cond != nil && (cond.Arg >= len(r.Args) || cond.Value&^cond.Mask != 0) {
				t.Errorf("%s: condition %+v cannot hold", r.Name, *cond)
			}
		}
		if !strings.HasPrefix(r.String(), r.Name+"(") {
			t.Errorf("%s prints as %s", r.Name, r)
		}
	}
}

func checkArgs(t *testing.T, name string, args []Arg, local bool) {
	t.Helper()
	for _, a := range args {
		if a.Name == "" {
			t.Errorf("%s: an argument without a name", name)
		}
		if local && a.Kind.pointer() {
			t.Errorf("%s: %s of a local call is a pointer to follow", name, a.Name)
		}
		if a.Clamp && a.Count == "" && a.Kind != MsgOut {
			t.Errorf("%s: %s has no count to clamp", name, a.Name)
		}
		if a.Returned && a.Kind != Out {
			t.Errorf("%s: %s is returned and no output", name, a.Name)
		}
		switch a.Kind {
		case String, In, Out, InOut, FdSet, Strings:
			if a.Size <= 0 {
				t.Errorf("%s: %s has no size", name, a.Name)
			}
		case Sized, IovecIn, IovecOut:
			if a.Count == "" {
				t.Errorf("%s: %s has no count", name, a.Name)
			}
		}
	}
}

func TestClasses(t *testing.T) {
	tests := []struct {
		name  string
		class Class
		trace bool
		errno unix.Errno
	}{
		{"read", Remote, false, 0},
		{"nanosleep", Remote, false, 0},
		{"clock_nanosleep", Remote, false, 0},
		{"rt_sigprocmask", Remote, false, 0},
		{"munmap", Local, false, 0},
		{"brk", Local, false, 0},
		{"futex", Local, false, 0},
		{"rt_sigreturn", Local, false, 0},
		{"getrandom", Local, false, 0},
		{"mmap", Special, true, 0},
		{"execve", Special, true, 0},
		{"execveat", Special, true, 0},
		{"rt_sigaction", Special, true, 0},
		{"set_tid_address", Special, true, 0},
		{"fork", Special, true, 0},
		{"vfork", Special, true, 0},
		{"clone", Special, true, 0},
		{"clone3", Special, true, unix.ENOSYS},
		{"exit", Special, true, 0},
		{"exit_group", Special, false, 0},
		{"io_uring_setup", Remote, false, unix.ENOSYS},
		{"ptrace", Remote, false, unix.EPERM},
		{"seccomp", Remote, false, unix.EINVAL},
		{"shmat", Remote, false, unix.ENOSYS},
	}
	for _, tt := range tests {
		r := rowOf(t, tt.name)
		if r.Class != tt.class || r.Trace != tt.trace || r.Refused([6]uint64{}) != tt.errno {
			t.Errorf("%s: %s, trace %t, %v; want %s, %t, %v", tt.name, r.Class, r.Trace, r.Refused([6]uint64{}), tt.class, tt.trace, tt.errno)
		}
	}
}

func TestClassOf(t *testing.T) {
	tests := []struct {
		name string
		args [6]uint64
		want Class
	}{
		{"mmap", [6]uint64{3: unix.MAP_PRIVATE | unix.MAP_ANONYMOUS}, Local},
		{"mmap", [6]uint64{3: unix.MAP_PRIVATE}, Special},
		{"clock_gettime", [6]uint64{unix.CLOCK_MONOTONIC}, Local},
		{"clock_gettime", [6]uint64{0xffffffff_fffffffd}, Remote},
		{"prctl", [6]uint64{unix.PR_SET_VMA}, Local},
		{"prctl", [6]uint64{unix.PR_SET_NAME}, Remote},
		{"read", [6]uint64{}, Remote},
	}
	for _, tt := range tests {
		if got := rowOf(t, tt.name).ClassOf(tt.args); got != tt.want {
			t.Errorf("%s(%#x) is %s, want %s", tt.name, tt.args, got, tt.want)
		}
	}
}

func TestRefusedCommands(t *testing.T) {
	tests := []struct {
		name string
		args [6]uint64
		want unix.Errno
	}{
		{"prctl", [6]uint64{unix.PR_SET_SECCOMP}, unix.EINVAL},
		{"prctl", [6]uint64{unix.PR_SET_MM | 7<<32}, unix.EPERM}, // an int: the rest is ignored
		{"prctl", [6]uint64{unix.PR_SET_NAME}, 0},
		{"prctl", [6]uint64{12345}, 0},
		{"setsockopt", [6]uint64{1: unix.SOL_XDP, 2: unix.XDP_UMEM_REG}, unix.ENOPROTOOPT},
		{"setsockopt", [6]uint64{1: unix.SOL_SOCKET, 2: unix.XDP_UMEM_REG}, 0},
	}
	for _, tt := range tests {
		if got := rowOf(t, tt.name).Refused(tt.args); got != tt.want {
			t.Errorf("%s(%#x): %v, want %v", tt.name, tt.args, got, tt.want)
		}
	}
}

// TestIoctlSizes compares the described sizes with those that the numbers carry (asm-generic/ioctl.h).
func TestIoctlSizes(t *testing.T) {
	differ := map[string]bool{
		"FS_IOC_GETFLAGS": true, "FS_IOC_SETFLAGS": true, "FS_IOC_GETVERSION": true, // declared long, are int
		"BLKGETSIZE64": true,                                                   // declared size_t, is u64
		"FIFREEZE":     true, "FITHAW": true, "TIOCSIG": true, "FICLONE": true, // a value or nothing
	}
	seen := 0
	for _, c := range ioctlCommands {
		direction, size := c.Value>>30, int(c.Value>>16&0x3fff)
		if direction == 0 || differ[c.Name] {
			continue
		}
		seen++
		if len(c.Args) != 1 || c.Args[0].Size != size {
			t.Errorf("%s is described by %v, its number says %d bytes", c.Name, c.Args, size)
			continue
		}
		kind := c.Args[0].Kind
		if direction == 1 && kind != In || direction == 2 && kind == In || direction == 3 && kind != InOut {
			t.Errorf("%s is described as %v, its number says direction %d", c.Name, kind, direction)
		}
	}
	if seen < 10 {
		t.Errorf("only %d commands carry a size", seen)
	}
}

func TestStructureSizes(t *testing.T) {
	tests := []struct {
		name string
		got  int
		want uintptr
	}{
		{"stat", statSize, unsafe.Sizeof(unix.Stat_t{})},
		{"statx", statxSize, unsafe.Sizeof(unix.Statx_t{})},
		{"statfs", statfsSize, unsafe.Sizeof(unix.Statfs_t{})},
		{"timespec", timespec, unsafe.Sizeof(unix.Timespec{})},
		{"itimerspec", itimerspec, unsafe.Sizeof(unix.ItimerSpec{})},
		{"timex", timexSize, unsafe.Sizeof(unix.Timex{})},
		{"rusage", rusageSize, unsafe.Sizeof(unix.Rusage{})},
		{"rlimit", rlimitSize, unsafe.Sizeof(unix.Rlimit{})},
		{"siginfo", siginfoSize, unsafe.Sizeof(unix.Siginfo{})},
		{"utsname", utsnameSize, unsafe.Sizeof(unix.Utsname{})},
		{"sysinfo", sysinfoSize, unsafe.Sizeof(unix.Sysinfo_t{})},
		{"winsize", winsizeSize, unsafe.Sizeof(unix.Winsize{})},
		{"termios2", termios2Size, unsafe.Sizeof(unix.Termios{})}, // unix has termios2 by this name
		{"flock", flockSize, unsafe.Sizeof(unix.Flock_t{})},
		{"pollfd", pollfdSize, unsafe.Sizeof(unix.PollFd{})},
		{"epoll_event", epollEventSize, unsafe.Sizeof(unix.EpollEvent{})},
		{"msghdr", msgSize, unsafe.Sizeof(unix.Msghdr{})},
		{"msg_iov", msgVector, unsafe.Offsetof(unix.Msghdr{}.Iov)},
		{"msg_control", msgControl, unsafe.Offsetof(unix.Msghdr{}.Control)},
		{"msg_controllen", msgControlLength, unsafe.Offsetof(unix.Msghdr{}.Controllen)},
		{"msg_flags", msgFlagsEnd - 4, unsafe.Offsetof(unix.Msghdr{}.Flags)},
		{"iovec", iovecSize, unsafe.Sizeof(unix.Iovec{})},
		{"shmid_ds", shmidSize, unsafe.Sizeof(unix.SysvShmDesc{})},
		{"cachestat", cacheStat, unsafe.Sizeof(unix.Cachestat_t{})},
		{"cachestat_range", cacheRange, unsafe.Sizeof(unix.CachestatRange{})},
		{"sockaddr_storage", sockaddrMax, 128},
		{"fiemap clone range", 32, unsafe.Sizeof(unix.FileCloneRange{})},
	}
	for _, tt := range tests {
		if uintptr(tt.got) != tt.want {
			t.Errorf("%s has %d bytes, want %d", tt.name, tt.got, tt.want)
		}
	}
}

func rowOf(t testing.TB, name string) *Row {
	t.Helper()
	for _, r := range Rows() {
		if r.Name == name {
			return r
		}
	}
	t.Fatalf("no row for %s", name)
	return nil
}
