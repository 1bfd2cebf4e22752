package ipx

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deputy/internal/checksum"
	"deputy/link"
)

// trainKeeper is a device that keeps trains.
type trainKeeper struct {
	*device
	off   bool
	train [link.HeaderLen + link.MaxTrain]byte
	calls [][4]int
}

func (d *trainKeeper) Trains() bool        { return !d.off }
func (d *trainKeeper) TrainBuffer() []byte { return d.train[:] }
func (d *trainKeeper) SendTrain(n, transport, header, size int) error {
	d.calls = append(d.calls, [4]int{n, transport, header, size})
	return d.err
}

// A train goes where the last datagram went, behind the same headers; each of its segments counts as a datagram and
// has an identification of its own.
func TestTrain(t *testing.T) {
	dev := &trainKeeper{device: newDevice(hwA, testMTU)}
	s, err := New(dev, Config{Prefix: prefixA})
	if err != nil {
		t.Fatal(err)
	}
	p := s.Port(6)
	if n := p.MaxTrain(addrB); n != 0 {
		t.Errorf("a train of %d bytes to a host that nothing was sent to", n)
	}
	s.learn(0, addrB, hwB, true)
	if err := p.Send(0, addrB, 8); err != nil {
		t.Fatal(err)
	}
	id := binary.BigEndian.Uint16(dev.sent[0][link.HeaderLen+offIdentification:])
	if n := p.MaxTrain(addrB); n != maxPayload || len(p.TrainBuffer()) < n {
		t.Errorf("at most %d bytes, a buffer of %d", n, len(p.TrainBuffer()))
	}
	if n := p.MaxTrain(addrC); n != 0 {
		t.Errorf("a train of %d bytes to another host", n)
	}
	if err := p.SendTrain(0, addrB, 20+2*1460+1, 20, 1460); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][4]int{{frameHeaderLen + 2941, frameHeaderLen, frameHeaderLen + 20, 1460}}, dev.calls); d != "" {
		t.Error(d)
	}
	h := Header(dev.train[link.HeaderLen:])
	if h.Destination() != addrB || h.Protocol() != 6 || binary.BigEndian.Uint16(h[offTotalLength:]) != 20+2941 ||
		binary.BigEndian.Uint16(h[offIdentification:]) != id+1 || checksum.Fold(checksum.Sum(h[:HeaderLen], 0)) != 0 ||
		link.Addr(dev.train[:]) != hwB {
		t.Errorf("headers % x", dev.train[:frameHeaderLen])
	}
	if got := s.Stats(); got.DatagramsSent != 4 || got.BytesSent != 8+2941+2*20 {
		t.Errorf("%d datagrams of %d bytes", got.DatagramsSent, got.BytesSent)
	}
	if err := p.Send(0, addrB, 8); err != nil {
		t.Fatal(err)
	}
	if next := binary.BigEndian.Uint16(dev.sent[1][link.HeaderLen+offIdentification:]); next != id+4 {
		t.Errorf("identification %d after a train of 3 that followed %d", next, id)
	}
	if err := p.SendTrain(0, netip.MustParseAddr("10.77.0.9"), 3000, 20, 1460); err == nil {
		t.Error("a train to whom nothing was sent")
	}
}

// A device that takes none, or a path with a smaller MTU.
func TestNoTrain(t *testing.T) {
	dev := &trainKeeper{device: newDevice(hwA, testMTU), off: true}
	s, err := New(dev, Config{Prefix: prefixA})
	if err != nil {
		t.Fatal(err)
	}
	s.learn(0, addrB, hwB, true)
	p := s.Port(6)
	if err := p.Send(0, addrB, 8); err != nil {
		t.Fatal(err)
	}
	if n := p.MaxTrain(addrB); n != 0 {
		t.Errorf("a train of %d bytes on a device that takes none", n)
	}
}
