/* ids.c -- who the box is: a private uid per run (as root), or the caller's own id in
 * a single-id map.  Never the host's uid 0. */
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	/* Above systemd's container range (up to 0x6fffffff), below the sign bit. */
	PRIVATE_FIRST = 0x70000000,
	PRIVATE_COUNT = 0x0f000000,
	INSIDE_ID = 1000, /* what a private uid is called in the box */
};

/* The largest id range of this user namespace: first id in it, and how many. */
static int
widest_range(uint64_t *ret_first, uint64_t *ret_count)
{
	char b[1024] = "", *p = b;
	ssize_t n = sl_os_read_file(AT_FDCWD, "/proc/self/uid_map", b, sizeof(b) - 1);

	if (n < 0)
		return (int)n;
	*ret_count = 0;
	for (;;) {
		char *end;
		uint64_t first = strtoull(p, &end, 10), count;

		if (end == p)
			return 0;
		(void)strtoull(end, &end, 10);
		count = strtoull(end, &end, 10);
		if (count > *ret_count) {
			*ret_first = first;
			*ret_count = count;
		}
		p = end;
	}
}

int
sl_box_ids_pick(struct sl_box_ids *ret, struct sl_err *err)
{
	uint64_t first = 0, count = 0;
	uint32_t rnd;
	int r;

	if (geteuid() != 0) {
		*ret = (struct sl_box_ids){ .in_uid = geteuid(),
					    .out_uid = geteuid(),
					    .in_gid = getegid(),
					    .out_gid = getegid() };
		return 0;
	}
	if ((r = widest_range(&first, &count)) < 0)
		return SL_ERR_SYS(err, r, "cannot read /proc/self/uid_map");
	ret->in_uid = ret->in_gid = INSIDE_ID;
	ret->is_private = count > 1000;
	if (!ret->is_private) {
		/* Root of a single-id user namespace: not the host's root. */
		ret->out_uid = 0;
		ret->out_gid = getegid();
		return 0;
	}
	if (getrandom(&rnd, sizeof(rnd), 0) != sizeof(rnd))
		return SL_ERR_SYS(err, -errno, "cannot draw a private uid");
	if (first + count > (uint64_t)PRIVATE_FIRST + PRIVATE_COUNT)
		ret->out_uid = PRIVATE_FIRST + rnd % PRIVATE_COUNT;
	else
		ret->out_uid = (uid_t)(first + count - 1 - rnd % (count / 2));
	ret->out_gid = ret->out_uid;
	return 0;
}

static int
write_map(const char *file, uint32_t in, uint32_t out)
{
	char b[64];
	int n = snprintf(b, sizeof(b), "%u %u 1", in, out);

	return sl_os_write_file(AT_FDCWD, file, 0, 0, b, (size_t)n);
}

static int
write_maps(uint32_t in_uid, uint32_t out_uid, uint32_t in_gid, uint32_t out_gid)
{
	int r = sl_os_write_file(AT_FDCWD, "/proc/self/setgroups", 0, 0, "deny", 4);

	/* The file is absent only on kernels before 3.19. */
	if (r < 0 || (r = write_map("/proc/self/uid_map", in_uid, out_uid)) < 0)
		return r;
	return write_map("/proc/self/gid_map", in_gid, out_gid);
}

int
sl_box_ids_map_self(const struct sl_box_ids *ids)
{
	return write_maps(ids->in_uid, ids->out_uid, ids->in_gid, ids->out_gid);
}

static int
enter_userns(uint32_t in_uid, uint32_t out_uid, uint32_t in_gid, uint32_t out_gid)
{
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	/* A change of uid made /proc/self root's; nothing runs under this uid yet. */
	if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return -errno;
	return write_maps(in_uid, out_uid, in_gid, out_gid);
}

int
sl_box_ids_become(const struct sl_box_ids *ids)
{
	int r = sl_jail_keep_caps();

	if (r < 0)
		return r;
	return setgroups(0, NULL) < 0 ||
		       setresgid(ids->out_gid, ids->out_gid, ids->out_gid) < 0 ||
		       setresuid(ids->out_uid, ids->out_uid, ids->out_uid) < 0
		   ? -errno
		   : 0;
}

/* Become out_uid on the host, then enter a user namespace in which this one id has the
 * name in_uid: such a map needs nobody's help. */
static int
enter_as(const struct sl_box_ids *ids, uint32_t in_uid, uint32_t in_gid)
{
	int r;

	if ((r = sl_box_ids_become(ids)) < 0)
		return r;
	return enter_userns(in_uid, ids->out_uid, in_gid, ids->out_gid);
}

int
sl_box_ids_take(const struct sl_box_ids *ids)
{
	return enter_as(ids, ids->in_uid, ids->in_gid);
}

int
sl_box_ids_nest(const struct sl_box_ids *ids)
{
	return enter_userns(ids->in_uid, ids->in_uid, ids->in_gid, ids->in_gid);
}

int
sl_box_ids_idmap(const struct sl_box_ids *ids, uid_t disk_uid, gid_t disk_gid)
{
	int sp[2], fd = -1, st = 0, r;
	char tag = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sp) < 0)
		return -errno;
	if ((pid = fork()) < 0) {
		r = -errno;
		(void)close(sp[0]);
		(void)close(sp[1]);
		return r;
	}
	if (pid == 0) {
		r = enter_as(ids, disk_uid, disk_gid);
		if (r == 0 && (r = open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC)) < 0)
			r = -errno;
		if (r >= 0)
			r = sl_os_send_fd(sp[1], r, 'u');
		_exit(r < 0 ? -r : 0);
	}
	(void)close(sp[1]);
	r = sl_os_recv_fd(sp[0], &tag, &fd);
	(void)close(sp[0]);
	while (waitpid(pid, &st, 0) < 0 && errno == EINTR)
		continue;
	if (r == 1 && fd >= 0)
		return fd;
	/* Its status is the errno; one that was killed has none. */
	if (WIFEXITED(st) && WEXITSTATUS(st) != 0)
		return -WEXITSTATUS(st);
	return r < 0 ? r : -ECHILD;
}
