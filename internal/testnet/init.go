package testnet

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// initName is the name (argv[0]) under which this program is started again as pid 1 of a node; its
// one argument is the node's name.
const initName = "testnet-init"

// Descriptors that pid 1 of a node inherits.
const (
	reportFD = 3 // write end: an error text if the node could not be set up, then closed
	lifeFD   = 4 // read end: at its end the calling process is gone
)

// Init takes over the process if it was started as pid 1 of a node, and then does not return. Programs
// that call Start must call it before they do anything else.
func Init() {
	if len(os.Args) == 2 && os.Args[0] == initName {
		os.Exit(runInit(os.Args[1]))
	}
}

// runInit is pid 1 of the named node: it sets up what must be set up from inside, then collects
// orphans until it is killed or the calling process has gone.
func runInit(name string) int {
	unix.CloseOnExec(reportFD)
	unix.CloseOnExec(lifeFD)
	report := os.NewFile(reportFD, "report")
	life := os.NewFile(lifeFD, "life")

	children := make(chan os.Signal, 1)
	signal.Notify(children, unix.SIGCHLD)

	if err := setUpNode(name); err != nil {
		fmt.Fprint(report, err)
		return 1
	}
	report.Close()

	// The parent death signal ends this process too, except where the parent dies before it is armed.
	go func() {
		io.Copy(io.Discard, life)
		os.Exit(0)
	}()
	for range children {
		reap()
	}
	return 0
}

// setUpNode gives the namespaces that the calling process was started in their contents: host name,
// network settings, root.
func setUpNode(name string) error {
	if err := unix.Sethostname([]byte(name)); err != nil {
		return fmt.Errorf("setting the host name: %w", err)
	}
	if err := disableIPv6(); err != nil {
		return err
	}
	return makeRoot(name)
}

// reap collects the children that have ended.
func reap() {
	for {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || pid <= 0 {
			return
		}
	}
}
