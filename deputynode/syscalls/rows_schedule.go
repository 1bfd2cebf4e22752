package syscalls

import "golang.org/x/sys/unix"

// cpuMaskMax is the most bytes of a processor mask that the kernel looks at: 8192 processors.
const cpuMaskMax = 1024

// scheduleRows are the calls on scheduling. What they set is the deputy's: they name it by its pid.
var scheduleRows = []Row{
	local(unix.SYS_SCHED_YIELD, "sched_yield"),
	local(unix.SYS_GETCPU, "getcpu", address("cpup"), address("nodep"), address("unused")),
	remote(unix.SYS_SCHED_SETPARAM, "sched_setparam", integer("pid"), in("param", 4)),
	remote(unix.SYS_SCHED_GETPARAM, "sched_getparam", integer("pid"), out("param", 4)),
	remote(unix.SYS_SCHED_SETSCHEDULER, "sched_setscheduler", integer("pid"), integer("policy"), in("param", 4)),
	remote(unix.SYS_SCHED_GETSCHEDULER, "sched_getscheduler", integer("pid")),
	remote(unix.SYS_SCHED_GET_PRIORITY_MAX, "sched_get_priority_max", integer("policy")),
	remote(unix.SYS_SCHED_GET_PRIORITY_MIN, "sched_get_priority_min", integer("policy")),
	remote(unix.SYS_SCHED_RR_GET_INTERVAL, "sched_rr_get_interval", integer("pid"), out("interval", timespec)),
	remote(unix.SYS_SCHED_SETAFFINITY, "sched_setaffinity", integer("pid"), unsigned("len"), inBytes("user_mask_ptr", "len").atMost(cpuMaskMax)),
	remote(unix.SYS_SCHED_GETAFFINITY, "sched_getaffinity", integer("pid"), unsigned("len"), received("user_mask_ptr", "len").atMost(cpuMaskMax)),
	remote(unix.SYS_SCHED_SETATTR, "sched_setattr", integer("pid"), selfSized("attr", 0, 0).input().when(Failure), unsigned("flags")).
		note("a size that the kernel does not know comes back with E2BIG"),
	remote(unix.SYS_SCHED_GETATTR, "sched_getattr", integer("pid"), inOutArray("attr", 1, "usize").atMost(pageSize), unsigned("usize"), unsigned("flags")),
	remote(unix.SYS_GETPRIORITY, "getpriority", integer("which"), integer("who")),
	remote(unix.SYS_SETPRIORITY, "setpriority", integer("which"), integer("who"), integer("niceval")),
	remote(unix.SYS_IOPRIO_SET, "ioprio_set", integer("which"), integer("who"), integer("ioprio")),
	remote(unix.SYS_IOPRIO_GET, "ioprio_get", integer("which"), integer("who")),
}
