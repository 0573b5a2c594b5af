/* profile.c -- see profile.h. */
#include "grant/profile.h"

#include "base/near.h"
#include "crypto/sha256.h"
#include "grant/hostport.h"
#include "grant/limit.h"
#include "profile_list.h" /* generated: SL_PROFILES(X) */

enum { NODES_MAX = 4096, DEPTH_MAX = 6, DESCRIPTION_MAX = 200, PROFILE_NAME_MAX = 40 };

#define X(n)                                                                             \
	extern const unsigned char sl_builtin_profile_##n[];                             \
	extern const unsigned long sl_builtin_profile_##n##_len;
SL_PROFILES(X)
#undef X

struct parse {
	struct sl_arena *a;
	struct sl_profile *p;
	struct sl_profile_path *path;
	struct sl_slice *env;
	struct sl_grant_net *net;
	struct sl_profile_diags *diags;
	struct sl_profile_diag spare; /* once all of diags are used */
};

static struct sl_err *
note(struct parse *w, struct sl_yaml_at at)
{
	struct sl_profile_diags *all = w->diags;
	struct sl_profile_diag *d = &w->spare;

	if (all->n < SL_PROFILE_DIAGS_MAX)
		d = &all->d[all->n++];
	else
		all->n_more++;
	*d = (struct sl_profile_diag){ .at = at };
	if (at.line == 0) /* the whole file */
		d->at.line = d->at.col = 1;
	return &d->err;
}

#define BAD(w, node, code, ...) ((void)!SL_ERR(note((w), (node)->at), code, __VA_ARGS__))

static bool
is_scalar(const struct sl_yaml *v)
{
	return v->kind != SL_YAML_SEQ && v->kind != SL_YAML_MAP;
}

static void
take_description(struct parse *w, const struct sl_yaml *v)
{
	bool is_line = v->kind == SL_YAML_STR && v->text.len > 0;

	for (size_t i = 0; is_line && i < v->text.len; i++)
		is_line = v->text.p[i] >= ' ' && v->text.p[i] != 0x7f;
	if (!is_line)
		BAD(w, v, FORMAT, "'description' is not a line of text");
	else if (v->text.len > DESCRIPTION_MAX)
		BAD(w, v, LIMIT, "'description' is longer than %d bytes",
		    DESCRIPTION_MAX);
	else
		w->p->description = v->text;
}

/* "." and "~" alone or with a canonical path behind, or an absolute one. */
static const char *
path_problem(struct sl_slice s)
{
	bool is_from = s.len > 0 && (s.p[0] == '.' || s.p[0] == '~');
	struct sl_slice rest = sl_slice_skip(s, is_from);

	if (sl_slice_eq(s, SL_LIT("/")))
		return "would show everything; name what is needed";
	if (is_from && rest.len == 0)
		return NULL;
	if (s.len == 0 || rest.p[0] != '/')
		return "begins with none of '/', './' and '~/'";
	return sl_path_is_canonical(rest) && rest.len > 1
		   ? NULL
		   : "is not plain: no '.', '..', '//', no '/' at the end, at most 4095 "
		     "bytes";
}

static void
take_path(struct parse *w, const struct sl_yaml *v, unsigned access)
{
	struct sl_profile_path *to = &w->path[w->p->n_path];
	const char *why;

	if (v->kind != SL_YAML_STR && !sl_slice_eq(v->text, SL_LIT("~"))) {
		BAD(w, v, FORMAT, "a path must be a string");
		return;
	}
	if ((why = path_problem(v->text)) != NULL) {
		BAD(w, v, FORMAT, "path '%.*s' %s", SL_ARG(v->text), why);
		return;
	}
	for (size_t i = 0; i < w->p->n_path; i++)
		if (sl_slice_eq(w->path[i].text, v->text)) {
			BAD(w, v, FORMAT, "path '%.*s' is listed twice", SL_ARG(v->text));
			return;
		}
	if (w->p->n_path == SL_GRANT_FS_MAX) {
		BAD(w, v, LIMIT, "more than %d paths", SL_GRANT_FS_MAX);
		return;
	}
	*to = (struct sl_profile_path){ v->text, access, v->at };
	w->p->n_path++;
}

static void
take_name(struct parse *w, const struct sl_yaml *v, unsigned access)
{
	(void)access;
	if (!is_scalar(v) || !sl_env_is_name(v->text)) {
		BAD(w, v, FORMAT, "'%.*s' is not the name of a variable",
		    SL_ARG(v->text));
		return;
	}
	for (size_t i = 0; i < w->p->n_env; i++)
		if (sl_slice_eq(w->env[i], v->text)) {
			BAD(w, v, FORMAT, "variable '%.*s' is listed twice",
			    SL_ARG(v->text));
			return;
		}
	if (w->p->n_env == SL_GRANT_ENV_MAX)
		BAD(w, v, LIMIT, "more than %d variables", SL_GRANT_ENV_MAX);
	else
		w->env[w->p->n_env++] = v->text;
}

static void
take_list(struct parse *w, const struct sl_yaml *v,
	  void (*take)(struct parse *w, const struct sl_yaml *v, unsigned access),
	  unsigned access)
{
	if (v->kind != SL_YAML_SEQ) {
		BAD(w, v, FORMAT, "'%.*s' is not a list", SL_ARG(v->key->text));
		return;
	}
	SL_YAML_EACH(m, v)
	take(w, m, access);
}

static void
take_read(struct parse *w, const struct sl_yaml *v)
{
	take_list(w, v, take_path, SL_ACC_READ | SL_ACC_EXEC);
}

static void
take_write(struct parse *w, const struct sl_yaml *v)
{
	take_list(w, v, take_path, SL_ACC_READ | SL_ACC_WRITE | SL_ACC_EXEC);
}

static void
take_env(struct parse *w, const struct sl_yaml *v)
{
	take_list(w, v, take_name, 0);
}

static void
take_tty(struct parse *w, const struct sl_yaml *v)
{
	if (v->kind != SL_YAML_BOOL)
		BAD(w, v, FORMAT, "'tty' is neither true nor false");
	w->p->is_tty = v->kind == SL_YAML_BOOL && v->b;
}

static void
take_service(struct parse *w, const struct sl_yaml *v, unsigned access)
{
	struct sl_grant_net *to = &w->net[w->p->n_net];
	struct sl_err why = { 0 };
	struct sl_hostport h;
	struct sl_grant g = { .net = w->net, .n_net = w->p->n_net };
	struct sl_slice host;

	(void)access;
	if (!is_scalar(v)) {
		BAD(w, v, FORMAT, "a service must be HOST:PORT");
		return;
	}
	if (sl_hostport_parse(v->text, &h, &why) < 0) {
		BAD(w, v, FORMAT, "net: %s", why.msg);
		return;
	}
	if (sl_grant_has_net(&g, sl_slice_str(h.host), h.port)) {
		BAD(w, v, FORMAT, "'%.*s' is listed twice", SL_ARG(v->text));
		return;
	}
	if (w->p->n_net == SL_GRANT_NET_MAX) {
		BAD(w, v, LIMIT, "more than %d hosts and ports", SL_GRANT_NET_MAX);
		return;
	}
	if ((host = sl_arena_dup(w->a, sl_slice_str(h.host))).p == NULL) {
		BAD(w, v, NOMEM, "out of memory for a profile");
		return;
	}
	*to = (struct sl_grant_net){ host, h.port, h.addr.family != 0 };
	w->p->n_net++;
}

static void
take_net(struct parse *w, const struct sl_yaml *v)
{
	if (v->kind != SL_YAML_SEQ && !sl_slice_eq(v->text, SL_LIT("none")))
		BAD(w, v, FORMAT, "'net' is neither none nor a list of HOST:PORT");
	else if (v->kind == SL_YAML_SEQ)
		take_list(w, v, take_service, 0);
}

const char *
sl_tier_problem(struct sl_slice tier)
{
	if (sl_slice_eq(tier, SL_LIT("T1")))
		return NULL;
	if (sl_slice_eq(tier, SL_LIT("T0")))
		return "is lower than T1: a higher one may be asked for, never a lower "
		       "one";
	return sl_slice_eq(tier, SL_LIT("T2")) || sl_slice_eq(tier, SL_LIT("T3"))
		   ? "is not here: boxes are of tier T1"
		   : "is no tier: boxes are of tier T1";
}

static void
take_tier(struct parse *w, const struct sl_yaml *v)
{
	const char *why = is_scalar(v) ? sl_tier_problem(v->text) : "is no tier";

	if (why != NULL)
		BAD(w, v, UNSUPPORTED, "tier '%.*s' %s", SL_ARG(v->text), why);
	w->p->has_tier = why == NULL;
}

/* "; did you mean 'x'?", or what there is. */
static const char *
meant(struct parse *w, struct sl_slice word, const struct sl_slice *names, size_t n,
      const char *all)
{
	struct sl_slice near = sl_near(word, names, n);
	const char *s = near.len > 0
			    ? sl_arena_printf(w->a, "did you mean '%.*s'?", SL_ARG(near))
			    : NULL;

	return s != NULL ? s : all;
}

static void
take_limit(struct parse *w, const struct sl_yaml *m, uint64_t *seen)
{
	enum sl_limit l = sl_limit_named(m->key->text);
	struct sl_slice names[2 * SL_LIM_COUNT];
	const char *why;

	for (size_t i = 0; i < SL_LIM_COUNT; i++) {
		names[2 * i] = sl_slice_str(sl_limit_name((enum sl_limit)i));
		names[2 * i + 1] = sl_slice_str(sl_limit_option((enum sl_limit)i));
	}
	if (l == SL_LIM_COUNT)
		BAD(w, m->key, UNKNOWN, "unknown limit '%.*s'; %s", SL_ARG(m->key->text),
		    meant(w, m->key->text, names, (size_t)2 * SL_LIM_COUNT,
			  "there are memory, pids, cpu, wall, disk, file_size, output "
			  "and nofile"));
	else if ((*seen >> l & 1) != 0)
		BAD(w, m->key, FORMAT, "limit '%s' is listed twice", sl_limit_name(l));
	else if (!is_scalar(m))
		BAD(w, m, FORMAT, "limit '%s' is not a number", sl_limit_name(l));
	else if ((why = sl_limit_parse(l, m->text, &w->p->limit[l].max)) != NULL)
		BAD(w, m, FORMAT, "limit '%s': '%.*s' %s", sl_limit_name(l),
		    SL_ARG(m->text), why);
	if (l != SL_LIM_COUNT)
		*seen |= (uint64_t)1 << l;
}

static void
take_limits(struct parse *w, const struct sl_yaml *v)
{
	uint64_t seen = 0;

	if (v->kind != SL_YAML_MAP) {
		BAD(w, v, FORMAT, "'limits' is not a mapping");
		return;
	}
	SL_YAML_EACH(m, v)
	take_limit(w, m, &seen);
}

static void
take_keys(struct parse *w, const struct sl_yaml *root)
{
	static const struct {
		const char *key;
		void (*take)(struct parse *w, const struct sl_yaml *v);
	} keys[] = { { "description", take_description },
		     { "read", take_read },
		     { "write", take_write },
		     { "env", take_env },
		     { "tty", take_tty },
		     { "net", take_net },
		     { "tier", take_tier },
		     { "limits", take_limits } };
	enum { N = sizeof(keys) / sizeof(keys[0]) };
	struct sl_slice names[N];

	if (root->kind != SL_YAML_MAP) {
		BAD(w, root, FORMAT, "a profile is a mapping with a 'description'");
		return;
	}
	for (size_t i = 0; i < N; i++)
		names[i] = sl_slice_str(keys[i].key);
	SL_YAML_EACH(m, root)
	{
		size_t i = 0;

		while (i < N && !sl_slice_eq(m->key->text, names[i]))
			i++;
		if (i < N)
			keys[i].take(w, m);
		else
			BAD(w, m->key, UNKNOWN, "unknown key '%.*s'; %s",
			    SL_ARG(m->key->text),
			    meant(w, m->key->text, names, N,
				  "a profile has description, read, write, env, tty, "
				  "net, tier and limits"));
	}
	if (sl_yaml_get(root, "description") == NULL)
		BAD(w, root, FORMAT, "'description' is missing");
}

/* Room for as many as the text can hold: what is too many is said, not cut. */
static int
make(struct parse *w, struct sl_slice src, struct sl_err *err)
{
	struct sl_grant g;

	w->p = SL_NEW(w->a, struct sl_profile);
	w->path = SL_NEW_N(w->a, struct sl_profile_path, SL_GRANT_FS_MAX + 1);
	w->env = SL_NEW_N(w->a, struct sl_slice, SL_GRANT_ENV_MAX);
	w->net = SL_NEW_N(w->a, struct sl_grant_net, SL_GRANT_NET_MAX + 1);
	if (w->p == NULL || w->path == NULL || w->env == NULL || w->net == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a profile");
	sl_grant_init(&g);
	memcpy(w->p->limit, g.limit, sizeof(g.limit));
	w->p->path = w->path;
	w->p->env = w->env;
	w->p->net = w->net;
	sl_sha256(src, w->p->digest);
	return 0;
}

int
sl_profile_parse(struct sl_slice src, const char *file, struct sl_arena *a,
		 const struct sl_profile **ret, struct sl_profile_diags *ret_diags,
		 struct sl_err *err)
{
	static const struct sl_yaml_opts opts = {
		{ SL_PROFILE_BYTES_MAX, NODES_MAX, DEPTH_MAX }, false
	};
	struct parse w = { .a = a, .diags = ret_diags };
	const struct sl_profile_diag *first = &ret_diags->d[0];
	const struct sl_yaml *root = NULL;
	struct sl_err why = { 0 };
	struct sl_yaml_at at;
	int r;

	ret_diags->n = ret_diags->n_more = 0;
	if ((r = make(&w, src, err)) < 0)
		return r;
	r = sl_yaml_parse(src, &opts, a, &root, &at, &why);
	if (r == SL_E(NOMEM))
		return SL_ERR(err, NOMEM, "%s: %s", file, why.msg);
	if (r < 0)
		*note(&w, at) = why;
	else
		take_keys(&w, root);
	if (ret_diags->n == 0) {
		*ret = w.p;
		return 0;
	}
	return sl_err_raise(err, first->err.code, 0, __FILE__, __LINE__, "%s:%zu:%zu: %s",
			    file, first->at.line, first->at.col, first->err.msg);
}

bool
sl_profile_is_name(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (i > 0 && (c == '-' || c == '_'))))
			return false;
	}
	return s.len > 0 && s.len <= PROFILE_NAME_MAX;
}

bool
sl_env_is_name(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		      (i > 0 && c >= '0' && c <= '9')))
			return false;
	}
	return s.len > 0;
}

size_t
sl_profile_shipped(struct sl_profile_text ret[SL_PROFILES_SHIPPED_MAX])
{
	size_t n = 0;

#define X(name)                                                                          \
	ret[n++] = (struct sl_profile_text){                                             \
		#name, { sl_builtin_profile_##name, sl_builtin_profile_##name##_len }    \
	};
	SL_PROFILES(X)
#undef X
	return n;
}
