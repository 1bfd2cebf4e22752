package ipx

import (
	"encoding/binary"
	"net"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"

	"deputy/internal/checksum"
	"deputy/link"
)

func TestInputDelivers(t *testing.T) {
	type edit = func(*layers.Ethernet, *layers.IPv4)
	for _, test := range []struct {
		name    string
		payload string
		edit    edit
		padding int
		dst     string
	}{
		{"plain", "hello", nil, 0, "10.77.0.1"},
		{"padded to 60 bytes", "hello", nil, 21, "10.77.0.1"},
		{"empty payload, padded", "", nil, 26, "10.77.0.1"},
		{"full size", strings.Repeat("x", testMTU-HeaderLen), nil, 0, "10.77.0.1"},
		{"TTL 0", "hello", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.TTL = 0 }, 0, "10.77.0.1"},
		{"DF", "hello", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Flags = layers.IPv4DontFragment }, 0, "10.77.0.1"},
		{"type of service", "hello", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.TOS = 0xff }, 0, "10.77.0.1"},
		{"limited broadcast", "hello", func(e *layers.Ethernet, ip *layers.IPv4) {
			e.DstMAC, ip.DstIP = layers.EthernetBroadcast, net.IPv4bcast.To4()
		}, 3, "255.255.255.255"},
		{"directed broadcast", "hello", func(e *layers.Ethernet, ip *layers.IPv4) {
			e.DstMAC, ip.DstIP = layers.EthernetBroadcast, net.IP{10, 77, 0, 255}
		}, 0, "10.77.0.255"},
		{"broadcast by unicast frame", "hello", func(_ *layers.Ethernet, ip *layers.IPv4) {
			ip.DstIP = net.IPv4bcast.To4()
		}, 0, "255.255.255.255"},
		{"options", "hello", func(_ *layers.Ethernet, ip *layers.IPv4) {
			ip.Options = []layers.IPv4Option{{OptionType: 7, OptionLength: 11, OptionData: make([]byte, 9)}}
		}, 2, "10.77.0.1"},
	} {
		h := newHost(t, prefixA, hwA)
		frame := append(ipFrame(t, test.payload, test.edit), strings.Repeat("\xff", test.padding)...)
		before := string(frame)
		h.Input(5, frame)
		want := []delivered{{5, addrB, mustAddr(test.dst), test.payload}}
		if diff := cmp.Diff(want, h.got, cmp.AllowUnexported(delivered{}), cmp.Comparer(equalAddr)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if string(frame) != before {
			t.Errorf("%s: frame changed", test.name)
		}
		stats := h.Stats()
		options := uint64(0)
		if test.name == "options" {
			options = 1
		}
		if stats.DatagramsReceived != 1 || stats.BytesReceived != uint64(len(test.payload)) || stats.OptionsSkipped != options {
			t.Errorf("%s: %+v", test.name, stats)
		}
		accounted(t, h.Stack)
	}
}

// Every reason to drop a frame, and the one counter that tells.
func TestInputDrops(t *testing.T) {
	type edit = func(*layers.Ethernet, *layers.IPv4)
	ip := func(edit edit) func(testing.TB) []byte {
		return func(t testing.TB) []byte { return ipFrame(t, "hello", edit) }
	}
	bytesAt := func(at int, value ...byte) func(testing.TB) []byte {
		return func(t testing.TB) []byte {
			frame := ipFrame(t, "hello", nil)
			copy(frame[at:], value)
			return frame
		}
	}
	arp := func(op uint16, sha link.Addr, spa string) func(testing.TB) []byte {
		return func(testing.TB) []byte {
			frame := arpFrame(hwA, op, hwB, mustAddr(spa), hwA, addrA)
			copy(frame[link.HeaderLen+offSenderHardware:], sha[:])
			return frame
		}
	}
	src := func(a, b, c, d byte) func(testing.TB) []byte {
		return ip(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.SrcIP = net.IP{a, b, c, d} })
	}
	dst := func(a, b, c, d byte) func(testing.TB) []byte {
		return ip(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.DstIP = net.IP{a, b, c, d} })
	}
	for _, test := range []struct {
		name  string
		frame func(testing.TB) []byte
		want  InputDrops
	}{
		{"empty", func(testing.TB) []byte { return nil }, InputDrops{ShortFrame: 1}},
		{"to another host", ip(func(e *layers.Ethernet, _ *layers.IPv4) { e.DstMAC = hwC[:] }), InputDrops{OtherHardware: 1}},
		{"multicast", ip(func(e *layers.Ethernet, _ *layers.IPv4) { e.DstMAC = net.HardwareAddr{1, 0, 0x5e, 0, 0, 1} }), InputDrops{OtherHardware: 1}},
		{"from a group", ip(func(e *layers.Ethernet, _ *layers.IPv4) { e.SrcMAC = layers.EthernetBroadcast }), InputDrops{SourceHardware: 1}},
		{"from ourselves", ip(func(e *layers.Ethernet, _ *layers.IPv4) { e.SrcMAC = hwA[:] }), InputDrops{SourceHardware: 1}},
		{"IPv6", bytesAt(12, 0x86, 0xdd), InputDrops{EtherType: 1}},
		{"802.3 length", bytesAt(12, 0, 50), InputDrops{EtherType: 1}},
		{"version", bytesAt(14, 0x65), InputDrops{Version: 1}},
		{"header length", bytesAt(14, 0x44), InputDrops{HeaderLength: 1}},
		{"total length", bytesAt(16, 0, 26), InputDrops{TotalLength: 1}},
		{"checksum", bytesAt(24, 0x12, 0x34), InputDrops{Checksum: 1}},
		{"other address", dst(10, 77, 0, 2), InputDrops{OtherAddress: 1}},
		{"other network", dst(10, 78, 0, 1), InputDrops{OtherAddress: 1}},
		{"multicast address", dst(224, 0, 0, 1), InputDrops{OtherAddress: 1}},
		{"network address", dst(10, 77, 0, 0), InputDrops{OtherAddress: 1}},
		{"unicast in broadcast frame", ip(func(e *layers.Ethernet, _ *layers.IPv4) { e.DstMAC = layers.EthernetBroadcast }), InputDrops{BroadcastFrame: 1}},
		{"source ours", src(10, 77, 0, 1), InputDrops{Source: 1}},
		{"source 0.0.0.0", src(0, 0, 0, 0), InputDrops{Source: 1}},
		{"source broadcast", src(255, 255, 255, 255), InputDrops{Source: 1}},
		{"source directed broadcast", src(10, 77, 0, 255), InputDrops{Source: 1}},
		{"source network", src(10, 77, 0, 0), InputDrops{Source: 1}},
		{"source loopback", src(127, 0, 0, 1), InputDrops{Source: 1}},
		{"source multicast", src(224, 0, 0, 1), InputDrops{Source: 1}},
		{"source elsewhere", src(10, 78, 0, 2), InputDrops{Source: 1}},
		{"fragment of 5 bytes", ip(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Flags = layers.IPv4MoreFragments }), InputDrops{FragmentPlace: 1}},
		{"fragment of 40 bytes", func(t testing.TB) []byte {
			return ipFrame(t, strings.Repeat("x", 40), func(_ *layers.Ethernet, ip *layers.IPv4) { ip.Flags = layers.IPv4MoreFragments })
		}, InputDrops{FragmentTiny: 1}},
		{"empty last fragment", func(t testing.TB) []byte {
			return ipFrame(t, "", func(_ *layers.Ethernet, ip *layers.IPv4) { ip.FragOffset = 185 })
		}, InputDrops{FragmentPlace: 1}},
		{"fragment beyond 65535", func(t testing.TB) []byte {
			return ipFrame(t, strings.Repeat("x", 4), func(_ *layers.Ethernet, ip *layers.IPv4) { ip.FragOffset = 8189 })
		}, InputDrops{FragmentPlace: 1}},
		{"fragment of an unknown protocol", ip(func(_ *layers.Ethernet, ip *layers.IPv4) { ip.FragOffset, ip.Protocol = 185, 6 }), InputDrops{UnknownProtocol: 1}},
		{"unknown protocol to all", ip(func(e *layers.Ethernet, ip *layers.IPv4) {
			ip.Protocol, e.DstMAC, ip.DstIP = 6, layers.EthernetBroadcast, net.IPv4bcast.To4()
		}), InputDrops{UnknownProtocol: 1}},
		{"ARP hardware type", func(testing.TB) []byte {
			frame := arpFrame(hwA, arpRequest, hwB, addrB, hwNil, addrA)
			frame[link.HeaderLen+1] = 6
			return frame
		}, InputDrops{ARPFormat: 1}},
		{"ARP operation", arp(3, hwB, "10.77.0.2"), InputDrops{ARPOperation: 1}},
		{"ARP from a group", arp(arpReply, link.Broadcast, "10.77.0.2"), InputDrops{ARPSender: 1}},
		{"ARP from zero", arp(arpReply, hwNil, "10.77.0.2"), InputDrops{ARPSender: 1}},
		{"ARP from ourselves", arp(arpReply, hwA, "10.77.0.2"), InputDrops{ARPSender: 1}},
		{"ARP from broadcast", arp(arpRequest, hwB, "10.77.0.255"), InputDrops{ARPSender: 1}},
		{"ARP from limited broadcast", arp(arpReply, hwB, "255.255.255.255"), InputDrops{ARPSender: 1}},
		{"ARP from elsewhere", arp(arpRequest, hwB, "10.78.0.2"), InputDrops{ARPSender: 1}},
	} {
		h := newHost(t, prefixA, hwA)
		h.Input(0, test.frame(t))
		stats := h.Stats()
		if diff := cmp.Diff(test.want, stats.Input); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
		if stats.FramesReceived != 1 || stats.Input.Total() != 1 {
			t.Errorf("%s: %d of %d frames dropped, want 1", test.name, stats.Input.Total(), stats.FramesReceived)
		}
		if len(h.got) > 0 || len(h.frames()) > 0 || stats.Neighbours > 0 || h.Deadline() != Never {
			t.Errorf("%s: had a consequence", test.name)
		}
	}
}

func TestInputEveryTruncation(t *testing.T) {
	frame := ipFrame(t, "hello", nil)
	arp := arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA)
	for n := range len(frame) {
		want := InputDrops{TotalLength: 1}
		if n < link.HeaderLen {
			want = InputDrops{ShortFrame: 1}
		} else if n < frameHeaderLen {
			want = InputDrops{ShortHeader: 1}
		}
		h := newHost(t, prefixA, hwA)
		h.Input(0, frame[:n:n])
		if diff := cmp.Diff(want, h.Stats().Input); diff != "" {
			t.Errorf("%d bytes: %s", n, diff)
		}
	}
	for n := range len(arp) {
		want := InputDrops{ARPShort: 1}
		if n < link.HeaderLen {
			want = InputDrops{ShortFrame: 1}
		}
		h := newHost(t, prefixA, hwA)
		h.Input(0, arp[:n:n])
		if diff := cmp.Diff(want, h.Stats().Input); diff != "" {
			t.Errorf("%d bytes of ARP: %s", n, diff)
		}
		if sent := h.frames(); len(sent) > 0 {
			t.Errorf("%d bytes of ARP: answered", n)
		}
	}
}

// On a network of two addresses neither is a broadcast (RFC 3021).
func TestTwoAddressNetwork(t *testing.T) {
	h := newHost(t, mustPrefix("10.77.0.0/31"), hwA)
	h.Input(0, ipFrame(t, "hello", func(_ *layers.Ethernet, ip *layers.IPv4) {
		ip.DstIP, ip.SrcIP = net.IP{10, 77, 0, 0}, net.IP{10, 77, 0, 1}
	}))
	h.Input(0, ipFrame(t, "hello", func(_ *layers.Ethernet, ip *layers.IPv4) {
		ip.DstIP, ip.SrcIP = net.IP{10, 77, 0, 1}, net.IP{10, 77, 0, 1}
	}))
	if len(h.got) != 1 || h.Stats().Input.OtherAddress != 1 {
		t.Errorf("%d delivered: %+v", len(h.got), h.Stats())
	}
	if err := h.send(0, mustAddr("10.77.0.1"), "x"); err != nil {
		t.Error(err)
	}
	if got := describeAll(t, h.frames()); !cmp.Equal(got, []string{"ask 10.77.0.0 10.77.0.1 to ff:ff:ff:ff:ff:ff"}) {
		t.Errorf("sent %q", got)
	}
}

func TestHandle(t *testing.T) {
	h := newHost(t, prefixA, hwA)
	frame := ipFrame(t, "hello", nil)
	h.Handle(testProto, nil)
	h.Input(0, frame)
	h.Handle(testProto, h)
	h.Input(0, frame)
	if stats := h.Stats(); stats.Input.UnknownProtocol != 1 || stats.DatagramsReceived != 1 {
		t.Errorf("%+v", stats)
	}
}

// No frame makes the stack panic or lose count, a payload is a part of the
// frame, and nothing but ARP is sent to strangers.
func FuzzInput(f *testing.F) {
	f.Add(ipFrame(f, "hello", nil), true)
	f.Add(arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA), false)
	f.Fuzz(func(t *testing.T, frame []byte, repair bool) {
		if repair && len(frame) >= frameHeaderLen { // get past the checksum
			header := frame[link.HeaderLen:]
			header = header[:min(len(header), max(HeaderLen, Header(header).HeaderLen()))]
			binary.BigEndian.PutUint16(header[offChecksum:], 0)
			binary.BigEndian.PutUint16(header[offChecksum:], checksum.Fold(checksum.Sum(header, 0)))
		}
		h := newHost(t, prefixA, hwA)
		for range 2 {
			h.Input(1, frame)
		}
		accounted(t, h.Stack)
		for _, d := range h.got {
			if !strings.Contains(string(frame), d.payload) || len(d.payload) > len(frame)-frameHeaderLen {
				t.Errorf("payload %q is not in the frame", d.payload)
			}
			if d.src == addrA || !prefixA.Contains(d.src) || d.dst != addrA && d.dst != allOnes && d.dst != toAll {
				t.Errorf("from %s to %s", d.src, d.dst)
			}
		}
		for _, sent := range h.frames() {
			if link.Addr(sent) == hwA {
				t.Errorf("sent %s to ourselves", describe(t, sent))
			}
			decodeARP(t, sent)
		}
		if h.Deadline() != Never && h.Deadline() <= 1 {
			t.Errorf("deadline %v", h.Deadline())
		}
	})
}
