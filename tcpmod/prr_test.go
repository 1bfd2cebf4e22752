package tcpmod

import "testing"

// RFC 6937, section 4: one of 20 segments is lost, and the window halves. While
// the other 18 are acknowledged one by one, one segment is let in for every two.
func TestPRRHalvesEvenly(t *testing.T) {
	const mss = 1000
	pipe, sent := 19*mss, 0
	p := prr{flight: 20 * mss}
	for i := range 18 {
		pipe -= mss
		w := p.window(mss, pipe, 10*mss, mss, false)
		for pipe+mss <= w {
			pipe += mss
			p.out += mss
			sent++
		}
		if want := (i + 1) / 2; sent < want-1 || sent > want+1 {
			t.Errorf("%d sent after %d ACKs", sent, i+1)
		}
	}
	if pipe != 10*mss {
		t.Errorf("%d bytes in flight at the end, want the half", pipe)
	}
}

// Below the new window: what was delivered is made up for, and with proof of
// progress one segment more.
func TestPRRSlowStartReductionBound(t *testing.T) {
	const mss = 1000
	for _, x := range []struct {
		name                 string
		p                    prr
		delivered, pipe, ssh int
		safe                 bool
		want                 int
	}{
		{"the fast retransmit itself", prr{flight: 4000}, 0, 3000, 2000, false, 4000},
		{"conserve", prr{4000, 4000, 20000}, 2000, 3000, 10000, false, 5000},
		{"grow", prr{4000, 4000, 20000}, 2000, 3000, 10000, true, 6000},
		{"up to the window", prr{9000, 1000, 20000}, 2000, 9500, 10000, true, 10000},
		{"nothing delivered", prr{4000, 4000, 20000}, 0, 3000, 10000, false, 3000},
		{"more sent than delivered", prr{4000, 6000, 20000}, 1000, 3000, 10000, false, 3000},
	} {
		if got := x.p.window(x.delivered, x.pipe, x.ssh, mss, x.safe); got != x.want {
			t.Errorf("%s: %d, want %d", x.name, got, x.want)
		}
	}
}
