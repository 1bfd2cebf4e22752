package sys

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// TakeDescriptor duplicates descriptor fd of a process into this one, close-on-exec (pidfd_getfd(2),
// Linux 5.6).
func TakeDescriptor(pid, fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_open %d: %w", pid, err)
	}
	defer unix.Close(pidfd)
	got, err := unix.PidfdGetfd(pidfd, fd, 0)
	if err != nil {
		return -1, fmt.Errorf("pidfd_getfd %d of %d: %w", fd, pid, err)
	}
	return got, nil
}
