package sys

import (
	"encoding/binary"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// userfaultfd(2) requests of linux/userfaultfd.h.
const (
	// UserfaultNew on a descriptor of /dev/userfaultfd makes a userfaultfd for the calling process that
	// serves the kernel's own accesses too, without a capability (Linux 6.1).
	UserfaultNew = 0xaa00

	uffdioAPI      = 0xc018aa3f
	uffdioRegister = 0xc020aa00
	uffdioCopy     = 0xc028aa03
	uffdioPoison   = 0xc020aa08
	uffdioWake     = 0x8010aa02

	uffdAPI             = 0xaa
	uffdFeatureThreadID = 1 << 8
	uffdModeMissing     = 1
	uffdEventFault      = 0x12
	UserfaultMsgSize    = 32
)

func userfault(fd int, request uintptr, arg unsafe.Pointer) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

// UserfaultAPI is the handshake (UFFDIO_API) that every other request needs first. Events will tell the thread.
func UserfaultAPI(fd int) error {
	api := struct{ api, features, ioctls uint64 }{api: uffdAPI, features: uffdFeatureThreadID}
	if err := userfault(fd, uffdioAPI, unsafe.Pointer(&api)); err != nil {
		return fmt.Errorf("userfaultfd api: %w", err)
	}
	return nil
}

// UserfaultRegister has faults on missing pages of a range reported (UFFDIO_REGISTER).
func UserfaultRegister(fd int, start, length uint64) error {
	r := struct{ start, length, mode, ioctls uint64 }{start, length, uffdModeMissing, 0}
	if err := userfault(fd, uffdioRegister, unsafe.Pointer(&r)); err != nil {
		return fmt.Errorf("userfaultfd register %#x+%#x: %w", start, length, err)
	}
	return nil
}

// UserfaultCopy fills missing pages at address with data, whose length is whole pages, and wakes who waits
// for them (UFFDIO_COPY).
func UserfaultCopy(fd int, address uint64, data []byte) error {
	c := struct {
		dst          uint64
		src          *byte
		length, mode uint64
		copied       int64
	}{dst: address, src: &data[0], length: uint64(len(data))}
	if err := userfault(fd, uffdioCopy, unsafe.Pointer(&c)); err != nil {
		return fmt.Errorf("userfaultfd copy %#x+%#x: %w", address, len(data), err)
	}
	return nil
}

// UserfaultPoison makes every access to a range fail, the kernel's own with EFAULT (UFFDIO_POISON, Linux
// 6.6), and wakes who waits for it.
func UserfaultPoison(fd int, address, length uint64) error {
	p := struct {
		start, length, mode uint64
		updated             int64
	}{start: address, length: length}
	if err := userfault(fd, uffdioPoison, unsafe.Pointer(&p)); err != nil {
		return fmt.Errorf("userfaultfd poison %#x+%#x: %w", address, length, err)
	}
	return nil
}

// UserfaultWake wakes who waits for a range, without filling it (UFFDIO_WAKE).
func UserfaultWake(fd int, address, length uint64) error {
	r := struct{ start, length uint64 }{address, length}
	if err := userfault(fd, uffdioWake, unsafe.Pointer(&r)); err != nil {
		return fmt.Errorf("userfaultfd wake %#x+%#x: %w", address, length, err)
	}
	return nil
}

// UserfaultAddress returns the address of a page fault event read from a userfaultfd and the thread, by its id in its own
// PID namespace; false for any other event.
func UserfaultAddress(msg []byte) (address uint64, thread int, ok bool) {
	if len(msg) < UserfaultMsgSize || msg[0] != uffdEventFault {
		return 0, 0, false
	}
	return binary.NativeEndian.Uint64(msg[16:]), int(binary.NativeEndian.Uint32(msg[24:])), true
}
