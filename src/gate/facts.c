/* facts.c -- the facts that the gate itself states (data/facts.decl, "by gate"). */
#include "base/hex.h"
#include "gate/int.h"

static const char src[] = "gate";

static void
str1(struct sl_policy_facts *f, const char *pred, struct sl_slice v)
{
	SL_FACT(f, src, pred, sl_term_str(v));
}

static void
want_facts(struct sl_policy_facts *f, const struct sl_grant *w)
{
	str1(f, "root", w->root);
	str1(f, "tier", w->tier);
	for (size_t i = 0; i < w->n_fs; i++) {
		if ((w->fs[i].access & SL_ACC_READ) != 0)
			str1(f, "want_read", w->fs[i].path);
		if ((w->fs[i].access & SL_ACC_WRITE) != 0)
			str1(f, "want_write", w->fs[i].path);
		if ((w->fs[i].access & SL_ACC_EXEC) != 0)
			str1(f, "want_exec", w->fs[i].path);
	}
	for (size_t i = 0; i < w->n_env; i++)
		str1(f, "want_env", w->env[i]);
	for (size_t i = 0; i < w->n_secrets; i++)
		str1(f, "want_secret", w->secrets[i]);
	for (size_t i = 0; i < w->n_net; i++)
		SL_FACT(f, src, "want_net", sl_term_str(w->net[i].host),
			sl_term_int(w->net[i].port));
	SL_FACT(f, src, "want_workspace", sl_term_cstr(sl_ws_mode_name(w->ws_mode)));
	if (w->ws_mode == SL_WS_DIRECT)
		str1(f, "want_write", w->ws_path);
	SL_FACT(f, src, "want_tty", sl_term_bool(w->is_tty));
	for (int i = 0; i < SL_LIM_COUNT; i++) {
		const char *name = sl_limit_name((enum sl_limit)i);

		SL_FACT(f, src, "want_limit", sl_term_cstr(name),
			sl_term_int((int64_t)w->limit[i].max));
		SL_FACT(f, src, "limit_class", sl_term_cstr(name),
			sl_term_cstr(sl_limit_class_name(w->limit[i].class)));
	}
}

void
sl_gate_facts_add(struct sl_policy_facts *f, const struct sl_gate_facts *in)
{
	const struct sl_json *root = sl_json_get(in->context, "root");
	char hex[65];

	SL_FACT(f, src, "request", sl_term_cstr(in->kind));
	str1(f, "requester", in->requester);
	str1(f, "node", in->node);
	SL_FACT(f, src, "time", sl_term_date(in->time_s));
	SL_FACT(f, src, "platform", sl_term_cstr("unattested"));
	sl_hex(hex, in->policy, 32);
	SL_FACT(f, src, "base_policy", sl_term_cstr(hex));
	if (root != NULL)
		SL_FACT(f, src, "root_verified",
			sl_term_bool(sl_json_get_bool(root, "verified")));
	if (in->run != NULL) {
		sl_hex(hex, in->run, 32);
		SL_FACT(f, src, "in_run", sl_term_cstr(hex));
	}
	if (in->want != NULL)
		want_facts(f, in->want);
}

static int
index_of_limit(struct sl_slice name)
{
	for (int i = 0; i < SL_LIM_COUNT; i++)
		if (sl_slice_eq(name, sl_slice_str(sl_limit_name((enum sl_limit)i))))
			return i;
	return -1;
}

static int
index_of_class(struct sl_slice name)
{
	for (int i = 0; i <= SL_LC_AGGREGATE; i++)
		if (sl_slice_eq(
			name, sl_slice_str(sl_limit_class_name((enum sl_limit_class)i))))
			return i;
	return -1;
}

int
sl_gate_grant(const struct sl_verdict *v, const struct sl_grant *want, struct sl_arena *a,
	      const struct sl_grant **ret, struct sl_err *err)
{
	struct sl_policy_rows rows = { 0 };
	struct sl_grant *g;
	int r;

	*ret = NULL;
	if (want == NULL)
		return 0;
	if ((r = sl_policy_query(v, "require_limit", 2, &rows, err)) < 0)
		return r;
	if ((g = SL_NEW(a, struct sl_grant)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a grant");
	*g = *want;
	for (size_t i = 0; i < rows.n; i++) {
		int l = index_of_limit(rows.t[2 * i].s),
		    c = index_of_class(rows.t[2 * i + 1].s);

		if (l < 0 || c < 0)
			return SL_ERR(err, FORMAT,
				      "policy: require_limit(\"%.*s\", \"%.*s\") "
				      "names no limit or no class",
				      SL_ARG(rows.t[2 * i].s),
				      SL_ARG(rows.t[2 * i + 1].s));
		if (g->limit[l].class < (enum sl_limit_class)c)
			g->limit[l].class = (enum sl_limit_class)c;
	}
	*ret = g;
	return 0;
}
