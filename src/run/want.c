/* want.c -- see want.h. */
#include "run/want.h"

#include "base/auto.h"
#include "grant/hostport.h"

#include <errno.h>

static int
resolve(struct sl_arena *a, const char *path, struct sl_slice *ret, struct sl_err *err)
{
	SL_AUTO_FREE char *real = realpath(path, NULL);

	if (real == NULL && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP ||
			     errno == ENAMETOOLONG))
		return SL_ERR(err, NOENT, "cannot grant '%s': %s", path,
			      strerrordesc_np(errno));
	if (real == NULL)
		return SL_ERR_SYS(err, -errno, "cannot grant '%s'", path);
	if (real[1] == '\0')
		return SL_ERR(err, USAGE,
			      "'%s' would show everything; name what the command needs",
			      path);
	*ret = sl_arena_dup(a, sl_slice_str(real));
	if (ret->p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (!sl_path_is_canonical(*ret))
		return SL_ERR(err, USAGE, "cannot grant '%s'", path);
	return 0;
}

static int
add_path(struct sl_want *w, struct sl_slice real, unsigned access, struct sl_err *err)
{
	for (size_t i = 0; i < w->g.n_fs; i++)
		if (sl_slice_eq(w->fs[i].path, real)) {
			w->fs[i].access |= access;
			return 0;
		}
	if (w->g.n_fs == w->max_fs)
		return SL_ERR(err, LIMIT, "more than %zu paths", w->max_fs);
	w->fs[w->g.n_fs++] = (struct sl_grant_fs){ real, access };
	return 0;
}

int
sl_want_path(struct sl_want *w, const char *path, unsigned access, struct sl_err *err)
{
	struct sl_slice real = { 0 };
	int r;

	if ((r = resolve(w->a, path, &real, err)) < 0)
		return r;
	return add_path(w, real, access, err);
}

int
sl_want_env(struct sl_want *w, struct sl_slice name, struct sl_err *err)
{
	for (size_t i = 0; i < w->g.n_env; i++)
		if (sl_slice_eq(w->env[i], name))
			return 0;
	if (!sl_env_is_name(name))
		return SL_ERR(err, USAGE, "'%.*s' is not the name of a variable",
			      SL_ARG(name));
	if (w->g.n_env == w->max_env)
		return SL_ERR(err, LIMIT, "more than %zu variables", w->max_env);
	w->env[w->g.n_env++] = name;
	return 0;
}

static int
add_net(struct sl_want *w, struct sl_grant_net n, struct sl_err *err)
{
	if (sl_grant_has_net(&w->g, n.host, n.port)) /* named twice: one grant */
		return 0;
	if (w->g.n_net == w->max_net)
		return SL_ERR(err, LIMIT, "more than %zu hosts and ports", w->max_net);
	w->net[w->g.n_net++] = n;
	return 0;
}

int
sl_want_net(struct sl_want *w, struct sl_slice text, struct sl_err *err)
{
	struct sl_grant_net n;
	struct sl_hostport h;
	int r;

	if ((r = sl_hostport_parse(text, &h, err)) < 0)
		return r;
	n = (struct sl_grant_net){ sl_arena_dup(w->a, sl_slice_str(h.host)), h.port,
				   h.addr.family != 0 };
	if (n.host.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	return add_net(w, n, err);
}

int
sl_want_resolve(struct sl_arena *a, const struct sl_profile_path *p, struct sl_slice *ret,
		struct sl_err *err)
{
	const char *home = getenv("HOME"), *text = (const char *)p->text.p;

	if (text[0] != '~')
		return resolve(a, text, ret, err);
	if (home == NULL || home[0] != '/')
		return SL_ERR(err, USAGE, "cannot grant '%s': HOME is not set", text);
	text = sl_arena_printf(a, "%s%s", home, text + 1);
	if (text == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	return resolve(a, text, ret, err);
}

static int
profile_path(struct sl_want *w, const struct sl_profile_path *p, struct sl_err *err)
{
	struct sl_slice real = { 0 };
	int r;

	if ((r = sl_want_resolve(w->a, p, &real, err)) < 0)
		return r;
	return add_path(w, real, p->access, err);
}

static int
take_profile(struct sl_want *w, const struct sl_named_profile *n, struct sl_err *err)
{
	const struct sl_profile *p = n->p;
	int r;

	memcpy(w->g.limit, p->limit, sizeof(p->limit));
	w->g.is_tty = p->is_tty;
	for (size_t i = 0; i < p->n_path; i++)
		if (profile_path(w, &p->path[i], err) < 0)
			return sl_err_ctx(err, "profile %s:%zu:%zu", n->file,
					  p->path[i].at.line, p->path[i].at.col);
	for (size_t i = 0; i < p->n_env; i++)
		if ((r = sl_want_env(w, p->env[i], err)) < 0)
			return r;
	for (size_t i = 0; i < p->n_net; i++)
		if ((r = add_net(w, p->net[i], err)) < 0)
			return r;
	return 0;
}

static size_t
least(size_t x, size_t y)
{
	return x < y ? x : y;
}

int
sl_want_init(struct sl_want *w, struct sl_arena *a, struct sl_want_room room,
	     const struct sl_named_profile *p, struct sl_err *err)
{
	*w = (struct sl_want){ .a = a };
	sl_grant_init(&w->g);
	if (p != NULL) {
		room.fs += p->p->n_path;
		room.env += p->p->n_env;
		room.net += p->p->n_net;
	}
	w->max_fs = least(room.fs, SL_GRANT_FS_MAX);
	w->max_env = least(room.env, SL_GRANT_ENV_MAX);
	w->max_net = least(room.net, SL_GRANT_NET_MAX);
	w->fs = SL_NEW_N(a, struct sl_grant_fs, w->max_fs + 1);
	w->env = SL_NEW_N(a, struct sl_slice, w->max_env + 1);
	w->net = SL_NEW_N(a, struct sl_grant_net, w->max_net + 1);
	if (w->fs == NULL || w->env == NULL || w->net == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	w->g.fs = w->fs;
	w->g.env = w->env;
	w->g.net = w->net;
	return p != NULL ? take_profile(w, p, err) : 0;
}
