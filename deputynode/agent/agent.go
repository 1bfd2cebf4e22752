// Package agent is the agent of a node: one event loop over one network interface that serves the deputies
// and the bodies of the node, and a control socket for the command line.
package agent

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/body"
	"deputy/deputynode/control"
	"deputy/deputynode/deputy"
	"deputy/deputynode/nodes"
	"deputy/internal/engine"
	"deputy/ipx"
	"deputy/link"
)

// Config is what an agent is told.
type Config struct {
	Interfaces []string       // the first has the node's address; with others it is a gateway
	Node       string         // name; empty: the host's
	Addresses  []netip.Prefix // on the network of each interface; none: 10.x.y.z/8 with the last three bytes of the hardware address
	Routes     []ipx.Route    // to networks behind other gateways
	Forward    bool           // be a gateway between the networks of several interfaces
	Backend    string         // of link: "ring" or "packet"
	Impair     string         // what happens to the frames that are sent, see link.ParseImpairment
	Capture    io.Writer      // gets all frames as pcapng; may be nil
	Control    string         // path of the control socket
	Spin       time.Duration
	Logger     *slog.Logger
}

// Agent is a running agent.
type Agent struct {
	cfg     Config
	log     *slog.Logger
	devices []link.Device
	stacks  []*ipx.Stack // on the devices
	ip      *ipx.Stack   // the first of them, which has the transports
	loop    *engine.Loop

	transports map[string]transport
	members    *nodes.Members
	home       *deputy.Home
	guest      *body.Guest
	server     *control.Server
	recent     history
	tracers    map[int]*control.Tracer // by the pid of who asked
}

// Run is an agent from its beginning to its end, which is the context's.
func Run(ctx context.Context, cfg Config) error {
	a := &Agent{cfg: cfg, log: cfg.Logger.With("agent", cfg.Node)}
	if err := nodes.CheckName(cfg.Node); err != nil {
		return err
	}
	if err := a.openNetwork(); err != nil {
		return err
	}
	defer a.closeNetwork()
	var err error
	if a.home, err = deputy.New(a.loop, cfg.Node, a.log, a.deputyEnded); err != nil {
		return err
	}
	if a.guest, err = body.New(a.loop, cfg.Node, a.log); err != nil {
		return err
	}
	if a.server, err = control.Listen(cfg.Control, a.answer, a.trace); err != nil {
		return err
	}
	return a.run(ctx)
}

// run serves until the context ends.
func (a *Agent) run(ctx context.Context) error {
	closing := make(chan struct{})
	bell := make(chan struct{})
	go func() {
		defer close(bell)
		a.home.WaitBell(closing)
	}()
	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)
	go func() {
		for {
			select {
			case <-children:
				a.loop.Submit(a.reap)
			case <-closing:
				return
			}
		}
	}()
	go a.server.Serve(ctx)
	a.log.Info("agent ready", "address", a.ip.Addr(), "control", a.cfg.Control)
	err := a.loop.Run(ctx)

	// The loop has left its thread; what follows only kills and releases.
	a.loop.Do(func(now time.Duration) {
		a.home.Close(now)
		a.guest.Close(now)
	})
	a.loop.Flush()
	signal.Stop(children)
	close(closing)
	a.home.Ring()
	<-bell
	for i, dev := range a.devices {
		a.log.Info("agent ended", "interface", a.cfg.Interfaces[i], "frames", dev.Stats(), "datagrams", a.stacks[i].Stats())
	}
	if errors.Is(err, context.Canceled) {
		err = nil
	}
	return err
}

// reap learns what happened to the traced processes.
func (a *Agent) reap(now time.Duration) {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WNOHANG|unix.WALL, nil)
		if err != nil || pid == 0 {
			return
		}
		if !a.guest.Stopped(now, pid, status) && !a.home.Stopped(now, pid, status) {
			a.log.Debug("process that is nobody's", "pid", pid, "status", status)
		}
	}
}

// describe is the announcement of this node.
func (a *Agent) describe() nodes.Announcement {
	d := nodes.Announcement{Name: a.cfg.Node, Processors: uint16(runtime.NumCPU())}
	if a.guest != nil {
		d.Bodies = uint32(a.guest.Count())
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		const loadOne = 1 << 16 // sysinfo(2): the load averages are scaled by SI_LOAD_SHIFT
		d.Load = uint32(info.Loads[0] * 100 / loadOne)
		d.FreeMemory = uint32(info.Freeram * uint64(info.Unit) >> 20)
	}
	return d
}
