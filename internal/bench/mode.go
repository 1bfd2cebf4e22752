package bench

// mode is what the peer does with what it receives.
type mode uint8

// The modes, by their numbers in a control datagram; append only.
const (
	modeDevice  mode = 0 // frames of the device, whatever the layer, are polled for and answered
	modeUDP     mode = 1 // datagrams of a kernel UDP socket are answered; it waits in recv(2)
	modeUDPSpin mode = 2 // the same, without waiting
	modeTCP     mode = 3 // bytes of a kernel TCP connection are answered; it waits in recv(2)
	modeTCPSpin mode = 4 // the same, without waiting
	modeTCPBulk mode = 5 // a bulk transfer over a kernel TCP connection is counted
	modes       mode = 6 // how many there are
)

func (m mode) tcp() bool  { return m == modeTCP || m == modeTCPSpin || m == modeTCPBulk }
func (m mode) spin() bool { return m == modeUDPSpin || m == modeTCPSpin }
