package report

// The layers of ping-pong, by the names that its JSON form uses: an interface that others parse.
const (
	Link          = "link"            // a raw Ethernet frame
	IP            = "ip"              // an IP datagram
	TCPMod        = "tcpmod"          // bytes over a connection of our TCP
	RDP           = "rdp"             // a message over a connection of RDP
	MessageTCPMod = "message-tcpmod"  // an intraprocess request and its result, over tcpmod
	MessageRDP    = "message-rdp"     // the same over rdp
	CloseTCPMod   = "close-tcpmod"    // close() by a body on another node, over tcpmod
	CloseRDP      = "close-rdp"       // the same over rdp
	KernelUDP     = "kernel-udp"      // the kernel's UDP, blocking in recv(2)
	KernelUDPSpin = "kernel-udp-spin" // the same, recv(2) without waiting in a loop
	KernelTCP     = "kernel-tcp"      // the kernel's TCP with TCP_NODELAY, blocking
	KernelTCPSpin = "kernel-tcp-spin" // the same, without waiting in a loop
)

// Layers is the order of the rows.
var Layers = []string{
	Link, IP, TCPMod, RDP, MessageTCPMod, MessageRDP, CloseTCPMod, CloseRDP,
	KernelUDP, KernelUDPSpin, KernelTCP, KernelTCPSpin,
}

// below names, for each layer but the lowest, the one that carries it. The kernel's protocols have the
// raw frame below them, as ours do.
var below = map[string]string{
	IP:            Link,
	TCPMod:        IP,
	RDP:           IP,
	MessageTCPMod: TCPMod,
	MessageRDP:    RDP,
	CloseTCPMod:   MessageTCPMod,
	CloseRDP:      MessageRDP,
	KernelUDP:     Link,
	KernelUDPSpin: Link,
	KernelTCP:     Link,
	KernelTCPSpin: Link,
}
