package testnet

import (
	"errors"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
)

// errStopped is what a thread answers that has been stopped.
var errStopped = errors.New("testnet: closed")

// thread is an operating system thread of the calling process that has namespaces of its own. It
// lives until stop, and is never given back to the runtime: what it has entered nobody else gets.
type thread struct {
	work chan func()
	stop func() // ends the thread; may be called several times
	quit chan struct{}
	gone chan struct{}
}

// startThread starts a thread and runs setup on it. If setup fails the thread ends, and the error is
// returned.
func startThread(setup func() error) (*thread, error) {
	t := &thread{work: make(chan func()), quit: make(chan struct{}), gone: make(chan struct{})}
	t.stop = sync.OnceFunc(func() {
		close(t.quit)
		<-t.gone
	})
	ready := make(chan error)
	go lockSpareThread(func() {
		defer close(t.gone)
		err := setup()
		ready <- err
		for err == nil {
			select {
			case f := <-t.work:
				f()
			case <-t.quit:
				return
			}
		}
	})
	if err := <-ready; err != nil {
		return nil, err
	}
	return t, nil
}

// do runs f on the thread and returns what it returns.
func (t *thread) do(f func() error) error {
	done := make(chan error, 1)
	select {
	case t.work <- func() { done <- f() }:
		return <-done
	case <-t.quit:
		return errStopped
	}
}

// lockSpareThread runs f locked to a thread that is not the process's first, and lets the thread die
// with the goroutine. The first thread cannot die before the process, and it is what others see of the
// process's namespaces and root in /proc.
func lockSpareThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return
	}
	// Hold the first thread until the next goroutine has another one for certain.
	locked := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		close(locked)
		f()
	}()
	<-locked
	runtime.UnlockOSThread()
}
