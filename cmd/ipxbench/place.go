package main

import (
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"deputy/internal/bench"
	"deputy/link"
)

// placeFlags are the options that say where is measured, by every command that measures between two nodes.
func placeFlags(f *pflag.FlagSet, o *bench.Options, address *string) {
	f.StringVar(&o.Link, "link", link.BackendRing, "how frames are received: ring (shared memory) or packet (system calls)")
	f.StringVar(&o.Pin, "pin", "auto", "`CPUs` of this side and of the peer: auto, none, or numbers such as 0,1")
	f.StringVar(&o.Iface, "iface", "", "network `interface` to a machine where \"ipxbench serve\" runs, instead of two nodes here")
	f.StringVar(&o.Peer, "peer", "", "`name` or address of the peer on that interface; without, whichever answers")
	f.StringVar(address, "address", "", "`address` of our own stack, in 198.18.0.0/16 (default: made of the hardware address)")
}

// complete checks the options that are text.
func complete(cmd *cobra.Command, o *bench.Options, address, format string) (err error) {
	if format != "text" && format != "json" {
		return fmt.Errorf("%w --format %s: give text or json", bench.ErrOptions, format)
	}
	o.Logger = logger(cmd)
	o.Address, err = parseAddress(address)
	return err
}

func parseAddress(s string) (netip.Addr, error) {
	if s == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%w --address %s: give an IP address", bench.ErrOptions, s)
	}
	return a, nil
}
