package command

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"deputy/deputynode/control"
)

// runWatched runs deputynode with the arguments as a child, prints the calls of its process while it runs, or what it did
// in all when it has ended, or both, and ends as it ended.
func runWatched(cmd *cobra.Command, args []string, stats, trace bool) error {
	endTrace := func() {}
	if trace {
		var err error
		if endTrace, err = startTrace(cmd.ErrOrStderr(), socket(cmd)); err != nil {
			return err
		}
	}
	child := exec.Command("/proc/self/exe", args...)
	child.Args[0] = os.Args[0]
	child.Stdin, child.Stdout, child.Stderr = os.Stdin, os.Stdout, os.Stderr
	terminal := make(chan os.Signal, 1) // what the terminal sends goes to the child as well: it decides
	signal.Notify(terminal, unix.SIGINT, unix.SIGQUIT)
	defer signal.Stop(terminal)
	err := child.Run()
	endTrace()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		return err
	}
	if stats {
		answer, err := control.Ask(socket(cmd), control.Request{Op: control.OpStats, PID: child.Process.Pid})
		if err == nil && len(answer.PS) == 1 {
			printStats(cmd.ErrOrStderr(), answer.PS[0])
		}
	}
	status := child.ProcessState.Sys().(interface {
		Signaled() bool
		ExitStatus() int
	})
	if status.Signaled() {
		return endBySignal(child)
	}
	if code := status.ExitStatus(); code != 0 {
		return &failure{status: code}
	}
	return nil
}

// endBySignal ends this process by the signal that ended the child.
func endBySignal(child *exec.Cmd) error {
	sig := child.ProcessState.Sys().(interface{ Signal() unix.Signal }).Signal()
	signal.Reset(sig)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}) // the child's core is the one of interest
	_ = unix.Kill(os.Getpid(), sig)
	return &failure{status: 128 + int(sig)} // the signal does not end a process
}

func printStats(w io.Writer, p control.Process) {
	fmt.Fprintf(w, "%s: body on %s for %.3f s\n", p.Command, p.Node, p.Seconds)
	fmt.Fprint(w, "calls:")
	separator := " "
	for _, class := range slices.Sorted(maps.Keys(p.Calls)) {
		fmt.Fprintf(w, "%s%d %s", separator, p.Calls[class], class)
		separator = ", "
	}
	fmt.Fprintln(w, " (local calls run natively on the node and are not counted)")
	names := slices.SortedFunc(maps.Keys(p.ByName), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.ByName[b], p.ByName[a]), cmp.Compare(a, b))
	})
	table := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	for _, name := range names {
		fmt.Fprintf(table, "%d\t%s\t\n", p.ByName[name], name)
	}
	table.Flush()
	fmt.Fprintf(w, "to the body:   %d messages, %d bytes\n", p.Sent.Messages, p.Sent.Bytes)
	fmt.Fprintf(w, "from the body: %d messages, %d bytes\n", p.Received.Messages, p.Received.Bytes)
}
