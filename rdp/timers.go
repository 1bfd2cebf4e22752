package rdp

import "time"

// timers is a heap of the records by the time at which they want to be looked at. That time may be too early (a
// timer was stopped or moved back since): then the record is only filed again. So a timer that is set and
// stopped with every segment costs nothing here.
type timers struct{ heap []*Record }

func (t *timers) next() time.Duration {
	if len(t.heap) == 0 {
		return Never
	}
	return t.heap[0].armed
}

// add files a new record.
func (t *timers) add(r *Record, at time.Duration) {
	r.armed, r.index = at, len(t.heap)
	t.heap = append(t.heap, r)
	t.up(r.index)
}

// move files a record under another time.
func (t *timers) move(r *Record, at time.Duration) {
	r.armed = at
	t.up(r.index)
	t.down(r.index)
}

// remove takes a record out.
func (t *timers) remove(r *Record) {
	i, last := r.index, len(t.heap)-1
	t.swap(i, last)
	t.heap[last] = nil
	t.heap = t.heap[:last]
	if i < last {
		t.up(i)
		t.down(i)
	}
	r.index = -1
}

func (t *timers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].index, t.heap[j].index = i, j
}

func (t *timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if t.heap[parent].armed <= t.heap[i].armed {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timers) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(t.heap) {
			return
		}
		if child+1 < len(t.heap) && t.heap[child+1].armed < t.heap[child].armed {
			child++
		}
		if t.heap[i].armed <= t.heap[child].armed {
			return
		}
		t.swap(i, child)
		i = child
	}
}
