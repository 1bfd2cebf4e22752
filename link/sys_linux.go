package link

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file holds the raw system calls and the unsafe code of the package.

// send is send(2). It goes past the Go scheduler: with MSG_DONTWAIT the call does not block, and telling the
// scheduler about every frame costs about 100 ns.
func send(fd int, p []byte) unix.Errno {
	_, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(len(p)), unix.MSG_DONTWAIT, 0, 0)
	return errno
}

// recv is recv(2) with MSG_TRUNC: n is the length of the frame, which may be more than len(p). It goes past
// the Go scheduler as send does.
func recv(fd int, p []byte) (n int, errno unix.Errno) {
	r, _, errno := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))),
		uintptr(len(p)), unix.MSG_DONTWAIT|unix.MSG_TRUNC, 0, 0)
	return int(r), errno
}

// mapRing is mmap(2) of the ring that was set up on fd.
func mapRing(fd, size int) ([]byte, error) {
	return unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
}

// ringHeader is the header of the slot that begins at offset. The ring's geometry (ringGeometry) places it
// in the memory and aligns it.
func ringHeader(mem []byte, offset int) *unix.Tpacket2Hdr {
	return (*unix.Tpacket2Hdr)(unsafe.Pointer(&mem[offset]))
}

// ringStatus reads the status word of a slot. The load has acquire semantics: what the kernel wrote
// before it handed the slot over (it has a write barrier there) is seen after it.
func ringStatus(h *unix.Tpacket2Hdr) uint32 { return atomic.LoadUint32(&h.Status) }

// ringGiveBack hands a slot to the kernel, after all that was read from it.
func ringGiveBack(h *unix.Tpacket2Hdr) { atomic.StoreUint32(&h.Status, unix.TP_STATUS_KERNEL) }
