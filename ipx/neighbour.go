package ipx

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"deputy/link"
)

// Bounds of the table of neighbours.
const (
	// maxNeighbours is far above the nodes that anyone joins, and small enough
	// that a flood of forged requests costs little.
	maxNeighbours = 1024
	// maxWaiting bounds the datagrams that wait for one neighbour: the openings
	// of some connections and their first repetitions.
	maxWaiting = 16
)

// Times of ARP, for a network whose round trips take microseconds.
const (
	// requestInterval is the time from the first request to the second, far
	// above a round trip and yet short beside a person's patience. It doubles
	// with each request up to maxRequestInterval, the rate that RFC 1122,
	// section 2.3.2.1, recommends; only the first few are faster than that.
	requestInterval    = 20 * time.Millisecond
	maxRequestInterval = time.Second
	// maxRequests unanswered ones, over 2.26 s in all, make a neighbour
	// unreachable: with 1% of the frames lost, one in 10^11 by bad luck.
	maxRequests = 7
	// holdDown is how long sending to an unreachable neighbour then fails at
	// once, before ARP asks again.
	holdDown = time.Second

	// reachableTime is how long an address is believed without a word of ARP
	// from its owner (RFC 1122, section 2.3.2.1: of the order of a minute).
	reachableTime = time.Minute
	// pollInterval and maxPolls are those of the unicast poll that follows, if
	// the neighbour was in use, and in which it stays so (same section, 2).
	pollInterval = time.Second
	maxPolls     = 3
)

// neighbourState is what we know of a neighbour.
//
//	            Send                      request for our address
//	             |                                   |
//	             v       ARP from it                 v
//	       incomplete ---------------------------> reachable <--.
//	             |                                 |   |        | ARP
//	7 unanswered |           1 minute, not used    |   |        | from it
//	             v            .--------------------'   v        |
//	       unreachable        |    1 minute, in use  polling ---'
//	             |            v                        |
//	             `---------> gone <--------------------' 3 unanswered
//	               1 s
type neighbourState uint8

const (
	// incomplete: asked for, datagrams wait. Ends by ARP from the neighbour or
	// after maxRequests.
	incomplete neighbourState = iota
	// reachable: ARP from it came within reachableTime.
	reachable
	// polling: usable as before, and asked by unicast whether it still is.
	polling
	// unreachable: didn't answer; datagrams to it fail at once for holdDown.
	unreachable
	// permanent: a broadcast address.
	permanent
)

// unused is the time of use of a neighbour that was never sent to.
const unused = time.Duration(-1)

// neighbour is one address that we can reach, or try to. Only ARP confirms it:
// that its datagrams arrive is no proof that ours do.
type neighbour struct {
	addr      netip.Addr
	state     neighbourState
	hardware  link.Addr
	paths     []*path       // those that lead through it
	used      time.Duration // last Send while usable, or the making by Send; or unused
	confirmed time.Duration // last ARP from it
	deadline  time.Duration // when the state ends by itself
	asked     int           // requests or polls sent in this state
	waiting   queue
}

func (n *neighbour) isUsable() bool {
	return n.state == reachable || n.state == polling || n.state == permanent
}

// leave takes p off the list of the paths that lead through n.
func (n *neighbour) leave(p *path) {
	i := slices.Index(n.paths, p)
	n.paths = slices.Delete(n.paths, i, i+1)
}

// neighbours is the table.
type neighbours struct {
	byAddr map[netip.Addr]*neighbour
	all    []*neighbour // oldest first
}

// findNeighbour returns the neighbour of address addr, which it adds if it is
// new; nil if there is no place. used is that of addNeighbour.
func (s *Stack) findNeighbour(addr netip.Addr, used time.Duration) *neighbour {
	if n := s.neighbours.byAddr[addr]; n != nil {
		return n
	}
	return s.addNeighbour(addr, used)
}

// addNeighbour adds an incomplete neighbour, in the place of another one if
// the table is full. used is the time if something of ours is to be sent to it,
// and otherwise unused: then it may only replace one that is unused too, so that
// neither a flood of requests nor a sweep of addresses through a gateway can
// drive out those that we talk to. It returns nil if there is no place.
func (s *Stack) addNeighbour(addr netip.Addr, used time.Duration) *neighbour {
	t := &s.neighbours
	if len(t.all) == maxNeighbours {
		victim := -1
		for i, n := range t.all {
			if n.waiting.len() == 0 && (victim < 0 || n.used < t.all[victim].used) {
				victim = i
			}
		}
		if victim < 0 || used == unused && t.all[victim].used != unused {
			return nil
		}
		s.forget(t.all[victim])
		t.all = append(t.all[:victim], t.all[victim+1:]...)
	}
	n := &neighbour{addr: addr, used: used, deadline: Never}
	t.byAddr[addr] = n
	t.all = append(t.all, n)
	return n
}

// forget takes n, for which nothing waits, out of the table but for the list,
// and with it the paths that lead through it.
func (s *Stack) forget(n *neighbour) {
	delete(s.neighbours.byAddr, n.addr)
	for _, p := range n.paths {
		p.owner.removePath(p)
	}
	n.paths = nil
}

// wait copies a datagram into the queue of a neighbour that isn't usable, and
// asks for it if that has not been done.
func (s *Stack) wait(now time.Duration, to *neighbour, header Header, payload *gather, n int, forwarded bool) error {
	if to.state == unreachable {
		s.stats.Output.Unreachable++
		return fmt.Errorf("%w: %s", ErrUnreachable, to.addr)
	}
	if to.waiting.len() == maxWaiting {
		s.stats.Output.Displaced++
		to.waiting.pop().giveBack()
	}
	if to.asked == 0 {
		s.ask(now, to)
	}
	n += len(header)
	pool := s.poolFor(n)
	var buffer []byte
	if !forwarded || pool.lent < pool.limit/2 { // others' datagrams leave half of the room to ours
		buffer = pool.get()
	}
	if buffer == nil {
		s.stats.Output.QueueFull++
		return fmt.Errorf("%w: to %s", ErrQueueFull, to.addr)
	}
	payload.read(buffer[copy(buffer, header):n])
	to.waiting.push(datagram{forwarded: forwarded, bytes: buffer[:n], from: pool})
	s.stats.DatagramsQueued++
	return nil
}

// ask broadcasts a request for an incomplete neighbour and sets the time of
// the next one.
func (s *Stack) ask(now time.Duration, n *neighbour) {
	s.request(link.Broadcast, n.addr)
	n.deadline = now + min(requestInterval<<n.asked, maxRequestInterval)
	n.asked++
	s.schedule(n.deadline)
}

// poll asks a neighbour by unicast whether it is still there.
func (s *Stack) poll(now time.Duration, n *neighbour) {
	s.request(n.hardware, n.addr)
	n.deadline = now + pollInterval
	n.asked++
	s.schedule(n.deadline)
}

// learn takes from an ARP packet that addr, a host of our network other than
// ourselves, has a hardware address. An address that we don't know is added
// only if add is set. What waited for it is sent.
func (s *Stack) learn(now time.Duration, addr netip.Addr, hardware link.Addr, add bool) {
	n := s.neighbours.byAddr[addr]
	if n == nil {
		if !add {
			return
		}
		if n = s.addNeighbour(addr, unused); n == nil {
			s.stats.NeighboursFull++
			return
		}
	}
	if n.hardware != hardware {
		if n.hardware != (link.Addr{}) {
			s.stats.NeighbourChanges++
			s.log.Info("neighbour has another hardware address", "addr", addr, "was", n.hardware, "is", hardware)
		}
		n.hardware = hardware
		for _, p := range n.paths {
			p.template.readdress(hardware)
		}
	}
	n.state = reachable
	n.asked = 0
	n.confirmed = now
	n.deadline = now + reachableTime
	s.schedule(n.deadline)

	for n.waiting.len() > 0 {
		d := n.waiting.pop()
		n.used = now
		s.emitWaited(n, d)
		d.giveBack()
	}
}

// advanceNeighbours does what is due at now for each neighbour, oldest first.
func (s *Stack) advanceNeighbours(now time.Duration) {
	t := &s.neighbours
	kept := t.all[:0]
	for _, n := range t.all {
		if n.deadline <= now && !s.expire(now, n) {
			s.forget(n)
			continue
		}
		kept = append(kept, n)
	}
	clear(t.all[len(kept):])
	t.all = kept
}

// expire takes n, whose deadline has come, to its next state, and reports
// whether there is one.
func (s *Stack) expire(now time.Duration, n *neighbour) bool {
	switch n.state {
	case incomplete:
		if n.asked < maxRequests {
			s.ask(now, n)
			return true
		}
		s.stats.NeighbourFailed++
		s.log.Debug("neighbour answers no ARP request", "addr", n.addr, "waiting", n.waiting.len())
		for n.waiting.len() > 0 {
			d := n.waiting.pop()
			s.stats.Output.Unreachable++
			s.reportUnreachable(now, d)
			d.giveBack()
		}
		n.state = unreachable
		n.deadline = now + holdDown
		return true
	case reachable:
		if n.used < n.confirmed {
			return false
		}
		n.state = polling
		s.poll(now, n)
		return true
	case polling:
		if n.asked < maxPolls {
			s.poll(now, n)
			return true
		}
		s.stats.NeighbourFailed++
		s.log.Debug("neighbour stopped to answer ARP requests", "addr", n.addr)
		return false
	default:
		return false
	}
}
