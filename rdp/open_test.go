package rdp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"deputy/internal/wire"
)

// TestSYNSent: RFC 1151's order, RST, SYN, then ACK.
func TestSYNSent(t *testing.T) {
	const refused, reset = "end: rdp: connection refused", "end: rdp: connection reset by peer"
	for _, tc := range []struct {
		name, in  string
		out       []string
		state     State
		endsWith  string
		sequenced bool
	}{
		{name: "refused", in: "<SEQ=0><ACK=200><RST>", state: StateClosed, endsWith: refused},
		{name: "RST of another SYN", in: "<SEQ=0><ACK=199><RST>", state: StateSynSent},
		{name: "RST without ACK", in: "<SEQ=201><RST>", state: StateSynSent},
		{name: "ACK of another SYN", in: "<SEQ=101><ACK=150>", out: []string{"<SEQ=151><RST>"}, state: StateClosed, endsWith: reset},
		{name: "SYN with ACK of another SYN", in: "<SEQ=100><ACK=201><SYN>", out: []string{"<SEQ=202><RST>"}, state: StateClosed, endsWith: reset},
		{name: "ACK without SYN", in: "<SEQ=101><ACK=200>", state: StateSynSent},
		{name: "data", in: "<SEQ=101><ACK=200><Data=x>", state: StateSynSent},
		{name: "NUL", in: "<SEQ=101><NUL>", state: StateSynSent},
		{name: "SYN", in: "<SEQ=100><SYN>", out: []string{"<SEQ=200><ACK=100><SYN>"}, state: StateSynReceived},
		{name: "SYN,ACK", in: "<SEQ=100><ACK=200><SYN>", out: []string{"<SEQ=201><ACK=100>"}, state: StateOpen, endsWith: "open"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inState(t, StateSynSent, Options{})
			s.in(tc.in)
			s.out(tc.out...)
			s.state(tc.state)
			if tc.endsWith != "" {
				s.events(tc.endsWith)
			} else {
				s.events()
			}
			if tc.state == StateClosed {
				s.idle()
			}
		})
	}
}

func TestSYNReceived(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		out      []string
		state    State
	}{
		{name: "RST", in: "<SEQ=101><RST>", state: StateClosed},
		{name: "RST outside the window", in: "<SEQ=100><RST>", state: StateSynReceived},
		{name: "RST far outside", in: "<SEQ=613><RST>", state: StateSynReceived},
		{name: "ACK of another SYN", in: "<SEQ=101><ACK=201>", out: []string{"<SEQ=202><RST>"}, state: StateClosed},
		{name: "EACK", in: "<SEQ=101><ACK=200><EA=202>", out: []string{"<SEQ=201><RST>"}, state: StateClosed},
		{name: "another SYN", in: "<SEQ=300><SYN>", out: []string{"<SEQ=201><ACK=100>"}, state: StateSynReceived},
		{name: "SYN with ACK of another SYN", in: "<SEQ=100><ACK=150><SYN>", out: []string{"<SEQ=151><RST>"}, state: StateClosed},
		{name: "SYN,ACK", in: "<SEQ=100><ACK=200><SYN>", state: StateOpen},
		{name: "ACK", in: "<SEQ=101><ACK=200>", state: StateOpen},
		{name: "data", in: "<SEQ=101><ACK=200><Data=x>", out: []string{"<SEQ=201><ACK=101>"}, state: StateOpen},
		{name: "data out of order", in: "<SEQ=103><ACK=200><Data=x>", out: []string{"<SEQ=201><ACK=100><EA=103>"}, state: StateOpen},
		{name: "data outside the window", in: "<SEQ=613><ACK=200><Data=x>", out: []string{"<SEQ=201><ACK=100>"}, state: StateSynReceived},
		{name: "NUL", in: "<SEQ=101><ACK=200><NUL>", out: []string{"<SEQ=201><ACK=101>"}, state: StateOpen},
		{name: "NUL without ACK", in: "<SEQ=101><NUL>", state: StateSynReceived},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := inState(t, StateSynReceived, Options{})
			s.in(tc.in)
			s.out(tc.out...)
			s.state(tc.state)
			if tc.state == StateClosed {
				s.idle()
				s.in("<SEQ=100><SYN>") // the listener is still there
				s.out("<SEQ=200><ACK=100><SYN>")
			}
		})
	}
}

// TestClosedAndListen: what gets which RST (RFC 1151), and what none.
func TestClosedAndListen(t *testing.T) {
	for _, listening := range []bool{false, true} {
		for in, want := range map[string]string{
			"<SEQ=100><ACK=300>":           "<SEQ=301><RST>",
			"<SEQ=100><ACK=300><Data=x>":   "<SEQ=301><RST>",
			"<SEQ=100><ACK=300><EA=302>":   "<SEQ=301><RST>",
			"<SEQ=100><ACK=300><NUL>":      "<SEQ=301><RST>",
			"<SEQ=100><NUL>":               "<SEQ=0><ACK=100><RST>",
			"<SEQ=100><ACK=300><SYN>":      "<SEQ=301><RST>",
			"<SEQ=100><RST>":               "",
			"<SEQ=100><ACK=300><RST>":      "",
			"<SEQ=100><ACK=-2><Data=wrap>": "<SEQ=4294967295><RST>",
		} {
			s := newScript(t)
			if listening {
				s.listen(Options{})
			}
			s.in(in)
			if want == "" {
				s.out()
			} else {
				s.out(want)
			}
			s.idle()
		}
	}
	s := newScript(t)
	s.in("<SEQ=100><SYN>")
	s.out("<SEQ=0><ACK=100><RST>")
}

// TestSYNIsRepeated with backoff, and given up after about 4 s.
func TestSYNIsRepeated(t *testing.T) {
	s := inState(t, StateSynSent, Options{})
	var gaps []time.Duration
	last := time.Duration(0)
	for s.r.State() == StateSynSent {
		s.waitFor(5 * time.Second)
		if s.r.State() == StateSynSent {
			s.sent("<SEQ=200><SYN>")
			gaps = append(gaps, s.now-last)
			last = s.now
		}
	}
	s.sent("<SEQ=201><RST>")
	s.events("end: rdp: peer does not answer: connection timed out")
	if len(gaps) != openRetries {
		t.Errorf("%d retransmissions, want %d", len(gaps), openRetries)
	}
	for i, want := 0, initialRTO; i < len(gaps); i, want = i+1, min(2*want, DefaultMaxRTO) {
		if gaps[i] != want {
			t.Errorf("retransmission %d after %v, want %v", i, gaps[i], want)
		}
	}
	s.idle()
}

// TestSYNACKIsRepeated: a lost SYN,ACK, and one whose ACK is lost.
func TestSYNACKIsRepeated(t *testing.T) {
	s := inState(t, StateSynReceived, Options{})
	s.wait(initialRTO)
	s.sent("<SEQ=200><ACK=100><SYN>")
	s.wait(time.Minute) // never answered
	s.port.out = nil
	s.idle()
}

func TestCloseBeforeOpen(t *testing.T) {
	for _, call := range []func(*Record, time.Duration){(*Record).Close, (*Record).Abort} {
		s := inState(t, StateSynSent, Options{})
		call(s.r, s.now)
		s.out("<SEQ=201><RST>")
		s.events("end: use of closed network connection")
		s.idle()
		call(s.r, s.now)
		s.events()
	}
}

func TestUnlisten(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	open := s.r
	b := s.encode("<SEQ=100><SYN>")
	b[offSource] = 1
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	s.port.out = nil
	s.e.Unlisten(s.now, scriptLocal)
	if len(s.port.out) != 1 || Header(s.port.out[0]).Flags() != RST {
		t.Errorf("sent %x, want one RST to the half-open connection", s.port.out)
	}
	s.port.out = nil
	s.e.Unlisten(s.now, scriptLocal)
	if open.State() != StateOpen || s.e.Stats().Connections != 1 {
		t.Errorf("state %v, %d connections", open.State(), s.e.Stats().Connections)
	}
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	if len(s.port.out) != 1 || Header(s.port.out[0]).Flags() != RST|ACK {
		t.Errorf("a SYN to the closed listener is answered with %x", s.port.out)
	}
}

// TestAcceptRefuses: nil events reset the connection.
func TestAcceptRefuses(t *testing.T) {
	s := newScript(t)
	err := s.e.Listen(scriptLocal, Options{}, func(_ time.Duration, r *Record) Events { s.r = r; return nil })
	if err != nil {
		t.Fatal(err)
	}
	s.in("<SEQ=100><SYN>")
	s.in("<SEQ=101><ACK=200><Data=x>")
	s.sent("<SEQ=200><ACK=100><SYN>", "<SEQ=201><RST>")
	s.in("<SEQ=102><ACK=200><Data=x>")
	s.sent("<SEQ=201><RST>")
	s.wait(time.Minute)
	s.port.out = nil
	s.idle()
}

func TestDialAndListenErrors(t *testing.T) {
	s := newScript(t)
	v6 := netip.MustParseAddrPort("[fe80::1]:80")
	for _, remote := range []netip.AddrPort{{}, v6, netip.AddrPortFrom(wire.Addrs[1], 0)} {
		if _, err := s.e.Dial(0, remote, Options{}, s.user); err != ErrAddress {
			t.Errorf("Dial(%v): %v", remote, err)
		}
	}
	s.dial(Options{})
	if _, err := s.e.Dial(0, scriptPeerAddr, Options{LocalPort: scriptLocal}, s.user); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Dial with the same ports: %v", err)
	}
	if err := s.e.Listen(0, Options{}, nil); err != ErrAddress {
		t.Errorf("Listen(0): %v", err)
	}
	s.listen(Options{})
	if err := s.e.Listen(scriptLocal, Options{}, nil); err != ErrPortInUse {
		t.Errorf("second Listen: %v", err)
	}
	for name, o := range map[string]Options{
		"Outstanding":          {Outstanding: 1 << 16},
		"negative Outstanding": {Outstanding: -1},
		"small SegmentSize":    {SegmentSize: MinSegmentSize - 1},
		"large SegmentSize":    {SegmentSize: scriptMTU + 21},
		"SendBuffer":           {SendBuffer: -1},
		"Backlog":              {Backlog: -1},
		"MinRTO":               {MinRTO: AckDelay},
		"MaxRTO":               {MaxRTO: DefaultMinRTO - 1},
		"RetryLimit":           {RetryLimit: 201},
		"Linger":               {Linger: -1},
		"CloseWait":            {CloseWait: -1},
	} {
		if _, err := s.e.Dial(0, netip.AddrPortFrom(wire.Addrs[1], 1), o, s.user); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: Dial: %v", name, err)
		}
		if err := s.e.Listen(1, o, nil); !errors.Is(err, ErrOptions) {
			t.Errorf("%s: Listen: %v", name, err)
		}
	}
	if err := s.r.WriteMessage(0, []byte("x")); !errors.Is(err, syscall.ENOTCONN) {
		t.Errorf("WriteMessage before OPEN: %v", err)
	}
	s.r.Abort(s.now)
	if err := s.r.WriteMessage(0, []byte("x")); err != net.ErrClosed {
		t.Errorf("WriteMessage after Abort: %v", err)
	}
}

// TestEphemeralPorts: all of them are given out, no two connections to one peer have the same, and then there are none.
func TestEphemeralPorts(t *testing.T) {
	s := newScript(t)
	seen := make(map[uint16]bool)
	for range lastEphemeral - firstEphemeral + 1 {
		r, err := s.e.Dial(0, scriptPeerAddr, Options{}, s.user)
		if err != nil {
			t.Fatalf("after %d: %v", len(seen), err)
		}
		port := r.LocalAddr().Port()
		if port < firstEphemeral || seen[port] {
			t.Fatalf("port %d", port)
		}
		seen[port] = true
		s.port.out = nil
	}
	if _, err := s.e.Dial(0, scriptPeerAddr, Options{}, s.user); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("one too many: %v", err)
	}
	if _, err := s.e.Dial(0, netip.AddrPortFrom(wire.Addrs[1], 7), Options{}, s.user); err != nil {
		t.Errorf("to another port: %v", err)
	}
}

// TestISS: another for every connection and key, and growing with time (RFC 6528).
func TestISS(t *testing.T) {
	s := newScript(t)
	s.e.fixedISS = nil
	a, b := netip.AddrPortFrom(wire.Addrs[0], 1), netip.AddrPortFrom(wire.Addrs[1], 2)
	first := s.e.iss(0, a, b)
	if got := s.e.iss(time.Second, a, b); got-first != uint32(time.Second/issTick) {
		t.Errorf("%d after a second", got-first)
	}
	if s.e.iss(0, b, a) == first {
		t.Error("the same in the other direction")
	}
	other := New(&s.port, Config{})
	if other.iss(0, a, b) == first {
		t.Error("the same with another key")
	}
}
