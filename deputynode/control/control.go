// Package control is the language between the command line and the agent of a node: over a Unix socket, one
// JSON object asks and one answers.
package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"
)

// DefaultSocket is where an agent listens.
const DefaultSocket = "/run/deputynode/control.sock"

// Operations.
const (
	OpRun   = "run"   // the asking process is about to execute a program whose body shall be elsewhere
	OpNodes = "nodes" // which nodes are there
	OpPS    = "ps"    // which deputies are here
	OpStats = "stats" // what a deputy, also one that ended lately, has done
	OpTrace = "trace" // the calls, one after the other, of the processes that name the asking one in TracedBy
	OpPing  = "ping"  // whether a node answers an echo request, and how fast
)

// Request is what a command asks.
type Request struct {
	Op        string `json:"op"`
	On        string `json:"on,omitempty"`
	Transport string `json:"transport,omitempty"`
	Lazy      bool   `json:"lazy,omitempty"`
	Command   string `json:"command,omitempty"`
	PID       int    `json:"pid,omitempty"`
	Size      int    `json:"size,omitempty"`
	TracedBy  int    `json:"traced_by,omitempty"` // of OpRun: pid of who has asked for OpTrace
}

// Response is what the agent answers: an error, or what was asked for.
type Response struct {
	Error string    `json:"error,omitempty"`
	Nodes []Node    `json:"nodes,omitempty"`
	PS    []Process `json:"ps,omitempty"`
	Ping  *Ping     `json:"ping,omitempty"`
}

// Ping is an echo that a node sent back.
type Ping struct {
	Node         string  `json:"node"`
	Address      string  `json:"address"`
	Bytes        int     `json:"bytes"`
	Microseconds float64 `json:"round_trip_us"`
}

// TracedCall is a system call that a deputy has served.
type TracedCall struct {
	PID      int     `json:"pid"` // thread id
	Call     string  `json:"call"`
	Returns  bool    `json:"returns"` // false: it ends the thread or the process
	Value    int64   `json:"value"`   // what it returned: a value, or -errno
	Class    string  `json:"class"`
	Messages uint64  `json:"messages"`
	Sent     uint64  `json:"sent_bytes"`     // to the body
	Received uint64  `json:"received_bytes"` // from the body
	Micros   float64 `json:"us"`             // at home: from the request to the result
	Missed   uint64  `json:"missed,omitempty"`
}

// Node is a node of the network.
type Node struct {
	Name       string  `json:"node"`
	Address    string  `json:"address"`
	Processors int     `json:"processors"`
	Load       float64 `json:"load"`
	FreeMemory uint64  `json:"free_memory_bytes"`
	Bodies     int     `json:"bodies"`
	SeenAgo    float64 `json:"seen_ago_s"`
	Own        bool    `json:"own"`
}

// Process is a split process.
type Process struct {
	PID      int               `json:"pid"`
	Node     string            `json:"node"`
	Command  string            `json:"command"`
	Seconds  float64           `json:"seconds"`
	Calls    map[string]uint64 `json:"calls"`         // by class
	ByName   map[string]uint64 `json:"calls_by_name"` // by name
	Sent     Traffic           `json:"sent"`          // to the body
	Received Traffic           `json:"received"`      // from the body
	Ended    bool              `json:"ended,omitempty"`
}

// Traffic is messages of the intraprocess protocol, and their bytes without the headers below.
type Traffic struct {
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
}

// Refused is an error that the agent reports.
type Refused struct{ Reason string }

func (r *Refused) Error() string { return r.Reason }

// ErrNoAgent says that no agent listens on this node.
var ErrNoAgent = errors.New("no agent is running on this node (start one: deputynode serve --iface IF)")

// timeout is how long an answer may take: a node that does not answer is given up before.
const timeout = 15 * time.Second

// Ask asks the agent at a socket.
func Ask(socket string, r Request) (*Response, error) {
	conn, err := net.Dial("unix", socket)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoAgent, err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(conn).Encode(r); err != nil {
		return nil, fmt.Errorf("ask the agent: %w", err)
	}
	var answer Response
	if err := json.NewDecoder(conn).Decode(&answer); err != nil {
		return nil, fmt.Errorf("answer of the agent: %w", err)
	}
	if answer.Error != "" {
		return nil, &Refused{answer.Error}
	}
	return &answer, nil
}
