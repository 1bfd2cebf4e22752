package testnet

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// TestCapture: every frame once, under the name of its sender, in order.
func TestCapture(t *testing.T) {
	for name, o := range map[string]Options{"direct": {}, "bridge": {Nodes: 3}} {
		t.Run(name, func(t *testing.T) {
			var file bytes.Buffer
			o.Capture = &file
			n := start(t, o)
			want := []string{"a to b", "b to a", "a to b"}
			for _, way := range want {
				exchange(t, n, way[:1], way[len(way)-1:])
			}
			if err := n.Close(); err != nil {
				t.Fatal(err)
			}

			r, err := pcapgo.NewNgReader(bytes.NewReader(file.Bytes()), pcapgo.DefaultNgReaderOptions)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for last := int64(0); ; {
				frame, info, err := r.ReadPacketData()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatal(err)
				}
				if at := info.Timestamp.UnixNano(); at < last {
					t.Errorf("time stamps go back by %d ns", last-at)
				} else {
					last = at
				}
				packet := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
				if udp, ok := packet.TransportLayer().(*layers.UDP); ok {
					text := string(udp.Payload)
					got = append(got, text)
					sender, err := r.Interface(info.InterfaceIndex)
					if err != nil || sender.Name != text[:1] {
						t.Errorf("frame %q is by interface %q (%v)", text, sender.Name, err)
					}
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("datagrams in the capture (-want +got):\n%s", diff)
			}
			tsharkReads(t, file.Bytes(), len(want))
		})
	}
}

// tsharkReads has tshark count the UDP datagrams of the capture, and fails if it has anything to say about it.
func tsharkReads(t *testing.T, capture []byte, want int) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "capture.pcapng")
	if err := os.WriteFile(path, capture, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("tshark", "-n", "-r", path, "-Y", "udp", "-T", "fields", "-e", "frame.interface_name")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("tshark: %v\n%s", err, &stderr)
	}
	if got := strings.Count(string(out), "\n"); got != want {
		t.Errorf("tshark sees %d datagrams, want %d:\n%s", got, want, out)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.Contains(line, "Running as user \"root\"") {
			t.Errorf("tshark says: %s", line)
		}
	}
}
