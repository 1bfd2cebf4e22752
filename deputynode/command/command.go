// Package command is the command line of deputynode.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"deputy/deputynode/control"
)

// Exit statuses, as env(1) and shells use them.
const (
	statusFailed       = 125 // deputynode itself failed
	statusNotExecuted  = 126 // the program was found but could not be executed
	statusNotFound     = 127
	environmentControl = "DEPUTYNODE_CONTROL"
)

// failure is an error with the exit status that it gives.
type failure struct {
	status int
	err    error
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// Run is deputynode with its arguments, the program's name not included; it returns the exit status.
func Run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := &cobra.Command{
		Use:           "deputynode",
		Short:         "Run programs on another node while they stay processes of this one",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.PersistentFlags().String("control", setting(environmentControl, control.DefaultSocket),
		"control socket of the agent ($"+environmentControl+")")
	root.AddCommand(serveCommand(), runCommand(), nodesCommand(), psCommand(), pingCommand(), syscallsCommand())
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var f *failure
	if !errors.As(err, &f) {
		f = &failure{statusFailed, err}
	}
	if f.err != nil {
		fmt.Fprintf(stderr, "deputynode: %v\n", f.err)
	}
	return f.status
}

// setting returns an environment variable, or what it stands for if it is not set.
func setting(variable, otherwise string) string {
	if value := os.Getenv(variable); value != "" {
		return value
	}
	return otherwise
}

func socket(cmd *cobra.Command) string { return cmd.Flag("control").Value.String() }
