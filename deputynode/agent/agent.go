// Package agent is the agent of a node: one event loop over one network interface that serves the deputies
// and the bodies of the node, and a control socket for the command line.
package agent

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
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
	Interface string
	Node      string       // name; empty: the host's
	Address   netip.Prefix // on the network, invalid: 10.x.y.z/8 with the last three bytes of the hardware address
	Backend   string       // of link: "ring" or "packet"
	Impair    string       // what happens to the frames that are sent, see link.ParseImpairment
	Capture   io.Writer    // gets all frames as pcapng; may be nil
	Control   string       // path of the control socket
	Spin      time.Duration
	Logger    *slog.Logger
}

// Agent is a running agent.
type Agent struct {
	cfg  Config
	log  *slog.Logger
	dev  link.Device
	loop *engine.Loop
	ip   *ipx.Stack

	transports map[string]transport
	members    *nodes.Members
	home       *deputy.Home
	guest      *body.Guest
	server     *control.Server
	recent     history
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
	defer a.dev.Close()
	defer a.loop.Close()
	var err error
	if a.home, err = deputy.New(a.loop, cfg.Node, a.log, a.deputyEnded); err != nil {
		return err
	}
	if a.guest, err = body.New(a.loop, cfg.Node, a.log); err != nil {
		return err
	}
	if a.server, err = control.Listen(cfg.Control, a.answer); err != nil {
		return err
	}
	return a.run(ctx)
}

// openNetwork opens the device and builds the protocols on it.
func (a *Agent) openNetwork() error {
	impairment, err := link.ParseImpairment(a.cfg.Impair)
	if err != nil {
		return err
	}
	a.dev, err = link.Open(a.cfg.Interface, link.Options{Backend: a.cfg.Backend, Logger: a.log})
	if err != nil {
		return err
	}
	if a.cfg.Capture != nil {
		if a.dev, err = link.Tap(a.dev, a.cfg.Capture); err != nil {
			return err
		}
	}
	start := time.Now()
	if a.cfg.Impair != "" {
		a.dev = link.Impair(a.dev, impairment, func() time.Duration { return time.Since(start) })
	}
	if !a.cfg.Address.IsValid() {
		hw := a.dev.Addr()
		a.cfg.Address = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, hw[3], hw[4], hw[5]}), 8)
	}
	if a.ip, err = ipx.New(a.dev, ipx.Config{Prefix: a.cfg.Address, Logger: a.log}); err != nil {
		return errors.Join(err, a.dev.Close())
	}
	if a.loop, err = engine.New(a.dev, a.ip, engine.Options{Spin: a.cfg.Spin, Start: start, Logger: a.log}); err != nil {
		return errors.Join(err, a.dev.Close())
	}
	if err := a.openTransports(); err != nil {
		return errors.Join(err, a.loop.Close(), a.dev.Close())
	}
	port := a.ip.Port(nodes.Protocol)
	a.members = nodes.New(port, a.describe, a.log)
	a.ip.Handle(nodes.Protocol, a.members)
	a.loop.Add(a.members)
	return nil
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
	a.log.Info("agent ready", "interface", a.cfg.Interface, "address", a.cfg.Address, "hardware", a.dev.Addr(),
		"control", a.cfg.Control)
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
	a.log.Info("agent ended", "frames", a.dev.Stats(), "datagrams", a.ip.Stats())
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

var errNoAddress = errors.New("not an IPv4 address with its network, such as 10.77.0.1/24")

// ParseAddress parses an address with its network.
func ParseAddress(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil || !p.Addr().Is4() || binary.BigEndian.Uint32(p.Addr().AsSlice()) == 0 {
		return netip.Prefix{}, fmt.Errorf("%q: %w", s, errNoAddress)
	}
	return p, nil
}
