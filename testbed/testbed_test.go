package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"deputy/internal/testnet"
	"deputy/internal/testnet/agenttest"
)

// program is a copy of this test's program under the name testbed, in a folder of binaries of its own.
var program string

func TestMain(m *testing.M) {
	testnet.Init()
	agenttest.Init()
	if filepath.Base(os.Args[0]) == "testbed" {
		os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(runTests(m))
}

// runTests installs the program, with stand-ins for the nodes' binaries beside it, and runs the tests.
func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "testbed-test")
	if err == nil {
		defer os.RemoveAll(dir)
		err = install(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	program = filepath.Join(dir, "testbed")
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP) // under nohup(1) it is ignored, and would be by the testbeds too
	return m.Run()
}

func install(dir string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "testbed"), self, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // one test is not root
		return err
	}
	if err := agenttest.Install(dir); err != nil {
		return err
	}
	return os.Symlink("/bin/true", filepath.Join(dir, "ipxbench"))
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("namespaces need root")
	}
}

// testbed is "testbed run" with the arguments, to be started.
func testbed(args ...string) *exec.Cmd {
	return exec.Command(program, append([]string{"run"}, args...)...)
}

func TestRun(t *testing.T) {
	needRoot(t)
	plain := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(plain, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	// A script whose interpreter is not there: the kernel says so, not the look-up.
	orphan := filepath.Join(t.TempDir(), "orphan")
	if err := os.WriteFile(orphan, []byte("#!/no/such/interpreter\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	notProgram := filepath.Join(t.TempDir(), "notprogram")
	if err := os.WriteFile(notProgram, []byte{1, 2, 3}, 0o755); err != nil {
		t.Fatal(err)
	}
	agentArgs := []string{"cat", agenttest.Folder + "/args"}

	for name, tc := range map[string]struct {
		args   []string
		env    string
		stdin  string
		status int
		stdout string
		stderr string // a part of it; empty: nothing is printed
	}{
		"node a":            {args: []string{"cat", "/node/name"}, stdout: "a\n"},
		"dashes":            {args: []string{"--", "sh", "-c", "hostname"}, stdout: "a\n"},
		"command's flags":   {args: []string{"echo", "-n", "--nodes"}, stdout: "--nodes"},
		"exit status":       {args: []string{"sh", "-c", "exit 7"}, status: 7},
		"signal":            {args: []string{"sh", "-c", "kill -KILL $$"}, status: 128 + 9},
		"standard input":    {args: []string{"tr", "a-z", "A-Z"}, stdin: "passed\n", stdout: "PASSED\n"},
		"environment":       {args: []string{"printenv", "TESTBED_X"}, env: "TESTBED_X=y", stdout: "y\n"},
		"standard error":    {args: []string{"sh", "-c", "echo oops >&2"}, stderr: "oops"},
		"binaries":          {args: []string{"sh", "-c", "ipxbench && command -v deputynode >/dev/null"}},
		"transport":         {args: []string{"--transport", "rdp", "printenv", transportVariable}, stdout: "rdp\n"},
		"copyin":            {args: []string{"--copyin", "lazy", "printenv", copyinVariable}, stdout: "lazy\n"},
		"no transport":      {args: []string{"printenv", transportVariable}, status: 1},
		"transport by user": {args: []string{"printenv", transportVariable}, env: transportVariable + "=rdp", stdout: "rdp\n"},
		"agent": {
			args:   agentArgs,
			stdout: "serve\n--iface\neth0\n--node\na\n",
		},
		"agent's flags": {
			args:   append([]string{"--link", "packet", "--impair", "loss=1%,seed=7"}, agentArgs...),
			stdout: "serve\n--iface\neth0\n--node\na\n--link\npacket\n--impair\nloss=1%,seed=7\n",
		},
		"agent's log":      {args: []string{"-v", "true"}, stderr: "b: agenttest: serving\n"},
		"three nodes, MTU": {args: []string{"--nodes", "3", "--mtu", "9000", "cat", "/sys/class/net/eth0/mtu"}, env: agenttest.Nodes + "=a b c", stdout: "9000\n"},
		"two networks": {
			args: append([]string{"--networks", "2"}, agentArgs...), env: agenttest.Nodes + "=a b g",
			stdout: "serve\n--iface\neth0\n--node\na\n--address\n10.0.1.2/24\n--route\n10.0.2.0/24=10.0.1.1\n",
		},

		"no such command":     {args: []string{"no-such-program"}, status: 127, stderr: "testbed: exec: \"no-such-program\": executable file not found"},
		"no such path":        {args: []string{"/no/such"}, status: 127, stderr: "testbed: exec: \"/no/such\""},
		"no interpreter":      {args: []string{orphan}, status: 127, stderr: "no such file or directory"},
		"not executable":      {args: []string{plain}, status: 126, stderr: "permission denied"},
		"not a program":       {args: []string{notProgram}, status: 126, stderr: "exec format error"},
		"no command":          {status: 125, stderr: "testbed: requires at least 1 arg"},
		"bad flag":            {args: []string{"--no-such", "true"}, status: 125, stderr: "testbed: unknown flag: --no-such\n"},
		"bad transport":       {args: []string{"--transport", "sctp", "true"}, status: 125, stderr: "testbed: --transport sctp: give tcpmod or rdp\n"},
		"too many networks":   {args: []string{"--networks", "3", "true"}, status: 125, stderr: "3 networks"},
		"too many nodes":      {args: []string{"--nodes", "27", "true"}, status: 125, stderr: "27 nodes"},
		"agent fails":         {args: []string{"true"}, env: agenttest.Fail + "=b", status: 125, stderr: "testbed: agent of node b: ended with exit status 3\n  " + agenttest.Complaint + "\n"},
		"capture not created": {args: []string{"--capture", "/no/such/file", "true"}, status: 125, stderr: "testbed: open /no/such/file: no such file or directory\n"},
		"agent dies": {
			args:   []string{"sh", "-c", "kill $(cat " + agenttest.Folder + "/pid); while kill -0 $(cat " + agenttest.Folder + "/pid) 2>/dev/null; do :; done; exit 4"},
			status: 4, stderr: "testbed: agent of node a: ended before its time",
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := testbed(tc.args...)
			cmd.Env = append(os.Environ(), tc.env)
			cmd.Stdin = strings.NewReader(tc.stdin)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
				t.Fatal(err)
			}
			if got := cmd.ProcessState.ExitCode(); got != tc.status {
				t.Errorf("exit status %d, want %d", got, tc.status)
			}
			if diff := cmp.Diff(tc.stdout, stdout.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if got := stderr.String(); !strings.Contains(got, tc.stderr) || tc.stderr == "" && got != "" {
				t.Errorf("standard error %q, want %q", got, tc.stderr)
			}
		})
	}
}

func TestCapture(t *testing.T) {
	needRoot(t)
	file := filepath.Join(t.TempDir(), "x.pcapng")
	cmd := testbed("--capture", file, "--", "bash", "-c", "echo hello >/dev/udp/192.0.2.2/9")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("tshark", "-n", "-r", file, "-Y", "udp.dstport == 9", "-T", "fields", "-e", "frame.interface_name").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "a\n") {
		t.Errorf("tshark: %v: %s", err, out)
	}
}

// TestWithoutRoot: one line that says what is missing.
func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	cmd := testbed("true")
	cmd.SysProcAttr = &unix.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != statusFailed || string(out) != "testbed: needs root\n" {
		t.Errorf("exit status %d and %q", got, out)
	}
}

// started is a testbed under test whose command has said that it runs.
type started struct {
	*exec.Cmd
	marker   string            // in the environment of the testbed, and so of what it starts, but for pid 1 of nodes
	children []int             // pidfds of the testbed's children, which those are among
	host     map[string]string // hostView before
	testing  *testing.T
}

// startMarked starts a testbed whose command runs the script, and waits until that has printed "running".
func startMarked(t *testing.T, script string) *started {
	t.Helper()
	needRoot(t)
	s := &started{
		marker:  fmt.Sprintf("TESTBED_MARKER=%d.%d", os.Getpid(), time.Now().UnixNano()),
		host:    hostView(t),
		testing: t,
	}
	s.Cmd = testbed("--nodes", "3", "--", "sh", "-c", script)
	s.Env = append(os.Environ(), s.marker, agenttest.Nodes+"=a b c")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	s.Stdout, s.Stderr = w, os.Stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, len("running\n"))
	if _, err := io.ReadFull(r, line); err != nil || string(line) != "running\n" {
		t.Fatalf("%q, %v", line, err)
	}
	t.Cleanup(func() { r.Close() })
	if n := len(marked(t, s.marker)); n < 5 { // testbed, three agents, sh
		t.Fatalf("%d processes with the marker while the nodes are there: the test sees too little", n)
	}
	s.children = openChildren(t, s.Process.Pid)
	if n := len(s.children); n < 7 { // three of pid 1, three agents, sh
		t.Fatalf("%d children while the nodes are there: the test sees too little", n)
	}
	return s
}

// end waits for the testbed's end and checks its status, and that nothing is left of it, at once or after
// the kernel has cleaned up.
func (s *started) end(status int) {
	t := s.testing
	t.Helper()
	limit := time.Now().Add(10 * time.Second)
	late := time.AfterFunc(time.Until(limit), func() { _ = s.Process.Kill() })
	s.Wait()
	if !late.Stop() {
		t.Fatal("it has not ended")
	}
	if got := testnet.ExitStatus(s.ProcessState); got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	for _, pidfd := range s.children {
		fds := []unix.PollFd{{Fd: int32(pidfd), Events: unix.POLLIN}}
		if n, err := unix.Poll(fds, int(time.Until(limit).Milliseconds())); n != 1 {
			t.Fatalf("a child of the testbed is still there: %v", err)
		}
	}
	awaitGone(t, s.marker, limit)
	if diff := cmp.Diff(s.host, hostView(t)); diff != "" {
		t.Errorf("the host has changed (-before +after):\n%s", diff)
	}
}

// openChildren opens pidfds of the children of a process, for as long as the test.
func openChildren(t *testing.T, pid int) []int {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var pidfds []int
	for _, list := range lists {
		children, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended meanwhile
		}
		for _, child := range strings.Fields(string(children)) {
			pid, err := strconv.Atoi(child)
			if err != nil {
				t.Fatal(err)
			}
			fd, err := unix.PidfdOpen(pid, 0)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { unix.Close(fd) })
			pidfds = append(pidfds, fd)
		}
	}
	return pidfds
}

func TestInterrupted(t *testing.T) {
	// Besides the command there is a process that ignores every signal it can.
	const stubborn = "(trap '' INT TERM HUP; setsid sleep 1000) & "
	for name, tc := range map[string]struct {
		script  string
		signals []unix.Signal
		status  int
	}{
		"SIGINT":              {stubborn + "echo running; exec sleep 1000", []unix.Signal{unix.SIGINT}, 128 + 2},
		"SIGTERM":             {stubborn + "echo running; exec sleep 1000", []unix.Signal{unix.SIGTERM}, 128 + 15},
		"SIGHUP":              {stubborn + "echo running; exec sleep 1000", []unix.Signal{unix.SIGHUP}, 128 + 1},
		"handled":             {"trap 'exit 5' TERM; echo running; sleep 1000 & wait", []unix.Signal{unix.SIGTERM}, 5},
		"ignored, then again": {"trap '' INT TERM; echo running; sleep 1000", []unix.Signal{unix.SIGINT, unix.SIGTERM}, 128 + 9},
		"stopped":             {"echo running; kill -STOP $$; sleep 1000", []unix.Signal{unix.SIGTERM}, 128 + 15},
		"SIGKILL":             {stubborn + "echo running; exec sleep 1000", []unix.Signal{unix.SIGKILL}, 128 + 9},
	} {
		t.Run(name, func(t *testing.T) {
			s := startMarked(t, tc.script)
			for _, sig := range tc.signals {
				if err := s.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
			}
			s.end(tc.status)
		})
	}
}

// TestGoRunKilled: what ends "go run" without its program knowing ends the program too.
func TestGoRunKilled(t *testing.T) {
	needRoot(t)
	host := hostView(t)
	marker := fmt.Sprintf("TESTBED_MARKER=%d.%d", os.Getpid(), time.Now().UnixNano())
	goRun := filepath.Join(t.TempDir(), "go") // the testbed knows it by its name
	if err := os.Symlink("/bin/sh", goRun); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(goRun, "-c", program+" run -- sh -c 'echo running; sleep 1000'; exit 1")
	cmd.Env = append(os.Environ(), marker)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(stdout, make([]byte, len("running\n"))); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	awaitGone(t, marker, time.Now().Add(10*time.Second))
	if diff := cmp.Diff(host, hostView(t)); diff != "" {
		t.Errorf("the host has changed (-before +after):\n%s", diff)
	}
}

// TestInterruptedAtStart: a signal while there is no command yet.
func TestInterruptedAtStart(t *testing.T) {
	needRoot(t)
	host := hostView(t)
	cmd := testbed("true")
	// The agents never know each other: the testbed waits for them until the signal.
	cmd.Env = append(os.Environ(), agenttest.Nodes+"=a")
	cmd.Args = append(cmd.Args[:2], "-v", "true")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for buf := make([]byte, 100); !strings.Contains(text.String(), "serving"); {
		n, err := stderr.Read(buf)
		if err != nil {
			t.Fatalf("%v after %q", err, text.String())
		}
		text.Write(buf[:n])
	}
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	rest, _ := io.ReadAll(stderr)
	cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != 128+2 || !strings.HasSuffix(string(rest), "testbed: ended by signal: interrupt\n") {
		t.Errorf("exit status %d and %q", got, rest)
	}
	if diff := cmp.Diff(host, hostView(t)); diff != "" {
		t.Errorf("the host has changed (-before +after):\n%s", diff)
	}
}

// hostView is what of the host must not change: interfaces, mounts, top-level folders.
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
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		for _, e := range entries {
			view["in "+dir] += e.Name() + "\n"
		}
	}
	return view
}

// awaitGone waits until no process has the marker.
func awaitGone(t *testing.T, marker string, limit time.Time) {
	t.Helper()
	for ; ; time.Sleep(time.Millisecond) {
		left := marked(t, marker)
		if len(left) == 0 {
			return
		}
		if time.Now().After(limit) {
			t.Fatalf("still there: %q", left)
		}
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
		if err == nil && bytes.Contains(env, []byte(marker)) {
			found = append(found, dir)
		}
	}
	return found
}
