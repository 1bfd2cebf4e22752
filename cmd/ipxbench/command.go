package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"
)

// Exit statuses.
const (
	statusFailed      = 1
	statusInterrupted = 130 // what a shell gives for SIGINT
)

// errInterrupted ends a run that has printed what it had.
var errInterrupted = errors.New("interrupted")

// run is the program: args without the program's name. It returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "ipxbench",
		Short:         "Measure the path between two nodes layer by layer",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(pingPongCommand(), compareCommand(), serveCommand())
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "ipxbench: interrupted")
		return statusInterrupted
	}
	fmt.Fprintf(stderr, "ipxbench: %v\n", err)
	return statusFailed
}

// logger writes warnings to the command's standard error, one line each.
func logger(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelWarn}))
}
