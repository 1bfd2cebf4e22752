package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"os"

	"deputy/internal/bench/tsc"
)

// ServeOptions of Serve.
type ServeOptions struct {
	Iface   string
	Link    string     // backend: link.BackendRing or link.BackendPacket
	CPU     string     // to pin the answering thread to: a number, "auto" or "none"
	Name    string     // by which a measuring side may ask for this peer; "": the host name
	Address netip.Addr // of our stack, in 198.18.0.0/16; not valid: made from the hardware address
	Park    bool       // wait for every frame in poll(2): the measuring side shares our CPU
	Logger  *slog.Logger
	Ready   func(line string) // told what is served where, if not nil
}

// Serve is the peer of a PingPong on another machine: it answers at every layer until ctx ends.
func Serve(ctx context.Context, o ServeOptions) error {
	if err := checkLink(&o.Link); err != nil {
		return err
	}
	if o.Address.IsValid() && !network.Contains(o.Address) {
		return fmt.Errorf("%w --address %v: give one in %v", ErrOptions, o.Address, network)
	}
	if o.Name == "" {
		o.Name, _ = os.Hostname() // without a name it can be asked for by address
	}
	pins, err := ParsePins(o.CPU)
	if err != nil {
		return err
	}
	cpu := pins.Own
	if o.CPU == "auto" {
		cpu = pins.Peer // a measuring side on the same machine takes the other
	}
	dev, err := openDevice(o.Iface, o.Link, o.Logger)
	if err != nil {
		return err
	}
	defer func() { _ = dev.Close() }()
	n, err := newNode(tsc.New(), dev, o.Address)
	if err != nil {
		return err
	}
	n.park = o.Park
	p, err := newPeer(n, o.Iface, peerInfo{
		addr: n.stack.Addr(), hardware: dev.Addr(), kernel: kernelAddress(o.Iface), mtu: dev.MTU(),
		name: o.Name, backend: backendOf(dev), cpu: onCPU(cpu),
	})
	if err != nil {
		return err
	}
	t, err := startThread(cpu)
	if err != nil {
		return err
	}
	defer t.stop()
	if o.Ready != nil {
		o.Ready(fmt.Sprintf("%s serves on %s: address %v, hardware %v, link %s", o.Name, o.Iface,
			p.info.addr, p.info.hardware, p.info.backend))
	}
	quiet := quietCollector()
	defer quiet()
	return t.do(func() error { return p.serve(ctx) })
}
