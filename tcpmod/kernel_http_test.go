package tcpmod_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deputy/link"
	"deputy/tcpmod"
)

// page is what the HTTP tests transfer: 3 MiB that no two pieces of are alike.
func page() []byte {
	var b bytes.Buffer
	for b.Len() < 3<<20 {
		fmt.Fprintln(&b, "line at", b.Len())
	}
	return b.Bytes()
}

// start runs a program in the kernel's namespace and returns its output.
func (k *kernel) start(t *testing.T, dir, name string, args ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir = dir
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	k.Do(func() { err = c.Start() })
	if err != nil {
		t.Fatal(err)
	}
	return c, out
}

// curl, over the kernel's TCP, fetches from and posts to net/http over ours.
func TestCurl(t *testing.T) {
	for _, im := range []link.Impairment{perfect, bad} {
		t.Run(im.String(), func(t *testing.T) {
			k := newKernel(t, im)
			f := &face{listener: k.listen(t)}
			f.serve(t, f.listener)
			file := filepath.Join(t.TempDir(), "page")
			if err := os.WriteFile(file, page(), 0o600); err != nil {
				t.Fatal(err)
			}
			c, out := k.start(t, "", "curl", "--silent", "--fail", "--header", "Expect:", "--max-time", "60",
				"--data-binary", "@"+file, fmt.Sprintf("http://%v/", ourPrefix.Addr()))
			got, err := io.ReadAll(out)
			if err := c.Wait(); err != nil {
				t.Fatalf("curl: %v", err)
			}
			if want := "tls=false " + string(page()); err != nil || string(got) != want {
				t.Errorf("%d bytes came back, want %d (%v)", len(got), len(want), err)
			}
			k.verify(t)
		})
	}
}

// Our HTTP client fetches from Python's server over the kernel's TCP, on one
// connection and on several.
func TestPythonHTTPServer(t *testing.T) {
	k := newKernel(t, perfect)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page"), page(), 0o600); err != nil {
		t.Fatal(err)
	}
	c, out := k.start(t, dir, "python3", "-u", "-m", "http.server", fmt.Sprint(testPort), "--protocol", "HTTP/1.1")
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait() // it was killed
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "Serving HTTP") {
		t.Fatalf("the server said %q, %v", line, err)
	}
	transport := &http.Transport{DialContext: k.dialer().DialContext}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: time.Minute}
	errs := make(chan error)
	const clients, fetches = 4, 3
	for range clients {
		go func() {
			for range fetches {
				if err := fetch(client, netip.AddrPortFrom(kernelAddr, testPort)); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range clients {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	k.verify(t)
}

func fetch(client *http.Client, from netip.AddrPort) error {
	r, err := client.Get(fmt.Sprintf("http://%v/page", from))
	if err != nil {
		return err
	}
	defer r.Body.Close()
	got, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, page()) {
		return fmt.Errorf("%s: %d bytes that differ", r.Status, len(got))
	}
	return nil
}

// A closed port of the kernel refuses, and one of ours refuses the kernel.
func TestKernelRefuses(t *testing.T) {
	k := newKernel(t, perfect)
	_, err := k.dialer().DialAddrPort(t.Context(), netip.AddrPortFrom(kernelAddr, testPort))
	if err == nil || !strings.Contains(err.Error(), tcpmod.ErrRefused.Error()) {
		t.Errorf("dialing the kernel: %v", err)
	}
	_, err = k.kernelDial(t.Context())
	if err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("the kernel dialing: %v", err)
	}
}
