package testnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"deputy/internal/sys"
)

const (
	// Interface is the name of every node's network interface.
	Interface = "eth0"
	// DefaultMTU is Ethernet's, in bytes.
	DefaultMTU = 1500

	bridgeName = "bridge" // with the number of its network behind

	// linkUpPoll is how often an interface is asked whether it is running. There is a netlink group
	// that tells, but after milliseconds it is over.
	linkUpPoll = time.Millisecond
)

// kernelNetwork is what the nodes' interfaces have addresses in for the host's IP stack (RFC 5737,
// TEST-NET-1).
var kernelNetwork = netip.MustParsePrefix("192.0.2.0/24")

// kernelAddr is the address of node i, counted from 0, in kernelNetwork.
func kernelAddr(i int) netip.Addr {
	a := kernelNetwork.Addr().As4()
	a[3] = byte(i + 1)
	return netip.AddrFrom4(a)
}

// hardwareAddr is the hardware address of interface i, which is node i's: locally administered, the same in every
// run, so that captures can be compared.
func hardwareAddr(i int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0, 0, 0, 0, byte(i + 1)}
}

// joinDirectly makes one veth pair, an end in each of two nodes.
func joinDirectly(a, b *node, mtu int) error {
	return a.thread.do(func() error {
		return addVeth(&netlink.Veth{
			LinkAttrs:        netlink.LinkAttrs{Name: Interface, MTU: mtu, HardwareAddr: hardwareAddr(a.index)},
			PeerName:         Interface,
			PeerNamespace:    netlink.NsPid(b.pid()),
			PeerHardwareAddr: hardwareAddr(b.index),
			PeerMTU:          uint32(mtu),
		})
	})
}

// joinByBridge makes the bridge of a network in the network namespace of the bridge thread, with a port
// per attachment that is one end of a veth pair. Spanning tree is off: a port forwards at once.
func joinByBridge(bridge *thread, network int, attached []attachment, mtu int) error {
	return bridge.do(func() error {
		br := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: fmt.Sprint(bridgeName, network+1), MTU: mtu}}
		if err := netlink.LinkAdd(br); err != nil {
			return kernelError("a bridge (CONFIG_BRIDGE)", err)
		}
		for _, at := range attached {
			if at.network != network {
				continue
			}
			err := addVeth(&netlink.Veth{
				LinkAttrs:        netlink.LinkAttrs{Name: at.port, MTU: mtu},
				PeerName:         at.iface,
				PeerNamespace:    netlink.NsPid(at.node.pid()),
				PeerHardwareAddr: hardwareAddr(at.number),
				PeerMTU:          uint32(mtu),
			})
			if err != nil {
				return err
			}
			port, err := netlink.LinkByName(at.port)
			if err != nil {
				return fmt.Errorf("bridge port %s: %w", at.port, err)
			}
			if err := netlink.LinkSetMaster(port, br); err != nil {
				return fmt.Errorf("bridge port %s: %w", at.port, err)
			}
			if err := netlink.LinkSetUp(port); err != nil {
				return fmt.Errorf("bridge port %s: %w", at.port, err)
			}
		}
		return netlink.LinkSetUp(br)
	})
}

func addVeth(veth *netlink.Veth) error {
	if err := netlink.LinkAdd(veth); err != nil {
		return kernelError("a veth pair (CONFIG_VETH)", err)
	}
	return nil
}

// bringUp brings the calling thread's loopback and Ethernet interface up, the latter with an address
// for the host's IP stack.
func bringUp(addr netip.Addr) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return err
	}
	eth, err := netlink.LinkByName(Interface)
	if err != nil {
		return err
	}
	ip := &net.IPNet{IP: addr.AsSlice(), Mask: net.CIDRMask(kernelNetwork.Bits(), addr.BitLen())}
	if err := netlink.AddrAdd(eth, &netlink.Addr{IPNet: ip}); err != nil {
		return err
	}
	// As on a wire, no frame is larger than the MTU: without this the kernel's TCP would send 64 KiB at once.
	if err := sys.NoOffloads(Interface); err != nil {
		return err
	}
	return netlink.LinkSetUp(eth)
}

// awaitRunning waits until the calling thread's interface is operationally up (RFC 2863). What is sent
// before is lost.
func awaitRunning(ctx context.Context, ifname string) error {
	tick := time.NewTicker(linkUpPoll)
	defer tick.Stop()
	for {
		l, err := netlink.LinkByName(ifname)
		if err != nil {
			return err
		}
		if l.Attrs().OperState == netlink.OperUp {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is %v: %w", ifname, l.Attrs().OperState, ctx.Err())
		}
	}
}

// disableIPv6 turns IPv6 off in the calling thread's network namespace, for interfaces still to be made:
// its solicitations and reports would be the only frames that nobody has asked for.
func disableIPv6() error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/default/disable_ipv6", []byte("1"), 0)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a kernel without IPv6
		return fmt.Errorf("turning IPv6 off: %w", err)
	}
	return nil
}

// kernelError makes a KernelError of what says that a feature is missing, and leaves other errors.
func kernelError(feature string, err error) error {
	for _, missing := range []error{unix.EPERM, unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOSPC, unix.ENODEV} {
		if errors.Is(err, missing) {
			return &KernelError{Feature: feature, Err: err}
		}
	}
	return fmt.Errorf("%s: %w", feature, err)
}
