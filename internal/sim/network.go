package sim

import (
	"time"

	"golang.org/x/sys/unix"

	"deputy/link"
)

// hardwareAddr returns the address of node number i, locally administered.
func hardwareAddr(i int) link.Addr { return link.Addr{2, 'd', 's', 0, byte(i >> 8), byte(i)} }

// device is the interface of a node, at a switch to which all nodes are joined.
type device struct {
	node   *node
	mtu    int
	buffer []byte
	errors bool // Send fails while the way out is cut, as with a carrier that is seen to be gone
	cut    bool // nothing gets out
}

func (d *device) Buffer() []byte  { return d.buffer }
func (d *device) MTU() int        { return d.mtu }
func (d *device) Addr() link.Addr { return hardwareAddr(d.node.index) }

// Send gives the frame to the switch, which knows every port's address: it copies it to the line of the node that it is
// for, or to all others.
func (d *device) Send(n int) error {
	w := d.node.world
	b := d.buffer[:n]
	w.faults.Sent++
	w.trace.frame(w.now, "sent", d.node, b)
	if d.node.line.chance(d.node.line.refuse) {
		w.faults.Refused++
		return unix.ENOBUFS
	}
	if d.cut {
		w.faults.Cut++
		if d.errors {
			return unix.ENETDOWN
		}
		return nil
	}
	to := link.Addr(b[:6])
	for _, n := range w.nodes {
		if n == d.node || to != link.Broadcast && to != hardwareAddr(n.index) {
			continue
		}
		n.line.carry(w.now, w.frames.take(b), &w.faults, func(at time.Duration, f *frame) {
			w.queue.push(event{at: at, to: n, data: f})
		})
	}
	return nil
}
