package sim

// Mechanisms counts what the transports did about the faults, so that a set of seeds can be seen to reach it.
type Mechanisms struct {
	IPForwarded, IPFragmented, IPReassembled, IPIncomplete   uint64
	IPTooLarge, IPBadChecksum, IPNeighbourFailed, ICMPErrors uint64

	TCPRetransmissions, TCPTimeouts, TCPFastRetransmits, TCPTailProbes uint64
	TCPWindowProbes, TCPKeepaliveProbes, TCPOutOfOrder, TCPBadChecksum uint64
	TCPResets, TCPChallenges, TCPSendErrors                            uint64
	TCPUndone, TCPOldTimestamps, TCPStatus                             uint64

	RDPTimeouts, RDPFastResends, RDPProbes, RDPEACKs, RDPKeepAlives uint64
	RDPOutOfOrder, RDPDuplicates, RDPBadChecksum, RDPResets         uint64
}

// countIP adds what IP did at a port.
func (m *Mechanisms) countIP(p *port) {
	s := p.ip.Stats()
	m.IPForwarded += s.DatagramsForwarded
	m.IPFragmented += s.DatagramsFragmented
	m.IPReassembled += s.DatagramsReassembled
	m.IPIncomplete += s.Reassembly.Timeout
	m.IPTooLarge += s.Input.TooLarge
	m.IPBadChecksum += s.Input.Checksum
	m.IPNeighbourFailed += s.NeighbourFailed
	m.ICMPErrors += s.ICMP.ErrorsReceived
}

// countNode adds what the endpoints of a node did in the life that ends.
func (m *Mechanisms) countNode(n *node) {
	for _, p := range n.ports {
		m.countIP(p)
	}
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
	m.TCPUndone += t.Undone
	m.TCPOldTimestamps += t.OldTimestamps
	m.TCPStatus += t.StatusTaken
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
