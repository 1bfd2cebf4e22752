package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"deputy/internal/testnet"
)

// Exit statuses of the testbed itself, as env(1) and a shell have them.
const (
	statusFailed        = 125
	statusNotExecutable = 126
	statusNotFound      = 127
	statusSignal        = 128 // plus the number of the signal
)

// Environment variables by which options reach "deputynode run".
const (
	transportVariable = "DEPUTYNODE_TRANSPORT"
	copyinVariable    = "DEPUTYNODE_COPYIN"
)

const long = `Makes nodes a, b, ... on this machine, each with its own network, mount, UTS and PID
namespace, joined by Ethernet, with an agent running on each; runs COMMAND on node a, with
deputynode and ipxbench on its PATH; and removes everything when COMMAND ends or the testbed is
interrupted or killed. Needs root.

Each node has its name as host name and in /node/name. /tmp and the other folders are this
machine's; /proc, /sys, /run and /node are the node's own. eth0 of the nodes has the addresses
192.0.2.1, 192.0.2.2, ... for the kernel's IP stack.

The binaries are those beside the testbed's own, or else are built from the Go module in the
working directory.

Exit status: that of COMMAND; 128 and the number of the signal that ended it; 127 if it does not
exist, 126 if it cannot be executed, 125 if the testbed itself fails. "go run" makes 1 of every
exit status other than 0 and prints it; the built binary (make build, bin/testbed) passes it on.`

// options are the flags of "testbed run".
type options struct {
	nodes     int
	bridge    bool
	networks  int
	mtu       int
	transport string
	link      string
	impair    string
	capture   string
	copyin    string
	verbose   bool
}

// run is the program: args without the program's name; the files are passed on to COMMAND. It returns the
// exit status.
func run(ctx context.Context, args []string, stdin, stdout, stderr *os.File) int {
	status := 0
	root := &cobra.Command{
		Use:           "testbed",
		Short:         "Nodes on one machine",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(runCommand(&status, stdin, stdout, stderr))
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		explain(stderr, err)
		return failureStatus(err)
	}
	return status
}

func runCommand(status *int, stdin, stdout, stderr *os.File) *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "run [flags] -- COMMAND [ARG...]",
		Short: "Run a command on the first of a set of nodes",
		Long:  long,
		Example: `  go run ./testbed run -- deputynode run --on b -- cat /node/name
  go run ./testbed run --nodes 3 --impair loss=1%,seed=7 -- bash`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			var err error
			*status, err = o.run(cmd.Context(), args, stdin, stdout, stderr)
			return err
		},
	}
	f := cmd.Flags()
	f.SetInterspersed(false)
	f.IntVar(&o.nodes, "nodes", 2, fmt.Sprintf("number of nodes, 2 to %d", testnet.MaxNodes))
	f.BoolVar(&o.bridge, "bridge", false, "join two nodes by a bridge too, not directly")
	f.IntVar(&o.networks, "networks", 1, "number of networks that the nodes take turns on; with several, another node, g, is the gateway between them")
	f.IntVar(&o.mtu, "mtu", testnet.DefaultMTU, "MTU of the interfaces, in bytes")
	f.StringVar(&o.transport, "transport", "", "tcpmod or rdp: what \"deputynode run\" uses ("+transportVariable+")")
	f.StringVar(&o.copyin, "copyin", "", "eager or lazy: how \"deputynode run\" gets what system calls read ("+copyinVariable+")")
	f.StringVar(&o.link, "link", "", "ring or packet: how the agents reach the interface")
	f.StringVar(&o.impair, "impair", "", "what every agent does to the frames that it sends, such as loss=1%,dup=0.5%,seed=7")
	f.StringVar(&o.capture, "capture", "", "write all frames of all nodes to this pcapng `file`")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show what the agents log")
	return cmd
}

// check refuses values that would be found wrong only by whoever they reach.
func (o *options) check() error {
	for _, c := range []struct {
		flag, value string
		allowed     []string
	}{
		{"transport", o.transport, []string{"tcpmod", "rdp"}},
		{"copyin", o.copyin, []string{"eager", "lazy"}},
		{"link", o.link, []string{"ring", "packet"}},
	} {
		if c.value != "" && !slices.Contains(c.allowed, c.value) {
			return fmt.Errorf("--%s %s: give %s", c.flag, c.value, strings.Join(c.allowed, " or "))
		}
	}
	return nil
}

// run makes the nodes and runs the command; the status is the command's.
func (o *options) run(ctx context.Context, args []string, stdin, stdout, stderr *os.File) (status int, err error) {
	setup := testnet.Options{
		Nodes:    o.nodes,
		Bridge:   o.bridge,
		Networks: o.networks,
		MTU:      o.mtu,
		Agents:   true,
		AgentArgs: func(string) []string {
			var args []string
			if o.link != "" {
				args = append(args, "--link", o.link)
			}
			if o.impair != "" {
				args = append(args, "--impair", o.impair)
			}
			return args
		},
	}
	setup.BinDir, setup.Build = findBinaries()
	if o.verbose {
		setup.AgentLog = stderr
	}
	if o.capture != "" {
		file, err := os.Create(o.capture)
		if err != nil {
			return 0, err
		}
		defer func() {
			if closeErr := file.Close(); err == nil {
				err = closeErr
			}
		}()
		setup.Capture = file
	}

	s := newSession(stdin, stdout, stderr)
	defer s.end()
	net, err := s.start(ctx, setup)
	if err != nil {
		return 0, err
	}
	// An agent that has died is told of, but the command has its status all the same.
	defer func() {
		if closeErr := net.Close(); closeErr != nil {
			explain(stderr, closeErr)
		}
	}()
	return s.run(net, o.environment(), args)
}

// environment is that of the command, but for what the node adds.
func (o *options) environment() []string {
	env := os.Environ()
	if o.transport != "" {
		env = append(env, transportVariable+"="+o.transport)
	}
	if o.copyin != "" {
		env = append(env, copyinVariable+"="+o.copyin)
	}
	return env
}

// findBinaries returns the folder of the testbed's own program if the others are there too; if not they must be built.
func findBinaries() (dir string, build bool) {
	exe, err := os.Executable()
	if err != nil {
		return "", true
	}
	dir = filepath.Dir(exe)
	for _, name := range []string{"deputynode", "ipxbench"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return "", true
		}
	}
	return dir, false
}

// explain prints the error in one line, and below it the log that belongs to it, if any.
func explain(w io.Writer, err error) {
	fmt.Fprintf(w, "testbed: %v\n", err)
	var log string
	var agent *testnet.AgentError
	var build *testnet.BuildError
	switch {
	case errors.As(err, &agent):
		log = agent.Log
	case errors.As(err, &build):
		log = build.Output
	}
	for line := range strings.Lines(log) {
		fmt.Fprintf(w, "  %s\n", strings.TrimSuffix(line, "\n"))
	}
}

// failureStatus is the exit status for an error.
func failureStatus(err error) int {
	var interrupted *interruptedError
	var start *startError
	switch {
	case errors.As(err, &interrupted):
		return statusSignal + int(interrupted.signal)
	case !errors.As(err, &start):
		return statusFailed
	case errors.Is(err, exec.ErrNotFound), errors.Is(err, unix.ENOENT):
		return statusNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.ENOEXEC):
		return statusNotExecutable
	}
	return statusFailed
}
