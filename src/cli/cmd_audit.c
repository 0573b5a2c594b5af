/* cmd_audit.c -- sluice audit: what a run did beside what it was granted. */
#include "base/auto.h"
#include "cli/evidence.h"
#include "cli/out.h"
#include "cli/session.h"
#include "gate/audit.h"
#include "record/statement.h"
#include "run/root_audit.h"

#include <stdio.h>

enum { OPT_ROOTS, OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_ROOTS] = { "roots", 0, NULL, "the stored roots, beside what let them in",
			false },
	[OPT_JSON] = { "json", 0, NULL, "one object an act, then one a class", false },
	{ 0 },
};

struct work {
	bool is_json;
};

static int
json_act(const struct sl_audit_act *x, struct sl_err *err)
{
	SL_AUTO_OUT out = { 0 };
	struct sl_json *v = sl_out_init(&out);
	struct sl_jb *b = &out.b;

	if (x->step >= 0) {
		(void)sl_json_set(b, v, "job", sl_json_str(b, x->job));
		(void)sl_json_set(b, v, "leg", sl_json_int(b, x->leg));
		(void)sl_json_set(b, v, "step", sl_json_int(b, x->step));
	}
	(void)sl_json_set(b, v, "class", sl_json_str(b, x->class));
	(void)sl_json_set(b, v, "act", sl_json_str(b, x->act));
	(void)sl_json_set(b, v, "object", sl_json_str(b, x->object));
	if (x->image != NULL)
		(void)sl_json_sets(b, v, SL_LIT("image"), sl_json_copy(b, x->image));
	(void)sl_json_set(b, v, "denied", sl_json_bool(b, x->is_denied));
	(void)sl_json_set(b, v, "count", sl_json_int(b, x->count));
	(void)sl_json_set(b, v, "first", sl_json_str(b, x->first));
	(void)sl_json_set(b, v, "last", sl_json_str(b, x->last));
	if (x->rule.len > 0) {
		(void)sl_json_set(b, v, "rule", sl_json_str(b, x->rule));
		(void)sl_json_set(b, v, "sent", sl_json_int(b, x->sent));
		(void)sl_json_set(b, v, "received", sl_json_int(b, x->received));
	}
	if (x->is_covered)
		(void)sl_json_set(b, v, "covered_by", sl_json_cstr(b, x->by));
	else
		(void)sl_json_set(b, v, "covered_by", sl_json_null(b));
	return sl_out_json(&out, v, err);
}

static int
on_act(void *arg, const struct sl_audit_act *x, struct sl_err *err)
{
	struct work *w = arg;

	if (w->is_json)
		return json_act(x, err);
	if (x->step >= 0) {
		sl_out_text(x->job);
		printf("/%lld", (long long)x->step);
	} else {
		printf("-");
	}
	printf("  %-9.*s ", SL_ARG(x->act));
	sl_out_text(x->object);
	if (x->image != NULL) {
		printf("  = ");
		sl_out_text(sl_json_get_str(x->image, "path"));
		printf(" sha256:%.12s",
		       (const char *)sl_json_get_str(x->image, "sha256").p);
	}
	if (x->count > 1)
		printf("  x%lld", (long long)x->count);
	if (x->rule.len > 0 && !x->is_denied)
		printf("  %lld bytes out, %lld in", (long long)x->sent,
		       (long long)x->received);
	printf("  <- ");
	sl_out_text(sl_slice_str(x->is_covered ? x->by : "NOTHING"));
	if (x->rule.len > 0 && x->is_denied) {
		printf(": ");
		sl_out_text(x->rule);
	}
	printf("\n");
	return 0;
}

/* What is known to have happened and is not listed, of all observations. */
static void
say_lost(const struct sl_evidence *v)
{
	static const char *const key[] = { "lost", "images_lost" };
	static const char *const text[] = { "acts that are counted, not listed",
					    "programs whose digest is not known" };

	for (size_t k = 0; k < 2; k++) {
		int64_t n = 0;

		for (size_t i = v->first[SL_TREE_RUN]; i < v->first[SL_BUNDLE_TREES]; i++)
			if (v->st[i].row == sl_statement_row(SL_STMT_OBSERVATION))
				n += sl_json_get_int(
				    sl_json_get(v->st[i].predicate, "sluice"), key[k]);
		if (n > 0)
			printf("%s: %lld\n", text[k], (long long)n);
	}
}

/* The classes, as the run's last observation has them. */
static int
classes(struct work *w, const struct sl_evidence *v, struct sl_err *err)
{
	const struct sl_json *list = NULL;
	size_t n = 0;
	int r = 0;

	for (size_t i = v->first[SL_TREE_RUN]; i < v->first[SL_BUNDLE_TREES]; i++)
		if (v->st[i].row == sl_statement_row(SL_STMT_OBSERVATION))
			list = sl_json_get(sl_json_get(v->st[i].predicate, "sluice"),
					   "classes");
	if (!w->is_json)
		say_lost(v);
	SL_JSON_EACH(c, list)
	{
		SL_AUTO_OUT out = { 0 };
		struct sl_json *o = sl_out_init(&out);

		if (w->is_json) {
			SL_JSON_EACH(m, c)
			(void)sl_json_sets(&out.b, o, m->key, sl_json_copy(&out.b, m));
			if ((r = sl_out_json(&out, o, err)) < 0)
				return r;
		} else if (!sl_json_get_bool(c, "complete")) {
			printf("%s", n++ == 0 ? "records that are not complete: " : ", ");
			sl_out_text(sl_json_get_str(c, "class"));
		}
	}
	if (n > 0)
		printf("\n");
	return 0;
}

static int
audit(struct work *w, struct sl_slice src, struct sl_err *err)
{
	SL_AUTO_FREE struct sl_evidence *v = calloc(1, sizeof(*v));
	SL_AUTO_ARENA a = { 0 };
	struct sl_verify_report p;
	struct sl_audit_report report;
	struct sl_bundle b = { 0 };
	int r, q;

	if (v == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	sl_arena_init(&a, SL_VERIFY_MEMORY);
	if ((r = sl_verify_open(src, &a, &b, v, &p, err)) < 0)
		return r;
	if (!p.is_good)
		return SL_ERR(err, VERIFY, "the run's evidence does not verify: %s: %s",
			      p.findings.f[0].where, p.findings.f[0].what);
	r = sl_audit(v, &a, on_act, w, &report, err);
	if (r < 0 && r != SL_E(AUDIT))
		return r;
	if ((q = classes(w, v, err)) < 0)
		return q;
	if (!w->is_json) {
		for (size_t i = 0; i < report.findings.n && i < SL_FINDINGS_MAX; i++)
			printf("! %s: %s\n", report.findings.f[i].where,
			       report.findings.f[i].what);
		printf("%zu act%s, %zu refused, %zu without a grant that covers them\n",
		       report.n_acts, report.n_acts == 1 ? "" : "s", report.n_denied,
		       report.n_uncovered);
	}
	return (q = sl_out_flush(err)) < 0 ? q : r;
}

/* --- roots --- */

static int
print_root(const struct work *w, const struct sl_root_audit *x, struct sl_err *err)
{
	SL_AUTO_OUT out = { 0 };
	struct sl_json *v = sl_out_init(&out);
	struct sl_jb *b = &out.b;
	char when[32], name[72];

	sl_time_text(x->time_ms, when);
	if (!w->is_json) {
		printf("%-16s sha256:%s  ", x->name[0] != '\0' ? x->name : "-", x->hex);
		if (x->is_good)
			printf("<- %.12s, %s\n", x->request, when);
		else
			printf("%s\n", x->is_there ? "<- NOTHING"
						   : "is gone, and nobody decided that");
		return 0;
	}
	(void)snprintf(name, sizeof(name), "sha256:%s", x->hex);
	if (x->name[0] != '\0')
		(void)sl_json_set(b, v, "name", sl_json_cstr(b, x->name));
	(void)sl_json_set(b, v, "root", sl_json_cstr(b, name));
	(void)sl_json_set(b, v, "is_there", sl_json_bool(b, x->is_there));
	(void)sl_json_set(b, v, "covered_by",
			  x->is_good ? sl_json_cstr(b, x->request) : sl_json_null(b));
	if (x->request != NULL)
		(void)sl_json_set(b, v, "time", sl_json_cstr(b, when));
	return sl_out_json(&out, v, err);
}

static int
roots(const struct work *w, struct sl_err *err)
{
	const struct sl_root_audit *row = NULL;
	struct sl_home home = { .fd = -1 };
	SL_AUTO_ARENA a = { 0 };
	size_t n = 0, n_bad = 0;
	int r;

	sl_arena_init(&a, 256 << 20);
	if ((r = sl_session_home(&home, err)) == 0)
		r = sl_root_audit(&home, &a, &row, &n, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		n_bad += !row[i].is_good;
		r = print_root(w, &row[i], err);
	}
	sl_home_done(&home);
	if (r < 0)
		return r;
	if (!w->is_json)
		printf("%zu root%s, %zu without a decision that covers %s\n", n,
		       n == 1 ? "" : "s", n_bad, n == 1 ? "it" : "them");
	if ((r = sl_out_flush(err)) < 0)
		return r;
	return n_bad == 0 ? 0
			  : SL_ERR(err, AUDIT, "%zu root%s changed without a decision",
				   n_bad, n_bad == 1 ? " was" : "s were");
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .is_json = sl_arg_is(args, OPT_JSON) };
	SL_AUTO_BUF bytes = { .max = SL_BUNDLE_BYTES_MAX };
	SL_AUTO_LOCAL l = { .home.fd = -1 };
	int r;

	if (sl_arg_is(args, OPT_ROOTS) == (args->argc > 0))
		return SL_ERR(err, USAGE, "audit takes a run, or --roots");
	if (args->argc == 0)
		return roots(&w, err);
	if ((r = sl_local_open(&l, args, -1, err)) < 0 ||
	    (r = sl_local_bundle(&l, args->argv[0], &bytes, err)) < 0)
		return r;
	return audit(&w, sl_buf_get(&bytes), err);
}

const struct sl_cmd sl_cmd_audit = {
	.name = "audit",
	.summary = "every observed act beside the grant that covers it",
	.usage = "RUN | --roots  [--json]",
	.opts = opts,
	.max_args = 1,
	.is_main = true,
	.run = run,
};
