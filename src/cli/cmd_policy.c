/* cmd_policy.c -- sluice policy: check a file, show and explain, put one in force. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/cmd.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/policy_cmds.h"
#include "cli/session.h"
#include "cli/ui.h"

#include <inttypes.h>
#include <stdio.h>

enum { POLICY_MAX = SL_POLICY_FILE_MAX, REGISTER_MEMORY = 256 << 20 };

static const struct sl_opt opts[] = {
	[SL_PO_JSON] = { "json", 0, NULL, "one object a line", false },
	[SL_PO_COULD] = { "could", 0, "PREDICATE",
			  "why-not: somebody could state facts of it", true },
	[SL_PO_DATALOG] = { "datalog", 0, NULL, "check: show what it is made into",
			    false },
	[SL_PO_PRINCIPLES] = { "principles", 0, "FILE",
			       "check, register: with the principles of this file",
			       false },
	[SL_PO_UNDECLARED] = { "undeclared", 0, NULL,
			       "test: of other things than the gate's requests", false },
	{ 0 },
};

/* --- check --- */

static int
show_diag(struct sl_out *o, const char *path, const struct sl_policy_diag *d,
	  bool is_json, struct sl_err *err)
{
	struct sl_json *v;

	if (!is_json) {
		printf("%s:%zu:%zu: %s: %s\n", path, d->line, d->col,
		       d->is_warning ? "warning" : "error", d->msg);
		return 0;
	}
	v = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, v, "file", sl_json_cstr(&o->b, path));
	(void)sl_json_set(&o->b, v, "line", sl_json_int(&o->b, (int64_t)d->line));
	(void)sl_json_set(&o->b, v, "col", sl_json_int(&o->b, (int64_t)d->col));
	(void)sl_json_set(&o->b, v, "level",
			  sl_json_cstr(&o->b, d->is_warning ? "warning" : "error"));
	(void)sl_json_set(&o->b, v, "msg", sl_json_cstr(&o->b, d->msg));
	return sl_out_json(o, v, err);
}

/* What the file is made into, for people and for `register`. */
static int
show_datalog(const struct sl_policy_source *s, bool is_json, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	if (!is_json) {
		(void)fwrite(s->text.p, 1, s->text.len, stdout);
		return sl_out_flush(err);
	}
	(void)sl_json_set(&o.b, v, "file", sl_json_cstr(&o.b, s->path));
	(void)sl_json_set(&o.b, v, "datalog", sl_json_str(&o.b, s->text));
	return sl_out_json(&o, v, err);
}

static int
check(const struct sl_args *args, struct sl_err *err)
{
	const char *path = args->argc > 1 ? args->argv[1] : NULL;
	SL_AUTO_OUT o = { 0 };
	const struct sl_policy_diag *d = NULL;
	const struct sl_decls *decls = NULL;
	struct sl_policy_source s;
	size_t n = 0, n_errors = 0;
	int r;

	(void)sl_out_init(&o);
	if (path == NULL)
		return SL_ERR(err, USAGE, "usage: sluice policy check FILE");
	if ((r = sl_policy_source(path, sl_arg(args, SL_PO_PRINCIPLES, 0), &o.a, &s,
				  err)) < 0 ||
	    (r = sl_policy_own_decls(&o.a, &decls, err)) < 0 ||
	    (r = sl_policy_check_text(s.text, decls, &sl_policy_text_limits, &o.a, &d, &n,
				      err)) < 0 ||
	    (sl_arg_is(args, SL_PO_DATALOG) &&
	     (r = show_datalog(&s, sl_arg_is(args, SL_PO_JSON), err)) < 0))
		return r;
	for (size_t i = 0; i < n; i++) {
		struct sl_policy_diag at = d[i];

		n_errors += !d[i].is_warning;
		sl_policy_place(&s, &at.line, &at.col);
		if ((r = show_diag(&o, path, &at, sl_arg_is(args, SL_PO_JSON), err)) < 0)
			return r;
	}
	if (n == 0 && !sl_arg_is(args, SL_PO_JSON) && !sl_arg_is(args, SL_PO_DATALOG))
		printf("%s: good\n", path);
	if ((r = sl_out_flush(err)) < 0)
		return r;
	return n_errors == 0 ? 0
			     : SL_ERR(err, FORMAT, "%s: %zu error%s", path, n_errors,
				      n_errors == 1 ? "" : "s");
}

/* --- explain --- */

static bool
is_named(const struct sl_json *nodes, const char *source)
{
	SL_JSON_EACH(m, nodes)
	if (sl_slice_eq(sl_json_get_str(m, "source"), sl_slice_str(source)))
		return true;
	return false;
}

/* Where in the log each source of the proof's facts has its word. */
static int
show_sources(const struct sl_stated *d, struct sl_reader *reader,
	     const struct sl_json *proof, struct sl_err *err)
{
	const struct sl_json *nodes = sl_json_get(proof, "nodes");
	struct sl_policy_since p;
	int r;

	printf("where it is in the log\n  decision: entry %" PRIu64 " of tree %" PRIu32
	       "\n",
	       d->e.index, d->e.tree);
	if (is_named(nodes, "gate"))
		printf("  gate: that decision, signed by %.*s\n", (int)d->iss.len,
		       (const char *)d->iss.p);
	if ((r = sl_policy_since(reader, d->e.index, &p, err)) < 0)
		return r;
	if (p.index != UINT64_MAX &&
	    sl_slice_eq(sl_json_get_str(sl_json_get(d->predicate, "sluice"), "policy"),
			sl_slice_str(p.digest)))
		printf("  policy: entry %" PRIu64
		       " of the node's log, in force since %s, signed by %s\n",
		       p.index, p.when, p.signer);
	return 0;
}

static int
show_proof(const struct sl_stated *d, struct sl_reader *reader, struct sl_err *err)
{
	static const struct sl_limits lim = { 64 << 20, 4000000, 128 };
	const struct sl_json *own = sl_json_get(d->predicate, "sluice");
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF blob = { .max = 64 << 20 }, text = { .max = 16 << 20 };
	struct sl_json *proof = NULL;
	bool is_erased = false;
	uint8_t digest[32];
	int r;

	sl_arena_init(&a, 256 << 20);
	if (!sl_unhex(digest, 32, sl_json_get_str(own, "proof")))
		return SL_ERR(err, STORE, "the decision names no proof");
	if ((r = sl_reader_blob(reader, digest, &blob, &is_erased, err)) < 0 ||
	    (r = sl_json_uncbor(sl_buf_get(&blob), &lim, &a, &proof, err)) < 0 ||
	    (r = sl_policy_explain(proof, &text, err)) < 0)
		return r;
	printf("under policy %.16s\n", (const char *)sl_json_get_str(own, "policy").p);
	(void)fwrite(text.p, 1, text.len, stdout); /* printable: the engine escapes */
	if ((r = show_sources(d, reader, proof, err)) < 0)
		return r;
	return sl_out_flush(err);
}

static int
explain_json(const struct sl_stated *d, struct sl_err *err)
{
	SL_AUTO_OUT o = { 0 };
	struct sl_json *v = sl_out_init(&o);

	(void)sl_json_set(&o.b, v, "decision", sl_json_hex(&o.b, d->e.id, 32));
	(void)sl_json_set(&o.b, v, "sluice",
			  sl_json_copy(&o.b, sl_json_get(d->predicate, "sluice")));
	return sl_out_json(&o, v, err);
}

static int
explain(const struct sl_args *args, struct sl_err *err)
{
	struct sl_home home = { .fd = -1 };
	struct sl_reader *reader = NULL;
	struct sl_run_info i = { 0 };
	SL_AUTO_ARENA a = { 0 };
	int r;

	if (args->argc < 2)
		return SL_ERR(err, USAGE, "usage: sluice policy explain RUN");
	sl_arena_init(&a, 512 << 20);
	if ((r = sl_session_home(&home, err)) == 0 &&
	    (r = sl_reader_open(home.fd, &reader, err)) == 0 &&
	    (r = sl_run_lookup(reader, sl_slice_str(args->argv[1]), &a, &i, err)) == 0) {
		if (i.decision.is_erased)
			r = SL_ERR(err, NOENT, "the text of this decision was erased");
		else if (sl_arg_is(args, SL_PO_JSON))
			r = explain_json(&i.decision, err);
		else
			r = show_proof(&i.decision, reader, err);
	}
	sl_reader_close(reader);
	sl_home_done(&home);
	return r;
}

/* --- show, register --- */

/* The entry that put the policy in force; none where the log says another one is. */
static int
in_force_since(const struct sl_home *home, const char *digest,
	       struct sl_policy_since *ret, struct sl_err *err)
{
	struct sl_reader *reader = NULL;
	struct sl_log_tree t;
	int r;

	*ret = (struct sl_policy_since){ .index = UINT64_MAX };
	if ((r = sl_reader_open(home->fd, &reader, err)) == 0 &&
	    (r = sl_reader_tree(reader, SL_NODE_TREE, &t, err)) == 0)
		r = sl_policy_since(reader, t.size, ret, err);
	sl_reader_close(reader);
	if (r == 0 && strcmp(ret->digest, digest) != 0)
		ret->index = UINT64_MAX;
	return r;
}

static void
put_since(struct sl_jb *b, struct sl_json *v, const struct sl_policy_since *s)
{
	if (s->index == UINT64_MAX)
		return;
	(void)sl_json_set(b, v, "since", sl_json_cstr(b, s->when));
	(void)sl_json_set(b, v, "entry", sl_json_int(b, (int64_t)s->index));
	(void)sl_json_set(b, v, "signer", sl_json_cstr(b, s->signer));
	(void)sl_json_set(b, v, "why", sl_json_cstr(b, s->why));
	(void)sl_json_set(b, v, "replaces", sl_json_cstr(b, s->replaces));
}

static int
show(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	SL_AUTO_BUF text = { .max = POLICY_MAX + 8192 };
	struct sl_policy_since since;
	char hex[65], name[80];
	int r;

	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, false, err)) < 0)
		return r;
	sl_hex(hex, sl_gate_info(s.gate)->policy, 32);
	(void)snprintf(name, sizeof(name), "cas/%s", hex);
	if ((r = sl_home_read(&s.home, name, POLICY_MAX, &text, err)) < 0 ||
	    (r = in_force_since(&s.home, hex, &since, err)) < 0)
		return r;
	if (sl_arg_is(args, SL_PO_JSON)) {
		SL_AUTO_OUT o = { 0 };
		struct sl_json *v = sl_out_init(&o);

		(void)sl_json_set(&o.b, v, "policy", sl_json_cstr(&o.b, hex));
		put_since(&o.b, v, &since);
		(void)sl_json_set(
		    &o.b, v, "is_edited",
		    sl_json_bool(&o.b, sl_gate_info(s.gate)->is_policy_edited));
		(void)sl_json_set(&o.b, v, "text", sl_json_str(&o.b, sl_buf_get(&text)));
		return sl_out_json(&o, v, err);
	}
	if (since.index != UINT64_MAX)
		fprintf(stderr,
			"policy %.16s, in force since %s: entry %" PRIu64
			" of the node's log, signed by %s\n",
			hex, since.when, since.index, since.signer);
	(void)fwrite(text.p, 1, text.len, stdout);
	return sl_out_flush(err);
}

/* Errors have their place in the file that is given, YAML or not. */
static int
new_policy(const char *path, const char *principles, struct sl_arena *a,
	   struct sl_policy_source *ret, struct sl_err *err)
{
	const struct sl_decls *decls = NULL;
	const struct sl_policy *p = NULL;
	int r;

	if ((r = sl_policy_source(path, principles, a, ret, err)) < 0 ||
	    (r = sl_policy_own_decls(a, &decls, err)) < 0)
		return r;
	return sl_policy_from_source(ret, decls, a, &p, err);
}

static int
do_register(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_SESSION s = { .home.fd = -1 };
	SL_AUTO_BUF text = { .max = POLICY_MAX + 8192 };
	const char *path = args->argc > 1 ? args->argv[1] : NULL,
		   *principles = sl_arg(args, SL_PO_PRINCIPLES, 0);
	struct sl_policy_source source = { 0 };
	SL_AUTO_ARENA a = { 0 };
	uint8_t old[32], digest[32];
	char hex[65];
	int r;

	if (principles != NULL && path == NULL)
		return SL_ERR(err, USAGE,
			      "--principles needs the policy that they go with");
	sl_arena_init(&a, REGISTER_MEMORY);
	/* The parser, where one is needed, comes before the recorder. */
	if ((path != NULL && (r = new_policy(path, principles, &a, &source, err)) < 0) ||
	    (r = sl_session_start(&s, err)) < 0)
		return r;
	if (path != NULL)
		sl_buf_slice(&text, source.text);
	else if ((r = sl_home_read(&s.home, "policy/policy.dl", POLICY_MAX, &text, err)) <
		 0)
		return r;
	if ((r = sl_session_gate(&s, true, err)) < 0)
		return r;
	memcpy(old, sl_gate_info(s.gate)->policy, 32);
	if ((r = sl_gate_set_policy(s.gate, sl_buf_get(&text),
				    path != NULL ? path : "policy/policy.dl", digest,
				    err)) < 0)
		return r;
	if (path != NULL && (r = sl_home_write(&s.home, "policy/policy.dl",
					       sl_buf_get(&text), true, err)) < 0)
		return r;
	sl_hex(hex, digest, 32);
	if (sl_arg_is(args, SL_PO_JSON)) {
		SL_AUTO_OUT o = { 0 };
		struct sl_json *v = sl_out_init(&o);

		(void)sl_json_set(&o.b, v, "policy", sl_json_cstr(&o.b, hex));
		(void)sl_json_set(&o.b, v, "is_changed",
				  sl_json_bool(&o.b, memcmp(old, digest, 32) != 0));
		return sl_out_json(&o, v, err);
	}
	printf("policy %.16s is in force%s\n", hex,
	       memcmp(old, digest, 32) == 0 ? " (as before)" : "");
	return sl_out_flush(err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	static const struct {
		const char *name;
		int (*run)(const struct sl_args *args, struct sl_err *err);
	} verbs[] = { { "check", check },
		      { "explain", explain },
		      { "why-not", sl_policy_why_not },
		      { "test", sl_policy_test },
		      { "diff", sl_policy_diff },
		      { "show", show },
		      { "register", do_register } };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(args->argv[0], verbs[i].name) == 0)
			return verbs[i].run(args, err);
	return SL_ERR(err, USAGE,
		      "policy knows check, explain, why-not, test, diff, show and "
		      "register, not '%s'",
		      args->argv[0]);
}

const struct sl_cmd sl_cmd_policy = {
	.name = "policy",
	.summary = "check, show, explain and change what decides",
	.usage =
	    "check FILE | explain RUN | why-not RUN | test FILE | diff FILE | show | "
	    "register [FILE]  [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 3,
	.run = run,
};
