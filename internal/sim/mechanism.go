package sim

// Mechanisms counts what the transports did about the faults, so that a set of seeds can be seen to reach it.
type Mechanisms struct {
	TCPRetransmissions, TCPTimeouts, TCPFastRetransmits, TCPTailProbes uint64
	TCPWindowProbes, TCPKeepaliveProbes, TCPOutOfOrder, TCPBadChecksum uint64
	TCPResets, TCPChallenges, TCPSendErrors                            uint64

	RDPTimeouts, RDPFastResends, RDPProbes, RDPEACKs, RDPKeepAlives uint64
	RDPOutOfOrder, RDPDuplicates, RDPBadChecksum, RDPResets         uint64
}

// countNode adds what the endpoints of a node did in the life that ends.
func (m *Mechanisms) countNode(n *node) {
	t, r := n.tcp.Stats(), n.rdp.Stats()
	m.TCPRetransmissions += t.Retransmissions
	m.TCPTimeouts += t.Timeouts
	m.TCPFastRetransmits += t.FastRetransmits
	m.TCPTailProbes += t.TailProbes
	m.TCPWindowProbes += t.WindowProbes
	m.TCPKeepaliveProbes += t.KeepaliveProbes
	m.TCPOutOfOrder += t.OutOfOrder
	m.TCPBadChecksum += t.BadChecksum
	m.TCPResets += t.ResetsIn
	m.TCPChallenges += t.Challenges
	m.TCPSendErrors += t.SendErrors
	m.RDPBadChecksum += r.BadChecksum
	m.RDPResets += r.ResetsSent
}

// countParty adds what the connection of a party did.
func (m *Mechanisms) countParty(p *party) {
	if p.record == nil {
		return
	}
	i := p.record.Info()
	m.RDPTimeouts += i.Timeouts
	m.RDPFastResends += i.FastResends
	m.RDPProbes += i.Probes
	m.RDPEACKs += i.EACKsSent
	m.RDPKeepAlives += i.KeepAlives
	m.RDPOutOfOrder += i.OutOfOrder
	m.RDPDuplicates += i.Duplicates
}
