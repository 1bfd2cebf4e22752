package sim

import (
	"fmt"
	"time"
)

// reading is how a party takes what it is offered.
type reading struct {
	partial bool          // takes a random part, and asks for the rest later
	slow    int           // bytes taken before a pause; 0: no pauses
	pause   time.Duration // after each slow bytes
	stallAt int           // having taken so many bytes, it takes nothing for a while
	stall   time.Duration // 0: never
}

// plan is what a party does with its connection.
type plan struct {
	total   int           // bytes to send, headerLen and more; of all messages together about that
	piece   int           // bytes in a Write or message, at most
	gap     time.Duration // pause between two Writes
	turn    int           // bytes of a request or a reply, for parties that take turns; 0: they don't
	reading reading
	hold    time.Duration // leaves the connection idle for so long before closeDone
	ending  ending
	endAt   int // bytes sent and received, for the rough endings
}

func (p plan) String() string {
	return fmt.Sprintf("{send %d piece %d gap %v turn %d read %+v hold %v %v at %d}",
		p.total, p.piece, p.gap, p.turn, p.reading, p.hold, p.ending, p.endAt)
}
