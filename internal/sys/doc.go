// Package sys wraps the system calls that golang.org/x/sys/unix does not, or not as this project needs
// them: ptrace(2) on threads of any state, seccomp user notification, userfaultfd, futexes in shared
// memory. Each function is thin and named after its man page.
package sys
