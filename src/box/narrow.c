/* narrow.c -- an act with less than its box: the supervisor says which places it keeps,
 * init makes a Landlock rule set of that, and the act enforces it on itself before its
 * program begins.
 *
 * What a step gives up it cannot open, list, change or execute; that it is there can
 * still be seen.  Landlock only ever adds rights below a place, so where something must
 * not be read every other thing beside it is named: the directories on the way to it
 * cannot be listed then.
 *
 * Landlock has no right for modes and attributes (Linux 6.18), and a filter does not see
 * where a path leads: who gives up writing anywhere changes none of these, nowhere.
 * Times stay free, and owners, of which there is one in a box. */
#include "box/internal.h"
#include "os/jail.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };
enum ws { WS_NONE, WS_READ, WS_WRITE, WS_SOCK };

/* --- in the supervisor --- */

static enum ws
ws_of(enum sl_ws_mode m)
{
	switch (m) {
	case SL_WS_READ:
		return WS_READ;
	case SL_WS_DIRECT:
		return WS_WRITE;
	case SL_WS_OVERLAY:
	case SL_WS_COPY:
		return WS_SOCK;
	case SL_WS_NONE:
		break;
	}
	return WS_NONE;
}

static bool
is_in_place(struct sl_slice path)
{
	const char *p;

	for (unsigned i = 0; (p = sl_box_place(i)) != NULL; i++)
		if (sl_path_is_below(path, sl_slice_str(p)))
			return true;
	return false;
}

/* What the act has of the box's i-th place. */
static unsigned
kept(const struct sl_grant *all, const struct sl_grant *act, size_t i)
{
	return sl_grant_access(act, all->fs[i].path) & all->fs[i].access;
}

static bool
can_narrow_place(const struct sl_grant *all, const struct sl_grant *act, size_t i)
{
	unsigned has = kept(all, act, i), less = all->fs[i].access & ~has;

	if (less == 0)
		return true;
	if (is_in_place(all->fs[i].path) || (has != 0 && less != SL_ACC_WRITE))
		return false;
	for (size_t k = 0; k < all->n_fs; k++)
		if ((kept(all, act, k) & less) != 0 &&
		    sl_path_is_below(all->fs[i].path, all->fs[k].path))
			return false;
	return true;
}

bool
sl_box_can_narrow(const struct sl_grant *all, const struct sl_grant *act,
		  struct sl_slice *ret_place)
{
	for (size_t i = 0; i < all->n_fs; i++)
		if (!can_narrow_place(all, act, i)) {
			*ret_place = all->fs[i].path;
			return false;
		}
	return true;
}

void
sl_box_narrow_put(const struct sl_box *b, struct sl_m_spawn *m, struct sl_buf *out)
{
	const struct sl_grant *all = b->grant, *act = b->act;

	m->ws = (uint32_t)ws_of(act->ws_mode);
	m->is_narrow = m->ws < (uint32_t)ws_of(all->ws_mode);
	m->is_frozen =
	    sl_ws_is_writable(all->ws_mode) && !sl_ws_is_writable(act->ws_mode);
	for (size_t i = 0; i < all->n_fs; i++) {
		unsigned less = all->fs[i].access & ~kept(all, act, i);

		m->is_narrow |= less != 0;
		m->is_frozen |= (less & SL_ACC_WRITE) != 0;
	}
	for (size_t i = 0; m->is_narrow && i < all->n_fs; i++) {
		unsigned a = kept(all, act, i);

		sl_buf_byte(out, (a & SL_ACC_WRITE) != 0 ? 'w' : a != 0 ? 'r' : '-');
		sl_buf_slice(out, all->fs[i].path);
		sl_buf_byte(out, '\0');
		m->n_places++;
	}
}

/* --- in init --- */

struct narrow {
	int rules, abi;
	enum ws ws;
	const char *place[SL_GRANT_FS_MAX];
	size_t n;
};

static int
rule(const struct narrow *n, const char *path, uint64_t rights)
{
	SL_AUTO_FD fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return sl_jail_landlock_add(n->rules, n->abi, fd, rights, S_ISDIR(st.st_mode));
}

/* Is path one of the places that have rules of their own, or is one in it?  In what every
 * act can write to nothing is looked up: an earlier one could have led it elsewhere. */
static bool
is_apart(const struct narrow *n, const char *path, bool *ret_holds)
{
	struct sl_slice p = sl_slice_str(path);

	*ret_holds = false;
	for (size_t i = 0; i < n->n; i++) {
		struct sl_slice at = sl_slice_str(n->place[i] + 1);

		if (sl_slice_eq(at, p))
			return true;
		*ret_holds |= sl_path_is_below(at, p);
	}
	return is_in_place(p) || strcmp(path, "/workspace") == 0;
}

/* Everything in dir but the places. */
static int
around(const struct narrow *n, const char *dir, unsigned depth)
{
	SL_AUTO_DIR d = opendir(dir);
	char path[SL_GRANT_PATH_MAX + 1];
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (d == NULL || depth == DEPTH_MAX)
		return d == NULL ? -errno : -ELOOP;
	while (r == 0 && (errno = 0, e = readdir(d)) != NULL) {
		bool holds = false;

		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir[1] == '\0' ? "" : dir,
			     e->d_name) >= (int)sizeof(path))
			return -ENAMETOOLONG;
		if (lstat(path, &st) < 0)
			return -errno;
		if (S_ISLNK(st.st_mode) || is_apart(n, path, &holds))
			continue;
		r = holds && S_ISDIR(st.st_mode) ? around(n, path, depth + 1)
						 : rule(n, path, SL_BOX_RO);
	}
	return r < 0 ? r : -errno;
}

static bool
hides_any(const struct narrow *n)
{
	for (size_t i = 0; i < n->n; i++)
		if (n->place[i][0] == '-')
			return true;
	return n->ws == WS_NONE;
}

static int
own_places(const struct narrow *n)
{
	const uint64_t ioctl_dev = 1 << 15;
	const char *p;
	int r = rule(n, "/dev", SL_LL_WRITE_FILE | ioctl_dev);

	for (unsigned i = 0; r == 0 && (p = sl_box_place(i)) != NULL; i++)
		r = rule(n, p, SL_BOX_RW | SL_LL_MAKE_SOCK);
	return r;
}

static int
fill(const struct narrow *n)
{
	static const uint64_t of_ws[] = { [WS_READ] = SL_BOX_RO,
					  [WS_WRITE] = SL_BOX_RW,
					  [WS_SOCK] = SL_BOX_RW | SL_LL_MAKE_SOCK };
	int r = hides_any(n) ? around(n, "/", 0) : rule(n, "/", SL_BOX_RO);

	if (r == 0)
		r = own_places(n);
	if (r == 0 && n->ws != WS_NONE)
		r = rule(n, "/workspace", of_ws[n->ws]);
	for (size_t i = 0; r == 0 && i < n->n; i++)
		if (n->place[i][0] != '-' && !is_in_place(sl_slice_str(n->place[i] + 1)))
			r = rule(n, n->place[i] + 1,
				 n->place[i][0] == 'w' ? SL_BOX_RW : SL_BOX_RO);
	return r;
}

int
sl_box_narrow_rules(const struct sl_m_spawn *m, int abi, struct sl_slice *strings)
{
	/* Scopes (6) are the box's: a helper of init's acts for this one. */
	struct narrow n = { .abi = abi > 5 ? 5 : abi, .ws = (enum ws)m->ws };
	int r;

	if (m->n_places > SL_GRANT_FS_MAX || m->ws > WS_SOCK)
		return -EINVAL;
	for (; n.n < m->n_places; n.n++) {
		const void *end =
		    strings->len > 0 ? memchr(strings->p, 0, strings->len) : NULL;

		if (end == NULL || end == strings->p)
			return -EINVAL;
		n.place[n.n] = (const char *)strings->p;
		*strings = sl_slice_skip(*strings,
					 (size_t)((const uint8_t *)end - strings->p) + 1);
	}
	if ((n.rules = sl_jail_landlock_new(n.abi)) < 0)
		return n.rules;
	if ((r = fill(&n)) == 0)
		return n.rules;
	(void)close(n.rules);
	return r;
}

/* What is refused once something is not to be written to.  Of ioctls, those of terminals
 * and sockets are left, by the byte that is their type: others set attributes, make
 * subvolumes, seal a file for good, and all that on a descriptor that only reads. */
static const uint32_t frozen[] = { SYS_chmod,       SYS_fchmod,       SYS_fchmodat,
				   SYS_setxattr,    SYS_lsetxattr,    SYS_fsetxattr,
				   SYS_removexattr, SYS_lremovexattr, SYS_fremovexattr };
enum { OF_TTY = 0x5400, OF_SOCKET = 0x8900, FILTER_MAX = 64 };

struct filter {
	struct sock_filter f[FILTER_MAX];
	size_t n;
};

static void
op(struct filter *p, unsigned code, size_t k, unsigned jt, unsigned jf)
{
	if (p->n < FILTER_MAX)
		p->f[p->n++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt,
						     (uint8_t)jf, (uint32_t)k };
}

static void
load(struct filter *p, size_t at)
{
	op(p, BPF_LD | BPF_W | BPF_ABS, at, 0, 0);
}

/* The low half of an argument, of which part counts. */
static void
load_arg(struct filter *p, size_t i, uint32_t part)
{
	load(p, offsetof(struct seccomp_data, args) + 8 * i);
	op(p, BPF_ALU | BPF_AND | BPF_K, part, 0, 0);
}

static void
answer(struct filter *p, uint32_t what)
{
	op(p, BPF_RET | BPF_K, what, 0, 0);
}

/* Where what is loaded is v, the next n instructions, which answer; else behind them. */
static void
where(struct filter *p, size_t v, unsigned n)
{
	op(p, BPF_JMP | BPF_JEQ | BPF_K, v, 0, n);
}

static void
opens(struct filter *p, uint32_t nr, size_t flags_arg)
{
	where(p, nr, 7);
	load_arg(p, flags_arg, O_ACCMODE | O_TRUNC);
	where(p, O_RDONLY | O_TRUNC, 1);
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	op(p, BPF_JMP | BPF_JEQ | BPF_K, O_ACCMODE | O_TRUNC, 0, 1); /* neither */
	answer(p, SECCOMP_RET_ERRNO | EPERM);
	answer(p, SECCOMP_RET_ALLOW);
}

/* Another architecture is none that the box's own filter lets through, and so are calls
 * that are newer than these.  An overlay truncates while it opens, before Landlock is
 * asked about that, and no right to write is asked for where the mode is none. */
int
sl_box_freeze(int abi)
{
	struct filter p = { .n = 0 };

	load(&p, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < sizeof(frozen) / sizeof(frozen[0]); i++) {
		where(&p, frozen[i], 1);
		answer(&p, SECCOMP_RET_ERRNO | EPERM);
	}
	/* Before ABI 3 Landlock knows no truncation at all. */
	where(&p, abi < 3 ? SYS_truncate : UINT32_MAX, 1);
	answer(&p, SECCOMP_RET_ERRNO | EPERM);
	opens(&p, SYS_open, 1);
	opens(&p, SYS_openat, 2);
	where(&p, SYS_ioctl, 6);
	load_arg(&p, 1, 0xff00);
	op(&p, BPF_JMP | BPF_JEQ | BPF_K, OF_TTY, 2, 0);
	op(&p, BPF_JMP | BPF_JEQ | BPF_K, OF_SOCKET, 1, 0);
	answer(&p, SECCOMP_RET_ERRNO | ENOTTY);
	answer(&p, SECCOMP_RET_ALLOW);
	answer(&p, SECCOMP_RET_ALLOW);
	return sl_jail_seccomp(p.f, p.n, false);
}
