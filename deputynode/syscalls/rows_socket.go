package syscalls

import "golang.org/x/sys/unix"

// socketRows are the calls on sockets.
var socketRows = []Row{
	remote(unix.SYS_SOCKET, "socket", integer("family"), integer("type"), integer("protocol")),
	remote(unix.SYS_SOCKETPAIR, "socketpair", integer("family"), integer("type"), integer("protocol"), out("usockvec", 8)),
	remote(unix.SYS_CONNECT, "connect", fd("fd"), sockaddrIn("uservaddr", "addrlen"), integer("addrlen")),
	remote(unix.SYS_BIND, "bind", fd("fd"), sockaddrIn("umyaddr", "addrlen"), integer("addrlen")),
	remote(unix.SYS_LISTEN, "listen", fd("fd"), integer("backlog")),
	remote(unix.SYS_ACCEPT, "accept", fd("fd"), sockaddr("upeer_sockaddr", "upeer_addrlen"), length("upeer_addrlen")),
	remote(unix.SYS_ACCEPT4, "accept4", fd("fd"), sockaddr("upeer_sockaddr", "upeer_addrlen"), length("upeer_addrlen"), integer("flags")),
	remote(unix.SYS_GETSOCKNAME, "getsockname", fd("fd"), sockaddr("usockaddr", "usockaddr_len"), length("usockaddr_len")),
	remote(unix.SYS_GETPEERNAME, "getpeername", fd("fd"), sockaddr("usockaddr", "usockaddr_len"), length("usockaddr_len")),
	remote(unix.SYS_SHUTDOWN, "shutdown", fd("fd"), integer("how")),
	remote(unix.SYS_SENDTO, "sendto", fd("fd"), inBytes("buff", "len"), long("len"), unsigned("flags"), sockaddrIn("addr", "addr_len"), integer("addr_len")).
		windowIf(3, unix.MSG_ZEROCOPY).note("with MSG_ZEROCOPY the socket keeps the pages, which must not be those of the staging area"),
	remote(unix.SYS_RECVFROM, "recvfrom", fd("fd"), received("ubuf", "size").clamp(), long("size"), unsigned("flags"), sockaddr("addr", "addr_len"), length("addr_len")),
	remote(unix.SYS_SENDMSG, "sendmsg", fd("fd"), Arg{Name: "msg", Kind: MsgIn}, unsigned("flags")).
		windowIf(2, unix.MSG_ZEROCOPY).note("with MSG_ZEROCOPY the socket keeps the pages, which must not be those of the staging area"),
	remote(unix.SYS_RECVMSG, "recvmsg", fd("fd"), Arg{Name: "msg", Kind: MsgOut, Clamp: true}, unsigned("flags")),
	remote(unix.SYS_SENDMMSG, "sendmmsg", fd("fd"), unknown("mmsg"), unsigned("vlen"), unsigned("flags")),
	remote(unix.SYS_RECVMMSG, "recvmmsg", fd("fd"), unknown("mmsg"), unsigned("vlen"), unsigned("flags"), unknown("timeout")),
	remote(unix.SYS_SETSOCKOPT, "setsockopt", fd("fd"), integer("level"), integer("optname"), inBytes("optval", "optlen"), integer("optlen")).
		by("level optname", socketOptions),
	remote(unix.SYS_GETSOCKOPT, "getsockopt", fd("fd"), integer("level"), integer("optname"), sized("optval", "optlen").input(), length("optlen").when(Always)).
		by("level optname", socketOptions).
		note("some options are read before they are written"),
}

func sockaddrIn(name, count string) Arg { return inBytes(name, count).atMost(sockaddrMax) }

// socketOptions are the options whose value has a pointer in it or another size than optlen says.
var socketOptions = []Command{
	opaqueOption(unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, "SO_ATTACH_FILTER"),
	opaqueOption(unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF, "SO_ATTACH_REUSEPORT_CBPF"),
	opaqueOption(unix.IPPROTO_IP, 64, "IPT_SO_SET_REPLACE"),
	opaqueOption(unix.IPPROTO_IPV6, 64, "IP6T_SO_SET_REPLACE"),
	opaqueOption(unix.IPPROTO_IP, 96, "ARPT_SO_SET_REPLACE"),
	opaqueOption(unix.IPPROTO_IP, 128, "EBT_SO_SET_ENTRIES"),
	opaqueOption(unix.SOL_PACKET, unix.PACKET_FANOUT_DATA, "PACKET_FANOUT_DATA"),
	refusedCommand(unix.SOL_XDP<<32|unix.XDP_UMEM_REG, "XDP_UMEM_REG", unix.ENOPROTOOPT), // memory shared with home
	opaqueOption(unix.IPPROTO_TCP, unix.TCP_ZEROCOPY_RECEIVE, "TCP_ZEROCOPY_RECEIVE"),
}

func opaqueOption(level, option uint64, name string) Command {
	return command(level<<32|option, name, unknown("optval"), unknown("optlen"))
}
