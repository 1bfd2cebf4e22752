package deputy

import (
	"bytes"
	"time"

	"golang.org/x/sys/unix"

	"deputy/deputynode/channel"
	"deputy/deputynode/syscalls"
	"deputy/wireproto"
)

// TracedCall is a call that a deputy has served, or, of one that does not return, is about to.
type TracedCall struct {
	Thread   int    // id of the thread
	Text     string // name and arguments
	Returns  bool
	Value    int64 // what it returned: a value, or -errno
	Class    string
	Messages uint64 // of the transaction, both ways
	Sent     uint64 // bytes to the body
	Received uint64 // bytes from the body
	Took     time.Duration
}

// traced is the call that is being served.
type traced struct {
	since  time.Duration
	before channel.Stats
}

// traceBegin notes the begin of a transaction, whose request has come.
func (d *Deputy) traceBegin(request []byte) {
	if d.options.Trace == nil {
		return
	}
	d.traced = traced{since: d.home.loop.Now(), before: d.ch.Stats()}
	d.traced.before.ReceivedMessages--
	d.traced.before.ReceivedBytes -= uint64(len(request))
	if d.tx.call == unix.SYS_EXIT || d.tx.call == unix.SYS_EXIT_GROUP {
		d.traceCall(false, 0)
	}
}

// traceValue returns what the message that is about to end the transaction says of its call, and whether that is to be
// told.
func (d *Deputy) traceValue() (value int64, trace bool) {
	if d.options.Trace == nil || d.tx.null || d.tx.call == unix.SYS_EXIT {
		return 0, false
	}
	r, err := wireproto.ParseResult(d.message)
	if err != nil { // an execve that succeeded has no result
		return 0, true
	}
	if r.Errno != 0 {
		return -int64(r.Errno), true
	}
	return int64(r.Value), true
}

func (d *Deputy) traceCall(returns bool, value int64) {
	tx := &d.tx
	class := "unknown"
	if tx.row != nil {
		if tx.row.ClassOf(tx.args) == syscalls.Local {
			return // the agents' own
		}
		class = tx.row.ClassOf(tx.args).String()
	}
	after, before := d.ch.Stats(), d.traced.before
	d.options.Trace(TracedCall{
		Thread: d.tracee.PID, Text: syscalls.Format(tx.row, tx.call, tx.args[:tx.count], tx.text), Returns: returns, Value: value,
		Class:    class,
		Messages: after.SentMessages + after.ReceivedMessages - before.SentMessages - before.ReceivedMessages,
		Sent:     after.SentBytes - before.SentBytes, Received: after.ReceivedBytes - before.ReceivedBytes,
		Took: d.home.loop.Now() - d.traced.since,
	})
}

// text is a string of the body, if it is here.
func (tx *transaction) text(address uint64) (string, bool) {
	for i := range tx.known {
		if k := &tx.known[i]; k.text && k.address == address && !k.fault {
			return string(bytes.TrimSuffix(k.data, []byte{0})), true
		}
	}
	return "", false
}
