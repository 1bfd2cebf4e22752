package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"deputy/internal/bench/report"
	"deputy/internal/bench/tsc"
	"deputy/link"
)

// PingPong measures round trips at every layer. If ctx ends during the measurement, the report is of what
// was done until then. Errors are one line and say what to do where something can be done.
func PingPong(ctx context.Context, o Options) (_ *report.Report, err error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	r, err := openRun(ctx, o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	quiet := quietCollector()
	defer quiet()
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	defer r.closing.remove()
	return r.measure(ctx)
}

// run is one measurement.
type run struct {
	o        Options
	pins     Pins
	at       *place
	dev      link.Device
	kernel   netip.Addr // address of our kernel on the interface
	thread   *thread
	node     *node
	session  *session
	subjects []*subject
	closing  *closing
	leftOut  []report.LeftOut
	idle     []report.Setting // what the idle connections take
}

// openRun finds or makes the place, opens the device and starts the measuring thread.
func openRun(ctx context.Context, o Options) (*run, error) {
	pins, err := ParsePins(o.Pin)
	if err != nil {
		return nil, err
	}
	r := &run{o: o, pins: pins, at: realPlace(o.Iface, o.Peer)}
	if o.Iface == "" {
		if r.at, err = ownPlace(ctx, o, pins); err != nil {
			return nil, err
		}
	}
	if err := r.open(); err != nil {
		return nil, errors.Join(err, r.at.close())
	}
	return r, nil
}

func (r *run) open() error {
	err := r.at.do(func() (err error) {
		r.dev, err = openDevice(r.at.iface, r.o.Link, r.o.Logger)
		r.kernel = kernelAddress(r.at.iface)
		return err
	})
	if err != nil {
		return err
	}
	if err = checkSize(r.o.Size, r.dev.MTU()); err == nil {
		r.node, err = newNode(tsc.New(), r.dev, r.o.Address)
	}
	if err == nil {
		r.thread, err = startThread(r.pins.Own)
	}
	if err != nil {
		_ = r.dev.Close()
		return err
	}
	r.node.park = r.at.own && r.pins.Shared()
	return nil
}

func (r *run) close() error {
	r.thread.stop()
	_ = r.dev.Close()
	return r.at.close()
}

// find finds the peer.
func (r *run) find() error {
	err := r.thread.do(func() (err error) {
		r.session, err = newSession(r.node, r.o.Peer)
		return err
	})
	if errors.Is(err, ErrNoPeer) {
		return r.at.noPeer(r.o.Peer)
	}
	if err != nil {
		return err
	}
	if err := checkSize(r.o.Size, r.session.peer.mtu); err != nil {
		return fmt.Errorf("peer %s: %w", r.session.peer.name, err)
	}
	return nil
}

// connect finds the peer, opens the connections, and lists what is measured.
func (r *run) connect(ctx context.Context) error {
	if err := r.find(); err != nil {
		return err
	}
	if err := r.thread.do(r.addOwn); err != nil {
		return err
	}
	r.addKernel(ctx)
	r.addClosing(ctx)
	return nil
}

// addOwn lists the layers of our own stack.
func (r *run) addOwn() error {
	const headers = ethernetHeaderLen + ipHeaderLen
	size, s := r.o.Size, r.session
	add := func(layer string, x exchange, payload, headers int) *subject {
		subject := ours(r.thread, r.node, layer, x, payload, headers)
		r.subjects = append(r.subjects, subject)
		return subject
	}
	if r.o.Idle > 0 {
		if err := r.openIdle(); err != nil {
			return err
		}
	}
	add(report.Link, &frameExchange{session: s, size: size}, size, ethernetHeaderLen)
	add(report.IP, newDatagramExchange(s, size), size, headers)
	for _, t := range r.node.transports {
		x, err := newByteExchange(s, t, size)
		if err != nil {
			return err
		}
		add(t.layer, x, size, headers+t.header).resent = x.resent
	}
	for _, t := range r.node.transports {
		x, err := newMessageExchange(s, t)
		if err != nil {
			return err
		}
		add(t.message, x, requestLen, headers+t.header).resent = x.resent
	}
	return nil
}

// addKernel lists the kernel's protocols.
func (r *run) addKernel(ctx context.Context) {
	layers := []struct {
		name string
		mode mode
	}{
		{report.KernelUDP, modeUDP}, {report.KernelUDPSpin, modeUDPSpin},
		{report.KernelTCP, modeTCP}, {report.KernelTCPSpin, modeTCPSpin},
	}
	why := ""
	switch {
	case !r.kernel.IsValid():
		why = fmt.Sprintf("the kernel has no IPv4 address on %s here", r.at.iface)
	case r.session.peer.kernel.IsUnspecified():
		why = "the peer's kernel has no IPv4 address on its interface"
	}
	if why != "" {
		r.leaveOut(why, report.KernelUDP, report.KernelUDPSpin, report.KernelTCP, report.KernelTCPSpin)
		return
	}
	for _, l := range layers {
		x := &kernelExchange{
			session: r.session, do: r.at.do, iface: r.at.iface, addr: r.kernel, in: l.mode, size: r.o.Size, ctx: ctx,
			out: make([]byte, r.o.Size), back: make([]byte, r.o.Size),
		}
		subject := ours(r.thread, r.node, l.name, x, r.o.Size, 0)
		subject.frame = func() int { return x.frame }
		subject.optional = true
		r.subjects = append(r.subjects, subject)
	}
}

// addClosing lists a remote close() over both transports, if there are agents to run it.
func (r *run) addClosing(ctx context.Context) {
	c, err := newClosing(ctx, r.at, r.o.Link, r.session.peer.name)
	if err != nil {
		r.leaveOut(err.Error(), report.CloseTCPMod, report.CloseRDP)
		return
	}
	r.closing = c
	for _, t := range r.node.transports {
		r.subjects = append(r.subjects, c.subject(t))
	}
	r.subjects = append(r.subjects, c.local())
}

func (r *run) leaveOut(why string, layers ...string) {
	r.leftOut = append(r.leftOut, report.LeftOut{Layers: layers, Why: why})
}

// measure does warm-up and slices, each with all layers in turn.
func (r *run) measure(ctx context.Context) (*report.Report, error) {
	for _, s := range r.subjects {
		s.times = report.NewHistogram()
		if err := s.add(ctx, warmUp(r.o.Count)); err != nil {
			return nil, fmt.Errorf("%s: %w", s.layer, err)
		}
		s.reset()
	}
	for _, rounds := range sliceSizes(r.o.Count) {
		for _, s := range r.subjects {
			if s.why != nil || ctx.Err() != nil {
				continue
			}
			if err := s.add(ctx, rounds); err != nil {
				return nil, fmt.Errorf("%s: %w", s.layer, err)
			}
		}
	}
	return r.report(ctx)
}

// report puts the rows in their order.
func (r *run) report(ctx context.Context) (*report.Report, error) {
	setup := append(append(r.setup(), r.idle...), report.Setting{Name: "rounds", Value: fmt.Sprintf(
		"%s of each layer in %s slices, layer by layer and again; %s before to warm up", report.Grouped(int64(r.o.Count)),
		report.Grouped(int64(len(sliceSizes(r.o.Count)))), report.Grouped(int64(warmUp(r.o.Count))))})
	out := &report.Report{Between: r.at.between, Setup: setup, LeftOut: r.leftOut, Interrupted: ctx.Err() != nil}
	for _, layer := range report.Layers {
		for _, s := range r.subjects {
			if s.layer != layer {
				continue
			}
			if s.why != nil {
				out.LeftOut = append(out.LeftOut, report.LeftOut{Layers: []string{layer}, Why: s.why.Error()})
			} else if s.times.TotalCount() > 0 {
				out.Rows = append(out.Rows, s.row())
			}
		}
	}
	if len(out.Rows) == 0 {
		return nil, context.Cause(ctx)
	}
	if r.closing != nil {
		out.LocalClose = r.closing.localMedian()
	}
	report.SetAdded(out.Rows)
	return out, nil
}
