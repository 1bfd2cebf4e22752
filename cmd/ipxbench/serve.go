package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"deputy/internal/bench"
	"deputy/link"
)

func serveCommand() *cobra.Command {
	var o bench.ServeOptions
	var address string
	var untilEOF bool
	cmd := &cobra.Command{
		Use:   "serve --iface INTERFACE",
		Short: "Be the peer of a ping-pong on another machine",
		Long: `Answers what "ipxbench ping-pong --iface" on another machine sends, at every layer, until it is interrupted.
Between measurements it waits without using the CPU.`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.StringVar(&o.Iface, "iface", "", "network `interface` to the measuring machine (required)")
	f.StringVar(&o.Link, "link", link.BackendRing, "how frames are received: ring (shared memory) or packet (system calls)")
	f.StringVar(&o.CPU, "pin", "auto", "`CPU` of the answering thread: auto, none, or a number")
	f.StringVar(&o.Name, "node", "", "`name` to be found by (default: the host name)")
	f.StringVar(&address, "address", "", "`address` of our own stack, in 198.18.0.0/16 (default: made of the hardware address)")
	f.BoolVar(&o.Park, "park", false, "wait for every frame in poll(2)")
	f.BoolVar(&untilEOF, "until-eof", false, "end at the end of standard input")
	for _, hidden := range []string{"park", "until-eof"} { // for a ping-pong that starts its own peer
		if err := f.MarkHidden(hidden); err != nil {
			panic(err)
		}
	}
	if err := cmd.MarkFlagRequired("iface"); err != nil {
		panic(err)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var err error
		if o.Address, err = parseAddress(address); err != nil {
			return err
		}
		o.Logger = logger(cmd)
		ctx := cmd.Context()
		if untilEOF {
			var cancel context.CancelFunc
			ctx, cancel = context.WithCancel(ctx)
			defer cancel()
			go func() {
				_, _ = io.Copy(io.Discard, cmd.InOrStdin())
				cancel()
			}()
		} else {
			o.Ready = func(line string) { fmt.Fprintln(cmd.OutOrStdout(), line) }
		}
		return bench.Serve(ctx, o)
	}
	return cmd
}
