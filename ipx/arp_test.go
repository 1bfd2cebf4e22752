package ipx

import (
	"bytes"
	"errors"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/link"
)

func mustAddr(s string) netip.Addr { return netip.MustParseAddr(s) }

// A reply written out by hand.
var goldenARP = []byte{
	0x00, 0x01, // hardware type Ethernet
	0x08, 0x00, // protocol type IPv4
	6, 4, // lengths
	0x00, 0x02, // operation: reply
	0x02, 0, 0, 0, 0, 0x0a, // sender hardware address
	10, 77, 0, 1, // sender address
	0x02, 0, 0, 0, 0, 0x0b, // target hardware address
	10, 77, 0, 2, // target address
}

func TestARPGolden(t *testing.T) {
	fields := arpFields{arpReply, hwA, addrA, hwB, addrB}
	b := bytes.Repeat([]byte{0xa5}, arpLen)
	fields.put(b)
	if diff := cmp.Diff(goldenARP, b); diff != "" {
		t.Errorf("put: %s", diff)
	}
	p, err := parseARP(append(b, make([]byte, 18)...)) // and padding
	if err != nil {
		t.Fatal(err)
	}
	if got := (arpFields{p.operation(), p.senderHardware(), p.sender(), p.targetHardware(), p.target()}); got != fields {
		t.Errorf("parsed: %+v, want %+v", got, fields)
	}
}

func TestARPAgainstGopacket(t *testing.T) {
	frame := arpFrame(link.Broadcast, arpRequest, hwB, addrB, hwNil, addrA)
	ethernet, arp := decodeARP(t, frame)
	buffer := gopacket.NewSerializeBuffer()
	want := &layers.ARP{
		AddrType: layers.LinkTypeEthernet, Protocol: layers.EthernetTypeIPv4, HwAddressSize: 6, ProtAddressSize: 4,
		Operation: layers.ARPRequest, SourceHwAddress: hwB[:], SourceProtAddress: addrB.AsSlice(),
		DstHwAddress: hwNil[:], DstProtAddress: addrA.AsSlice(),
	}
	if err := want.SerializeTo(buffer, gopacket.SerializeOptions{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(buffer.Bytes(), frame[link.HeaderLen:]); diff != "" {
		t.Error(diff)
	}
	arp.BaseLayer = layers.BaseLayer{}
	if diff := cmp.Diff(want, arp); diff != "" {
		t.Error(diff)
	}
	if link.Addr(ethernet.DstMAC) != link.Broadcast {
		t.Errorf("to %s", ethernet.DstMAC)
	}
}

func TestParseARPErrors(t *testing.T) {
	for _, test := range []struct {
		name  string
		at    int
		value byte
		want  error
	}{
		{"hardware type", 1, 6, errARPFormat},
		{"hardware type, high byte", 0, 1, errARPFormat},
		{"protocol type", 2, 0x86, errARPFormat},
		{"hardware length", 4, 8, errARPFormat},
		{"protocol length", 5, 16, errARPFormat},
		{"operation 0", 7, 0, errARPOperation},
		{"operation 3", 7, 3, errARPOperation},
		{"operation 258", 6, 1, errARPOperation},
	} {
		b := bytes.Clone(goldenARP)
		b[test.at] = test.value
		if _, err := parseARP(b); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
	for n := range arpLen {
		if _, err := parseARP(goldenARP[:n:n]); !errors.Is(err, errARPShort) {
			t.Errorf("%d bytes: %v, want %v", n, err, errARPShort)
		}
	}
}

// What parseARP accepts gopacket decodes to the same fields.
func FuzzARP(f *testing.F) {
	f.Add(goldenARP)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := parseARP(b)
		if err != nil {
			return
		}
		var arp layers.ARP
		if err := arp.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
			t.Fatalf("gopacket refuses %x: %v", b, err)
		}
		sender, target := p.sender().As4(), p.target().As4()
		senderHardware, targetHardware := p.senderHardware(), p.targetHardware()
		if p.operation() != arp.Operation ||
			!bytes.Equal(senderHardware[:], arp.SourceHwAddress) || !bytes.Equal(sender[:], arp.SourceProtAddress) ||
			!bytes.Equal(targetHardware[:], arp.DstHwAddress) || !bytes.Equal(target[:], arp.DstProtAddress) {
			t.Errorf("differs from gopacket's %+v", arp)
		}
	})
}
