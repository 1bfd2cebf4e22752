package rdp

import (
	"net/netip"
	"time"
)

// listener is a passive open that stays (RFC 908 turns its only record into the connection): every SYN gets a record of
// its own, up to Options.Backlog of them at a time in SYN-RCVD.
type listener struct {
	port      uint16
	options   Options
	accept    func(now time.Duration, r *Record) Events
	embryonic int // records in SYN-RCVD
}

// Listen accepts connections to port. accept is called for each when it is established, and returns what gets its
// events; nil resets the connection. The errors are ErrOptions and ErrPortInUse.
func (e *Endpoint) Listen(port uint16, o Options, accept func(now time.Duration, r *Record) Events) error {
	o, err := o.resolve(e.defaults, e.mtu, e.largest)
	if err != nil {
		return err
	}
	if port == 0 {
		return ErrAddress
	}
	if e.listeners[port] != nil {
		return ErrPortInUse
	}
	e.listeners[port] = &listener{port: port, options: o, accept: accept}
	return nil
}

// Unlisten ends the accepting on port. Connections in SYN-RCVD are reset, established ones stay.
func (e *Endpoint) Unlisten(now time.Duration, port uint16) {
	l := e.listeners[port]
	if l == nil {
		return
	}
	delete(e.listeners, port)
	if l.embryonic == 0 {
		return
	}
	for _, r := range e.records {
		if r.listener == l {
			r.fail(now, ErrRefused)
		}
	}
}

// receiveListen processes a SYN without ACK to a port that is listened at.
func (e *Endpoint) receiveListen(now time.Duration, l *listener, src netip.Addr, h Header) {
	if !validParameters(h) {
		e.stats.BadParameters++
		e.refuse(now, src, h, l.options.Checksum)
		return
	}
	if l.embryonic >= l.options.Backlog { // the peer's SYN will come again
		e.stats.BacklogFull++
		return
	}
	r := e.newRecord(now, l.options, l.port, netip.AddrPortFrom(src, h.Source()))
	r.listener = l
	l.embryonic++
	r.synchronize(h)
	r.setState(StateSynReceived)
	r.sendSYN(now)
	r.settle(now)
}
