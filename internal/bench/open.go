package bench

import (
	"fmt"
	"log/slog"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"deputy/link"
)

// openDevice opens the device of ipxbench on an interface, in the network namespace of the calling
// thread. Its errors name the interface.
func openDevice(iface, backend string, log *slog.Logger) (link.Device, error) {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, fmt.Errorf("interface %s: %w", iface, link.ErrNoInterface)
	}
	return link.Open(iface, link.Options{Backend: backend, Addr: ownAddr(ifi.HardwareAddr), Logger: log})
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
