package ipx

import (
	"bytes"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

// decodeICMP decodes a message by gopacket and checks its checksum by it.
func decodeICMP(t testing.TB, b []byte) *layers.ICMPv4 {
	t.Helper()
	var icmp layers.ICMPv4
	if err := icmp.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil {
		t.Fatalf("gopacket finds no ICMP message in %x: %v", b, err)
	}
	if again := makeICMP(t, &icmp, icmp.Payload); !bytes.Equal(again, b) {
		t.Fatalf("message %x, gopacket makes %x", b, again)
	}
	return &icmp
}

// makeICMP makes a message by gopacket.
func makeICMP(t testing.TB, icmp *layers.ICMPv4, payload []byte) []byte {
	t.Helper()
	buffer := gopacket.NewSerializeBuffer()
	options := gopacket.SerializeOptions{ComputeChecksums: true}
	if err := gopacket.SerializeLayers(buffer, options, icmp, gopacket.Payload(payload)); err != nil {
		t.Fatal(err)
	}
	return bytes.Clone(buffer.Bytes())
}
