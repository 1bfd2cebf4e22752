package syscalls

import "golang.org/x/sys/unix"

const (
	utsnameSize = 390
	sysinfoSize = 112
)

// systemRows are the calls on the whole system, whose permissions home checks, and those that the kernel no longer
// has, which it answers with ENOSYS.
var systemRows = []Row{
	remote(unix.SYS_UNAME, "uname", out("name", utsnameSize)).note("home's"),
	remote(unix.SYS_SYSINFO, "sysinfo", out("info", sysinfoSize)).note("home's"),
	remote(unix.SYS_SETHOSTNAME, "sethostname", inBytes("name", "len").atMost(64), integer("len")),
	remote(unix.SYS_SETDOMAINNAME, "setdomainname", inBytes("name", "len").atMost(64), integer("len")),
	remote(unix.SYS_SYSLOG, "syslog", integer("type"), unknown("buf"), integer("len")).by("type", []Command{
		command(0, "SYSLOG_ACTION_CLOSE"),
		command(1, "SYSLOG_ACTION_OPEN"),
		command(2, "SYSLOG_ACTION_READ", received("buf", "len").clamp(), integer("len")),
		command(3, "SYSLOG_ACTION_READ_ALL", received("buf", "len").clamp(), integer("len")),
		command(4, "SYSLOG_ACTION_READ_CLEAR", received("buf", "len").clamp(), integer("len")),
		command(5, "SYSLOG_ACTION_CLEAR"),
		command(6, "SYSLOG_ACTION_CONSOLE_OFF"),
		command(7, "SYSLOG_ACTION_CONSOLE_ON"),
		command(8, "SYSLOG_ACTION_CONSOLE_LEVEL"),
		command(9, "SYSLOG_ACTION_SIZE_UNREAD"),
		command(10, "SYSLOG_ACTION_SIZE_BUFFER"),
	}),
	local(unix.SYS_GETRANDOM, "getrandom", address("ubuf"), long("len"), unsigned("flags")),
	remote(unix.SYS_VHANGUP, "vhangup"),
	remote(unix.SYS_REBOOT, "reboot", integer("magic1"), integer("magic2"), unsigned("cmd"), unknown("arg")),
	remote(unix.SYS_KEXEC_LOAD, "kexec_load", long("entry"), long("nr_segments"), unknown("segments"), long("flags")),
	remote(unix.SYS_KEXEC_FILE_LOAD, "kexec_file_load", fd("kernel_fd"), fd("initrd_fd"), long("cmdline_len"), inBytes("cmdline_ptr", "cmdline_len"), long("flags")),
	remote(unix.SYS_INIT_MODULE, "init_module", unknown("umod"), long("len"), unknown("uargs")),
	remote(unix.SYS_FINIT_MODULE, "finit_module", fd("fd"), unknown("uargs"), integer("flags")),
	remote(unix.SYS_DELETE_MODULE, "delete_module", str("name_user", 64), unsigned("flags")),
	remote(unix.SYS_BPF, "bpf", integer("cmd"), unknown("uattr"), unsigned("size")).note("what it points to depends on the command"),
	remote(unix.SYS_PERF_EVENT_OPEN, "perf_event_open", unknown("attr_uptr"), integer("pid"), integer("cpu"), fd("group_fd"), long("flags")).
		note("counts what the deputy does, not the body"),
	remote(unix.SYS_LOOKUP_DCOOKIE, "lookup_dcookie"),
	remote(unix.SYS_USELIB, "uselib"),
	remote(unix.SYS__SYSCTL, "_sysctl"),
	remote(unix.SYS_CREATE_MODULE, "create_module"),
	remote(unix.SYS_GET_KERNEL_SYMS, "get_kernel_syms"),
	remote(unix.SYS_QUERY_MODULE, "query_module"),
	remote(unix.SYS_NFSSERVCTL, "nfsservctl"),
	remote(unix.SYS_GETPMSG, "getpmsg"),
	remote(unix.SYS_PUTPMSG, "putpmsg"),
	remote(unix.SYS_AFS_SYSCALL, "afs_syscall"),
	remote(unix.SYS_TUXCALL, "tuxcall"),
	remote(unix.SYS_SECURITY, "security"),
	remote(unix.SYS_SET_THREAD_AREA, "set_thread_area"),
	remote(unix.SYS_GET_THREAD_AREA, "get_thread_area"),
	remote(unix.SYS_VSERVER, "vserver"),
}
