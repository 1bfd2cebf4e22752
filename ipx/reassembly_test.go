package ipx

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"

	"deputy/link"
)

// part is a fragment: bytes first to end of a datagram's payload, in a frame
// from b to a.
type part struct {
	id         uint16
	first, end int
	more       bool
}

func (p part) frame(t testing.TB, payload string, edit func(*layers.Ethernet, *layers.IPv4)) []byte {
	t.Helper()
	return ipFrame(t, payload[p.first:p.end], func(e *layers.Ethernet, ip *layers.IPv4) {
		ip.Id, ip.FragOffset = p.id, uint16(p.first/8)
		if p.more {
			ip.Flags = layers.IPv4MoreFragments
		}
		if edit != nil {
			edit(e, ip)
		}
	})
}

// parts are those of a payload, in order, of size bytes each.
func parts(id uint16, total, size int) []part {
	var all []part
	for first := 0; first < total; first += size {
		end := min(first+size, total)
		all = append(all, part{id, first, end, end < total})
	}
	return all
}

func TestReassemblyInAnyOrder(t *testing.T) {
	payload := string(randomBytes(1, 7000))
	random := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		h := newHost(t, prefixA, hwA)
		all := parts(7, len(payload), 1480)
		all = append(all, all...) // and each once more
		random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		missing := map[int]bool{0: true, 1480: true, 2960: true, 4440: true, 5920: true}
		for _, p := range all {
			h.Input(0, p.frame(t, payload, nil))
			if delete(missing, p.first); len(missing) == 0 {
				break
			}
		}
		want := []delivered{{0, addrB, addrA, payload}}
		if diff := cmp.Diff(want, h.got, cmp.AllowUnexported(delivered{}), cmp.Comparer(equalAddr)); diff != "" {
			t.Fatalf("%v: %s", all, diff)
		}
		if stats := h.Stats(); stats.DatagramsReassembled != 1 || stats.BytesReceived != 7000 {
			t.Errorf("%+v", stats)
		}
		if h.Advance(Never); h.Deadline() != Never {
			t.Errorf("deadline %v", h.Deadline())
		}
		accounted(t, h.Stack)
	}
}

// What fragments make, and what they don't.
func TestReassembly(t *testing.T) {
	payload := string(randomBytes(2, 65535))
	for _, test := range []struct {
		name  string
		parts []part
		whole int // size of what is delivered; 0: nothing
		drops ReassemblyDrops
	}{
		{"one", []part{{1, 0, 800, true}, {1, 800, 801, false}}, 801, ReassemblyDrops{}},
		{"largest", []part{{1, 0, 64000, true}, {1, 64000, 65515, false}}, 65515, ReassemblyDrops{}},
		{"last first", []part{{1, 800, 900, false}, {1, 0, 800, true}}, 900, ReassemblyDrops{}},
		{"duplicate", []part{{1, 0, 800, true}, {1, 0, 800, true}, {1, 800, 900, false}}, 900, ReassemblyDrops{}},
		{"duplicate of the last", []part{{1, 800, 900, false}, {1, 800, 900, false}, {1, 0, 800, true}}, 900, ReassemblyDrops{}},
		{"resent in smaller pieces", []part{{1, 0, 800, true}, {1, 160, 320, true}, {1, 800, 900, false}}, 900, ReassemblyDrops{}},
		{"overlap to the right", []part{{1, 0, 800, true}, {1, 720, 880, true}, {1, 880, 900, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"overlap to the left", []part{{1, 800, 880, true}, {1, 720, 808, true}}, 0, ReassemblyDrops{Overlap: 1}},
		{"overlap around", []part{{1, 160, 320, true}, {1, 0, 480, true}}, 0, ReassemblyDrops{Overlap: 1}},
		{"rest of a spoilt one", []part{{1, 0, 800, true}, {1, 720, 880, true}, {1, 0, 800, true}, {1, 800, 900, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"two ends", []part{{1, 800, 900, false}, {1, 800, 880, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"end before what came", []part{{1, 800, 880, true}, {1, 160, 320, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"end at what came", []part{{1, 800, 880, true}, {1, 720, 800, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"end inside of what came", []part{{1, 0, 800, true}, {1, 160, 320, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"end that came as no end", []part{{1, 0, 800, true}, {1, 720, 800, false}}, 0, ReassemblyDrops{Overlap: 1}},
		{"more behind the end", []part{{1, 800, 880, false}, {1, 880, 960, true}}, 0, ReassemblyDrops{Overlap: 1}},
		{"more at the end", []part{{1, 800, 880, false}, {1, 800, 880, true}}, 0, ReassemblyDrops{Overlap: 1}},
		{"other identification", []part{{1, 0, 800, true}, {2, 800, 900, false}}, 0, ReassemblyDrops{}},
		{"hole", []part{{1, 0, 800, true}, {1, 880, 900, false}}, 0, ReassemblyDrops{}},
	} {
		h := newHostMTU(t, prefixA, hwA, 65535)
		for _, p := range test.parts {
			h.Input(0, p.frame(t, payload, nil))
		}
		var want []string
		if test.whole > 0 {
			want = []string{payload[:test.whole]}
		}
		if diff := cmp.Diff(want, payloads(h.got)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if stats := h.Stats(); stats.Reassembly != test.drops || stats.FragmentsReceived != uint64(len(test.parts)) {
			t.Errorf("%s: %+v", test.name, stats)
		}
		accounted(t, h.Stack)
	}
}

// The same place twice, with other bytes the second time.
func TestReassemblyOtherBytes(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	one, other := string(randomBytes(3, 900)), string(randomBytes(4, 900))
	h.Input(0, part{1, 0, 800, true}.frame(t, one, nil))
	h.Input(0, part{1, 160, 320, true}.frame(t, other, nil))
	h.Input(0, part{1, 800, 900, false}.frame(t, one, nil))
	if got := h.Stats().Reassembly; len(h.got) != 0 || got != (ReassemblyDrops{Overlap: 1}) {
		t.Errorf("%d delivered, %+v", len(h.got), got)
	}
}

// Each of source, destination, protocol and identification makes another
// datagram.
func TestReassemblyKey(t *testing.T) {
	payload := string(randomBytes(5, 900))
	h := newHost(t, prefixA, hwA)
	h.Handle(99, h)
	h.Input(0, part{1, 0, 800, true}.frame(t, payload, nil))
	for _, edit := range []func(*layers.Ethernet, *layers.IPv4){
		func(_ *layers.Ethernet, ip *layers.IPv4) { ip.SrcIP = addrC.AsSlice() },
		func(e *layers.Ethernet, ip *layers.IPv4) {
			e.DstMAC, ip.DstIP = layers.EthernetBroadcast, net.IPv4bcast.To4()
		},
		func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Protocol = 99 },
		func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Id++ },
	} {
		h.Input(0, part{1, 800, 900, false}.frame(t, payload, edit))
	}
	if len(h.got) != 0 || len(h.reassemblies.active) != 5 {
		t.Fatalf("%d delivered, %d in reassembly", len(h.got), len(h.reassemblies.active))
	}
	h.Input(0, part{1, 800, 900, false}.frame(t, payload, nil))
	h.Input(0, part{1, 0, 800, true}.frame(t, payload, func(e *layers.Ethernet, ip *layers.IPv4) {
		e.DstMAC, ip.DstIP = layers.EthernetBroadcast, net.IPv4bcast.To4()
	}))
	want := []delivered{{0, addrB, addrA, payload}, {0, addrB, allOnes, payload}}
	if diff := cmp.Diff(want, h.got, cmp.AllowUnexported(delivered{}), cmp.Comparer(equalAddr)); diff != "" {
		t.Error(diff)
	}
}

// A datagram that isn't whole after a second is dropped, and its source told by
// ICMP if the first fragment is there.
func TestReassemblyTimeout(t *testing.T) {
	payload := string(randomBytes(6, 900))
	h := newHost(t, prefixA, hwA)
	h.knowsB(0)
	first := part{1, 0, 800, true}.frame(t, payload, nil)
	h.Input(0, first)
	h.Input(100*ms, part{2, 800, 900, false}.frame(t, payload, nil))
	h.advanceTo(reassemblyTime - 1)
	if sent := h.frames(); len(sent) != 0 || len(h.reassemblies.active) != 2 {
		t.Fatalf("%d sent, %d in reassembly", len(sent), len(h.reassemblies.active))
	}
	h.advanceTo(reassemblyTime)
	sent := h.frames()
	if len(sent) != 1 {
		t.Fatalf("%d sent", len(sent))
	}
	kind, quote := decodeError(t, sent[0], addrB)
	if kind != layers.CreateICMPv4TypeCode(layers.ICMPv4TypeTimeExceeded, layers.ICMPv4CodeFragmentReassemblyTimeExceeded) ||
		!bytes.Equal(quote, first[link.HeaderLen:frameHeaderLen+8]) {
		t.Errorf("%v about %x", kind, quote)
	}
	h.advanceTo(100*ms + reassemblyTime)
	if sent := h.frames(); len(sent) != 0 || len(h.reassemblies.active) != 0 {
		t.Errorf("%d sent, %d in reassembly", len(sent), len(h.reassemblies.active))
	}
	h.Input(2*time.Second, part{1, 800, 900, false}.frame(t, payload, nil)) // too late
	if got := h.Stats().Reassembly; got != (ReassemblyDrops{Timeout: 2}) || len(h.got) != 0 {
		t.Errorf("%+v, %d delivered", got, len(h.got))
	}
}

// An identification that comes round doesn't meet what is left of the datagram
// that had it before.
func TestReassemblyDistance(t *testing.T) {
	one, other := string(randomBytes(7, 900)), string(randomBytes(8, 900))
	h := newHost(t, prefixA, hwA)
	h.Input(0, part{1, 0, 800, true}.frame(t, one, nil))
	whole := [2][]byte{part{2, 0, 800, true}.frame(t, other, nil), part{2, 800, 900, false}.frame(t, other, nil)}
	for range maxDistance + 1 {
		h.Input(0, whole[0])
		h.Input(0, whole[1])
	}
	h.got = nil
	h.Input(0, part{1, 800, 900, false}.frame(t, other, nil))
	h.Input(0, part{1, 0, 800, true}.frame(t, other, nil))
	if diff := cmp.Diff([]string{other}, payloads(h.got)); diff != "" {
		t.Error(diff)
	}
	if got := h.Stats().Reassembly; got != (ReassemblyDrops{Distance: 1}) {
		t.Errorf("%+v", got)
	}
}

// One hole too many gives the datagram up, before looking for holes costs much.
func TestReassemblyScattered(t *testing.T) {
	payload := string(randomBytes(9, 65535))
	h := newHost(t, prefixA, hwA)
	for i := range maxHoles {
		h.Input(0, part{1, 960*i + 480, 960*i + 960, true}.frame(t, payload, nil))
	}
	if got := h.Stats().Reassembly; got != (ReassemblyDrops{Scattered: 1}) || len(h.reassemblies.active) != 1 {
		t.Errorf("%+v, %d in reassembly", got, len(h.reassemblies.active))
	}
	accounted(t, h.Stack)
}

// A flood of fragments, of one source or of as many as there are addresses,
// stays within its bounds, and meanwhile whole datagrams and fragmented ones
// arrive.
func TestFragmentFlood(t *testing.T) {
	payload := string(randomBytes(10, 4000))
	for _, sources := range []int{1, 250} {
		h := newHost(t, prefixA, hwA)
		now := time.Duration(0)
		flood := func(n, from int) {
			for i := range n {
				now += time.Microsecond
				p := part{uint16(from + i), 8 * (i % 100), 8*(i%100) + 48, true}
				h.Input(now, p.frame(t, payload, func(_ *layers.Ethernet, ip *layers.IPv4) {
					ip.SrcIP = net.IP{10, 77, 0, byte(3 + i%sources)}
				}))
			}
		}
		for round := range 100 {
			flood(50, 1000*round)
			h.Input(now, ipFrame(t, "whole", nil))
			mine := parts(uint16(round), len(payload), 1480)
			for i, p := range mine {
				h.Input(now, p.frame(t, payload, nil))
				flood(20, 1000*round+100*(i+1))
			}
			accounted(t, h.Stack)
		}
		stats := h.Stats()
		if stats.DatagramsReassembled != 100 || stats.DatagramsReceived != 200 {
			t.Errorf("%d sources: %+v", sources, stats)
		}
		want := maxPerSource
		if sources > 1 {
			want = maxReassemblies
		}
		if got := len(h.reassemblies.active); got != want || stats.Reassembly.Displaced == 0 {
			t.Errorf("%d sources: %d in reassembly, want %d", sources, got, want)
		}
		h.advanceTo(now + reassemblyTime)
		if len(h.reassemblies.active) != 0 || len(h.reassemblies.free) > maxReassemblies {
			t.Errorf("%d sources: %d in reassembly, %d free", sources, len(h.reassemblies.active), len(h.reassemblies.free))
		}
		accounted(t, h.Stack)
	}
}

func TestReassemblyDoesNotAllocate(t *testing.T) {
	s, _, c, _ := steady(t, 44)
	payload := string(randomBytes(11, 4000))
	var frames [][]byte
	for _, p := range parts(1, len(payload), 1480) {
		frames = append(frames, p.frame(t, payload, nil))
	}
	allocs := testing.AllocsPerRun(1000, func() {
		for _, frame := range frames {
			s.Input(0, frame)
		}
	})
	if allocs != 0 || c.bytes != c.count*4000 || c.count < 1000 {
		t.Errorf("%v allocations, %d datagrams, %d bytes", allocs, c.count, c.bytes)
	}
}

// FuzzReassembly compares with a model that keeps a byte for each byte. A
// script is a list of fragments, 5 bytes each: identification and flags,
// place and length in units of 8 bytes, bytes to take off the length, content.
func FuzzReassembly(f *testing.F) {
	f.Add([]byte{0x10, 0, 10, 0, 0, 0x00, 10, 1, 3, 0})
	f.Add([]byte{0x00, 10, 1, 0, 0, 0x10, 0, 10, 0, 0})
	f.Add([]byte{0x10, 0, 10, 0, 0, 0x10, 8, 10, 0, 0, 0x10, 0, 10, 0, 1})
	f.Add([]byte{0x10, 0, 6, 0, 0, 0x10, 12, 6, 0, 0, 0x10, 6, 6, 0, 0, 0x00, 18, 1, 7, 0})
	f.Fuzz(func(t *testing.T, script []byte) {
		h := newHost(t, prefixA, hwA)
		models := map[uint16]*model{}
		var want []string
		for ; len(script) >= 5 && h.stats.FramesReceived < 300; script = script[5:] {
			id, more := uint16(script[0]&3), script[0]&0x10 != 0
			first, length := int(script[1])*8, max(int(script[2]%64)*8-int(script[3]%8), 0)
			content := bytes.Repeat([]byte{script[4] % 2}, length)
			h.Input(0, fragmentFrame(id, first, content, more))
			if first == 0 && !more { // no fragment
				want = append(want, string(content))
				continue
			}
			if length == 0 || more && (length%8 != 0 || length < minFragment) {
				continue
			}
			m := models[id]
			if m == nil {
				m = &model{size: -1}
				models[id] = m
			}
			if payload, whole := m.add(first, content, more); whole {
				want = append(want, payload)
				delete(models, id)
			}
			if m.scattered() { // a bound of ours, which the model doesn't have
				return
			}
		}
		if diff := cmp.Diff(want, payloads(h.got)); diff != "" {
			t.Error(diff)
		}
		accounted(t, h.Stack)
		h.advanceTo(reassemblyTime)
		if len(h.reassemblies.active) != 0 || h.reassemblies.buffers.lent != 0 {
			t.Errorf("%d in reassembly, %d buffers", len(h.reassemblies.active), h.reassemblies.buffers.lent)
		}
	})
}

// model is a datagram in reassembly, byte by byte.
type model struct {
	bytes [2560]byte // a script reaches no further
	there [2560]bool
	size  int // -1: unknown
	top   int // end of what is there
	spoil bool
}

// add takes a fragment and returns the datagram if it is whole.
func (m *model) add(first int, content []byte, more bool) (string, bool) {
	end := first + len(content)
	there := 0
	for i := range content {
		if m.there[first+i] {
			there++
		}
	}
	switch {
	case m.spoil:
		return "", false
	case there == len(content): // known, if it says the same
		m.spoil = !bytes.Equal(m.bytes[first:end], content) || more == (end == m.size)
		return "", false
	case there > 0, m.size >= 0 && end > m.size, !more && (m.size >= 0 || end < m.top):
		m.spoil = true
		return "", false
	}
	copy(m.bytes[first:], content)
	for i := range content {
		m.there[first+i] = true
	}
	if m.top = max(m.top, end); !more {
		m.size = end
	}
	if m.size < 0 || slices.Contains(m.there[:m.size], false) {
		return "", false
	}
	return string(m.bytes[:m.size]), true
}

// scattered reports whether there are so many holes that reassembly may have
// been given up.
func (m *model) scattered() bool {
	holes := 0
	for i := 1; i <= m.top; i++ {
		if !m.there[i-1] && m.there[i] || i == m.top {
			holes++
		}
	}
	return holes >= maxHoles
}

// fragmentFrame is ipFrame for a fragment, made by hand because it is quicker.
func fragmentFrame(id uint16, first int, payload []byte, more bool) []byte {
	frame := make([]byte, frameHeaderLen, frameHeaderLen+len(payload))
	made := makeTemplate(hwA, hwB, addrB, addrA, 64)
	copy(frame, made.header[:])
	copy(frame, hwA[:])
	copy(frame[etherSource:], hwB[:])
	fragment := uint16(first / 8)
	if more {
		fragment |= flagMoreFragments
	}
	made.putHeader(frame[link.HeaderLen:], testProto, id, fragment, len(payload))
	return append(frame, payload...)
}

// What a fragmented datagram costs to put together, without a device.
func BenchmarkReassembly(b *testing.B) {
	for _, size := range []int{8 << 10, 64<<10 - 21} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, _, c, _ := steady(b, 44)
			payload := make([]byte, size)
			var frames [][]byte
			for _, p := range parts(1, size, 1480) {
				frames = append(frames, fragmentFrame(1, p.first, payload[p.first:p.end], p.more))
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				n++
				for _, frame := range frames {
					s.Input(0, frame)
				}
			}
			if c.count != n {
				b.Fatalf("%d of %d whole", c.count, n)
			}
		})
	}
}

// decodeError decodes an ICMP error to dst by gopacket, checks its checksum by
// it, and returns its type and what it quotes.
func decodeError(t testing.TB, frame []byte, dst interface{ AsSlice() []byte }) (layers.ICMPv4TypeCode, []byte) {
	t.Helper()
	_, ip := decodeIPv4(t, frame)
	if ip.Protocol != layers.IPProtocolICMPv4 || !bytes.Equal(ip.DstIP, dst.AsSlice()) {
		t.Fatalf("no ICMP message to %v: %+v", dst, ip)
	}
	icmp := decodeICMP(t, ip.Payload)
	return icmp.TypeCode, icmp.Payload
}
