package ipx

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/ip4defrag"
	"github.com/google/gopacket/layers"

	"deputy/link"
)

// randomBytes makes n bytes that no other seed makes.
func randomBytes(seed uint64, n int) []byte {
	random := rand.New(rand.NewPCG(seed, 77))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return b
}

// cut divides b into pieces at random, some of them empty.
func cut(random *rand.Rand, b []byte) [][]byte {
	var pieces [][]byte
	for len(b) > 0 {
		n := min(len(b), random.IntN(1+random.IntN(4000)))
		pieces, b = append(pieces, b[:n]), b[n:]
	}
	return append(pieces, nil)
}

// reassemble puts the fragments of one datagram together as gopacket does.
func reassemble(t *testing.T, frames [][]byte) []byte {
	t.Helper()
	defragmenter := ip4defrag.NewIPv4Defragmenter()
	for i, frame := range frames {
		_, ip := decodeIPv4(t, frame)
		whole, err := defragmenter.DefragIPv4(ip)
		if err != nil {
			t.Fatalf("fragment %d of %d: %v", i, len(frames), err)
		}
		if whole != nil {
			if i != len(frames)-1 {
				t.Fatalf("whole after %d of %d fragments", i+1, len(frames))
			}
			return whole.Payload
		}
	}
	t.Fatalf("not whole after %d fragments", len(frames))
	return nil
}

// What SendDatagram sends gopacket puts together again, and a stack too.
func TestSendDatagram(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, test := range []struct{ mtu, size, frames int }{
		{1500, 0, 1}, {1500, 1, 1}, {1500, 1480, 1}, {1500, 1481, 2}, {1500, 2960, 2}, {1500, 2961, 3}, {1500, 65515, 45},
		{1501, 1481, 1}, {1501, 1482, 2}, {1501, 2961, 2}, // the last may carry more than a multiple of 8
		{68, 48, 1}, {68, 49, 2}, {68, 60000, 1250}, {68, 65515, 1365}, {9000, 65515, 8}, {65535, 65515, 1},
	} {
		a := newHostMTU(t, prefixA, hwA, test.mtu)
		b := newHostMTU(t, mustPrefix("10.77.0.2/24"), hwB, test.mtu)
		a.knowsB(0)
		payload := randomBytes(uint64(test.size), test.size)
		if err := a.port.SendDatagram(0, addrB, cut(random, payload)...); err != nil {
			t.Fatal(err)
		}
		frames := a.frames()
		if len(frames) != test.frames {
			t.Fatalf("MTU %d: %d bytes in %d frames, want %d", test.mtu, test.size, len(frames), test.frames)
		}
		for i, frame := range frames {
			ethernet, ip := decodeIPv4(t, frame)
			isWhole, isLast := len(frames) == 1, i == len(frames)-1
			if link.Addr(ethernet.DstMAC) != hwB || len(frame) > link.HeaderLen+test.mtu || ip.TTL != 64 ||
				(ip.Flags&layers.IPv4DontFragment != 0) != isWhole || (ip.Flags&layers.IPv4MoreFragments != 0) == isLast ||
				!isLast && len(ip.Payload) != (test.mtu-HeaderLen)&^7 {
				t.Fatalf("MTU %d, %d bytes, fragment %d: %+v", test.mtu, test.size, i, ip)
			}
			b.Input(0, frame)
		}
		// gopacket refuses a last fragment of less than 8 bytes, or beyond 65464.
		_, last := decodeIPv4(t, frames[len(frames)-1])
		isTaken := len(last.Payload) >= 8 && last.FragOffset <= 8183
		if len(frames) > 1 && isTaken && !bytes.Equal(reassemble(t, frames), payload) {
			t.Errorf("MTU %d, %d bytes: gopacket reassembles another datagram", test.mtu, test.size)
		}
		if len(b.got) != 1 || b.got[0].payload != string(payload) || b.got[0].src != addrA || b.got[0].dst != addrB {
			t.Errorf("MTU %d, %d bytes: %d datagrams received: %+v", test.mtu, test.size, len(b.got), b.Stats())
		}
		want := uint64(0)
		if test.frames > 1 {
			want = uint64(test.frames)
		}
		if stats := a.Stats(); stats.FragmentsSent != want || stats.DatagramsSent != 1 || stats.BytesSent != uint64(test.size) {
			t.Errorf("MTU %d, %d bytes: %+v", test.mtu, test.size, stats)
		}
		accounted(t, a.Stack)
		accounted(t, b.Stack)
	}
}

// Each datagram that is fragmented has the next identification, and what goes
// between them doesn't use any up.
func TestFragmentIdentification(t *testing.T) {
	a := newHost(t, prefixA, hwA)
	a.knowsB(0)
	var got []uint16
	for range 3 {
		if err := a.port.SendDatagram(0, addrB, make([]byte, 2000)); err != nil {
			t.Fatal(err)
		}
		for _, frame := range a.frames() {
			_, ip := decodeIPv4(t, frame)
			got = append(got, ip.Id)
		}
		_ = a.send(0, addrB, "between")
		a.frames()
	}
	if diff := cmp.Diff([]uint16{1, 1, 2, 2, 3, 3}, got); diff != "" {
		t.Error(diff)
	}
}

func TestSendDatagramErrors(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	if got := h.port.MaxDatagram(); got != 65515 {
		t.Errorf("at most %d bytes", got)
	}
	big := make([]byte, 65516)
	for _, test := range []struct {
		dst  netip.Addr
		size int
		err  error // of the device
		want error
	}{
		{addrB, 65516, nil, ErrLength},
		{mustAddr("10.78.0.2"), 3000, nil, ErrNoRoute},
		{addrB, 3000, errDevice, errDevice},
		{addrB, 30, errDevice, errDevice},
	} {
		h.dev.err = test.err
		before := h.Stats()
		if err := h.port.SendDatagram(0, test.dst, big[:test.size]); !errors.Is(err, test.want) {
			t.Errorf("%d bytes to %s: %v, want %v", test.size, test.dst, err, test.want)
		}
		if after := h.Stats(); after.Output.Total() != before.Output.Total()+1 || after.DatagramsSent != before.DatagramsSent {
			t.Errorf("%d bytes to %s: %+v", test.size, test.dst, after.Output)
		}
	}
}

// Datagrams of any size wait for their neighbour, and for their turn in the
// loopback.
func TestLargeDatagramsWait(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	b := newHost(t, mustPrefix("10.77.0.2/24"), hwB)
	var want, looped []string
	for i, n := range []int{10, 65515, 1480, 1481, 30_000} {
		payload := string(randomBytes(uint64(i), n))
		for dst, list := range map[netip.Addr]*[]string{addrB: &want, addrA: &looped} {
			if err := h.port.SendDatagram(0, dst, []byte(payload[:n/2]), []byte(payload[n/2:])); err != nil {
				t.Fatal(err)
			}
			*list = append(*list, payload)
		}
	}
	accounted(t, h.Stack)
	h.Advance(0)
	if diff := cmp.Diff(looped, payloads(h.got)); diff != "" {
		t.Errorf("looped: %s", diff)
	}
	h.frames()
	h.Input(0, replyB)
	for _, frame := range h.frames() {
		b.Input(0, frame)
	}
	if diff := cmp.Diff(want, payloads(b.got)); diff != "" {
		t.Errorf("sent: %s", diff)
	}
	if h.small.lent != 0 || h.large.lent != 0 {
		t.Errorf("%d and %d buffers are lent", h.small.lent, h.large.lent)
	}
	accounted(t, h.Stack)
}

// The buffers for large datagrams are bounded, and small ones don't need them.
func TestLargeBuffersAreBounded(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	full := 0
	for i := range maxLargeBuffers + 5 {
		dst := netip.AddrFrom4([4]byte{10, 77, 0, byte(10 + i)})
		switch err := h.port.SendDatagram(0, dst, make([]byte, 5000)); {
		case errors.Is(err, ErrQueueFull):
			full++
		case err != nil:
			t.Fatal(err)
		}
	}
	if full != 5 || h.large.lent != maxLargeBuffers {
		t.Errorf("%d had no room, %d buffers lent", full, h.large.lent)
	}
	if err := h.send(0, addrB, "small"); err != nil {
		t.Error(err)
	}
	h.advanceTo(10_000 * ms)
	if h.large.lent != 0 {
		t.Errorf("%d buffers lent after their neighbours failed", h.large.lent)
	}
	accounted(t, h.Stack)
}

// Of the options, later fragments have those whose copied flag is set (RFC 791,
// section 3.1).
func TestCopiedOptions(t *testing.T) {
	for _, test := range []struct{ name, options, want string }{
		{"none", "", ""},
		{"record route", "\x07\x07\x04\x00\x00\x00\x00\x00", ""},
		{"loose source route", "\x83\x07\x04\x01\x02\x03\x04\x00", "\x83\x07\x04\x01\x02\x03\x04\x00"},
		{"security behind record route", "\x01\x07\x03\x04\x82\x03\xaa\x00", "\x82\x03\xaa\x00"},
		{"end before", "\x00\x82\x03\xaa", ""},
		{"length 0", "\x82\x00\x82\x03", ""},
		{"length beyond", "\x01\x01\x82\x03", ""},
		{"no length", "\x01\x01\x01\x82", ""},
	} {
		header := append(make(Header, HeaderLen), test.options...)
		header[offVersionIHL] = 4<<4 | uint8(len(header)/4)
		got := header.withCopiedOptions()
		if string(got[HeaderLen:]) != test.want || got.HeaderLen() != len(got) {
			t.Errorf("%s: %q, want %q in a header of %d bytes", test.name, got[HeaderLen:], test.want, got.HeaderLen())
		}
	}
}

func payloads(got []delivered) []string {
	var all []string
	for _, d := range got {
		all = append(all, d.payload)
	}
	return all
}

// What a fragmented datagram costs against its pieces, without a device.
func BenchmarkSendDatagram(b *testing.B) {
	for _, size := range []int{1480, 8 << 10, 64<<10 - 21} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			_, port, _, _ := steady(b, 44)
			payload := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if err := port.SendDatagram(0, addrB, payload[:100], payload[100:]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A host that starts again at once counts from elsewhere, so the rest of its last datagram is not taken from the first.
func TestFragmentsOfTwoLives(t *testing.T) {
	b := newHost(t, mustPrefix("10.77.0.2/24"), hwB)
	payload := func(life byte) []byte { return bytes.Repeat([]byte{life}, 3000) }
	for life, first := range []uint16{100, 7000} {
		dev := newDevice(hwA, testMTU)
		a, err := New(dev, Config{Prefix: prefixA, Fragments: first})
		if err != nil {
			t.Fatal(err)
		}
		a.learn(0, addrB, hwB, true)
		if err := a.Port(testProto).SendDatagram(0, addrB, payload(byte(life))); err != nil {
			t.Fatal(err)
		}
		if _, ip := decodeIPv4(t, dev.sent[0]); ip.Id != first {
			t.Errorf("the first identification is %d, want %d", ip.Id, first)
		}
		frames := dev.sent
		if life == 0 {
			frames = frames[:1] // it crashes
		}
		for _, f := range frames {
			b.Input(0, f)
		}
	}
	if len(b.got) != 1 || b.got[0].payload != string(payload(1)) {
		t.Errorf("%d datagrams, not the one of the second life", len(b.got))
	}
	for range 3 { // without a choice, each is elsewhere: three of the same would be 1 in 2^32
		a, err := New(newDevice(hwA, testMTU), Config{Prefix: prefixA})
		if err != nil {
			t.Fatal(err)
		}
		if other, _ := New(newDevice(hwA, testMTU), Config{Prefix: prefixA}); a.fragmentID != other.fragmentID {
			return
		}
	}
	t.Error("the identifications begin at the same number")
}
