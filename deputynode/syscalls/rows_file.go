package syscalls

import "golang.org/x/sys/unix"

// Structures of the kernel, in bytes.
const (
	statSize    = 144
	statxSize   = 256
	statfsSize  = 120
	timespec    = 16
	cacheRange  = 16
	cacheStat   = 40
	handleFixed = 8 // struct file_handle without its bytes
)

// fileRows are the calls on open files and their data.
var fileRows = []Row{
	remote(unix.SYS_READ, "read", fd("fd"), received("buf", "count").clamp(), long("count")),
	remote(unix.SYS_WRITE, "write", fd("fd"), inBytes("buf", "count").clamp(), long("count")),
	remote(unix.SYS_OPEN, "open", path("filename"), integer("flags"), unsigned("mode")),
	remote(unix.SYS_CLOSE, "close", fd("fd")),
	remote(unix.SYS_FSTAT, "fstat", fd("fd"), out("statbuf", statSize)),
	remote(unix.SYS_LSEEK, "lseek", fd("fd"), long("offset"), unsigned("whence")),
	remote(unix.SYS_PREAD64, "pread64", fd("fd"), received("buf", "count").clamp(), long("count"), long("pos")),
	remote(unix.SYS_PWRITE64, "pwrite64", fd("fd"), inBytes("buf", "count").clamp(), long("count"), long("pos")),
	remote(unix.SYS_READV, "readv", fd("fd"), iovecOut("vec", "vlen").clamp(), long("vlen")),
	remote(unix.SYS_WRITEV, "writev", fd("fd"), iovecIn("vec", "vlen").clamp(), long("vlen")),
	remote(unix.SYS_PREADV, "preadv", fd("fd"), iovecOut("vec", "vlen").clamp(), long("vlen"), long("pos_l"), long("pos_h")),
	remote(unix.SYS_PWRITEV, "pwritev", fd("fd"), iovecIn("vec", "vlen").clamp(), long("vlen"), long("pos_l"), long("pos_h")),
	remote(unix.SYS_PREADV2, "preadv2", fd("fd"), iovecOut("vec", "vlen").clamp(), long("vlen"), long("pos_l"), long("pos_h"), integer("flags")),
	remote(unix.SYS_PWRITEV2, "pwritev2", fd("fd"), iovecIn("vec", "vlen").clamp(), long("vlen"), long("pos_l"), long("pos_h"), integer("flags")),
	remote(unix.SYS_SENDFILE, "sendfile", fd("out_fd"), fd("in_fd"), inOut("offset", 8), long("count")),
	remote(unix.SYS_SPLICE, "splice", fd("fd_in"), inOut("off_in", 8), fd("fd_out"), inOut("off_out", 8), long("len"), unsigned("flags")),
	remote(unix.SYS_TEE, "tee", fd("fdin"), fd("fdout"), long("len"), unsigned("flags")),
	remote(unix.SYS_VMSPLICE, "vmsplice", fd("fd"), unknown("iov"), long("nr_segs"), unsigned("flags")).
		note("the pipe keeps the pages, which must not be those of the staging area"),
	remote(unix.SYS_COPY_FILE_RANGE, "copy_file_range", fd("fd_in"), inOut("off_in", 8), fd("fd_out"), inOut("off_out", 8), long("len"), unsigned("flags")),
	remote(unix.SYS_FSYNC, "fsync", fd("fd")),
	remote(unix.SYS_FDATASYNC, "fdatasync", fd("fd")),
	remote(unix.SYS_SYNC_FILE_RANGE, "sync_file_range", fd("fd"), long("offset"), long("nbytes"), unsigned("flags")),
	remote(unix.SYS_FTRUNCATE, "ftruncate", fd("fd"), long("length")),
	remote(unix.SYS_FALLOCATE, "fallocate", fd("fd"), integer("mode"), long("offset"), long("len")),
	remote(unix.SYS_FADVISE64, "fadvise64", fd("fd"), long("offset"), long("len"), integer("advice")),
	remote(unix.SYS_READAHEAD, "readahead", fd("fd"), long("offset"), long("count")),
	remote(unix.SYS_CACHESTAT, "cachestat", unsigned("fd"), in("cstat_range", cacheRange), out("cstat", cacheStat), unsigned("flags")),
	remote(unix.SYS_FLOCK, "flock", fd("fd"), unsigned("cmd")),
	remote(unix.SYS_FCHMOD, "fchmod", fd("fd"), unsigned("mode")),
	remote(unix.SYS_FCHOWN, "fchown", fd("fd"), unsigned("user"), unsigned("group")),
	remote(unix.SYS_FSTATFS, "fstatfs", fd("fd"), out("buf", statfsSize)),
	remote(unix.SYS_SYNCFS, "syncfs", fd("fd")),
	remote(unix.SYS_SYNC, "sync"),
	remote(unix.SYS_MEMFD_CREATE, "memfd_create", str("uname", 250), unsigned("flags")),
	remote(unix.SYS_FSETXATTR, "fsetxattr", fd("fd"), str("name", xattrName), inBytes("value", "size").atMost(xattrValue), long("size"), integer("flags")),
	remote(unix.SYS_FGETXATTR, "fgetxattr", fd("fd"), str("name", xattrName), received("value", "size").atMost(xattrValue), long("size")),
	remote(unix.SYS_FLISTXATTR, "flistxattr", fd("fd"), received("list", "size").atMost(xattrValue), long("size")),
	remote(unix.SYS_FREMOVEXATTR, "fremovexattr", fd("fd"), str("name", xattrName)),
	remote(unix.SYS_GETDENTS, "getdents", fd("fd"), received("dirent", "count").clamp(), unsigned("count")),
	remote(unix.SYS_GETDENTS64, "getdents64", fd("fd"), received("dirent", "count").clamp(), unsigned("count")),
}
