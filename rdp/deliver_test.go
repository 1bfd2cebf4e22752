package rdp

import (
	"errors"
	"fmt"
	"testing"
	"time"
	"unsafe"

	"deputy/internal/wire"
)

// TestMessageEvents: who wants messages gets them whole, and again whole if it refuses.
func TestMessageEvents(t *testing.T) {
	s := inState(t, StateSynReceived, Options{})
	s.e.listeners[scriptLocal].accept = func(time.Duration, *Record) Events { return messageRecorder{s.user} }
	s.in("<SEQ=101><ACK=200>")
	s.user.take = 3
	s.in("<SEQ=101><ACK=200><Data=ab>")
	s.in("<SEQ=102><ACK=200><Data=cd>")
	s.in("<SEQ=103><ACK=200><Data=e>")
	s.got("ab")
	s.r.Resume(s.now)
	s.got()
	s.user.take = 3
	s.r.Resume(s.now)
	s.got("cd", "e")
	s.out("<SEQ=201><ACK=103>")
}

// TestPartTaken: OnData is offered the rest, and the segment is acknowledged with its last byte.
func TestPartTaken(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.user.take = 2
	s.in("<SEQ=101><ACK=200><Data=abcde>")
	s.in("<SEQ=102><ACK=200><Data=fg>")
	s.out("<SEQ=201><ACK=100><EA=101,102>")
	s.user.take = 2
	s.r.Resume(s.now)
	s.out()
	s.user.take = 2
	s.r.Resume(s.now)
	s.out("<SEQ=201><ACK=101><EA=102>")
	s.got("ab", "cd", "e", "f")
	s.user.take = -1
	s.r.Resume(s.now)
	s.r.Resume(s.now)
	s.out("<SEQ=201><ACK=102>")
	s.got("g")
}

// TestReplyAcknowledges: one written in the event, before the event has returned, carries the acknowledgement.
func TestReplyAcknowledges(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.user.onData = func(time.Duration) { s.write("reply") }
	s.in("<SEQ=101><ACK=200><Data=request>")
	s.out("<SEQ=201><ACK=101><Data=reply>")
	s.user.onData = nil
	s.in("<SEQ=102><ACK=201><Data=request>")
	s.write("later")
	s.out("<SEQ=202><ACK=102><Data=later>")
}

// TestAckPolicy: held until Flush, AckDelay, or every eighth segment, or when the peer's window may be used up.
func TestAckPolicy(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	s.in("<SEQ=101><ACK=200><Data=x>")
	s.sent()
	if got := s.e.Deadline(); got != s.now+AckDelay {
		t.Errorf("the next deadline is %v", got)
	}
	s.now += AckDelay
	s.e.Advance(s.now)
	s.sent("<SEQ=201><ACK=101>")
	for seq := 102; seq < 102+2*maxAckEvery; seq++ {
		s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", seq))
	}
	s.sent("<SEQ=201><ACK=109>", "<SEQ=201><ACK=117>")

	s = inState(t, StateOpen, Options{Outstanding: 2})
	s.in("<SEQ=101><ACK=200><Data=x>")
	s.in("<SEQ=102><ACK=200><Data=x>")
	s.sent("<SEQ=201><ACK=101>", "<SEQ=201><ACK=102>")
}

// TestChecksumOption: computed and verified on every segment of a connection that has it.
func TestChecksumOption(t *testing.T) {
	s := newScript(t)
	s.checksum = true
	s.reach(StateOpen, Options{Checksum: true})
	s.write("x")
	if b := s.port.out[0]; !checksumOK(b, wire.Addrs[0], wire.Addrs[1]) {
		t.Errorf("sent %x without a checksum", b)
	}
	b := s.encode("<SEQ=101><ACK=200><Data=abc>")
	b[len(b)-1] ^= 1
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	s.checksum = false
	s.in("<SEQ=101><ACK=200><Data=abc>")
	s.got()
	if got := s.e.Stats().BadChecksum; got != 2 {
		t.Errorf("BadChecksum %d, want 2: one wrong and one missing", got)
	}
	s.checksum = true
	s.in("<SEQ=101><ACK=200><Data=abc>")
	s.got("abc")

	// Without a connection: a listener says what it wants, and otherwise a wrong one gets no answer.
	s = newScript(t)
	s.listen(Options{Checksum: true})
	s.in("<SEQ=100><SYN>")
	b = s.encode("<SEQ=100><SYN>")
	putChecksum(b, wire.Addrs[0], wire.Addrs[0])
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	s.e.Unlisten(s.now, scriptLocal)
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	s.sent()
	s.checksum = true
	s.in("<SEQ=100><SYN>")
	if b := s.port.out[0]; !checksumOK(b, wire.Addrs[0], wire.Addrs[1]) {
		t.Errorf("the RST %x has no checksum", b)
	}
}

// TestMalformedIsCounted, each by its reason, and has no effect.
func TestMalformedIsCounted(t *testing.T) {
	s := inState(t, StateOpen, Options{})
	good := s.encode("<SEQ=101><ACK=200><Data=abc>")
	edit := func(f func(b []byte)) []byte {
		b := append([]byte(nil), good...)
		f(b)
		return b
	}
	for _, b := range [][]byte{
		good[:HeaderLen-1],
		edit(func(b []byte) { b[0] ^= 3 }),
		edit(func(b []byte) { b[1] = 200 }),
		edit(func(b []byte) { b[7]++ }),
		edit(func(b []byte) { b[2], b[3] = 0, 0 }),
		edit(func(b []byte) { b[0] = 2 }),
		edit(func(b []byte) { b[0] |= 8 }),
	} {
		s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
	}
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[1], good)
	i := s.e.Stats()
	for name, n := range map[string]uint64{
		"Short": i.Short, "Version": i.Version, "HeaderLength": i.HeaderLength, "DataLength": i.DataLength,
		"Port": i.Port, "Flags": i.Flags, "UnexpectedData": i.UnexpectedData, "Address": i.Address,
	} {
		if n != 1 {
			t.Errorf("%s counts %d, want 1", name, n)
		}
	}
	s.out()
	s.got()
}

// TestWriteCutsAndKeepsApart: Write cuts what is longer than a segment, and puts no two Writes into one.
func TestWriteCutsAndKeepsApart(t *testing.T) {
	s := newScript(t)
	s.size = MinSegmentSize
	s.reach(StateOpen, Options{})
	long := fmt.Sprintf("%075d", 7)
	if n := s.r.Write(s.now, []byte(long)); n != 75 {
		t.Fatalf("took %d", n)
	}
	s.r.Write(s.now, []byte("b"))
	s.sent("<SEQ=201><ACK=100><Data="+long[:30]+">", "<SEQ=202><ACK=100><Data="+long[30:60]+">",
		"<SEQ=203><ACK=100><Data="+long[60:]+">", "<SEQ=204><ACK=100><Data=b>")
	if err := s.r.WriteMessage(s.now, nil); err != ErrMessageEmpty {
		t.Errorf("an empty message: %v", err)
	}
	if n := s.r.Write(s.now, nil); n != 0 {
		t.Errorf("nothing: %d", n)
	}
	s.sent()
}

// TestSendBuffer bounds what is written and not acknowledged, in bytes and in buffers.
func TestSendBuffer(t *testing.T) {
	s := newScript(t)
	s.max, s.size = 65535, MinSegmentSize
	s.reach(StateOpen, Options{})
	n := 0
	for s.r.WriteMessage(s.now, []byte("x")) == nil {
		n++
	}
	if n != maxSmallMessages || s.e.buffers.lent != n {
		t.Errorf("%d messages in %d buffers, want %d", n, s.e.buffers.lent, maxSmallMessages)
	}
	s = inState(t, StateOpen, Options{SendBuffer: 3000})
	if n := s.r.Write(s.now, make([]byte, 10_000)); n != 2*1462 {
		t.Errorf("took %d bytes of a send buffer of 3000", n)
	}
	if s.r.Info().Queued+s.r.Info().Unacked != 2 || !errors.Is(s.r.WriteMessage(s.now, make([]byte, 100)), ErrNoSpace) {
		t.Errorf("%+v", s.r.Info())
	}
}

// TestRecordSize: what the package comment says of half-open connections.
func TestRecordSize(t *testing.T) {
	s := inState(t, StateSynReceived, Options{})
	r := s.embryo()
	if n := int(unsafe.Sizeof(*r)) + len(r.out.slots)*int(unsafe.Sizeof(outgoing{})) + len(r.in.slots)*int(unsafe.Sizeof(incoming{})); n > 1280 {
		t.Errorf("a half-open connection takes %d bytes", n)
	}
}

// TestWindowUsedUpIsAcknowledgedAtOnce: the peer may wait for nothing else than the one segment that was taken.
func TestWindowUsedUpIsAcknowledgedAtOnce(t *testing.T) {
	s := inState(t, StateOpen, Options{Outstanding: 16})
	s.user.take = 0
	for seq := 101; seq <= 115; seq++ {
		s.in(fmt.Sprintf("<SEQ=%d><ACK=200><Data=x>", seq))
	}
	s.e.Flush(s.now)
	s.port.out = nil
	s.user.take = 1
	s.r.Resume(s.now)
	s.sent() // one is left
	s.out("<SEQ=201><ACK=101><EA=102,103,104,105,106,107,108,109,110,111,112,113,114,115>")
	s.in("<SEQ=116><ACK=200><Data=x>")
	s.in("<SEQ=117><ACK=200><Data=x>")
	s.e.Flush(s.now)
	s.port.out = nil
	s.user.take = 1
	s.r.Resume(s.now)
	if len(s.port.out) != 1 || Header(s.port.out[0]).Ack() != 102 {
		t.Errorf("%d segments sent", len(s.port.out))
	}
}

// TestOnSpaceAtAQuarter: a user who fills the send buffer is not woken for every segment, but when a quarter is free.
func TestOnSpaceAtAQuarter(t *testing.T) {
	s := newScript(t)
	s.max = 8
	s.reach(StateOpen, Options{SendBuffer: 1})
	for range 8 {
		s.r.slots = 8
		s.r.options.SendBuffer = 100
		s.write("x")
	}
	if err := s.r.WriteMessage(s.now, []byte("x")); err != ErrNoSpace {
		t.Fatal(err)
	}
	s.in("<SEQ=101><ACK=201>")
	s.events()
	s.in("<SEQ=101><ACK=202>")
	s.events("space")
	s.in("<SEQ=101><ACK=203>")
	s.events()
}
