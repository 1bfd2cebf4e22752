package bench

import "runtime"

// thread is an operating system thread bound to a CPU, on which everything is done that is measured. It
// lives until stop and is not given back to the runtime.
type thread struct {
	work chan func()
	gone chan struct{}
}

// startThread starts a thread on a CPU, or an unpinned one.
func startThread(cpu int) (*thread, error) {
	t := &thread{work: make(chan func()), gone: make(chan struct{})}
	ready := make(chan error)
	go func() {
		defer close(t.gone)
		runtime.LockOSThread()
		err := pin(cpu)
		ready <- err
		if err != nil {
			return
		}
		for f := range t.work {
			f()
		}
	}()
	if err := <-ready; err != nil {
		return nil, err
	}
	return t, nil
}

// do runs f on the thread and returns what it returns.
func (t *thread) do(f func() error) error {
	done := make(chan error, 1)
	t.work <- func() { done <- f() }
	return <-done
}

// stop ends the thread once it has done what it was given.
func (t *thread) stop() {
	close(t.work)
	<-t.gone
}
