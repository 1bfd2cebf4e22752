package testnet

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// binaries are the main packages of which the nodes have the programs on their PATH.
var binaries = []string{"deputy/deputynode", "deputy/cmd/ipxbench"}

// BuildError says that the nodes' binaries could not be built.
type BuildError struct {
	Output string // of go build
	Err    error
}

func (e *BuildError) Error() string {
	return fmt.Sprintf("building %s: %v", strings.Join(binaries, " and "), e.Err)
}

func (e *BuildError) Unwrap() error { return e.Err }

// build is a go build under way.
type build struct{ done chan error }

// startBuild starts to build the binaries, if the options want that, into the folder that the nodes share. Call it
// once the base thread is there; the nodes are started meanwhile.
func startBuild(ctx context.Context, n *Net, o Options) *build {
	b := &build{done: make(chan error, 1)}
	if o.BinDir != "" || !o.Build {
		b.done <- nil
		return b
	}
	n.binDir = sharedBinDir
	go func() {
		// The folder is in no mount namespace that go is in; our descriptor of it leads there.
		dir := fmt.Sprintf("/proc/%d/fd/%d/", os.Getpid(), n.staging.Fd())
		cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-o", dir}, binaries...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // static: no matter what the nodes' libraries are
		var output bytes.Buffer
		cmd.Stdout, cmd.Stderr = &output, &output
		// On SIGINT go removes its temporary folder. It must not linger when we are gone.
		cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGINT}
		cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGINT) }
		err := cmd.Run()
		if err != nil {
			err = &BuildError{Output: output.String(), Err: err}
		}
		b.done <- err
	}()
	return b
}

// wait waits until the build is done.
func (b *build) wait() error { return <-b.done }
