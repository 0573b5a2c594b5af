/* conf_biscuit.c -- the validations of Biscuit's samples.json against our engine: result,
 * failed checks and, where the sample has it, the whole world with its origins.
 *
 * Token blocks are loaded from their Datalog text; a third-party block has the signer
 * that the sample names.  Left out, each by name: samples about signatures alone, and
 * foreign calls. */
#include "conf.h"
#include "policy/run.h"

static const struct {
	const char *file, *why;
} excluded[] = {
	{ "test002_different_root_key.bc", "signatures of tokens" },
	{ "test003_invalid_signature_format.bc", "signatures of tokens" },
	{ "test004_random_block.bc", "signatures of tokens" },
	{ "test005_invalid_signature.bc", "signatures of tokens" },
	{ "test006_reordered_blocks.bc", "signatures of tokens" },
	{ "test035_ffi.bc", "foreign calls are refused" },
};

struct run {
	struct sl_arena a;
	struct sl_policy p;
	struct sl_pdiags d;
	struct sl_verdict v;
	struct sl_buf out, why;
};

static const char *
exclusion(struct sl_slice file)
{
	for (size_t k = 0; k < sizeof(excluded) / sizeof(excluded[0]); k++)
		if (sl_slice_eq(file, sl_slice_str(excluded[k].file)))
			return excluded[k].why;
	return NULL;
}

/* The text, parsed and printed again by us: two spellings compare as one. */
static struct sl_slice
reprint(struct run *r, struct sl_slice text, bool is_fact)
{
	struct sl_policy p;
	struct sl_pdiags d = { .a = &r->a };
	SL_AUTO_BUF out = { .max = 1 << 16 };

	sl_policy_init(&p, &r->a);
	sl_policy_parse(&p, text, SL_PAUTH, &sl_policy_text_limits, &d);
	if (d.n > 0)
		return (struct sl_slice){ 0 };
	if (is_fact && p.facts != NULL)
		sl_policy_print_atom(&out, &p.facts->atom, NULL);
	else if (p.checks != NULL)
		sl_policy_print_goal(&out, p.checks);
	return sl_arena_dup(&r->a, sl_buf_get(&out));
}

static uint32_t
origin_of(const struct sl_json *list)
{
	uint32_t set = 0;

	SL_JSON_EACH(m, list)
	set |= UINT32_C(1) << (m->kind == SL_JSON_NULL ? SL_PAUTH : (int)m->i);
	return set;
}

static bool
has_row(struct run *r, struct sl_slice text, uint32_t origin)
{
	struct sl_policy_run *m = r->v.run;
	bool found = false;

	for (uint32_t k = 0; k < r->p.n_preds && !found; k++)
		for (uint32_t i = 0; i < m->rel[k].n && !found; i++) {
			SL_AUTO_BUF out = { .max = 1 << 16 };

			sl_buf_slice(&out, r->p.preds[k].name);
			for (uint32_t c = 0; c < m->rel[k].arity; c++) {
				sl_buf_str(&out, c ? ", " : "(");
				sl_term_print(
				    &out,
				    m->term[m->rel[k].cell[i * m->rel[k].arity + c]]);
			}
			sl_buf_byte(&out, ')');
			found = sl_prel_origin(&m->rel[k], i) == origin &&
				sl_slice_eq(sl_buf_get(&out), text);
		}
	return found;
}

static bool
world_ok(struct run *r, const struct sl_json *world)
{
	size_t n = 0, have = 0;

	SL_JSON_EACH(group, sl_json_get(world, "facts"))
	SL_JSON_EACH(f, sl_json_get(group, "facts"))
	{
		n++;
		if (!has_row(r, reprint(r, f->s, true),
			     origin_of(sl_json_get(group, "origin")))) {
			sl_buf_printf(&r->why, "no fact %.*s", SL_ARG(f->s));
			return false;
		}
	}
	for (uint32_t k = 0; k < r->p.n_preds; k++)
		have += r->v.run->rel[k].n;
	if (have != n)
		sl_buf_printf(&r->why, "%zu facts, not %zu", have, n);
	return have == n;
}

static bool
has_failed(struct run *r, const struct sl_json *c)
{
	const struct sl_json *in = sl_json_get(c, "Block");
	uint32_t block = SL_PAUTH, id;
	struct sl_slice text;

	if (in != NULL)
		block = (uint32_t)sl_json_get_int(in, "block_id");
	else
		in = sl_json_get(c, "Authorizer");
	id = (uint32_t)sl_json_get_int(in, "check_id");
	text = reprint(r, sl_json_get_str(in, "rule"), false);
	for (size_t k = 0; k < r->v.n_failed; k++) {
		const struct sl_pgoal *g = r->v.run->results[r->v.failed[k].index].goal;
		uint32_t before = 0;

		for (const struct sl_pgoal *q = r->p.checks; q != g; q = q->next)
			before += q->block == g->block;
		if (g->block == block && before == id &&
		    sl_slice_eq(r->v.failed[k].text, text))
			return true;
	}
	sl_buf_printf(&r->why, "check did not fail: %.*s", SL_ARG(text));
	return false;
}

static bool
unauthorized_ok(struct run *r, const struct sl_json *u)
{
	const struct sl_json *checks = sl_json_get(u, "checks"),
			     *pol = sl_json_get(u, "policy");
	const char *kind = sl_json_get(pol, "Allow") ? "Allow" : "Deny";

	SL_JSON_EACH(c, checks)
	if (!has_failed(r, c))
		return false;
	if (r->v.n_failed != checks->n || r->v.policy != (long)sl_json_get_int(pol, kind))
		sl_buf_printf(&r->why, "%zu failed checks, policy %ld", r->v.n_failed,
			      r->v.policy);
	return r->v.n_failed == checks->n &&
	       r->v.policy == (long)sl_json_get_int(pol, kind);
}

static bool
message_has(struct sl_slice message, const char *text)
{
	return message.len > 0 &&
	       memmem(message.p, message.len, text, strlen(text)) != NULL;
}

/* Results that end before there is a world. */
static bool
error_ok(struct run *r, const struct sl_json *err, bool *ret_ok)
{
	struct sl_slice exec = sl_json_get_str(err, "Execution");
	const struct sl_json *logic = sl_json_get(err, "FailedLogic");

	if (sl_slice_eq(exec, SL_LIT("ShadowedVariable")))
		*ret_ok = r->d.n > 0 && strstr(r->d.v[0].msg, "shadows") != NULL;
	else if (sl_json_get(logic, "InvalidBlockRule") != NULL)
		*ret_ok =
		    r->d.n > 0 && strstr(r->d.v[0].msg, "of the head is in no") != NULL;
	else if (exec.len > 0)
		*ret_ok = r->d.n == 0 && strcmp(r->v.reason, "error") == 0 &&
			  message_has(r->v.message, sl_slice_eq(exec, SL_LIT("Overflow"))
							? "integer overflow"
							: "does not take these types");
	else
		return false;
	return true;
}

static bool
result_ok(struct run *r, const struct sl_json *val)
{
	const struct sl_json *res = sl_json_get(val, "result"),
			     *ok = sl_json_get(res, "Ok");
	const struct sl_json *err = sl_json_get(res, "Err");
	bool is_ok = false;

	if (err != NULL && error_ok(r, err, &is_ok)) {
		if (!is_ok)
			sl_buf_printf(&r->why, "not that error: %s",
				      r->d.n > 0 ? r->d.v[0].msg : r->v.reason);
		return is_ok;
	}
	if (r->d.n > 0) {
		sl_buf_printf(&r->why, "does not load: %s", r->d.v[0].msg);
		return false;
	}
	if (ok != NULL)
		is_ok = r->v.kind == SL_VERDICT_ALLOW && r->v.policy == (long)ok->i;
	else
		is_ok = unauthorized_ok(
		    r, sl_json_get(sl_json_get(err, "FailedLogic"), "Unauthorized"));
	if (!is_ok) {
		sl_buf_str(&r->why, " ");
		sl_buf_slice(&r->why, r->v.message);
	}
	return is_ok && (sl_json_get(val, "world") == NULL ||
			 sl_json_get(val, "world")->kind == SL_JSON_NULL ||
			 world_ok(r, sl_json_get(val, "world")));
}

static bool
validate(struct run *r, const struct sl_json *test, const struct sl_json *val)
{
	struct sl_err err = { 0 };
	uint32_t n = 0;

	sl_policy_init(&r->p, &r->a);
	r->d = (struct sl_pdiags){ .a = &r->a };
	sl_policy_parse(&r->p, sl_json_get_str(val, "authorizer_code"), SL_PAUTH,
			&sl_policy_text_limits, &r->d);
	SL_JSON_EACH(b, sl_json_get(test, "token"))
	{
		r->p.block_key[n] = sl_json_get_str(b, "external_key");
		sl_policy_parse(&r->p, sl_json_get_str(b, "code"), n++,
				&sl_policy_text_limits, &r->d);
	}
	r->p.n_blocks = n;
	sl_policy_link(&r->p, &r->d);
	if (r->d.n == 0 &&
	    sl_policy_decide(&r->p, sl_policy_facts_new(&r->a), &sl_policy_default_limits,
			     &r->a, &r->v, &err) < 0) {
		sl_buf_printf(&r->why, "%s", err.msg);
		return false;
	}
	return result_ok(r, val);
}

static void
one(struct conf *c, const struct sl_json *test, const struct sl_json *val)
{
	struct run r = { .why = { .max = 4096 } };
	struct sl_slice file = sl_json_get_str(test, "filename");
	const char *why = exclusion(file);

	if (why != NULL) {
		conf_exclude(c, "%.*s '%.*s': %s", SL_ARG(file), SL_ARG(val->key), why);
		return;
	}
	sl_arena_init(&r.a, 64 << 20);
	sl_buf_str(&r.why, "");
	conf_case(c, validate(&r, test, val), "%.*s '%.*s': %s", SL_ARG(file),
		  SL_ARG(val->key), (const char *)r.why.p);
	sl_buf_done(&r.why);
	sl_arena_free(&r.a);
}

int
main(int argc, char **argv)
{
	static const struct sl_limits lim = { 8 << 20, 1000000, 64 };
	SL_AUTO_ARENA a = { .cap = 256 << 20 };
	SL_AUTO_BUF in = { .max = 8 << 20 };
	struct sl_json *all = NULL;
	struct sl_err err = { 0 };
	struct conf c;

	conf_init(&c, "biscuit", argc, argv);
	if (!conf_read(&c, &in, "policy/biscuit/samples.json"))
		return conf_finish(&c);
	if (sl_json_parse(sl_buf_get(&in), &lim, &a, &all, &err) < 0)
		conf_case(&c, false, "samples.json: %s", err.msg);
	SL_JSON_EACH(test, sl_json_get(all, "testcases"))
	SL_JSON_EACH(val, sl_json_get(test, "validations"))
	one(&c, test, val);
	return conf_finish(&c);
}
