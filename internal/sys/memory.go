package sys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// shortCopy is up to how many bytes a copy takes so little time that the Go scheduler need not know of it.
const shortCopy = 16 << 10

// ProcessRead is process_vm_readv(2) of one range: it reads memory of a process into p, from the start up
// to the first page that can't be read, and returns how many bytes that were; EFAULT if none.
func ProcessRead(pid int, address uint64, p []byte) (int, error) {
	return processVM(unix.SYS_PROCESS_VM_READV, pid, address, p)
}

// ProcessWrite is process_vm_writev(2) of one range. It respects the protection of the pages.
func ProcessWrite(pid int, address uint64, p []byte) (int, error) {
	return processVM(unix.SYS_PROCESS_VM_WRITEV, pid, address, p)
}

func processVM(call uintptr, pid int, address uint64, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	local := unix.Iovec{Base: &p[0], Len: uint64(len(p))}
	remote := unix.RemoteIovec{Base: uintptr(address), Len: len(p)}
	var n uintptr
	var errno unix.Errno
	if len(p) <= shortCopy {
		n, _, errno = unix.RawSyscall6(call, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1,
			uintptr(unsafe.Pointer(&remote)), 1, 0)
	} else {
		n, _, errno = unix.Syscall6(call, uintptr(pid), uintptr(unsafe.Pointer(&local)), 1,
			uintptr(unsafe.Pointer(&remote)), 1, 0)
	}
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
