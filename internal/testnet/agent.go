package testnet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// agentProgram is looked up on the nodes' PATH.
	agentProgram = "deputynode"

	// agentUpTimeout bounds how long agents may take to know each other. They need milliseconds on an
	// idle machine; this is for one that is busy building.
	agentUpTimeout = 20 * time.Second
	// agentPoll is how long to wait between two questions whether the agents are up.
	agentPoll = 20 * time.Millisecond
	// agentStopTimeout bounds how long an agent may take to end its bodies and itself when told to, before it is killed.
	agentStopTimeout = 3 * time.Second

	agentLogLimit = 64 << 10 // bytes kept of what an agent prints, the last ones
)

// agent is the node agent, running on a node.
type agent struct {
	node string
	cmd  *Cmd
	log  *agentLog
	done chan struct{} // closed when the agent has ended
	err  error         // what Wait returned; valid after done
}

// startAgents starts an agent on every node and waits until each knows all nodes.
func (n *Net) startAgents(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, agentUpTimeout)
	defer cancel()
	var logging sync.Mutex // the agents write to one writer
	for _, nd := range n.nodes {
		args := append([]string{"serve", "--iface", Interface, "--node", nd.name}, n.networkArgs(nd)...)
		if o.AgentArgs != nil {
			args = append(args, o.AgentArgs(nd.name)...)
		}
		a, err := n.startAgent(nd.name, args, &agentLog{prefix: nd.name + ": ", copy: o.AgentLog, copying: &logging})
		if err != nil {
			return &AgentError{Node: nd.name, Err: err}
		}
		nd.agent = a
	}
	for _, nd := range n.nodes {
		if err := n.awaitAgent(ctx, nd.agent); err != nil {
			return &AgentError{Node: nd.name, Log: nd.agent.log.String(), Err: err}
		}
	}
	return nil
}

func (n *Net) startAgent(node string, args []string, log *agentLog) (*agent, error) {
	a := &agent{node: node, cmd: n.Command(node, agentProgram, args...), log: log, done: make(chan struct{})}
	a.cmd.Dir = "/"
	a.cmd.Stdout, a.cmd.Stderr = log, log
	a.cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true} // away from the terminal and its signals
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		a.err = a.cmd.Wait()
		close(a.done)
	}()
	return a, nil
}

// awaitAgent asks the agent by its control socket which nodes it knows until it lists all.
func (n *Net) awaitAgent(ctx context.Context, a *agent) error {
	tick := time.NewTicker(agentPoll)
	defer tick.Stop()
	for {
		known, err := n.knownNodes(ctx, a.node)
		if err == nil && len(known) < len(n.nodes) {
			err = fmt.Errorf("it knows the nodes %q only", known)
		}
		if err == nil {
			return nil
		}
		select {
		case <-a.done:
			return fmt.Errorf("ended with exit status %d", ExitStatus(a.cmd.ProcessState))
		case <-ctx.Done():
			return fmt.Errorf("did not come up: %w: %w", context.Cause(ctx), err)
		case <-tick.C:
		}
	}
}

// knownNodes asks the agent on the node for the nodes of this Net that it knows.
func (n *Net) knownNodes(ctx context.Context, node string) ([]string, error) {
	cmd := n.CommandContext(ctx, node, agentProgram, "nodes", "--format", "json")
	cmd.Dir = "/"
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s nodes: %w: %s", agentProgram, err, bytes.TrimSpace(stderr.Bytes()))
	}
	listed, err := parseNodes(out)
	if err != nil {
		return nil, fmt.Errorf("%s nodes: %w", agentProgram, err)
	}
	var known []string
	for _, name := range n.Nodes() {
		if listed[name] {
			known = append(known, name)
		}
	}
	return known, nil
}

// parseNodes reads what "deputynode nodes --format json" prints, an object a node, and returns the nodes'
// names.
func parseNodes(out []byte) (map[string]bool, error) {
	names := make(map[string]bool)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var object struct{ Node string }
		err := dec.Decode(&object)
		if errors.Is(err, io.EOF) {
			return names, nil
		}
		if err != nil {
			return nil, err
		}
		names[object.Node] = true
	}
}

// stop has the agent end, and returns when it has, or has been given time enough. An agent that had ended
// before is an error.
func (a *agent) stop() error {
	switch err := a.cmd.Process.Signal(unix.SIGTERM); {
	case errors.Is(err, os.ErrProcessDone):
		<-a.done
		return &AgentError{
			Node: a.node,
			Log:  a.log.String(),
			Err:  fmt.Errorf("ended before its time, with exit status %d", ExitStatus(a.cmd.ProcessState)),
		}
	case err != nil:
		return &AgentError{Node: a.node, Log: a.log.String(), Err: err}
	}
	select {
	case <-a.done:
		var exit *exec.ExitError
		if a.err != nil && !errors.As(a.err, &exit) {
			return &AgentError{Node: a.node, Log: a.log.String(), Err: a.err}
		}
		return nil
	case <-time.After(agentStopTimeout):
		return nil // pid 1 of its node takes it along
	}
}

// agentLog keeps the end of what an agent prints, and copies it line by line where that is wanted.
type agentLog struct {
	prefix  string
	copy    io.Writer   // may be nil
	copying *sync.Mutex // held while writing to copy

	mu   sync.Mutex
	kept []byte
	line []byte // begun, not yet copied
}

// Write never fails: an agent must not end because nobody wants to read what it prints.
func (l *agentLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, p...)
	if extra := len(l.kept) - agentLogLimit; extra > 0 {
		l.kept = append(l.kept[:0], l.kept[extra:]...)
	}
	if l.copy == nil {
		return len(p), nil
	}
	l.line = append(l.line, p...)
	for {
		line, rest, ok := bytes.Cut(l.line, []byte("\n"))
		if !ok {
			return len(p), nil
		}
		l.copying.Lock()
		fmt.Fprintf(l.copy, "%s%s\n", l.prefix, line)
		l.copying.Unlock()
		l.line = rest
	}
}

// String is what has been kept.
func (l *agentLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}
