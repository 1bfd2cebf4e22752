package sim

import (
	"net/netip"
	"time"

	"deputy/rdp"
	"deputy/tcpmod"
)

// Sequence numbers start anywhere, and would hardly ever wrap around in a run. So some nodes boot at a time of their clock,
// which is a part of initial sequence numbers (RFC 6528), that makes those of a flow wrap soon.

// wrap is what makes the numbers of one end of a flow with known ports wrap.
type wrap struct {
	flow *flow // nil: nothing
	side int
	left uint32 // numbers from the first one to the wrap
}

// epoch returns at which time the clock of a node with this secret must begin.
func (r wrap) epoch(secret [32]byte) time.Duration {
	if r.flow == nil {
		return 0
	}
	const second = time.Second
	first := r.firstSeq(0, secret)
	perSecond := r.firstSeq(second, secret) - first
	at := time.Duration(float64(-r.left-first) / float64(perSecond) * float64(second))
	return max(0, at-r.flow.begin)
}

// firstSeq returns the initial sequence number of the flow's end if it dials at now.
func (r wrap) firstSeq(now time.Duration, secret [32]byte) uint32 {
	f := r.flow
	local, remote := f.addresses(r.side)
	heard := &ear{addr: local.Addr()}
	if f.transport == overTCP {
		e := tcpmod.New(heard, tcpmod.Config{Seed: &secret})
		if _, err := e.DialFrom(now, local.Port(), remote, tcpmod.Options{}, nil); err != nil {
			panic(err) // of the simulation
		}
		return tcpmod.Header(heard.sent()).Seq()
	}
	e := rdp.New(heard, rdp.Config{Secret: secret})
	if _, err := e.Dial(now, remote, rdp.Options{LocalPort: local.Port()}, nil); err != nil {
		panic(err)
	}
	return rdp.Header(heard.sent()).Seq()
}

// ear is a network that only hears what was sent last.
type ear struct {
	addr   netip.Addr
	buffer [1480]byte
	n      int
}

func (l *ear) Addr() netip.Addr { return l.addr }
func (l *ear) MTU() int         { return len(l.buffer) }
func (l *ear) Buffer() []byte   { return l.buffer[:] }
func (l *ear) sent() []byte     { return l.buffer[:l.n] }
func (l *ear) Send(_ time.Duration, _ netip.Addr, n int) error {
	l.n = n
	return nil
}
