/* parser_jail.c -- see parser_jail.h. */
#include "run/parser_jail.h"

#include <sys/syscall.h>

/* Memory, its one socket, what it is given to read, the end: libfyaml and jansson use
 * malloc; nothing opens. */
static const int calls[] = {
	SYS_recvmsg,      SYS_sendmsg,   SYS_poll,           SYS_ppoll,   SYS_brk,
	SYS_mmap,         SYS_munmap,    SYS_mremap,         SYS_madvise, SYS_mprotect,
	SYS_futex,        SYS_getrandom, SYS_clock_gettime,  SYS_exit,    SYS_exit_group,
	SYS_rt_sigreturn, SYS_close,     SYS_read,           SYS_write,   SYS_getpid,
	SYS_gettid,       SYS_tgkill,    SYS_rt_sigprocmask, SYS_pread64,
};

/* libfyaml asks whether standard error is a terminal. */
static const int refused[] = { SYS_ioctl, SYS_fstat, SYS_newfstatat };

const struct sl_role sl_parser_role = {
	.name = "sluice-parser",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.refused = refused,
	.n_refused = sizeof(refused) / sizeof(refused[0]),
	.max_memory = (uint64_t)1 << 30,
	.dies_with_parent = true,
};

int
sl_parser_jail(int fd)
{
	return sl_role_enter(&sl_parser_role, fd, NULL, 0);
}
