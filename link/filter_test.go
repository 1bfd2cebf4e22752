package link

import (
	"bytes"
	"testing"

	"deputy/internal/nstest"
)

// TestFilter sends frames of all kinds to both backends. Behind each goes one that must arrive, so that
// nothing has to be waited for in vain.
func TestFilter(t *testing.T) {
	tagged := func(id uint16) []byte { // a VLAN tag (IEEE 802.1Q) before the EtherType
		f := frameTo(addrB, addrA, 0, 64)
		return append(append(bytes.Clone(f[:12]), 0x81, 0, byte(id>>8), byte(id)), f[12:]...)
	}
	to := func(to Addr, etherType uint16) []byte {
		f := frameTo(to, addrA, 0, 64)
		putHeader(f, to, addrA, etherType)
		return f
	}
	near := func(i int) Addr { // differs from ours in one byte
		a := addrB
		a[i] ^= 4
		return a
	}
	nearBroadcast := func(i int) Addr {
		a := Broadcast
		a[i] = 0xfd
		return a
	}
	tests := []struct {
		name   string
		frame  []byte
		arrive bool
		kernel bool // known to the kernel only: it strips the tag
	}{
		{"ipv4", to(addrB, EtherTypeIPv4), true, false},
		{"arp", to(addrB, EtherTypeARP), true, false},
		{"ipv4 to all", to(Broadcast, EtherTypeIPv4), true, false},
		{"arp to all", to(Broadcast, EtherTypeARP), true, false},
		{"ipv6", to(addrB, 0x86dd), false, false},
		{"ipv6 to all", to(Broadcast, 0x86dd), false, false},
		{"lldp", to(addrB, 0x88cc), false, false},
		{"multicast", to(Addr{1, 0, 0x5e, 0, 0, 1}, EtherTypeIPv4), false, false},
		{"nearly ours, first byte", to(near(0), EtherTypeIPv4), false, false},
		{"nearly ours, fourth byte", to(near(3), EtherTypeIPv4), false, false},
		{"nearly ours, fifth byte", to(near(4), EtherTypeARP), false, false},
		{"nearly ours, last byte", to(near(5), EtherTypeARP), false, false},
		{"nearly all, second byte", to(nearBroadcast(1), EtherTypeARP), false, false},
		{"nearly all, last byte", to(nearBroadcast(5), EtherTypeARP), false, false},
		{"the sender's own", to(addrA, EtherTypeIPv4), false, false},
		{"in a vlan", tagged(5), false, false},
		{"in the last vlan, with priority", tagged(0xefff), false, false},
		{"priority only", tagged(0xe000), true, true},
		{"header only", to(addrB, EtherTypeIPv4)[:HeaderLen], true, false},
	}
	t.Run("forUs", func(t *testing.T) {
		for _, tt := range tests {
			if got := forUs(tt.frame, addrB); got != tt.arrive && !tt.kernel {
				t.Errorf("%s: forUs = %v", tt.name, got)
			}
		}
		for n := range HeaderLen {
			if forUs(to(Broadcast, EtherTypeARP)[:n], addrB) {
				t.Errorf("forUs accepts %d bytes", n)
			}
		}
	})
	for _, backend := range []string{BackendRing, BackendPacket} {
		t.Run(backend, func(t *testing.T) {
			na, nb := nstest.Pair(t)
			da := openIn(t, na, Options{Addr: addrA})
			db := openIn(t, nb, Options{Addr: addrB, Backend: backend})
			marker := frameTo(addrB, addrA, 4711, 64)
			for _, tt := range tests {
				sendFrame(t, da, tt.frame)
				sendFrame(t, da, marker)
				got := wait(t, db)
				arrived := !bytes.Equal(got, marker)
				if arrived != tt.arrive {
					t.Errorf("%s: arrived = %v", tt.name, arrived)
				}
				if !arrived {
					continue
				}
				if !tt.kernel && !bytes.Equal(got, tt.frame) {
					t.Errorf("%s: arrived as % x", tt.name, got)
				}
				wait(t, db)
			}
			// What goes out does not come in, whoever sends it.
			host := openIn(t, nb, Options{})
			for _, d := range []Device{db, host} {
				sendFrame(t, d, frameTo(Broadcast, d.Addr(), 1, 64))
				sendFrame(t, d, frameTo(addrB, d.Addr(), 2, 64))
			}
			sendFrame(t, da, marker)
			if got := wait(t, db); !bytes.Equal(got, marker) {
				t.Errorf("a frame sent was received: % x", got)
			}
		})
	}
}
