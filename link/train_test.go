package link

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"deputy/internal/checksum"
	"deputy/internal/nstest"
	"deputy/internal/sys"
)

const (
	trainTransport = HeaderLen + 20
	trainHeader    = trainTransport + 20
)

// putTrain writes the headers of a train with n bytes of data, encoded by others, and the data.
func putTrain(t testing.TB, b []byte, from, to Addr, n int) (train, data []byte) {
	t.Helper()
	data = make([]byte, n)
	for i := range data {
		data[i] = byte(i * 7 / 3)
	}
	out := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(out, gopacket.SerializeOptions{FixLengths: true},
		&layers.Ethernet{SrcMAC: from[:], DstMAC: to[:], EthernetType: layers.EthernetTypeIPv4},
		&layers.IPv4{Version: 4, IHL: 5, TTL: 64, Id: 500, Flags: layers.IPv4DontFragment, Protocol: layers.IPProtocolTCP,
			SrcIP: net.IPv4(10, 0, 0, 1).To4(), DstIP: net.IPv4(10, 0, 0, 2).To4()},
		&layers.TCP{SrcPort: 1, DstPort: 2, Seq: 1000, Ack: 7, ACK: true, PSH: true, FIN: true, Window: 99},
		gopacket.Payload(data))
	if err != nil {
		t.Fatal(err)
	}
	size := copy(b, out.Bytes())
	ip := b[HeaderLen:trainTransport]
	binary.BigEndian.PutUint16(ip[10:], checksum.Fold(checksum.Sum(ip, 0)))
	return b[:size], data
}

// openTrain opens both ends of a pair, the sending one with TSO off.
func openTrain(t testing.TB, backend string) (a TrainDevice, b Device) {
	t.Helper()
	na, nb := nstest.Pair(t)
	na.Do(func() {
		if err := sys.NoOffloads(na.Iface); err != nil {
			t.Fatal(err)
		}
	})
	a = openIn(t, na, Options{Addr: addrA, Backend: backend}).(TrainDevice)
	if !a.Trains() {
		t.Fatal("no trains with TSO off")
	}
	return a, openIn(t, nb, Options{Addr: addrB, Backend: backend})
}

// A train arrives as segments that are right by somebody else's decoder, and alone the last ends the stream.
func TestTrain(t *testing.T) {
	backends(t, func(t *testing.T, backend string) {
		a, b := openTrain(t, backend)
		for _, n := range []int{1, 1460, 1461, 4 * 1460, 44*1460 + 3} {
			train, data := putTrain(t, a.TrainBuffer(), addrA, addrB, n)
			if err := a.SendTrain(len(train), trainTransport, trainHeader, 1460); err != nil {
				t.Fatal(err)
			}
			for at, number := 0, 0; at < n; number++ {
				frame := wait(t, b)
				p := gopacket.NewPacket(frame, layers.LayerTypeEthernet, gopacket.Default)
				ip, _ := p.Layer(layers.LayerTypeIPv4).(*layers.IPv4)
				tcp, _ := p.Layer(layers.LayerTypeTCP).(*layers.TCP)
				if ip == nil || tcp == nil {
					t.Fatalf("%d bytes, frame %d: %v", n, number, p)
				}
				want := data[at:min(at+1460, n)]
				last := at+len(want) == n
				if int(tcp.Seq) != 1000+at || tcp.FIN != last || tcp.PSH != last || tcp.Ack != 7 || ip.Id != 500+uint16(number) {
					t.Fatalf("%d bytes, frame %d: sequence %d, FIN %v, PSH %v, ACK %d, identification %d",
						n, number, tcp.Seq, tcp.FIN, tcp.PSH, tcp.Ack, ip.Id)
				}
				if !bytes.Equal(tcp.Payload, want) {
					t.Fatalf("%d bytes, frame %d: %d bytes of data, want %d, or they differ", n, number, len(tcp.Payload), len(want))
				}
				if sum := checksum.Fold(checksum.Sum(frame[HeaderLen:trainTransport], 0)); sum != 0 {
					t.Errorf("frame %d: IPv4 checksum off by %#x", number, sum)
				}
				at += len(want)
			}
		}
		if sent, received := a.Stats(), b.Stats(); sent.SentFrames != received.ReceivedFrames || sent.SentBytes != received.ReceivedBytes {
			t.Errorf("sent %+v, received %+v", sent, received)
		}
	})
}

// With TSO on, which a veth pair has from its birth, nothing would cut a train.
func TestNoTrainsWithTSO(t *testing.T) {
	na, _ := nstest.Pair(t)
	if d := openIn(t, na, Options{Addr: addrA}).(TrainDevice); d.Trains() {
		t.Error("trains with TSO on")
	}
}

func TestTrainRefused(t *testing.T) {
	a, _ := openTrain(t, BackendRing)
	train, _ := putTrain(t, a.TrainBuffer(), addrA, addrB, 5000)
	for _, c := range [][4]int{
		{len(train), trainTransport, trainHeader, 1461},               // above the MTU
		{len(train), trainTransport, trainHeader, 0},                  //
		{trainHeader, trainTransport, trainHeader, 1460},              // no data
		{len(train), trainHeader + 1, trainHeader, 1460},              // no TCP header
		{HeaderLen + MaxTrain + 1, trainTransport, trainHeader, 1460}, // too long
	} {
		if err := a.SendTrain(c[0], c[1], c[2], c[3]); !errors.Is(err, ErrFrameSize) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

// BenchmarkTrain sends segments of full size one by one and in trains, while another thread takes them out of the
// ring: the time is that of a segment.
func BenchmarkTrain(b *testing.B) {
	for _, segments := range []int{1, 2, 4, 16, 44} {
		b.Run(itoa(segments), func(b *testing.B) {
			da, db := openTrain(b, BackendRing)
			done := make(chan uint64)
			stop := make(chan struct{})
			go func() {
				got := uint64(0)
				for ; ; got++ {
					for db.Receive() == nil {
						select {
						case <-stop:
							done <- got
							return
						default:
						}
					}
				}
			}()
			train, _ := putTrain(b, da.TrainBuffer(), addrA, addrB, segments*1460)
			copy(da.Buffer(), train)
			sent := 0
			for b.Loop() {
				if sent++; sent%segments != 0 {
					continue // a segment of the train that the last of them sends
				}
				var err error
				if segments == 1 {
					err = da.Send(len(train))
				} else {
					err = da.SendTrain(len(train), trainTransport, trainHeader, 1460)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
			close(stop)
			b.ReportMetric(100*float64(<-done)/float64(da.Stats().SentFrames), "%arrived")
			b.SetBytes(1460)
		})
	}
}
