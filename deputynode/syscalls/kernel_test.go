package syscalls

import (
	"bytes"
	"encoding/binary"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel is the judge here: each call is made twice, natively on real memory and through the walker on a copy of
// it, and both memories must be the same afterwards, byte for byte. A size in the table that is too small loses bytes,
// one that is too large brings some out of the staging area, which is full of garbage.

const (
	blockSize = 64 << 10
	untouched = 0xa5 // in memory that nobody wrote
	garbage   = 0x5a // in the staging area
)

// twins are the two memories, of which body has the addresses of native.
type twins struct {
	t       *testing.T
	native  []byte
	body    []byte
	staging []byte
	next    int
	garbage byte
}

func newTwins(t *testing.T) *twins {
	area := func() []byte {
		b, err := unix.Mmap(-1, 0, blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Munmap(b) })
		return b
	}
	w := &twins{t: t, native: area(), body: area(), staging: area(), garbage: garbage}
	for i := range w.native {
		w.native[i] = untouched
	}
	copy(w.body, w.native)
	return w
}

func address0(b []byte) uint64 { return uint64(uintptr(unsafe.Pointer(&b[0]))) }

// room returns the address of n bytes in both memories.
func (w *twins) room(n int) uint64 {
	at := w.next
	w.next += (n + 31) &^ 15 // with a gap that nobody may touch
	return address0(w.native) + uint64(at)
}

// place puts data in both memories.
func (w *twins) place(data ...byte) uint64 {
	addr := w.room(len(data))
	off := addr - address0(w.native)
	copy(w.native[off:], data)
	copy(w.body[off:], data)
	return addr
}

func (w *twins) words(values ...uint64) uint64 {
	var b []byte
	for _, v := range values {
		b = binary.NativeEndian.AppendUint64(b, v)
	}
	return w.place(b...)
}

func (w *twins) word(v uint32) uint64 { return w.place(binary.NativeEndian.AppendUint32(nil, v)...) }

func (w *twins) text(s string) uint64 { return w.place(append([]byte(s), 0)...) }

func (w *twins) inside(addr uint64, n int) []byte {
	off := addr - address0(w.native)
	if off > blockSize || uint64(n) > blockSize-off {
		return nil
	}
	return w.body[off:][:n]
}

func (w *twins) Read(addr uint64, p []byte) error {
	b := w.inside(addr, len(p))
	if b == nil {
		return ErrFault
	}
	copy(p, b)
	return nil
}

func (w *twins) ReadString(addr uint64, limit int) ([]byte, error) {
	b := w.inside(addr, limit)
	if b == nil {
		return nil, ErrFault
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i+1]
	}
	return b, nil
}

func raw(nr uint32, args [6]uint64) int64 {
	r, _, errno := unix.Syscall6(uintptr(nr), uintptr(args[0]), uintptr(args[1]), uintptr(args[2]), uintptr(args[3]), uintptr(args[4]), uintptr(args[5]))
	if errno != 0 {
		return -int64(errno)
	}
	return int64(r)
}

// walked makes the call through the walker.
func (w *twins) walked(name string, args ...uint64) int64 {
	w.t.Helper()
	var six [6]uint64
	copy(six[:], args)
	for i := range w.staging {
		w.staging[i] = w.garbage
	}
	var c Call
	r := rowOf(w.t, name)
	if err := r.Prepare(&c, six, w, address0(w.staging), w.staging); err != nil {
		w.t.Fatalf("%s: %v", name, err)
	}
	if c.Window() {
		w.t.Errorf("%s was left to the window", name)
	}
	ret := raw(r.Number, c.Args())
	c.Outputs(ret, func(addr uint64, data []byte) {
		b := w.inside(addr, len(data))
		if b == nil {
			w.t.Fatalf("%s: output for %#x", name, addr)
		}
		copy(b, data)
	})
	return ret
}

// compare makes the call on both memories. prepare, if any, runs before each.
func (w *twins) compare(name string, prepare func(), args ...uint64) {
	w.t.Helper()
	var six [6]uint64
	copy(six[:], args)
	if prepare != nil {
		prepare()
	}
	want := raw(rowOf(w.t, name).Number, six)
	if prepare != nil {
		prepare()
	}
	if got := w.walked(name, args...); got != want {
		w.t.Errorf("%s returned %d, natively %d", name, got, want)
	}
	for i := range w.native {
		if w.native[i] != w.body[i] {
			w.t.Errorf("%s: byte %d is %#x, natively %#x", name, i, w.body[i], w.native[i])
			copy(w.body, w.native)
			break
		}
	}
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestAgainstKernel(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	fd := must[int](t)(unix.Open(file, unix.O_CREAT|unix.O_RDWR, 0o600))
	defer unix.Close(fd)
	if err := unix.Symlink("target", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	rewind := func() { _ = must[int64](t)(unix.Seek(fd, 0, 0)) }
	dirfd := must[int](t)(unix.Open(dir, unix.O_RDONLY|unix.O_DIRECTORY, 0))
	defer unix.Close(dirfd)
	rewindDir := func() { _ = must[int64](t)(unix.Seek(dirfd, 0, 0)) }
	F, D := uint64(fd), uint64(dirfd)

	w := newTwins(t)
	hello := w.text("hello, world")
	w.compare("write", rewind, F, hello, 12)
	w.compare("read", rewind, F, w.room(100), 100)
	w.compare("pread64", nil, F, w.room(8), 5, 7)
	w.compare("readv", rewind, F, w.words(w.room(5), 5, 0, 0, w.room(100), 100), 3)
	w.compare("pwritev", nil, F, w.words(hello, 5, hello+5, 7), 2, 0)
	w.compare("fstat", nil, F, w.room(statSize))
	w.compare("stat", nil, w.text(file), w.room(statSize))
	w.compare("statx", nil, D, w.text("file"), 0, unix.STATX_BASIC_STATS, w.room(statxSize))
	w.compare("newfstatat", nil, D, w.text("link"), w.room(statSize), unix.AT_SYMLINK_NOFOLLOW)
	w.compare("readlink", nil, w.text(dir+"/link"), w.room(100), 100)
	w.compare("readlinkat", nil, D, w.text("link"), w.room(3), 3)
	w.compare("getcwd", nil, w.room(pathMax), pathMax)
	w.compare("getcwd", nil, w.room(2), 2)
	w.garbage = untouched // the kernel skips the padding between the entries
	w.compare("getdents64", rewindDir, D, w.room(1000), 1000)
	w.compare("getdents", rewindDir, D, w.room(1000), 1000)
	w.garbage = garbage
	w.compare("access", nil, w.text("/no/such/file"), 0)
	w.compare("fcntl", nil, F, unix.F_GETLK, w.words(unix.F_WRLCK, 0, 0, 0))
	w.compare("fcntl", nil, F, unix.F_SETLK, w.words(unix.F_WRLCK, 0, 0, 0))
	w.compare("fcntl", nil, F, unix.F_GETOWN_EX, w.room(8))
	w.compare("fcntl", nil, F, 17, w.room(8))
	w.compare("ioctl", nil, F, 2, w.room(4)) // FIGETBSZ
	w.compare("ioctl", nil, F, unix.TIOCINQ, w.room(4))
	w.compare("ioctl", nil, F, unix.TCGETS, w.room(termiosSize)) // ENOTTY
	w.compare("copy_file_range", nil, F, w.words(0), F, w.words(100), 5, 0)
	w.compare("sendfile", rewind, F, F, w.words(100), 0)
	w.compare("cachestat", nil, F, w.words(0, 0), w.room(cacheStat), 0)
	w.compare("utimensat", nil, D, w.text("file"), w.words(1, 2, 3, 4), 0)
	w.compare("fgetxattr", nil, F, w.text("user.none"), w.room(10), 10)
	w.compare("name_to_handle_at", nil, D, w.text("file"), w.words(0, 0, 0), w.room(8), 0)
	w.compare("name_to_handle_at", nil, D, w.text("file"), w.words(128, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0), w.room(8), 0)
	w.compare("open", nil, 0, 0, 0)

	w = newTwins(t)
	w.compare("uname", nil, w.room(utsnameSize))
	w.compare("getrlimit", nil, unix.RLIMIT_NOFILE, w.room(16))
	w.compare("prlimit64", nil, 0, unix.RLIMIT_NOFILE, 0, w.room(16))
	w.compare("getresuid", nil, w.room(4), w.room(4), w.room(4))
	w.compare("getresgid", nil, w.room(4), w.room(4), w.room(4))
	w.compare("getgroups", nil, 100, w.room(400))
	w.compare("getgroups", nil, 0, 0)
	w.compare("capget", nil, w.words(unix.LINUX_CAPABILITY_VERSION_3), w.room(24))
	w.compare("capget", nil, w.words(unix.LINUX_CAPABILITY_VERSION_1), w.room(24))
	w.compare("capget", nil, w.words(1), w.room(24))
	w.compare("sched_getaffinity", nil, 0, 512, w.room(512))
	w.compare("sched_getparam", nil, 0, w.room(4))
	w.compare("sched_getattr", nil, 0, w.room(100), 100, 0)
	w.compare("sched_getattr", nil, 0, w.room(100), 48, 0)
	w.compare("sched_setattr", nil, 0, w.place(append(binary.NativeEndian.AppendUint32(nil, 100), bytes.Repeat([]byte{1}, 96)...)...), 0)
	w.compare("sched_rr_get_interval", nil, 0, w.room(16))
	w.compare("prctl", nil, unix.PR_GET_NAME, w.room(16))
	w.compare("prctl", nil, unix.PR_GET_PDEATHSIG, w.room(4))
	w.compare("prctl", nil, unix.PR_GET_CHILD_SUBREAPER, w.room(4))
	w.compare("prctl", nil, unix.PR_GET_TSC, w.room(4))
	w.compare("prctl", nil, 0x41555856, w.room(1000), 1000) // PR_GET_AUXV
	w.compare("rt_sigpending", nil, w.room(8), 8)
	w.compare("rt_sigprocmask", nil, unix.SIG_BLOCK, 0, w.room(8), 8)
	w.compare("rt_sigprocmask", nil, 100, w.words(0), w.room(8), 8)
	w.compare("getitimer", nil, unix.ITIMER_REAL, w.room(32))
	w.compare("waitid", nil, unix.P_PID, 0x7ffffff0, w.room(128), unix.WEXITED|unix.WNOHANG, w.room(rusageSize))
	w.compare("wait4", nil, 0x7ffffff0, w.room(4), unix.WNOHANG, w.room(rusageSize))
	w.compare("clock_getres", nil, 0xffffffff, w.room(16))
	w.compare("nanosleep", nil, w.words(0, 1000), w.room(16))
	w.compare("statfs", nil, w.text("/proc"), w.room(statfsSize))
	w.compare("lsm_list_modules", nil, w.room(200), w.word(200), 0)
	w.compare("lsm_list_modules", nil, w.room(200), w.word(1), 0)
	w.compare("rt_sigtimedwait", nil, w.words(1<<40), w.room(siginfoSize), w.words(0, 1), 8)
}

func TestDescriptorsAgainstKernel(t *testing.T) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC|unix.O_NONBLOCK); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	if _, err := unix.Write(pipe[1], []byte("data")); err != nil {
		t.Fatal(err)
	}
	R, W := uint64(pipe[0]), uint64(pipe[1])

	w := newTwins(t)
	pollfd := func(fd uint64, events uint64) uint64 { return fd | events<<32 | 0xffff<<48 }
	w.compare("poll", nil, w.words(pollfd(R, unix.POLLIN), pollfd(W, unix.POLLIN)), 2, 1)
	w.compare("ppoll", nil, w.words(pollfd(W, unix.POLLIN)), 1, w.words(0, 0), w.words(1), 8)
	bits := func(fds ...uint64) uint64 {
		var set [2]uint64
		for _, fd := range fds {
			set[fd/64] |= 1 << (fd % 64)
		}
		return w.words(set[:]...)
	}
	n := max(R, W) + 1
	w.compare("select", nil, n, bits(R), bits(R, W), bits(R), w.words(0, 0))
	w.compare("pselect6", nil, n, bits(R), bits(R, W), 0, w.words(0, 0), w.words(w.words(1), 8))
	w.compare("select", nil, n, bits(R), 0, 0, w.words(1<<63, 0))
	w.compare("select", nil, 4000, 0, 0, 0, w.words(0, 0))

	epoll := uint64(must[int](t)(unix.EpollCreate1(unix.EPOLL_CLOEXEC)))
	defer unix.Close(int(epoll))
	event := w.words(unix.EPOLLIN|0x1122<<32, 0x3344)
	w.compare("epoll_ctl", func() { _ = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_DEL, pipe[0], nil) }, epoll, unix.EPOLL_CTL_ADD, R, event)
	w.compare("epoll_wait", nil, epoll, w.room(120), 10, 0)
	w.compare("epoll_wait", nil, epoll, w.room(120), 0xffffffff00000000, 0)
	w.compare("epoll_pwait2", nil, epoll, w.room(120), 10, w.words(0, 0), w.words(1), 8)

	timer := uint64(must[int](t)(unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC)))
	defer unix.Close(int(timer))
	w.compare("timerfd_settime", func() { _ = unix.TimerfdSettime(int(timer), 0, &unix.ItimerSpec{}, nil) }, timer, 0, w.words(0, 0, 1<<30, 0), w.room(32))
	w.compare("timerfd_settime", nil, timer, 0, w.words(0, 0, 0, 0), 0)
	w.compare("timerfd_gettime", nil, timer, w.room(32))

	ptmx := uint64(must[int](t)(unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)))
	defer unix.Close(int(ptmx))
	for _, cmd := range []uint64{unix.TCGETS, unix.TCGETS2, unix.TIOCGPTN, unix.TIOCGWINSZ, unix.TIOCGPTLCK, unix.TIOCGPKT,
		unix.TIOCGEXCL, unix.TIOCGDEV, unix.TIOCGETD, unix.TIOCOUTQ, unix.TIOCGPGRP, unix.TIOCGSID, unix.TIOCGSOFTCAR} {
		w.compare("ioctl", nil, ptmx, cmd, w.room(100))
	}
	w.compare("ioctl", nil, ptmx, unix.TIOCSWINSZ, w.words(0x0005_0004_0003_0002))
	w.compare("ioctl", nil, ptmx, unix.TIOCGWINSZ, w.room(8))
	w.compare("ioctl", nil, R, 0x5421, w.word(1)) // FIONBIO
	w.compare("fcntl", nil, R, unix.F_GETPIPE_SZ, 0)

	// What each call makes anew cannot be compared; it is looked at.
	limit := w.words(5, 0)
	if ret := w.walked("select", n, bits(R), 0, 0, limit); ret != 1 || binary.NativeEndian.Uint64(w.inside(limit, 8)) != 4 {
		t.Errorf("select returned %d and left %x of 5 s", ret, w.inside(limit, 16))
	}
	at := w.room(8)
	if ret := w.walked("pipe2", at, unix.O_CLOEXEC); ret != 0 {
		t.Fatalf("pipe2 returned %d", ret)
	}
	for i := range 2 {
		if err := unix.Close(int(binary.NativeEndian.Uint32(w.inside(at+4*uint64(i), 4)))); err != nil {
			t.Errorf("descriptor %d of pipe2: %v", i, err)
		}
	}
}

func TestSocketsAgainstKernel(t *testing.T) {
	w := newTwins(t)
	tcp := uint64(must[int](t)(unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)))
	defer unix.Close(int(tcp))
	w.compare("setsockopt", nil, tcp, unix.SOL_SOCKET, unix.SO_REUSEADDR, w.word(1), 4)
	for _, option := range []uint64{unix.SO_REUSEADDR, unix.SO_TYPE, unix.SO_LINGER, unix.SO_RCVTIMEO, unix.SO_PEERCRED, 9999} {
		w.compare("getsockopt", nil, tcp, unix.SOL_SOCKET, option, w.room(200), w.word(200))
		w.compare("getsockopt", nil, tcp, unix.SOL_SOCKET, option, w.room(4), w.word(2))
	}
	w.compare("getsockopt", nil, tcp, unix.IPPROTO_TCP, unix.TCP_CONGESTION, w.room(200), w.word(200))
	w.compare("getsockopt", nil, tcp, unix.IPPROTO_TCP, unix.TCP_MAXSEG, 0, w.word(4))
	w.compare("getsockname", nil, tcp, w.room(200), w.word(200))
	w.compare("getsockname", nil, tcp, w.room(200), w.word(3))
	w.compare("getsockname", nil, tcp, w.room(200), w.word(1<<31))
	w.compare("getpeername", nil, tcp, w.room(200), w.word(200)) // ENOTCONN
	w.compare("accept", nil, tcp, w.room(200), w.word(200))      // EINVAL

	pair := must[[2]int](t)(unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0))
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Bind(pair[1], &unix.SockaddrUnix{Name: filepath.Join(t.TempDir(), "s")}); err != nil {
		t.Fatal(err)
	}
	A, B := uint64(pair[0]), uint64(pair[1])
	sent := func() {
		if _, err := unix.Write(pair[1], []byte("datagram")); err != nil {
			t.Fatal(err)
		}
	}
	w.compare("getpeername", nil, A, w.room(200), w.word(200))
	w.compare("sendto", nil, B, w.text("one"), 3, 0, 0, 0)
	w.compare("recvfrom", nil, A, w.room(100), 100, 0, 0, 0)
	w.compare("recvfrom", sent, A, w.room(100), 100, 0, w.room(200), w.word(200))
	w.compare("recvfrom", sent, A, w.room(4), 4, unix.MSG_TRUNC, w.room(200), w.word(5))
	w.compare("recvfrom", nil, A, w.room(100), 100, unix.MSG_DONTWAIT, 0, 0)

	credentials := unix.UnixCredentials(&unix.Ucred{Pid: int32(unix.Getpid()), Uid: uint32(unix.Getuid()), Gid: uint32(unix.Getgid())})
	if err := unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		t.Fatal(err)
	}
	vector := func(parts ...string) uint64 {
		var words []uint64
		for _, part := range parts {
			words = append(words, w.text(part), uint64(len(part)))
		}
		return w.words(words...)
	}
	send := w.words(0, 0, vector("mess", "age"), 2, w.place(credentials...), uint64(len(credentials)), 0)
	w.compare("sendmsg", nil, B, send, 0)
	for _, control := range []uint64{200, 28, 20, 0} {
		into := w.words(w.room(3), 2, w.room(20), 20)
		// The padding in control data comes back as zeros, and the kernel skips it.
		message := w.words(w.room(200), 200, into, 2, w.place(make([]byte, 200)...), control, 0xa5a5)
		w.compare("recvmsg", sent, A, message, 0)
	}
	w.compare("recvmsg", nil, A, w.words(w.room(200), 200, vector("xxxx"), 1, 0, 0, 0), unix.MSG_DONTWAIT)
	w.compare("recvmsg", sent, A, w.words(w.room(200), 200, vector("xx"), 1, w.room(10), 10, 0), unix.MSG_TRUNC)
	// A vector that is too long or has a negative length goes through the window and is not compared here.
}

func TestInterfacesAgainstKernel(t *testing.T) {
	w := newTwins(t)
	s := uint64(must[int](t)(unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)))
	defer unix.Close(int(s))
	ifreq := func(name string, value uint64) uint64 {
		b := bytes.Repeat([]byte{untouched}, ifreqSize)
		copy(b, name+"\x00")
		binary.NativeEndian.PutUint64(b[16:], value)
		return w.place(b...)
	}
	for _, cmd := range []uint64{unix.SIOCGIFINDEX, unix.SIOCGIFFLAGS, unix.SIOCGIFADDR, unix.SIOCGIFNETMASK,
		unix.SIOCGIFMTU, unix.SIOCGIFHWADDR, unix.SIOCGIFTXQLEN, unix.SIOCGIFMETRIC, unix.SIOCGIFBRDADDR} {
		w.compare("ioctl", nil, s, cmd, ifreq("lo", 0))
		w.compare("ioctl", nil, s, cmd, ifreq("none", 0))
	}
	w.compare("ioctl", nil, s, unix.SIOCGIFNAME, ifreq("", 1))
	w.compare("ioctl", nil, s, unix.TIOCINQ, w.room(4))
	w.compare("ioctl", nil, s, unix.TIOCOUTQ, w.room(4))
	w.compare("ioctl", nil, s, 0x8903, w.room(4)) // FIOGETOWN
}

func TestIPCAgainstKernel(t *testing.T) {
	w := newTwins(t)
	const stat, info, remove = unix.IPC_STAT, 3, unix.IPC_RMID
	create := func(name string, args ...uint64) uint64 {
		t.Helper()
		var six [6]uint64
		copy(six[:], args)
		id := raw(rowOf(t, name).Number, six)
		if id < 0 {
			t.Fatalf("%s returned %d", name, id)
		}
		return uint64(id)
	}
	queue := create("msgget", unix.IPC_PRIVATE, 0o600)
	defer raw(unix.SYS_MSGCTL, [6]uint64{queue, remove})
	w.compare("msgctl", nil, queue, stat, w.room(200))
	w.compare("msgctl", nil, 0, info, w.room(200))
	w.compare("msgctl", nil, 0, 12, w.room(200))
	w.compare("msgsnd", nil, queue, w.words(1, 0x1122334455667788), 5, 0) // twice: there are two to receive
	w.compare("msgrcv", nil, queue, w.room(100), 50, 0, 0o4000)
	w.compare("msgrcv", nil, queue, w.room(100), 50, 0, 0o4000)

	set := create("semget", unix.IPC_PRIVATE, 3, 0o600)
	defer raw(unix.SYS_SEMCTL, [6]uint64{set, 0, remove})
	w.compare("semop", nil, set, w.place(0, 0, 1, 0, 0, 0, 1, 0, 2, 0, 0, 0), 2)
	w.compare("semtimedop", nil, set, w.place(2, 0, 0xff, 0xff, 0, 0), 1, w.words(0, 1))
	w.compare("semctl", nil, set, 0, stat, w.room(200))
	w.compare("semctl", nil, 0, 0, info, w.room(200))
	w.compare("semctl", nil, set, 1, 12, 0)
	w.compare("semctl", nil, set, 1, 16, 7)

	segment := create("shmget", unix.IPC_PRIVATE, pageSize, 0o600)
	defer raw(unix.SYS_SHMCTL, [6]uint64{segment, remove})
	w.compare("shmctl", nil, segment, stat, w.room(200))
	w.compare("shmctl", nil, 0, info, w.room(200))
	w.compare("shmctl", nil, 0, 14, w.room(200))

	name := w.text("deputy-syscalls-test")
	mq := raw(unix.SYS_MQ_OPEN, [6]uint64{name, unix.O_CREAT | unix.O_EXCL | unix.O_RDWR | unix.O_NONBLOCK, 0o600, w.words(0, 3, 64, 0)})
	if mq < 0 {
		t.Fatalf("mq_open returned %d", mq)
	}
	defer unix.Close(int(mq))
	raw(unix.SYS_MQ_UNLINK, [6]uint64{name})
	w.compare("mq_getsetattr", nil, uint64(mq), 0, w.room(64))
	w.compare("mq_timedsend", nil, uint64(mq), w.text("message"), 7, 5, 0)
	w.compare("mq_timedreceive", nil, uint64(mq), w.room(64), 64, w.room(4), 0)
	w.compare("mq_timedreceive", nil, uint64(mq), w.room(64), 10, w.room(4), 0) // EMSGSIZE
	w.compare("mq_getsetattr", nil, uint64(mq), w.words(unix.O_NONBLOCK), w.room(64))
}
