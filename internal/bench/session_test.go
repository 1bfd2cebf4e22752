package bench

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestSessionFindsPeer(t *testing.T) {
	p := newNodePair(t, nil)
	for _, wanted := range []string{"", "b", "198.18.0.11", "02:00:00:00:00:0b"} {
		s, err := newSession(p.a, wanted)
		if err != nil {
			t.Fatalf("peer %q: %v", wanted, err)
		}
		if s.peer.name != "b" || s.peer.hardware != addrB || s.peer.addr != p.peer.info.addr || s.peer.mtu != 1500 ||
			!s.peer.kernel.IsUnspecified() {
			t.Errorf("peer %q says of itself %+v", wanted, s.peer)
		}
	}
}

func TestSessionNoPeer(t *testing.T) {
	p := newNodePair(t, nil)
	from := p.a.clock.Now()
	if _, err := newSession(p.a, "c"); !errors.Is(err, ErrNoPeer) {
		t.Errorf("error %v, want ErrNoPeer", err)
	}
	if took := p.a.clock.Now() - from; took < replyTimeout {
		t.Errorf("gave up after %v", took)
	}
}

// A mode that the peer cannot enter is an error with its reason, and the peer is as it was.
func TestSessionRefused(t *testing.T) {
	p := newNodePair(t, nil)
	s := p.session(t)
	_, err := s.enterMode(modeUDP, 24, netip.MustParseAddrPort("192.0.2.1:7"))
	if err == nil || !strings.Contains(err.Error(), "none") { // the interface of newNodePair
		t.Errorf("error %v, want one that names the interface", err)
	}
	if err := s.enterDevice(); err != nil {
		t.Error(err)
	}
}

// The peer serves one measuring side at a time.
func TestPeerBusy(t *testing.T) {
	p := newNodePair(t, nil)
	first := p.session(t)
	if _, err := first.enterMode(modeDevice, 0, netip.AddrPort{}); err != nil {
		t.Fatal(err)
	}
	other, err := newNode(p.a.clock, p.a.dev, netip.MustParseAddr("198.18.0.99"))
	if err != nil {
		t.Fatal(err)
	}
	other.park = true
	second, err := newSession(other, "b")
	if err != nil {
		t.Fatal(err)
	}
	_, err = second.enterMode(modeDevice, 0, netip.AddrPort{})
	if err == nil || !strings.Contains(err.Error(), "busy: measuring with 198.18.0.10") {
		t.Errorf("error %v, want that the peer is busy", err)
	}
}

// A peer of another version is told of as such, once nobody else has answered.
func TestSessionOtherVersion(t *testing.T) {
	p := newNodePair(t, nil)
	s := p.session(t)
	foreign := (&control{kind: kindWelcome}).append(nil)
	foreign[4] = controlVersion + 1
	p.a.stack.Handle(protocolControl, handlerFunc(func(now time.Duration, src, dst netip.Addr, _ []byte) {
		s.Receive(now, src, dst, foreign)
	}))
	_, err := s.enterMode(modeDevice, 0, netip.AddrPort{})
	if !errors.Is(err, errControlVersion) {
		t.Errorf("error %v, want errControlVersion", err)
	}
}

// handlerFunc is a function as an ipx.Handler.
type handlerFunc func(now time.Duration, src, dst netip.Addr, payload []byte)

func (f handlerFunc) Receive(now time.Duration, src, dst netip.Addr, payload []byte) {
	f(now, src, dst, payload)
}

// To a measuring side of another version the peer shows its own.
func TestPeerAnswersOtherVersion(t *testing.T) {
	p := newNodePair(t, nil)
	p.session(t)
	var answer []byte
	heard := false
	p.a.stack.Handle(protocolControl, handlerFunc(func(_ time.Duration, _, _ netip.Addr, payload []byte) {
		answer, heard = append([]byte(nil), payload...), true
	}))
	request := (&control{kind: kindHello}).append(nil)
	request[4] = controlVersion + 1
	port := p.a.stack.Port(protocolControl)
	now := p.a.clock.Now()
	if err := port.Send(now, p.peer.info.addr, copy(port.Buffer(), request)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.a.until(&heard, now+replyTimeout); err != nil {
		t.Fatal(err)
	}
	if len(answer) < controlHeaderLen || string(answer[:4]) != controlMagic || answer[4] != controlVersion {
		t.Errorf("answer %x", answer)
	}
}
