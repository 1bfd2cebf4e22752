// Package syscalls is the body's second dispatch table (thesis 4.1): one row for each x86-64 system call, which says
// where the call runs and what its arguments point to. Three things are made from the rows and from nothing else:
//
//   - the seccomp filter of a body ([Filter]), which lets local calls run and stops all others;
//   - the argument walker ([Row.Prepare] and [Call.Outputs]), which is the copyin and copyout of the calls described;
//   - the documentation of the calls ([Row.String], [Row.Note]).
//
// The numbers are those of x86-64 up to Linux 6.18 and a little beyond, from golang.org/x/sys/unix.
//
// # How a remote call is run
//
//  1. Prepare reads what the call takes in out of the body's memory, lays it out in a staging area that the calling
//     process has in its address space, and makes the pointers among the arguments point there.
//  2. The call is made with the arguments of [Call.Args].
//  3. Outputs gives back, piece by piece, what the kernel wrote and where in the body's memory it belongs.
//
// A pointer that the table does not describe, and one whose memory cannot be read, keeps its value: the call then has
// to be made with the memory window open ([Call.Window]). So a description can be missing, but it must not be wrong.
//
// # Limits
//
//   - Output is not probed: the kernel writes to the staging area, and only the copyout finds that the body's memory
//     cannot be written. A read(2) into bad memory has then consumed its data.
//   - The row, not the descriptor, says that a count may be cut to the size of the staging area; a write to a datagram
//     socket larger than that is cut too ([Call.Clamped]).
//   - Padding that the kernel skips within what it returns, as between directory entries, comes back with what the
//     staging area held; natively the memory would have kept what it had.
package syscalls
