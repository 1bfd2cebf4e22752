package ipx

import (
	"errors"
	"testing"
	"time"

	"deputy/link"
)

func TestAnnounce(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	run(t, h, []step{
		{1 * time.Second, func(h *host, now time.Duration) { h.Announce(now) }, []string{heraldA}},
		{2999 * ms, nil, nil},
		{3000 * ms, nil, []string{heraldA}},
		{time.Hour, nil, nil},
	})
	if h.Deadline() != Never {
		t.Errorf("deadline %v", h.Deadline())
	}
}

// answers records the calls of Probe's done.
type answers []error

func (a *answers) done(_ time.Duration, err error) { *a = append(*a, err) }

func TestProbe(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	var got answers
	run(t, h, []step{
		{0, func(h *host, now time.Duration) { h.Probe(now, 10*ms, got.done) }, []string{probeA}},
		{5 * ms, func(h *host, now time.Duration) {
			if err := h.send(now, addrB, "x"); !errors.Is(err, ErrNotClaimed) {
				t.Errorf("sent while probing: %v", err)
			}
			h.Announce(now) // not ours to announce
		}, nil},
		{6 * ms, input(requestB), nil}, // nor to answer for
		{7 * ms, input(ipFrame(t, "early", nil)), nil},
		{10 * ms, nil, []string{probeA}},
		{20 * ms, nil, []string{probeA}},
		{29 * ms, nil, nil},
		{30 * ms, nil, []string{heraldA}},
		{31 * ms, input(requestB), []string{tellB}},
		{32 * ms, sendTo(addrB, "x"), []string{fromB("x")}},
		{2030 * ms, nil, []string{heraldA}},
	})
	if len(got) != 1 || got[0] != nil {
		t.Errorf("done with %v, want one nil", got)
	}
	if stats := h.Stats(); stats.Input.OtherAddress != 1 || stats.Output.NotClaimed != 1 || stats.AddressConflicts != 0 || len(h.got) != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestProbeConflict(t *testing.T) {
	for _, test := range []struct {
		name  string
		frame []byte
	}{
		{"reply", arpFrame(hwA, arpReply, hwC, addrA, hwA, nobody)},
		{"request from it", arpFrame(link.Broadcast, arpRequest, hwC, addrA, hwNil, addrB)},
		{"announcement", arpFrame(link.Broadcast, arpRequest, hwC, addrA, hwNil, addrA)},
		{"probe for it", arpFrame(link.Broadcast, arpRequest, hwC, nobody, hwNil, addrA)},
	} {
		h := newHost(t, prefixA, hwA)
		var got answers
		h.Probe(0, 10*ms, got.done)
		h.frames()
		run(t, h, []step{
			{9 * ms, input(test.frame), nil},
			{9 * ms, input(test.frame), nil},
			{time.Hour, func(h *host, now time.Duration) {
				if err := h.send(now, addrB, "x"); !errors.Is(err, ErrNotClaimed) {
					t.Errorf("%s: sent: %v", test.name, err)
				}
			}, nil},
		})
		var conflict *ConflictError
		if len(got) != 1 || !errors.Is(got[0], ErrConflict) || !errors.As(got[0], &conflict) ||
			conflict.Addr != addrA || conflict.Hardware != hwC {
			t.Fatalf("%s: done with %v", test.name, got)
		}
		if want := "ipx: address in use: 10.77.0.1 by 02:00:00:00:00:0c"; conflict.Error() != want {
			t.Errorf("%s: %q", test.name, conflict.Error())
		}
		// A new attempt is free to succeed.
		h.Probe(2*time.Hour, 10*ms, got.done)
		h.advanceTo(2*time.Hour + 30*ms)
		if len(got) != 2 || got[1] != nil || h.Stats().AddressConflicts != 2 {
			t.Errorf("%s: second attempt: %v, %+v", test.name, got, h.Stats())
		}
	}
}

// Others' probes and requests for other addresses are no conflict.
func TestProbeUndisturbed(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	var got answers
	h.Probe(0, 10*ms, got.done)
	h.Input(ms, arpFrame(link.Broadcast, arpRequest, hwC, nobody, hwNil, addrC))
	h.Input(ms, arpFrame(link.Broadcast, arpRequest, hwC, addrC, hwNil, addrB))
	h.Input(ms, arpFrame(hwA, arpReply, hwC, nobody, hwNil, addrA))
	h.advanceTo(30 * ms)
	if len(got) != 1 || got[0] != nil {
		t.Errorf("done with %v", got)
	}
}

// Another host that uses our address is told once in ten seconds, and doesn't
// get into the table; one that probes for it gets an answer.
func TestDefend(t *testing.T) {
	rival := arpFrame(link.Broadcast, arpRequest, hwC, addrA, hwNil, addrA)
	h := newHost(t, prefixA, hwA)
	run(t, h, []step{
		{0, input(rival), []string{heraldA}},
		{1 * ms, input(rival), nil},
		{10*time.Second - 1, input(rival), nil},
		{10 * time.Second, input(rival), []string{heraldA}},
		{11 * time.Second, input(arpFrame(hwA, arpReply, hwC, addrA, hwA, addrB)), nil},
		{12 * time.Second, input(arpFrame(link.Broadcast, arpRequest, hwC, nobody, hwNil, addrA)),
			[]string{"tell 10.77.0.1 0.0.0.0 to 02:00:00:00:00:0c"}},
	})
	if stats := h.Stats(); stats.AddressConflicts != 5 || stats.Neighbours != 0 {
		t.Errorf("%+v", stats)
	}
}

// A second Probe takes the place of the first, whose done is never called.
func TestProbeAgain(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	var first, second answers
	h.Probe(0, 10*ms, first.done)
	h.Probe(5*ms, 10*ms, second.done)
	h.advanceTo(time.Second)
	if len(first) != 0 || len(second) != 1 || second[0] != nil {
		t.Errorf("done with %v and %v", first, second)
	}
}
