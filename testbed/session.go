package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/testnet"
)

// killAfter is how long the command may go on after a signal that should end it, before the nodes are
// removed under it.
const killAfter = 5 * time.Second

// ending are the signals after which the testbed does not outlive killAfter.
var ending = []os.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP}

// forwarded are the signals that reach the command's process group through the testbed. What is typed at the
// terminal reaches it directly where it is in the foreground.
var forwarded = append([]os.Signal{unix.SIGQUIT, unix.SIGTSTP, unix.SIGUSR1, unix.SIGUSR2}, ending...)

// interruptedError says that a signal ended the testbed before there was a command.
type interruptedError struct{ signal unix.Signal }

func (e *interruptedError) Error() string { return fmt.Sprintf("ended by signal: %v", e.signal) }

// startError says that the command could not be started.
type startError struct{ err error }

func (e *startError) Error() string { return e.err.Error() }

func (e *startError) Unwrap() error { return e.err }

// session is one command with its terminal and signals. The command has a process group of its own, as in a shell:
//
//	before the command    a signal of ending ends the testbed
//	while it runs         signals are forwarded; killAfter one of ending, or at the next, it is killed
//	it asks for the       the terminal becomes its own, if it is the testbed's to give
//	terminal (SIGTTIN)
//	it is stopped         the testbed takes the terminal back and stops too; continued, it gives the
//	(control-Z)           terminal again if it is in the foreground, and has the command continue
type session struct {
	stdin, stdout, stderr *os.File

	signals   chan os.Signal
	continued chan os.Signal
	tty       *terminal // nil: no controlling terminal
}

// endWithGoRun has the testbed get SIGTERM when "go run" ends before it, as it does when it is killed: it passes
// nothing on, and the testbed would stay.
func endWithGoRun() {
	parent := os.Getppid()
	name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", parent))
	if err != nil || string(name) != "go\n" {
		return
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGTERM), 0, 0, 0); err != nil {
		return
	}
	if os.Getppid() != parent { // it was too late for the signal
		_ = unix.Kill(os.Getpid(), unix.SIGTERM)
	}
}

func newSession(stdin, stdout, stderr *os.File) *session {
	s := &session{
		stdin: stdin, stdout: stdout, stderr: stderr,
		signals:   make(chan os.Signal, 16),
		continued: make(chan os.Signal, 1),
		tty:       openTerminal(),
	}
	signal.Notify(s.continued, unix.SIGCONT)
	for _, sig := range forwarded {
		if !signal.Ignored(sig) { // as with nohup: the command ignores it too
			signal.Notify(s.signals, sig)
		}
	}
	endWithGoRun()
	return s
}

func (s *session) end() {
	signal.Stop(s.signals)
	signal.Stop(s.continued)
	s.tty.takeBack()
	s.tty.close()
}

// start makes the nodes.
func (s *session) start(ctx context.Context, o testnet.Options) (*testnet.Net, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var net *testnet.Net
	var err error
	done := make(chan struct{})
	go func() {
		net, err = testnet.Start(ctx, o)
		close(done)
	}()
	var interrupted error
	for {
		select {
		case sig := <-s.signals:
			if interrupted == nil && slices.Contains(ending, sig) {
				interrupted = &interruptedError{sig.(unix.Signal)}
				cancel()
			}
		case <-done:
			if interrupted == nil {
				return net, err
			}
			if err == nil {
				net.Close()
			}
			return nil, interrupted
		}
	}
}

// change is what has become of the command: it was stopped by a signal, or it has ended.
type change struct {
	stopped bool
	signal  unix.Signal
	err     error
}

// run runs the command on the first node and returns its exit status.
func (s *session) run(net *testnet.Net, env, args []string) (int, error) {
	cmd := net.Command(net.Nodes()[0], args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.stdin, s.stdout, s.stderr
	cmd.Env = env
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	// With a pipe at one end the terminal may belong to its other end, such as a pager: it is given
	// when it is asked for.
	if isTerminal(s.stdin) && isTerminal(s.stdout) {
		s.tty.giveAtStart(cmd.SysProcAttr)
	}
	if err := cmd.Start(); err != nil {
		return 0, &startError{err}
	}
	group := cmd.Process.Pid

	changes := make(chan change)
	go func() {
		for c := (change{stopped: true}); c.stopped && c.err == nil; changes <- c {
			c.signal, c.stopped, c.err = cmd.Stopped()
		}
	}()

	var kill <-chan time.Time
	for {
		select {
		case sig := <-s.signals:
			if slices.Contains(ending, sig) {
				if kill != nil {
					go net.Close()
				}
				kill = time.After(killAfter)
			}
			// An error means that it has ended, of which a change tells.
			_ = unix.Kill(-group, sig.(unix.Signal))
			if kill != nil {
				_ = unix.Kill(-group, unix.SIGCONT) // or it would not notice
			}
		case <-kill:
			go net.Close() // it ends when the command has been waited for, here
		case c := <-changes:
			if c.err != nil {
				return 0, c.err
			}
			if c.stopped {
				s.stopped(group, c.signal)
				continue
			}
			cmd.Wait() // the state says more than its error
			return testnet.ExitStatus(cmd.ProcessState), nil
		}
	}
}

// stopped does what a shell expects when the command's process group has been stopped.
func (s *session) stopped(group int, sig unix.Signal) {
	switch sig {
	case unix.SIGTTIN, unix.SIGTTOU:
		if s.tty.give(group) {
			_ = unix.Kill(-group, unix.SIGCONT)
			return
		}
	case unix.SIGTSTP:
	default: // whoever sent SIGSTOP to the command will send it SIGCONT
		return
	}
	if s.tty == nil {
		return
	}
	s.tty.takeBack()
	s.stopSelf()
	s.tty.give(group)
	_ = unix.Kill(-group, unix.SIGCONT)
}

// stopSelf stops the testbed's process group, "go run" and the other members of a pipeline included, and
// returns when it is continued; at once if there is nobody who would continue it.
func (s *session) stopSelf() {
	if session, err := unix.Getsid(0); err != nil || session == unix.Getpgrp() {
		return // no shell has started us: such a group the kernel does not let a terminal stop either
	}
	select {
	case <-s.continued: // one from before
	default:
	}
	// Not SIGTSTP: os/signal cannot give back the default for a signal that it has once been asked for.
	if err := unix.Kill(0, unix.SIGSTOP); err != nil {
		return
	}
	<-s.continued
}
