package main

import (
	"github.com/spf13/cobra"

	"deputy/internal/bench"
)

const pingPongLong = `Measures round trips at each layer in one run: a raw Ethernet frame (link), an IP datagram (ip), bytes over
our transports (tcpmod, rdp), an intraprocess request and its result over each (message-*), close() of a
program whose body is on the other node (close-*), and beside them the kernel's UDP and TCP with TCP_NODELAY,
waiting in recv(2) (kernel-udp, kernel-tcp) and asking again and again (-spin).

Without --iface it makes two nodes of its own on this machine, joined by a veth pair, which needs root. With
it, "ipxbench serve" must run on the machine at the other end; close-* then needs an agent (deputynode serve)
on both, the other's named as its ipxbench is, by default by its host name.

What a layer adds is half the difference between its median and that of the layer below.

--format json prints one object a line: layer, payload_bytes, frame_bytes, count, rtt_us {min, p50, p90, p99,
max}, added_us. Remarks (layers left out, frames lost) then go to standard error.`

func pingPongCommand() *cobra.Command {
	var o bench.Options
	var format, address string
	cmd := &cobra.Command{
		Use:   "ping-pong",
		Short: "Measure round trips at each layer",
		Long:  pingPongLong,
		Example: `  ipxbench ping-pong
  ipxbench ping-pong --size 1040 --link packet --format json
  ipxbench ping-pong --iface eth0 --peer b`,
		Args: cobra.NoArgs,
	}
	f := cmd.Flags()
	f.IntVar(&o.Size, "size", bench.DefaultSize, "`bytes` of payload; those of message-* and close-* are 24 there and 28 back")
	f.IntVar(&o.Count, "count", bench.DefaultCount, "round trips of each layer")
	f.IntVar(&o.Idle, "idle", 0, "`connections` of each transport that are open besides, and idle")
	placeFlags(f, &o, &address)
	f.StringVar(&format, "format", "text", "text or json")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := complete(cmd, &o, address, format); err != nil {
			return err
		}
		r, err := bench.PingPong(cmd.Context(), o)
		if err != nil {
			return err
		}
		return write(cmd, r, r.Interrupted, format)
	}
	return cmd
}
