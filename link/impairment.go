package link

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ErrImpairment is wrapped by the errors of ParseImpairment.
var ErrImpairment = errors.New("invalid impairment")

// MaxDelay bounds Impairment.Delay and Impairment.Jitter.
const MaxDelay = time.Minute

// Impairment is what happens to the frames that a device sends. The zero value is a perfect link.
//
// A frame meets them in this order: lost; duplicated; one bit flipped, in the frame and its duplicate
// alike; paced by the rate; delayed, with jitter; held back behind the next frame. None has the side
// effect of another: jitter does not reorder.
type Impairment struct {
	Loss      Percent       // of the frames vanish
	Duplicate Percent       // of the frames that are not lost arrive twice
	Reorder   Percent       // of the frames arrive behind the frame sent next
	Corrupt   Percent       // of the frames have one bit flipped, anywhere from the Ethernet header on
	Delay     time.Duration // until each frame is sent
	Jitter    time.Duration // the delay varies evenly between Delay-Jitter and Delay+Jitter; at most Delay
	Rate      Rate          // 0: unlimited
	Seed      uint64        // the same seed, address and frames give the same fate
}

// Percent is a probability from 0 to 100.
type Percent float64

// Rate is in bits a second, counted from the Ethernet header on.
type Rate uint64

// rateUnits are the units of tc(8), largest first. Without "bit" a rate has no unit and is refused.
var rateUnits = []struct {
	name string
	bits uint64
}{{"gbit", 1e9}, {"mbit", 1e6}, {"kbit", 1e3}, {"bit", 1}}

// ParseImpairment reads the form "loss=1%,dup=0.5%,reorder=1%,corrupt=0.1%,delay=100us,jitter=20us,
// rate=100mbit,seed=7": any of them, in any order, each once; "" is a perfect link. Percentages carry the
// sign, times a unit of time.ParseDuration, rates one of bit, kbit, mbit and gbit. Errors name the field
// and wrap ErrImpairment.
func ParseImpairment(s string) (Impairment, error) {
	var im Impairment
	if s == "" {
		return im, nil
	}
	seen := make(map[string]bool)
	for field := range strings.SplitSeq(s, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(field), "=")
		if !ok {
			return Impairment{}, fmt.Errorf("link: %w: %q is not of the form name=value", ErrImpairment, field)
		}
		if seen[name] {
			return Impairment{}, fmt.Errorf("link: %w: %s is given twice", ErrImpairment, name)
		}
		seen[name] = true
		if err := im.set(name, value); err != nil {
			return Impairment{}, fmt.Errorf("link: %w: %s=%s: %w", ErrImpairment, name, value, err)
		}
	}
	if im.Jitter > im.Delay {
		return Impairment{}, fmt.Errorf("link: %w: jitter=%v: more than the delay of %v",
			ErrImpairment, im.Jitter, im.Delay)
	}
	return im, nil
}

// set sets one field by its name.
func (im *Impairment) set(name, value string) (err error) {
	switch name {
	case "loss":
		im.Loss, err = parsePercent(value)
	case "dup":
		im.Duplicate, err = parsePercent(value)
	case "reorder":
		im.Reorder, err = parsePercent(value)
	case "corrupt":
		im.Corrupt, err = parsePercent(value)
	case "delay":
		im.Delay, err = parseDelay(value)
	case "jitter":
		im.Jitter, err = parseDelay(value)
	case "rate":
		im.Rate, err = parseRate(value)
	case "seed":
		im.Seed, err = strconv.ParseUint(value, 10, 64)
		if err != nil {
			err = errors.New("want a whole number from 0 to 18446744073709551615")
		}
	default:
		err = errors.New("unknown name (have loss, dup, reorder, corrupt, delay, jitter, rate, seed)")
	}
	return err
}

func parsePercent(s string) (Percent, error) {
	number, ok := strings.CutSuffix(s, "%")
	p, err := strconv.ParseFloat(number, 64)
	if !ok || err != nil || !(p >= 0 && p <= 100) { // false for NaN
		return 0, errors.New("want a percentage from 0% to 100%")
	}
	return Percent(math.Abs(p)), nil // no negative zero
}

func parseDelay(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > MaxDelay {
		return 0, fmt.Errorf("want a time from 0s to %v, such as 100us", MaxDelay)
	}
	return d, nil
}

func parseRate(s string) (Rate, error) {
	for _, u := range rateUnits {
		number, ok := strings.CutSuffix(s, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil || n == 0 || n > math.MaxInt64/u.bits {
			break
		}
		return Rate(n * u.bits), nil
	}
	return 0, errors.New("want a whole number above 0 of bit, kbit, mbit or gbit, such as 100mbit")
}

// String is the form that ParseImpairment reads.
func (im Impairment) String() string {
	var fields []string
	add := func(name, value string, set bool) {
		if set {
			fields = append(fields, name+"="+value)
		}
	}
	add("loss", im.Loss.String(), im.Loss != 0)
	add("dup", im.Duplicate.String(), im.Duplicate != 0)
	add("reorder", im.Reorder.String(), im.Reorder != 0)
	add("corrupt", im.Corrupt.String(), im.Corrupt != 0)
	add("delay", im.Delay.String(), im.Delay != 0)
	add("jitter", im.Jitter.String(), im.Jitter != 0)
	add("rate", im.Rate.String(), im.Rate != 0)
	add("seed", strconv.FormatUint(im.Seed, 10), im.Seed != 0)
	return strings.Join(fields, ",")
}

// String is the number with a percent sign.
func (p Percent) String() string { return strconv.FormatFloat(float64(p), 'f', -1, 64) + "%" }

// String is in the largest unit that needs no fraction.
func (r Rate) String() string {
	for _, u := range rateUnits {
		if uint64(r)%u.bits == 0 {
			return strconv.FormatUint(uint64(r)/u.bits, 10) + u.name
		}
	}
	return "" // not reached: the last unit is 1
}
