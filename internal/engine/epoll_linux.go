package engine

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epollWait is epoll_pwait2(2) (Linux 5.11): the time limit has nanoseconds, which Go's poller and
// epoll_wait do not offer. A negative timeout waits for ever. EINTR is no event.
func epollWait(epoll int, events []unix.EpollEvent, timeout time.Duration) (int, error) {
	var ts unix.Timespec
	limit := unsafe.Pointer(nil)
	if timeout >= 0 {
		ts = unix.NsecToTimespec(int64(timeout))
		limit = unsafe.Pointer(&ts)
	}
	var n uintptr
	var errno unix.Errno
	if timeout == 0 { // can't block: keep the processor
		n, _, errno = unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(limit), 0, 0)
	} else {
		n, _, errno = unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])),
			uintptr(len(events)), uintptr(limit), 0, 0)
	}
	if errno == 0 {
		return int(n), nil
	}
	if errors.Is(errno, unix.EINTR) {
		return 0, nil
	}
	return 0, fmt.Errorf("engine: epoll_pwait2: %w", errno)
}
