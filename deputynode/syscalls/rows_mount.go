package syscalls

import "golang.org/x/sys/unix"

// mountRows are the calls on mounts, quotas and swap.
var mountRows = []Row{
	remote(unix.SYS_MOUNT, "mount", path("dev_name"), path("dir_name"), path("type"), long("flags"), unknown("data")).
		note("data may be text or a structure of the file system"),
	remote(unix.SYS_UMOUNT2, "umount2", path("name"), integer("flags")),
	remote(unix.SYS_PIVOT_ROOT, "pivot_root", path("new_root"), path("put_old")),
	remote(unix.SYS_OPEN_TREE, "open_tree", fd("dfd"), path("filename"), unsigned("flags")),
	remote(unix.SYS_OPEN_TREE_ATTR, "open_tree_attr", fd("dfd"), path("filename"), unsigned("flags"), inBytes("uattr", "usize").atMost(pageSize), long("usize")),
	remote(unix.SYS_MOVE_MOUNT, "move_mount", fd("from_dfd"), path("from_pathname"), fd("to_dfd"), path("to_pathname"), unsigned("flags")),
	remote(unix.SYS_MOUNT_SETATTR, "mount_setattr", fd("dfd"), path("path"), unsigned("flags"), inBytes("uattr", "usize").atMost(pageSize), long("usize")),
	remote(unix.SYS_FSOPEN, "fsopen", path("fs_name"), unsigned("flags")),
	remote(unix.SYS_FSPICK, "fspick", fd("dfd"), path("path"), unsigned("flags")),
	remote(unix.SYS_FSMOUNT, "fsmount", fd("fs_fd"), unsigned("flags"), unsigned("attr_flags")),
	remote(unix.SYS_FSCONFIG, "fsconfig", fd("fd"), unsigned("cmd"), unknown("key"), unknown("value"), integer("aux")).by("cmd", []Command{
		command(unix.FSCONFIG_SET_FLAG, "FSCONFIG_SET_FLAG", str("key", 256)),
		command(unix.FSCONFIG_SET_STRING, "FSCONFIG_SET_STRING", str("key", 256), str("value", 256)),
		command(unix.FSCONFIG_SET_BINARY, "FSCONFIG_SET_BINARY", str("key", 256), inBytes("value", "aux").atMost(1<<20), integer("aux")),
		command(unix.FSCONFIG_SET_PATH, "FSCONFIG_SET_PATH", str("key", 256), path("value")),
		command(unix.FSCONFIG_SET_PATH_EMPTY, "FSCONFIG_SET_PATH_EMPTY", str("key", 256), path("value")),
		command(unix.FSCONFIG_SET_FD, "FSCONFIG_SET_FD", str("key", 256)),
		command(unix.FSCONFIG_CMD_CREATE, "FSCONFIG_CMD_CREATE"),
		command(unix.FSCONFIG_CMD_RECONFIGURE, "FSCONFIG_CMD_RECONFIGURE"),
		command(8, "FSCONFIG_CMD_CREATE_EXCL"),
	}),
	remote(unix.SYS_STATMOUNT, "statmount", selfSized("req", 0, 0), unknown("buf"), long("bufsize"), unsigned("flags")).
		note("buf tells its own size"),
	remote(unix.SYS_LISTMOUNT, "listmount", selfSized("req", 0, 0), outArray("mnt_ids", 8, "nr_mnt_ids").returned().clamp(), long("nr_mnt_ids"), unsigned("flags")),
	remote(unix.SYS_LISTNS, "listns", selfSized("req", 0, 0), outArray("ns_ids", 8, "nr_ns_ids").returned().clamp(), long("nr_ns_ids"), unsigned("flags")),
	remote(unix.SYS_QUOTACTL, "quotactl", unsigned("cmd"), path("special"), integer("id"), unknown("addr")),
	remote(unix.SYS_QUOTACTL_FD, "quotactl_fd", fd("fd"), unsigned("cmd"), integer("id"), unknown("addr")),
	remote(unix.SYS_SWAPON, "swapon", path("specialfile"), integer("swap_flags")),
	remote(unix.SYS_SWAPOFF, "swapoff", path("specialfile")),
	remote(unix.SYS_SYSFS, "sysfs", integer("option"), unknown("arg1"), unknown("arg2")),
}
