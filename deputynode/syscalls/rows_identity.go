package syscalls

import "golang.org/x/sys/unix"

// identityRows are the calls on ids, groups, sessions, capabilities and keys: all are the deputy's.
var identityRows = []Row{
	remote(unix.SYS_GETPID, "getpid"),
	remote(unix.SYS_GETPPID, "getppid"),
	remote(unix.SYS_GETTID, "gettid"),
	remote(unix.SYS_GETUID, "getuid"),
	remote(unix.SYS_GETGID, "getgid"),
	remote(unix.SYS_GETEUID, "geteuid"),
	remote(unix.SYS_GETEGID, "getegid"),
	remote(unix.SYS_SETUID, "setuid", unsigned("uid")),
	remote(unix.SYS_SETGID, "setgid", unsigned("gid")),
	remote(unix.SYS_SETREUID, "setreuid", unsigned("ruid"), unsigned("euid")),
	remote(unix.SYS_SETREGID, "setregid", unsigned("rgid"), unsigned("egid")),
	remote(unix.SYS_SETRESUID, "setresuid", unsigned("ruid"), unsigned("euid"), unsigned("suid")),
	remote(unix.SYS_SETRESGID, "setresgid", unsigned("rgid"), unsigned("egid"), unsigned("sgid")),
	remote(unix.SYS_GETRESUID, "getresuid", out("ruid", 4), out("euid", 4), out("suid", 4)),
	remote(unix.SYS_GETRESGID, "getresgid", out("rgid", 4), out("egid", 4), out("sgid", 4)),
	remote(unix.SYS_SETFSUID, "setfsuid", unsigned("uid")),
	remote(unix.SYS_SETFSGID, "setfsgid", unsigned("gid")),
	remote(unix.SYS_GETGROUPS, "getgroups", integer("gidsetsize"), outArray("grouplist", 4, "gidsetsize").returned().atMost(65536*4)),
	remote(unix.SYS_SETGROUPS, "setgroups", integer("gidsetsize"), inArray("grouplist", 4, "gidsetsize").atMost(65536*4)),
	remote(unix.SYS_SETPGID, "setpgid", integer("pid"), integer("pgid")),
	remote(unix.SYS_GETPGID, "getpgid", integer("pid")),
	remote(unix.SYS_GETPGRP, "getpgrp"),
	remote(unix.SYS_SETSID, "setsid"),
	remote(unix.SYS_GETSID, "getsid", integer("pid")),
	remote(unix.SYS_CAPGET, "capget", inOut("header", 8).when(Always), inOut("dataptr", 24)),
	remote(unix.SYS_CAPSET, "capset", inOut("header", 8).when(Failure), in("data", 24)),
	remote(unix.SYS_ADD_KEY, "add_key", str("type", 32), str("description", pageSize), inBytes("payload", "plen").atMost(1<<20), long("plen"), integer("ringid")),
	remote(unix.SYS_REQUEST_KEY, "request_key", str("type", 32), str("description", pageSize), str("callout_info", pageSize), integer("destringid")),
	remote(unix.SYS_KEYCTL, "keyctl", integer("option"), unknown("arg2"), unknown("arg3"), unknown("arg4"), unknown("arg5")).
		by("option", keyctlCommands),
	remote(unix.SYS_LANDLOCK_CREATE_RULESET, "landlock_create_ruleset", inBytes("attr", "size").atMost(pageSize), long("size"), unsigned("flags")),
	remote(unix.SYS_LANDLOCK_ADD_RULE, "landlock_add_rule", fd("ruleset_fd"), integer("rule_type"), unknown("rule_attr"), unsigned("flags")).
		by("rule_type", []Command{
			command(unix.LANDLOCK_RULE_PATH_BENEATH, "LANDLOCK_RULE_PATH_BENEATH", in("rule_attr", 12)),
			command(2, "LANDLOCK_RULE_NET_PORT", in("rule_attr", 16)),
		}),
	remote(unix.SYS_LANDLOCK_RESTRICT_SELF, "landlock_restrict_self", fd("ruleset_fd"), unsigned("flags")),
	remote(unix.SYS_LSM_GET_SELF_ATTR, "lsm_get_self_attr", unsigned("attr"), sized("ctx", "size").input(), length("size").when(Always), unsigned("flags")),
	remote(unix.SYS_LSM_SET_SELF_ATTR, "lsm_set_self_attr", unsigned("attr"), inBytes("ctx", "size").atMost(pageSize), unsigned("size"), unsigned("flags")),
	remote(unix.SYS_LSM_LIST_MODULES, "lsm_list_modules", sized("ids", "size"), length("size").when(Always), unsigned("flags")),
}

// keyctlCommands are the operations of keyctl(2) that libraries use.
var keyctlCommands = []Command{
	command(unix.KEYCTL_GET_KEYRING_ID, "KEYCTL_GET_KEYRING_ID"),
	command(unix.KEYCTL_JOIN_SESSION_KEYRING, "KEYCTL_JOIN_SESSION_KEYRING", str("name", pageSize)),
	command(unix.KEYCTL_REVOKE, "KEYCTL_REVOKE"),
	command(unix.KEYCTL_CHOWN, "KEYCTL_CHOWN"),
	command(unix.KEYCTL_SETPERM, "KEYCTL_SETPERM"),
	command(unix.KEYCTL_CLEAR, "KEYCTL_CLEAR"),
	command(unix.KEYCTL_LINK, "KEYCTL_LINK"),
	command(unix.KEYCTL_UNLINK, "KEYCTL_UNLINK"),
	command(unix.KEYCTL_SEARCH, "KEYCTL_SEARCH", integer("ringid"), str("type", 32), str("description", pageSize), integer("destringid")),
	command(unix.KEYCTL_SET_TIMEOUT, "KEYCTL_SET_TIMEOUT"),
	command(unix.KEYCTL_SET_REQKEY_KEYRING, "KEYCTL_SET_REQKEY_KEYRING"),
	command(unix.KEYCTL_INVALIDATE, "KEYCTL_INVALIDATE"),
	command(unix.KEYCTL_GET_PERSISTENT, "KEYCTL_GET_PERSISTENT"),
}
