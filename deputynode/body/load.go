package body

import (
	"bytes"
	"errors"
	"time"

	"golang.org/x/sys/unix"

	"deputy/wireproto"
)

// load is the image on its way from home: mappings first, without their final protection, then contents, then
// the start.
type load struct {
	mappings []wireproto.Map
	pager    pager
	start    wireproto.Start
	started  bool // the start has come
}

var errSeed = errors.New("a mapping at addresses that the body needs itself")

// mapMemory makes a mapping of the image.
func (b *Body) mapMemory(now time.Duration, m []byte) error {
	r, err := wireproto.ParseMap(m)
	if err != nil {
		return err
	}
	if b.load.started {
		return errUnexpected
	}
	if r.Address < asideStart+seedSize && r.Address+r.Length > seedAddress {
		b.fail(now, errSeed)
		return nil
	}
	b.load.mappings = append(b.load.mappings, r)
	if r.Kind == wireproto.MapVDSO {
		return nil // at the launch
	}
	flags := uint64(unix.MAP_PRIVATE | unix.MAP_ANONYMOUS | unix.MAP_FIXED_NOREPLACE | r.Flags&unix.MAP_GROWSDOWN)
	if _, err := b.self.Call("mmap", unix.SYS_MMAP, r.Address, r.Length, unix.PROT_READ|unix.PROT_WRITE, flags, ^uint64(0), 0); err != nil {
		b.fail(now, err)
		return nil
	}
	if r.Kind == wireproto.MapFile {
		b.load.pager.want(r.Address, r.Length)
		b.ask(now)
	}
	return nil
}

// startImage notes how the image begins to run.
func (b *Body) startImage(m []byte) error {
	s, err := wireproto.ParseStart(m)
	if err != nil {
		return err
	}
	if b.load.started {
		return errUnexpected
	}
	b.load.start, b.load.started = s, true
	b.load.start.AuxiliaryVector = bytes.Clone(s.AuxiliaryVector)
	return nil
}

// loaded is the end of the transaction that brought the image: it runs when the last page has come.
func (b *Body) loaded(now time.Duration) error {
	if !b.load.started {
		return errUnexpected
	}
	b.load.pager.then = b.launch
	b.ask(now)
	return nil
}

// reset drops the image, for the next one (execve).
func (b *Body) reset(now time.Duration, m []byte) error {
	if _, err := wireproto.ParseReset(m); err != nil {
		return err
	}
	if b.state != running || !b.tx.open {
		return errUnexpected
	}
	b.state = loading
	b.load, b.trap, b.signals = load{}, trap{}, signals{}
	if err := b.respawn(); err != nil {
		b.fail(now, err)
	}
	return nil
}
