package syscalls

import "golang.org/x/sys/unix"

const (
	itimerspec   = 32
	timexSize    = 208
	sigeventSize = 64
	dynamicClock = 0x80000000 // a clock id of a process or of a descriptor is negative
)

// timeRows are the calls on clocks and timers. The clocks that are read are those of the body's node; timers run and
// sleeps wait at home, where the signals come. An absolute time therefore needs clocks that agree.
var timeRows = []Row{
	local(unix.SYS_TIME, "time", address("tloc")),
	local(unix.SYS_GETTIMEOFDAY, "gettimeofday", address("tv"), address("tz")),
	remote(unix.SYS_CLOCK_GETTIME, "clock_gettime", integer("which_clock"), out("tp", timespec)).
		localIf(0, dynamicClock, 0).note("clocks of a process or a descriptor are home's"),
	remote(unix.SYS_CLOCK_GETRES, "clock_getres", integer("which_clock"), out("tp", timespec)).
		localIf(0, dynamicClock, 0).note("clocks of a process or a descriptor are home's"),
	remote(unix.SYS_CLOCK_SETTIME, "clock_settime", integer("which_clock"), in("tp", timespec)),
	remote(unix.SYS_SETTIMEOFDAY, "settimeofday", in("tv", 16), in("tz", 8)),
	remote(unix.SYS_ADJTIMEX, "adjtimex", inOut("txc_p", timexSize)),
	remote(unix.SYS_CLOCK_ADJTIME, "clock_adjtime", integer("which_clock"), inOut("utx", timexSize)),
	remote(unix.SYS_NANOSLEEP, "nanosleep", in("rqtp", timespec), out("rmtp", timespec).when(Interrupted)).
		note("home interrupts it by its signals"),
	remote(unix.SYS_CLOCK_NANOSLEEP, "clock_nanosleep", integer("which_clock"), integer("flags"), in("rqtp", timespec), out("rmtp", timespec).when(Interrupted).only(Cond{1, unix.TIMER_ABSTIME, 0})).
		note("home interrupts it by its signals"),
	remote(unix.SYS_ALARM, "alarm", unsigned("seconds")),
	remote(unix.SYS_GETITIMER, "getitimer", integer("which"), out("value", itimerspec)),
	remote(unix.SYS_SETITIMER, "setitimer", integer("which"), in("value", itimerspec), out("ovalue", itimerspec)),
	remote(unix.SYS_TIMER_CREATE, "timer_create", integer("which_clock"), in("timer_event_spec", sigeventSize), out("created_timer_id", 4)),
	remote(unix.SYS_TIMER_SETTIME, "timer_settime", integer("timer_id"), integer("flags"), in("new_setting", itimerspec), out("old_setting", itimerspec)),
	remote(unix.SYS_TIMER_GETTIME, "timer_gettime", integer("timer_id"), out("setting", itimerspec)),
	remote(unix.SYS_TIMER_GETOVERRUN, "timer_getoverrun", integer("timer_id")),
	remote(unix.SYS_TIMER_DELETE, "timer_delete", integer("timer_id")),
	remote(unix.SYS_TIMERFD_CREATE, "timerfd_create", integer("clockid"), integer("flags")),
	remote(unix.SYS_TIMERFD_SETTIME, "timerfd_settime", fd("ufd"), integer("flags"), in("utmr", itimerspec), out("otmr", itimerspec)),
	remote(unix.SYS_TIMERFD_GETTIME, "timerfd_gettime", fd("ufd"), out("otmr", itimerspec)),
}
