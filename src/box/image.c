/* image.c -- with a trace: which file an exec really made a process of.
 *
 * The name that an exec gives says what was asked for.  What runs is read back from the
 * process itself, at the first call of the new image that stops: no image opens, executes
 * or ends by itself without one.  Until then the exec waits here to be noted.  What is
 * stated is never another process's file: a pidfd from before the exec says that it is
 * still this one, and only its own calls count as its first.
 *
 * Hashed is what is there then; a file that runs cannot be written to.  Its digest is
 * kept by device, inode, ctime and size, but not where it was changed so shortly before
 * that the clock of ctime could miss another change.
 */
#include "box/internal.h"
#include "crypto/sha256.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRESH_MS = 2000, PATH_ROOM = 4096 };

static int64_t
ms_of(struct timespec t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool
is_of(const struct sl_image_file *f, const struct stat *st)
{
	return f->dev == st->st_dev && f->ino == st->st_ino && f->size == st->st_size &&
	       f->ctime.tv_sec == st->st_ctim.tv_sec &&
	       f->ctime.tv_nsec == st->st_ctim.tv_nsec;
}

/* --- digests --- */

/* False: too much, or it changed meanwhile. */
static bool
digest(struct sl_images *t, int fd, const struct stat *st, uint8_t out[32])
{
	struct sl_image_file f = { st->st_dev, st->st_ino, st->st_size, st->st_ctim };
	uint8_t room[PATH_ROOM * 16];
	struct sl_sha256 h;
	struct stat now;
	uint64_t n = 0;
	ssize_t got;

	if (!S_ISREG(st->st_mode) || st->st_size < 0 || st->st_size > SL_BOX_IMAGE_MAX ||
	    (uint64_t)st->st_size > SL_BOX_IMAGE_BYTES - t->n_hashed)
		return false;
	sl_sha256_init(&h);
	while (n < (uint64_t)st->st_size && (got = read(fd, room, sizeof(room))) > 0) {
		sl_sha256_add(&h, room, (size_t)got);
		n += (uint64_t)got;
	}
	t->n_hashed += n;
	if (n != (uint64_t)st->st_size || fstat(fd, &now) < 0 || !is_of(&f, &now))
		return false;
	sl_sha256_end(&h, out);
	return true;
}

static struct sl_image *
find_kept(struct sl_images *t, const struct stat *st)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->file[i].dev != 0 && is_of(&t->file[i], st))
			return &t->row[i];
	return NULL;
}

static const struct sl_image *
put(struct sl_images *t, const struct stat *st, const uint8_t sha256[32],
    struct sl_slice path)
{
	bool is_fresh = sl_os_wall_ms() - ms_of(st->st_ctim) < FRESH_MS;
	struct sl_image *m = NULL;
	char *room;

	for (size_t i = 0; m == NULL && i < t->n; i++)
		if (memcmp(t->row[i].sha256, sha256, 32) == 0 &&
		    sl_slice_eq(t->row[i].path, path))
			m = &t->row[i];
	if (m == NULL) {
		if (t->n == SL_BOX_IMAGES_MAX)
			return NULL;
		room = t->path[t->n];
		m = &t->row[t->n++];
		memcpy(m->sha256, sha256, 32);
		memcpy(room, path.p, path.len);
		m->path = (struct sl_slice){ (uint8_t *)room, path.len };
	}
	t->file[m - t->row] =
	    (struct sl_image_file){ st->st_dev, st->st_ino, st->st_size, st->st_ctim };
	if (is_fresh)
		t->file[m - t->row].dev = 0;
	return m;
}

/* The file behind fd, which the link names. */
static const struct sl_image *
image_of(struct sl_images *t, int fd, const struct stat *st, const char *link)
{
	char path[PATH_ROOM], shown[SL_BOX_OBJ_MAX];
	const struct sl_image *m = find_kept(t, st);
	uint8_t sha256[32];
	size_t len;
	ssize_t n;

	if (m != NULL)
		return m;
	if ((n = readlink(link, path, sizeof(path))) < 0 || !digest(t, fd, st, sha256))
		return NULL;
	len = sl_obs_escape(shown, (struct sl_slice){ (uint8_t *)path, (size_t)n });
	return put(t, st, sha256, (struct sl_slice){ (uint8_t *)shown, len });
}

/* --- execs that wait to be noted --- */

static void
note(struct sl_box *b, const struct sl_image_wait *w, const struct sl_image *m)
{
	bool is_new;
	struct sl_obs_new x = { .class = w->class,
				.act = w->act,
				.object = { (const uint8_t *)w->object, w->len_object },
				.image = m };
	const struct sl_obs *o = sl_obs_put(&b->obs, &x, &is_new);

	if (o != NULL && is_new && b->sink.observed != NULL)
		b->sink.observed(b->sink.arg, o);
}

static void
drop(struct sl_box *b, struct sl_image_wait *w)
{
	(void)close(w->pidfd);
	*w = b->images.wait[--b->trace.n_wait];
}

static void
give_up(struct sl_box *b, struct sl_image_wait *w)
{
	b->images.n_lost++;
	note(b, w, NULL);
	drop(b, w);
}

static bool
stat_exe(pid_t pid, struct stat *st)
{
	char link[40];

	(void)snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	return stat(link, st) == 0;
}

void
sl_image_exec(struct sl_box *b, struct sl_bpf_name n, struct sl_slice object, int err,
	      bool is_first)
{
	struct sl_images *t = &b->images;
	pid_t tid = (pid_t)b->req->pid, pid = sl_box_leader(tid, NULL);
	struct sl_image_wait w = { .tid = tid,
				   .pid = pid,
				   .err = err,
				   .is_first = is_first,
				   .class = n.class,
				   .act = n.act };
	struct stat st;

	w.len_object = object.len < sizeof(w.object) ? object.len : sizeof(w.object);
	memcpy(w.object, object.p, w.len_object);
	sl_trace_as_self(b);
	w.pidfd = pid > 0 ? sl_os_pidfd_open(pid) : -1;
	if (w.pidfd >= 0 && stat_exe(pid, &st)) {
		w.dev = st.st_dev;
		w.ino = st.st_ino;
	}
	if (b->trace.n_wait == SL_BOX_IMAGE_WAITS)
		give_up(b, &t->wait[0]);
	t->wait[b->trace.n_wait++] = w;
	if (w.pidfd < 0)
		give_up(b, &t->wait[b->trace.n_wait - 1]);
}

/* Its own calls: of the thread that called exec, or of the process, which that thread has
 * become when there is a new image. */
static void
resolve(struct sl_box *b, struct sl_image_wait *w, bool is_caller)
{
	const struct sl_image *m = NULL;
	bool is_there, is_changed;
	char link[40];
	struct stat st = { 0 };
	SL_AUTO_FD fd = -1;

	sl_trace_as_self(b);
	(void)snprintf(link, sizeof(link), "/proc/%d/exe", w->pid);
	fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	is_there = fd >= 0 && fstat(fd, &st) == 0;
	is_changed = is_there && (st.st_dev != w->dev || st.st_ino != w->ino);
	if (is_there && !is_changed && !is_caller)
		return; /* another thread, while the exec is still under way */
	/* The same file as before: executed again, or the exec has failed.  Before the
	 * act's first it is sluice's own. */
	if (is_changed || (is_there && w->err == 0 && !w->is_first))
		m = image_of(&b->images, fd, &st, link);
	if (sl_os_pidfd_signal(w->pidfd, 0) < 0)
		m = NULL; /* another process by now, perhaps */
	if (m == NULL && (w->err == 0 || is_changed)) {
		give_up(b, w);
		return;
	}
	note(b, w, m);
	drop(b, w);
}

void
sl_image_stopped(struct sl_box *b)
{
	struct sl_images *t = &b->images;
	pid_t tid = (pid_t)b->req->pid;

	for (size_t i = b->trace.n_wait; i-- > 0;)
		if (t->wait[i].tid == tid || t->wait[i].pid == tid)
			resolve(b, &t->wait[i], t->wait[i].tid == tid);
}

void
sl_image_flush(struct sl_box *b)
{
	while (b->trace.n_wait > 0)
		give_up(b, &b->images.wait[0]);
}

void
sl_image_clear(struct sl_box *b)
{
	struct sl_images *t = &b->images;

	while (b->trace.n_wait > 0)
		drop(b, &t->wait[0]);
	t->n = 0;
	t->n_lost = t->n_hashed = 0;
}
