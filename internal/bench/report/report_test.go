package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixedRow makes a row from a histogram with 100 samples: 98 at p50, and one each at p99 and max.
func fixedRow(t *testing.T, layer string, payload, frame int, p50, p99, max int64) Row {
	t.Helper()
	h := NewHistogram()
	for _, s := range []struct{ v, n int64 }{{p50, 98}, {p99, 1}, {max, 1}} {
		if err := h.RecordValues(s.v, s.n); err != nil {
			t.Fatal(err)
		}
	}
	return Row{Layer: layer, PayloadBytes: payload, FrameBytes: frame, Count: h.TotalCount(), RTT: Percentiles(h)}
}

func fixedReport(t *testing.T) *Report {
	t.Helper()
	r := &Report{
		Between: "between two network namespaces on this machine",
		Setup: []Setting{
			{"machine", "a processor, 2 CPUs, Linux 6.1.0 x86_64"},
			{"pinned", "this side to CPU 0, peer to CPU 1"},
		},
		Rows: []Row{
			fixedRow(t, Link, 24, 38, 3800, 5100, 81_000),
			fixedRow(t, IP, 24, 58, 3900, 5200, 81_000),
			fixedRow(t, TCPMod, 24, 78, 4200, 5500, 81_000),
			fixedRow(t, RDP, 24, 76, 4100, 5500, 81_000),
			fixedRow(t, MessageTCPMod, 24, 78, 4300, 5600, 81_000),
			fixedRow(t, MessageRDP, 24, 76, 4096, 5600, 81_000),
			fixedRow(t, CloseTCPMod, 24, 78, 52_000, 105_000, 1_234_567),
			fixedRow(t, KernelUDP, 24, 66, 25_000, 31_000, 90_000),
			fixedRow(t, KernelUDPSpin, 24, 66, 10_000, 12_000, 90_000),
			fixedRow(t, KernelTCP, 24, 90, 27_000, 33_000, 90_000),
			fixedRow(t, KernelTCPSpin, 24, 90, 11_000, 13_000, 90_000),
		},
		LeftOut:    []LeftOut{{[]string{CloseRDP}, "no agent answers"}},
		LocalClose: 1.05,
	}
	r.Rows[0].Lost = 1
	r.Rows[1].Lost = 1200
	r.Rows[2].Resent = 2
	SetAdded(r.Rows)
	return r
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	name = filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(name, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestText(t *testing.T) {
	var b bytes.Buffer
	if err := fixedReport(t).WriteText(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.txt", b.Bytes())
}

func TestJSON(t *testing.T) {
	var b bytes.Buffer
	if err := fixedReport(t).WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "rows.json", b.Bytes())
}

// The interface: one object a line, with these keys and no others, and the names of the layers.
func TestJSONInterface(t *testing.T) {
	r := &Report{}
	for _, layer := range Layers {
		r.Rows = append(r.Rows, fixedRow(t, layer, 24, 78, 1000, 2000, 3000))
	}
	SetAdded(r.Rows)
	var b bytes.Buffer
	if err := r.WriteJSON(&b); err != nil {
		t.Fatal(err)
	}
	var names []string
	for line := range strings.Lines(b.String()) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		names = append(names, object["layer"].(string))
		for _, key := range []string{"layer", "payload_bytes", "frame_bytes", "count", "rtt_us", "added_us"} {
			if _, ok := object[key]; !ok {
				t.Errorf("no %s in %s", key, line)
			}
		}
		rtt := object["rtt_us"].(map[string]any)
		for _, key := range []string{"min", "p50", "p90", "p99", "max"} {
			if _, ok := rtt[key].(float64); !ok {
				t.Errorf("rtt_us.%s is no number in %s", key, line)
			}
		}
		if len(object) != 6 || len(rtt) != 5 {
			t.Errorf("more keys than agreed in %s", line)
		}
	}
	want := strings.Fields("link ip tcpmod rdp message-tcpmod message-rdp close-tcpmod close-rdp " +
		"kernel-udp kernel-udp-spin kernel-tcp kernel-tcp-spin")
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("layers (-want +got):\n%s", diff)
	}
}

func TestSetAdded(t *testing.T) {
	rows := []Row{
		{Layer: Link, RTT: RTT{P50: 4}},
		{Layer: IP, RTT: RTT{P50: 4.5}},
		{Layer: RDP, RTT: RTT{P50: 4.4}},
		{Layer: MessageTCPMod, RTT: RTT{P50: 9}}, // tcpmod was not measured
		{Layer: KernelTCP, RTT: RTT{P50: 27}},
	}
	SetAdded(rows)
	want := []float64{2, 0.25, -0.05, 0, 11.5}
	for i, r := range rows {
		if math.Abs(r.AddedUS-want[i]) > 1e-9 {
			t.Errorf("%s adds %v, want %v", r.Layer, r.AddedUS, want[i])
		}
	}
}

func TestPercentilesOfNothing(t *testing.T) {
	if got := Percentiles(NewHistogram()); got != (RTT{}) {
		t.Errorf("%+v", got)
	}
}

func TestRemarks(t *testing.T) {
	r := fixedReport(t)
	r.Interrupted = true
	want := []string{
		"interrupted: the figures are of the rounds done until then",
		"link: 1 frame lost, sent again and not in the figures",
		"ip: 1,200 frames lost, sent again and not in the figures",
		"tcpmod: 2 segments sent again by this side; their round trips are in the figures",
		"left out: close-rdp: no agent answers",
	}
	if diff := cmp.Diff(want, r.Remarks()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
