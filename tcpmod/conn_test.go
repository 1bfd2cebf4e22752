package tcpmod_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/nettest"

	"deputy/internal/netconn/conntest"
	"deputy/link"
	"deputy/tcpmod"
)

const testPort = 80

// face is two nodes with tcpmod: a listener on one, a dialer on the other.
type face struct {
	listener *tcpmod.Listener
	dialer   *tcpmod.Dialer
	server   netip.AddrPort
}

func newFace(t *testing.T, o tcpmod.Options, im link.Impairment) *face {
	t.Helper()
	a, b := conntest.Pair(t, im)
	client, server := addTCP(a), addTCP(b)
	l, err := tcpmod.Listen(server, b.Loop, testPort, o)
	if err != nil {
		t.Fatal(err)
	}
	return &face{
		listener: l,
		dialer:   &tcpmod.Dialer{Endpoint: client, Loop: a.Loop, Options: o},
		server:   netip.AddrPortFrom(b.Addr, testPort),
	}
}

// addTCP puts tcpmod on a node.
func addTCP(n *conntest.Node) *tcpmod.Endpoint {
	e := tcpmod.New(n.Stack.Port(tcpmod.Protocol), tcpmod.Config{})
	n.Add(tcpmod.Protocol, e)
	return e
}

func (f *face) dial(ctx context.Context) (net.Conn, error) {
	return f.dialer.DialContext(ctx, "tcpmod", f.server.String())
}

func TestNettestConn(t *testing.T) {
	f := newFace(t, tcpmod.Options{}, link.Impairment{})
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		return conntest.Pipe(f.listener, f.dial)
	})
}

// serve runs an HTTP server on the listener until the test ends. It answers
// with what it was sent, after the protocol of the connection.
func (f *face) serve(t *testing.T, l net.Listener) {
	t.Helper()
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "tls=%v ", r.TLS != nil)
		if _, err := io.Copy(w, r.Body); err != nil {
			t.Error(err)
		}
	})}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != http.ErrServerClosed {
			t.Error(err)
		}
	})
}

// post sends size bytes and compares the answer.
func (f *face) post(t *testing.T, scheme string, client *http.Client, size int) {
	t.Helper()
	body := strings.Repeat("x", size)
	r, err := client.Post(fmt.Sprintf("%s://%v/", scheme, f.server), "text/plain", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("tls=%v %s", scheme == "https", body); string(got) != want {
		t.Fatalf("%d bytes came back, want %d", len(got), len(want))
	}
}

func TestHTTP(t *testing.T) {
	for _, im := range []link.Impairment{{}, {Loss: 2, Reorder: 1, Duplicate: 1, Seed: 1}} {
		t.Run(im.String(), func(t *testing.T) {
			f := newFace(t, tcpmod.Options{}, im)
			f.serve(t, f.listener)
			transport := &http.Transport{DialContext: f.dialer.DialContext}
			defer transport.CloseIdleConnections()
			for _, size := range []int{0, 10, 1 << 20} {
				f.post(t, "http", &http.Client{Transport: transport, Timeout: time.Minute}, size)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	f := newFace(t, tcpmod.Options{}, link.Impairment{})
	cert, pool := certificate(t, f.server.Addr())
	f.serve(t, tls.NewListener(f.listener, &tls.Config{Certificates: []tls.Certificate{cert}}))
	transport := &http.Transport{DialContext: f.dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: pool}}
	defer transport.CloseIdleConnections()
	f.post(t, "https", &http.Client{Transport: transport, Timeout: time.Minute}, 1<<20)
}

// certificate makes one for the address, signed by itself.
func certificate(t *testing.T, addr netip.Addr) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{addr.AsSlice()},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}
