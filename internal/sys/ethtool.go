package sys

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Requests of ethtool(8)'s interface for offloads (linux/ethtool.h).
const (
	ethtoolGetTSO = 0x1e // segmentation of TCP by the adapter: is it on?
	ethtoolSetTSO = 0x1f // the same, to be switched
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

// TSO reports whether the segmentation of TCP is left to the adapter of an interface, in the network namespace of the
// calling thread.
func TSO(iface string) (bool, error) {
	value := ethtoolValue{command: ethtoolGetTSO}
	err := ethtool(iface, &value)
	return value.data != 0, err
}

// NoOffloads switches TSO, GSO and GRO of an interface off, in the network namespace of the calling thread, so that
// each segment of the kernel's TCP crosses the link as a frame of its own.
func NoOffloads(iface string) error {
	for _, command := range []uint32{ethtoolSetTSO, ethtoolSetGSO, ethtoolSetGRO} {
		if err := ethtool(iface, &ethtoolValue{command: command}); err != nil {
			return err
		}
	}
	return nil
}

func ethtool(iface string, value *ethtoolValue) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	request := ifreqData{data: unsafe.Pointer(value)}
	copy(request.name[:unix.IFNAMSIZ-1], iface)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
	if errno != 0 {
		return fmt.Errorf("offloads of %s: %w", iface, os.NewSyscallError("ioctl SIOCETHTOOL", errno))
	}
	return nil
}
