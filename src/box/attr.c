/* attr.c -- modes, times and other attributes at tier T0, where the tree holds nobody off
 * what is not granted and Landlock has no right for these.
 *
 * A mode or times are changed by a helper of init's, under the box's uid: it looks the
 * name up once, asks the kernel where that led, and changes that very inode if it lies in
 * what may be written.  Everything else of the kind is refused.
 */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

/* --- in a helper --- */

/* Where a descriptor's file is now: absolute, or anything else where it is nowhere. */
static ssize_t
where(int fd, char *to, size_t cap)
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, to, cap - 1);
	to[n > 0 ? n : 0] = '\0';
	return n;
}

static bool
is_inside(int fd, const struct sl_land_place *place, size_t n)
{
	char at[SL_GRANT_PATH_MAX + 1], top[SL_GRANT_PATH_MAX + 1];
	ssize_t len = where(fd, at, sizeof(at));

	/* One that is cut could be anywhere. */
	if (len <= 0 || at[0] != '/' || (size_t)len >= sizeof(at) - 1)
		return false;
	for (size_t i = 0; i < n; i++)
		if (where(place[i].fd, top, sizeof(top)) > 1 && top[0] == '/' &&
		    sl_path_is_below(sl_slice_str(at), sl_slice_str(top)))
			return true;
	return false;
}

static int
change(const struct sl_m_attr *m, int fd)
{
	const struct timespec t[2] = { { m->sec[0], m->nsec[0] },
				       { m->sec[1], m->nsec[1] } };
	char link[40];

	if (m->is_times != 0)
		return utimensat(fd, "", t, AT_EMPTY_PATH) < 0 ? errno : 0;
	/* By a descriptor that was only looked up there is no fchmod(). */
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, m->mode & 01777) < 0 ? errno : 0;
}

int
sl_attr_carry_out(const struct sl_m_attr *m, const char *path, int fd,
		  const struct sl_land_place *place, size_t n)
{
	SL_AUTO_FD found = -1;

	if (m->is_path != 0) {
		found = openat(fd, path,
			       O_PATH | O_CLOEXEC | (m->is_link != 0 ? O_NOFOLLOW : 0));
		if (found < 0)
			return errno;
		fd = found;
	}
	return is_inside(fd, place, n) ? change(m, fd) : SL_BOX_EXIT_OUTSIDE;
}

/* --- in the supervisor --- */

enum { NONE = -1 };
enum unit { NO_TIMES, SECONDS, MICRO, NANO };

/* Where a call has what. */
static const struct how {
	int nr;
	enum unit unit;
	int dirfd, path, value, flags;
} how[] = {
	{ SYS_chmod, NO_TIMES, NONE, 0, 1, NONE },
	{ SYS_fchmod, NO_TIMES, 0, NONE, 1, NONE },
	{ SYS_fchmodat, NO_TIMES, 0, 1, 2, NONE },
	{ SYS_utime, SECONDS, NONE, 0, 1, NONE },
	{ SYS_utimes, MICRO, NONE, 0, 1, NONE },
	{ SYS_futimesat, MICRO, 0, 1, 2, NONE },
	{ SYS_utimensat, NANO, 0, 1, 2, 3 },
};

static const struct how *
how_of(int nr)
{
	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++)
		if (how[i].nr == nr)
			return &how[i];
	return NULL;
}

/* What a program takes best in place of what is not given. */
static int
refusal(int nr)
{
	switch (nr) {
	case SYS_ioctl:
		return ENOTTY;
	case SYS_setxattr:
	case SYS_lsetxattr:
	case SYS_fsetxattr:
	case SYS_removexattr:
	case SYS_lremovexattr:
	case SYS_fremovexattr:
		return EOPNOTSUPP;
	default:
		return EPERM;
	}
}

/* 0, or the errno.  Where there are none, now is meant. */
static int
take_times(pid_t pid, enum unit unit, uint64_t at, struct sl_m_attr *m)
{
	long v[4] = { 0 };
	const size_t n = unit == SECONDS ? 2 : 4;

	m->is_times = 1;
	for (int i = 0; i < 2; i++)
		m->nsec[i] = UTIME_NOW;
	if (at == 0)
		return 0;
	if (sl_box_read_mem(pid, at, v, n * sizeof(v[0])) != n * sizeof(v[0]))
		return EFAULT;
	for (int i = 0; i < 2; i++) {
		m->sec[i] = unit == SECONDS ? v[i] : v[2L * i];
		m->nsec[i] = unit == SECONDS ? 0 : v[2L * i + 1];
		if (unit == MICRO) {
			if (m->nsec[i] < 0 || m->nsec[i] > 999999)
				return EINVAL;
			m->nsec[i] *= 1000;
		}
	}
	return 0;
}

/* The descriptor that the call names, or the directory that its path starts from. */
static int
open_base(pid_t tid, int dirfd, bool is_path)
{
	char path[64];
	SL_AUTO_FD pidfd = -1;
	pid_t pid;
	int fd;

	if (!is_path) {
		if ((pid = sl_box_leader(tid, NULL)) < 0 ||
		    (pidfd = sl_os_pidfd_open(pid)) < 0)
			return -EPERM;
		fd = sl_os_pidfd_getfd(pidfd, dirfd);
		return fd < 0 && fd != -EBADF ? -EPERM : fd;
	}
	if (dirfd == AT_FDCWD)
		(void)snprintf(path, sizeof(path), "/proc/%d/cwd", tid);
	else
		(void)snprintf(path, sizeof(path), "/proc/%d/fd/%d", tid, dirfd);
	fd = open(path, O_PATH | O_CLOEXEC | O_DIRECTORY);
	if (fd >= 0)
		return fd;
	return errno == ENOENT ? -EBADF : errno == ENOTDIR ? -ENOTDIR : -EPERM;
}

/* A name that is a descriptor of the caller's, which nobody else can follow; or -1. */
static int
fd_of(struct sl_slice path)
{
	static const char *const pre[] = { "/proc/self/fd/", "/proc/thread-self/fd/",
					   "/dev/fd/" };

	for (size_t i = 0; i < sizeof(pre) / sizeof(pre[0]); i++) {
		size_t n = strlen(pre[i]), fd = 0;

		if (!sl_slice_starts(path, sl_slice_str(pre[i])) || path.len == n ||
		    path.len > n + 7)
			continue;
		for (; n < path.len && path.p[n] >= '0' && path.p[n] <= '9'; n++)
			fd = fd * 10 + (size_t)(path.p[n] - '0');
		if (n == path.len)
			return (int)fd;
	}
	return -1;
}

struct call {
	struct sl_m_attr m;
	struct sl_slice path;
	uint8_t room[SL_BOX_PATH_READ + 1];
	int dirfd;
};

/* 0, or the errno. */
static int
take(struct sl_box *b, const struct how *h, struct call *c)
{
	const __u64 *a = b->req->data.args;
	pid_t tid = (pid_t)b->req->pid;
	unsigned flags = h->flags == NONE ? 0 : (unsigned)a[h->flags];
	uint64_t at = h->path == NONE ? 0 : a[h->path];
	bool is_whole = true;
	int fd;

	c->dirfd = h->dirfd == NONE ? AT_FDCWD : (int)a[h->dirfd];
	c->path = (struct sl_slice){ c->room, 0 };
	if ((flags & ~(unsigned)(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0)
		return EINVAL;
	c->m.is_link = (flags & AT_SYMLINK_NOFOLLOW) != 0;
	if (at != 0)
		c->path = sl_box_read_path(tid, at, c->room, &is_whole);
	if (!is_whole)
		return c->path.len == SL_BOX_PATH_READ ? ENAMETOOLONG : EFAULT;
	if (at != 0 && c->path.len == 0 && (flags & AT_EMPTY_PATH) == 0)
		return ENOENT;
	if (at == 0 && h->path != NONE && (h->dirfd == NONE || c->dirfd == AT_FDCWD))
		return EFAULT;
	c->m.is_path = c->path.len > 0;
	if ((fd = fd_of(c->path)) >= 0 && c->m.is_link == 0) {
		c->dirfd = fd;
		c->m.is_path = 0;
	} else if (c->path.len > 0 && c->path.p[0] == '/') {
		c->dirfd = AT_FDCWD;
	}
	if (h->unit != NO_TIMES)
		return take_times(tid, h->unit, a[h->value], &c->m);
	c->m.mode = (uint32_t)a[h->value] & 07777;
	return 0;
}

static int
ask_init(struct sl_box *b, struct call *c, struct sl_bpf_name n, struct sl_slice object)
{
	SL_AUTO_BUF out = { .max = sizeof(c->m) + SL_BOX_PATH_READ + 1 };
	struct sl_sock_op *op = sl_box_op_free(b);
	struct sl_err err = { 0 };
	SL_AUTO_FD fd = -1;

	if (op == NULL)
		return EAGAIN;
	if ((fd = open_base((pid_t)b->req->pid, c->dirfd, c->m.is_path != 0)) < 0)
		return -fd;
	if (!sl_box_is_alive(b, b->req->id))
		return EINTR;
	c->m.id = b->req->id;
	sl_buf_put(&out, &c->m, sizeof(c->m));
	sl_buf_slice(&out, c->path);
	sl_buf_byte(&out, '\0');
	if (out.is_failed ||
	    sl_chan_send(&b->chan, SL_OP_ATTR, sl_buf_get(&out), &fd, 1, &err) < 0)
		return EPERM;
	sl_box_op_begin(b, op, n, object, true);
	return 0;
}

static struct sl_slice
said(const struct call *c, const struct seccomp_data *d, char text[64])
{
	int n;

	if (c->path.len > 0)
		return c->path;
	n = d->nr == SYS_ioctl
		? snprintf(text, 64, "fd:%d 0x%x", (int)d->args[0], (unsigned)d->args[1])
		: snprintf(text, 64, "fd:%d", (int)d->args[0]);
	return (struct sl_slice){ (uint8_t *)text, (size_t)n };
}

/* Of what is refused: the name, where the call has one. */
static void
read_name(struct sl_box *b, struct call *c)
{
	const struct seccomp_data *d = &b->req->data;
	bool is_at = d->nr == SYS_fchownat || d->nr == SYS_openat, is_whole;

	if (d->nr != SYS_ioctl && d->nr != SYS_fchown && d->nr != SYS_fsetxattr &&
	    d->nr != SYS_fremovexattr)
		c->path = sl_box_read_path((pid_t)b->req->pid, d->args[is_at ? 1 : 0],
					   c->room, &is_whole);
}

void
sl_attr_call(struct sl_box *b, struct sl_bpf_name n)
{
	const struct seccomp_data *d = &b->req->data;
	const struct how *h = how_of(d->nr);
	struct call c = { .dirfd = AT_FDCWD };
	char text[64];
	int e = refusal(d->nr);

	if (h == NULL)
		read_name(b, &c);
	else
		e = take(b, h, &c);
	if (!sl_box_is_alive(b, b->req->id))
		return;
	if (h != NULL && e == 0 && (e = ask_init(b, &c, n, said(&c, d, text))) == 0)
		return;
	if (h == NULL || e == EPERM)
		sl_box_deny(b, n, said(&c, d, text), e);
	else
		sl_box_answer(b, b->req->id, e);
}
