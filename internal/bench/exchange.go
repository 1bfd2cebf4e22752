package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// An exchange is one round trip at one layer, again and again, by the thread that calls it.
type exchange interface {
	// enter makes both sides ready for rounds.
	enter() error
	// round does one round trip. errLost: the answer did not come in time.
	round() error
	// leave ends what enter began.
	leave() error
}

// lossTimeout is how long an answer is waited for where nothing below sends again: a thousand round
// trips, and more than a thread is off its CPU on a machine that does little else.
const lossTimeout = 50 * time.Millisecond

// replyTimeout is how long an answer is waited for where a layer below sends again, or the peer has to do
// something first.
const replyTimeout = 3 * time.Second

// lossLimit is how many losses in a row mean that the peer is gone.
const lossLimit = 40

// errLost is what a round returns whose frame, or its answer, was lost.
var errLost = errors.New("no answer in time")

// errGone says that a peer that did answer does not any more.
var errGone = errors.New("the peer does not answer any more")

// settle is how many rounds of a slice are done at least before the first that counts: the peer has to
// change what it does, and both caches what they hold.
const settle = 20

// settleTime is how long such rounds are done. After its threads have changed, Go's sysmon thread looks at
// them every 20 to 70 µs, for some milliseconds and then ever more rarely; on two busy CPUs each look puts
// one round in ten off by 40 µs.
const settleTime = 10 * time.Millisecond

// contextEvery is how many rounds pass between two looks at the context.
const contextEvery = 64

// slice does a number of rounds of an exchange and records what each took, in ns. It returns how many
// frames were lost; their rounds are done again. It ends early, without error, when ctx does.
func (n *node) slice(ctx context.Context, x exchange, rounds int, h *hdrhistogram.Histogram) (lost int, err error) {
	if err := x.enter(); err != nil {
		return 0, err
	}
	defer func() {
		n.flush() // or the peer would take the acknowledgement of our last round for lost
		err = errors.Join(err, x.leave())
	}()
	until := n.clock.Now() + settleTime
	for done, inRow := -settle, 0; done < rounds; {
		if done%contextEvery == 0 && ctx.Err() != nil {
			return lost, nil
		}
		from := n.clock.Now()
		err := x.round()
		now := n.clock.Now()
		if errors.Is(err, errLost) {
			lost++
			if inRow++; inRow == lossLimit {
				return lost, fmt.Errorf("%w: %d times in a row", errGone, inRow)
			}
			continue
		}
		if err != nil {
			return lost, err
		}
		inRow = 0
		if done >= 0 {
			if err := h.RecordValue(int64(now - from)); err != nil {
				return lost, err
			}
		} else if done == -1 && now < until {
			continue
		}
		done++
	}
	return lost, nil
}
