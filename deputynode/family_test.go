package main

import (
	"strconv"
	"strings"
	"testing"
)

// invocation is a program, its arguments and its standard input.
type invocation struct {
	stdin string
	args  []string
}

// families are programs that make others: by fork, vfork and clone, of shells and libraries, with pipes between them.
// What they print is the same wherever they run.
var families = []invocation{
	{"", []string{"sh", "-c", `echo one; (echo sub; exit 3); echo $?; /bin/echo two; no-such-program; echo $?`}},
	{"", []string{"sh", "-c", "ls /etc | sort -r | wc -l"}},
	{"", []string{"bash", "-c", `seq 1000 | while read a; do echo $a; done | tail -1; sleep 0.01 & wait $!; echo $?`}},
	{"", []string{"bash", "-c", `trap "echo child ended" CHLD; /bin/true; echo $(hostname) "$(cat /node/name)"`}},
	{"", []string{"bash", "-c", `sleep 100 & kill %1; wait $! 2>/dev/null; echo $?; { (kill -9 $BASHPID); } 2>/dev/null; echo $?`}},
	{"", []string{"bash", "-c", `f() { [ $1 = 0 ] && echo deep || (f $(($1 - 1))); }; f 20`}},
	{"a\nb\nc\n", []string{"xargs", "-n", "1", "echo", "-"}},
	{"", []string{"find", "/etc/apt", "-exec", "stat", "-c", "%n %s", "{}", ";"}},
	{"", []string{"perl", "-e", `$| = 1; system("false"); print $? >> 8, "\n"; if (!($p = fork)) { exit 5 } waitpid $p, 0;
		print $? >> 8, "\n", ` + "`echo back`" + `; open F, "|-", "sort"; print F "b\na\n"; close F; print system("/no/such"), "\n"`}},
	{"", []string{"/usr/bin/python3", "-c", `import os, subprocess, sys
print(subprocess.run(["tr", "a-z", "A-Z"], input=b"through pipes", capture_output=True))
try: os.posix_spawn("/no/such", ["x"], {})  # told by memory that vfork shares
except OSError as e: print(e)
r, w = os.pipe()
p = os.fork()
if p == 0:
    os.write(w, b"%d %d" % (os.getpid(), os.getppid()))
    os._exit(7)
pid, status = os.waitpid(p, 0)
print(pid == p, os.waitstatus_to_exitcode(status), os.read(r, 100) == b"%d %d" % (p, os.getpid()), os.path.exists("/proc/self/stat"))
x = bytearray(10 << 20)
if os.fork() == 0:
    x[5 << 20] = 1  # its own copy
    os._exit(x[5 << 20])
print(os.waitstatus_to_exitcode(os.wait()[1]), x[5 << 20])
try: os.wait()
except ChildProcessError as e: print(e)`}},
}

// threaded are programs with threads: in Python, and in Go.
var threaded = []invocation{
	{"", []string{"deputynode", "syscalls", "--format", "json"}},
	{"", []string{"/usr/bin/python3", "-c", `import os, queue, signal, sys, threading
q = queue.Queue()
def work(i): q.put((i, os.path.exists("/node/name"), threading.get_native_id() != os.getpid()))
threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
for t in threads: t.start()
for t in threads: t.join()
print(sorted(q.get() for _ in threads))
r, w = os.pipe()
seen = []
def read(): seen.append(os.read(r, 10))  # blocks; the others go on
t = threading.Thread(target=read)
t.start()
signal.signal(signal.SIGUSR1, lambda *a: seen.append(b"caught"))
t2 = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
t2.start()
t2.join()
os.write(w, b"x")
t.join()
print(sorted(seen))
sys.stdout.flush()
if os.fork() == 0:
    t = threading.Thread(target=os._exit, args=(9,))
    t.start()
    t.join()
print(os.waitstatus_to_exitcode(os.wait()[1]))
threading.Thread(target=signal.pause, daemon=True).start()
sys.stdout.flush()
t = threading.Thread(target=os.execlp, args=("echo", "echo", "executed by a thread"))
t.start()
t.join()`}},
}

// A child is a process of home with a body on the same node, whose pids it has; nothing of them is left when all have
// ended, the parent first.
func TestFamily(t *testing.T) {
	n := start(t, nil)
	cmd := n.Command("a", "deputynode", "run", "--on", "b", "--", "bash", "-c",
		"sleep 1000 & wait")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "both sleep", func() bool {
		all := split(t, n)
		return len(all) == 2 && all[1].ByName["clock_nanosleep"] == 1
	})
	all := split(t, n)
	pids := map[string]bool{}
	for _, p := range all {
		pids[strconv.Itoa(p.PID)] = true
		if p.Node != "b" {
			t.Errorf("%d is on node %q", p.PID, p.Node)
		}
	}
	out, err := n.Command("a", "ps", "-o", "ppid=", "-C", "sleep").Output()
	if err != nil || !pids[strings.TrimSpace(string(out))] {
		t.Errorf("the parent of sleep is %q, not one of %v (%v)", out, pids, err)
	}
	if out, err := n.Command("a", "pkill", "-KILL", "-x", "bash").CombinedOutput(); err != nil {
		t.Fatalf("pkill: %v %s", err, out)
	}
	if status := end(t, cmd); status != 128+9 {
		t.Errorf("ended with %d", status)
	}
	waitFor(t, "the orphan is alone", func() bool { return len(split(t, n)) == 1 })
	if out, err := n.Command("a", "pkill", "-TERM", "-x", "sleep").CombinedOutput(); err != nil {
		t.Fatalf("pkill: %v %s", err, out)
	}
	waitFor(t, "all have ended", func() bool { return len(split(t, n)) == 0 })
	waitFor(t, "nothing is left on b", func() bool {
		return n.Command("b", "pgrep", "-x", "bash|sleep|deputy-init|pause").Run() != nil
	})
}
