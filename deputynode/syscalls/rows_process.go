package syscalls

import "golang.org/x/sys/unix"

const (
	rusageSize = 144
	rlimitSize = 16
	// waitInfoSize is what waitid(2) writes of a siginfo, up to si_status.
	waitInfoSize = 28
)

// processRows are the calls that make, change, end and wait for processes and threads.
var processRows = []Row{
	special(unix.SYS_FORK, "fork").traced().note("both sides fork"),
	special(unix.SYS_VFORK, "vfork").traced().note("both sides fork"),
	special(unix.SYS_CLONE, "clone", long("flags"), address("newsp"), address("parent_tid"), address("child_tid"), address("tls")).
		traced().note("both sides fork, or get a thread"),
	special(unix.SYS_CLONE3, "clone3", address("uargs"), long("size")).
		traced().errno(unix.ENOSYS).note("libcs fall back to clone"),
	special(unix.SYS_EXECVE, "execve", path("filename"), stringVector("argv"), stringVector("envp")).
		traced().note("home runs it and sends the fresh image, which replaces the body's memory"),
	special(unix.SYS_EXECVEAT, "execveat", fd("dfd"), path("filename"), stringVector("argv"), stringVector("envp"), integer("flags")).
		traced().note("home runs it and sends the fresh image, which replaces the body's memory"),
	special(unix.SYS_EXIT, "exit", integer("error_code")).traced().note("the thread ends on both sides"),
	special(unix.SYS_EXIT_GROUP, "exit_group", integer("error_code")).note("both sides end"),
	remote(unix.SYS_WAIT4, "wait4", integer("upid"), out("stat_addr", 4).when(Positive), integer("options"), out("ru", rusageSize).when(Positive)),
	remote(unix.SYS_WAITID, "waitid", integer("which"), integer("upid"), inOut("infop", waitInfoSize).when(Always), integer("options"), inOut("ru", rusageSize)),
	special(unix.SYS_SET_TID_ADDRESS, "set_tid_address", address("tidptr")).
		traced().note("the address is the body's, the answer the thread id at home"),
	remote(unix.SYS_PRCTL, "prctl", integer("option"), unknown("arg2"), unknown("arg3"), unknown("arg4"), unknown("arg5")).
		by("option", prctlCommands).localIf(0, 0xffffffff, unix.PR_SET_VMA).
		note("PR_SET_VMA names memory of the body, locally"),
	local(unix.SYS_ARCH_PRCTL, "arch_prctl", integer("option"), address("arg2")),
	local(unix.SYS_SET_ROBUST_LIST, "set_robust_list", address("head"), long("len")),
	local(unix.SYS_GET_ROBUST_LIST, "get_robust_list", integer("pid"), address("head_ptr"), address("len_ptr")),
	local(unix.SYS_RSEQ, "rseq", address("rseq"), unsigned("rseq_len"), integer("flags"), unsigned("sig")),
	local(unix.SYS_RSEQ_SLICE_YIELD, "rseq_slice_yield"),
	local(unix.SYS_FUTEX, "futex", address("uaddr"), integer("op"), unsigned("val"), address("utime"), address("uaddr2"), unsigned("val3")),
	local(unix.SYS_FUTEX_WAITV, "futex_waitv", address("waiters"), unsigned("nr_futexes"), unsigned("flags"), address("timeout"), integer("clockid")),
	local(unix.SYS_FUTEX_WAKE, "futex_wake", address("uaddr"), long("mask"), integer("nr"), unsigned("flags")),
	local(unix.SYS_FUTEX_WAIT, "futex_wait", address("uaddr"), long("val"), long("mask"), unsigned("flags"), address("timeout"), integer("clockid")),
	local(unix.SYS_FUTEX_REQUEUE, "futex_requeue", address("waiters"), unsigned("flags"), integer("nr_wake"), integer("nr_requeue")),
	local(unix.SYS_MEMBARRIER, "membarrier", integer("cmd"), unsigned("flags"), integer("cpu_id")),
	remote(unix.SYS_KCMP, "kcmp", integer("pid1"), integer("pid2"), integer("type"), long("idx1"), long("idx2")),
	remote(unix.SYS_PIDFD_OPEN, "pidfd_open", integer("pid"), unsigned("flags")),
	remote(unix.SYS_PIDFD_GETFD, "pidfd_getfd", fd("pidfd"), fd("fd"), unsigned("flags")),
	remote(unix.SYS_UNSHARE, "unshare", long("unshare_flags")),
	remote(unix.SYS_SETNS, "setns", fd("fd"), integer("flags")),
	remote(unix.SYS_PERSONALITY, "personality", unsigned("personality")).
		note("the image that execve makes at home obeys it"),
	remote(unix.SYS_GETRLIMIT, "getrlimit", unsigned("resource"), out("rlim", rlimitSize)),
	remote(unix.SYS_SETRLIMIT, "setrlimit", unsigned("resource"), in("rlim", rlimitSize)).
		note("the limits on memory and processor time do not reach the body yet"),
	remote(unix.SYS_PRLIMIT64, "prlimit64", integer("pid"), unsigned("resource"), in("new_rlim", rlimitSize), out("old_rlim", rlimitSize)).
		note("the limits on memory and processor time do not reach the body yet"),
	remote(unix.SYS_GETRUSAGE, "getrusage", integer("who"), out("ru", rusageSize)).
		note("without the processor time of the body yet"),
	remote(unix.SYS_TIMES, "times", out("tbuf", 32)).note("without the processor time of the body yet"),
	remote(unix.SYS_ACCT, "acct", path("name")),
}
