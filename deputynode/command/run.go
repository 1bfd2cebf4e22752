package command

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"deputy/deputynode/agent"
	"deputy/deputynode/control"
)

// How a copyin travels.
const (
	copyinEager = "eager" // with the request
	copyinLazy  = "lazy"  // when the deputy asks, as in the thesis
)

// Environment variables that stand in for options of run.
const (
	environmentTransport = "DEPUTYNODE_TRANSPORT"
	environmentCopyin    = "DEPUTYNODE_COPYIN"
)

func runCommand() *cobra.Command {
	var on, transport, copyin string
	var stats, trace bool
	var tracedBy int
	cmd := &cobra.Command{
		Use:   "run --on NODE [flags] -- PROGRAM [ARGUMENTS]",
		Short: "Run a program with its body on another node",
		Long: `Run a program with its body on another node. The process stays one of this node: its files, terminal,
credentials, parent and exit status are those that it would have without deputynode.

The exit status is the program's; 125 if deputynode fails, 126 if the program cannot be executed, 127 if it
is not found.`,
		Args: cobra.MinimumNArgs(1),
	}
	flags := cmd.Flags()
	flags.SetInterspersed(false) // what follows the program is its own
	flags.StringVar(&on, "on", "", "node of the body (required)")
	flags.StringVar(&transport, "transport", setting(environmentTransport, agent.DefaultTransport), "tcpmod or rdp ($"+environmentTransport+")")
	flags.StringVar(&copyin, "copyin", setting(environmentCopyin, copyinEager),
		"eager: what a call reads travels with the request; lazy: the deputy asks for it, as in the thesis ($"+environmentCopyin+")")
	flags.BoolVar(&stats, "stats", false, "print calls, messages and bytes to standard error when the program ends")
	flags.BoolVar(&trace, "trace", false, "print to standard error the calls that are not made on the node alone, as they end")
	flags.IntVar(&tracedBy, "traced-by", 0, "pid of who prints the calls")
	if err := flags.MarkHidden("traced-by"); err != nil {
		panic(err)
	}
	if err := cmd.MarkFlagRequired("on"); err != nil {
		panic(err)
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if copyin != copyinEager && copyin != copyinLazy {
			return fmt.Errorf("--copyin %q: want %s or %s", copyin, copyinEager, copyinLazy)
		}
		if stats || trace {
			again := []string{"--control", socket(cmd), "run", "--on", on, "--transport", transport, "--copyin", copyin}
			if trace {
				again = append(again, "--traced-by", strconv.Itoa(os.Getpid()))
			}
			return runWatched(cmd, append(append(again, "--"), args...), stats, trace)
		}
		program, err := findProgram(args[0], os.Getenv("PATH"))
		if err != nil {
			return err
		}
		if _, err := control.Ask(socket(cmd), control.Request{Op: control.OpRun, On: on, Transport: transport,
			Lazy: copyin == copyinLazy, Command: args[0], TracedBy: tracedBy}); err != nil {
			return err
		}
		return cannotExecute(program, syscall.Exec(program, args, os.Environ()))
	}
	return cmd
}

// findProgram looks a program up as a shell does, and looks whether it can be a body.
func findProgram(name, path string) (string, error) {
	if strings.Contains(name, "/") {
		return name, checkProgram(name)
	}
	notFound := error(&failure{statusNotFound, fmt.Errorf("%s: command not found", name)})
	for _, folder := range strings.Split(path, ":") {
		if folder == "" {
			folder = "."
		}
		program := folder + "/" + name
		err := checkProgram(program)
		if err == nil {
			return program, nil
		}
		var f *failure
		if errors.As(err, &f) && f.status != statusNotFound {
			notFound = err // a later folder may have one that can be executed
		}
	}
	return "", notFound
}

var errOtherProgram = errors.New("not a program for x86-64")

// checkProgram returns why a file cannot be executed as a body; scripts can, if their interpreter can.
func checkProgram(program string) error {
	var stat unix.Stat_t
	if err := unix.Stat(program, &stat); err != nil {
		return cannotExecute(program, err)
	}
	if stat.Mode&unix.S_IFMT != unix.S_IFREG {
		return cannotExecute(program, unix.EACCES)
	}
	if err := unix.Access(program, unix.X_OK); err != nil {
		return cannotExecute(program, err)
	}
	file, err := os.Open(program)
	if err != nil {
		return nil // executable but not readable: the kernel will see
	}
	defer file.Close()
	var header [20]byte
	n, _ := file.Read(header[:])
	const elf, class64, machineX8664 = "\x7fELF", 2, 62
	if n == len(header) && string(header[:4]) == elf && (header[4] != class64 || header[18] != machineX8664 || header[19] != 0) {
		return cannotExecute(program, errOtherProgram)
	}
	return nil
}

// cannotExecute gives the error the exit status that a shell would give.
func cannotExecute(program string, err error) error {
	status := statusNotExecuted
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		status = statusNotFound
	}
	return &failure{status, fmt.Errorf("%s: %w", program, err)}
}
