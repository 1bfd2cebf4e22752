package syscalls

import "golang.org/x/sys/unix"

const (
	sigsetSize    = 8
	siginfoSize   = 128
	sigactionSize = 32
)

// signalRows are the calls on signals.
var signalRows = []Row{
	special(unix.SYS_RT_SIGACTION, "rt_sigaction", integer("sig"), in("act", sigactionSize), out("oact", sigactionSize), long("sigsetsize")).
		traced().note("home decides on the signal, the body's kernel builds the frame: both keep the action"),
	remote(unix.SYS_RT_SIGPROCMASK, "rt_sigprocmask", integer("how"), in("nset", sigsetSize), out("oset", sigsetSize), long("sigsetsize")).
		note("signals come to the deputy; the body's own mask matters for its handlers alone"),
	remote(unix.SYS_RT_SIGPENDING, "rt_sigpending", outBytes("uset", "sigsetsize").atMost(sigsetSize), long("sigsetsize")),
	remote(unix.SYS_RT_SIGTIMEDWAIT, "rt_sigtimedwait", in("uthese", sigsetSize), out("uinfo", siginfoSize).when(Positive), in("uts", timespec), long("sigsetsize")),
	remote(unix.SYS_RT_SIGSUSPEND, "rt_sigsuspend", in("unewset", sigsetSize), long("sigsetsize")).
		note("waits at home, where the signals come"),
	remote(unix.SYS_RT_SIGQUEUEINFO, "rt_sigqueueinfo", integer("pid"), integer("sig"), in("uinfo", siginfoSize)),
	remote(unix.SYS_RT_TGSIGQUEUEINFO, "rt_tgsigqueueinfo", integer("tgid"), integer("pid"), integer("sig"), in("uinfo", siginfoSize)),
	remote(unix.SYS_KILL, "kill", integer("pid"), integer("sig")),
	remote(unix.SYS_TKILL, "tkill", integer("pid"), integer("sig")),
	remote(unix.SYS_TGKILL, "tgkill", integer("tgid"), integer("pid"), integer("sig")),
	remote(unix.SYS_PIDFD_SEND_SIGNAL, "pidfd_send_signal", fd("pidfd"), integer("sig"), in("info", siginfoSize), unsigned("flags")),
	remote(unix.SYS_PAUSE, "pause"),
	remote(unix.SYS_SIGNALFD, "signalfd", fd("ufd"), inBytes("user_mask", "sizemask").atMost(sigsetSize), long("sizemask")),
	remote(unix.SYS_SIGNALFD4, "signalfd4", fd("ufd"), inBytes("user_mask", "sizemask").atMost(sigsetSize), long("sizemask"), integer("flags")),
	local(unix.SYS_RT_SIGRETURN, "rt_sigreturn").
		note("the frame is the body's; the deputy's mask is put back by the agent"),
	local(unix.SYS_SIGALTSTACK, "sigaltstack", address("uss"), address("uoss")),
	local(unix.SYS_RESTART_SYSCALL, "restart_syscall"),
}
