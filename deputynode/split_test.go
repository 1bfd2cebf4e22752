package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"deputy/deputynode/control"
	"deputy/internal/locked"
	"deputy/internal/testnet"
)

func TestMain(m *testing.M) {
	testnet.Init()
	os.Exit(m.Run())
}

// start makes nodes a and b with an agent each.
func start(t *testing.T, capture io.Writer, agentArgs ...string) *testnet.Net {
	t.Helper()
	return startNet(t, testnet.Options{Capture: capture, AgentArgs: func(string) []string { return agentArgs }})
}

// startNet makes nodes with an agent each.
func startNet(t *testing.T, o testnet.Options) *testnet.Net {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root: network namespaces")
	}
	var log locked.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o.Build, o.Agents, o.AgentLog = true, true, &log
	n, err := testnet.Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Log(log.String())
		}
	})
	return n
}

// outcome is all that a program shows to who runs it.
type outcome struct {
	Stdout, Stderr string
	Status         int
}

func run(t *testing.T, n *testnet.Net, stdin string, name string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := n.CommandContext(ctx, "a", name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	_ = cmd.Run() // the status tells
	if cmd.ProcessState == nil {
		t.Fatalf("%s did not start", name)
	}
	return outcome{stdout.String(), stderr.String(), testnet.ExitStatus(cmd.ProcessState)}
}

// end waits until the command ends by itself, for a minute at most, and gives its exit status.
func end(t *testing.T, cmd *testnet.Cmd) int {
	t.Helper()
	late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // the status tells
	if !late.Stop() {
		t.Fatalf("%s has not ended", cmd.Args)
	}
	return testnet.ExitStatus(cmd.ProcessState)
}

// TestSameAsLocal runs programs at home and with their bodies on b, and compares all that can be seen.
func TestSameAsLocal(t *testing.T) {
	dir := t.TempDir()
	lines := filepath.Join(dir, "lines")
	var text strings.Builder
	for i := range 200_000 {
		fmt.Fprintln(&text, i*7919%1_000_003)
	}
	if err := os.WriteFile(lines, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	python, err := exec.LookPath("/usr/bin/python3")
	if err != nil {
		t.Fatal(err)
	}
	const script = `import os, sys
p = os.path.join(sys.argv[1], "x")
with open(p, "w") as f: f.write("hello " * 1000)
os.rename(p, p + "y")
print(os.path.getsize(p + "y"), os.getcwd(), sys.stdin.read())
os.unlink(p + "y")
try: open(p)
except OSError as e: print(e)
sys.exit(9)`
	programs := []invocation{
		{"", []string{"cat", "/node/name"}},
		{"", []string{"hostname"}},
		{"", []string{"sha256sum", lines}},
		{"", []string{"sort", "-n", lines}},
		{"", []string{"ls", "-l", "/etc"}},
		{"", []string{"ls", "/does/not/exist"}},
		{text.String(), []string{"gzip", "-c"}},
		{"piped", []string{"cat", "-"}},
		{"from stdin", []string{python, "-c", script, dir}},
		{"", []string{"busybox", "ls", "-l", "/usr/bin"}},
		{"", []string{"busybox", "wc", lines}},
		{"", []string{"sh", "-c", "exit 7"}},
		{"", []string{"sh", "-c", "kill -TERM $$"}},
		{"", []string{"sh", "-c", "trap 'echo caught' USR1; kill -USR1 $$; echo after"}},
		{"", []string{"sh", "-c", "exec id"}},
		{"", []string{"env", "-i", "A=b", "env"}},
		{"", []string{"perl", "-e", `$SIG{SEGV} = sub { print "handled\n"; exit 4 }; kill "SEGV", $$; sleep 5`}},
		// Through the memory window: a call that is new to everybody, and ones that no row describes, with good
		// pointers and bad ones (FS_IOC_FIEMAP, name_to_handle_at).
		{"", []string{"perl", "-e", `$r = syscall(999, 1, 2); print "$r $!\n"; open F, "<", $ARGV[0];
			$m = pack("QQLLLL", 0, 1 << 62, 0, 0, 0, 0); $r = ioctl(F, 0xC020660B, $m); print "$r $!\n", unpack("H64", $m), "\n";
			$r = syscall(16, fileno(F), 0xC020660B, 0x1234); print "$r $!\n";
			$h = pack("LLx128", 128, 0); $i = pack("L", 0); $p = $ARGV[0];
			$r = syscall(303, -100, $p, $h, $i, 0); print "$r $!\n", unpack("H48", $h), unpack("H*", $i), "\n"`, lines}},
		{"", []string{python, "-c", "import ctypes; ctypes.string_at(0)"}},
	}
	programs = append(append(programs, families...), threaded...)
	for _, transport := range []string{"tcpmod", "rdp"} {
		for _, impair := range []string{"", "loss=1%,dup=0.5%,reorder=1%,seed=5"} {
			t.Run(transport+" "+impair, func(t *testing.T) {
				n := start(t, nil, "--impair", impair)
				for _, p := range programs {
					want := run(t, n, p.stdin, p.args[0], p.args[1:]...)
					got := run(t, n, p.stdin, "deputynode",
						append([]string{"run", "--on", "b", "--transport", transport, "--"}, p.args...)...)
					if d := cmp.Diff(want, got); d != "" {
						t.Errorf("%q (-local +split): %.2000s", p.args, d)
					}
				}
				lazy := run(t, n, "", "deputynode", "run", "--on", "b", "--transport", transport, "--copyin", "lazy", "--", "sha256sum", lines)
				if d := cmp.Diff(run(t, n, "", "sha256sum", lines), lazy); d != "" {
					t.Errorf("lazily (-local +split): %s", d)
				}
			})
		}
	}
}

// TestThesisSizes captures one remote close() and one remote write() of 1 KiB, made as the thesis made them, and
// compares the datagrams with its section 5.2.2.
func TestThesisSizes(t *testing.T) {
	var capture locked.Buffer
	n := start(t, &capture)
	got := run(t, n, "", "deputynode", "run", "--on", "b", "--copyin", "lazy", "--", "perl", "-e",
		`my $data = "x" x 1024; syscall(3, 77); syscall(1, 1, $data, 1024); syscall(3, 78);`)
	if got.Status != 0 || got.Stdout != strings.Repeat("x", 1024) {
		t.Fatalf("%+v", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	sizes := messageSizes(t, capture.Bytes())
	want := []int{64, 68, 72, 56, 1080, 68, 64, 68} // close; write and its copyin; close
	if !bytes.Contains(asBytes(sizes), asBytes(want)) {
		t.Errorf("%v are not among the datagrams with data: %v", want, sizes)
	}
}

// messageSizes returns the lengths of all TCP datagrams that carry data, in order.
func messageSizes(t *testing.T, pcapng []byte) []int {
	t.Helper()
	r, err := pcapgo.NewNgReader(bytes.NewReader(pcapng), pcapgo.DefaultNgReaderOptions)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int
	for {
		data, _, err := r.ReadPacketData()
		if err != nil {
			break
		}
		packet := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		ip, _ := packet.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
		tcp, _ := packet.Layer(layers.LayerTypeTCP).(*layers.TCP)
		if ip != nil && tcp != nil && len(tcp.Payload) > 0 {
			sizes = append(sizes, int(ip.Length))
		}
	}
	return sizes
}

func asBytes(numbers []int) []byte {
	var b []byte
	for _, n := range numbers {
		b = append(b, byte(n>>8), byte(n))
	}
	return b
}

// TestRefused: what cannot run says why in one line, with the status that a shell would give.
func TestRefused(t *testing.T) {
	n := start(t, nil)
	dir := t.TempDir()
	other := filepath.Join(dir, "arm")
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	header[16], header[18] = 2, 183 // ET_EXEC, EM_AARCH64
	plain := filepath.Join(dir, "plain")
	for file, mode := range map[string]os.FileMode{other: 0o755, plain: 0o644} {
		if err := os.WriteFile(file, header, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		on, program, says string
		status            int
	}{
		{"nowhere", "true", `node "nowhere" is not there`, 125},
		{"b", "no-such-program", "command not found", 127},
		{"b", "/no/such/program", "no such file", 127},
		{"b", plain, "permission denied", 126},
		{"b", other, "not a program for x86-64", 126},
		{"b", dir, "permission denied", 126},
	} {
		got := run(t, n, "", "deputynode", "run", "--on", c.on, "--", c.program)
		if got.Status != c.status || !strings.Contains(got.Stderr, c.says) || strings.Count(got.Stderr, "\n") != 1 {
			t.Errorf("%s on %s: %+v, want status %d and %q", c.program, c.on, got, c.status, c.says)
		}
	}
}

// TestEndTogether kills either half and looks what becomes of the other.
func TestEndTogether(t *testing.T) {
	n := start(t, nil)
	for _, killed := range []string{"a", "b"} {
		cmd := n.Command("a", "deputynode", "run", "--on", "b", "--", "sleep", "1000")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, "the process is split", func() bool { return len(split(t, n)) == 1 })
		waitFor(t, "the body sleeps", func() bool { return split(t, n)[0].ByName["clock_nanosleep"] == 1 })
		if out, err := n.Command(killed, "pkill", "-KILL", "-x", "sleep").CombinedOutput(); err != nil {
			t.Fatalf("pkill on %s: %v %s", killed, err, out)
		}
		if status := end(t, cmd); status != 128+9 {
			t.Errorf("killed on %s: it ended with %d", killed, status)
		}
		for _, node := range n.Nodes() {
			waitFor(t, "nothing is left on "+node, func() bool {
				return n.Command(node, "pgrep", "-x", "sleep|deputy-init|pause").Run() != nil
			})
		}
		waitFor(t, "no deputy is left", func() bool { return len(split(t, n)) == 0 })
	}
}

// split asks which split processes node a has.
func split(t *testing.T, n *testnet.Net) []control.Process {
	t.Helper()
	out, err := n.Command("a", "deputynode", "ps", "--format", "json").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []control.Process
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p control.Process
		if err := d.Decode(&p); err != nil {
			return all
		}
		all = append(all, p)
	}
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !cond(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
