package ipx

// Stats counts what a Stack did since New. Every frame given to Input, or
// handed over by another stack of the Gateway, is counted once: FramesReceived =
// ARPReceived + DatagramsReceived - DatagramsReassembled + FragmentsReceived +
// DatagramsForwarded + Input.Total().
type Stats struct {
	FramesReceived       uint64 // frames given to Input
	DatagramsReceived    uint64 // datagrams in them that a Handler got
	BytesReceived        uint64 // bytes of payload of these datagrams
	DatagramsReassembled uint64 // of these datagrams, those that came as fragments
	FragmentsReceived    uint64 // fragments of datagrams for us, whatever became of them
	DatagramsForwarded   uint64 // datagrams and fragments for others that left, wait, or went to another stack of the Gateway
	OptionsSkipped       uint64 // datagrams with options, which were ignored; whatever became of them
	ARPReceived          uint64 // well-formed ARP packets

	DatagramsSent       uint64 // datagrams of ours that the device took
	BytesSent           uint64 // bytes of payload of these datagrams
	DatagramsFragmented uint64 // datagrams that left as fragments, forwarded ones included
	FragmentsSent       uint64 // fragments of these datagrams
	DatagramsQueued     uint64 // datagrams that had to wait for a hardware address
	DatagramsLooped     uint64 // datagrams to our own address that a Handler got

	ARPRequestsSent uint64 // requests, probes and announcements that the device took
	ARPRepliesSent  uint64 // replies that the device took
	ARPSendErrors   uint64 // requests and replies that it didn't take

	AddressConflicts uint64 // ARP packets of others who use or probe for our address (RFC 5227)
	NeighbourChanges uint64 // neighbours that turned up with another hardware address
	NeighbourFailed  uint64 // neighbours that answered no request, or stopped to
	NeighboursFull   uint64 // neighbours that were not learned, the table being full
	Neighbours       int    // neighbours known or asked for at present

	Input      InputDrops
	Output     OutputDrops
	Reassembly ReassemblyDrops
	ICMP       ICMPStats
}

// ReassemblyDrops counts the datagrams that didn't become whole, by reason.
type ReassemblyDrops struct {
	Timeout   uint64 // fragments were missing after a second
	Overlap   uint64 // fragments contradicted each other: a place twice with different bytes, or two ends
	Scattered uint64 // too many holes at a time
	Displaced uint64 // oldest of its source, or of all, displaced by a newer one
	Distance  uint64 // too many others had begun since, so that its identification might be used again
}

// ICMPStats counts ICMP messages, those received among DatagramsReceived and
// those sent among DatagramsSent.
type ICMPStats struct {
	RepliesSent    uint64 // echo requests answered
	ErrorsSent     uint64 // destination unreachable and time exceeded
	Limited        uint64 // replies and errors not sent, because there were too many
	ErrorsReceived uint64 // errors about datagrams of ours
	Malformed      uint64 // short, with a wrong checksum, or without a datagram's beginning
	NotOurs        uint64 // about datagrams that we can't have sent, replies to nothing
	Ignored        uint64 // other types, or to all
}

// InputDrops counts the frames that Input dropped, by reason, in the order of
// the tests.
type InputDrops struct {
	ShortFrame      uint64 // shorter than an Ethernet header
	OtherHardware   uint64 // to a hardware address that is neither ours nor broadcast
	SourceHardware  uint64 // from a group address
	EtherType       uint64 // neither IPv4 nor ARP
	ShortHeader     uint64 // shorter than an IPv4 header
	Version         uint64 // version not 4
	HeaderLength    uint64 // header length below 20 bytes or beyond the frame
	TotalLength     uint64 // total length below the header length or beyond the frame
	Checksum        uint64 // wrong header checksum
	OtherAddress    uint64 // to an address that isn't ours, nor to be forwarded; or any, while ours is not claimed
	BroadcastFrame  uint64 // to our address, in a broadcast frame (RFC 1122, section 3.3.6)
	Source          uint64 // source address is ours, or no host of our network or behind a route (RFC 1122, section 3.2.1.3)
	TTL             uint64 // to be forwarded, but the time to live is over
	NoRoute         uint64 // to be forwarded, but no route leads there
	TooLarge        uint64 // to be forwarded, but larger than the next network carries, and not to be fragmented
	NextHop         uint64 // to be forwarded, but the next hop can't be reached or has too much waiting
	FragmentPlace   uint64 // fragments of a length or at a place that can't be
	FragmentTiny    uint64 // fragments that are not the last and have less than 48 bytes of payload
	UnknownProtocol uint64 // no Handler for the protocol
	ARPShort        uint64 // shorter than an ARP packet
	ARPFormat       uint64 // not for IPv4 over Ethernet
	ARPOperation    uint64 // neither request nor reply
	ARPSender       uint64 // sender hardware address of a group, or sender address no host of our network
}

// Total returns the number of all dropped frames.
func (d InputDrops) Total() uint64 {
	return d.ShortFrame + d.OtherHardware + d.SourceHardware + d.EtherType +
		d.ShortHeader + d.Version + d.HeaderLength + d.TotalLength + d.Checksum +
		d.OtherAddress + d.BroadcastFrame + d.Source + d.TTL + d.NoRoute + d.TooLarge + d.NextHop +
		d.FragmentPlace + d.FragmentTiny + d.UnknownProtocol +
		d.ARPShort + d.ARPFormat + d.ARPOperation + d.ARPSender
}

// OutputDrops counts the datagrams given to Port.Send and Port.SendDatagram that
// were dropped, by reason; those that wait or leave by this stack's device, also
// for others.
type OutputDrops struct {
	Length          uint64 // payload below 0, or above Port.MTU or Port.MaxDatagram bytes
	NotClaimed      uint64 // our address is being probed, or belongs to another
	NoRoute         uint64 // to an address that is no host and no broadcast of our network, nor behind a route
	Unreachable     uint64 // the neighbour answered no ARP request
	Displaced       uint64 // oldest of those waiting for a neighbour, displaced by a newer one
	QueueFull       uint64 // no room to wait in
	DeviceError     uint64 // the device's Send failed
	UnknownProtocol uint64 // to our own address, with no Handler for the protocol
}

// Total returns the number of all dropped datagrams.
func (d OutputDrops) Total() uint64 {
	return d.Length + d.NotClaimed + d.NoRoute + d.Unreachable + d.Displaced +
		d.QueueFull + d.DeviceError + d.UnknownProtocol
}
