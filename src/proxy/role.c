/* role.c -- see role.h. */
#include "proxy/role.h"

#include "base/auto.h"
#include "os/proc.h"
#include "proxy/msg.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_JAIL = 70, SEND_S = 2, ROLE_FD = 3 };

#define EXEC_NAME "sluice-proxy"

/* Memory, its channel, and sockets that others have made: none that makes, names or
 * connects one.  Descriptors come by the channel or from the box's own queue. */
static const int calls[] = {
	SYS_recvmsg,      SYS_sendmsg,   SYS_poll,           SYS_ppoll,   SYS_brk,
	SYS_mmap,         SYS_munmap,    SYS_mremap,         SYS_madvise, SYS_mprotect,
	SYS_futex,        SYS_getrandom, SYS_clock_gettime,  SYS_exit,    SYS_exit_group,
	SYS_rt_sigreturn, SYS_close,     SYS_read,           SYS_write,   SYS_getpid,
	SYS_gettid,       SYS_tgkill,    SYS_rt_sigprocmask, SYS_accept4, SYS_shutdown,
};

const struct sl_role sl_proxy_role = {
	.name = "sluice-proxy",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.max_memory = (uint64_t)256 << 20,
	.dies_with_parent = true,
};

/* What the proxy may say.  safe because bodies are fixed structs, and each field of them
 * is checked where it is used (box/proxy.c). */
static const struct sl_chan_op ops[] = {
	{ SL_PXO_OPEN, sizeof(struct sl_pxm_open), 0 },
	{ SL_PXO_REFUSED, sizeof(struct sl_pxm_refused), 0 },
	{ SL_PXO_CLOSED, sizeof(struct sl_pxm_closed), 0 },
	{ SL_PXO_DRAINED, 0, 0 },
};

_Noreturn static void
be_proxy(int fd)
{
	if (sl_role_enter(&sl_proxy_role, fd, NULL, 0) < 0)
		_exit(EXIT_JAIL);
	_exit(sl_proxy_main(ROLE_FD));
}

/* Nothing of the caller goes along but the channel: no other descriptor, no variable. */
_Noreturn static void
exec_proxy(int fd, int exe_fd)
{
	char name[] = EXEC_NAME, *argv[] = { name, NULL }, *env[] = { NULL };

	if (exe_fd == ROLE_FD)
		exe_fd = fcntl(exe_fd, F_DUPFD_CLOEXEC, ROLE_FD + 1);
	if ((fd == ROLE_FD ? fcntl(fd, F_SETFD, 0) : dup2(fd, ROLE_FD)) < 0 ||
	    sl_os_cloexec_from(ROLE_FD + 1) < 0)
		_exit(EXIT_JAIL);
	(void)sl_os_execveat(exe_fd, "", argv, env, AT_EMPTY_PATH);
	_exit(EXIT_JAIL);
}

static int
start(int exe_fd, struct sl_proxy **ret, struct sl_err *err)
{
	/* One that does not read must not hold up the supervisor. */
	const struct timeval most = { .tv_sec = SEND_S };
	struct sl_proxy *p = calloc(1, sizeof(*p));
	int fd[2], r;

	if (p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_chan_pair(fd, err)) < 0) {
		free(p);
		return r;
	}
	if (setsockopt(fd[0], SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0 ||
	    (p->pid = fork()) < 0) {
		r = SL_ERR_SYS(err, -errno, "cannot start the proxy");
		(void)close(fd[0]);
		(void)close(fd[1]);
		free(p);
		return r;
	}
	if (p->pid == 0 && exe_fd >= 0)
		exec_proxy(fd[1], exe_fd);
	if (p->pid == 0)
		be_proxy(fd[1]);
	(void)close(fd[1]);
	p->chan = (struct sl_chan){ .fd = fd[0],
				    .ops = ops,
				    .n_ops = sizeof(ops) / sizeof(ops[0]) };
	sl_buf_init(&p->room,
		    sizeof(struct sl_pxm_refused) + sizeof(struct sl_pxm_closed));
	*ret = p;
	return 0;
}

int
sl_proxy_start(struct sl_proxy **ret, struct sl_err *err)
{
	return start(-1, ret, err);
}

int
sl_proxy_exec(struct sl_proxy **ret, struct sl_err *err)
{
	SL_AUTO_FD exe = open("/proc/self/exe", O_PATH | O_CLOEXEC);

	return exe < 0 ? SL_ERR_SYS(err, -errno, "cannot open this program")
		       : start(exe, ret, err);
}

int
sl_proxy_exec_main(int argc, char **argv)
{
	int family = 0;
	socklen_t len = sizeof(family);

	if (argc != 1 || strcmp(argv[0], EXEC_NAME) != 0 ||
	    getsockopt(ROLE_FD, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0 ||
	    family != AF_UNIX)
		return -1;
	be_proxy(ROLE_FD);
}

void
sl_proxy_stop(struct sl_proxy *p)
{
	if (p == NULL)
		return;
	(void)close(p->chan.fd);
	(void)kill(p->pid, SIGKILL);
	while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
		;
	sl_buf_done(&p->room);
	free(p);
}
