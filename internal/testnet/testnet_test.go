package testnet

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deputy/internal/testnet/agenttest"
)

func TestMain(m *testing.M) {
	Init()
	agenttest.Init()
	os.Exit(m.Run())
}

// start makes nodes for a test and closes them at its end.
func start(t *testing.T, o Options) *Net {
	t.Helper()
	needRoot(t)
	n, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return n
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
}

// output runs a shell script on a node and returns what it prints.
func output(t *testing.T, n *Net, node, script string) string {
	t.Helper()
	out, err := n.Command(node, "sh", "-c", script).CombinedOutput()
	if err != nil {
		t.Fatalf("on node %s, %s: %v\n%s", node, script, err, out)
	}
	return string(out)
}

func TestNodes(t *testing.T) {
	for name, tc := range map[string]struct {
		o    Options
		want []string
	}{
		"two, joined directly": {Options{}, []string{"a", "b"}},
		"two on a bridge":      {Options{Bridge: true}, []string{"a", "b"}},
		"four":                 {Options{Nodes: 4}, []string{"a", "b", "c", "d"}},
	} {
		t.Run(name, func(t *testing.T) {
			n := start(t, tc.o)
			if diff := cmp.Diff(tc.want, n.Nodes()); diff != "" {
				t.Fatalf("nodes (-want +got):\n%s", diff)
			}
			for _, node := range tc.want {
				want := strings.Repeat(node+"\n", 2) + "lo\neth0\n"
				got := output(t, n, node, "hostname; cat /node/name; grep -o '[a-z0-9]*:' /proc/net/dev | tr -d :")
				gotLines, wantLines := strings.Split(got, "\n"), strings.Split(want, "\n")
				slices.Sort(gotLines)
				slices.Sort(wantLines)
				if diff := cmp.Diff(wantLines, gotLines); diff != "" {
					t.Errorf("node %s (-want +got):\n%s", node, diff)
				}
			}
			for _, from := range tc.want {
				for _, to := range tc.want {
					if from != to {
						exchange(t, n, from, to)
					}
				}
			}
		})
	}
}

// exchange sends a datagram from one node to another by the host's IP stack.
func exchange(t *testing.T, n *Net, from, to string) {
	t.Helper()
	var server, client *net.UDPConn
	addr := &net.UDPAddr{IP: n.KernelAddr(to).AsSlice(), Port: 7}
	err := n.Do(to, func() (err error) {
		server, err = net.ListenUDP("udp", addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	err = n.Do(from, func() (err error) {
		client, err = net.DialUDP("udp", nil, addr)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	want := from + " to " + to
	if _, err := client.Write([]byte(want)); err != nil {
		t.Fatal(err)
	}
	server.SetReadDeadline(time.Now().Add(5 * time.Second))
	buf := make([]byte, 100)
	length, peer, err := server.ReadFromUDPAddrPort(buf)
	if err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if got := string(buf[:length]); got != want || peer.Addr().Unmap() != n.KernelAddr(from) {
		t.Errorf("received %q from %v, want %q from %v", got, peer.Addr(), want, n.KernelAddr(from))
	}
}

func TestMTU(t *testing.T) {
	for _, bridge := range []bool{false, true} {
		n := start(t, Options{MTU: 9000, Bridge: bridge})
		for _, node := range n.Nodes() {
			if got := output(t, n, node, "cat /sys/class/net/eth0/mtu"); got != "9000\n" {
				t.Errorf("bridge %v, node %s: MTU %q, want 9000", bridge, node, got)
			}
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	needRoot(t)
	for name, o := range map[string]Options{
		"one node":     {Nodes: 1},
		"3 networks":   {Networks: 3},
		"no networks":  {Networks: -1},
		"two nodes g":  {Nodes: 7, Networks: 2},
		"27 nodes":     {Nodes: 27},
		"negative":     {Nodes: -1},
		"MTU of 1":     {MTU: 1},
		"no such MTU":  {MTU: 1 << 20, Bridge: true},
		"negative MTU": {MTU: -1},
	} {
		if n, err := Start(t.Context(), o); err == nil {
			n.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

func TestIsolation(t *testing.T) {
	before := hostView(t)
	n := start(t, Options{Bridge: true})

	shared := t.TempDir() // below /tmp, which is the host's
	output(t, n, "a", "echo a >/run/mine; echo other >/node/name; mkdir /only-a; hostname elsewhere; touch "+shared+"/from-a; mount -t tmpfs none /mnt; touch /mnt/only-a; ip link add extra type bridge")
	got := output(t, n, "b", "ls /run /mnt; cat /node/name; hostname; ls -d /only-a 2>&1; ls "+shared+"; ls /sys/class/net")
	if strings.Contains(got, "mine") || strings.Contains(got, "extra") || strings.Contains(got, "other") ||
		strings.Contains(got, "/mnt/only-a") || !strings.Contains(got, "from-a") || !strings.Contains(got, "b\nb\n") {
		t.Errorf("node b sees what node a has done to itself, or not what is shared:\n%s", got)
	}
	if _, err := os.Stat("/run/mine"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a node's /run is the host's: %v", err)
	}
	if _, err := os.Stat("/only-a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a node's root is the host's: %v", err)
	}
	if diff := cmp.Diff(before, hostView(t)); diff != "" {
		t.Errorf("the host has changed (-before +with nodes):\n%s", diff)
	}

	// Namespaces: each node's are its own, and processes of others are not seen.
	var ids []string
	for _, node := range n.Nodes() {
		ids = append(ids, strings.Fields(output(t, n, node, "cd /proc/self/ns; readlink net mnt uts pid"))...)
	}
	for _, kind := range []string{"net", "mnt", "uts", "pid"} {
		own, err := os.Readlink("/proc/self/ns/" + kind)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, own)
	}
	slices.Sort(ids)
	if unique := slices.Compact(slices.Clone(ids)); len(unique) != len(ids) || len(ids) != 12 {
		t.Errorf("namespaces are not one to each node and kind, and the host's: %q", ids)
	}
	if got := output(t, n, "a", "cat /proc/[0-9]*/comm | sort -u | tr '\\n' ' '"); strings.Contains(got, "systemd") ||
		len(strings.Fields(got)) > 5 {
		t.Errorf("processes on node a: %s", got)
	}
}

// hostView is what of the host must not change: interfaces, mounts, named network namespaces, top-level
// folders.
func hostView(t *testing.T) map[string]string {
	t.Helper()
	view := make(map[string]string)
	interfaces, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range interfaces {
		view["interface "+i.Name] = fmt.Sprint(i.Index)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	view["mounts"] = string(mounts)
	for _, dir := range []string{"/", "/run", "/run/netns"} {
		entries, err := os.ReadDir(dir)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			view["in "+dir] += e.Name() + "\n"
		}
	}
	return view
}

// TestCloseLeavesNothing: processes that the nodes' commands have left behind, descriptors and threads.
func TestCloseLeavesNothing(t *testing.T) {
	needRoot(t)
	before := hostView(t)
	marker := fmt.Sprintf("TESTNET_MARKER=%d.%d", os.Getpid(), time.Now().UnixNano())
	round := func() {
		n, err := Start(t.Context(), Options{Bridge: true})
		if err != nil {
			t.Fatal(err)
		}
		cmd := n.Command("b", "sh", "-c", "trap '' TERM INT HUP; setsid sleep 1000 >/dev/null 2>&1 & echo started")
		cmd.Env = append(os.Environ(), marker)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != "started\n" {
			t.Fatalf("%v: %s", err, out)
		}
		// Between its fork and its execve the process may show nothing yet.
		for deadline := time.Now().Add(5 * time.Second); len(marked(t, marker)) == 0; runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal("the process left behind is not there while the nodes are: the test sees nothing")
			}
		}
		if err := n.Close(); err != nil {
			t.Fatal(err)
		}
		if left := marked(t, marker); len(left) > 0 {
			t.Fatalf("still there: %q", left)
		}
		if err := n.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
		if err := n.Command("a", "true").Run(); err == nil {
			t.Error("a command after Close did not fail")
		}
	}
	round() // the runtime makes threads and descriptors of its own the first time
	descriptors, threads := count(t, "/proc/self/fd"), count(t, "/proc/self/task")
	for range 5 {
		round()
	}
	if got := count(t, "/proc/self/fd"); got != descriptors {
		t.Errorf("%d descriptors open, %d before", got, descriptors)
	}
	// The runtime may have started a few more threads; 5 rounds of 4 would have left 20.
	if got := count(t, "/proc/self/task"); got > threads+8 {
		t.Errorf("%d threads, %d before", got, threads)
	}
	if diff := cmp.Diff(before, hostView(t)); diff != "" {
		t.Errorf("the host has changed (-before +after):\n%s", diff)
	}
}

// marked lists the processes that have the marker in their environment.
func marked(t *testing.T, marker string) []string {
	t.Helper()
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, dir := range dirs {
		env, err := os.ReadFile(dir + "/environ")
		if err != nil || !bytes.Contains(env, []byte(marker)) {
			continue // gone meanwhile, or somebody else's
		}
		found = append(found, dir)
	}
	return found
}

func count(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

func TestCommand(t *testing.T) {
	n := start(t, Options{})
	for name, tc := range map[string]struct {
		args   []string
		status int
		stdout string
	}{
		"success":     {[]string{"true"}, 0, ""},
		"exit status": {[]string{"sh", "-c", "exit 42"}, 42, ""},
		"signal":      {[]string{"sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		"input":       {[]string{"sed", "s/in/out/"}, 0, "output\n"},
		"full path":   {[]string{"/bin/echo", "x"}, 0, "x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := n.Command("b", tc.args[0], tc.args[1:]...)
			cmd.Stdin = strings.NewReader("input\n")
			out, err := cmd.Output()
			if string(out) != tc.stdout {
				t.Errorf("output %q, want %q", out, tc.stdout)
			}
			if got := ExitStatus(cmd.ProcessState); got != tc.status {
				t.Errorf("exit status %d, want %d", got, tc.status)
			}
			if (err != nil) != (tc.status != 0) {
				t.Errorf("error %v with exit status %d", err, tc.status)
			}
		})
	}
}

func TestCommandNotStarted(t *testing.T) {
	n := start(t, Options{})
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		node, name string
		want       error
	}{
		"not on PATH":      {"a", "no-such-program", exec.ErrNotFound},
		"no such file":     {"a", "/no/such/program", exec.ErrNotFound},
		"not executable":   {"a", plain, fs.ErrPermission},
		"a folder":         {"a", "/usr", fs.ErrPermission},
		"no such node":     {"z", "true", ErrNode},
		"empty name":       {"a", "", exec.ErrNotFound},
		"a node's program": {"a", "/node/name", fs.ErrPermission},
	} {
		if err := n.Command(tc.node, tc.name).Run(); !errors.Is(err, tc.want) {
			t.Errorf("%s: error %v, want %v", name, err, tc.want)
		}
	}
	cmd := n.Command("a", "true")
	cmd.Dir = "/no/such/folder"
	if err := cmd.Run(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("working directory that is not there: error %v", err)
	}
}

// TestCommandEnvironment: the host's working directory and environment, and the folder of binaries first on PATH.
func TestCommandEnvironment(t *testing.T) {
	bin, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "hostname"), []byte("#!/bin/sh\necho mine\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TESTNET_VARIABLE", "passed on")
	t.Chdir(dir)
	if err := os.WriteFile("script", []byte("#!/bin/sh\necho relative\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	n := start(t, Options{BinDir: bin})
	want := "mine\n" + dir + "\n" + dir + "\npassed on\nrelative\n"
	if got := output(t, n, "a", "hostname; pwd -P; echo $PWD; echo $TESTNET_VARIABLE; ./script"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if out, err := n.Command("a", "./script").Output(); err != nil || string(out) != "relative\n" {
		t.Errorf("./script: %q, %v", out, err)
	}
}

func TestCommandStopped(t *testing.T) {
	n := start(t, Options{})
	cmd := n.Command("a", "sh", "-c", "kill -TSTP $$; exit 3")
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sig, stopped, err := cmd.Stopped()
	if sig != unix.SIGTSTP || !stopped || err != nil {
		t.Errorf("Stopped: %v, %v, %v; want SIGTSTP, true", sig, stopped, err)
	}
	if err := cmd.Process.Signal(unix.SIGCONT); err != nil {
		t.Error(err)
	}
	if _, stopped, err := cmd.Stopped(); stopped || err != nil {
		t.Errorf("Stopped: %v, %v; want false", stopped, err)
	}
	cmd.Wait()
	if got := ExitStatus(cmd.ProcessState); got != 3 {
		t.Errorf("exit status %d, want 3", got)
	}
}

func TestBuild(t *testing.T) {
	needRoot(t)
	defer func(b []string) { binaries = b }(binaries)
	binaries = []string{"deputy/testbed"}
	n := start(t, Options{Build: true})
	for _, node := range n.Nodes() {
		if got := output(t, n, node, "command -v testbed"); got != sharedBinDir+"/testbed\n" {
			t.Errorf("node %s: testbed is %q", node, got)
		}
		output(t, n, node, "testbed --help")
	}
	if _, err := os.Stat(sharedBinDir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is on the host: %v", sharedBinDir, err)
	}

	binaries = []string{"deputy/no/such/package"}
	_, err := Start(t.Context(), Options{Build: true})
	var build *BuildError
	if !errors.As(err, &build) || !strings.Contains(build.Output, "no/such/package") {
		t.Errorf("package that is not there: error %v", err)
	}
}
