package sys

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ethtool(8)'s interface that switch an offload (linux/ethtool.h).
const (
	ethtoolSetTSO = 0x1f // segmentation of TCP by the adapter
	ethtoolSetGSO = 0x24 // segmentation as late as possible, by the kernel
	ethtoolSetGRO = 0x2c // merging of received segments
)

// ethtoolValue is struct ethtool_value; ifreqData is struct ifreq with a pointer to it.
type (
	ethtoolValue struct{ command, data uint32 }
	ifreqData    struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte
	}
)

// NoOffloads switches TSO, GSO and GRO of an interface off, in the network namespace of the calling thread, so that
// each segment of the kernel's TCP crosses the link as a frame of its own.
func NoOffloads(iface string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	for _, command := range []uint32{ethtoolSetTSO, ethtoolSetGSO, ethtoolSetGRO} {
		value := ethtoolValue{command: command}
		request := ifreqData{data: unsafe.Pointer(&value)}
		copy(request.name[:unix.IFNAMSIZ-1], iface)
		if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request))); errno != 0 {
			return fmt.Errorf("offloads of %s: %w", iface, os.NewSyscallError("ioctl SIOCETHTOOL", errno))
		}
	}
	return nil
}
