/* learn_next.c -- see learn.h: the act has failed; what to try next. */
#include "base/auto.h"
#include "run/learn_int.h"

#include <dirent.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Made for each box: what is missed there is not to be had on the host. */
static const char *const own[] = { "/home/runner", "/run", "/dev",
				   "/proc",        "/sys", "/workspace" };

bool
sl_learn_is_own(struct sl_slice path)
{
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (sl_path_is_below(path, sl_slice_str(own[i])))
			return true;
	return false;
}

/* Shown to every box. */
static bool
is_base(struct sl_slice path)
{
	return sl_path_is_below(path, SL_LIT("/usr")) &&
	       !sl_path_is_below(path, SL_LIT("/usr/local"));
}

/* A box has an /etc of its own. */
static bool
is_setting(struct sl_slice path)
{
	return sl_path_is_below(path, SL_LIT("/etc"));
}

/* In the box of this act it is there already, as far as it can be. */
static bool
is_given(const struct sl_learn_work *w, struct sl_slice path, unsigned access)
{
	const struct sl_grant_fs *row = sl_learn_granted(w->f->want, path);

	return row != NULL && (row->access & access) == access;
}

static bool
is_offered(struct sl_learn_work *w, struct sl_slice path, bool is_write)
{
	const char *why = sl_learn_barred(w, path, is_write);

	if (why == NULL)
		return true;
	sl_learn_left(w, path, why);
	return false;
}

/* A link is followed: it is the place itself that a grant shows. */
static struct sl_slice
place_of(struct sl_learn_work *w, struct sl_slice path)
{
	char text[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_FREE char *real = NULL;

	if (path.len >= sizeof(text))
		return (struct sl_slice){ 0 };
	memcpy(text, path.p, path.len);
	text[path.len] = '\0';
	real = realpath(text, NULL);
	if (real == NULL || real[1] == '\0')
		return (struct sl_slice){ 0 };
	return sl_arena_dup(w->l->a, sl_slice_str(real));
}

/* To see it would change little: more than once it was all that a compiler asked for. */
static bool
is_empty_dir(struct sl_slice place)
{
	DIR *d = opendir((const char *)place.p); /* sl_arena_dup ends it */
	size_t n = 0;

	if (d == NULL)
		return false;
	while (n < 3 && readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return n < 3;
}

static void
offer(struct sl_learn_work *w, struct sl_learn_set *to, struct sl_slice path,
      bool is_write)
{
	struct sl_slice place;

	if (sl_learn_host(path) == 0 ||
	    is_given(w, path, is_write ? SL_ACC_WRITE : SL_ACC_READ) ||
	    !is_offered(w, path, is_write))
		return;
	place = place_of(w, path);
	if (place.len == 0 ||
	    (sl_learn_is_own(place) && sl_learn_granted(w->f->want, place) == NULL) ||
	    (!is_write && is_empty_dir(place)) || is_base(place) ||
	    sl_learn_is_noise(w, place) ||
	    (!sl_slice_eq(place, path) && !is_offered(w, place, is_write)))
		return;
	sl_learn_set_add(w, to, place);
}

/* A name below the box's home, where the command was started: the same name in the
 * caller's working directory. */
static bool
is_of_cwd(struct sl_learn_work *w, struct sl_slice path)
{
	struct sl_slice home = SL_LIT("/home/runner");
	char *text;

	if (w->f->cwd == NULL || w->f->cwd[1] == '\0' || path.len <= home.len ||
	    !sl_slice_eq(w->f->act->cwd, home) || !sl_path_is_below(path, home) ||
	    path.p[home.len + 1] == '.') /* of the home, rather */
		return false;
	text = sl_arena_printf(w->l->a, "%s%.*s", w->f->cwd, (int)(path.len - home.len),
			       (const char *)path.p + home.len);
	return text != NULL && sl_learn_host(sl_slice_str(text)) != 0;
}

/* "   0: 0100007F:1538 00000000:0000 0A ..." */
static bool
is_listening(const char *line, unsigned long port)
{
	enum { PORT = 2, STATE = 5 };
	unsigned long at = 0;

	for (int field = 0; *line != '\0' && field <= STATE; field++) {
		line += strspn(line, " :");
		if (field == PORT)
			at = strtoul(line, NULL, 16);
		else if (field == STATE)
			return at == port && strtoul(line, NULL, 16) == TCP_LISTEN;
		line += strcspn(line, " :");
	}
	return false;
}

/* A service of this host's own, by its port: a socket that does not wait is not told that
 * inside there is none. */
static bool
is_served(struct sl_slice address)
{
	static const char *const table[] = { "/proc/net/tcp", "/proc/net/tcp6" };
	const uint8_t *colon = memrchr(address.p, ':', address.len);
	unsigned long port =
	    colon != NULL ? strtoul((const char *)colon + 1, NULL, 10) : 0;
	bool is_it = false;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		FILE *f = fopen(table[i], "re");
		char line[512];

		while (f != NULL && fgets(line, sizeof(line), f) != NULL)
			is_it |= is_listening(line, port);
		if (f != NULL)
			(void)fclose(f);
	}
	return is_it;
}

static void
missed(struct sl_learn_work *w, const struct sl_learn_name *n)
{
	if ((n->what & SL_MISSED) != 0 && is_of_cwd(w, n->path) &&
	    is_offered(w, sl_slice_str(w->f->cwd), false)) {
		sl_learn_set_add(w, &w->read, sl_slice_str(w->f->cwd));
		w->x->cwd = sl_slice_str(w->f->cwd);
		return;
	}
	if ((n->what & (SL_MISSED | SL_DENIED_READ)) != 0)
		offer(w, &w->read, n->path, false);
	if ((n->what & SL_DENIED_WRITE) != 0)
		offer(w, &w->write, n->path, true);
	if ((n->what & (SL_DENIED_ENTRY | SL_MISSED_ENTRY)) != 0)
		offer(w, &w->write, n->path, true);
}

/* The program itself, where the caller would have found it. */
static void
program(struct sl_learn_work *w)
{
	const char *path = w->f->path, *name = (const char *)w->f->act->argv[0].p;
	size_t len = w->f->act->argv[0].len;

	if (!w->f->end->is_not_found || memchr(name, '/', len) != NULL)
		return;
	for (size_t n; path != NULL && *path != '\0'; path += n + (path[n] == ':')) {
		char *file;

		n = strcspn(path, ":");
		if (path[0] != '/' ||
		    (file = sl_arena_printf(w->l->a, "%.*s/%.*s", (int)n, path, (int)len,
					    name)) == NULL ||
		    sl_learn_host(sl_slice_str(file)) == 0)
			continue;
		offer(w, &w->read, sl_slice_str(file), false);
		return;
	}
}

int
sl_learn_next(struct sl_learn_work *w, struct sl_err *err)
{
	const struct sl_grant *g = w->f->want;
	struct sl_learn *l = w->l;
	struct sl_lesson *x = w->x;
	struct sl_slice net[SL_GRANT_NET_MAX];
	size_t n_net = 0;
	bool is_last_resort;

	if (!sl_slice_eq(w->f->act->cwd, SL_LIT("/home/runner")))
		x->cwd = w->f->act->cwd;
	for (size_t i = 0; i < l->n; i++)
		if (!is_setting(l->name[i].path))
			missed(w, &l->name[i]);
	program(w);
	sl_learn_set_trim(&w->read);
	sl_learn_set_trim(&w->write);
	for (size_t i = 0; i < l->n_net; i++)
		if (l->is_net_missed[i] || is_served(l->net[i]))
			net[n_net++] = l->net[i];
	/* Most programs do without: only when it was nothing else. */
	is_last_resort = w->read.n + w->write.n + n_net == 0;
	for (size_t i = 0; is_last_resort && i < l->n; i++)
		if (is_setting(l->name[i].path))
			missed(w, &l->name[i]);
	x->is_news = w->read.n + w->write.n + n_net > 0;
	for (size_t i = 0; i < g->n_fs; i++)
		sl_learn_set_add(
		    w, (g->fs[i].access & SL_ACC_WRITE) != 0 ? &w->write : &w->read,
		    g->fs[i].path);
	sl_learn_set_trim(&w->read);
	sl_learn_set_trim(&w->write);
	sl_learn_set_without(&w->read, &w->write);
	if (w->read.n + w->write.n > SL_GRANT_FS_MAX)
		return SL_ERR(err, LIMIT, "more than %d paths were missed",
			      SL_GRANT_FS_MAX);
	for (size_t i = 0; i < g->n_net; i++) {
		char s[SL_NET_TEXT_MAX];
		struct sl_slice text = { (uint8_t *)s, sl_grant_net_text(&g->net[i], s) };

		if ((x->net[x->n_net++] = sl_arena_dup(l->a, text)).p == NULL)
			return SL_ERR(err, NOMEM, "out of memory");
	}
	for (size_t i = 0; i < n_net; i++)
		x->net[x->n_net++] = net[i];
	if (l->has_asked_names)
		sl_learn_left(w, SL_LIT("a name server"),
			      "a box has none; --net NAME:PORT, for each name");
	return 0;
}
