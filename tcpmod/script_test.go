package tcpmod

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"deputy/internal/wire"
)

// script is one endpoint with a peer played by the test: it hands segments in
// and says which ones must come out, and when. Sequence numbers are relative
// to the initial ones, as in captures.
type script struct {
	t    *testing.T
	e    *Endpoint
	now  time.Duration
	port wirePort
	c    *TCB
	ev   *recorder

	iss     seqNum // ours, learnt from our SYN
	peerISS seqNum
	window  uint16 // of the segments that the test sends
}

// wirePort is a Network that keeps what is sent.
type wirePort struct {
	mtu int
	buf [9000]byte
	out [][]byte
	err error
}

func (p *wirePort) Addr() netip.Addr { return wire.Addrs[0] }
func (p *wirePort) MTU() int         { return p.mtu }
func (p *wirePort) Buffer() []byte   { return p.buf[:p.mtu] }
func (p *wirePort) Send(_ time.Duration, _ netip.Addr, n int) error {
	if p.err != nil {
		return p.err
	}
	p.out = append(p.out, bytes.Clone(p.buf[:n]))
	return nil
}

// recorder notes events as words, and takes data unless full.
type recorder struct {
	log    []string
	data   []byte
	take   int // bytes that it takes in all; negative: any number
	onData func(now time.Duration)
}

func (r *recorder) OnOpen(time.Duration)  { r.log = append(r.log, "open") }
func (r *recorder) OnSpace(time.Duration) { r.log = append(r.log, "space") }
func (r *recorder) OnEnd(_ time.Duration, err error) {
	r.log = append(r.log, fmt.Sprintf("end %v", err))
}
func (r *recorder) OnData(now time.Duration, p []byte) int {
	n := len(p)
	if r.take >= 0 {
		n = min(n, r.take)
		r.take -= n
	}
	r.data = append(r.data, p[:n]...)
	if r.onData != nil {
		r.onData(now)
	}
	return n
}

const (
	scriptLocal = 80
	scriptPeer  = 40000
)

func newScript(t *testing.T) *script {
	s := &script{t: t, peerISS: 0xfffffff0, window: 60000, ev: &recorder{take: -1}}
	s.port.mtu = 1020 // segments of 1000 bytes
	s.e = New(&s.port, Config{Seed: &[32]byte{1}})
	return s
}

// in hands a segment to the endpoint: "SA" are flags, seq and ack relative.
func (s *script) in(flags string, seq, ack int, data string, options ...byte) {
	s.t.Helper()
	var f Flags
	for _, r := range flags {
		f |= map[rune]Flags{'F': FIN, 'S': SYN, 'R': RST, 'P': PSH, 'A': ACK, 'U': URG, 'E': ECE, 'C': CWR}[r]
	}
	b := make([]byte, HeaderLen, HeaderLen+len(options)+len(data))
	binary.BigEndian.PutUint16(b[offSrcPort:], scriptPeer)
	binary.BigEndian.PutUint16(b[offDstPort:], scriptLocal)
	var a seqNum
	if f&ACK != 0 {
		a = s.iss.add(ack)
	}
	Header(b).put(s.peerISS.add(seq), a, HeaderLen+len(options), f, s.window)
	b = append(append(b, options...), data...)
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], b)
}

// out says which segments must have been sent since the last call, each as
// "flags seq:end(len) ack n sack n:m", without the ack and the SACK blocks where
// there are none.
func (s *script) out(want ...string) {
	s.t.Helper()
	var got []string
	for _, b := range s.port.out {
		h, err := Parse(b)
		if err != nil {
			s.t.Fatal(err)
		}
		if h.Flags()&SYN != 0 {
			s.iss = seqNum(h.Seq())
		}
		seq := seqNum(h.Seq()).sub(s.iss)
		line := fmt.Sprintf("%v %d:%d(%d)", h.Flags(), seq, seq+len(h.Payload()), len(h.Payload()))
		if h.Flags()&ACK != 0 {
			line += fmt.Sprintf(" ack %d", seqNum(h.Ack()).sub(s.peerISS))
		}
		o := segment{options: h.Options()}
		o.parseOptions()
		for b := o.sack; len(b) > 0; b = b[sackBlock:] {
			r := block(b)
			line += fmt.Sprintf(" sack %d:%d", r.start.sub(s.peerISS), r.end.sub(s.peerISS))
		}
		got = append(got, line)
	}
	s.port.out = nil
	if fmt.Sprint(got) != fmt.Sprint(want) {
		s.t.Fatalf("at %v sent %q, want %q", s.now, got, want)
	}
}

// wait lets d pass, firing timers when they are due.
func (s *script) wait(d time.Duration) {
	end := s.now + d
	for s.e.Deadline() <= end {
		s.now = max(s.now, s.e.Deadline())
		s.e.Advance(s.now)
	}
	s.now = end
}

// events says what the user must have been told since the last call.
func (s *script) events(want ...string) {
	s.t.Helper()
	if fmt.Sprint(s.ev.log) != fmt.Sprint(want) {
		s.t.Fatalf("events %q, want %q", s.ev.log, want)
	}
	s.ev.log = nil
}

func (s *script) state(want State) {
	s.t.Helper()
	if s.c.State() != want {
		s.t.Fatalf("state %v, want %v", s.c.State(), want)
	}
}

func (s *script) write(p string) {
	s.t.Helper()
	if n := s.c.Write(s.now, []byte(p)); n != len(p) {
		s.t.Fatalf("Write took %d of %d bytes", n, len(p))
	}
}

var (
	mss1000 = []byte{optMSS, 4, 1000 >> 8, 1000 & 0xff}
	scale7  = []byte{optNop, optScale, 3, 7}
	sackOK  = []byte{optSACKPermitted, 2, optNop, optNop}
)

// sack makes a SACK option of our data: pairs of start and end.
func (s *script) sack(blocks ...int) []byte {
	b := []byte{optNop, optNop, optSACK, byte(2 + 4*len(blocks))}
	for _, n := range blocks {
		b = binary.BigEndian.AppendUint32(b, uint32(s.iss.add(n)))
	}
	return b
}

// listen makes the endpoint listen with s.ev for what is accepted.
func (s *script) listen(o Options) {
	s.t.Helper()
	err := s.e.Listen(scriptLocal, o, func(_ time.Duration, c *TCB) Events {
		s.c = c
		return s.ev
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// dial sends our SYN.
func (s *script) dial(o Options) {
	s.t.Helper()
	s.dialRaw(o)
	s.out("S 0:0(0)")
}

// dialRaw does so and leaves it in s.port.out.
func (s *script) dialRaw(o Options) {
	s.t.Helper()
	c, err := s.e.DialFrom(s.now, scriptLocal, netip.AddrPortFrom(wire.Addrs[1], scriptPeer), o, s.ev)
	if err != nil {
		s.t.Fatal(err)
	}
	s.c = c
}

// inState returns a script whose connection is in the given state, opened
// passively where there is a choice, with nothing under way but a FIN. Its
// segments hold 1000 bytes.
func inState(t *testing.T, state State, o Options) *script {
	t.Helper()
	return inStateWith(t, state, o, mss1000...)
}

// inStateWith is inState with the options of the peer's SYN.
func inStateWith(t *testing.T, state State, o Options, syn ...byte) *script {
	t.Helper()
	s := newScript(t)
	if state == SynSent {
		s.dial(o)
		return s
	}
	s.listen(o)
	s.in("S", 0, 0, "", syn...)
	s.out("SA 0:0(0) ack 1")
	if state == SynRcvd {
		for _, s.c = range s.e.conns {
		}
		return s
	}
	s.in("A", 1, 1, "")
	s.out()
	s.events("open")
	steps := map[State]func(){
		Established: func() {},
		FinWait1:    func() { s.c.CloseWrite(s.now); s.out("FA 1:1(0) ack 1") },
		FinWait2:    func() { s.c.CloseWrite(s.now); s.in("A", 1, 2, ""); s.out("FA 1:1(0) ack 1") },
		CloseWait:   func() { s.in("FA", 1, 1, ""); s.out("A 1:1(0) ack 2"); s.events("end EOF") },
		Closing: func() {
			s.c.CloseWrite(s.now)
			s.in("FA", 1, 1, "")
			s.out("FA 1:1(0) ack 1", "A 2:2(0) ack 2")
			s.events("end EOF")
		},
		LastAck: func() {
			s.in("FA", 1, 1, "")
			s.c.CloseWrite(s.now)
			s.out("A 1:1(0) ack 2", "FA 1:1(0) ack 2")
			s.events("end EOF")
		},
		TimeWait: func() {
			s.c.CloseWrite(s.now)
			s.in("FA", 1, 2, "")
			s.out("FA 1:1(0) ack 1", "A 2:2(0) ack 2")
			s.events("end EOF")
		},
	}
	steps[state]()
	s.state(state)
	return s
}

var synchronized = []State{Established, FinWait1, FinWait2, CloseWait, Closing, LastAck, TimeWait}
