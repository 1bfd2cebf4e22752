package syscalls

import "golang.org/x/sys/unix"

// prctlCommands are the options of prctl(2). PR_SET_VMA is local and does not come here.
var prctlCommands = []Command{
	command(unix.PR_SET_PDEATHSIG, "PR_SET_PDEATHSIG"),
	command(unix.PR_GET_PDEATHSIG, "PR_GET_PDEATHSIG", out("arg2", 4)),
	command(unix.PR_GET_DUMPABLE, "PR_GET_DUMPABLE"),
	command(unix.PR_SET_DUMPABLE, "PR_SET_DUMPABLE"),
	command(unix.PR_GET_UNALIGN, "PR_GET_UNALIGN", out("arg2", 4)),
	command(unix.PR_SET_UNALIGN, "PR_SET_UNALIGN"),
	command(unix.PR_GET_KEEPCAPS, "PR_GET_KEEPCAPS"),
	command(unix.PR_SET_KEEPCAPS, "PR_SET_KEEPCAPS"),
	command(unix.PR_GET_TIMING, "PR_GET_TIMING"),
	command(unix.PR_SET_TIMING, "PR_SET_TIMING"),
	command(unix.PR_SET_NAME, "PR_SET_NAME", str("arg2", 16)),
	command(unix.PR_GET_NAME, "PR_GET_NAME", out("arg2", 16)),
	command(unix.PR_GET_SECCOMP, "PR_GET_SECCOMP"),
	refusedCommand(unix.PR_SET_SECCOMP, "PR_SET_SECCOMP", unix.EINVAL),
	command(unix.PR_CAPBSET_READ, "PR_CAPBSET_READ"),
	command(unix.PR_CAPBSET_DROP, "PR_CAPBSET_DROP"),
	command(unix.PR_GET_TSC, "PR_GET_TSC", out("arg2", 4)),
	command(unix.PR_SET_TSC, "PR_SET_TSC"),
	command(unix.PR_GET_SECUREBITS, "PR_GET_SECUREBITS"),
	command(unix.PR_SET_SECUREBITS, "PR_SET_SECUREBITS"),
	command(unix.PR_SET_TIMERSLACK, "PR_SET_TIMERSLACK"),
	command(unix.PR_GET_TIMERSLACK, "PR_GET_TIMERSLACK"),
	command(unix.PR_TASK_PERF_EVENTS_DISABLE, "PR_TASK_PERF_EVENTS_DISABLE"),
	command(unix.PR_TASK_PERF_EVENTS_ENABLE, "PR_TASK_PERF_EVENTS_ENABLE"),
	command(unix.PR_MCE_KILL, "PR_MCE_KILL"),
	command(unix.PR_MCE_KILL_GET, "PR_MCE_KILL_GET"),
	refusedCommand(unix.PR_SET_MM, "PR_SET_MM", unix.EPERM), // the addresses are the body's
	command(unix.PR_SET_PTRACER, "PR_SET_PTRACER"),
	command(unix.PR_SET_CHILD_SUBREAPER, "PR_SET_CHILD_SUBREAPER"),
	command(unix.PR_GET_CHILD_SUBREAPER, "PR_GET_CHILD_SUBREAPER", out("arg2", 4)),
	command(unix.PR_SET_NO_NEW_PRIVS, "PR_SET_NO_NEW_PRIVS"),
	command(unix.PR_GET_NO_NEW_PRIVS, "PR_GET_NO_NEW_PRIVS"),
	command(unix.PR_SET_THP_DISABLE, "PR_SET_THP_DISABLE"),
	command(unix.PR_GET_THP_DISABLE, "PR_GET_THP_DISABLE"),
	command(unix.PR_CAP_AMBIENT, "PR_CAP_AMBIENT"),
	command(unix.PR_GET_SPECULATION_CTRL, "PR_GET_SPECULATION_CTRL"),
	command(unix.PR_SET_SPECULATION_CTRL, "PR_SET_SPECULATION_CTRL"),
	command(unix.PR_SET_IO_FLUSHER, "PR_SET_IO_FLUSHER"),
	command(unix.PR_GET_IO_FLUSHER, "PR_GET_IO_FLUSHER"),
	refusedCommand(unix.PR_SET_SYSCALL_USER_DISPATCH, "PR_SET_SYSCALL_USER_DISPATCH", unix.EINVAL), // would catch the calls of the stub
	refusedCommand(unix.PR_SET_MDWE, "PR_SET_MDWE", unix.EINVAL),                                   // would bind the memory of the stub
	command(unix.PR_GET_MDWE, "PR_GET_MDWE"),
	command(unix.PR_SET_MEMORY_MERGE, "PR_SET_MEMORY_MERGE"),
	command(0x41555856, "PR_GET_AUXV", received("arg2", "arg3"), long("arg3")),
	command(unix.PR_GET_MEMORY_MERGE, "PR_GET_MEMORY_MERGE"),
}
