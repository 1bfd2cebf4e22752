package testnet

import (
	"errors"
	"fmt"
)

// ErrNotRoot says that the calling process lacks the rights to make namespaces and interfaces.
var ErrNotRoot = errors.New("needs root")

// ErrNode says that there is no node of that name.
var ErrNode = errors.New("no such node")

// KernelError says that the kernel refused something that a node is made of.
type KernelError struct {
	Feature string // what was asked for, with the first kernel that has it or the configuration that it needs
	Err     error
}

func (e *KernelError) Error() string {
	return fmt.Sprintf("this kernel refuses %s: %v", e.Feature, e.Err)
}

func (e *KernelError) Unwrap() error { return e.Err }

// AgentError says that the agent of a node did not come up, or ended before it was told to.
type AgentError struct {
	Node string
	Log  string // what the agent has printed, its last 64 KiB; may be empty
	Err  error
}

func (e *AgentError) Error() string { return fmt.Sprintf("agent of node %s: %v", e.Node, e.Err) }

func (e *AgentError) Unwrap() error { return e.Err }
