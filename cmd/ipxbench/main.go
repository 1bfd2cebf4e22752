// Command ipxbench measures the path between two nodes layer by layer: raw frame, IP datagram, transport,
// intraprocess message, remote system call, and the kernel's UDP and TCP beside them.
package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"deputy/internal/testnet"
)

func main() {
	testnet.Init()
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
