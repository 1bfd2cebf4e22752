package tcpmod

import "testing"
import "fmt"

func TestTrace1(t *testing.T) {
	seed := uint64(1)
		s := newSim(seed)
		s.loss = s.rng.Float64() * 0.08
		s.dup = s.rng.Float64() * 0.05
		s.reorder = s.rng.Float64() * 0.2
	_ = fmt.Sprint
	traceOn = true
	defer func() { traceOn = false }()
	TestStreamsThroughBadNetwork(t)
}
var traceOn bool
type trr struct{ iss, peer seqNum; st State }
func tr(s *sim, i int) trr { for _, c := range s.ends[i].conns { return trr{c.snd.iss, c.rcv.irs, c.state} }; return trr{} }
