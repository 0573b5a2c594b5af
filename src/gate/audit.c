/* audit.c -- see audit.h. */
#include "gate/audit.h"

#include "base/hex.h"
#include "gate/index.h"

#include <stdio.h>

enum { BY_MAX = 96, CUT_LEN = 252 }; /* of an object: then it may have been longer */

/* The column allowed_by of data/observation.tsv; a test compares the two. */
enum rule {
	RULE_EXEC,
	RULE_NET,
	RULE_CONNECT,
	RULE_ADDRESS,
	RULE_FAMILY,
	RULE_LIMIT,
	RULE_READ,
	RULE_WRITE,
	RULE_NONE
};

static const struct {
	const char *class;
	enum rule rule;
} rules[] = {
	{ "exec", RULE_EXEC },    { "connect", RULE_CONNECT }, { "proxy", RULE_NET },
	{ "bind", RULE_ADDRESS }, { "socket", RULE_FAMILY },   { "memory", RULE_LIMIT },
	{ "limit", RULE_LIMIT },  { "open", RULE_READ },       { "absence", RULE_READ },
	{ "write", RULE_WRITE },
};

/* The box's own: made for it, gone with it. */
static const char *const places[] = {
	"/tmp", "/home/runner", "/run", "/var/tmp", "/dev/shm", "/opt/hostedtoolcache"
};
/* Of the host base, read-only. */
static const char *const roots[] = { "/usr",   "/bin",   "/sbin",  "/lib",
				     "/lib64", "/lib32", "/libx32" };

/* Trees that are made for the box, and directories that only lead somewhere. */
static const char *const made[] = { "/etc", "/proc", "/dev" };
static const char *const ways[] = { "/", "/home", "/var", "/opt", "/root" };

static bool
say(char *by, const char *what, struct sl_slice v)
{
	(void)snprintf(by, BY_MAX, "%s%.*s", what, (int)(v.len > 64 ? 64 : v.len),
		       (const char *)(v.p != NULL ? v.p : (const uint8_t *)""));
	return true;
}

static const char *
below(struct sl_slice path, const char *const *dirs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (sl_path_is_below(path, sl_slice_str(dirs[i])))
			return dirs[i];
	return NULL;
}

static const struct sl_grant_fs *
row_of(const struct sl_grant *g, struct sl_slice path)
{
	const struct sl_grant_fs *best = NULL;

	for (size_t i = 0; i < g->n_fs; i++)
		if (sl_path_is_below(path, g->fs[i].path) &&
		    (best == NULL || g->fs[i].path.len >= best->path.len))
			best = &g->fs[i];
	return best;
}

static bool
is_workspace(const struct sl_grant *g, struct sl_slice path)
{
	return g->ws_mode != SL_WS_NONE && sl_path_is_below(path, SL_LIT("/workspace"));
}

static bool
covers_exec(const struct sl_grant *g, struct sl_slice path, char *by)
{
	const struct sl_grant_fs *row;
	const char *dir;

	if (sl_slice_starts(path, SL_LIT("fd:")))
		return say(by, "box: by descriptor", (struct sl_slice){ 0 });
	if (path.len == 0 || path.p[0] != '/')
		return say(by, "box: below the working directory",
			   (struct sl_slice){ 0 });
	if ((row = row_of(g, path)) != NULL)
		return say(by,
			   (row->access & SL_ACC_EXEC) != 0 ? "grant: exec "
							    : "refused: no exec in ",
			   row->path);
	if (is_workspace(g, path))
		return say(by, "grant: workspace ", g->ws_path);
	if (below(path, roots, sizeof(roots) / sizeof(roots[0])) != NULL)
		return say(by, "grant: root ", g->root);
	if ((dir = below(path, places, sizeof(places) / sizeof(places[0]))) != NULL)
		return say(by, "box: ", sl_slice_str(dir));
	return say(by, "absent: the grant shows no such path", (struct sl_slice){ 0 });
}

/* "127.0.0.1:80", "[::1]:80", "0.0.0.0:0": the box's own loopback. */
static bool
is_own_address(struct sl_slice o)
{
	static const char *const own[] = { "127.",   "0.0.0.0:",     "[::]:",
					   "[::1]:", "[::ffff:127.", "[::ffff:0.0.0.0]:",
					   "[::127." };
	bool has_port = o.len > 0 && memchr(o.p, ':', o.len) != NULL;

	for (size_t i = 0; has_port && i < sizeof(own) / sizeof(own[0]); i++)
		if (sl_slice_starts(o, sl_slice_str(own[i])))
			return true;
	return false;
}

/* "HOST:PORT (ADDRESS)" of a name, "ADDRESS:PORT" of an address; connect alone. */
static bool
covers_net(const struct sl_grant *g, struct sl_slice o, char *by)
{
	for (size_t i = 0; i < g->n_net; i++) {
		char s[SL_NET_TEXT_MAX];
		struct sl_slice row = { (uint8_t *)s, sl_grant_net_text(&g->net[i], s) };
		struct sl_slice rest = sl_slice_skip(o, row.len);

		if (sl_slice_starts(o, row) &&
		    (g->net[i].is_address ? rest.len == 0
					  : sl_slice_starts(rest, SL_LIT(" (")) &&
						rest.p[rest.len - 1] == ')'))
			return say(by, "grant: net ", row);
	}
	return false;
}

static bool
covers_address(const struct sl_grant *g, struct sl_slice o, struct sl_slice e, char *by)
{
	const char *dir;

	if (sl_slice_eq(o, SL_LIT("unspec")))
		return say(by, "box: no address", (struct sl_slice){ 0 });
	if (o.len > 0 && o.p[0] == '/') {
		if (is_workspace(g, o))
			return say(by, "grant: workspace ", g->ws_path);
		if ((dir = below(o, places, sizeof(places) / sizeof(places[0]))) != NULL)
			return say(by, "box: ", sl_slice_str(dir));
		/* The name of a name-service cache that no box has. */
		if (sl_slice_eq(e, SL_LIT("ENOENT")))
			return say(by, "absent: the grant shows no such path",
				   (struct sl_slice){ 0 });
		return false;
	}
	if (is_own_address(o))
		return say(by, "box: own loopback", (struct sl_slice){ 0 });
	/* What else has the form of an address, an abstract name or a family is foreign;
	 * the rest is a relative path, judged by where it led. */
	if (o.len == 0 || o.p[0] == '@' || o.p[0] == '[' ||
	    (o.p[0] >= '0' && o.p[0] <= '9') || sl_slice_starts(o, SL_LIT("family ")))
		return false;
	return say(by, "box: below the working directory", (struct sl_slice){ 0 });
}

static bool
covers_family(struct sl_slice o, char *by)
{
	static const char *const own[] = { "AF_UNIX ", "AF_INET ", "AF_INET6 " };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (sl_slice_starts(o, sl_slice_str(own[i])))
			return say(by, "box: own network", (struct sl_slice){ 0 });
	return false;
}

/* As it was before it was escaped; every backslash begins "\\xNN". */
static struct sl_slice
unescaped(struct sl_slice o, uint8_t room[SL_GRANT_PATH_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < o.len && n < SL_GRANT_PATH_MAX; i++) {
		if (o.p[i] == '\\' && i + 3 < o.len &&
		    sl_unhex(room + n, 1, (struct sl_slice){ o.p + i + 2, 2 }))
			i += 3;
		else
			room[n] = o.p[i];
		n++;
	}
	return (struct sl_slice){ room, n };
}

static bool
is_way(const struct sl_grant *g, struct sl_slice path, bool is_cut)
{
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (sl_slice_eq(path, sl_slice_str(ways[i])))
			return true;
	for (size_t i = 0; i < g->n_fs; i++)
		if (sl_path_is_below(g->fs[i].path, path) ||
		    (is_cut && sl_slice_starts(g->fs[i].path, path)))
			return true;
	return false;
}

/* What was opened, or changed. */
static bool
covers_file(const struct sl_grant *g, struct sl_slice o, struct sl_slice e, bool is_write,
	    char *by)
{
	uint8_t room[SL_GRANT_PATH_MAX];
	struct sl_slice path = unescaped(o, room);
	const struct sl_grant_fs *row = row_of(g, path);
	unsigned access = is_write ? SL_ACC_WRITE : SL_ACC_READ;
	const char *dir;

	if (o.len == 0)
		return say(by, "box: not listed, only counted", (struct sl_slice){ 0 });
	if (sl_slice_eq(e, SL_LIT("ENOENT")) || sl_slice_eq(e, SL_LIT("ENOTDIR")))
		return say(by, "absent: nothing is there", (struct sl_slice){ 0 });
	if (row != NULL && (row->access & access) != 0)
		return say(by, is_write ? "grant: write " : "grant: read ", row->path);
	/* A box's own place may stand in what is granted read-only. */
	if ((dir = below(path, places, sizeof(places) / sizeof(places[0]))) != NULL ||
	    (dir = below(path, made, sizeof(made) / sizeof(made[0]))) != NULL)
		return say(by, "box: ", sl_slice_str(dir));
	if (is_workspace(g, path))
		return say(by, "grant: workspace ", g->ws_path);
	if (is_write)
		return false;
	if (below(path, roots, sizeof(roots) / sizeof(roots[0])) != NULL)
		return say(by, "grant: root ", g->root);
	return is_way(g, path, o.len >= CUT_LEN) &&
	       say(by, "box: the way to a grant", (struct sl_slice){ 0 });
}

bool
sl_audit_covers(const struct sl_grant *g, struct sl_slice class, struct sl_slice object,
		struct sl_slice errno_name, char by[96])
{
	enum rule rule = RULE_NONE;

	by[0] = '\0';
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (sl_slice_eq(class, sl_slice_str(rules[i].class)))
			rule = rules[i].rule;
	switch (rule) {
	case RULE_EXEC:
		return covers_exec(g, object, by);
	case RULE_NET:
		return covers_net(g, object, by);
	case RULE_CONNECT:
		return covers_net(g, object, by) ||
		       covers_address(g, object, errno_name, by);
	case RULE_ADDRESS:
		return covers_address(g, object, errno_name, by);
	case RULE_FAMILY:
		return covers_family(object, by);
	case RULE_LIMIT:
		return say(by, "grant: limits", (struct sl_slice){ 0 });
	case RULE_READ:
	case RULE_WRITE:
		return covers_file(g, object, errno_name, rule == RULE_WRITE, by);
	case RULE_NONE:
		break;
	}
	return false;
}

/* --- the walk --- */

/* A decision and what became of it. */
struct decided {
	const struct sl_evident *d, *outcome,
	    *observation; /* the last two perhaps NULL */
};

struct walk {
	const struct sl_evidence *v;
	struct sl_arena *a;
	struct decided *decided;
	struct sl_index by_entry; /* places in decided */
	int (*act)(void *arg, const struct sl_audit_act *act, struct sl_err *err);
	void *arg;
	struct sl_audit_report *r;
};

static const struct sl_json *
own_of(const struct sl_evident *e)
{
	return sl_json_get(e->predicate, "sluice");
}

static bool
is_row(const struct sl_evident *e, enum sl_statement s)
{
	return e->row == sl_statement_row(s);
}

static int
found(struct walk *w, const struct sl_evident *e, struct sl_err *err)
{
	char where[48];

	sl_evident_where(e, where);
	return sl_finding_add(&w->r->findings, where, SL_E(AUDIT), err);
}

/* The digest of the decision that an outcome or observation is about. */
static struct sl_slice
named_by(const struct sl_evident *e)
{
	const struct sl_json *def = sl_json_get(e->predicate, "buildDefinition");

	return sl_json_get_str(is_row(e, SL_STMT_OUTCOME)
				   ? sl_json_get(def, "internalParameters")
				   : own_of(e),
			       "decision");
}

/* NULL: of none that is known. */
static struct decided *
decision_of(const struct walk *w, struct sl_slice hex)
{
	uint8_t id[32];
	size_t at = 0;

	return sl_unhex(id, 32, hex) && sl_index_find(&w->by_entry, id, &at)
		   ? &w->decided[at]
		   : NULL;
}

static int
pair(struct walk *w, struct sl_err *err)
{
	const struct sl_evidence *v = w->v;
	size_t n = v->first[SL_BUNDLE_TREES], n_decided = 0;
	int r = sl_index_init(&w->by_entry, w->a, n, err);

	if (r < 0)
		return r;
	if ((w->decided = SL_NEW_N(w->a, struct decided, n + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for decisions");
	for (size_t i = 0; i < n; i++)
		if (is_row(&v->st[i], SL_STMT_DECISION)) {
			sl_index_add(&w->by_entry, v->st[i].id, n_decided);
			w->decided[n_decided++].d = &v->st[i];
		}
	sl_index_sort(&w->by_entry);
	for (size_t i = v->first[SL_TREE_RUN]; i < n; i++) {
		const struct sl_evident *e = &v->st[i];
		bool is_outcome = is_row(e, SL_STMT_OUTCOME);
		struct decided *x;

		if (!is_outcome && !is_row(e, SL_STMT_OBSERVATION))
			continue;
		if ((x = decision_of(w, named_by(e))) == NULL)
			continue;
		if (is_outcome)
			x->outcome = e;
		else
			x->observation = e;
	}
	return 0;
}

static int
one_act(struct walk *w, const struct sl_evident *e, const struct sl_evident *d,
	const struct sl_grant *g, const struct sl_json *j, struct sl_err *err)
{
	const struct sl_json *step = sl_json_get(own_of(d), "step");
	struct sl_audit_act x = {
		.job = sl_json_get_str(step, "job"),
		.leg = sl_json_get_int(step, "leg"),
		.step = step != NULL ? sl_json_get_int(step, "index") : -1,
		.class = sl_json_get_str(j, "class"),
		.act = sl_json_get_str(j, "act"),
		.object = sl_json_get_str(j, "object"),
		.first = sl_json_get_str(j, "first"),
		.last = sl_json_get_str(j, "last"),
		.rule = sl_json_get_str(j, "rule"),
		.count = sl_json_get_int(j, "count"),
		.image = sl_json_get(j, "image"),
		.sent = sl_json_get_int(j, "sent"),
		.received = sl_json_get_int(j, "received"),
		.is_denied = sl_slice_eq(sl_json_get_str(j, "verdict"), SL_LIT("denied")),
	};
	int r = 0;

	w->r->n_acts++;
	if (x.is_denied) {
		w->r->n_denied++;
		x.is_covered = say(x.by, "refused", (struct sl_slice){ 0 });
	} else {
		x.is_covered =
		    g != NULL && sl_audit_covers(g, x.class, x.object,
						 sl_json_get_str(j, "errno"), x.by);
	}
	if (w->act != NULL && (r = w->act(w->arg, &x, err)) != 0)
		return r;
	if (x.is_covered)
		return 0;
	w->r->n_uncovered++;
	(void)SL_ERR(err, AUDIT, "%.*s %.*s: no row of the grant covers it",
		     SL_ARG(x.act), SL_ARG(x.object));
	return found(w, e, err);
}

static int
observation(struct walk *w, const struct sl_evident *e, struct sl_err *err)
{
	const struct decided *x = decision_of(w, named_by(e));
	const struct sl_grant *g = NULL;
	const struct sl_json *grant;
	int r;

	if (x == NULL) {
		(void)SL_ERR(err, AUDIT, "an observation without a decision");
		return found(w, e, err);
	}
	grant = sl_json_get(own_of(x->d), "grant");
	if (grant != NULL && (r = sl_grant_parse(grant, w->a, &g, err)) < 0)
		return r;
	SL_JSON_EACH(j, sl_json_get(sl_json_get(e->predicate, "monitorLog"), "acts"))
	if ((r = one_act(w, e, x->d, g, j, err)) != 0)
		return r;
	return 0;
}

/* Whether an observation says that its record of the class is complete. */
static bool
is_complete(const struct sl_evident *o, struct sl_slice class)
{
	SL_JSON_EACH(c, sl_json_get(own_of(o), "classes"))
	if (sl_slice_eq(sl_json_get_str(c, "class"), class))
		return sl_json_get_bool(c, "complete") &&
		       sl_json_get_int(own_of(o), "lost") == 0;
	return false;
}

static int
required(struct walk *w, const struct sl_evident *d, const struct sl_evident *o,
	 struct sl_err *err)
{
	int r;

	SL_JSON_EACH(c, sl_json_get(own_of(d), "require_complete"))
	if (!is_complete(o, c->s)) {
		(void)SL_ERR(err, AUDIT,
			     "policy requires a complete record of '%.*s', "
			     "and this one is not",
			     SL_ARG(c->s));
		if ((r = found(w, o, err)) < 0)
			return r;
	}
	return 0;
}

/* A decision beside what became of it. */
static int
decision(struct walk *w, const struct decided *x, bool is_over, struct sl_err *err)
{
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): pair() made it */
	const struct sl_evident *d = x->d, *obs = x->observation;
	bool is_allowed =
	    sl_slice_eq(sl_json_get_str(own_of(d), "verdict"), SL_LIT("allow"));
	int r;

	/* A run's permit starts boxes; what it required holds for each process in them.
	 */
	if (obs != NULL &&
	    ((r = required(w, d, obs, err)) < 0 ||
	     (d != w->v->decision && (r = required(w, w->v->decision, obs, err)) < 0)))
		return r;
	if (obs != NULL || !is_allowed || !is_over ||
	    sl_json_get(own_of(d), "wants") == NULL)
		return 0;
	(void)SL_ERR(err, AUDIT, "%s: what it did was not observed%s",
		     x->outcome == NULL ? "allowed, and it left no end" : "it ran",
		     w->v->n_erased == 0
			 ? ""
			 : ", or not re-derivable: erased (sluice log show "
			   "has the tombstone)");
	return found(w, d, err);
}

int
sl_audit(const struct sl_evidence *v, struct sl_arena *a,
	 int (*act)(void *arg, const struct sl_audit_act *act, struct sl_err *err),
	 void *arg, struct sl_audit_report *ret, struct sl_err *err)
{
	struct walk w = { .v = v, .a = a, .act = act, .arg = arg, .r = ret };
	bool is_over = v->seal != NULL;
	size_t n_decided = 0;
	int r = 0;

	/* Interrupted: said by the node, whether the run had a log or not. */
	for (size_t i = v->first[SL_TREE_NODE]; i < v->first[SL_TREE_RUN]; i++)
		is_over = is_over || is_row(&v->st[i], SL_STMT_OUTCOME);

	*ret = (struct sl_audit_report){ 0 };
	if (v->decision->statement == NULL)
		return SL_ERR(err, VERIFY,
			      "the run's decision has been erased: nothing to set its "
			      "acts beside");
	if ((r = pair(&w, err)) < 0)
		return r;
	for (size_t i = (size_t)(v->decision - v->st);
	     i < v->first[SL_BUNDLE_TREES] && r == 0; i++) {
		const struct sl_evident *e = &v->st[i];

		if (is_row(e, SL_STMT_OBSERVATION)) {
			r = observation(&w, e, err);
		} else if (is_row(e, SL_STMT_DECISION)) {
			r = decision(&w, &w.decided[n_decided++], is_over, err);
		} else if (is_row(e, SL_STMT_OUTCOME) &&
			   decision_of(&w, named_by(e)) == NULL) {
			(void)SL_ERR(err, AUDIT, "an outcome without a decision");
			r = found(&w, e, err);
		}
	}
	if (r != 0)
		return r;
	return ret->findings.n == 0
		   ? 0
		   : SL_ERR(err, AUDIT, "%s: %s%s", ret->findings.f[0].where,
			    ret->findings.f[0].what,
			    ret->findings.n > 1 ? "; and more" : "");
}
