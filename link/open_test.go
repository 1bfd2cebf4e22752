package link

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"deputy/internal/nstest"
)

func TestOpenErrors(t *testing.T) {
	na, nb := nstest.Pair(t)
	nb.SetDown()
	for _, tt := range []struct {
		name, iface string
		node        *nstest.Node
		o           Options
		want        error
	}{
		{"missing", "veth-x", na, Options{}, ErrNoInterface},
		{"no name", "", na, Options{}, ErrNoInterface},
		{"down", nb.Iface, nb, Options{}, ErrDown},
		{"loopback", "lo", na, Options{}, ErrNotEthernet},
		{"backend", na.Iface, na, Options{Backend: "dpdk"}, ErrBackend},
		{"broadcast", na.Iface, na, Options{Addr: Broadcast}, ErrBadAddr},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := descriptors(t)
			tt.node.Do(func() {
				d, err := Open(tt.iface, tt.o)
				if !errors.Is(err, tt.want) {
					t.Errorf("Open = %v, %v, want %v", d, err, tt.want)
				} else if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "link: ") {
					t.Errorf("not a good line: %q", err)
				}
			})
			if after := descriptors(t); after != before {
				t.Errorf("%d descriptors before, %d after", before, after)
			}
		})
	}
}

// TestOpenPermission opens a device on a thread without CAP_NET_RAW. The thread ends with its goroutine,
// which does not unlock it.
func TestOpenPermission(t *testing.T) {
	na, _ := nstest.Pair(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		var err error
		na.Do(func() {
			h := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
			var caps, none [2]unix.CapUserData
			if err = unix.Capget(&h, &caps[0]); err != nil {
				return
			}
			none = caps
			none[0].Effective &^= 1 << unix.CAP_NET_RAW
			if err = unix.Capset(&h, &none[0]); err != nil {
				return
			}
			_, err = Open(na.Iface, Options{})
			_ = unix.Capset(&h, &caps[0]) // so that the thread may leave the namespace
		})
		done <- err
	}()
	err := <-done
	if !errors.Is(err, fs.ErrPermission) || !errors.Is(err, unix.EPERM) {
		t.Fatalf("Open without CAP_NET_RAW: %v", err)
	}
	if got, want := err.Error(), "link: veth-a: packet sockets need root or CAP_NET_RAW: operation not permitted"; got != want {
		t.Errorf("error is %q, want %q", got, want)
	}
}

// TestFallback asks for rings that the kernel refuses; the device works all the same, and the log says why.
func TestFallback(t *testing.T) {
	for name, spoil := range map[string]func(*unix.TpacketReq){
		"slots not aligned": func(r *unix.TpacketReq) { r.Frame_size-- },
		"too few slots":     func(r *unix.TpacketReq) { r.Frame_nr-- },
		"mmap":              func(r *unix.TpacketReq) { *r = unix.TpacketReq{} }, // no ring to map
	} {
		t.Run(name, func(t *testing.T) {
			na, nb := nstest.Pair(t)
			var log bytes.Buffer
			o := Options{Addr: addrB, Logger: slog.New(slog.NewTextHandler(&log, nil))}
			var db Device
			var err error
			nb.Do(func() {
				db, err = open(nb.Iface, o, func(mtu int) unix.TpacketReq {
					r := ringGeometry(mtu)
					spoil(&r)
					return r
				})
			})
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, ok := db.(*queue); !ok {
				t.Fatalf("got a %T", db)
			}
			line := log.String()
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, "falling back to packet") ||
				!strings.Contains(line, "interface="+nb.Iface) || !strings.Contains(line, unix.EINVAL.Error()) {
				t.Errorf("log: %q", line)
			}
			da := openIn(t, na, Options{Addr: addrA})
			want := frameTo(addrB, addrA, 1, 64)
			sendFrame(t, da, want)
			if got := wait(t, db); !bytes.Equal(got, want) {
				t.Errorf("got % x", got)
			}
		})
	}
}

// TestOpenQuiet shows that nothing is logged where everything works, and the defaults.
func TestOpenQuiet(t *testing.T) {
	na, _ := nstest.Pair(t)
	var log bytes.Buffer
	d := openIn(t, na, Options{QdiscBypass: true, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if _, ok := d.(*ring); !ok {
		t.Errorf("the default is a %T", d)
	}
	if log.Len() != 0 {
		t.Errorf("log: %s", &log)
	}
	if d.Addr() != DeriveAddr(na.HW) || d.MTU() != 1500 || len(d.Buffer()) != 1514 {
		t.Errorf("address %v, MTU %d, buffer of %d bytes", d.Addr(), d.MTU(), len(d.Buffer()))
	}
}
