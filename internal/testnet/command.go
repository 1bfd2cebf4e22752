package testnet

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Cmd is a command on a node: an exec.Cmd whose process is a child of the calling process and a member of
// the node's namespaces. Working directory and environment are the calling process's if not set;
// the folder of binaries is put in front of PATH.
type Cmd struct {
	*exec.Cmd
	net  *Net
	node string
}

// Command is a command to be started on the node, by Start, Run, Output or CombinedOutput. The name is looked up on the
// node when the command is started: the error then is exec.ErrNotFound or fs.ErrPermission in an *exec.Error.
func (n *Net) Command(node, name string, args ...string) *Cmd {
	return &Cmd{Cmd: &exec.Cmd{Args: append([]string{name}, args...)}, net: n, node: node}
}

// CommandContext is Command for a command that is killed when ctx is done. A descendant that lives on and holds an
// output pipe then delays Wait by no more than leftBehind.
func (n *Net) CommandContext(ctx context.Context, node, name string, args ...string) *Cmd {
	c := n.Command(node, name, args...)
	c.Cmd = exec.CommandContext(ctx, name)
	c.WaitDelay = leftBehind
	c.Args = append([]string{name}, args...)
	c.Path, c.Err = "", nil // what the host has by that name does not matter
	return c
}

const leftBehind = 5 * time.Second

// Start starts the command on its node.
func (c *Cmd) Start() error {
	nd, err := c.net.node(c.node)
	if err != nil {
		return err
	}
	if c.Dir == "" {
		if c.Dir, err = os.Getwd(); err != nil {
			return err
		}
	}
	c.Env = c.net.environment(c.Env, c.Dir)
	return nd.thread.do(func() error {
		if c.Path, err = lookPath(c.Args[0], c.Dir, c.Env); err != nil {
			return err
		}
		if _, err := os.Stat(c.Dir); err != nil {
			return fmt.Errorf("working directory: %w", err)
		}
		return c.Cmd.Start()
	})
}

// Run starts the command and waits for it.
func (c *Cmd) Run() error {
	if err := c.Start(); err != nil {
		return err
	}
	return c.Wait()
}

// Output runs the command and returns its standard output.
func (c *Cmd) Output() ([]byte, error) {
	if c.Stdout != nil {
		return nil, errors.New("testnet: Stdout already set")
	}
	var out strings.Builder
	c.Stdout = &out
	err := c.Run()
	return []byte(out.String()), err
}

// CombinedOutput runs the command and returns its standard output and standard error.
func (c *Cmd) CombinedOutput() ([]byte, error) {
	if c.Stdout != nil || c.Stderr != nil {
		return nil, errors.New("testnet: Stdout or Stderr already set")
	}
	var out strings.Builder
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return []byte(out.String()), err
}

// Stopped waits until the command is stopped or ends. If it was stopped, ok is true and the signal is the
// one that did it; if it has ended, ok is false and Wait will return at once.
func (c *Cmd) Stopped() (sig unix.Signal, ok bool, err error) {
	for {
		var info unix.Siginfo
		err := waitid(c.Process.Pid, &info, unix.WEXITED|unix.WSTOPPED|unix.WNOWAIT)
		if err != nil || info.Code != cldStopped {
			return 0, false, err
		}
		// Once more, and this time take the report; unless it has been continued meanwhile.
		info = unix.Siginfo{}
		if err := waitid(c.Process.Pid, &info, unix.WSTOPPED|unix.WNOHANG); err != nil {
			return 0, false, err
		}
		if info.Code == cldStopped {
			return childStatus(&info), true, nil
		}
	}
}

// cldStopped is CLD_STOPPED of siginfo.h, which package unix lacks.
const cldStopped = 5

func waitid(pid int, info *unix.Siginfo, options int) error {
	for {
		err := unix.Waitid(unix.P_PID, pid, info, options, nil)
		if !errors.Is(err, unix.EINTR) {
			return os.NewSyscallError("waitid", err)
		}
	}
}

// childStatus is si_status of a SIGCHLD's siginfo, which package unix does not give: the int after si_pid and si_uid
// (sigaction(2)).
func childStatus(info *unix.Siginfo) unix.Signal {
	const offset = 24
	return unix.Signal(*(*int32)(unsafe.Add(unsafe.Pointer(info), offset)))
}

// environment is env, or if that is nil the calling process's, with the folder of binaries in front of
// PATH and PWD set.
func (n *Net) environment(env []string, dir string) []string {
	if env == nil {
		env = os.Environ()
	}
	env = slices.Clone(env)
	path, ok := lookupEnv(env, "PATH")
	if n.binDir != "" {
		if ok {
			path = n.binDir + ":" + path
		} else {
			path = n.binDir
		}
		env = append(env, "PATH="+path)
	}
	return append(env, "PWD="+dir) // os/exec uses the last of several
}

// lookPath finds the command in the root of the calling thread, as execvp(3) does: by PATH of env if the name has no
// slash, else relative to dir.
func lookPath(name, dir string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		file := name
		if !filepath.IsAbs(file) {
			file = filepath.Join(dir, file)
		}
		if err := executable(file); err != nil {
			return "", &exec.Error{Name: name, Err: err}
		}
		return file, nil
	}
	failure := exec.ErrNotFound
	if name == "" {
		return "", &exec.Error{Name: name, Err: failure}
	}
	path, _ := lookupEnv(env, "PATH")
	for _, folder := range filepath.SplitList(path) {
		if !filepath.IsAbs(folder) {
			folder = filepath.Join(dir, folder)
		}
		file := filepath.Join(folder, name)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if errors.Is(err, fs.ErrPermission) {
			failure = err
		}
	}
	return "", &exec.Error{Name: name, Err: failure}
}

// executable returns nil if file is one that can be executed, else exec.ErrNotFound or fs.ErrPermission.
func executable(file string) error {
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fs.ErrPermission
	case err != nil:
		return exec.ErrNotFound
	case info.IsDir() || info.Mode()&0o111 == 0:
		return fs.ErrPermission
	}
	return nil
}

// lookupEnv is os.LookupEnv for env, of which the last entry of a name counts.
func lookupEnv(env []string, name string) (string, bool) {
	for _, entry := range slices.Backward(env) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value, true
		}
	}
	return "", false
}

// ExitStatus gives a shell's exit status of what has ended: that of exit, or 128 and the signal.
func ExitStatus(s *os.ProcessState) int {
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return s.ExitCode()
}
