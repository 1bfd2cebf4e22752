package deputy

import (
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/image"
	"deputy/deputynode/stub"
	"deputy/deputynode/tracee"
	"deputy/internal/sys"
	"deputy/wireproto"
)

// stubSpin is how many turns of PAUSE a stub waits before it sleeps. On few cores the time is better spent
// by whoever produces the next command.
const stubSpin = 0

// becomeDeputy makes the process that has just executed a program a deputy and sends the program to the
// body. again says that the body had one before.
func (d *Deputy) becomeDeputy(now time.Duration, again bool) error {
	if again {
		d.poller.Set(false)
		d.running = call{}
		_ = d.memory.Close()
		d.memory = nil
		d.process.gone = true // its other threads are told to have ended
		d.process.leave(d)
	}
	var err error
	if d.memory, err = stub.New(stubSpin, 0); err != nil {
		return err
	}
	d.slot = 0
	newProcess(d)
	p, err := d.hollow()
	if err != nil {
		return err
	}
	if err := d.home.loop.Watch(d.process.window.fd, d.process.faults); err != nil {
		return err
	}
	if err := sys.PtraceSetOptions(d.tracee.PID, traceOptions|tracee.ForkOptions); err != nil {
		return err
	}
	d.state = running
	d.signals = signals{} // caught ones are default again (execve(2))
	if again {
		d.send(now, wireproto.AppendReset(d.message[:0], d.tx.seq))
	}
	d.sendProgram(now, p)
	return d.resume()
}

// resume lets the process run on after it was worked on.
func (d *Deputy) resume() error {
	for _, sig := range d.tracee.Held() {
		_ = unix.Kill(d.tracee.PID, sig) // anew, now that the deputy can take it
	}
	return sys.PtraceCont(d.tracee.PID, 0)
}

// sendProgram describes a fresh program to the body: its mappings, its stack, where it starts. The body pages
// the file mappings in by itself. Copyouts before the start are not acknowledged: there is no call to fail.
func (d *Deputy) sendProgram(now time.Duration, p *program) {
	seq := d.tx.seq
	for i := 0; i < len(p.mappings); i++ {
		m := p.mappings[i]
		for m.Kind == image.VDSO && i+1 < len(p.mappings) && p.mappings[i+1].Kind == image.VDSO {
			i++
			m.End = p.mappings[i].End // vvar and vdso move together
		}
		if v, ok := p.versions[m.Start]; ok {
			d.send(now, wireproto.AppendFileVersion(d.message[:0], wireproto.FileVersion{Sequence: seq, Address: m.Start,
				Offset: m.Offset, Version: v}))
		}
		flags := uint32(unix.MAP_PRIVATE)
		if m.Kind == image.Stack {
			flags |= unix.MAP_GROWSDOWN
		}
		d.send(now, wireproto.AppendMap(d.message[:0], wireproto.Map{Sequence: seq, Address: m.Start, Length: m.Len(),
			Protection: uint32(m.Protection), Flags: flags, Kind: wireproto.MapKind(m.Kind)}))
	}
	d.send(now, wireproto.AppendCopyout(d.message[:0], seq, p.regs.Rsp, p.stack))
	l := p.layout
	d.send(now, wireproto.AppendStart(d.message[:0], &wireproto.Start{
		Sequence: seq, InstructionPointer: p.regs.Rip, StackPointer: p.regs.Rsp,
		StartBrk: l.StartBrk, Brk: l.Brk, StartCode: l.StartCode, EndCode: l.EndCode,
		StartData: l.StartData, EndData: l.EndData, StartStack: l.StartStack,
		ArgStart: l.ArgStart, ArgEnd: l.ArgEnd, EnvStart: l.EnvStart, EnvEnd: l.EnvEnd,
		AuxiliaryVector: p.auxv,
	}))
	d.message = wireproto.AppendTerminate(d.message[:0], seq)
	d.terminate(now)
}
