package sys

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// SECCOMP_USER_NOTIF ioctls and flags of linux/seccomp.h.
const (
	seccompNotifRecv     = 0xc0502100
	seccompNotifSend     = 0xc0182101
	seccompNotifIDValid  = 0x40082102
	seccompNotifSetFlags = 0x40082104

	SeccompSetModeFilter       = 1
	SeccompFilterNewListener   = 1 << 3
	seccompNotifSyncWakeUpFlag = 1 << 0
)

// Notification is struct seccomp_notif: a call that waits for its listener's answer.
type Notification struct {
	ID                 uint64
	PID                uint32
	Flags              uint32
	Call               int32
	Arch               uint32
	InstructionPointer uint64
	Args               [6]uint64
}

type notificationResponse struct {
	id    uint64
	value int64
	errno int32
	flags uint32
}

// NotificationReceive takes the next waiting call from a listener (SECCOMP_IOCTL_NOTIF_RECV). ENOENT
// means that the caller was interrupted before it was taken.
func NotificationReceive(listener int, n *Notification) error {
	*n = Notification{}
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), seccompNotifRecv, uintptr(unsafe.Pointer(n))); errno != 0 {
		return fmt.Errorf("seccomp notif recv: %w", errno)
	}
	return nil
}

// NotificationSend answers a call: it returns value, or -errno where errno is not 0
// (SECCOMP_IOCTL_NOTIF_SEND). ENOENT means that the caller does not wait any more.
func NotificationSend(listener int, id uint64, value int64, errno unix.Errno) error {
	r := notificationResponse{id: id, value: value, errno: -int32(errno)}
	if _, _, e := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), seccompNotifSend, uintptr(unsafe.Pointer(&r))); e != 0 {
		return fmt.Errorf("seccomp notif send: %w", e)
	}
	return nil
}

// NotificationValid reports whether the caller of id still waits (SECCOMP_IOCTL_NOTIF_ID_VALID): what was
// read of its memory before is then its own.
func NotificationValid(listener int, id uint64) bool {
	_, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), seccompNotifIDValid, uintptr(unsafe.Pointer(&id)))
	return errno == 0
}

// NotificationSyncWakeUp asks for the hand-over of the processor between caller and listener
// (SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP, Linux 6.6).
func NotificationSyncWakeUp(listener int) error {
	if _, _, errno := unix.RawSyscall(unix.SYS_IOCTL, uintptr(listener), seccompNotifSetFlags, seccompNotifSyncWakeUpFlag); errno != 0 {
		return fmt.Errorf("seccomp notif set flags: %w", errno)
	}
	return nil
}
