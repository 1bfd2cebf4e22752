package testnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"sync"

	"golang.org/x/sys/unix"
)

// MaxNodes is the largest number of nodes: they are named by letter.
const MaxNodes = 26

// Options says what Start makes. The zero value is two nodes joined directly, without agents.
type Options struct {
	// Nodes is the number of nodes, 2 to MaxNodes; 0 means 2. They are named a, b, ...
	Nodes int
	// Bridge joins two nodes by a bridge too. Without, they are the two ends of one veth pair, which
	// is what measurements of latency want. More than two always have a bridge.
	Bridge bool
	// Networks is the number of networks that the nodes take turns on; 0 means 1. Several have a bridge each, and one
	// more node, g, the last, that is a gateway between them: its agent forwards, and the other agents have routes
	// through it. There can be no node g beside it, so Nodes is then 6 at most.
	Networks int
	// MTU is that of all interfaces, in bytes; 0 means DefaultMTU.
	MTU int

	// BinDir is a folder of the host to be put in front of the nodes' PATH. Empty: if Build is set,
	// deputynode and ipxbench are built from the Go module that the working directory is in, into a
	// folder that only the nodes see.
	BinDir string
	Build  bool

	// Agents has an agent run on every node; Start then waits until each knows all of them.
	Agents bool
	// AgentArgs gives what is added to the agent's command line on a node, if not nil.
	AgentArgs func(node string) []string
	// AgentLog receives what the agents print, each line with the node's name in front, if not nil.
	AgentLog io.Writer

	// Capture receives every frame that a node sends as pcapng, if not nil: an interface of the capture
	// per node, named like it, and for the gateway g-eth0, g-eth1, ... It is written until Close, from one goroutine.
	Capture io.Writer
}

// Net is a set of nodes. Its methods may be called from any goroutine.
type Net struct {
	nodes  []*node
	binDir string // first on the nodes' PATH, as the nodes see it; may be empty

	base    *thread // starts each node's pid 1: its mount namespace is what theirs are made from
	staging *os.File
	bridge  *thread
	capture *capture

	networks int
	attached []attachment

	close func() error
}

// node is one node; its pid 1 is a child of the calling process.
type node struct {
	name   string
	index  int
	init   *initProcess
	thread *thread // inside the node's namespaces; new processes are in its PID namespace

	agent *agent
}

// pid is that of the node's pid 1, as the calling process sees it.
func (n *node) pid() int { return n.init.cmd.Process.Pid }

// Start makes the nodes. ctx bounds the start only; Close ends the nodes, and so does the end of the
// calling process, however it ends. Errors: ErrNotRoot, *KernelError, *AgentError, *BuildError and others; after an
// error nothing is left.
func Start(ctx context.Context, o Options) (*Net, error) {
	if o.Nodes == 0 {
		o.Nodes = 2
	}
	if o.Nodes < 2 || o.Nodes > MaxNodes {
		return nil, fmt.Errorf("testnet: %d nodes asked for, but 2 to %d can be made", o.Nodes, MaxNodes)
	}
	if o.Networks == 0 {
		o.Networks = 1
	}
	if o.Networks < 1 || o.Networks > o.Nodes || o.Networks > 1 && slices.Contains(nodeNames(o.Nodes), gatewayName) {
		return nil, fmt.Errorf("testnet: %d networks asked for with %d nodes, but each has one of the nodes a to f at least", o.Networks, o.Nodes)
	}
	if o.MTU == 0 {
		o.MTU = DefaultMTU
	}
	if os.Geteuid() != 0 {
		return nil, ErrNotRoot
	}

	n := &Net{binDir: o.BinDir}
	n.close = sync.OnceValue(n.shutDown)
	if err := n.start(ctx, o); err != nil {
		n.Close() // what else went wrong on the way out says nothing about why
		return nil, err
	}
	return n, nil
}

// start makes everything; what is there when it fails is for Close.
func (n *Net) start(ctx context.Context, o Options) error {
	if err := n.startBase(); err != nil {
		return err
	}
	build := startBuild(ctx, n, o)
	err := n.startNodes(ctx, o)
	if buildErr := build.wait(); err == nil {
		err = buildErr
	}
	if err != nil {
		return err
	}
	if o.Agents {
		return n.startAgents(ctx, o)
	}
	return nil
}

// startNodes starts the nodes, joins them and starts the capture.
func (n *Net) startNodes(ctx context.Context, o Options) error {
	names := nodeNames(o.Nodes)
	if o.Networks > 1 {
		names = append(names, gatewayName)
	}
	for i, name := range names {
		if err := n.startNode(i, name); err != nil {
			return fmt.Errorf("node %s: %w", name, err)
		}
	}
	n.attach(o.Networks)
	if err := n.join(o); err != nil {
		return fmt.Errorf("joining the nodes: %w", err)
	}
	for _, nd := range n.nodes {
		if err := nd.thread.do(func() error { return bringUp(kernelAddr(nd.index)) }); err != nil {
			return fmt.Errorf("node %s: bringing %s up: %w", nd.name, Interface, err)
		}
	}
	if err := n.bringUpOthers(); err != nil {
		return err
	}
	for _, at := range n.attached {
		if err := at.node.thread.do(func() error { return awaitRunning(ctx, at.iface) }); err != nil {
			return fmt.Errorf("node %s: %w", at.node.name, err)
		}
	}
	if o.Capture == nil {
		return nil
	}
	var err error
	n.capture, err = startCapture(n, o.Capture)
	return err
}

// startBase starts the thread whose mount namespace the nodes' are made from.
func (n *Net) startBase() error {
	var err error
	n.base, err = startThread(func() error {
		// Alone with its file-system context, a thread can have a mount namespace (unshare(2)).
		if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
			return namespaceError(err)
		}
		if err := mountStaging(); err != nil {
			return err
		}
		n.staging, err = os.Open(stagingDir)
		return err
	})
	return err
}

// startNode starts node i, without interfaces, and a thread inside it.
func (n *Net) startNode(i int, name string) error {
	nd := &node{name: name, index: i}
	err := n.base.do(func() (err error) {
		nd.init, err = startInit(nd.name)
		return err
	})
	if err != nil {
		return err
	}
	n.nodes = append(n.nodes, nd)
	if err := nd.init.awaitReady(); err != nil {
		return err
	}
	nd.thread, err = startThread(nd.init.enter)
	return err
}

// join makes the veth pairs, and the bridges where some are wanted.
func (n *Net) join(o Options) error {
	if len(n.nodes) == 2 && !o.Bridge {
		return joinDirectly(n.nodes[0], n.nodes[1], o.MTU)
	}
	var err error
	n.bridge, err = startThread(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return namespaceError(err)
		}
		return disableIPv6()
	})
	if err != nil {
		return err
	}
	for k := range n.networks {
		if err := joinByBridge(n.bridge, k, n.attached, o.MTU); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the agents, then kills whatever runs on the nodes, and returns when it is gone. Commands that
// were started must have a Wait called. The error says what did not go as it should; calls after
// the first return what that returned.
func (n *Net) Close() error { return n.close() }

func (n *Net) shutDown() error {
	var errs []error
	for _, nd := range n.nodes {
		if nd.agent != nil {
			errs = append(errs, nd.agent.stop())
		}
	}
	if n.capture != nil {
		errs = append(errs, n.capture.stop())
	}
	for _, nd := range n.nodes {
		if nd.thread != nil {
			nd.thread.stop()
		}
		errs = append(errs, nd.init.kill())
	}
	for _, t := range []*thread{n.bridge, n.base} {
		if t != nil {
			t.stop()
		}
	}
	if n.staging != nil {
		n.staging.Close()
	}
	return errors.Join(errs...)
}

// Nodes are the names of the nodes, in order.
func (n *Net) Nodes() []string {
	names := make([]string, len(n.nodes))
	for i, nd := range n.nodes {
		names[i] = nd.name
	}
	return names
}

// KernelAddr is the address that the host's IP stack has on the node's interface; the zero Addr if there
// is no such node.
func (n *Net) KernelAddr(name string) netip.Addr {
	nd, err := n.node(name)
	if err != nil {
		return netip.Addr{}
	}
	return kernelAddr(nd.index)
}

// Do runs f inside the node's network, mount and UTS namespaces, on a thread that stays there: sockets
// that f opens, devices included, belong to the node and may be used outside afterwards; goroutines
// that f starts are not on the node. Calls for one node wait for each other, so f must not block for long, call
// Do or Start for the same node, or end its goroutine (as t.Fatal does).
func (n *Net) Do(name string, f func() error) error {
	nd, err := n.node(name)
	if err != nil {
		return err
	}
	return nd.thread.do(f)
}

func (n *Net) node(name string) (*node, error) {
	for _, nd := range n.nodes {
		if nd.name == name {
			return nd, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", ErrNode, name)
}

// nodeNames are the names of n nodes.
func nodeNames(n int) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = string(rune('a' + i))
	}
	return names
}

func namespaceError(err error) error {
	return kernelError("network, mount, UTS and PID namespaces (CONFIG_NAMESPACES, CAP_SYS_ADMIN)", err)
}
