// Package agenttest is a stand-in for the node agent, for tests of what starts agents: it has the command
// line and the control socket of deputynode, and does nothing.
package agenttest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

const (
	// Nodes is the environment variable with the names, separated by spaces, that the agent says it knows;
	// not set, they are a and b.
	Nodes = "AGENTTEST_NODES"
	// Fail is the environment variable with the name of the node whose agent fails at start, with exit
	// status 3, having printed Complaint.
	Fail = "AGENTTEST_FAIL"
	// Complaint is what an agent that fails prints.
	Complaint = "agenttest: told to fail"

	// Folder is where the agent leaves, beside its socket, the files args (its arguments, one a line) and pid.
	Folder = "/run/deputynode"
)

// Init takes over the process if it was started under the agent's name, and then does not return. Tests
// call it first thing in TestMain.
func Init() {
	if filepath.Base(os.Args[0]) == "deputynode" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
}

// Install makes this test's program the agent of a folder of binaries.
func Install(dir string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return os.Symlink(self, filepath.Join(dir, "deputynode"))
}

func run(args []string, stdout, stderr io.Writer) int {
	var err error
	switch {
	case len(args) > 0 && args[0] == "serve":
		err = serve(args, stderr)
	case strings.Join(args, " ") == "nodes --format json":
		err = nodes(stdout)
	default:
		err = fmt.Errorf("unexpected arguments %q", args)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 3
	}
	return 0
}

// serve answers every connection with the names of the nodes until it is told to end.
func serve(args []string, stderr io.Writer) error {
	if name, ok := os.LookupEnv(Fail); ok && strings.Contains(strings.Join(args, " "), "--node "+name) {
		return errors.New(Complaint)
	}
	if err := os.MkdirAll(Folder, 0o755); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"args": strings.Join(args, "\n") + "\n",
		"pid":  fmt.Sprintln(os.Getpid()),
	} {
		if err := os.WriteFile(filepath.Join(Folder, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	fmt.Fprintln(stderr, "agenttest: serving")

	end := make(chan os.Signal, 1)
	signal.Notify(end, unix.SIGTERM)
	l, err := net.Listen("unix", filepath.Join(Folder, "control.sock"))
	if err != nil {
		return err
	}
	go func() {
		<-end
		l.Close()
	}()
	known, ok := os.LookupEnv(Nodes)
	if !ok {
		known = "a b"
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return nil // told to end
		}
		for _, name := range strings.Fields(known) {
			fmt.Fprintln(conn, name)
		}
		conn.Close()
	}
}

// nodes prints what the agent says.
func nodes(stdout io.Writer) error {
	conn, err := net.Dial("unix", filepath.Join(Folder, "control.sock"))
	if err != nil {
		return err
	}
	defer conn.Close()
	names := bufio.NewScanner(conn)
	for names.Scan() {
		fmt.Fprintf(stdout, "{\"node\":%q}\n", names.Text())
	}
	return names.Err()
}
