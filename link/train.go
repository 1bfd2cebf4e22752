package link

// A train is a run of TCP segments that the kernel is given as one: an Ethernet, an IPv4 and a TCP header, and the
// data of all of them. The kernel cuts it (segmentation offload, done in software) into frames with a copy of the
// headers each, in which length, identification and sequence number are those of the segment, and FIN and PSH are
// left to the last. One train costs one system call and one passage through the kernel's send path, so frames of
// full size take half as long as sent one by one (BenchmarkTrain).
//
// The checksum field of a train belongs to the kernel, and to the adapter if that has the offload: it is right on a wire
// if the train has the sum of TCP's pseudo-header there, addresses and length included, and means nothing otherwise.

// MaxTrain is the most that follows the Ethernet header in a train, in bytes: IPv4's limit.
const MaxTrain = 0xffff

// TrainDevice is a Device that may take trains.
type TrainDevice interface {
	Device
	// Trains reports whether it does: on an interface of which TSO is off. Otherwise the cutting would be left to the
	// adapter, and a virtual adapter passes trains on uncut, which the receiver has no room for.
	Trains() bool
	// TrainBuffer lends memory for a train, HeaderLen+MaxTrain bytes; the same until SendTrain, and not that of Buffer.
	TrainBuffer() []byte
	// SendTrain transmits the first n bytes of the lent memory, of which header bytes are headers, with the TCP header
	// last, from transport on; what follows is data, size bytes a frame. Its errors are Send's.
	SendTrain(n, transport, header, size int) error
}
