/* log_erase.c -- sluice log erase: text that a statement names by digest goes, and a
 * tombstone says so. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/ask.h"
#include "cli/log_cmd.h"
#include "cose/statement.h"
#include "record/bundle.h"
#include "record/read.h"

#include <stdio.h>

enum { STATEMENT_MAX = 16 << 20 };

struct find {
	struct sl_log_cmd *w;
	const uint8_t *digest;
	uint64_t n_payload; /* hash envelopes around it */
	uint64_t n_named;   /* decisions whose facts or proof it is */
	bool is_rule;       /* a policy or declarations, which are no text of users */
};

/* What a decision or a policy says that it stands on. */
static int
named_by(struct find *f, const struct sl_log_entry *e, struct sl_err *err)
{
	static const char *const texts[] = { "facts", "proof" };
	static const char *const rules[] = { "policy", "decls" };
	const struct sl_json *p;
	SL_AUTO_ARENA a = { 0 };
	struct sl_stated st;
	char hex[65];
	int r;

	sl_arena_init(&a, 256 << 20);
	if ((r = sl_stated_read(f->w->reader, e, &a, &st, err)) < 0)
		return r;
	sl_hex(hex, f->digest, 32);
	p = strcmp(e->kind, "policy") == 0 ? st.predicate
					   : sl_json_get(st.predicate, "sluice");
	for (int i = 0; i < 2; i++) {
		f->n_named +=
		    sl_slice_eq(sl_json_get_str(p, texts[i]), sl_slice_str(hex));
		f->is_rule |=
		    sl_slice_eq(sl_json_get_str(p, rules[i]), sl_slice_str(hex));
	}
	return 0;
}

static int
look(void *arg, const struct sl_log_entry *e, struct sl_slice bytes, struct sl_err *err)
{
	struct find *f = arg;
	struct sl_err none = { 0 };
	struct sl_sign1 s;

	if (sl_statement_parse(bytes, STATEMENT_MAX, SL_STATEMENT_ANY_KEY, &s, &none) < 0)
		return 0; /* it names no payload that is kept here */
	if (s.h.has_hash_alg && s.payload.len == 32 &&
	    memcmp(s.payload.p, f->digest, 32) == 0) {
		f->n_payload++; /* it may be half gone: not read */
		return 0;
	}
	if (strcmp(e->kind, "decision") == 0 || strcmp(e->kind, "policy") == 0)
		return named_by(f, e, err);
	return 0;
}

/* Only what can hold somebody's text, and what a receipt does not need. */
static int
check(const struct find *f, struct sl_err *err)
{
	if (f->is_rule)
		return SL_ERR(err, USAGE,
			      "that is a policy, or its declarations, that decisions "
			      "were made by: it holds no text of a run, and is not "
			      "erased");
	if (f->n_payload == 0 && f->n_named == 0)
		return SL_ERR(err, NOENT,
			      "no statement has a payload, facts or a proof with this "
			      "digest: only those can be erased");
	return 0;
}

static int
say(struct sl_log_cmd *w, const struct find *f, const struct sl_admin_done *d,
    struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_json *v;
	char hex[65];

	sl_hex(hex, d->entry.id, 32);
	if (!w->is_json) {
		printf("erased: %llu bytes, named by %llu statement%s; tombstone %.16s, "
		       "entry %llu of the node's log\n",
		       (unsigned long long)d->n_bytes,
		       (unsigned long long)(f->n_payload + f->n_named),
		       f->n_payload + f->n_named == 1 ? "" : "s", hex,
		       (unsigned long long)d->entry.index);
		return 0;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "erased", sl_json_hex(b, f->digest, 32));
	(void)sl_json_set(b, v, "bytes", sl_json_int(b, (int64_t)d->n_bytes));
	(void)sl_json_set(b, v, "copies", sl_json_int(b, (int64_t)d->n_copies));
	(void)sl_json_set(b, v, "statements",
			  sl_json_int(b, (int64_t)(f->n_payload + f->n_named)));
	(void)sl_json_set(b, v, "tombstone", sl_json_cstr(b, hex));
	(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)d->entry.index));
	return sl_out_json(&w->out, v, err);
}

int
sl_log_erase(struct sl_log_cmd *w, struct sl_err *err)
{
	const char *hex = w->args->argc == 2 ? w->args->argv[1] : "";
	SL_AUTO_SESSION s = { .home.fd = -1 };
	const struct sl_ask q = { .kind = "erase", .target = hex };
	struct sl_admin_done done = { 0 };
	uint8_t digest[32];
	struct find f = { .w = w, .digest = digest };
	int r;

	if (!sl_unhex(digest, 32, sl_slice_str(hex)))
		return SL_ERR(err, USAGE,
			      "usage: sluice log erase DIGEST, all 64 hex digits of it "
			      "(\"payload\" of sluice log show)");
	/* the keys are loaded before a byte of a payload is read */
	if ((r = sl_session_start(&s, err)) < 0 ||
	    (r = sl_session_gate(&s, true, err)) < 0 ||
	    (r = sl_reader_each(w->reader, 0, look, &f, err)) < 0 ||
	    (r = check(&f, err)) < 0 || (r = sl_ask(&s, &q, err)) < 0 ||
	    (r = sl_recorder_admin(s.rec, SL_ADMIN_ERASE, digest, &done, err)) < 0)
		return r;
	return say(w, &f, &done, err);
}
