package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// dialogue is a shell with job control on a terminal, and whoever types at it.
type dialogue struct {
	t      *testing.T
	master *os.File
	output []byte // not yet matched
}

// expectTimeout bounds the wait for what is expected on the terminal.
const expectTimeout = 10 * time.Second

func startShell(t *testing.T) *dialogue {
	t.Helper()
	needRoot(t)
	fd, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "terminal")
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer slave.Close()

	shell := exec.Command("bash", "--norc", "--noprofile", "--noediting", "-i")
	shell.Env = append(os.Environ(), "PS1=ready> ", "T="+program, "PROMPT_COMMAND=")
	shell.Stdin, shell.Stdout, shell.Stderr = slave, slave, slave
	shell.SysProcAttr = &unix.SysProcAttr{Setsid: true, Setctty: true}
	if err := shell.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		shell.Process.Kill()
		shell.Wait()
	})
	d := &dialogue{t: t, master: master}
	d.expect("ready> ")
	d.do("stty -echo", "ready> ")
	return d
}

// expect reads from the terminal until the text appears.
func (d *dialogue) expect(text string) {
	d.t.Helper()
	d.master.SetReadDeadline(time.Now().Add(expectTimeout))
	buf := make([]byte, 4096)
	for {
		if at := bytes.Index(d.output, []byte(text)); at >= 0 {
			d.output = d.output[at+len(text):]
			return
		}
		n, err := d.master.Read(buf)
		if err != nil {
			d.t.Fatalf("waiting for %q: %v; the terminal shows %q", text, err, d.output)
		}
		d.output = append(d.output, buf[:n]...)
	}
}

// send types keys.
func (d *dialogue) send(keys string) {
	d.t.Helper()
	if _, err := d.master.WriteString(keys); err != nil {
		d.t.Fatal(err)
	}
}

// do types a line and waits for what it should make appear, one text after the other.
func (d *dialogue) do(line string, texts ...string) {
	d.t.Helper()
	d.send(line + "\n")
	for _, text := range texts {
		d.expect(text)
	}
}

const (
	controlC = "\x03"
	controlZ = "\x1a"
)

func TestTerminalRead(t *testing.T) {
	d := startShell(t)
	d.do("$T run -- sh -c 'echo go on; read x; echo got $x; tty; exit 3'; echo status $?", "go on")
	d.do("typed", "got typed", "/dev/pts/", "status 3", "ready> ")
	// The shell has its terminal back.
	d.do("read y; echo shell got $y")
	d.do("again", "shell got again", "ready> ")
}

func TestTerminalControlC(t *testing.T) {
	d := startShell(t)
	d.do("$T run -- sh -c 'echo on; exec sleep 1000'; echo status $?", "on")
	d.send(controlC)
	d.expect("status 130")
	d.expect("ready> ")

	// A command that handles it goes on, for as long as it likes, and is told once.
	d.do(`$T run -- sh -c 'trap "echo caught" INT; echo on; read x || read x; echo got $x'; echo status $?`, "on")
	d.send(controlC)
	d.expect("caught")
	d.do("typed", "got typed", "status 0")
	if strings.Contains(string(d.output), "caught") {
		t.Errorf("interrupted twice: %q", d.output)
	}
}

func TestTerminalControlZ(t *testing.T) {
	d := startShell(t)
	d.do(`$T run -- sh -c 'trap "echo goes on" CONT; echo on; until read x; do :; done; echo got $x; exit 3'`, "on")
	for range 2 {
		d.send(controlZ)
		d.expect("Stopped")
		d.expect("ready> ")
		d.do("echo the shell reads", "the shell reads", "ready> ")
		d.do("fg", "\ngoes on") // fg shows the command too
	}
	d.do("typed", "got typed", "ready> ")
	d.do("echo status $?", "status 3", "ready> ")
}

// TestTerminalBackground: a command in the background that wants to read stops, with the testbed, until it
// is in the foreground.
func TestTerminalBackground(t *testing.T) {
	d := startShell(t)
	d.do("$T run -- sh -c 'echo on; read x; echo got $x' & wait -f; jobs", "on")
	d.expect("Stopped")
	d.expect("ready> ")
	d.do("fg", "run")
	d.do("typed", "got typed", "ready> ")
}

// TestTerminalPipeline: standard output is a pipe, so that the terminal may belong to who reads it; it is given to the command
// when it reads.
func TestTerminalPipeline(t *testing.T) {
	d := startShell(t)
	d.do("$T run -- sh -c 'echo on; read x; echo got $x' | cat", "on")
	d.do("typed", "got typed", "ready> ")
	d.do(`$T run -- sh -c 'echo on >/dev/tty; exec sleep 1000' | (trap "" INT; cat); echo status ${PIPESTATUS[0]}`, "on")
	d.send(controlC)
	d.expect("status 130")
	d.expect("ready> ")

	d.do(`$T run -- sh -c 'echo on >/dev/tty; while :; do sleep 1; done' | cat`, "on")
	d.send(controlZ)
	d.expect("Stopped")
	d.expect("ready> ")
	d.do("ps -o pid= -o stat= -o args= -t $(tty) | grep -c '[ ]T.*while'", "2\r\n", "ready> ") // testbed and sh
	d.do("kill %1; fg", "Terminated", "ready> ")
}

// TestTerminalShell: a shell with job control as the command.
func TestTerminalShell(t *testing.T) {
	d := startShell(t)
	d.do("PS1='inner> ' $T run -- bash --norc --noprofile --noediting -i", "inner> ")
	// The line says when it is there: before that, keys would reach what the shell has forked.
	d.do("sh -c 'echo on; exec sleep 1000'", "on")
	d.send(controlC)
	d.expect("inner> ")
	d.do("sh -c 'echo on; exec cat'", "on")
	d.send(controlZ)
	d.expect("Stopped")
	d.expect("inner> ")
	d.do("kill -9 %1; wait; hostname", "a\r\n", "inner> ")
	d.do("exit 6", "ready> ")
	d.do("echo status $?", "status 6", "ready> ")
	d.do("read y; echo shell got $y")
	d.do("again", "shell got again", "ready> ")
}
