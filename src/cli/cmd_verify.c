/* cmd_verify.c -- sluice verify: a run, bundle or receipt, offline. */
#include "base/hex.h"
#include "cli/ui.h"
#include "cli/verify.h"
#include "cli/verify_witness.h"
#include "codec/utf8.h"
#include "cose/statement.h"
#include "record/read.h"
#include "record/transparent.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum {
	OPT_TRUST,
	OPT_LIST,
	OPT_PAYLOAD,
	OPT_ONLY,
	OPT_TIME,
	OPT_JSON,
	OPT_POLICY,
	OPT_PROOF,
	OPT_LOG
};

static const struct sl_opt opts[] = {
	[OPT_TRUST] = { "trust", 0, "KEY", "a did:key to trust for this check", true },
	[OPT_LIST] = { "trust-list", 0, "FILE",
		       "issuers and services to trust, not $SLUICE_HOME/trust/list",
		       false },
	[OPT_PAYLOAD] = { "payload", 0, "FILE", "what the statement must be about",
			  false },
	[OPT_ONLY] = { "signature-only", 0, NULL, "look at no receipt", false },
	[OPT_TIME] = { "time", 0, "TIME", "at which certificates must hold", false },
	[OPT_JSON] = { "json", 0, NULL, "one object", false },
	[OPT_POLICY] = { "witness-policy", 0, "FILE",
			 "ask that a quorum of these witnesses saw the log", false },
	[OPT_PROOF] = { "proof", 0, "FILE", "the tlog-proof with their cosignatures",
			false },
	[OPT_LOG] = { "log", 0, "KEY",
		      "a log's key (NAME+ID+KEY), for evidence that it forked", true },
	{ 0 },
};

/* Text of others is cut to fit, perhaps within a character: JSON must not hold that. */
static void
as_utf8(char *text)
{
	struct sl_slice s = sl_slice_str(text);

	for (size_t i = 0; (i += sl_utf8_bad(sl_slice_skip(s, i))) < s.len; i++)
		text[i] = '?';
}

void
sl_verify_add(struct sl_verify_result *x, const char *name, bool is_ok, const char *fmt,
	      ...)
{
	struct sl_verify_line *c = &x->c[x->n];
	va_list ap;

	if (x->n == SL_VERIFY_LINES)
		return;
	c->name = name;
	c->is_ok = is_ok;
	va_start(ap, fmt);
	(void)vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
	as_utf8(c->text);
	x->n++;
}

static const char *
verdict_of(int r)
{
	return r == 0              ? "verified"
	       : r == SL_E(SIGNER) ? "unknown-signer"
	       : r == SL_E(QUORUM) ? "no-quorum"
	       : r == SL_E(FORKED) ? "forked"
				   : "failed";
}

static int
show_json(const struct sl_verify_result *x, int verdict, const struct sl_err *why,
	  struct sl_err *err)
{
	SL_AUTO_OUT out = { 0 };
	struct sl_json *v = sl_out_init(&out), *list, *e;
	const struct sl_verify_report *p = x->p;
	struct sl_jb *b = &out.b;

	(void)sl_json_set(b, v, "verdict", sl_json_cstr(b, verdict_of(verdict)));
	(void)sl_json_set(b, v, "signer",
			  sl_json_cstr(b, x->signer != NULL ? x->signer : ""));
	if (p != NULL) {
		(void)sl_json_set(b, v, "run", sl_json_cstr(b, p->run));
		(void)sl_json_set(b, v, "statements",
				  sl_json_int(b, (int64_t)p->n_statements));
		(void)sl_json_set(b, v, "receipts",
				  sl_json_int(b, (int64_t)p->n_receipts));
		(void)sl_json_set(b, v, "decisions",
				  sl_json_int(b, (int64_t)p->n_decisions));
		(void)sl_json_set(b, v, "rederived",
				  sl_json_int(b, (int64_t)p->n_rederived));
		(void)sl_json_set(b, v, "shown", sl_json_int(b, (int64_t)p->n_shown));
		(void)sl_json_set(b, v, "erased", sl_json_int(b, (int64_t)p->n_erased));
		(void)sl_json_set(b, v, "tombstones",
				  sl_json_int(b, (int64_t)p->n_tombs));
		(void)sl_json_set(b, v, "acts", sl_json_int(b, (int64_t)p->n_acts));
		(void)sl_json_set(b, v, "sealed", sl_json_bool(b, p->is_sealed));
	}
	if (x->f != NULL)
		sl_verify_foreign_json(x->f, b, v);
	list = sl_json_set(b, v, "checks", sl_json_arr(b));
	for (size_t i = 0; i < x->n; i++) {
		e = sl_json_add(b, list, sl_json_obj(b));
		(void)sl_json_set(b, e, "name", sl_json_cstr(b, x->c[i].name));
		(void)sl_json_set(b, e, "ok", sl_json_bool(b, x->c[i].is_ok));
		(void)sl_json_set(b, e, "text", sl_json_cstr(b, x->c[i].text));
	}
	if (verdict < 0) {
		(void)sl_json_set(b, v, "error", sl_json_cstr(b, why->msg));
		(void)sl_json_set(b, v, "error_id", sl_json_cstr(b, sl_code_id(verdict)));
	}
	return sl_out_json(&out, v, err);
}

static int
show(const struct sl_verify_result *x, int verdict, bool is_json,
     const struct sl_err *why, struct sl_err *err)
{
	bool is_utf8 = sl_ui_detect(STDOUT_FILENO, is_json).is_utf8;

	if (is_json)
		return show_json(x, verdict, why, err);
	for (size_t i = 0; i < x->n; i++) {
		printf(" %s ", x->c[i].is_ok ? (is_utf8 ? "\xe2\x9c\x93" : "+")
					     : (is_utf8 ? "\xe2\x9c\x97" : "!"));
		sl_out_text(sl_slice_str(x->c[i].text));
		printf("\n");
	}
	printf("%s\n", verdict == 0              ? "verified"
		       : verdict == SL_E(QUORUM) ? "consistent, no quorum of witnesses"
		       : verdict == SL_E(FORKED) ? "forked"
		       : verdict != SL_E(SIGNER) ? "not verified"
		       : x->n > 0                ? "consistent, signer unknown"
						 : "signer unknown, nothing checked");
	return sl_out_flush(err);
}

/* --- a bundle --- */

static void
describe(struct sl_verify_result *x, const struct sl_verify_report *p, const char *own)
{
	bool is_own = strcmp(own, p->did) == 0;

	x->signer = p->did;
	if (!p->is_good) {
		for (size_t i = 0; i < p->findings.n && i < SL_FINDINGS_MAX; i++)
			sl_verify_add(x, "finding", false, "%s: %s",
				      p->findings.f[i].where, p->findings.f[i].what);
		return;
	}
	if (p->has_tree)
		sl_verify_add(
		    x, "keys", true,
		    "%zu statements signed by run key %.12s..., certified by node %s%s",
		    p->n_statements,
		    strncmp(p->run_key, "did:key:", 8) == 0 ? p->run_key + 8 : p->run_key,
		    p->did, is_own ? " (you)" : "");
	else
		sl_verify_add(x, "keys", true,
			      "%zu statements signed by keys of node %s%s",
			      p->n_statements, p->did, is_own ? " (you)" : "");
	if (p->is_sealed)
		sl_verify_add(
		    x, "log", true,
		    "%zu inclusion proofs; the run's log is complete, sealed in the "
		    "node's log at %llu",
		    p->n_receipts, (unsigned long long)p->seal + 1);
	else
		sl_verify_add(x, "log", true, "%zu inclusion proofs; %s", p->n_receipts,
			      p->has_tree ? "the run's log is not sealed: more may follow"
					  : "the run has no log of its own");
	sl_verify_add(x, "decisions", true,
		      "%zu of %zu decisions derived again: same verdicts, same proofs%s",
		      p->n_rederived, p->n_decisions,
		      p->n_rederived < p->n_decisions
			  ? "; the rest is not re-derivable: erased"
			  : "");
	if (p->n_rederived > 0)
		sl_verify_add(x, "proofs", true,
			      "%zu proofs checked without evaluating a rule: %zu show "
			      "the verdict by themselves, %zu with a part that only "
			      "deciding again shows",
			      p->n_rederived, p->n_shown, p->n_rederived - p->n_shown);
	if (p->n_erased > 0)
		sl_verify_add(
		    x, "erased", true,
		    "%zu text%s erased, %zu of them under a tombstone of the node",
		    p->n_erased, p->n_erased == 1 ? " is" : "s are", p->n_tombs);
	sl_verify_add(
	    x, "acts", true,
	    "%zu outcome%s, %zu observation%s, %zu observed act%s (sluice audit)",
	    p->n_outcomes, p->n_outcomes == 1 ? "" : "s", p->n_observations,
	    p->n_observations == 1 ? "" : "s", p->n_acts, p->n_acts == 1 ? "" : "s");
}

/* Malformed is not verified, whatever the parser calls it. */
int
sl_verify_code(int r, struct sl_err *err)
{
	if (r == SL_E(FORMAT) || r == SL_E(LIMIT) || r == SL_E(UNKNOWN) ||
	    r == SL_E(UNSUPPORTED) || r == SL_E(NOENT) || r == SL_E(USAGE) ||
	    r == SL_E(DENIED) || r == SL_E(STORE)) {
		err->code = SL_E(VERIFY);
		return err->code;
	}
	return r;
}

static int
bundle(struct sl_local *l, struct sl_slice src, struct sl_verify_result *x,
       struct sl_verify_report *p, struct sl_err *err)
{
	struct sl_trusted t = { l->trusted, l->n_trusted };
	int r = sl_verify_code(sl_verify_bundle(src, &t, p, err), err);

	if (r == 0 || r == SL_E(VERIFY) || r == SL_E(SIGNER)) {
		x->p = p;
		describe(x, p, l->did);
	}
	if (r == SL_E(SIGNER))
		sl_verify_add(x, "signer", false, "%s is not known here: --trust KEY",
			      p->did);
	return r;
}

/* What the local log sealed since agrees with what it said when the run was decided. */
static int
consistency(struct sl_local *l, const struct sl_verify_report *p,
	    struct sl_verify_result *x, struct sl_err *err)
{
	struct sl_proof path;
	uint64_t from = p->is_sealed ? p->seal + 1 : 1;
	int r = sl_reader_consistency(l->reader, SL_NODE_TREE, from,
				      p->size[SL_TREE_NODE], &path, err);

	if (r < 0)
		return sl_verify_code(r, err);
	sl_verify_add(x, "consistency", true,
		      "the node's log grew from %llu to %llu entries and kept all",
		      (unsigned long long)from,
		      (unsigned long long)p->size[SL_TREE_NODE]);
	return 0;
}

/* --- a receipt --- */

static bool
is_trusted(const struct sl_local *l, const char *did)
{
	for (size_t i = 0; i < l->n_trusted; i++)
		if (sl_slice_eq(l->trusted[i], sl_slice_str(did)))
			return true;
	return false;
}

static int
receipt(struct sl_local *l, struct sl_slice src, struct sl_verify_result *x,
	struct sl_transparent *t, struct sl_err *err)
{
	bool is_known = true, is_local = false;
	int r = sl_verify_code(sl_transparent_check(src, l->reader, t, err), err);

	if (r < 0)
		return r;
	x->signer = t->iss;
	sl_verify_add(x, "statement", true, "signed by %s%s", t->iss,
		      t->is_receipt_alone ? "; found in the log here" : "");
	for (size_t i = 0; i < t->n; i++) {
		const struct sl_transparent_receipt *c = &t->receipt[i];

		sl_verify_add(
		    x, "receipt", true, "entry %llu of %llu in %s, signed by %s%s",
		    (unsigned long long)c->index, (unsigned long long)c->size, c->origin,
		    c->did, c->is_local ? "; the log here agrees" : "");
		is_known = is_known && (c->is_local || is_trusted(l, c->did));
		is_local = is_local || c->is_local;
	}
	if (is_known && (is_local || is_trusted(l, t->iss)))
		return 0;
	sl_verify_add(x, "signer", false,
		      "the log's key or the issuer is not known here: --trust KEY");
	return SL_ERR(err, SIGNER,
		      "consistent, but signed by %s, which is not known here", t->iss);
}

/* --- witnesses --- */

static int
quorum(struct sl_local *l, const struct sl_args *args, const uint8_t id[32],
       struct sl_slice origin, struct sl_verify_result *x, struct sl_err *err)
{
	const struct sl_quorum_opts o = { sl_arg(args, OPT_POLICY, 0),
					  sl_arg(args, OPT_PROOF, 0) };
	char text[SL_VERIFY_TEXT] = "";
	int r = sl_verify_quorum(l, &o, id, origin, text, err);

	if (r == 0)
		sl_verify_add(x, "witnesses", true, "%s", text);
	else
		sl_verify_add(x, "witnesses", false, "%s", err->msg);
	/* none was shown: whatever is the matter with the proof */
	return r == SL_E(NOENT) ? (err->code = SL_E(QUORUM)) : sl_verify_code(r, err);
}

/* A run's seal covers its whole log. */
static int
quorum_of_run(struct sl_local *l, const struct sl_args *args, struct sl_slice src,
	      const struct sl_verify_report *p, struct sl_verify_result *x,
	      struct sl_err *err)
{
	SL_AUTO_ARENA a = { .cap = SL_VERIFY_MEMORY };
	struct sl_slice origin = { 0 };
	uint8_t id[32];
	int r;

	if (!sl_arg_is(args, OPT_POLICY))
		return 0;
	if (!p->is_sealed)
		return SL_ERR(err, QUORUM,
			      "the run is not sealed: no checkpoint covers its log");
	if ((r = sl_verify_seal_id(src, p->seal, &a, id, &origin, err)) < 0)
		return sl_verify_code(r, err);
	return quorum(l, args, id, origin, x, err);
}

/* 0: it is no evidence of a fork. */
static int
fork_in(struct sl_local *l, const struct sl_args *args, struct sl_slice payload,
	struct sl_verify_result *x, struct sl_err *err)
{
	SL_AUTO_ARENA a = { .cap = 4 << 20 };
	const struct sl_json *v = sl_verify_fork_in(payload, &a);
	char text[SL_VERIFY_TEXT] = "";
	int r;

	if (v == NULL)
		return 0;
	r = sl_verify_code(sl_verify_fork(l, args, OPT_LOG, v, text, err), err);
	sl_verify_add(x, "fork", r == SL_E(FORKED) || r == SL_E(SIGNER), "%s",
		      text[0] != '\0' ? text : err->msg);
	if (r == SL_E(SIGNER))
		sl_verify_add(x, "signer", false,
			      "the log's key is not known here: --log KEY");
	return r;
}

/* A transparent statement, perhaps about a fork: the evidence needs nobody's word. */
static int
statement(struct sl_local *l, const struct sl_args *args, struct sl_slice src,
	  const char *payload, struct sl_verify_result *x, struct sl_transparent *t,
	  struct sl_err *err)
{
	int r = receipt(l, src, x, t, err), q;
	struct sl_err none = { 0 }, why = { 0 };
	struct sl_sign1 s;

	if ((r == 0 || r == SL_E(SIGNER)) && !t->is_receipt_alone &&
	    sl_statement_parse(src, SL_TRANSPARENT_MAX, 0, &s, &none) == 0 &&
	    (q = fork_in(l, args, s.payload, x, &why)) != 0) {
		*err = why;
		return q;
	}
	if ((r == 0 || r == SL_E(SIGNER)) && payload != NULL &&
	    (q = sl_verify_payload(src, payload, x, &why)) < 0) {
		*err = why;
		return q;
	}
	if (r == 0 && sl_arg_is(args, OPT_POLICY))
		r = quorum(l, args, t->id, (struct sl_slice){ 0 }, x, err);
	return r;
}

/* --- which of them --- */

static bool
is_run_id(const char *s)
{
	size_t n = strspn(s, "0123456789abcdef");

	return s[n] == '\0' && n >= 4 && n <= 64 && access(s, F_OK) != 0;
}

/* What is looked at; the results point into it. */
struct subject {
	struct sl_buf bytes;
	struct sl_verify_report p;
	struct sl_transparent t;
	struct sl_foreign f;
	char iss[1024];
};

static int
foreign(struct sl_local *l, struct sl_slice src, const struct sl_verify_foreign_opt *o,
	struct sl_verify_result *x, struct subject *y, struct sl_err *err)
{
	int r = sl_verify_foreign(l, src, o, &y->f, x, err);

	if (x->f != NULL && y->f.s.h.iss.len < sizeof(y->iss)) {
		memcpy(y->iss, y->f.s.h.iss.p, y->f.s.h.iss.len);
		x->signer = y->iss;
	}
	return r;
}

static int
verify(struct sl_local *l, const struct sl_args *args,
       const struct sl_verify_foreign_opt *o, struct sl_verify_result *x,
       struct subject *y, struct sl_err *err)
{
	const char *what = args->argv[0];
	struct sl_slice s;
	int r;

	if (is_run_id(what)) {
		if ((r = sl_verify_code(sl_local_bundle(l, what, &y->bytes, err), err)) <
		    0)
			return r;
		if ((r = bundle(l, sl_buf_get(&y->bytes), x, &y->p, err)) < 0 ||
		    (r = consistency(l, &y->p, x, err)) < 0)
			return r;
		return quorum_of_run(l, args, sl_buf_get(&y->bytes), &y->p, x, err);
	}
	if (strcmp(what, "-") != 0 && access(what, F_OK) != 0)
		return SL_ERR(err, VERIFY,
			      "'%s' is neither a file nor a run of this node", what);
	if ((r = sl_verify_code(sl_file_read(what, SL_BUNDLE_BYTES_MAX, &y->bytes, err),
				err)) < 0)
		return r;
	s = sl_buf_get(&y->bytes);
	if (s.len > 0 && s.p[0] == 0xd2) { /* tag 18: COSE_Sign1 */
		if (o->is_signature_only || sl_verify_is_foreign(s))
			return foreign(l, s, o, x, y, err);
		return statement(l, args, s, o->payload, x, &y->t, err);
	}
	if (s.len > 0 && s.p[0] == '{' && (r = fork_in(l, args, s, x, err)) != 0)
		return r;
	r = bundle(l, s, x, &y->p, err);
	return r < 0 ? r : quorum_of_run(l, args, s, &y->p, x, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	const struct sl_verify_foreign_opt o = {
		.list = sl_arg(args, OPT_LIST, 0),
		.payload = sl_arg(args, OPT_PAYLOAD, 0),
		.time = sl_arg(args, OPT_TIME, 0),
		.is_signature_only = sl_arg_is(args, OPT_ONLY),
	};
	SL_AUTO_LOCAL l = { .home.fd = -1 };
	struct subject y = { .bytes.max = SL_BUNDLE_BYTES_MAX + (1 << 17) };
	struct sl_verify_result x = { 0 };
	struct sl_err none = { 0 };
	struct sl_vkey log;
	int r, q;

	if (sl_arg_is(args, OPT_PROOF) && !sl_arg_is(args, OPT_POLICY))
		return SL_ERR(err, USAGE,
			      "--proof says who cosigned; who counts, says "
			      "--witness-policy FILE");
	for (size_t i = 0; i < sl_arg_count(args, OPT_LOG); i++)
		if ((r = sl_vkey_parse(sl_slice_str(sl_arg(args, OPT_LOG, i)), &log,
				       err)) < 0)
			return r;
	if ((r = sl_local_open(&l, args, OPT_TRUST, err)) < 0)
		return r;
	r = verify(&l, args, &o, &x, &y, err);
	if (r == 0 || r == SL_E(VERIFY) || r == SL_E(SIGNER) || r == SL_E(QUORUM) ||
	    r == SL_E(FORKED)) {
		q = show(&x, r, sl_arg_is(args, OPT_JSON), err, &none);
		if (q < 0 && r == 0) {
			*err = none;
			r = q;
		}
	}
	sl_buf_done(&y.bytes);
	return r;
}

const struct sl_cmd sl_cmd_verify = {
	.name = "verify",
	.summary = "check a run, bundle, statement, receipt or proof of a fork, offline",
	.usage = "[--trust KEY] [--trust-list FILE] [--payload FILE] "
		 "[--witness-policy FILE [--proof FILE]] [--json] RUN|FILE",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.is_main = true,
	.run = run,
};
