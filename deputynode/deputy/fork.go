package deputy

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/stub"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// homeFlags are the flags of clone(2) that mean something at home, beside the signal of the child's end: the rest is
// about memory and threads, which are the body's.
const homeFlags = unix.CLONE_FS | unix.CLONE_FILES | unix.CLONE_SYSVSEM | unix.CLONE_IO | unix.CLONE_PARENT | 0xff

// fork serves fork(2), vfork(2) and clone(2), that of a thread too (thesis 4.4.1, figure 4.3):
//
//	body of parent     deputy of parent            deputy of child         body of child
//	   |---- request -------->| forks ---------------> |                        |
//	   |                      |                        |------- create -------->|
//	   | <------- forks, told by the agent of the node --------------------->   | (stopped)
//	   |                      |                        |<------ created --------|
//	   |<---- result ---------|                        |------ terminate ------>| (runs)
func (d *Deputy) fork(now time.Duration) {
	flags := uint64(unix.SIGCHLD)
	switch {
	case d.tx.call != unix.SYS_CLONE:
	case d.tx.args[0]&unix.CLONE_THREAD != 0:
		flags = threadFlags
	default:
		flags = d.tx.args[0] & homeFlags
	}
	child, ret, err := d.forkProcess(flags)
	if err == nil {
		err = d.resume()
	}
	switch {
	case err != nil:
		if !errors.Is(err, unix.ESRCH) { // ESRCH: killed meanwhile, its end is told next
			d.kill(err.Error())
		}
	case child == nil:
		d.result(now, ret)
	default:
		d.askForBody(now, child)
	}
}

// forkProcess has the stopped stub fork and makes a deputy of the child. Without a child, ret is why.
func (d *Deputy) forkProcess(flags uint64) (child *Deputy, ret int64, err error) {
	if err := d.tracee.Stop(); err != nil {
		return nil, 0, err
	}
	pid := 0
	d.tracee.OnEvent = func(int) {
		if m, err := sys.PtraceGetEventMsg(d.tracee.PID); err == nil {
			pid = int(m)
		}
	}
	ret, err = d.tracee.Inject(unix.SYS_CLONE, flags, 0, 0, 0, 0)
	d.tracee.OnEvent = nil
	if err != nil || ret < 0 {
		return nil, ret, err
	}
	o := d.options
	o.PID, o.parent = pid, d.tracee.PID
	o.Ready = func(time.Duration, error) {} // nobody asked
	child = d.home.newDeputy(o)
	child.state, child.forked = born, func(time.Duration, error) {}
	child.tracee.Syscall = stub.Instruction()
	if _, err := child.tracee.Wait(); err != nil {
		return nil, 0, err
	}
	d.home.deputies[pid] = child
	if flags&unix.CLONE_THREAD != 0 {
		err = child.attend(d)
	} else {
		err = child.inherit(d)
	}
	if err != nil {
		child.kill(err.Error())
		return nil, 0, fmt.Errorf("deputy of a child: %w", err)
	}
	return child, 0, nil
}

// inherit makes a deputy of the stopped child of one. The child has a copy of the memory that is the parent's alone,
// but shares what the parent shares with the agent.
func (d *Deputy) inherit(parent *Deputy) error {
	p := newProcess(d)
	p.files, p.actions = parent.process.files.clone(), parent.process.actions
	var err error
	if d.memory, err = stub.New(stubSpin, 0); err != nil {
		return err
	}
	copy(d.memory.Strings(), parent.process.leader.memory.Strings())
	if err := d.mapShared(lowest, unix.MAP_FIXED); err != nil { // the window is plain memory in a child
		return err
	}
	otherThreads := [2]uint64{stub.Base + stub.Stride, stub.End}
	for _, piece := range append(windowPieces, otherThreads) {
		if _, err := d.tracee.Call("munmap", unix.SYS_MUNMAP, piece[0], piece[1]-piece[0]); err != nil {
			return err
		}
	}
	if err := d.spreadWindow(); err != nil {
		d.log.Warn("no memory window: calls that the table does not know will fail", "error", err)
	}
	if err := d.home.loop.Watch(p.window.fd, p.faults); err != nil {
		return err
	}
	return d.begin()
}

// attend makes a deputy of a stopped thread that another one has made: it gets memory of its own.
func (d *Deputy) attend(parent *Deputy) error {
	slot, err := parent.process.join(d)
	if err != nil {
		return err
	}
	if d.memory, err = stub.New(stubSpin, slot); err != nil {
		return err
	}
	fds, err := d.home.passer.pass(d.pid(), d.tracee, parent.memory.StagingBase(), d.memory.FD())
	if err != nil {
		return err
	}
	if _, err := d.tracee.Call("mmap", unix.SYS_MMAP, d.memory.Base(), stub.Size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_NORESERVE|unix.MAP_FIXED, fds[0], 0); err != nil {
		return err
	}
	if _, err := d.tracee.Call("close", unix.SYS_CLOSE, fds[0]); err != nil {
		return err
	}
	return d.begin()
}

// begin lets a new stub run, in the middle of the transaction by which it came to be.
func (d *Deputy) begin() error {
	d.tx.open, d.tx.null = true, true // until there is a body
	var regs unix.PtraceRegs
	if err := sys.PtraceGetRegs(d.tracee.PID, &regs); err != nil {
		return err
	}
	if err := d.enterStub(regs); err != nil {
		return err
	}
	return d.resume()
}

// askForBody asks the node for a body of the child, and ends the parent's transaction with the answer.
func (d *Deputy) askForBody(now time.Duration, child *Deputy) {
	pid := child.tracee.PID
	told := false
	child.forked = func(now time.Duration, err error) {
		if told || d.state != running {
			return
		}
		told = true
		if err == nil {
			d.result(now, int64(pid))
			return
		}
		d.log.Warn("no body for a child", "child", pid, "error", err)
		if child.process == d.process {
			child.memory.Start(unix.SYS_EXIT, [6]uint64{})
			d.result(now, -int64(unix.EAGAIN))
			return
		}
		child.kill("it has no body")
		d.start(now, unix.SYS_WAIT4, [6]uint64{uint64(pid), 0, unix.WALL, 0}, func(now time.Duration, _ int64) {
			d.result(now, -int64(unix.EAGAIN))
		})
	}
	if err := child.options.Connect(now, child.ch); err != nil {
		child.forked(now, err)
	}
}

// createdBesideParent is told whether the body of a child was made: then both transactions end.
func (d *Deputy) createdBesideParent(now time.Duration, m []byte) error {
	if err := parseCreated(m); err != nil {
		d.forked(now, err)
		return nil
	}
	d.state = running
	d.forked(now, nil)
	d.message = wireproto.AppendTerminate(d.message[:0], d.tx.seq)
	d.terminate(now)
	return nil
}
