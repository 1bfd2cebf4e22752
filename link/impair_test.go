package link

import (
	"bytes"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// line is an impaired device and the end that receives from it, on virtual time.
type line struct {
	*Impaired
	far Device
	now time.Duration
}

func newLine(t *testing.T, impairment string) *line {
	t.Helper()
	im, err := ParseImpairment(impairment)
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewPair(1500, addrA, addrB)
	l := &line{far: b, now: time.Second}
	l.Impaired = Impair(a, im, func() time.Duration { return l.now })
	return l
}

// send sends frame number i with a payload of n bytes.
func (l *line) send(t *testing.T, i, n int) {
	t.Helper()
	sendFrame(t, l, frameTo(addrB, addrA, i, n))
}

// run advances from deadline to deadline and returns what arrives and when, relative to the start.
func (l *line) run() (arrivals []string) {
	start := l.now
	for {
		for _, i := range drain(l.far) {
			arrivals = append(arrivals, fmt.Sprintf("%d at %v", i, l.now-start))
		}
		d := l.Deadline()
		if d == Never {
			return arrivals
		}
		l.now = max(l.now, d)
		l.Advance(l.now)
	}
}

// transcript sends many frames 10 µs apart and returns all that arrives, with times.
func transcript(t *testing.T, impairment string, own Addr, frames int) (string, ImpairStats) {
	t.Helper()
	im, err := ParseImpairment(impairment)
	if err != nil {
		t.Fatal(err)
	}
	a, b := NewPair(1500, own, addrB)
	var now time.Duration
	d := Impair(a, im, func() time.Duration { return now })
	var out bytes.Buffer
	look := func() {
		for f := b.Receive(); f != nil; f = b.Receive() {
			fmt.Fprintf(&out, "%v %x\n", now, f)
			b.Release()
		}
	}
	for i := range frames {
		for next := time.Duration(i) * 10 * time.Microsecond; ; {
			if dl := d.Deadline(); dl <= next {
				now = dl
				d.Advance(now)
				look()
				continue
			}
			now = next
			break
		}
		f := frameTo(addrB, addrA, i, 40)
		if err := d.Send(copy(d.Buffer(), f)); err != nil {
			t.Fatal(err)
		}
		look()
	}
	for d.Deadline() != Never {
		now = d.Deadline()
		d.Advance(now)
		look()
	}
	return out.String(), d.ImpairStats()
}

// TestImpairSeed runs every impairment twice with one seed, and with another one.
func TestImpairSeed(t *testing.T) {
	const frames = 2000
	for _, im := range []string{
		"loss=10%", "dup=10%", "reorder=10%", "corrupt=10%", "delay=100us,jitter=50us",
		"loss=1%,dup=2%,reorder=3%,corrupt=4%,delay=1ms,jitter=300us,rate=100mbit",
	} {
		t.Run(im, func(t *testing.T) {
			first, _ := transcript(t, im+",seed=7", addrA, frames)
			second, _ := transcript(t, im+",seed=7", addrA, frames)
			if first != second {
				t.Error("one seed, two fates")
			}
			if other, _ := transcript(t, im+",seed=8", addrA, frames); other == first {
				t.Error("two seeds, one fate")
			}
			if other, _ := transcript(t, im+",seed=7", Addr{2, 0, 0, 0, 0, 1}, frames); other == first {
				t.Error("two addresses, one fate")
			}
			if perfect, _ := transcript(t, "", addrA, frames); perfect == first {
				t.Error("nothing was impaired")
			}
		})
	}
}

// TestImpairShares compares counts with probabilities; the seed is fixed, the bounds are four standard
// deviations.
func TestImpairShares(t *testing.T) {
	const frames = 20000
	_, got := transcript(t, "loss=10%,dup=5%,corrupt=2%,reorder=1%,seed=1", addrA, frames)
	near := func(what string, got uint64, of float64, p float64) {
		want := of * p
		if d := float64(got) - want; d*d > 16*want*(1-p) {
			t.Errorf("%s: %d of %.0f, want about %.0f", what, got, of, want)
		}
	}
	near("lost", got.Lost, frames, 0.10)
	near("duplicated", got.Duplicated, frames*0.9, 0.05)
	near("corrupted", got.Corrupted, frames*0.9, 0.02)
	near("reordered", got.Reordered, frames*0.9, 0.01)
	if got.Frames != frames || got.Overflow != 0 || got.SendErrors != 0 {
		t.Errorf("%+v", got)
	}
	// The fate of a frame as to one impairment does not depend on the others.
	_, alone := transcript(t, "loss=10%,seed=1", addrA, frames)
	if alone.Lost != got.Lost {
		t.Errorf("%d lost alone, %d with others", alone.Lost, got.Lost)
	}
}

func TestImpairPerfect(t *testing.T) {
	l := newLine(t, "")
	want := frameTo(addrB, addrA, 1, 1500)
	sendFrame(t, l, want)
	if got := l.far.Receive(); !bytes.Equal(got, want) {
		t.Errorf("got % x", got)
	}
	l.far.Release()
	// The other way nothing is impaired.
	back := frameTo(addrA, addrB, 2, 64)
	sendFrame(t, l.far, back)
	if got := l.Receive(); !bytes.Equal(got, back) {
		t.Errorf("got % x", got)
	}
	l.Release()
	if l.Deadline() != Never || l.MTU() != 1500 || l.Addr() != addrA || l.FD() < 0 || l.Err() != nil {
		t.Error("the wrapper is not transparent")
	}
	if diff := cmp.Diff(ImpairStats{Frames: 1}, l.ImpairStats()); diff != "" {
		t.Error(diff)
	}
	if err := l.Send(1515); !errors.Is(err, ErrFrameSize) {
		t.Errorf("Send = %v", err)
	}
	if err := l.Send(13); !errors.Is(err, ErrFrameSize) {
		t.Errorf("Send = %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := l.Send(64); err == nil || l.ImpairStats().SendErrors != 1 {
		t.Errorf("Send = %v, %+v", err, l.ImpairStats())
	}
	l.far.Close()
}

func TestImpairAlways(t *testing.T) {
	for _, tt := range []struct {
		im   string
		want []string
	}{
		{"loss=100%,dup=100%", nil},
		{"dup=100%", []string{"0 at 0s", "0 at 0s", "1 at 0s", "1 at 0s", "2 at 0s", "2 at 0s"}},
		{"delay=3ms", []string{"0 at 3ms", "1 at 3ms", "2 at 3ms"}},
		// 78 bytes are 624 bits.
		{"rate=624kbit", []string{"0 at 1ms", "1 at 2ms", "2 at 3ms"}},
		{"rate=624kbit,dup=100%", []string{"0 at 2ms", "0 at 2ms", "1 at 4ms", "1 at 4ms", "2 at 6ms", "2 at 6ms"}},
		{"rate=624kbit,delay=1ms", []string{"0 at 2ms", "1 at 3ms", "2 at 4ms"}},
		// The first waits, the second overtakes it, the third waits and is not overtaken.
		{"reorder=100%", []string{"1 at 0s", "0 at 0s", "2 at 1ms"}},
		{"reorder=100%,dup=100%", []string{"1 at 0s", "1 at 0s", "0 at 0s", "0 at 0s", "2 at 1ms", "2 at 1ms"}},
		{"reorder=100%,delay=5ms", []string{"1 at 5ms", "0 at 5ms", "2 at 5ms"}},
		{"reorder=100%,delay=100us", []string{"1 at 100µs", "0 at 100µs", "2 at 1ms"}},
	} {
		t.Run(tt.im, func(t *testing.T) {
			l := newLine(t, tt.im)
			for i := range 3 {
				l.send(t, i, 64)
			}
			if diff := cmp.Diff(tt.want, l.run()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestImpairCorrupt finds exactly one bit changed in each frame, and in time all bytes hit.
func TestImpairCorrupt(t *testing.T) {
	const size = 78
	im := Impairment{Corrupt: 100, Seed: 3}
	sink := &recorder{addr: addrA, mtu: 1500}
	d := Impair(sink, im, func() time.Duration { return 0 })
	var hit [size]bool
	for i := range 5000 {
		want := frameTo(addrB, addrA, i, size-HeaderLen)
		lent := d.Buffer()
		sendFrame(t, d, want)
		if !bytes.Equal(lent[:size], want) {
			t.Fatal("the sender's own memory was changed")
		}
		got := sink.frames[i]
		flipped := 0
		for k := range want {
			if x := want[k] ^ got[k]; x != 0 {
				flipped += bits.OnesCount8(x)
				hit[k] = true
			}
		}
		if len(got) != size || flipped != 1 {
			t.Fatalf("frame %d: %d bits flipped", i, flipped)
		}
	}
	if i := slices.Index(hit[:], false); i >= 0 {
		t.Errorf("byte %d is never hit", i)
	}
}

// TestImpairJitter checks the range of the delays, and that the order stays.
func TestImpairJitter(t *testing.T) {
	l := newLine(t, "delay=100us,jitter=100us,seed=1")
	const frames = 300
	var low, high time.Duration = Never, 0
	last := time.Duration(0)
	for i := range frames {
		l.send(t, i, 64)
		sent := l.now
		for l.Deadline() != Never { // alone on the line: the order sets no bound
			l.now = l.Deadline()
			l.Advance(l.now)
		}
		low, high = min(low, l.now-sent), max(high, l.now-sent)
		l.now += time.Millisecond
	}
	if low < 0 || low > 10*time.Microsecond || high < 190*time.Microsecond || high > 200*time.Microsecond {
		t.Errorf("delays from %v to %v, want 0s to 200µs", low, high)
	}
	drain(l.far)

	for i := range frames { // all at once: many would overtake
		l.send(t, i, 64)
	}
	for l.Deadline() != Never {
		if l.Deadline() < last {
			t.Fatal("deadlines go back")
		}
		last = l.Deadline()
		l.now = max(l.now, last)
		l.Advance(l.now)
	}
	if got := drain(l.far); len(got) != frames || !slices.IsSorted(got) {
		t.Errorf("%d frames, in order: %v", len(got), slices.IsSorted(got))
	}
}

// TestImpairByReceive shows that an owner that spins needs no Advance.
func TestImpairByReceive(t *testing.T) {
	l := newLine(t, "delay=1ms")
	l.send(t, 1, 64)
	l.now += time.Millisecond - 1
	l.Receive()
	if got := drain(l.far); got != nil {
		t.Errorf("%v arrived early", got)
	}
	l.now++
	l.Receive()
	if got := drain(l.far); len(got) != 1 {
		t.Errorf("got %v", got)
	}
}

// TestImpairLentBuffer releases a delayed frame while the owner fills the next one.
func TestImpairLentBuffer(t *testing.T) {
	l := newLine(t, "delay=1ms")
	l.send(t, 1, 64)
	next := frameTo(addrB, addrA, 2, 64)
	copy(l.Buffer(), next)
	l.now += time.Millisecond
	l.Advance(l.now)
	if err := l.Send(len(next)); err != nil {
		t.Fatal(err)
	}
	l.now += time.Millisecond
	l.Advance(l.now)
	if diff := cmp.Diff([]uint32{1, 2}, drain(l.far)); diff != "" {
		t.Error(diff)
	}
}

// TestImpairOverflow sends more than the delay holds; the paced line does not work for what was dropped.
func TestImpairOverflow(t *testing.T) {
	l := newLine(t, "rate=624kbit")
	for i := range delayQueue + 100 {
		l.send(t, i, 64)
	}
	if got := l.ImpairStats(); got.Overflow != 100 {
		t.Errorf("%+v", got)
	}
	var got []string
	for l.Deadline() != Never { // the pair's queue is shorter
		got = append(got, l.run()...)
	}
	want := fmt.Sprintf("%d at %v", delayQueue-1, delayQueue*time.Millisecond)
	if len(got) != delayQueue || got[delayQueue-1] != want {
		t.Errorf("%d frames, the last %q, want %q", len(got), got[len(got)-1], want)
	}
}

func TestImpairNested(t *testing.T) {
	l := newLine(t, "delay=1ms")
	outer := Impair(l.Impaired, Impairment{Delay: 2 * time.Millisecond}, func() time.Duration { return l.now })
	start := l.now
	sendFrame(t, outer, frameTo(addrB, addrA, 1, 64))
	for outer.Deadline() != Never {
		l.now = outer.Deadline()
		outer.Advance(l.now)
	}
	if got := drain(l.far); len(got) != 1 || l.now-start != 3*time.Millisecond {
		t.Errorf("%v after %v", got, l.now-start)
	}
}

func TestImpairNoAllocation(t *testing.T) {
	l := newLine(t, "loss=1%,dup=5%,reorder=5%,corrupt=5%,delay=1ms,jitter=100us,rate=1gbit")
	frame := frameTo(addrB, addrA, 1, 1000)
	turn := func() {
		_ = l.Send(copy(l.Buffer(), frame))
		l.now += 20 * time.Microsecond
		l.Receive()
		for l.far.Receive() != nil {
			l.far.Release()
		}
	}
	for range 3 * delayQueue {
		turn()
	}
	if n := testing.AllocsPerRun(1000, turn); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

// recorder is a device that keeps what is sent, whoever it is for.
type recorder struct {
	Device
	addr   Addr
	mtu    int
	out    []byte
	frames [][]byte
}

func (r *recorder) Addr() Addr { return r.addr }
func (r *recorder) MTU() int   { return r.mtu }

func (r *recorder) Buffer() []byte {
	if r.out == nil {
		r.out = make([]byte, HeaderLen+r.mtu)
	}
	return r.out
}

func (r *recorder) Send(n int) error {
	r.frames = append(r.frames, bytes.Clone(r.out[:n]))
	return nil
}
