package bench

import (
	"context"
	"net/netip"
	"testing"

	"deputy/internal/bench/tsc"
)

// A peer leaves each mode of the kernel's sockets when its client has fallen silent, and when it is told to
// end: also where it spins on a socket that answers EAGAIN for ever.
func TestKernelPeerLeavesSilentClient(t *testing.T) {
	loopback := netip.MustParseAddr("127.0.0.1")
	for m := modeDevice + 1; m < modes; m++ {
		for _, cancelled := range []bool{false, true} {
			k := &kernelPeer{iface: "lo", addr: loopback, clock: tsc.New(), yield: true}
			client, err := newKernelSocket(m, "lo", loopback, k.clock)
			if err != nil {
				t.Fatal(err)
			}
			local, err := client.local()
			if err != nil {
				t.Fatal(err)
			}
			port, err := k.open(m, local)
			if err != nil {
				t.Fatal(err)
			}
			if err := client.connect(netip.AddrPortFrom(loopback, port)); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if cancelled {
				cancel()
			}
			k.serve(ctx, m, 24) // or it never returns
			cancel()
			if err := client.close(); err != nil {
				t.Error(err)
			}
		}
	}
}
