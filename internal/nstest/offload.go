package nstest

import (
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Commands of ethtool(8) that switch what a network adapter would do for the kernel
// (linux/ethtool.h): checksums, scatter and gather, segmentation, merging.
var offloads = []uint32{
	unix.ETHTOOL_SRXCSUM, unix.ETHTOOL_STXCSUM, unix.ETHTOOL_SSG,
	unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_SGRO,
}

// OffloadsOff makes the kernel send frames as they would be on a wire: with checksums, and none larger
// than the MTU. A veth pair otherwise saves itself both.
func (n *Node) OffloadsOff() {
	n.t.Helper()
	n.Do(func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			n.t.Fatalf("nstest: socket: %v", err)
		}
		defer unix.Close(fd)
		for _, command := range offloads {
			if errno := ethtool(fd, n.Iface, command, 0); errno != 0 && errno != unix.EOPNOTSUPP {
				n.t.Fatalf("nstest: ethtool command %#x on %s: %v", command, n.Iface, errno)
			}
		}
	})
}

// ethtool gives a value to one of the commands (struct ethtool_value by SIOCETHTOOL).
func ethtool(fd int, iface string, command, value uint32) unix.Errno {
	arg := [2]uint32{command, value}
	request := struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}{data: unsafe.Pointer(&arg)}
	copy(request.name[:unix.IFNAMSIZ-1], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	runtime.KeepAlive(&arg)
	return errno
}
