package syscalls

import "golang.org/x/sys/unix"

const (
	termiosSize  = 36
	termios2Size = 44
	winsizeSize  = 8
	ifreqSize    = 40
)

// ioctlCommands are the common commands of ioctl(2). The others go through the memory window: the size that a command
// number carries does not tell what the structure points to.
var ioctlCommands = []Command{
	// Any descriptor.
	command(0x5450, "FIONCLEX"),
	command(0x5451, "FIOCLEX"),
	command(0x5421, "FIONBIO", in("argp", 4)),
	command(0x5452, "FIOASYNC", in("argp", 4)),
	command(0x5460, "FIOQSIZE", out("argp", 8)),
	command(unix.TIOCINQ, "FIONREAD", out("argp", 4)),  // also TIOCINQ, SIOCINQ
	command(unix.TIOCOUTQ, "TIOCOUTQ", out("argp", 4)), // also SIOCOUTQ

	// Terminals.
	command(unix.TCGETS, "TCGETS", out("argp", termiosSize)),
	command(unix.TCSETS, "TCSETS", in("argp", termiosSize)),
	command(unix.TCSETSW, "TCSETSW", in("argp", termiosSize)),
	command(unix.TCSETSF, "TCSETSF", in("argp", termiosSize)),
	command(unix.TCGETS2, "TCGETS2", out("argp", termios2Size)),
	command(unix.TCSETS2, "TCSETS2", in("argp", termios2Size)),
	command(unix.TCSETSW2, "TCSETSW2", in("argp", termios2Size)),
	command(unix.TCSETSF2, "TCSETSF2", in("argp", termios2Size)),
	command(unix.TCSBRK, "TCSBRK"),
	command(unix.TCSBRKP, "TCSBRKP"),
	command(unix.TCXONC, "TCXONC"),
	command(unix.TCFLSH, "TCFLSH"),
	command(unix.TIOCEXCL, "TIOCEXCL"),
	command(unix.TIOCNXCL, "TIOCNXCL"),
	command(unix.TIOCGEXCL, "TIOCGEXCL", out("argp", 4)),
	command(unix.TIOCSCTTY, "TIOCSCTTY"),
	command(unix.TIOCNOTTY, "TIOCNOTTY"),
	command(unix.TIOCGPGRP, "TIOCGPGRP", out("argp", 4)),
	command(unix.TIOCSPGRP, "TIOCSPGRP", in("argp", 4)),
	command(unix.TIOCGSID, "TIOCGSID", out("argp", 4)),
	command(unix.TIOCGWINSZ, "TIOCGWINSZ", out("argp", winsizeSize)),
	command(unix.TIOCSWINSZ, "TIOCSWINSZ", in("argp", winsizeSize)),
	command(unix.TIOCSTI, "TIOCSTI", in("argp", 1)),
	command(unix.TIOCMGET, "TIOCMGET", out("argp", 4)),
	command(unix.TIOCMSET, "TIOCMSET", in("argp", 4)),
	command(unix.TIOCMBIS, "TIOCMBIS", in("argp", 4)),
	command(unix.TIOCMBIC, "TIOCMBIC", in("argp", 4)),
	command(unix.TIOCGSOFTCAR, "TIOCGSOFTCAR", out("argp", 4)),
	command(unix.TIOCSSOFTCAR, "TIOCSSOFTCAR", in("argp", 4)),
	command(unix.TIOCCONS, "TIOCCONS"),
	command(unix.TIOCPKT, "TIOCPKT", in("argp", 4)),
	command(unix.TIOCGPKT, "TIOCGPKT", out("argp", 4)),
	command(unix.TIOCSETD, "TIOCSETD", in("argp", 4)),
	command(unix.TIOCGETD, "TIOCGETD", out("argp", 4)),
	command(unix.TIOCSBRK, "TIOCSBRK"),
	command(unix.TIOCCBRK, "TIOCCBRK"),
	command(unix.TIOCGDEV, "TIOCGDEV", out("argp", 4)),
	command(unix.TIOCGPTN, "TIOCGPTN", out("argp", 4)),
	command(unix.TIOCSPTLCK, "TIOCSPTLCK", in("argp", 4)),
	command(unix.TIOCGPTLCK, "TIOCGPTLCK", out("argp", 4)),
	command(unix.TIOCGPTPEER, "TIOCGPTPEER"),
	command(unix.TIOCSIG, "TIOCSIG"),
	command(unix.TIOCVHANGUP, "TIOCVHANGUP"),

	// Sockets and interfaces.
	command(unix.SIOCATMARK, "SIOCATMARK", out("argp", 4)),
	command(unix.SIOCGPGRP, "SIOCGPGRP", out("argp", 4)),
	command(unix.SIOCSPGRP, "SIOCSPGRP", in("argp", 4)),
	command(0x8901, "FIOSETOWN", in("argp", 4)),
	command(0x8903, "FIOGETOWN", out("argp", 4)),
	command(0x894b, "SIOCOUTQNSD", out("argp", 4)),
	command(0x894c, "SIOCGSKNS"),
	command(unix.SIOCGIFNAME, "SIOCGIFNAME", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFINDEX, "SIOCGIFINDEX", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFFLAGS, "SIOCGIFFLAGS", inOut("argp", ifreqSize)),
	command(unix.SIOCSIFFLAGS, "SIOCSIFFLAGS", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFADDR, "SIOCGIFADDR", inOut("argp", ifreqSize)),
	command(unix.SIOCSIFADDR, "SIOCSIFADDR", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFDSTADDR, "SIOCGIFDSTADDR", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFBRDADDR, "SIOCGIFBRDADDR", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFNETMASK, "SIOCGIFNETMASK", inOut("argp", ifreqSize)),
	command(unix.SIOCSIFNETMASK, "SIOCSIFNETMASK", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFMETRIC, "SIOCGIFMETRIC", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFMTU, "SIOCGIFMTU", inOut("argp", ifreqSize)),
	command(unix.SIOCSIFMTU, "SIOCSIFMTU", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFHWADDR, "SIOCGIFHWADDR", inOut("argp", ifreqSize)),
	command(unix.SIOCGIFTXQLEN, "SIOCGIFTXQLEN", inOut("argp", ifreqSize)),

	// Files and file systems.
	command(unix.FICLONE, "FICLONE"),
	command(unix.FICLONERANGE, "FICLONERANGE", in("argp", 32)),
	command(0x00000002, "FIGETBSZ", out("argp", 4)),
	command(0xc0045877, "FIFREEZE"),
	command(0xc0045878, "FITHAW"),
	command(0xc0185879, "FITRIM", inOut("argp", 24)),
	command(unix.FS_IOC_GETFLAGS, "FS_IOC_GETFLAGS", out("argp", 4)),
	command(unix.FS_IOC_SETFLAGS, "FS_IOC_SETFLAGS", in("argp", 4)),
	command(0x80087601, "FS_IOC_GETVERSION", out("argp", 4)),
	command(0x801c581f, "FS_IOC_FSGETXATTR", out("argp", 28)),
	command(0x401c5820, "FS_IOC_FSSETXATTR", in("argp", 28)),
	command(0x81009431, "FS_IOC_GETFSLABEL", inOut("argp", 256)),
	command(0x80111500, "FS_IOC_GETFSUUID", out("argp", 17)),

	// Block devices.
	command(unix.BLKROGET, "BLKROGET", out("argp", 4)),
	command(unix.BLKROSET, "BLKROSET", in("argp", 4)),
	command(unix.BLKRRPART, "BLKRRPART"),
	command(unix.BLKGETSIZE, "BLKGETSIZE", out("argp", 8)),
	command(unix.BLKGETSIZE64, "BLKGETSIZE64", out("argp", 8)),
	command(unix.BLKFLSBUF, "BLKFLSBUF"),
	command(unix.BLKRAGET, "BLKRAGET", out("argp", 8)),
	command(unix.BLKRASET, "BLKRASET"),
	command(unix.BLKSECTGET, "BLKSECTGET", out("argp", 2)),
	command(unix.BLKSSZGET, "BLKSSZGET", out("argp", 4)),
	command(unix.BLKPBSZGET, "BLKPBSZGET", out("argp", 4)),
	command(unix.BLKIOMIN, "BLKIOMIN", out("argp", 4)),
	command(unix.BLKIOOPT, "BLKIOOPT", out("argp", 4)),
	command(unix.BLKALIGNOFF, "BLKALIGNOFF", out("argp", 4)),
	command(unix.BLKROTATIONAL, "BLKROTATIONAL", out("argp", 2)),
	command(unix.BLKDISCARD, "BLKDISCARD", in("argp", 16)),
	command(unix.BLKZEROOUT, "BLKZEROOUT", in("argp", 16)),

	// Namespaces.
	command(unix.NS_GET_USERNS, "NS_GET_USERNS"),
	command(unix.NS_GET_PARENT, "NS_GET_PARENT"),
	command(unix.NS_GET_NSTYPE, "NS_GET_NSTYPE"),
	command(unix.NS_GET_OWNER_UID, "NS_GET_OWNER_UID", out("argp", 4)),
}
