package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"deputy/internal/testnet"
)

// agentProgram is the node agent and its command line.
const agentProgram = "deputynode"

// errNoAgent says that there is no program to run bodies with.
var errNoAgent = errors.New(agentProgram + " is neither beside ipxbench nor on PATH")

// runner runs programs with their body on another node.
type runner struct {
	program string                                                                 // deputynode, by the path that nodes see
	node    string                                                                 // of the body
	command func(ctx context.Context, program string, args ...string) *testnet.Cmd // nil: on this machine
	net     *testnet.Net
}

// ownRunner makes a second pair of nodes, with an agent on each: on the first, the agents' sockets would
// see every frame that is measured. dir is a folder of ours that nodes see.
func ownRunner(ctx context.Context, backend, dir string) (*runner, error) {
	o := testnet.Options{
		Agents:    true,
		AgentArgs: func(string) []string { return []string{"--link", backend} },
	}
	found, err := findAgent()
	switch {
	case err == nil:
		o.BinDir = dir
		if err := copyProgram(found, filepath.Join(dir, agentProgram)); err != nil {
			return nil, err
		}
	case inModule():
		o.Build = true
	default:
		return nil, err
	}
	net, err := testnet.Start(ctx, o)
	if err != nil {
		return nil, agentError(err)
	}
	nodes := net.Nodes()
	return &runner{
		program: agentProgram, node: nodes[1], net: net,
		command: func(ctx context.Context, program string, args ...string) *testnet.Cmd {
			return net.CommandContext(ctx, nodes[0], program, args...)
		},
	}, nil
}

// realRunner uses the agents of this machine and of the peer's.
func realRunner(peer string) (*runner, error) {
	program, err := findAgent()
	if err != nil {
		return nil, err
	}
	return &runner{program: program, node: peer}, nil
}

// run runs a program with its body on the other node and returns what it wrote. The error ends with the
// last line that was written to standard error.
func (r *runner) run(ctx context.Context, transport, program string) ([]byte, error) {
	args := []string{"run", "--on", r.node, "--transport", transport, "--", program}
	var stdout, stderr strings.Builder
	var err error
	if r.command != nil {
		cmd := r.command(ctx, r.program, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
	} else {
		cmd := exec.CommandContext(ctx, r.program, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		err = cmd.Run()
	}
	if err != nil {
		if line := lastLine(stderr.String()); line != "" {
			return nil, errors.New(line)
		}
		return nil, fmt.Errorf("%s run: %w", agentProgram, err)
	}
	return []byte(stdout.String()), nil
}

func (r *runner) close() error {
	if r.net == nil {
		return nil
	}
	return r.net.Close()
}

// findAgent looks for deputynode beside this program, then on PATH.
func findAgent() (string, error) {
	if self, err := os.Executable(); err == nil {
		beside := filepath.Join(filepath.Dir(self), agentProgram)
		if info, err := os.Stat(beside); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return beside, nil
		}
	}
	path, err := exec.LookPath(agentProgram)
	if err != nil {
		return "", errNoAgent
	}
	return filepath.Abs(path)
}

// inModule reports whether the working directory is in the project's own source, with a Go to build it:
// "go run ./cmd/ipxbench" leaves no deputynode anywhere.
func inModule() bool {
	out, err := exec.Command("go", "list", "-m").Output()
	return err == nil && strings.TrimSpace(string(out)) == "deputy"
}

// copyProgram copies an executable file, since nodes do not see every folder of this machine.
func copyProgram(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}

// agentError makes one line of why agents did not come up, with the last line that they or the compiler
// wrote.
func agentError(err error) error {
	log := ""
	var agent *testnet.AgentError
	var build *testnet.BuildError
	switch {
	case errors.As(err, &agent):
		log = agent.Log
	case errors.As(err, &build):
		log = build.Output
	}
	if line := lastLine(log); line != "" {
		return fmt.Errorf("%w: %s", err, line)
	}
	return err
}
