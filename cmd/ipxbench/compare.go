package main

import (
	"github.com/spf13/cobra"

	"deputy/internal/bench"
)

const compareLong = `Measures the goodput of bulk transfers over one connection: our transports and the kernel's TCP, in turns. A
transfer has ended when the receiver has all of it.

Without --iface it makes two nodes of its own on this machine, joined by a veth pair whose offloads (TSO, GSO, GRO)
are off, so that each segment is a frame of its own for all; it needs root. With it, "ipxbench serve" must run on
the machine at the other end.

--format json prints one object a line: transport, bytes, runs, goodput_mb_s {min, median, max}, vs_kernel, resent.`

func compareCommand() *cobra.Command {
	var o bench.CompareOptions
	var format, address string
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Compare the goodput of the transports with the kernel's TCP",
		Long:  compareLong,
		Example: `  ipxbench compare
  ipxbench compare --iface eth0 --peer b --runs 11`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&o.Bytes, "bytes", bench.DefaultBulk, "`bytes` of a transfer")
	f.IntVar(&o.Runs, "runs", bench.DefaultRuns, "transfers of each")
	placeFlags(f, &o.Options, &address)
	f.StringVar(&format, "format", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := complete(cmd, &o.Options, address, format); err != nil {
			return err
		}
		r, err := bench.Compare(cmd.Context(), o)
		if err != nil {
			return err
		}
		return write(cmd, r, r.Interrupted, format)
	}
	return cmd
}
