package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"
)

// tapScript passes frames of several lengths through a tapped device, both ways.
func tapScript(t *testing.T, w io.Writer) (sent, received [][]byte) {
	t.Helper()
	a, b := NewPair(1500, addrA, addrB)
	d, err := Tap(a, w)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range []int{64, 65, 66, 67, 1500} { // every padding
		f := frameTo(addrB, addrA, i, n)
		sendFrame(t, d, f)
		sent = append(sent, f)
		f = frameTo(addrA, addrB, i, n)
		if i == 0 {
			f = arpRequest(addrB)
		}
		sendFrame(t, b, f)
		if got := d.Receive(); !bytes.Equal(got, f) {
			t.Fatalf("received % x", got)
		}
		received = append(received, f)
		d.Release()
		if d.Receive() != nil {
			t.Fatal("received a second frame")
		}
	}
	if err := d.Send(5); !errors.Is(err, ErrFrameSize) {
		t.Errorf("Send = %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	return sent, received
}

// arpRequest is a whole ARP request (RFC 826), for a decoder to find nothing wrong with.
func arpRequest(from Addr) []byte {
	f := make([]byte, HeaderLen+28)
	putHeader(f, Broadcast, from, EtherTypeARP)
	copy(f[HeaderLen:], []byte{0, 1, 8, 0, 6, 4, 0, 1})
	copy(f[HeaderLen+8:], from[:])
	copy(f[HeaderLen+14:], []byte{192, 0, 2, 2})
	copy(f[HeaderLen+24:], []byte{192, 0, 2, 1})
	return f
}

// TestTap reads the capture back with gopacket's reader.
func TestTap(t *testing.T) {
	var file bytes.Buffer
	before := time.Now()
	sent, received := tapScript(t, &file)
	after := time.Now()

	r, err := pcapgo.NewNgReader(bytes.NewReader(file.Bytes()), pcapgo.NgReaderOptions{ErrorOnMismatchingLinkType: true, SkipUnknownVersion: false})
	if err != nil {
		t.Fatal(err)
	}
	if r.LinkType() != layers.LinkTypeEthernet || r.SectionInfo().Application != "deputy" {
		t.Errorf("link type %v, application %q", r.LinkType(), r.SectionInfo().Application)
	}
	ifi, err := r.Interface(0)
	if err != nil || ifi.Name != "deputy" || ifi.TimestampResolution != 9 {
		t.Errorf("interface %+v, %v", ifi, err)
	}
	last := before
	for i := range 2 * len(sent) {
		want := sent[i/2]
		if i%2 == 1 {
			want = received[i/2]
		}
		got, info, err := r.ReadPacketData()
		if err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
		if !bytes.Equal(got, want) || info.Length != len(want) || info.CaptureLength != len(want) {
			t.Errorf("frame %d of %d bytes: %+v", i, len(want), info)
		}
		if info.Timestamp.Before(last) || info.Timestamp.After(after) {
			t.Errorf("frame %d at %v, not between %v and %v", i, info.Timestamp, last, after)
		}
		last = info.Timestamp
	}
	if _, _, err := r.ReadPacketData(); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// TestPcapngGolden pins every byte.
func TestPcapngGolden(t *testing.T) {
	var file bytes.Buffer
	w, err := newPcapngWriter(&file, "if0", addrA)
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(0, 0x0123456789abcdef)
	if err := w.frame(at, pcapngOutbound, frameTo(addrB, addrA, 0, 1)); err != nil {
		t.Fatal(err)
	}
	want := []byte{
		0x0a, 0x0d, 0x0d, 0x0a, 44, 0, 0, 0, // section header block, 44 bytes
		0x4d, 0x3c, 0x2b, 0x1a, 1, 0, 0, 0, // little-endian, version 1.0
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // length of the section unknown
		4, 0, 6, 0, 'd', 'e', 'p', 'u', 't', 'y', 0, 0, // written by
		0, 0, 0, 0, 44, 0, 0, 0, // end of options, 44 bytes

		1, 0, 0, 0, 52, 0, 0, 0, // interface description block, 52 bytes
		1, 0, 0, 0, 0, 0, 0, 0, // Ethernet, no limit to the length
		2, 0, 3, 0, 'i', 'f', '0', 0, // name
		6, 0, 6, 0, 2, 0, 0, 0, 0, 0x0a, 0, 0, // address
		9, 0, 1, 0, 9, 0, 0, 0, // time in units of 10^-9 s
		0, 0, 0, 0, 52, 0, 0, 0,

		6, 0, 0, 0, 60, 0, 0, 0, // enhanced packet block, 60 bytes
		0, 0, 0, 0, 0x67, 0x45, 0x23, 0x01, 0xef, 0xcd, 0xab, 0x89, // interface 0, time high and low
		15, 0, 0, 0, 15, 0, 0, 0, // bytes captured, bytes
		2, 0, 0, 0, 0, 0x0b, 2, 0, 0, 0, 0, 0x0a, 8, 0, 0, 0, // the frame, padded to 16
		2, 0, 4, 0, 0x06, 0, 0, 0, // flags: outbound, unicast
		0, 0, 0, 0, 60, 0, 0, 0,
	}
	if diff := cmp.Diff(want, file.Bytes()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTapWhole shows that each frame is one Write of whole blocks.
func TestTapWhole(t *testing.T) {
	var w blockChecker
	w.t = t
	tapScript(t, &w)
	if w.blocks != 2+10 {
		t.Errorf("%d blocks", w.blocks)
	}
}

type blockChecker struct {
	t      *testing.T
	blocks int
}

func (w *blockChecker) Write(p []byte) (int, error) {
	w.blocks++
	n := int(binary.LittleEndian.Uint32(p[4:]))
	if n != len(p) || n%4 != 0 || int(binary.LittleEndian.Uint32(p[n-4:])) != n {
		w.t.Errorf("block %d: %d bytes written, lengths within are %d and other", w.blocks, len(p), n)
	}
	return len(p), nil
}

// TestTapTshark reads the capture with tshark, if it is there.
func TestTapTshark(t *testing.T) {
	tshark, err := exec.LookPath("tshark")
	if err != nil {
		t.Skip("tshark is not installed")
	}
	name := filepath.Join(t.TempDir(), "tap.pcapng")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	sent, received := tapScript(t, file)
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(tshark, "-n", "-r", name, "--disable-protocol", "ip", "-T", "fields",
		"-e", "frame.number", "-e", "frame.len", "-e", "frame.interface_name", "-e", "frame.packet_flags_direction",
		"-e", "frame.packet_flags_reception_type", "-e", "eth.type", "-e", "_ws.malformed")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "Running as user \"root\"") {
			t.Errorf("tshark says: %s", line)
		}
	}
	var want strings.Builder
	for i := range sent {
		for k, f := range [][]byte{sent[i], received[i]} {
			direction, kind, etherType := "2", "1", "2048" // outbound, unicast, IPv4
			if k == 1 {
				direction = "1"
			}
			if k == 1 && i == 0 {
				kind, etherType = "3", "2054" // broadcast, ARP
			}
			want.WriteString(strings.Join([]string{itoa(2*i + k + 1), itoa(len(f)), "deputy", direction, kind, etherType, ""}, "\t") + "\n")
		}
	}
	if diff := cmp.Diff(want.String(), decimal(stdout.String())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// decimal rewrites the hexadecimal numbers in a table: which ones tshark prints so depends on its version.
func decimal(table string) string {
	return regexp.MustCompile(`0x[0-9a-f]+`).ReplaceAllStringFunc(table, func(s string) string {
		n, err := strconv.ParseUint(s, 0, 32)
		if err != nil {
			return s
		}
		return strconv.FormatUint(n, 10)
	})
}

// failing is a writer that fails once, after so many writes.
type failing struct {
	left   int
	failed bool
	later  int // writes after the failure
}

var errFull = errors.New("disk full")

func (f *failing) Write(p []byte) (int, error) {
	switch {
	case f.failed:
		f.later++
	case f.left == 0:
		f.failed = true
		return 0, errFull
	default:
		f.left--
	}
	return len(p), nil
}

func TestTapErrors(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	for i := range 2 {
		if d, err := Tap(a, &failing{left: i}); !errors.Is(err, errFull) {
			t.Errorf("Tap = %v, %v", d, err)
		}
	}
	w := &failing{left: 3}
	d, err := Tap(a, w)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		sendFrame(t, d, frameTo(addrB, addrA, i, 64))
	}
	if got := drain(b); len(got) != 3 {
		t.Errorf("the traffic stopped: %v", got)
	}
	if err := d.Close(); !errors.Is(err, errFull) {
		t.Errorf("Close = %v", err)
	}
	if !w.failed || w.later != 0 {
		t.Errorf("%d frames written behind the one that is missing", w.later)
	}
}

// TestTapTimed taps a device with deadlines: whoever drives it must still see them.
func TestTapTimed(t *testing.T) {
	l := newLine(t, "delay=1ms")
	d, err := Tap(l.Impaired, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	td, ok := d.(timed)
	if !ok {
		t.Fatal("the deadlines are hidden")
	}
	sendFrame(t, d, frameTo(addrB, addrA, 1, 64))
	if want := l.now + time.Millisecond; td.Deadline() != want {
		t.Errorf("deadline %v, want %v", td.Deadline(), want)
	}
	l.now += time.Millisecond
	td.Advance(l.now)
	td.Flush(l.now)
	if got := drain(l.far); len(got) != 1 {
		t.Errorf("got %v", got)
	}
	if plain, err := Tap(l.far, io.Discard); err != nil {
		t.Error(err)
	} else if _, ok := plain.(timed); ok {
		t.Error("deadlines out of nowhere")
	} else if err := plain.(ErrorReporter).Err(); err != nil {
		t.Error(err)
	}
}

func TestTapNoAllocation(t *testing.T) {
	a, b := NewPair(1500, addrA, addrB)
	d, err := Tap(a, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	frame := frameTo(addrB, addrA, 1, 1000)
	turn := func() {
		_ = d.Send(copy(d.Buffer(), frame))
		b.Receive()
		b.Release()
	}
	for range pairQueue {
		turn()
	}
	if n := testing.AllocsPerRun(100, turn); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}
