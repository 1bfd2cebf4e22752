package syscalls

import "golang.org/x/sys/unix"

const (
	pollfdSize     = 8
	epollEventSize = 12
)

// descriptorRows are the calls on descriptors themselves, on devices, and those that wait for descriptors.
var descriptorRows = []Row{
	remote(unix.SYS_DUP, "dup", fd("fildes")),
	remote(unix.SYS_DUP2, "dup2", fd("oldfd"), fd("newfd")),
	remote(unix.SYS_DUP3, "dup3", fd("oldfd"), fd("newfd"), integer("flags")),
	remote(unix.SYS_CLOSE_RANGE, "close_range", unsigned("fd"), unsigned("max_fd"), unsigned("flags")),
	remote(unix.SYS_PIPE, "pipe", out("fildes", 8)),
	remote(unix.SYS_PIPE2, "pipe2", out("fildes", 8), integer("flags")),
	remote(unix.SYS_FCNTL, "fcntl", fd("fd"), unsigned("cmd"), unknown("arg")).by("cmd", fcntlCommands),
	remote(unix.SYS_IOCTL, "ioctl", fd("fd"), unsigned("cmd"), unknown("arg")).by("cmd", ioctlCommands).
		note("a command that is not described goes through the memory window"),
	remote(unix.SYS_POLL, "poll", pollfds(), unsigned("nfds"), integer("timeout_msecs")),
	remote(unix.SYS_PPOLL, "ppoll", pollfds(), unsigned("nfds"), timeout("tsp"), in("sigmask", sigsetSize), long("sigsetsize")),
	remote(unix.SYS_SELECT, "select", integer("n"), fdSet("inp", "n"), fdSet("outp", "n"), fdSet("exp", "n"), timeout("tvp")),
	remote(unix.SYS_PSELECT6, "pselect6", integer("n"), fdSet("inp", "n"), fdSet("outp", "n"), fdSet("exp", "n"), timeout("tsp"), Arg{Name: "sig", Kind: SigmaskPair}),
	remote(unix.SYS_EPOLL_CREATE, "epoll_create", integer("size")),
	remote(unix.SYS_EPOLL_CREATE1, "epoll_create1", integer("flags")),
	remote(unix.SYS_EPOLL_CTL, "epoll_ctl", fd("epfd"), integer("op"), fd("fd"), in("event", epollEventSize)).
		by("op", []Command{command(unix.EPOLL_CTL_DEL, "EPOLL_CTL_DEL")}),
	remote(unix.SYS_EPOLL_WAIT, "epoll_wait", fd("epfd"), epollEvents(), integer("maxevents"), integer("timeout")),
	remote(unix.SYS_EPOLL_PWAIT, "epoll_pwait", fd("epfd"), epollEvents(), integer("maxevents"), integer("timeout"), in("sigmask", sigsetSize), long("sigsetsize")),
	remote(unix.SYS_EPOLL_PWAIT2, "epoll_pwait2", fd("epfd"), epollEvents(), integer("maxevents"), in("timeout", timespec), in("sigmask", sigsetSize), long("sigsetsize")),
	remote(unix.SYS_EPOLL_CTL_OLD, "epoll_ctl_old"),
	remote(unix.SYS_EPOLL_WAIT_OLD, "epoll_wait_old"),
	remote(unix.SYS_EVENTFD, "eventfd", unsigned("count")),
	remote(unix.SYS_EVENTFD2, "eventfd2", unsigned("count"), integer("flags")),
	remote(unix.SYS_INOTIFY_INIT, "inotify_init"),
	remote(unix.SYS_INOTIFY_INIT1, "inotify_init1", integer("flags")),
	remote(unix.SYS_INOTIFY_ADD_WATCH, "inotify_add_watch", fd("fd"), path("pathname"), unsigned("mask")),
	remote(unix.SYS_INOTIFY_RM_WATCH, "inotify_rm_watch", fd("fd"), integer("wd")),
	remote(unix.SYS_FANOTIFY_INIT, "fanotify_init", unsigned("flags"), unsigned("event_f_flags")),
	remote(unix.SYS_FANOTIFY_MARK, "fanotify_mark", fd("fanotify_fd"), unsigned("flags"), long("mask"), fd("dfd"), path("pathname")),
}

func pollfds() Arg { return inOutArray("ufds", pollfdSize, "nfds").when(SuccessOrInterrupted) }

func epollEvents() Arg {
	return outArray("events", epollEventSize, "maxevents").returned().clamp()
}

// fcntlCommands are the commands of fcntl(2).
var fcntlCommands = []Command{
	command(unix.F_DUPFD, "F_DUPFD"),
	command(unix.F_GETFD, "F_GETFD"),
	command(unix.F_SETFD, "F_SETFD"),
	command(unix.F_GETFL, "F_GETFL"),
	command(unix.F_SETFL, "F_SETFL"),
	command(unix.F_GETLK, "F_GETLK", inOut("arg", flockSize)),
	command(unix.F_SETLK, "F_SETLK", in("arg", flockSize)),
	command(unix.F_SETLKW, "F_SETLKW", in("arg", flockSize)),
	command(unix.F_OFD_GETLK, "F_OFD_GETLK", inOut("arg", flockSize)),
	command(unix.F_OFD_SETLK, "F_OFD_SETLK", in("arg", flockSize)),
	command(unix.F_OFD_SETLKW, "F_OFD_SETLKW", in("arg", flockSize)),
	command(unix.F_SETOWN, "F_SETOWN"),
	command(unix.F_GETOWN, "F_GETOWN"),
	command(unix.F_SETSIG, "F_SETSIG"),
	command(unix.F_GETSIG, "F_GETSIG"),
	command(unix.F_SETOWN_EX, "F_SETOWN_EX", in("arg", 8)),
	command(unix.F_GETOWN_EX, "F_GETOWN_EX", out("arg", 8)),
	command(17, "F_GETOWNER_UIDS", out("arg", 8)),
	command(unix.F_SETLEASE, "F_SETLEASE"),
	command(unix.F_GETLEASE, "F_GETLEASE"),
	command(unix.F_NOTIFY, "F_NOTIFY"),
	command(1027, "F_DUPFD_QUERY"),
	command(1028, "F_CREATED_QUERY"),
	command(unix.F_DUPFD_CLOEXEC, "F_DUPFD_CLOEXEC"),
	command(unix.F_SETPIPE_SZ, "F_SETPIPE_SZ"),
	command(unix.F_GETPIPE_SZ, "F_GETPIPE_SZ"),
	command(unix.F_ADD_SEALS, "F_ADD_SEALS"),
	command(unix.F_GET_SEALS, "F_GET_SEALS"),
	command(unix.F_GET_RW_HINT, "F_GET_RW_HINT", out("arg", 8)),
	command(unix.F_SET_RW_HINT, "F_SET_RW_HINT", in("arg", 8)),
	command(unix.F_GET_FILE_RW_HINT, "F_GET_FILE_RW_HINT", out("arg", 8)),
	command(unix.F_SET_FILE_RW_HINT, "F_SET_FILE_RW_HINT", in("arg", 8)),
}

const flockSize = 32
