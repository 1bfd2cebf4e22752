package ipx

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// maxEchoes bounds the echo requests that wait for their replies.
const maxEchoes = 64

// MaxEcho is the most data of an echo request, in bytes.
const MaxEcho = maxPayload - icmpHeaderLen

// Errors of Echo.
var (
	ErrEchoes      = errors.New("ipx: too many echo requests wait for their replies")
	ErrEchoTimeout = errors.New("ipx: no echo reply")
)

// echo is a request that waits for its reply.
type echo struct {
	dst      netip.Addr
	sequence uint16
	sent     time.Duration
	deadline time.Duration
	done     func(now, rtt time.Duration, err error)
}

// Echo sends an echo request with a copy of data, at most MaxEcho bytes, to dst
// (RFC 792, page 14). done is called once, by Input or Advance: with the round
// trip time when the reply comes, or with an error that wraps ErrEchoTimeout
// after the timeout, which must be above 0. The errors of Echo itself are ErrEchoes and those of
// Port.SendDatagram; done is then not called.
func (s *Stack) Echo(now time.Duration, dst netip.Addr, data []byte, timeout time.Duration,
	done func(now, rtt time.Duration, err error),
) error {
	if len(s.echoes) == maxEchoes {
		return fmt.Errorf("%w: %d", ErrEchoes, maxEchoes)
	}
	s.echoSequence++
	header := s.makeMessage(icmpEcho, 0, s.echoIdent(), s.echoSequence, data)
	if err := s.icmp.SendDatagram(now, dst, header, data); err != nil {
		return err
	}
	e := echo{dst: dst.Unmap(), sequence: s.echoSequence, sent: now, deadline: now + timeout, done: done}
	s.echoes = append(s.echoes, e)
	s.schedule(e.deadline)
	return nil
}

// echoIdent is the identifier of our requests. A sequence number is enough to
// tell them apart.
func (s *Stack) echoIdent() uint16 { return uint16(s.host) }

// takeEchoReply ends the request that m is the reply to.
func (s *Stack) takeEchoReply(now time.Duration, src netip.Addr, m icmpMessage) {
	for i, e := range s.echoes {
		if e.dst == src && e.sequence == m.sequence() && m.ident() == s.echoIdent() {
			s.echoes = slices.Delete(s.echoes, i, i+1)
			e.done(now, now-e.sent, nil)
			return
		}
	}
	s.stats.ICMP.NotOurs++
}

// advanceEchoes ends the requests whose time is over.
func (s *Stack) advanceEchoes(now time.Duration) {
	for i := 0; i < len(s.echoes); {
		e := s.echoes[i]
		if e.deadline > now {
			i++
			continue
		}
		s.echoes = slices.Delete(s.echoes, i, i+1)
		e.done(now, now-e.sent, fmt.Errorf("%w from %s", ErrEchoTimeout, e.dst))
	}
}
