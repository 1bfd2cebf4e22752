package body

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"deputy/internal/sys"
	"deputy/wireproto"
)

// errUnexpected is what the deputy's side may not do.
var errUnexpected = errors.New("not expected now")

// Message is the channel's event.
func (b *Body) Message(now time.Duration, m []byte) error {
	t := wireproto.Header(m).Type()
	switch b.state {
	case connected:
		if t != wireproto.TypeCreate {
			return errUnexpected
		}
		return b.create(now, m)
	case over:
		return nil
	}
	switch t {
	case wireproto.TypeExit:
		return b.exit(now, m)
	case wireproto.TypePageinReply:
		return b.pageinReply(now, m)
	case wireproto.TypeCopyout:
		return b.copyout(now, m)
	case wireproto.TypeFileVersion:
		return b.load.pager.shows(m)
	}
	if b.state == loading {
		switch t {
		case wireproto.TypeMap:
			return b.mapMemory(now, m)
		case wireproto.TypeStart:
			return b.startImage(m)
		case wireproto.TypeTerminate:
			return b.loaded(now)
		}
		return errUnexpected
	}
	switch t {
	case wireproto.TypeResult:
		return b.returned(now, m)
	case wireproto.TypeCopyinRequest:
		return b.copyin(now, m)
	case wireproto.TypeTransactionRequest:
		return b.transactionRequest(now)
	case wireproto.TypeAction:
		return b.action(m)
	case wireproto.TypeTerminate:
		return b.terminated(now)
	case wireproto.TypeReset:
		return b.reset(now, m)
	}
	return errUnexpected
}

// copyin reads memory of the body for the deputy.
func (b *Body) copyin(now time.Duration, m []byte) error {
	r, err := wireproto.ParseCopyinRequest(m)
	if err != nil {
		return err
	}
	if !b.tx.open || r.Count > stagingSize {
		return errUnexpected
	}
	buffer := b.guest.staging[:r.Count]
	var data []byte
	if r.Flags&wireproto.FlagString != 0 {
		data, err = readString(b.self.PID, r.Address, buffer)
	} else {
		var n int
		n, err = sys.ProcessRead(b.self.PID, r.Address, buffer)
		if err != nil {
			n = 0
		}
		data = buffer[:n]
		if n < len(buffer) {
			err = unix.EFAULT
		}
	}
	var flags wireproto.Flags
	if err != nil {
		flags = wireproto.FlagFault
	}
	b.send(now, wireproto.AppendCopyinReply(b.message[:0], r.Sequence, r.Address, flags, data))
	b.guest.trim(len(data))
	return nil
}

// copyout writes memory of the body for the deputy.
func (b *Body) copyout(now time.Duration, m []byte) error {
	r, err := wireproto.ParseCopyout(m)
	if err != nil {
		return err
	}
	err = b.self.Write(r.Address, r.Data)
	if b.state == loading {
		if err != nil {
			b.fail(now, fmt.Errorf("image from home: %w", err))
		}
		return nil
	}
	var flags wireproto.Flags
	if err != nil {
		flags = wireproto.FlagFault
	}
	b.send(now, wireproto.AppendCopyoutReply(b.message[:0], r.Sequence, r.Address, flags))
	return nil
}

// returned is the result of the call, with what it wrote.
func (b *Body) returned(now time.Duration, m []byte) error {
	r, err := wireproto.ParseResult(m)
	if err != nil {
		return err
	}
	if !b.tx.open || b.tx.ended || !b.trap.waiting || b.trap.queued {
		return errUnexpected
	}
	ret := int64(r.Value)
	if r.Errno != 0 {
		ret = -int64(r.Errno)
	}
	b.trap.ret = ret
	b.trap.written = b.trap.written[:0]
	for piece, ok := r.Ranges.Next(); ok; piece, ok = r.Ranges.Next() {
		if b.trap.traced { // what the call writes natively comes first
			b.trap.written = append(b.trap.written, written{piece.Address, append([]byte(nil), piece.Data...)})
			continue
		}
		if b.self.Write(piece.Address, piece.Data) != nil {
			b.trap.ret = -int64(unix.EFAULT)
			break
		}
	}
	b.tx.ended = true
	if r.Flags&wireproto.FlagTerminated != 0 {
		return b.terminated(now)
	}
	return nil
}

// terminated ends the transaction: the signals go to the body first, then the result, so that the handlers
// run before the program sees what the call returned.
func (b *Body) terminated(now time.Duration) error {
	if !b.tx.open {
		return errUnexpected
	}
	b.tx.open = false
	b.raise()
	switch {
	case b.newborn:
		return b.beginChild()
	case b.signals.fault:
		return b.resolved(now)
	case b.trap.waiting && b.tx.ended:
		b.answer(now, b.trap.ret)
	case b.trap.queued:
		b.forward(now)
	case b.signals.waits:
		b.report(now, b.signals.queued)
	}
	return nil
}

// answer gives the waiting call what it returned.
func (b *Body) answer(now time.Duration, ret int64) {
	b.trap.ret = ret
	if b.trap.traced {
		if err := b.trap.then(now); err != nil && !errors.Is(err, unix.ESRCH) {
			b.fail(now, err)
		}
		return
	}
	b.trap.waiting = false
	value, errno := ret, unix.Errno(0)
	if ret < 0 && ret >= -maxErrno {
		value, errno = 0, unix.Errno(-ret)
	}
	err := sys.NotificationSend(b.listener.fd, b.trap.id, value, errno)
	if err != nil && !errors.Is(err, unix.ENOENT) { // ENOENT: the body was killed meanwhile
		b.fail(now, err)
	}
}

const maxErrno = 4095

// exit ends the body: the process is over at home.
func (b *Body) exit(now time.Duration, m []byte) error {
	e, err := wireproto.ParseExit(m)
	if err != nil {
		return err
	}
	b.log.Info("body ended", "status", e.Status)
	b.group.ended = b.group.ended || !b.exiting
	b.ch.Close(now)
	b.finish()
	return nil
}
