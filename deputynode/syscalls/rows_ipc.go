package syscalls

import "golang.org/x/sys/unix"

const (
	semidSize  = 104
	seminfo    = 40
	shmidSize  = 112
	shminfo    = 72
	shmSummary = 48
	msqidSize  = 120
	msginfo    = 32
	mqAttrSize = 64
	sembufSize = 6
	msgType    = 8        // what comes before the text of a message
	mqTextMax  = 16 << 20 // HARD_MSGSIZEMAX
)

// ipcRows are the calls on System V and POSIX message queues, semaphores and shared memory.
var ipcRows = []Row{
	remote(unix.SYS_SHMGET, "shmget", integer("key"), long("size"), integer("shmflg")),
	remote(unix.SYS_SHMCTL, "shmctl", integer("shmid"), integer("cmd"), unknown("buf")).by("cmd", []Command{
		command(unix.IPC_RMID, "IPC_RMID"),
		command(unix.IPC_SET, "IPC_SET", in("buf", shmidSize)),
		command(unix.IPC_STAT, "IPC_STAT", out("buf", shmidSize)),
		command(3, "IPC_INFO", out("buf", shminfo)),
		command(11, "SHM_LOCK"),
		command(12, "SHM_UNLOCK"),
		command(13, "SHM_STAT", out("buf", shmidSize)),
		command(14, "SHM_INFO", out("buf", shmSummary)),
		command(15, "SHM_STAT_ANY", out("buf", shmidSize)),
	}),
	refused(unix.SYS_SHMAT, "shmat", unix.ENOSYS, "memory shared with home: not yet", integer("shmid"), address("shmaddr"), integer("shmflg")),
	refused(unix.SYS_SHMDT, "shmdt", unix.ENOSYS, "memory shared with home: not yet", address("shmaddr")),
	remote(unix.SYS_SEMGET, "semget", integer("key"), integer("nsems"), integer("semflg")),
	remote(unix.SYS_SEMOP, "semop", integer("semid"), inArray("tsops", sembufSize, "nsops"), unsigned("nsops")),
	remote(unix.SYS_SEMTIMEDOP, "semtimedop", integer("semid"), inArray("tsops", sembufSize, "nsops"), unsigned("nsops"), in("timeout", timespec)),
	remote(unix.SYS_SEMCTL, "semctl", integer("semid"), integer("semnum"), integer("cmd"), unknown("arg")).by("cmd", []Command{
		command(unix.IPC_RMID, "IPC_RMID"),
		command(unix.IPC_SET, "IPC_SET", in("arg", semidSize)),
		command(unix.IPC_STAT, "IPC_STAT", out("arg", semidSize)),
		command(3, "IPC_INFO", out("arg", seminfo)),
		command(11, "GETPID"),
		command(12, "GETVAL"),
		command(14, "GETNCNT"),
		command(15, "GETZCNT"),
		command(16, "SETVAL"),
		command(18, "SEM_STAT", out("arg", semidSize)),
		command(19, "SEM_INFO", out("arg", seminfo)),
		command(20, "SEM_STAT_ANY", out("arg", semidSize)),
	}).note("GETALL and SETALL have the size of the set, which the call does not tell"),
	remote(unix.SYS_MSGGET, "msgget", integer("key"), integer("msgflg")),
	remote(unix.SYS_MSGSND, "msgsnd", integer("msqid"), inBytes("msgp", "msgsz").plus(msgType), long("msgsz"), integer("msgflg")),
	remote(unix.SYS_MSGRCV, "msgrcv", integer("msqid"), received("msgp", "msgsz").plus(msgType), long("msgsz"), long("msgtyp"), integer("msgflg")),
	remote(unix.SYS_MSGCTL, "msgctl", integer("msqid"), integer("cmd"), unknown("buf")).by("cmd", []Command{
		command(unix.IPC_RMID, "IPC_RMID"),
		command(unix.IPC_SET, "IPC_SET", in("buf", msqidSize)),
		command(unix.IPC_STAT, "IPC_STAT", out("buf", msqidSize)),
		command(3, "IPC_INFO", out("buf", msginfo)),
		command(11, "MSG_STAT", out("buf", msqidSize)),
		command(12, "MSG_INFO", out("buf", msginfo)),
		command(13, "MSG_STAT_ANY", out("buf", msqidSize)),
	}),
	remote(unix.SYS_MQ_OPEN, "mq_open", path("u_name"), integer("oflag"), unsigned("mode"), in("u_attr", mqAttrSize).onlyIf(1, unix.O_CREAT)),
	remote(unix.SYS_MQ_UNLINK, "mq_unlink", path("u_name")),
	remote(unix.SYS_MQ_TIMEDSEND, "mq_timedsend", fd("mqdes"), inBytes("u_msg_ptr", "msg_len").atMost(mqTextMax), long("msg_len"), unsigned("msg_prio"), in("u_abs_timeout", timespec)),
	remote(unix.SYS_MQ_TIMEDRECEIVE, "mq_timedreceive", fd("mqdes"), received("u_msg_ptr", "msg_len").atMost(mqTextMax), long("msg_len"), out("u_msg_prio", 4), in("u_abs_timeout", timespec)),
	remote(unix.SYS_MQ_NOTIFY, "mq_notify", fd("mqdes"), unknown("notification")).note("with SIGEV_THREAD it points to a cookie"),
	remote(unix.SYS_MQ_GETSETATTR, "mq_getsetattr", fd("mqdes"), in("mqstat", mqAttrSize), out("omqstat", mqAttrSize)),
}
