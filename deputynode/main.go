// Deputynode is the node agent of the deputy mechanism, and its command line: it runs programs whose body is
// on another node while their deputy stays here.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"

	"golang.org/x/sys/unix"

	"deputy/deputynode/command"
)

// The thread that executes a program must be the one that the agent has seized: the process's first.
func init() { runtime.LockOSThread() }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	status := command.Run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}
