/* trace.c -- --trace: calls by name, looked at while they are stopped, then let go.
 *
 * Nothing is decided here.  The name is copied, looked up in the box's own tree from its
 * root (a magic link or a link of /proc would lead elsewhere for us: /proc and /dev are
 * noted by name alone) and with the rights of the box's uid; then the call goes on and
 * the kernel decides it, on whatever name stands there by then.
 */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Large, filled before it is read, and here for each call: not zeroed as all else is. */
#if defined(__has_attribute) && __has_attribute(uninitialized)
#define UNINITIALISED __attribute__((uninitialized))
#else
#define UNINITIALISED
#endif

enum {
	NAME_MAX_LEN = SL_BOX_PATH_READ * 2 + 16,
	AGAIN_MAX = 4, /* a rename beside a look-up makes it start anew */
	NONE = -1,
};

enum what { OPEN, CREAT, SEEK, SEEK_LINK, WRITE, MAKE, REMOVE };

/* Where a call has its directory, its name and its flags.  A call with two names has two
 * rows. */
static const struct how {
	int nr;
	enum what what;
	int dirfd, path, flags;
} how[] = {
	{ SYS_open, OPEN, NONE, 0, 1 },
	{ SYS_openat, OPEN, 0, 1, 2 },
	{ SYS_creat, CREAT, NONE, 0, NONE },
	{ SYS_stat, SEEK, NONE, 0, NONE },
	{ SYS_lstat, SEEK_LINK, NONE, 0, NONE },
	{ SYS_newfstatat, SEEK, 0, 1, 3 },
	{ SYS_statx, SEEK, 0, 1, 2 },
	{ SYS_access, SEEK, NONE, 0, NONE },
	{ SYS_faccessat, SEEK, 0, 1, NONE },
	{ SYS_faccessat2, SEEK, 0, 1, 3 },
	{ SYS_chdir, SEEK, NONE, 0, NONE },
	{ SYS_truncate, WRITE, NONE, 0, NONE },
	{ SYS_mkdir, MAKE, NONE, 0, NONE },
	{ SYS_mkdirat, MAKE, 0, 1, NONE },
	{ SYS_mknod, MAKE, NONE, 0, NONE },
	{ SYS_mknodat, MAKE, 0, 1, NONE },
	{ SYS_rmdir, REMOVE, NONE, 0, NONE },
	{ SYS_unlink, REMOVE, NONE, 0, NONE },
	{ SYS_unlinkat, REMOVE, 0, 1, NONE },
	{ SYS_rename, REMOVE, NONE, 0, NONE },
	{ SYS_rename, MAKE, NONE, 1, NONE },
	{ SYS_renameat, REMOVE, 0, 1, NONE },
	{ SYS_renameat, MAKE, 2, 3, NONE },
	{ SYS_renameat2, REMOVE, 0, 1, NONE },
	{ SYS_renameat2, MAKE, 2, 3, NONE },
	{ SYS_link, SEEK_LINK, NONE, 0, NONE },
	{ SYS_link, MAKE, NONE, 1, NONE },
	{ SYS_linkat, SEEK, 0, 1, NONE },
	{ SYS_linkat, MAKE, 2, 3, NONE },
	{ SYS_symlink, MAKE, NONE, 1, NONE },
	{ SYS_symlinkat, MAKE, 1, 2, NONE },
};

/* What the call asked for. */
struct want {
	enum sl_look_kind kind;
	int mode;       /* for access(): of the thing, or of the directory it is in */
	bool is_link;   /* the last name is not followed */
	bool may_make;  /* made where it is absent */
	bool must_make; /* and only there */
	bool is_in_dir; /* what counts is the directory that it is in */
};

struct name {
	char text[NAME_MAX_LEN];  /* absolute, as asked for */
	char clean[NAME_MAX_LEN]; /* the same without "." and ".." */
	char real[NAME_MAX_LEN];  /* where it led */
};

/* --- names --- */

/* By the letters alone: what stands before ".." may be a link, but this is the name of
 * what could not be found. */
static void
clean(const char *from, char *to)
{
	size_t n = 0;

	while (*from != '\0') {
		size_t len = strcspn(from, "/");

		if (len == 2 && memcmp(from, "..", 2) == 0) {
			while (n > 0 && to[--n] != '/')
				continue;
		} else if (len > 0 && !(len == 1 && from[0] == '.')) {
			to[n++] = '/';
			memcpy(to + n, from, len);
			n += len;
		}
		from += len;
		from += *from == '/';
	}
	if (n == 0)
		to[n++] = '/';
	to[n] = '\0';
}

/* The directory that a relative name starts from: its path as the box sees it. */
static bool
base_of(pid_t tid, int dirfd, char *to)
{
	char link[64];
	ssize_t n;

	if (dirfd == AT_FDCWD)
		(void)snprintf(link, sizeof(link), "/proc/%d/cwd", tid);
	else
		(void)snprintf(link, sizeof(link), "/proc/%d/fd/%d", tid, dirfd);
	n = readlink(link, to, SL_BOX_PATH_READ);
	to[n > 0 ? n : 0] = '\0';
	return n > 0 && to[0] == '/';
}

static bool
join(pid_t tid, int dirfd, struct sl_slice path, char *to)
{
	size_t n = 0;

	if (path.p[0] != '/') {
		if (!base_of(tid, dirfd, to))
			return false;
		n = strlen(to);
		to[n++] = '/';
	}
	memcpy(to + n, path.p, path.len);
	to[n + path.len] = '\0';
	return true;
}

/* Content that depends on who looks. */
static bool
is_by_name_only(const char *path)
{
	struct sl_slice s = sl_slice_str(path);

	return sl_path_is_below(s, SL_LIT("/proc")) ||
	       sl_path_is_below(s, SL_LIT("/dev"));
}

/* One row for all processes. */
static void
fold_proc(char *path)
{
	size_t n = strspn(path + 6, "0123456789"), rest;

	if (strncmp(path, "/proc/", 6) != 0 || n == 0 ||
	    (path[6 + n] != '/' && path[6 + n] != '\0'))
		return;
	rest = strlen(path + 6 + n) + 1;
	memmove(path + 9, path + 6 + n, rest);
	memcpy(path + 6, "PID", 3);
}

/* --- the box's tree --- */

static int
find(const struct sl_box *b, const char *path, bool is_link)
{
	struct open_how h = { .flags = O_PATH | O_CLOEXEC |
				       (is_link ? (uint64_t)O_NOFOLLOW : 0),
			      .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };
	int fd = -1;

	for (int i = 0; i < AGAIN_MAX; i++) {
		fd = (int)syscall(SYS_openat2, b->trace.root_fd, path, &h, sizeof(h));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : fd;
}

static bool
real_of(int fd, char *to)
{
	char link[40];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, to, SL_BOX_PATH_READ);
	to[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* With the fs ids in force: mode bits, ACLs, read-only mounts, noexec.  To write, the
 * kernel asks the mount first. */
static int
may(int fd, int mode)
{
	struct statvfs v;

	if (mode == 0 ||
	    syscall(SYS_faccessat2, fd, "", mode, AT_EMPTY_PATH | AT_EACCESS) == 0)
		return 0;
	if (errno == EACCES && (mode & W_OK) != 0 && fstatvfs(fd, &v) == 0 &&
	    (v.f_flag & ST_RDONLY) != 0)
		return EROFS;
	return errno;
}

static bool
is_dir(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The directory that holds the last name, and that name put behind its real one. */
static int
in_dir(const struct sl_box *b, struct name *n, int mode)
{
	char *slash = strrchr(n->clean, '/');
	const char *dir = slash == n->clean ? "/" : n->clean;
	SL_AUTO_FD fd = -1;
	size_t len;

	/* What was asked for, up to its last name, where that is plain. */
	*slash = '\0';
	fd = find(b, dir, false);
	*slash = '/';
	if (fd < 0)
		return -fd;
	if (!real_of(fd, n->real))
		return EIO;
	len = strlen(n->real);
	if (len == 1)
		len = 0;
	memcpy(n->real + len, slash, strlen(slash) + 1);
	return is_dir(fd) ? may(fd, mode) : ENOTDIR;
}

/* What the call will meet; n->real is set where that is 0 or a refusal. */
static int
meet(const struct sl_box *b, struct name *n, const struct want *w, struct sl_look *l)
{
	SL_AUTO_FD fd = find(b, n->text, w->is_link);

	if (fd < 0 && !(fd == -ENOENT && w->may_make))
		return -fd;
	if (fd < 0) {
		l->kind = SL_LOOK_MAKE;
		return in_dir(b, n, W_OK | X_OK);
	}
	l->is_dir = b->trace.to->look != NULL && is_dir(fd); /* of use to it alone */
	if (w->must_make)
		return EEXIST;
	if (w->is_in_dir)
		return in_dir(b, n, W_OK | X_OK);
	return real_of(fd, n->real) ? may(fd, w->mode) : EIO;
}

/* As the box's uid, whose files these are; root's own rights would see more.  It stays so
 * until sl_trace_as_self(), for it costs more than a look does.  To change these ids
 * takes the signal that was asked for at a parent's death away. */
static void
as_box(struct sl_box *b)
{
	if (!b->ids.is_private || b->trace.is_as_box)
		return;
	if (prctl(PR_GET_PDEATHSIG, &b->trace.death_signal) < 0)
		b->trace.death_signal = 0;
	(void)setfsgid(b->ids.out_gid);
	(void)setfsuid(b->ids.out_uid);
	b->trace.is_as_box = true;
}

void
sl_trace_as_self(struct sl_box *b)
{
	if (!b->trace.is_as_box)
		return;
	(void)setfsuid(geteuid());
	(void)setfsgid(getegid());
	if (b->trace.death_signal != 0)
		(void)prctl(PR_SET_PDEATHSIG, b->trace.death_signal, 0, 0, 0);
	b->trace.is_as_box = false;
}

/* --- the record --- */

static bool
is_absent(int err)
{
	return err == ENOENT || err == ENOTDIR;
}

static const char *
class_of(const struct sl_look *l)
{
	if (is_absent(l->err))
		return "absence";
	return l->kind == SL_LOOK_WRITE || l->kind == SL_LOOK_MAKE ||
		       l->kind == SL_LOOK_REMOVE
		   ? "write"
		   : "open";
}

static void
lost(struct sl_box *b, struct sl_bpf_name n, const char *class)
{
	bool is_new;

	(void)sl_obs_unnamed(&b->obs, class, n.act, &is_new);
}

static void
note(struct sl_box *b, struct sl_bpf_name n, const struct sl_look *l)
{
	bool is_denied = l->err == EACCES || l->err == EPERM || l->err == EROFS;

	if (b->trace.to->look != NULL)
		b->trace.to->look(b->trace.to->arg, l);
	/* That something is there says little, and there is no end of it. */
	if (l->kind == SL_LOOK_SEEK && l->err == 0)
		return;
	/* The exec itself has its own class. */
	if (l->kind == SL_LOOK_EXEC && l->err == 0)
		return;
	sl_box_observe(b, class_of(l), n.act, l->path, is_denied, l->err);
}

/* name->text is set. */
static struct sl_look
look(struct sl_box *b, struct name *name, const struct want *w)
{
	struct sl_look l = { .kind = w->kind };

	as_box(b);
	clean(name->text, name->clean);
	name->real[0] = '\0';
	if (!is_by_name_only(name->clean))
		l.err = meet(b, name, w, &l);
	fold_proc(name->clean);
	l.asked = sl_slice_str(name->clean);
	l.path = name->real[0] != '\0' && !is_absent(l.err) ? sl_slice_str(name->real)
							    : l.asked;
	return l;
}

/* --- a call --- */

static struct want
want_open(uint64_t flags)
{
	struct want w = { .kind = SL_LOOK_READ, .mode = R_OK };

	if ((flags & O_PATH) != 0)
		w = (struct want){ .kind = SL_LOOK_SEEK };
	else if ((flags & O_TMPFILE) == O_TMPFILE)
		w = (struct want){ .kind = SL_LOOK_WRITE, .mode = W_OK | X_OK };
	else if ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0)
		w = (struct want){ .kind = SL_LOOK_WRITE,
				   .mode = W_OK |
					   ((flags & O_ACCMODE) == O_RDWR ? R_OK : 0) };
	w.may_make = (flags & O_CREAT) != 0 && (flags & O_PATH) == 0;
	w.must_make = w.may_make && (flags & O_EXCL) != 0;
	w.is_link = (flags & O_NOFOLLOW) != 0 || w.must_make;
	return w;
}

static struct want
want_of(const struct how *h, const struct seccomp_data *d)
{
	uint64_t flags = h->flags == NONE ? 0 : d->args[h->flags];

	switch (h->what) {
	case OPEN:
		return want_open(flags);
	case CREAT:
		return want_open(O_WRONLY | O_CREAT | O_TRUNC);
	case WRITE:
		return (struct want){ .kind = SL_LOOK_WRITE, .mode = W_OK };
	case MAKE:
		return (struct want){ .kind = SL_LOOK_MAKE,
				      .is_link = true,
				      .may_make = true,
				      .is_in_dir = true,
				      .must_make =
					  d->nr == SYS_mkdir || d->nr == SYS_mkdirat };
	case REMOVE:
		return (struct want){ .kind = SL_LOOK_REMOVE,
				      .is_link = true,
				      .is_in_dir = true };
	case SEEK:
	case SEEK_LINK:
	default:
		return (struct want){ .kind = SL_LOOK_SEEK,
				      .is_link = h->what == SEEK_LINK ||
						 (flags & AT_SYMLINK_NOFOLLOW) != 0 };
	}
}

/* The root of all the box's processes, which none can change.  An init of an ordinary
 * user's is closed to us; what it started is not. */
static bool
has_root(struct sl_box *b, pid_t tid)
{
	char link[64];

	if (b->trace.root_fd >= 0)
		return true;
	(void)snprintf(link, sizeof(link), "/proc/%d/root", tid);
	b->trace.root_fd = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return b->trace.root_fd >= 0;
}

/* One name of a call. */
struct seen {
	struct name name;
	struct sl_look look; /* path empty: the name is not known */
	bool is_named;       /* else there is none, or it is a descriptor's */
};

static void
see(struct sl_box *b, const struct how *h, struct seen *s)
{
	const struct seccomp_data *d = &b->req->data;
	pid_t tid = (pid_t)b->req->pid;
	int dirfd = h->dirfd == NONE ? AT_FDCWD : (int)d->args[h->dirfd];
	struct want w = want_of(h, d);
	UNINITIALISED uint8_t room[SL_BOX_PATH_READ];
	bool is_whole;
	struct sl_slice p = sl_box_read_path(tid, d->args[h->path], room, &is_whole);

	s->is_named = !is_whole || p.len > 0;
	s->look = (struct sl_look){ .kind = w.kind };
	if (is_whole && p.len > 0 && has_root(b, tid) &&
	    join(tid, dirfd, p, s->name.text))
		s->look = look(b, &s->name, &w);
}

/* Noted only when the answer has found the caller still waiting: until then its number
 * was its own, and all that was read of it too. */
void
sl_trace_call(struct sl_box *b)
{
	struct sl_bpf_name n = sl_box_traced_name(b->req->data.nr);
	UNINITIALISED struct seen seen[2];
	size_t n_seen = 0;

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]) && n_seen < 2; i++)
		if (how[i].nr == b->req->data.nr)
			see(b, &how[i], &seen[n_seen++]);
	if (!sl_box_go_on(b, b->req->id))
		return;
	for (size_t i = 0; i < n_seen; i++) {
		struct seen *s = &seen[i];

		if (s->is_named && s->look.path.len > 0)
			note(b, n, &s->look);
		/* Where the kernel cannot read it either, nothing is opened. */
		else if (s->is_named)
			lost(b, n, class_of(&s->look));
	}
}

enum sl_traced
sl_trace_kind(const struct sl_trace *t)
{
	if (t->to == NULL)
		return SL_TRACED_NOT;
	return t->to->is_seeking ? SL_TRACED_SEEK : SL_TRACED_OPEN;
}

int
sl_trace_exec(struct sl_box *b, struct sl_bpf_name n, int dirfd, struct sl_slice path)
{
	static const struct want w = { .kind = SL_LOOK_EXEC, .mode = X_OK };
	pid_t tid = (pid_t)b->req->pid;
	struct sl_look l;
	UNINITIALISED struct name name;
	bool is_known;

	if (path.len == 0)
		return 0; /* a descriptor: what it is was opened before */
	is_known = has_root(b, tid) && join(tid, dirfd, path, name.text);
	if (!is_known || !sl_box_is_alive(b, b->req->id))
		return 0; /* the exec itself is noted all the same */
	l = look(b, &name, &w);
	note(b, n, &l);
	return l.err;
}

void
sl_trace_done(struct sl_trace *t)
{
	if (t->root_fd >= 0)
		(void)close(t->root_fd);
	t->root_fd = -1;
}
