package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// Peer is who asks.
type Peer struct {
	PID int
	UID uint32
}

// Handler answers a request.
type Handler func(Peer, Request) Response

// Traces gives whoever asks for OpTrace a tracer, and what to do at its end.
type Traces func(Peer) (t *Tracer, end func())

// Server is the agent's end of the control socket.
type Server struct {
	listener *net.UnixListener
	handler  Handler
	traces   Traces
}

// maxRequest bounds a request, in bytes: command lines are shorter, and anybody may write here.
const maxRequest = 4 << 20

var errInUse = errors.New("another agent listens there")

// Listen makes the socket. Every user may ask: what a request may do is decided by who asks.
func Listen(socket string, h Handler, t Traces) (*Server, error) {
	if err := os.MkdirAll(filepath.Dir(socket), 0o755); err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if conn, err := net.Dial("unix", socket); err == nil {
		conn.Close()
		return nil, fmt.Errorf("control socket %s: %w", socket, errInUse)
	}
	if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) { // of an agent that was killed
		return nil, fmt.Errorf("control socket: %w", err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	if err := os.Chmod(socket, 0o666); err != nil {
		l.Close()
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return &Server{l, h, t}, nil
}

// Serve answers until the context ends.
func (s *Server) Serve(ctx context.Context) {
	stop := context.AfterFunc(ctx, func() { s.listener.Close() })
	defer stop()
	for {
		conn, err := s.listener.AcceptUnix()
		if err != nil {
			if ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			continue
		}
		go s.serve(conn)
	}
}

func (s *Server) serve(conn *net.UnixConn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(timeout))
	peer, err := credentials(conn)
	var answer Response
	if err == nil {
		var r Request
		err = json.NewDecoder(io.LimitReader(conn, maxRequest)).Decode(&r)
		switch {
		case err != nil:
		case r.Op == OpTrace:
			t, end := s.traces(peer)
			defer end()
			if json.NewEncoder(conn).Encode(answer) == nil {
				t.stream(conn)
			}
			return
		default:
			answer = s.handler(peer, r)
		}
	}
	if err != nil {
		answer = Response{Error: err.Error()}
	}
	_ = json.NewEncoder(conn).Encode(answer) // the asker has gone: nobody to tell
}

func credentials(conn *net.UnixConn) (Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return Peer{}, err
	}
	var ucred *unix.Ucred
	err2 := raw.Control(func(fd uintptr) { ucred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) })
	if err = errors.Join(err, err2); err != nil {
		return Peer{}, fmt.Errorf("who asks: %w", err)
	}
	return Peer{int(ucred.Pid), ucred.Uid}, nil
}
