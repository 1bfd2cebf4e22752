package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/locked"
	"deputy/internal/testnet"
)

// place is where is measured: an interface that leads to a peer.
type place struct {
	between string // the two ends, in words
	medium  string // what joins them
	iface   string
	own     bool                     // made by us
	do      func(func() error) error // runs f in the interface's network namespace

	net  *testnet.Net
	peer *peerProcess
}

// realPlace is an interface of this machine, on which somebody serves elsewhere.
func realPlace(iface, peer string) *place {
	if peer == "" {
		peer = "its peer"
	}
	return &place{
		between: fmt.Sprintf("between this machine and %s on %s", peer, iface), medium: iface, iface: iface,
		do: func(f func() error) error { return f() },
	}
}

// ownPlace makes two nodes on this machine, joined by a veth pair, and starts a peer on the second. Both
// end when this process does, however it ends.
func ownPlace(ctx context.Context, o Options, pins Pins) (*place, error) {
	net, err := testnet.Start(ctx, testnet.Options{})
	if errors.Is(err, testnet.ErrNotRoot) {
		return nil, fmt.Errorf("making a testbed %w; on two machines: ipxbench serve, and ipxbench ping-pong --iface", err)
	}
	if err != nil {
		return nil, fmt.Errorf("making a testbed: %w", err)
	}
	nodes := net.Nodes()
	p := &place{
		between: "between two network namespaces of this machine", medium: "veth pair",
		iface: testnet.Interface, own: true, net: net,
		do: func(f func() error) error { return net.Do(nodes[0], f) },
	}
	if p.peer, err = startPeer(net, nodes[1], o.Link, pins); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the peer: %w", err), p.close())
	}
	return p, nil
}

// close removes what ownPlace made.
func (p *place) close() error {
	if p.peer != nil {
		p.peer.stop()
	}
	if p.net != nil {
		return p.net.Close()
	}
	return nil
}

// noPeer makes a line of it that the peer did not answer: its own error, if it is ours and has ended.
func (p *place) noPeer(wanted string) error {
	if p.peer != nil {
		if err := p.peer.failure(); err != nil {
			return err
		}
		return fmt.Errorf("peer of the testbed %w within %v", ErrNoPeer, replyTimeout)
	}
	if wanted == "" {
		return fmt.Errorf("interface %s: a peer %w within %v: run \"ipxbench serve --iface INTERFACE\" on the other machine",
			p.iface, ErrNoPeer, replyTimeout)
	}
	return fmt.Errorf("peer %s on %s %w within %v: run \"ipxbench serve --iface INTERFACE\" there",
		wanted, p.iface, ErrNoPeer, replyTimeout)
}

// peerProcess is this program, started again on the other node to serve.
type peerProcess struct {
	cmd    *exec.Cmd
	life   io.Closer // its standard input: at its end it stops
	stderr locked.Buffer
	gone   chan struct{}
}

// executableFD is the descriptor by which the peer finds this program: its path may not exist on a node.
const executableFD = 3

func startPeer(net *testnet.Net, node, backend string, pins Pins) (*peerProcess, error) {
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	defer self.Close()
	args := []string{"serve", "--iface", testnet.Interface, "--link", backend, "--node", node, "--until-eof"}
	switch {
	case pins.Shared():
		args = append(args, "--pin", strconv.Itoa(pins.Peer), "--park")
	case pins.Peer == unpinned:
		args = append(args, "--pin", "none")
	default:
		args = append(args, "--pin", strconv.Itoa(pins.Peer))
	}
	p := &peerProcess{gone: make(chan struct{})}
	p.cmd = &exec.Cmd{
		Path:        fmt.Sprintf("/proc/self/fd/%d", executableFD),
		Args:        append([]string{"ipxbench"}, args...),
		Dir:         "/",
		Stderr:      &p.stderr,
		ExtraFiles:  []*os.File{executableFD - 3: self},
		SysProcAttr: &unix.SysProcAttr{Setsid: true}, // away from the terminal and its signals
	}
	if p.life, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	if err := net.Do(node, p.cmd.Start); err != nil {
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait() // what it has to say is in stderr
		close(p.gone)
	}()
	return p, nil
}

// failure is why the peer has ended; nil if it has not.
func (p *peerProcess) failure() error {
	select {
	case <-p.gone:
		return fmt.Errorf("peer of the testbed: %s", strings.TrimPrefix(lastLine(p.stderr.String()), "ipxbench: "))
	default:
		return nil
	}
}

// stopTimeout bounds how long a peer may take to end by itself: more than its guards need.
const stopTimeout = 5 * time.Second

// stop ends the peer and waits for it.
func (p *peerProcess) stop() {
	_ = p.life.Close()
	select {
	case <-p.gone:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.gone
	}
}

// lastLine is the last line that is not empty.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}
