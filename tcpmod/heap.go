package tcpmod

import "time"

// timerHeap orders the connections by the time at which to look at their
// timers, c.heapAt. That is never later than their earliest deadline, but may
// be earlier: a deadline that moves forward leaves the heap alone, so that
// traffic costs nothing here, and an early look only corrects the time.
type timerHeap []*TCB

func (h *timerHeap) push(c *TCB) {
	c.heapIndex = len(*h)
	*h = append(*h, c)
	h.up(c.heapIndex)
}

func (h *timerHeap) remove(c *TCB) {
	i, last := c.heapIndex, len(*h)-1
	moved := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	c.heapIndex = -1
	if i != last {
		(*h)[i] = moved
		moved.heapIndex = i
		h.fix(moved)
	}
}

// fix puts c where its heapAt belongs.
func (h *timerHeap) fix(c *TCB) {
	h.up(c.heapIndex)
	h.down(c.heapIndex)
}

func (h timerHeap) up(i int) {
	c := h[i]
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].heapAt <= c.heapAt {
			break
		}
		h[i] = h[parent]
		h[i].heapIndex = i
		i = parent
	}
	h[i] = c
	c.heapIndex = i
}

func (h timerHeap) down(i int) {
	c := h[i]
	for {
		child := 2*i + 1
		if child >= len(h) {
			break
		}
		if child+1 < len(h) && h[child+1].heapAt < h[child].heapAt {
			child++
		}
		if c.heapAt <= h[child].heapAt {
			break
		}
		h[i] = h[child]
		h[i].heapIndex = i
		i = child
	}
	h[i] = c
	c.heapIndex = i
}

// next returns when to look at the first connection.
func (h timerHeap) next() time.Duration {
	if len(h) == 0 {
		return Never
	}
	return h[0].heapAt
}
