package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"deputy/internal/bench/report"
	"deputy/internal/nstest"
	"deputy/internal/testnet"
)

// TestMain lets this test be what a ping-pong starts again: pid 1 of a node, and ipxbench itself.
func TestMain(m *testing.M) {
	testnet.Init()
	if os.Args[0] == "ipxbench" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// ipxbench runs the command in this process.
func ipxbench(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	status = run(t.Context(), args, strings.NewReader(""), &out, &err)
	return status, out.String(), err.String()
}

func rows(t *testing.T, jsonLines string) []report.Row {
	t.Helper()
	var all []report.Row
	for d := json.NewDecoder(strings.NewReader(jsonLines)); ; {
		var r report.Row
		err := d.Decode(&r)
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatalf("%v in %q", err, jsonLines)
		}
		all = append(all, r)
	}
}

// checkRows looks at what must hold of rows whatever the machine.
func checkRows(t *testing.T, got []report.Row, layers []string, size int, count int64) {
	t.Helper()
	var names []string
	for _, r := range got {
		names = append(names, r.Layer)
		if r.Count != count {
			t.Errorf("%s: %d round trips, want %d", r.Layer, r.Count, count)
		}
		p := r.RTT
		if p.Min <= 0 || p.Min > p.P50 || p.P50 > p.P90 || p.P90 > p.P99 || p.P99 > p.Max {
			t.Errorf("%s: percentiles %+v", r.Layer, p)
		}
		payload, frame := size, map[string]int{
			report.Link: 14, report.IP: 34, report.TCPMod: 54, report.RDP: 52, report.MessageTCPMod: 54, report.MessageRDP: 52,
			report.CloseTCPMod: 54, report.CloseRDP: 52, report.KernelUDP: 42, report.KernelUDPSpin: 42,
			report.KernelTCP: 66, report.KernelTCPSpin: 66,
		}[r.Layer]
		if strings.HasPrefix(r.Layer, "message-") || strings.HasPrefix(r.Layer, "close-") {
			payload = 24
		}
		if r.PayloadBytes != payload || r.FrameBytes != payload+frame {
			t.Errorf("%s: %d bytes in a frame of %d, want %d in %d", r.Layer, r.PayloadBytes, r.FrameBytes, payload, payload+frame)
		}
	}
	if !slices.Equal(names, layers) {
		t.Errorf("layers %q, want %q", names, layers)
	}
}

// All twelve rows, on two nodes of its own. The working directory is in the module, so deputynode is
// built if it is not on PATH.
func TestPingPong(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	status, stdout, stderr := ipxbench(t, "ping-pong", "--count", "200", "--format", "json")
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	if strings.Contains(stderr, "left out") {
		t.Errorf("rows were left out: %s", stderr)
	}
	checkRows(t, rows(t, stdout), report.Layers, 24, 200)
}

// The other backend, another size, the table.
func TestPingPongText(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	t.Setenv("PATH", "/nonexistent") // neither deputynode nor a Go to build it
	status, stdout, stderr := ipxbench(t, "ping-pong", "--count", "50", "--size", "1040", "--link", "packet", "--idle", "100")
	if status != 0 || stderr != "" {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	for _, want := range []string{
		"machine", "packet, polled", "MTU 1500 bytes", "100 tcpmod connections open", "100 rdp connections open", "to CPU", "1040",
		"left out: close-tcpmod, close-rdp: deputynode is neither beside ipxbench nor on PATH",
		"kernel TCP takes", "table 5.1", "table 5.2",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	for _, layer := range report.Layers[:6] {
		if !strings.Contains(stdout, "\n  "+layer+" ") {
			t.Errorf("no row %s in\n%s", layer, stdout)
		}
	}
}

// One CPU for both sides: nobody spins, and it works all the same.
func TestPingPongOneCPU(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	t.Setenv("PATH", "/nonexistent")
	status, stdout, stderr := ipxbench(t, "ping-pong", "--count", "50", "--pin", "0,0", "--format", "json")
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	if got := len(rows(t, stdout)); got != len(report.Layers)-2 {
		t.Errorf("%d rows: %s", got, stderr)
	}
}

// Both transports and the kernel's TCP, in one run.
func TestCompare(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	status, stdout, stderr := ipxbench(t, "compare", "--bytes", "3000000", "--runs", "2", "--format", "json")
	if status != 0 {
		t.Fatalf("exit status %d: %s", status, stderr)
	}
	var names []string
	for line := range strings.Lines(stdout) {
		var row report.Goodput
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		names = append(names, row.Transport)
		if row.Runs != 2 || row.Bytes != 3_000_000 || row.MBps.Min <= 0 || row.MBps.Median < row.MBps.Min || row.VsKernel <= 0 {
			t.Errorf("%+v", row)
		}
	}
	if want := []string{report.TCPMod, report.RDP, report.KernelTCP}; !slices.Equal(names, want) {
		t.Errorf("rows of %q, want %q", names, want)
	}
}

// A run that is interrupted says so and leaves nothing.
func TestPingPongInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	status := run(ctx, []string{"ping-pong"}, strings.NewReader(""), &stdout, &stderr)
	if os.Geteuid() == 0 && (status != statusInterrupted || stderr.String() != "ipxbench: interrupted\n") {
		t.Errorf("exit status %d: %s", status, stderr.String())
	}
}

// again is this program, started again as ipxbench.
func again(args ...string) *exec.Cmd {
	return &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{"ipxbench"}, args...)}
}

// Two machines: serve on one, ping-pong on the other.
func TestTwoMachines(t *testing.T) {
	a, b := nstest.Pair(t)
	a.SetAddr("192.0.2.1/24")
	b.SetAddr("192.0.2.2/24")
	serve := again("serve", "--iface", b.Iface, "--node", "other", "--until-eof")
	life, err := serve.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	var serveLog bytes.Buffer
	serve.Stderr = &serveLog
	b.Do(func() {
		if err := serve.Start(); err != nil {
			t.Fatal(err)
		}
	})
	endServe := sync.OnceFunc(func() {
		_ = life.Close()
		if err := serve.Wait(); err != nil || serveLog.Len() > 0 {
			t.Errorf("serve: %v, %s", err, serveLog.String())
		}
	})
	defer endServe()

	pingPong := func(args ...string) (string, string, error) {
		cmd := again(append([]string{"ping-pong", "--iface", a.Iface, "--format", "json"}, args...)...)
		cmd.Env = append(os.Environ(), "PATH=/nonexistent")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		a.Do(func() {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		})
		err := cmd.Wait()
		return stdout.String(), stderr.String(), err
	}
	for _, peer := range []string{"", "other", "192.0.2.2"} {
		stdout, stderr, err := pingPong("--count", "50", "--peer", peer, "--pin", "0")
		if err != nil {
			t.Fatalf("peer %q: %v: %s", peer, err, stderr)
		}
		want := slices.Concat(report.Layers[:6], report.Layers[8:])
		checkRows(t, rows(t, stdout), want, 24, 50)
		if !strings.Contains(stderr, "left out: close-tcpmod, close-rdp: deputynode") {
			t.Errorf("peer %q: %s", peer, stderr)
		}
	}
	if _, stderr, err := pingPong("--peer", "nobody"); err == nil ||
		!strings.Contains(stderr, "peer nobody on veth-a does not answer within 3s") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("a peer that is not there: %v: %s", err, stderr)
	}
	endServe() // it would say, rightly, that the network is down
	b.SetDown()
	a.SetDown()
	if _, stderr, err := pingPong(); err == nil || stderr != "ipxbench: link: veth-a: interface is down\n" {
		t.Errorf("an interface that is down: %v: %s", err, stderr)
	}
}

func TestBadInput(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"ping-pong", "--iface", "nope0"}, "ipxbench: interface nope0: no such network interface\n"},
		{[]string{"serve", "--iface", "nope0"}, "ipxbench: interface nope0: no such network interface\n"},
		{[]string{"serve"}, "ipxbench: required flag(s) \"iface\" not set\n"},
		{[]string{"serve", "--iface", "lo", "--link", "x"}, "ipxbench: bad option --link x: give ring or packet\n"},
		{[]string{"ping-pong", "--iface", "lo"}, "ipxbench: link: lo: not an Ethernet interface\n"},
		{[]string{"ping-pong", "--link", "x"}, "ipxbench: bad option --link x: give ring or packet\n"},
		{[]string{"ping-pong", "--size", "0"}, "ipxbench: bad option --size 0: give at least 1 byte\n"},
		{[]string{"ping-pong", "--count", "0"}, "ipxbench: bad option --count 0: give 1 to 100000000 round trips\n"},
		{[]string{"ping-pong", "--idle", "-1"}, "ipxbench: bad option --idle -1: give 0 to 16000 connections\n"},
		{[]string{"ping-pong", "--count", "many"}, "ipxbench: invalid argument \"many\" for \"--count\" flag: strconv.ParseInt: parsing \"many\": invalid syntax\n"},
		{[]string{"ping-pong", "--pin", "4096"}, "ipxbench: cannot pin to CPU 4096: "},
		{[]string{"ping-pong", "--peer", "b"}, "ipxbench: bad option --peer: give --iface too, the interface that leads to the peer\n"},
		{[]string{"ping-pong", "--format", "xml"}, "ipxbench: bad option --format xml: give text or json\n"},
		{[]string{"ping-pong", "--address", "x"}, "ipxbench: bad option --address x: give an IP address\n"},
		{[]string{"compare", "--bytes", "0"}, "ipxbench: bad option --bytes 0: give at least 1\n"},
		{[]string{"compare", "--runs", "0"}, "ipxbench: bad option --runs 0: give at least 1\n"},
		{[]string{"ping-pong", "b"}, "ipxbench: unknown command \"b\" for \"ipxbench ping-pong\"\n"},
		{[]string{"pong"}, "ipxbench: unknown command \"pong\" for \"ipxbench\"\n"},
	} {
		status, stdout, stderr := ipxbench(t, test.args...)
		if status != statusFailed || stdout != "" || !strings.HasPrefix(stderr, test.want) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%q: exit status %d, %q, %q; want %q", test.args, status, stdout, stderr, test.want)
		}
	}
}

// A size that does not fit is refused once the MTU is known.
func TestSizeAboveMTU(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	status, stdout, stderr := ipxbench(t, "ping-pong", "--size", "1461")
	want := "ipxbench: 1461 bytes: does not fit into one frame: at most 1460 at an MTU of 1500\n"
	if status != statusFailed || stdout != "" || stderr != want {
		t.Errorf("exit status %d, %q, %q; want %q", status, stdout, stderr, want)
	}
}
