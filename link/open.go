package link

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"golang.org/x/sys/unix"
)

// Backends of Open.
const (
	BackendRing   = "ring"   // memory shared with the kernel; the fast one
	BackendPacket = "packet" // system calls only; works wherever packet sockets do
)

// Options of Open. The zero value is usable.
type Options struct {
	// Backend is BackendRing or BackendPacket; "" means BackendRing. Where the kernel has no ring,
	// BackendRing falls back to BackendPacket with a warning in the log that says why.
	Backend string
	// Addr is our own address, unicast. Zero: derived from the interface's by DeriveAddr.
	Addr Addr
	// QdiscBypass sends past the queueing discipline of the interface (PACKET_QDISC_BYPASS, Linux 3.14):
	// somewhat faster, and what finds no room in the adapter's queue is lost.
	QdiscBypass bool
	// Logger takes the warnings; nil: none are written.
	Logger *slog.Logger
}

// Open opens a device on the network interface with the given name, in the network namespace of the calling
// thread. It needs CAP_NET_RAW. Errors are one line and wrap ErrNoInterface, ErrDown, ErrNotEthernet,
// ErrBackend, ErrBadAddr, or the errno of the system call that failed; fs.ErrPermission matches a missing
// right.
func Open(ifname string, o Options) (Device, error) {
	return open(ifname, o, ringGeometry)
}

// open is Open with the geometry of the ring as a parameter.
func open(ifname string, o Options, geometry func(mtu int) unix.TpacketReq) (Device, error) {
	switch o.Backend {
	case "":
		o.Backend = BackendRing
	case BackendRing, BackendPacket:
	default:
		return nil, fmt.Errorf("link: backend %q: %w (have %s, %s)",
			o.Backend, ErrBackend, BackendRing, BackendPacket)
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d, err := openOn(ifname, o, geometry)
	if err != nil {
		return nil, fmt.Errorf("link: %s: %w", ifname, err)
	}
	return d, nil
}

func openOn(ifname string, o Options, geometry func(mtu int) unix.TpacketReq) (Device, error) {
	ifi, err := findInterface(ifname)
	if err != nil {
		return nil, err
	}
	if o.Addr == (Addr{}) {
		o.Addr = DeriveAddr(ifi.HardwareAddr)
	}
	if !o.Addr.IsUnicast() {
		return nil, fmt.Errorf("address %v: %w", o.Addr, ErrBadAddr)
	}
	s, err := openSocket(ifi, o)
	if err != nil {
		return nil, err
	}
	var d Device
	if o.Backend == BackendRing {
		r, err := newRing(s, geometry(s.mtu))
		if err == nil {
			d = r
		} else {
			o.Logger.Warn("link: no ring, falling back to packet",
				slog.String("interface", ifname), slog.Any("error", err))
		}
	}
	if d == nil {
		d = newQueue(s)
	}
	if s.trains, err = openTrains(ifi); err != nil { // nobody needs them
		o.Logger.Debug("link: no trains of segments", slog.String("interface", ifname), slog.Any("error", err))
	}
	if err := s.bind(ifi.Index); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// findInterface finds an interface that is up and has an Ethernet address.
func findInterface(name string) (*net.Interface, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		// The error of package net has no value to test for. It is this one unless netlink fails.
		var sys *net.OpError
		if errors.As(err, &sys) && errno(err) == err {
			return nil, ErrNoInterface
		}
		return nil, fmt.Errorf("looking the interface up: %w", err)
	}
	switch {
	case len(ifi.HardwareAddr) != len(Addr{}) || ifi.Flags&net.FlagLoopback != 0:
		return nil, ErrNotEthernet
	case ifi.Flags&net.FlagUp == 0:
		return nil, ErrDown
	}
	return ifi, nil
}
