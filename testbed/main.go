// Command testbed makes a set of nodes on this machine, runs a command on the first and removes
// everything when the command ends, however it ends. See package testnet for how.
package main

import (
	"context"
	"os"

	"deputy/internal/testnet"
)

func main() {
	testnet.Init()
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
