// Package nstest gives tests network namespaces of their own, joined by a veth pair.
//
// The namespaces have no name: they live as long as their handles, so nothing is left of them when a
// test ends, whether it ended well, by Fatal, by panic or by a signal. Making them needs root
// (CAP_SYS_ADMIN and CAP_NET_ADMIN); a test that runs without is skipped, a test that runs as root
// never is.
package nstest

import (
	"fmt"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// linkUpTimeout bounds the wait for a fresh veth pair to be running. The kernel takes some
// milliseconds; whoever waits this long has found a fault.
const linkUpTimeout = 5 * time.Second

// Node is one network namespace with its end of the veth pair.
type Node struct {
	// Iface is the name of the interface in the namespace: "veth-a" or "veth-b". It is up and
	// running, has an MTU of 1,500 bytes and no IP address.
	Iface string
	// HW is the hardware address of the interface.
	HW net.HardwareAddr

	t  testing.TB
	ns netns.NsHandle
}

// Pair makes two network namespaces joined by a veth pair and removes both when the test ends. In
// both, the loopback interface is up and IPv6 is off, so that the pair is silent until somebody sends.
func Pair(t testing.TB) (a, b *Node) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	a = newNode(t, "veth-a")
	b = newNode(t, "veth-b")

	ha, hb := a.handle(), b.handle()
	defer ha.Close()
	defer hb.Close()

	veth := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: a.Iface},
		PeerName:      b.Iface,
		PeerNamespace: netlink.NsFd(b.ns),
	}
	if err := ha.LinkAdd(veth); err != nil {
		t.Fatalf("nstest: adding the veth pair: %v", err)
	}
	// Namespaces are taken down by a kernel worker some time after their last handle is closed. Taking
	// the pair down here makes the end of the test the end of the interfaces.
	t.Cleanup(func() {
		h, err := netlink.NewHandleAt(a.ns, unix.NETLINK_ROUTE)
		if err != nil {
			t.Errorf("nstest: netlink in the namespace of %s: %v", a.Iface, err)
			return
		}
		defer h.Close()
		l, err := h.LinkByName(a.Iface)
		if err != nil {
			return // the test has removed it itself
		}
		if err := h.LinkDel(l); err != nil {
			t.Errorf("nstest: removing %s: %v", a.Iface, err)
		}
	})

	a.up(ha)
	b.up(hb)
	a.waitRunning(ha)
	b.waitRunning(hb)
	return a, b
}

// Do runs f in the namespace of the node, on the calling goroutine (so f may call t.Fatal), which is
// locked to its thread meanwhile. Sockets opened and processes started by f belong to the namespace
// and go on belonging to it afterwards; goroutines started by f run outside it.
func (n *Node) Do(f func()) {
	n.t.Helper()
	runtime.LockOSThread()
	back, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		n.t.Fatalf("nstest: own namespace: %v", err)
	}
	defer func() {
		err := netns.Set(back)
		back.Close()
		if err != nil {
			// The thread stays locked, so that it ends with its goroutine and nobody inherits it.
			n.t.Errorf("nstest: returning from the namespace of %s: %v", n.Iface, err)
			return
		}
		runtime.UnlockOSThread()
	}()
	if err := netns.Set(n.ns); err != nil {
		n.t.Fatalf("nstest: entering the namespace of %s: %v", n.Iface, err)
	}
	f()
}

// SetMTU sets the MTU of the node's interface, in bytes. Both ends of the pair want the same.
func (n *Node) SetMTU(mtu int) {
	n.t.Helper()
	h := n.handle()
	defer h.Close()
	if err := h.LinkSetMTU(n.link(h), mtu); err != nil {
		n.t.Fatalf("nstest: MTU %d on %s: %v", mtu, n.Iface, err)
	}
}

// SetAddr gives the node's interface an IP address, in CIDR notation, for tests that compare with the
// kernel's own stack.
func (n *Node) SetAddr(cidr string) {
	n.t.Helper()
	h := n.handle()
	defer h.Close()
	addr, err := netlink.ParseAddr(cidr)
	if err != nil {
		n.t.Fatalf("nstest: address %q: %v", cidr, err)
	}
	if err := h.AddrAdd(n.link(h), addr); err != nil {
		n.t.Fatalf("nstest: address %s on %s: %v", cidr, n.Iface, err)
	}
}

// SetDown takes the node's interface down, which takes the carrier from the other end.
func (n *Node) SetDown() {
	n.t.Helper()
	h := n.handle()
	defer h.Close()
	if err := h.LinkSetDown(n.link(h)); err != nil {
		n.t.Fatalf("nstest: taking %s down: %v", n.Iface, err)
	}
}

// SetUp brings the node's interface up again and waits until it runs.
func (n *Node) SetUp() {
	n.t.Helper()
	h := n.handle()
	defer h.Close()
	if err := h.LinkSetUp(n.link(h)); err != nil {
		n.t.Fatalf("nstest: bringing %s up: %v", n.Iface, err)
	}
	n.waitRunning(h)
}

// newNode makes the namespace; the interface comes later.
func newNode(t testing.TB, iface string) *Node {
	t.Helper()
	n := &Node{Iface: iface, t: t, ns: netns.None()}
	runtime.LockOSThread()
	back, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		t.Fatalf("nstest: own namespace: %v", err)
	}
	ns, err := netns.New() // the calling thread is in it from here on
	if err == nil {
		n.ns = ns
		t.Cleanup(func() { n.ns.Close() })
		err = quiet()
	}
	if backErr := netns.Set(back); backErr != nil {
		back.Close()
		t.Fatalf("nstest: returning from a new namespace: %v", backErr) // the thread stays locked
	}
	back.Close()
	runtime.UnlockOSThread()
	if err != nil {
		t.Fatalf("nstest: making the namespace of %s: %v", iface, err)
	}
	return n
}

// quiet keeps the kernel in the calling thread's namespace from sending router solicitations,
// duplicate address detection and multicast reports of its own accord.
func quiet() error {
	for _, conf := range []string{"all", "default"} {
		name := fmt.Sprintf("/proc/sys/net/ipv6/conf/%s/disable_ipv6", conf)
		err := os.WriteFile(name, []byte("1"), 0)
		if err != nil && !os.IsNotExist(err) { // a kernel without IPv6 is quiet already
			return err
		}
	}
	return nil
}

func (n *Node) handle() *netlink.Handle {
	n.t.Helper()
	h, err := netlink.NewHandleAt(n.ns, unix.NETLINK_ROUTE)
	if err != nil {
		n.t.Fatalf("nstest: netlink in the namespace of %s: %v", n.Iface, err)
	}
	return h
}

func (n *Node) link(h *netlink.Handle) netlink.Link {
	n.t.Helper()
	l, err := h.LinkByName(n.Iface)
	if err != nil {
		n.t.Fatalf("nstest: interface %s: %v", n.Iface, err)
	}
	return l
}

// up brings the node's end of the pair and its loopback interface up and notes the hardware address.
func (n *Node) up(h *netlink.Handle) {
	n.t.Helper()
	lo, err := h.LinkByName("lo")
	if err == nil {
		err = h.LinkSetUp(lo)
	}
	if err != nil {
		n.t.Fatalf("nstest: loopback beside %s: %v", n.Iface, err)
	}
	l := n.link(h)
	n.HW = l.Attrs().HardwareAddr
	if err := h.LinkSetUp(l); err != nil {
		n.t.Fatalf("nstest: bringing %s up: %v", n.Iface, err)
	}
}

// waitRunning waits until the interface's operational state is up (RFC 2863). Before that its queueing
// discipline is not active yet, and what is sent is lost.
func (n *Node) waitRunning(h *netlink.Handle) {
	n.t.Helper()
	for limit := time.Now().Add(linkUpTimeout); ; time.Sleep(time.Millisecond) {
		state := n.link(h).Attrs().OperState
		if state == netlink.OperUp {
			return
		}
		if time.Now().After(limit) {
			n.t.Fatalf("nstest: %s is %v after %v", n.Iface, state, linkUpTimeout)
		}
	}
}
