package wire

import (
	"net/netip"
	"time"
)

// Pipe joins two endpoints without delay or allocation: what they send waits in slots until Pump delivers it.
type Pipe[E Endpoint] struct {
	Ends  [2]E
	Ports [2]*PipePort // the networks of the ends
	Now   time.Duration
}

// NewPipe is a pipe whose ends are to be made on its ports.
func NewPipe[E Endpoint]() *Pipe[E] {
	return &Pipe[E]{Ports: [2]*PipePort{{addr: Addrs[0]}, {addr: Addrs[1]}}}
}

// PipePort is the network of one end of a pipe.
type PipePort struct {
	addr       netip.Addr
	slots      [1024][MTU]byte
	lens       [1024]int
	head, tail int
}

func (p *PipePort) Addr() netip.Addr { return p.addr }
func (p *PipePort) MTU() int         { return MTU }
func (p *PipePort) Buffer() []byte   { return p.slots[p.tail%len(p.slots)][:] }

// Send keeps the first n bytes of the buffer, unless the pipe is full: then they are lost.
func (p *PipePort) Send(_ time.Duration, _ netip.Addr, n int) error {
	if p.tail-p.head < len(p.slots)-1 {
		p.lens[p.tail%len(p.slots)] = n
		p.tail++
	}
	return nil
}

// Lose empties the segment that waits at place i, if there is one.
func (p *PipePort) Lose(i int) {
	if i < p.tail-p.head {
		p.lens[(p.head+i)%len(p.slots)] = 0
	}
}

// Pump delivers what was sent, and what that causes, until all is quiet; each segment takes 100 ns.
func (p *Pipe[E]) Pump() {
	for busy := true; busy; {
		busy = false
		for i, from := range p.Ports {
			for ; from.head != from.tail; from.head++ {
				k := from.head % len(from.slots)
				p.Now += 100 * time.Nanosecond
				p.Ends[1-i].Receive(p.Now, Addrs[i], Addrs[1-i], from.slots[k][:from.lens[k]])
				busy = true
			}
			if p.Ends[i].Deadline() <= p.Now {
				p.Ends[i].Advance(p.Now)
			}
		}
	}
}

// Settle delivers everything, held ACKs too.
func (p *Pipe[E]) Settle() {
	p.Pump()
	for _, e := range p.Ends {
		e.Flush(p.Now)
	}
	p.Pump()
}
