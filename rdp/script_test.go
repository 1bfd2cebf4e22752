package rdp

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"deputy/internal/wire"
)

// script is one endpoint whose peer is played by the test: it hands segments in and says which ones must come out.
// Segments are written as RFC 908 does in its examples, <SEQ=100><ACK=200><EA=102,103><Data=abc>, with one tag for each
// flag that is not told by a number: <SYN>, <RST>, <NUL>. All numbers are relative to base, so that a test can be moved
// to where they wrap.
type script struct {
	t    testing.TB
	e    *Endpoint
	now  time.Duration
	port wirePort
	r    *Record
	user *recorder
	base uint32

	max, size uint16 // of the SYNs that the test sends
	sdm       bool
	checksum  bool // the test's segments have one
}

// Numbers of the script: A is the peer and B the endpoint, as in RFC 908's example 5.1.
const (
	scriptLocal = 80
	scriptPeer  = 40000
	peerISS     = 100
	localISS    = 200
	scriptMTU   = 1480
)

var scriptPeerAddr = netip.AddrPortFrom(wire.Addrs[1], scriptPeer)

// wirePort is a Network that keeps what is sent.
type wirePort struct {
	buf [scriptMTU]byte
	out [][]byte
	err error
}

func (p *wirePort) Addr() netip.Addr { return wire.Addrs[0] }
func (p *wirePort) MTU() int         { return len(p.buf) }
func (p *wirePort) Buffer() []byte   { return p.buf[:] }
func (p *wirePort) Send(_ time.Duration, dst netip.Addr, n int) error {
	if p.err != nil {
		return p.err
	}
	if dst != wire.Addrs[1] {
		return fmt.Errorf("sent to %v", dst)
	}
	p.out = append(p.out, bytes.Clone(p.buf[:n]))
	return nil
}

// recorder notes events as words, and takes data unless it is full.
type recorder struct {
	log    []string
	got    []string // what OnData took, call by call
	take   int      // bytes that it takes in all; negative: any number
	onOpen func(now time.Duration)
	onData func(now time.Duration)
	onEnd  func(now time.Duration)
}

func (u *recorder) OnOpen(now time.Duration) {
	u.log = append(u.log, "open")
	if u.onOpen != nil {
		u.onOpen(now)
	}
}

func (u *recorder) OnSpace(time.Duration) { u.log = append(u.log, "space") }

func (u *recorder) OnEnd(now time.Duration, err error) {
	u.log = append(u.log, fmt.Sprintf("end: %v", err))
	if u.onEnd != nil {
		u.onEnd(now)
	}
}

func (u *recorder) OnData(now time.Duration, p []byte) int {
	n := len(p)
	if u.take >= 0 {
		n = min(n, u.take)
		u.take -= n
	}
	if n > 0 {
		u.got = append(u.got, string(p[:n]))
	}
	if u.onData != nil {
		u.onData(now)
	}
	return n
}

// messageRecorder takes whole messages.
type messageRecorder struct{ *recorder }

func (u messageRecorder) OnMessage(now time.Duration, p []byte) bool {
	if u.take >= 0 && len(p) > u.take {
		return false
	}
	return u.OnData(now, p) == len(p)
}

func newScript(t testing.TB) *script {
	s := &script{t: t, user: &recorder{take: -1}, max: DefaultOutstanding, size: 1500, sdm: true}
	s.e = New(&s.port, Config{Secret: [32]byte{1}})
	s.e.fixedISS = func() uint32 { return s.base + localISS }
	return s
}

// in hands a segment in.
func (s *script) in(segment string) {
	s.t.Helper()
	s.e.Receive(s.now, wire.Addrs[1], wire.Addrs[0], s.encode(segment))
}

// encode makes the bytes of a segment from the peer.
func (s *script) encode(segment string) []byte {
	s.t.Helper()
	var (
		flags    Flags
		seq, ack uint32
		eacks    []uint32
		data     string
	)
	for _, tag := range strings.Split(strings.Trim(segment, "<>"), "><") {
		name, value, _ := strings.Cut(tag, "=")
		switch name {
		case "SEQ":
			seq = s.number(value)
		case "ACK":
			flags |= ACK
			ack = s.number(value)
		case "EA":
			flags |= EACK
			for _, v := range strings.Split(value, ",") {
				eacks = append(eacks, s.number(v))
			}
		case "Data":
			data = value
		case "SYN":
			flags |= SYN
		case "RST":
			flags |= RST
		case "NUL":
			flags |= NUL
		default:
			s.t.Fatalf("segment %q: what is %q?", segment, tag)
		}
	}
	n := HeaderLen + 4*len(eacks)
	if flags&SYN != 0 {
		n = synLen
	}
	b := make([]byte, n, n+len(data))
	putHeader(b, flags, n, scriptPeer, scriptLocal, len(data), seq, ack)
	for i, v := range eacks {
		binary.BigEndian.PutUint32(b[HeaderLen+4*i:], v)
	}
	if flags&SYN != 0 {
		putSYN(b, s.max, s.size, s.sdm)
	}
	b = append(b, data...)
	if s.checksum {
		putChecksum(b, wire.Addrs[1], wire.Addrs[0])
	}
	return b
}

func (s *script) number(v string) uint32 {
	s.t.Helper()
	n, err := strconv.Atoi(v)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.base + uint32(n)
}

// decode writes a segment of the endpoint.
func (s *script) decode(b []byte) string {
	s.t.Helper()
	h, data, err := Parse(b)
	if err != nil {
		s.t.Fatalf("sent %x: %v", b, err)
	}
	if h.Source() != scriptLocal || h.Destination() != scriptPeer {
		s.t.Fatalf("sent from port %d to %d", h.Source(), h.Destination())
	}
	var w strings.Builder
	fmt.Fprintf(&w, "<SEQ=%d>", h.Seq()-s.base)
	if h.Flags()&ACK != 0 {
		fmt.Fprintf(&w, "<ACK=%d>", h.Ack()-s.base)
	}
	for i := range h.EACKs() {
		sep := "<EA="
		if i > 0 {
			sep = ","
		}
		fmt.Fprintf(&w, "%s%d", sep, h.EACK(i)-s.base)
	}
	if h.EACKs() > 0 {
		w.WriteString(">")
	}
	for _, f := range []struct {
		flag Flags
		name string
	}{{SYN, "<SYN>"}, {RST, "<RST>"}, {NUL, "<NUL>"}} {
		if h.Flags()&f.flag != 0 {
			w.WriteString(f.name)
		}
	}
	if len(data) > 0 {
		fmt.Fprintf(&w, "<Data=%s>", data)
	}
	return w.String()
}

// sent says which segments must have been sent since the last call, ACKs that are held back not included.
func (s *script) sent(want ...string) {
	s.t.Helper()
	got := []string{}
	for _, b := range s.port.out {
		got = append(got, s.decode(b))
	}
	s.port.out = nil
	if strings.Join(got, " ") != strings.Join(want, " ") {
		s.t.Fatalf("at %v sent %v, want %v", s.now, got, want)
	}
}

// out is sent at a moment when the loop would wait.
func (s *script) out(want ...string) {
	s.t.Helper()
	s.e.Flush(s.now)
	s.sent(want...)
}

// wait lets d pass, firing timers when they are due.
func (s *script) wait(d time.Duration) {
	s.t.Helper()
	end := s.now + d
	for s.e.Flush(s.now); s.e.Deadline() <= end; s.e.Flush(s.now) {
		s.now = max(s.now, s.e.Deadline())
		s.e.Advance(s.now)
		if s.e.Deadline() <= s.now {
			s.t.Fatalf("at %v the next deadline is %v", s.now, s.e.Deadline())
		}
	}
	s.now = end
}

// waitFor lets time pass until something is sent.
func (s *script) waitFor(limit time.Duration) {
	s.t.Helper()
	for end := s.now + limit; len(s.port.out) == 0 && s.e.Deadline() <= end; {
		s.now = max(s.now, s.e.Deadline())
		s.e.Advance(s.now)
	}
	if len(s.port.out) == 0 {
		s.t.Fatalf("nothing was sent within %v", limit)
	}
}

// probed waits until the last segment is sent again as a probe, alone.
func (s *script) probed() {
	s.t.Helper()
	s.port.out = nil
	s.waitFor(DefaultMinRTO)
	if len(s.port.out) != 1 || Header(s.port.out[0]).Seq() != s.r.sndNxt-1 {
		s.t.Fatalf("sent %d segments, want a probe", len(s.port.out))
	}
	s.port.out = nil
}

// events says what the user must have been told since the last call.
func (s *script) events(want ...string) {
	s.t.Helper()
	if strings.Join(s.user.log, "; ") != strings.Join(want, "; ") {
		s.t.Fatalf("events %q, want %q", s.user.log, want)
	}
	s.user.log = nil
}

// got says what the user must have taken since the last call.
func (s *script) got(want ...string) {
	s.t.Helper()
	if strings.Join(s.user.got, "; ") != strings.Join(want, "; ") {
		s.t.Fatalf("delivered %q, want %q", s.user.got, want)
	}
	s.user.got = nil
}

func (s *script) state(want State) {
	s.t.Helper()
	if s.r.State() != want {
		s.t.Fatalf("state %v, want %v", s.r.State(), want)
	}
}

// write sends each message, which must be taken.
func (s *script) write(messages ...string) {
	s.t.Helper()
	for _, m := range messages {
		if err := s.r.WriteMessage(s.now, []byte(m)); err != nil {
			s.t.Fatalf("WriteMessage(%q): %v", m, err)
		}
	}
}

// listen makes the endpoint listen with s.user for what is accepted.
func (s *script) listen(o Options) {
	s.t.Helper()
	err := s.e.Listen(scriptLocal, o, func(_ time.Duration, r *Record) Events {
		s.r = r
		return s.user
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// dial sends our SYN.
func (s *script) dial(o Options) {
	s.t.Helper()
	s.dialQuiet(o)
	s.out("<SEQ=200><SYN>")
}

// dialQuiet is dial for a test that looks at the SYN itself.
func (s *script) dialQuiet(o Options) {
	s.t.Helper()
	o.LocalPort = scriptLocal
	r, err := s.e.Dial(s.now, scriptPeerAddr, o, s.user)
	if err != nil {
		s.t.Fatal(err)
	}
	s.r = r
}

// embryo returns the only record.
func (s *script) embryo() *Record {
	s.t.Helper()
	if len(s.e.records) != 1 {
		s.t.Fatalf("%d records", len(s.e.records))
	}
	for _, r := range s.e.records {
		return r
	}
	return nil
}

// inState returns a script whose connection is in the given state, opened passively where there is a choice. Data of
// the peer begins at 101, ours at 201. CLOSE-WAIT is that after Abort.
func inState(t testing.TB, state State, o Options) *script {
	t.Helper()
	s := newScript(t)
	s.reach(state, o)
	return s
}

// reach brings a new script's connection into a state.
func (s *script) reach(state State, o Options) {
	s.t.Helper()
	if state == StateSynSent {
		s.dial(o)
		return
	}
	s.listen(o)
	s.in("<SEQ=100><SYN>")
	s.out("<SEQ=200><ACK=100><SYN>")
	s.r = s.embryo()
	if state == StateSynReceived {
		return
	}
	s.in("<SEQ=101><ACK=200>")
	s.out()
	s.events("open")
	if state == StateCloseWait {
		s.r.Abort(s.now)
		s.out("<SEQ=201><RST>")
		s.events("end: use of closed network connection")
	}
	s.state(state)
}

// idle says that the endpoint must have nothing left: no record, no timer, no lent buffer.
func (s *script) idle() {
	s.t.Helper()
	if len(s.e.records) != 0 || len(s.e.timers.heap) != 0 || s.e.stats.Connections != 0 {
		s.t.Fatalf("left: %d records, %d timers, %d connections", len(s.e.records), len(s.e.timers.heap), s.e.stats.Connections)
	}
	if s.e.buffers.lent != 0 || s.e.waiting != 0 {
		s.t.Fatalf("%d buffers of the pool were not given back, %d bytes count as waiting", s.e.buffers.lent, s.e.waiting)
	}
}
