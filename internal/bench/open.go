package bench

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"deputy/link"
)

// openDevice opens the device of ipxbench on an interface, in the network namespace of the calling
// thread. Its errors name the interface and what to do.
func openDevice(iface, backend string, log *slog.Logger) (link.Device, error) {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", iface, link.ErrNoInterface)
	}
	dev, err := link.Open(iface, link.Options{Backend: backend, Addr: ownAddr(ifi.HardwareAddr), Logger: log})
	if errors.Is(err, fs.ErrPermission) {
		return nil, fmt.Errorf("interface %s: raw frames need root or CAP_NET_RAW: %w", iface, err)
	}
	return dev, err
}

// backendOf says which backend a device has: link.Open may have fallen back.
func backendOf(dev link.Device) string {
	version, err := unix.GetsockoptInt(dev.FD(), unix.SOL_PACKET, unix.PACKET_VERSION)
	if err == nil && version == unix.TPACKET_V2 { // only a ring has changed it
		return link.BackendRing
	}
	return link.BackendPacket
}

// kernelAddress is the first IPv4 address that the kernel has on the interface; not valid if there is
// none.
func kernelAddress(iface string) netip.Addr {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return netip.Addr{}
	}
	addrs, err := ifi.Addrs()
	if err != nil {
		return netip.Addr{}
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			return p.Addr()
		}
	}
	return netip.Addr{}
}
