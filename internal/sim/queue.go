package sim

import "time"

// event is something that happens at a moment of virtual time: a frame arrives at a port, or do is called.
type event struct {
	to   *port
	data *frame
	do   func()
}

// queue is a heap of events. Nothing in it depends on anything but what was put in, and in which order.
type queue struct {
	heap []moment
	nth  uint64

	events []event // by slot: the heap, whose parts move, holds no pointers
	free   []int32 // slots
}

// moment is when an event is due.
type moment struct {
	at   time.Duration
	nth  uint64 // events of one moment happen in the order in which they were put in
	slot int32
}

func (m moment) before(o moment) bool { return m.at < o.at || m.at == o.at && m.nth < o.nth }

func (q *queue) len() int { return len(q.heap) }

func (q *queue) push(at time.Duration, e event) {
	slot := int32(len(q.events))
	if n := len(q.free); n > 0 {
		slot, q.free = q.free[n-1], q.free[:n-1]
		q.events[slot] = e
	} else {
		q.events = append(q.events, e)
	}
	q.nth++
	m := moment{at, q.nth, slot}
	i := len(q.heap)
	q.heap = append(q.heap, m)
	for ; i > 0; i = (i - 1) / 2 {
		parent := (i - 1) / 2
		if !m.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
	}
	q.heap[i] = m
}

// pop removes the first event, and returns when it is due; the queue must not be empty.
func (q *queue) pop() (time.Duration, event) {
	first := q.heap[0]
	n := len(q.heap) - 1
	last := q.heap[n]
	q.heap = q.heap[:n]
	if n > 0 {
		q.down(last)
	}
	e := q.events[first.slot]
	q.events[first.slot] = event{}
	q.free = append(q.free, first.slot)
	return first.at, e
}

// down puts m, from the end of the heap, where it belongs after the first was taken.
func (q *queue) down(m moment) {
	i := 0
	for child := 1; child < len(q.heap); child = 2*i + 1 {
		if child+1 < len(q.heap) && q.heap[child+1].before(q.heap[child]) {
			child++
		}
		if !q.heap[child].before(m) {
			break
		}
		q.heap[i] = q.heap[child]
		i = child
	}
	q.heap[i] = m
}
