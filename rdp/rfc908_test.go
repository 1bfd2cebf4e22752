package rdp

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// example is an exchange of RFC 908, chapter 5, seen from one of its hosts, line by line:
//
//	"> segment"    arrives
//	"< segment"    must be sent, and nothing else
//	"write data"   the user sends a message
//	"pass"         the wait for a segment that could only be late ends
//	"state STATE"  of the connection
//	"dial"         opens another connection
type example struct {
	name         string
	own, foreign uint32 // initial sequence numbers, where the figure begins with an open connection
	outstanding  uint16 // the foreign host's maximum, if it matters
	open         bool   // the figure begins in OPEN
	dial         bool   // or with an active open
	lines        string
}

var examples = []example{
	{name: "5.1 connection establishment, host A", own: 100, dial: true, lines: `
		< <SEQ=100><SYN>
		state SYN-SENT
		> <SEQ=200><ACK=100><SYN>
		< <SEQ=101><ACK=200>
		state OPEN
		write x
		< <SEQ=101><ACK=200><Data=x>
		> <SEQ=201><ACK=101>`},
	{name: "5.1 connection establishment, host B", own: 200, lines: `
		> <SEQ=100><SYN>
		< <SEQ=200><ACK=100><SYN>
		state SYN-RCVD
		> <SEQ=101><ACK=200>
		state OPEN
		> <SEQ=101><ACK=200><Data=x>
		< <SEQ=201><ACK=101>`},
	{name: "5.2 simultaneous connection establishment, host A", own: 100, dial: true, lines: `
		< <SEQ=100><SYN>
		> <SEQ=200><SYN>
		< <SEQ=100><ACK=200><SYN>
		state SYN-RCVD
		> <SEQ=200><ACK=100><SYN>
		state OPEN`},
	{name: "5.2 simultaneous connection establishment, host B", own: 200, dial: true, lines: `
		< <SEQ=200><SYN>
		> <SEQ=100><SYN>
		< <SEQ=200><ACK=100><SYN>
		state SYN-RCVD
		> <SEQ=100><ACK=200><SYN>
		state OPEN`},
	{name: "5.3 lost segments, host A", own: 99, foreign: 200, open: true, lines: `
		write a
		< <SEQ=100><ACK=200><Data=a>
		> <SEQ=201><ACK=100>
		write b
		< <SEQ=101><ACK=200><Data=b>
		write c
		< <SEQ=102><ACK=200><Data=c>
		> <SEQ=201><ACK=100><EA=102>
		write d
		< <SEQ=103><ACK=200><Data=d>
		> <SEQ=201><ACK=100><EA=102,103>
		pass
		< <SEQ=101><ACK=200><Data=b>
		> <SEQ=201><ACK=103>
		write e
		< <SEQ=104><ACK=200><Data=e>
		> <SEQ=201><ACK=104>`},
	{name: "5.3 lost segments, and 5.4 segments received out of order, host B", own: 200, foreign: 99, open: true, lines: `
		> <SEQ=100><ACK=200><Data=a>
		< <SEQ=201><ACK=100>
		> <SEQ=102><ACK=200><Data=c>
		< <SEQ=201><ACK=100><EA=102>
		> <SEQ=103><ACK=200><Data=d>
		< <SEQ=201><ACK=100><EA=102,103>
		> <SEQ=101><ACK=200><Data=b>
		< <SEQ=201><ACK=103>
		> <SEQ=104><ACK=200><Data=e>
		< <SEQ=201><ACK=104>
		got a b c d e`},
	{name: "5.4 segments received out of order, host A", own: 99, foreign: 200, open: true, lines: `
		write a
		< <SEQ=100><ACK=200><Data=a>
		> <SEQ=201><ACK=100>
		write b
		< <SEQ=101><ACK=200><Data=b>
		write c
		< <SEQ=102><ACK=200><Data=c>
		> <SEQ=201><ACK=100><EA=102>
		write d
		< <SEQ=103><ACK=200><Data=d>
		> <SEQ=201><ACK=103>
		write e
		< <SEQ=104><ACK=200><Data=e>
		> <SEQ=201><ACK=104>
		pass`},
	{name: "5.5 long delay path, host A", own: 99, foreign: 200, open: true, outstanding: 5, lines: `
		write a
		< <SEQ=100><ACK=200><Data=a>
		write b
		< <SEQ=101><ACK=200><Data=b>
		write c
		< <SEQ=102><ACK=200><Data=c>
		write d
		< <SEQ=103><ACK=200><Data=d>
		write e
		< <SEQ=104><ACK=200><Data=e>
		write f
		write g
		<
		> <SEQ=201><ACK=100>
		< <SEQ=105><ACK=200><Data=f>
		> <SEQ=201><ACK=101>
		< <SEQ=106><ACK=200><Data=g>
		> <SEQ=201><ACK=102>
		> <SEQ=201><ACK=103>
		> <SEQ=201><ACK=104>
		> <SEQ=201><ACK=105>
		> <SEQ=201><ACK=106>
		pass`},
	{name: "5.5 long delay path, host B", own: 200, foreign: 99, open: true, lines: `
		> <SEQ=100><ACK=200><Data=a>
		< <SEQ=201><ACK=100>
		> <SEQ=101><ACK=200><Data=b>
		< <SEQ=201><ACK=101>
		> <SEQ=102><ACK=200><Data=c>
		< <SEQ=201><ACK=102>
		> <SEQ=103><ACK=200><Data=d>
		< <SEQ=201><ACK=103>`},
	{name: "5.6 long delay path with lost segments, host A", own: 99, foreign: 200, open: true, outstanding: 5, lines: `
		write a
		< <SEQ=100><ACK=200><Data=a>
		write b
		< <SEQ=101><ACK=200><Data=b>
		write c
		< <SEQ=102><ACK=200><Data=c>
		write d
		< <SEQ=103><ACK=200><Data=d>
		write e
		< <SEQ=104><ACK=200><Data=e>
		> <SEQ=201><ACK=100>
		write f
		< <SEQ=105><ACK=200><Data=f>
		> <SEQ=201><ACK=101>
		write g
		< <SEQ=106><ACK=200><Data=g>
		> <SEQ=201><ACK=102>
		> <SEQ=201><ACK=102><EA=104>
		<
		> <SEQ=201><ACK=102><EA=104,105>
		<
		> <SEQ=201><ACK=102><EA=104,105,106>
		< <SEQ=103><ACK=200><Data=d>
		> <SEQ=201><ACK=106>
		pass`},
	{name: "5.6 long delay path with lost segments, host B", own: 200, foreign: 99, open: true, lines: `
		> <SEQ=100><ACK=200><Data=a>
		< <SEQ=201><ACK=100>
		> <SEQ=101><ACK=200><Data=b>
		< <SEQ=201><ACK=101>
		> <SEQ=102><ACK=200><Data=c>
		< <SEQ=201><ACK=102>
		> <SEQ=104><ACK=200><Data=e>
		< <SEQ=201><ACK=102><EA=104>
		> <SEQ=105><ACK=200><Data=f>
		< <SEQ=201><ACK=102><EA=104,105>
		> <SEQ=106><ACK=200><Data=g>
		< <SEQ=201><ACK=102><EA=104,105,106>
		> <SEQ=103><ACK=200><Data=d>
		< <SEQ=201><ACK=106>
		got a b c d e f g`},
	// A RST that ends a connection is answered once, so that the peer need not repeat it (decision 9).
	// RFC 1151 closes the opener as well, so the SYN that ends the figure is that of another Dial.
	{name: "5.7 half-open connection on crash recovery, host A", own: 400, dial: true, lines: `
		< <SEQ=400><SYN>
		> <SEQ=200><ACK=100>
		< <SEQ=101><RST>
		state CLOSED
		dial
		< <SEQ=400><SYN>`},
	{name: "5.7 half-open connection on crash recovery, host B", own: 199, foreign: 100, open: true, lines: `
		> <SEQ=400><SYN>
		< <SEQ=200><ACK=100>
		> <SEQ=101><RST>
		< <SEQ=200><ACK=100><RST>
		state CLOSE-WAIT`},
	{name: "5.8 half-open connection from the active side, host A", own: 1, lines: `
		> <SEQ=200><ACK=100><Data=x>
		< <SEQ=101><RST>`},
	{name: "5.8 half-open connection from the active side, host B", own: 199, foreign: 100, open: true, lines: `
		write x
		< <SEQ=200><ACK=100><Data=x>
		> <SEQ=101><RST>
		< <SEQ=201><ACK=100><RST>
		state CLOSE-WAIT`},
}

// TestExamplesOfRFC908 plays the figures of chapter 5, as they stand and where the numbers of either side wrap.
func TestExamplesOfRFC908(t *testing.T) {
	for _, x := range examples {
		t.Run(x.name, func(t *testing.T) {
			for _, base := range bases {
				x.play(t, base)
			}
		})
	}
}

func (x *example) play(t *testing.T, base uint32) {
	s := newScript(t)
	s.base = base
	s.e.fixedISS = func() uint32 { return base + x.own }
	if x.outstanding != 0 {
		s.max = x.outstanding
	}
	dial := func() {
		r, err := s.e.Dial(s.now, scriptPeerAddr, Options{LocalPort: scriptLocal}, s.user)
		if err != nil {
			t.Fatal(err)
		}
		s.r = r
	}
	switch {
	case x.dial:
		dial()
	case strings.Contains(x.lines, "RST") && !x.open: // a host that has crashed has no listener
	default:
		s.listen(Options{})
	}
	if x.open {
		s.in(fmt.Sprintf("<SEQ=%d><SYN>", x.foreign))
		s.out(fmt.Sprintf("<SEQ=%d><ACK=%d><SYN>", x.own, x.foreign))
		s.in(fmt.Sprintf("<SEQ=%d><ACK=%d>", x.foreign+1, x.own))
		s.out()
	}
	for _, line := range strings.Split(strings.TrimSpace(x.lines), "\n") {
		what, arg, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch what {
		case ">":
			s.in(arg)
			if s.r == nil && len(s.e.records) == 1 {
				s.r = s.embryo()
			}
		case "<":
			if arg == "" {
				s.out()
			} else {
				s.out(strings.Fields(arg)...)
			}
		case "write":
			s.write(arg)
		case "pass":
			s.wait(3 * time.Millisecond)
		case "state":
			if got := s.r.State().String(); got != arg {
				t.Fatalf("%q: state %s", line, got)
			}
		case "got":
			s.got(strings.Fields(arg)...)
		case "dial":
			dial()
		}
	}
	s.out()
}
