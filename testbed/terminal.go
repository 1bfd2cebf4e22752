package main

import (
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// terminal is the controlling terminal, whose foreground process group is ours to give or not
// (termios(3), tcsetpgrp(3)). Methods of a nil terminal do nothing.
type terminal struct {
	fd    int
	given bool // the foreground is, or was last, the command's
}

// openTerminal opens the controlling terminal; nil if there is none.
func openTerminal() *terminal {
	fd, err := unix.Open("/dev/tty", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	return &terminal{fd: fd}
}

func (t *terminal) close() {
	if t != nil {
		unix.Close(t.fd)
	}
}

// ours says whether the foreground process group is our own.
func (t *terminal) ours() bool {
	if t == nil {
		return false
	}
	group, err := unix.IoctlGetInt(t.fd, unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// giveAtStart has a process that is going to be started with attr begin in the foreground, if that is
// ours to give.
func (t *terminal) giveAtStart(attr *unix.SysProcAttr) {
	if t.ours() {
		attr.Foreground, attr.Ctty = true, t.fd
		t.given = true
	}
}

// give puts the process group into the foreground, if that is ours to give.
func (t *terminal) give(group int) bool {
	if !t.ours() || t.set(group) != nil {
		return false
	}
	t.given = true
	return true
}

// takeBack puts our own process group into the foreground if it had been given away.
func (t *terminal) takeBack() {
	if t != nil && t.given {
		_ = t.set(unix.Getpgrp()) // an error means that the terminal is gone
		t.given = false
	}
}

// set is tcsetpgrp(3), from the background too: with SIGTTOU blocked, that is allowed. Ignoring the
// signal would do as well, but be inherited by the command.
func (t *terminal) set(group int) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGTTOU - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return err
	}
	err := unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group)
	if restoreErr := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil); err == nil {
		err = restoreErr
	}
	return err
}

// isTerminal says whether the file is a terminal.
func isTerminal(f *os.File) bool {
	conn, err := f.SyscallConn()
	if err != nil {
		return false
	}
	terminal := false
	err = conn.Control(func(fd uintptr) {
		_, err := unix.IoctlGetTermios(int(fd), unix.TCGETS)
		terminal = err == nil
	})
	return err == nil && terminal
}
