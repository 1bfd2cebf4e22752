package bench

import (
	"errors"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/bench/report"
	"deputy/internal/bench/tsc"
	"deputy/link"
	"deputy/wireproto"
)

// exchanges are those of our own layers.
func exchanges(t *testing.T, s *session, size int) map[string]exchange {
	t.Helper()
	all := map[string]exchange{
		report.Link: &frameExchange{session: s, size: size},
		report.IP:   newDatagramExchange(s, size),
	}
	for _, tr := range s.node.transports {
		bytes, err := newByteExchange(s, tr, size)
		if err != nil {
			t.Fatal(err)
		}
		messages, err := newMessageExchange(s, tr)
		if err != nil {
			t.Fatal(err)
		}
		all[tr.layer], all[tr.message] = bytes, messages
	}
	return all
}

func TestExchanges(t *testing.T) {
	for _, size := range []int{1, 24, 1460} {
		p := newNodePair(t, nil)
		for layer, x := range exchanges(t, p.session(t), size) {
			rtt, count, lost := p.slice(t, x, 100)
			if count != 100 || lost != 0 {
				t.Errorf("%s, %d bytes: %d rounds and %d lost, want 100 and 0", layer, size, count, lost)
			}
			if rtt.Min <= 0 || rtt.Min > rtt.P50 || rtt.P50 > rtt.P90 || rtt.P90 > rtt.P99 || rtt.P99 > rtt.Max {
				t.Errorf("%s: percentiles %+v", layer, rtt)
			}
		}
	}
}

// With much of what we send lost, all rounds that were asked for are done; where nothing below repairs
// it, losses are counted.
func TestExchangesWithLoss(t *testing.T) {
	im, err := link.ParseImpairment("loss=30%,seed=3")
	if err != nil {
		t.Fatal(err)
	}
	p := newNodePair(t, func(d link.Device, c *tsc.Clock) link.Device { return link.Impair(d, im, c.Now) })
	for layer, x := range exchanges(t, p.session(t), 24) {
		_, count, lost := p.slice(t, x, 10)
		repaired := layer != report.Link && layer != report.IP
		if count != 10 || repaired != (lost == 0) {
			t.Errorf("%s: %d rounds, %d lost", layer, count, lost)
		}
	}
}

// A peer that is gone ends a slice, and does not hang it.
func TestExchangeGone(t *testing.T) {
	p := newNodePair(t, func(d link.Device, c *tsc.Clock) link.Device { return &mute{Device: d} })
	s := p.session(t)
	x := &frameExchange{session: s, size: 24}
	p.a.dev.(*mute).on = true
	if _, err := p.a.slice(t.Context(), x, 1, report.NewHistogram()); !errors.Is(err, errGone) {
		t.Errorf("error %v, want errGone", err)
	}
}

// mute is a device that sends nothing any more.
type mute struct {
	link.Device
	on bool
}

func (m *mute) Send(n int) error {
	if m.on {
		return nil
	}
	return m.Device.Send(n)
}

// A round trip allocates nothing, on both sides together.
func TestExchangesAllocateNothing(t *testing.T) {
	p := newNodePair(t, nil)
	for layer, x := range exchanges(t, p.session(t), 24) {
		p.slice(t, x, 3000) // pools fill, tables grow, each of the 2,048 slots of the pair in memory gets its buffer
		const rounds = 500  // AllocsPerRun would leave both sides one processor
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range rounds {
			if err := x.round(); err != nil {
				t.Fatalf("%s: %v", layer, err)
			}
		}
		runtime.ReadMemStats(&after)
		if n := after.Mallocs - before.Mallocs; n > rounds/10 { // the runtime has some of its own
			t.Errorf("%s: %d allocations in %d round trips", layer, n, rounds)
		}
	}
}

// fakeConnection records what a responder does.
type fakeConnection struct {
	written []byte
	aborted bool
}

func (c *fakeConnection) Write(_ time.Duration, p []byte) int {
	c.written = append(c.written, p...)
	return len(p)
}
func (c *fakeConnection) Close(time.Duration) {}
func (c *fakeConnection) Abort(time.Duration) { c.aborted = true }

func TestResponder(t *testing.T) {
	closing := wireproto.AppendRequest(nil, 7, unix.SYS_CLOSE, []uint64{badDescriptor}, 0)
	other := wireproto.AppendRequest(nil, 8, unix.SYS_GETPID, nil, 0)
	if len(closing) != requestLen {
		t.Fatalf("request of %d bytes, want %d", len(closing), requestLen)
	}
	badf := wireproto.AppendResult(nil, 7, uint32(unix.EBADF), 0, wireproto.FlagTerminated)
	nosys := wireproto.AppendResult(nil, 8, uint32(unix.ENOSYS), 0, wireproto.FlagTerminated)
	if len(badf) != resultLen {
		t.Fatalf("result of %d bytes, want %d", len(badf), resultLen)
	}
	both := append(append([]byte(nil), closing...), other...)
	answers := append(append([]byte(nil), badf...), nosys...)
	for step := 1; step <= len(both); step++ { // in portions of every size
		c := &fakeConnection{}
		r := newResponder(c)
		for at := 0; at < len(both); at += step {
			portion := both[at:min(at+step, len(both))]
			if n := r.OnData(0, portion); n != len(portion) {
				t.Fatalf("%d of %d bytes taken", n, len(portion))
			}
		}
		if string(c.written) != string(answers) || c.aborted {
			t.Errorf("in portions of %d: answered %x, aborted %v", step, c.written, c.aborted)
		}
	}
	c := &fakeConnection{}
	newResponder(c).OnData(0, make([]byte, wireproto.HeaderLen))
	if !c.aborted || len(c.written) > 0 {
		t.Error("a message without type is taken")
	}
}
