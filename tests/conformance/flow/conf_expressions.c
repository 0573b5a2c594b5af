/* conf_expressions.c -- the expression cases of actions/languageservices: value with its
 * kind, or error text with its position.  Prints "expressions: passed/total", then a line
 * for each case that differs.  Corpus: argv[1], or $SL_CORPORA. */
#include "base/auto.h"
#include "flow/expr.h"

#include <math.h>
#include <stdio.h>

enum { FILE_MAX = 1 << 20, ARENA_MAX = 64 << 20, EVAL_MAX = 10 << 20, ALLOW_MAX = 64 };

struct tally {
	const char *file;
	size_t n, n_passed;
	struct sl_buf failures;
};

static int
read_file(const char *path, struct sl_buf *out)
{
	FILE *f = fopen(path, "re");
	uint8_t *p = sl_buf_room(out, FILE_MAX);
	size_t n;

	if (f == NULL || p == NULL) {
		if (f != NULL)
			(void)fclose(f);
		return -1;
	}
	n = fread(p, 1, FILE_MAX, f);
	out->len += n;
	(void)fclose(f);
	return 0;
}

/* Strict: kinds, case and order count. */
static bool
same(const struct sl_value *v, const struct sl_json *j)
{
	size_t i = 0;
	bool ok = true;

	switch (v->kind) {
	case SL_VAL_NULL:
		return j == NULL || j->kind == SL_JSON_NULL;
	case SL_VAL_BOOL:
		return j->kind == SL_JSON_BOOL && j->b == v->b;
	case SL_VAL_NUM:
		if (j->kind == SL_JSON_STR)
			return isnan(v->d) ? sl_slice_eq(j->s, SL_LIT("NaN"))
					   : sl_val_parse_number(j->s) == v->d;
		return (j->kind == SL_JSON_INT && (double)j->i == v->d) ||
		       (j->kind == SL_JSON_REAL && j->d == v->d);
	case SL_VAL_STR:
		return j->kind == SL_JSON_STR && sl_slice_eq(j->s, v->s);
	case SL_VAL_ARR:
	case SL_VAL_OBJ:
		break;
	}
	if (j->kind != (v->kind == SL_VAL_ARR ? SL_JSON_ARR : SL_JSON_OBJ) ||
	    j->n != v->n)
		return false;
	SL_JSON_EACH(m, j)
	{
		ok = ok && sl_slice_eq(m->key, v->m[i].key) && same(v->m[i].v, m);
		i++;
	}
	return ok;
}

/* Upstream gives some texts by their beginning only: those without the expression. */
static bool
same_error(struct sl_slice got, struct sl_slice want)
{
	bool is_whole = memmem(want.p, want.len, " within expression: ", 20) != NULL;

	return is_whole ? sl_slice_eq(got, want)
			: want.len > 0 && sl_slice_starts(got, want);
}

static void
run_case(struct tally *t, const struct sl_json *c, struct sl_arena *a)
{
	const struct sl_json *contexts = sl_json_get(c, "contexts");
	const struct sl_json *result = sl_json_get(c, "result");
	struct sl_slice want = sl_json_get_str(sl_json_get(c, "err"), "value");
	struct sl_slice src = sl_json_get_str(c, "expr"), allow[ALLOW_MAX];
	struct sl_expr_why why = { .at = 0 };
	struct sl_expr_syntax sx = { .allow = allow, .why = &why };
	struct sl_expr_env env = { .max_memory = EVAL_MAX, .why = &why };
	const struct sl_value *v = NULL;
	const struct sl_expr *e;
	struct sl_err err = { 0 };
	bool ok;

	SL_JSON_EACH(m, contexts)
	{
		if (sx.n_allow < ALLOW_MAX)
			allow[sx.n_allow++] = m->key;
	}
	if ((contexts == NULL ||
	     sl_val_from_json(a, contexts, false, &env.contexts, &err) == 0) &&
	    sl_expr_parse(src, &sx, a, &e, &err) == 0 &&
	    sl_expr_eval(e, &env, a, &v, &err) < 0)
		v = NULL;
	if (v == NULL)
		ok = result == NULL && same_error(why.msg, want);
	else
		ok = result != NULL && same(v, sl_json_get(result, "value")) &&
		     sl_slice_eq(sl_json_get_str(result, "kind"),
				 sl_slice_str(sl_val_kind_name(v->kind)));
	t->n++;
	t->n_passed += ok;
	if (!ok)
		sl_buf_printf(&t->failures, "%s: %.*s: got %s\n", t->file, SL_ARG(src),
			      v == NULL ? err.msg : sl_val_kind_name(v->kind));
}

static int
run_file(struct tally *t, const char *path)
{
	struct sl_limits lim = { FILE_MAX, FILE_MAX, 64 };
	SL_AUTO_BUF text = { .max = FILE_MAX };
	SL_AUTO_ARENA a = { 0 };
	struct sl_err err = { 0 };
	struct sl_json *j;

	sl_arena_init(&a, ARENA_MAX);
	t->file = strrchr(path, '/') + 1;
	if (read_file(path, &text) < 0)
		return -1;
	if (sl_json_parse(sl_buf_get(&text), &lim, &a, &j, &err) < 0) {
		(void)fprintf(stderr, "%s: %s\n", path, err.msg);
		return -1;
	}
	SL_JSON_EACH(group, j)
	{
		SL_JSON_EACH(c, group)
		run_case(t, c, &a);
	}
	return 0;
}

static int
is_json(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return n > 5 && strcmp(d->d_name + n - 5, ".json") == 0;
}

int
main(int argc, char **argv)
{
	const char *root = argc > 1 ? argv[1] : getenv("SL_CORPORA");
	struct tally t = { .failures = { .max = FILE_MAX } };
	struct dirent **names = NULL;
	char dir[4096], path[8192];
	int n, bad = 0;

	(void)snprintf(dir, sizeof(dir), "%s/flow/languageservices/expressions",
		       root != NULL ? root : "../shared/corpora");
	if ((n = scandir(dir, &names, is_json, alphasort)) <= 0) {
		(void)puts("expressions: no data");
		return 77;
	}
	for (int i = 0; i < n; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		bad |= run_file(&t, path) < 0;
		free(names[i]);
	}
	free((void *)names);
	(void)printf("expressions: %zu/%zu\n%s", t.n_passed, t.n,
		     t.failures.p != NULL ? (const char *)t.failures.p : "");
	sl_buf_done(&t.failures);
	return bad || t.n_passed != t.n;
}
