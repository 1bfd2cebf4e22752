package syscalls

import "golang.org/x/sys/unix"

// refusedRows are the calls that cannot work for a body, whatever their subject. Those on memory stand with memory.
var refusedRows = []Row{
	refused(unix.SYS_IO_URING_SETUP, "io_uring_setup", unix.ENOSYS, "its ring makes calls that nobody sees", unsigned("entries"), address("params")),
	refused(unix.SYS_IO_URING_ENTER, "io_uring_enter", unix.ENOSYS, "its ring makes calls that nobody sees",
		fd("fd"), unsigned("to_submit"), unsigned("min_complete"), unsigned("flags"), address("argp"), long("argsz")),
	refused(unix.SYS_IO_URING_REGISTER, "io_uring_register", unix.ENOSYS, "its ring makes calls that nobody sees",
		fd("fd"), unsigned("opcode"), address("arg"), unsigned("nr_args")),
	refused(unix.SYS_IO_SETUP, "io_setup", unix.ENOSYS, "memory shared with home: not yet", unsigned("nr_reqs"), address("ctx")),
	refused(unix.SYS_IO_DESTROY, "io_destroy", unix.ENOSYS, "memory shared with home: not yet", long("ctx")),
	refused(unix.SYS_IO_SUBMIT, "io_submit", unix.ENOSYS, "memory shared with home: not yet", long("ctx_id"), long("nr"), address("iocbpp")),
	refused(unix.SYS_IO_CANCEL, "io_cancel", unix.ENOSYS, "memory shared with home: not yet", long("ctx_id"), address("iocb"), address("result")),
	refused(unix.SYS_IO_GETEVENTS, "io_getevents", unix.ENOSYS, "memory shared with home: not yet",
		long("ctx_id"), long("min_nr"), long("nr"), address("events"), address("timeout")),
	refused(unix.SYS_IO_PGETEVENTS, "io_pgetevents", unix.ENOSYS, "memory shared with home: not yet",
		long("ctx_id"), long("min_nr"), long("nr"), address("events"), address("timeout"), address("usig")),
	refused(unix.SYS_PTRACE, "ptrace", unix.EPERM, "the deputy's registers and memory are not the program's",
		long("request"), long("pid"), address("addr"), address("data")),
	refused(unix.SYS_SECCOMP, "seccomp", unix.EINVAL, "a filter would catch the calls of the stub, as a kernel without CONFIG_SECCOMP_FILTER answers",
		unsigned("op"), unsigned("flags"), address("uargs")),
	refused(unix.SYS_MODIFY_LDT, "modify_ldt", unix.ENOSYS, "the table is the body's: not yet", integer("func"), address("ptr"), long("bytecount")),
	refused(unix.SYS_IOPL, "iopl", unix.EPERM, "would give the ports to the stub, not to the program", unsigned("level")),
	refused(unix.SYS_IOPERM, "ioperm", unix.EPERM, "would give the ports to the stub, not to the program", long("from"), long("num"), integer("on")),
	refused(unix.SYS_URETPROBE, "uretprobe", unix.ENOSYS, "only for the trampoline of the kernel's probes"),
	refused(unix.SYS_UPROBE, "uprobe", unix.ENOSYS, "only for the trampoline of the kernel's probes"),
}
