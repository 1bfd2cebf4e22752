package testnet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"
)

// namespaces are those that a node has of its own.
const namespaces = unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWUTS | unix.CLONE_NEWPID

// killTimeout bounds how long the end of a node's processes is waited for. It takes milliseconds;
// only a process in uninterruptible sleep, or a command that nobody waits for, makes it longer.
const killTimeout = 10 * time.Second

// initProcess is pid 1 of a node, as the calling process sees it.
type initProcess struct {
	cmd    *exec.Cmd
	pidfd  int
	report *os.File // read end: an error text, or nothing, then its end
	life   *os.File // write end, never written: closed when the calling process is gone
}

// startInit starts pid 1 of the named node, in new namespaces made from those of the calling thread.
// When that thread ends, the node does.
func startInit(name string) (*initProcess, error) {
	report, reportChild, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reportChild.Close()
	lifeChild, life, err := os.Pipe()
	if err != nil {
		report.Close()
		return nil, err
	}
	defer lifeChild.Close()

	p := &initProcess{report: report, life: life, pidfd: -1}
	p.cmd = &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{initName, name},
		Env:        []string{"GOMAXPROCS=1"}, // it does nothing but wait
		ExtraFiles: []*os.File{reportFD - 3: reportChild, lifeFD - 3: lifeChild},
		SysProcAttr: &unix.SysProcAttr{
			Cloneflags: namespaces,
			Pdeathsig:  unix.SIGKILL,
			Setsid:     true, // away from the terminal and its signals
			PidFD:      &p.pidfd,
		},
	}
	if err := p.cmd.Start(); err != nil {
		report.Close()
		life.Close()
		return nil, namespaceError(err)
	}
	return p, nil
}

// awaitReady waits until pid 1 has set its node up.
func (p *initProcess) awaitReady() error {
	text, err := io.ReadAll(p.report)
	if err != nil {
		return err
	}
	if len(text) > 0 {
		return errors.New(string(text))
	}
	return nil
}

// enter has the calling thread, which must be locked, enter the node's namespaces: itself all but the
// PID namespace, which is that of the processes it starts.
func (p *initProcess) enter() error {
	// Alone with its file-system context, a thread can change its mount namespace (setns(2)).
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return err
	}
	if err := unix.Setns(p.pidfd, namespaces); err != nil {
		return kernelError("entering namespaces by pidfd (Linux 5.8)", err)
	}
	return nil
}

// kill kills the node, with everything on it, and returns when it is gone.
func (p *initProcess) kill() error {
	defer p.report.Close()
	defer p.life.Close()
	defer unix.Close(p.pidfd)
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	// The kernel lets pid 1 end last, when every other process of its namespace has been reaped.
	gone := make(chan struct{})
	go func() {
		p.cmd.Wait() // "killed" is what is wanted
		close(gone)
	}()
	select {
	case <-gone:
		return nil
	case <-time.After(killTimeout):
		return fmt.Errorf("node %s: processes are still there after %v", p.cmd.Args[1], killTimeout)
	}
}
