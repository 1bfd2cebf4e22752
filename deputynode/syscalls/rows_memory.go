package syscalls

import "golang.org/x/sys/unix"

// memoryRows are the calls on the address space, which is the body's.
var memoryRows = []Row{
	special(unix.SYS_MMAP, "mmap", address("addr"), long("len"), long("prot"), long("flags"), fd("fd"), long("off")).
		localIf(3, unix.MAP_ANONYMOUS, unix.MAP_ANONYMOUS).traced().
		note("anonymous memory is local; a file is mapped by the agent, which fills it from home"),
	local(unix.SYS_MUNMAP, "munmap", address("addr"), long("len")),
	local(unix.SYS_MPROTECT, "mprotect", address("start"), long("len"), long("prot")),
	local(unix.SYS_PKEY_MPROTECT, "pkey_mprotect", address("start"), long("len"), long("prot"), integer("pkey")),
	local(unix.SYS_PKEY_ALLOC, "pkey_alloc", long("flags"), long("init_val")),
	local(unix.SYS_PKEY_FREE, "pkey_free", integer("pkey")),
	local(unix.SYS_MREMAP, "mremap", address("addr"), long("old_len"), long("new_len"), long("flags"), address("new_addr")),
	local(unix.SYS_MSYNC, "msync", address("start"), long("len"), integer("flags")).
		note("home does not have the mapping; shared file mappings are not written back yet"),
	local(unix.SYS_MINCORE, "mincore", address("start"), long("len"), address("vec")),
	local(unix.SYS_MADVISE, "madvise", address("start"), long("len"), integer("behavior")),
	local(unix.SYS_BRK, "brk", address("brk")),
	local(unix.SYS_MLOCK, "mlock", address("start"), long("len")),
	local(unix.SYS_MLOCK2, "mlock2", address("start"), long("len"), integer("flags")),
	local(unix.SYS_MUNLOCK, "munlock", address("start"), long("len")),
	local(unix.SYS_MLOCKALL, "mlockall", integer("flags")),
	local(unix.SYS_MUNLOCKALL, "munlockall"),
	local(unix.SYS_MSEAL, "mseal", address("start"), long("len"), long("flags")),
	local(unix.SYS_MAP_SHADOW_STACK, "map_shadow_stack", address("addr"), long("size"), unsigned("flags")),
	local(unix.SYS_MBIND, "mbind", address("start"), long("len"), long("mode"), address("nmask"), long("maxnode"), unsigned("flags")).
		note("the NUMA nodes are those of the body's node"),
	local(unix.SYS_SET_MEMPOLICY, "set_mempolicy", integer("mode"), address("nmask"), long("maxnode")).
		note("the NUMA nodes are those of the body's node"),
	local(unix.SYS_GET_MEMPOLICY, "get_mempolicy", address("policy"), address("nmask"), long("maxnode"), address("addr"), long("flags")).
		note("the NUMA nodes are those of the body's node"),
	local(unix.SYS_SET_MEMPOLICY_HOME_NODE, "set_mempolicy_home_node", address("start"), long("len"), long("home_node"), long("flags")),
	refused(unix.SYS_REMAP_FILE_PAGES, "remap_file_pages", unix.ENOSYS, "shared file mappings: not yet",
		address("start"), long("size"), long("prot"), long("pgoff"), long("flags")),
	refused(unix.SYS_MIGRATE_PAGES, "migrate_pages", unix.ENOSYS, "names a process of home and the memory of a body",
		integer("pid"), long("maxnode"), address("old_nodes"), address("new_nodes")),
	refused(unix.SYS_MOVE_PAGES, "move_pages", unix.ENOSYS, "names a process of home and the memory of a body",
		integer("pid"), long("nr_pages"), address("pages"), address("nodes"), address("status"), integer("flags")),
	refused(unix.SYS_PROCESS_MADVISE, "process_madvise", unix.ENOSYS, "names a process of home and the memory of a body",
		fd("pidfd"), address("vec"), long("vlen"), integer("behavior"), unsigned("flags")),
	refused(unix.SYS_PROCESS_VM_READV, "process_vm_readv", unix.ENOSYS, "names a process of home and the memory of a body",
		integer("pid"), address("lvec"), long("liovcnt"), address("rvec"), long("riovcnt"), long("flags")),
	refused(unix.SYS_PROCESS_VM_WRITEV, "process_vm_writev", unix.ENOSYS, "names a process of home and the memory of a body",
		integer("pid"), address("lvec"), long("liovcnt"), address("rvec"), long("riovcnt"), long("flags")),
	refused(unix.SYS_USERFAULTFD, "userfaultfd", unix.ENOSYS, "a descriptor of home for the memory of the body",
		integer("flags")),
	remote(unix.SYS_MEMFD_SECRET, "memfd_secret", unsigned("flags")),
	remote(unix.SYS_PROCESS_MRELEASE, "process_mrelease", fd("pidfd"), unsigned("flags")),
}
