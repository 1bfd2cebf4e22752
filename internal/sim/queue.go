package sim

import "time"

// event is something that happens at a moment of virtual time: a frame arrives at a port, or do is called.
type event struct {
	at   time.Duration
	nth  uint64 // events of one moment happen in the order in which they were put in
	to   *port
	data *frame
	do   func()
}

// queue is a heap of events. Nothing in it depends on anything but what was put in, and in which order.
type queue struct {
	heap []event
	nth  uint64
}

func (q *queue) before(i, j int) bool {
	a, b := &q.heap[i], &q.heap[j]
	return a.at < b.at || a.at == b.at && a.nth < b.nth
}

func (q *queue) push(e event) {
	q.nth++
	e.nth = q.nth
	q.heap = append(q.heap, e)
	for i := len(q.heap) - 1; i > 0; {
		parent := (i - 1) / 2
		if !q.before(i, parent) {
			return
		}
		q.heap[i], q.heap[parent] = q.heap[parent], q.heap[i]
		i = parent
	}
}

// pop removes the first event; the queue must not be empty.
func (q *queue) pop() event {
	first := q.heap[0]
	last := len(q.heap) - 1
	q.heap[0] = q.heap[last]
	q.heap[last] = event{}
	q.heap = q.heap[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return first
		}
		if child+1 < last && q.before(child+1, child) {
			child++
		}
		if !q.before(child, i) {
			return first
		}
		q.heap[i], q.heap[child] = q.heap[child], q.heap[i]
		i = child
	}
}
