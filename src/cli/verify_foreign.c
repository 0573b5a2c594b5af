/* verify_foreign.c -- sluice verify of a statement of others, by the operator's list. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/verify.h"
#include "cose/statement.h"
#include "record/form.h"
#include "record/statement.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

static const char home_list[] = "trust/list";

struct job { /* what is open meanwhile */
	struct sl_trust trust;
	struct sl_sig sig;
	struct sl_buf payload; /* of a detached statement */
	bool has_list;
	int64_t time; /* s since 1970 */
};

static void
job_done(struct job *j)
{
	sl_trust_done(&j->trust);
	sl_sig_done(&j->sig);
	sl_buf_done(&j->payload);
}

bool
sl_verify_is_foreign(struct sl_slice src)
{
	struct sl_err none = { 0 };
	struct sl_sign1 s;
	uint8_t pub[32];
	size_t n = 0;

	if (sl_sign1_parse(src, SL_TRANSPARENT_MAX, &s, &none) < 0 || s.h.has_vds)
		return false;
	if (sl_form_statement(&s, pub, &none) < 0)
		return true;
	none = (struct sl_err){ 0 };
	if (sl_statement_receipts(&s, &n, &none) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct sl_receipt rc;

		if (sl_receipt_parse(sl_statement_receipt(&s, i),
				     SL_RECEIPT_ANY_CLAIMS | SL_RECEIPT_CCF, &rc,
				     &none) == 0 &&
		    !sl_didkey_parse(rc.s.h.iss, pub))
			return true;
	}
	return false;
}

static int
load_list(struct sl_local *l, const char *given, struct job *j, struct sl_err *err)
{
	int dirfd = given != NULL ? AT_FDCWD : l->home.fd;
	int r;

	if (given == NULL && l->home.fd < 0)
		return 0;
	r = sl_trust_load(dirfd, given != NULL ? given : home_list, &j->sig, &j->trust,
			  err);
	if (r == SL_E(NOENT) && given == NULL) {
		*err = (struct sl_err){ 0 };
		return 0;
	}
	if (r == SL_E(NOENT))
		return err->code = SL_E(USAGE);
	j->has_list = r == 0;
	return r;
}

/* "2026-11-24T23:18:34Z", with or without thousandths. */
static int
take_time(const char *given, int64_t *ret, struct sl_err *err)
{
	char text[32] = "";
	int64_t ms = sl_time_now_ms();
	size_t n = given != NULL ? strlen(given) : 0;

	if (n == 20)
		(void)snprintf(text, sizeof(text), "%.19s.000Z", given);
	if (given != NULL && !sl_time_parse(sl_slice_str(n == 20 ? text : given), &ms))
		return SL_ERR(err, USAGE, "'%s' is no time such as 2026-11-24T23:18:34Z",
			      given);
	*ret = ms / 1000;
	return 0;
}

static int
check_payload(const struct sl_sign1 *s, const char *path, struct sl_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	SL_AUTO_FD fd = is_stdin ? dup(0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot read '%s'", path);
	return sl_payload_check(s, fd, err);
}

/* --- what is shown --- */

static const char *
hash_name(int64_t alg)
{
	return alg == SL_ALG_SHA256   ? "SHA-256"
	       : alg == SL_ALG_SHA384 ? "SHA-384"
				      : "SHA-512";
}

/* What it says of its own time is for the reader to judge: issuers differ (a tool in use
 * writes exp = iat). */
static void
show_times(const struct sl_cose_hdr *h, struct sl_verify_result *x)
{
	const struct {
		bool has;
		int64_t at; /* s since 1970 */
		const char *what;
	} row[] = { { h->has_nbf, h->nbf, "before" }, { h->has_exp, h->exp, "after" } };

	for (size_t i = 0; i < 2; i++) {
		char text[32];

		/* A year of four digits, or it is shown as the number that it is. */
		if (!row[i].has)
			continue;
		if (row[i].at >= 0 && row[i].at < INT64_C(253402300800))
			sl_time_text(row[i].at * 1000, text);
		else
			(void)snprintf(text, sizeof(text), "%lld", (long long)row[i].at);
		sl_verify_add(x, "claims", true, "it says that it is not valid %s %s",
			      row[i].what, text);
	}
}

static void
show_statement(const struct sl_foreign *f, struct sl_verify_result *x)
{
	const struct sl_cose_hdr *h = &f->s.h;

	sl_verify_add(x, "statement", true, "%s over '%.*s', signed by %.*s", f->who.alg,
		      (int)(h->sub.len > 60 ? 60 : h->sub.len), (const char *)h->sub.p,
		      (int)(h->iss.len > 120 ? 120 : h->iss.len), (const char *)h->iss.p);
	if (!h->has_sub)
		sl_verify_add(x, "claims", true,
			      "it has no sub, which RFC 9943 wants of a statement");
	show_times(h, x);
	if (h->has_hash_alg)
		sl_verify_add(
		    x, "envelope", true, "%s of the payload%s%.*s%s%.*s",
		    hash_name(h->hash_alg), h->preimage_type.len > 0 ? ", of type " : "",
		    (int)(h->preimage_type.len > 60 ? 60 : h->preimage_type.len),
		    (const char *)h->preimage_type.p, h->location.len > 0 ? ", at " : "",
		    (int)(h->location.len > 100 ? 100 : h->location.len),
		    (const char *)h->location.p);
}

static void
show_receipts(const struct sl_foreign *f, struct sl_verify_result *x)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct sl_judged *r = &f->receipt[i];
		bool is_named = strcmp(r->service, "-") != 0;
		const char *service = is_named ? r->service : "a service without a name";

		if (r->is != SL_JUDGED_GOOD)
			sl_verify_add(x, "receipt", false, "receipt of %.80s: %s",
				      service, r->why);
		else if (r->has_place)
			sl_verify_add(x, "receipt", true,
				      "receipt: entry %llu of %llu in %.80s (%s)",
				      (unsigned long long)r->index,
				      (unsigned long long)r->size, service,
				      sl_leaf_mode_name(r->mode));
		else
			sl_verify_add(x, "receipt", true, "receipt: in %.80s (%s)",
				      service, sl_leaf_mode_name(r->mode));
	}
}

static bool
has_bad(const struct sl_foreign *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->receipt[i].is == SL_JUDGED_BAD)
			return true;
	return false;
}

static int
verdict(const struct sl_foreign *f, const struct job *j,
	const struct sl_verify_foreign_opt *o, struct sl_verify_result *x,
	struct sl_err *err)
{
	const char *list = o->list != NULL ? o->list : "$SLUICE_HOME/trust/list";

	if (!o->is_signature_only && f->n == 0)
		return SL_ERR(err, VERIFY,
			      "a statement without a receipt: --signature-only checks "
			      "it as it is");
	if (!o->is_signature_only && f->n_good == 0 && has_bad(f))
		return SL_ERR(err, VERIFY, "no receipt of the statement verifies");
	if (!o->is_signature_only && f->n_good == 0)
		return SL_ERR(err, SIGNER,
			      "no receipt is of a service that is trusted here%s%s",
			      j->has_list ? ": " : "; there is no ", list);
	if (f->who.is_trusted)
		return 0;
	sl_verify_add(x, "signer", false, "%s: %s", f->who.why,
		      "a line 'issuer' of the list, or --trust KEY, says whom you know");
	return SL_ERR(err, SIGNER, "consistent, but signed by %.*s: %s",
		      SL_ARG(f->s.h.iss), f->who.why);
}

static int
check(struct sl_local *l, struct sl_slice src, const struct sl_verify_foreign_opt *o,
      struct job *j, struct sl_foreign *f, struct sl_verify_result *x, struct sl_err *err)
{
	struct sl_issuer_env env = { .trust = j->has_list ? &j->trust : NULL,
				     .sig = &j->sig,
				     .time = j->time,
				     .did = l->trusted,
				     .n_dids = l->n_trusted };
	unsigned flags = (o->is_signature_only ? SL_FOREIGN_NO_RECEIPTS : 0U) |
			 (o->time != NULL ? SL_FOREIGN_TIME : 0U);
	struct sl_err none = { 0 };
	struct sl_sign1 s;
	bool is_detached;
	int r;

	is_detached =
	    sl_sign1_parse(src, SL_TRANSPARENT_MAX, &s, &none) == 0 && s.is_detached;
	if (is_detached && o->payload == NULL)
		return SL_ERR(
		    err, USAGE,
		    "statement: it holds no payload (detached): --payload FILE");
	if (is_detached) {
		if ((r = sl_file_read(o->payload, SL_SIGN1_BYTES_MAX, &j->payload, err)) <
		    0)
			return r;
		env.detached = sl_buf_get(&j->payload);
		if (env.detached.p == NULL)
			env.detached = SL_LIT("");
	}
	if ((r = sl_foreign_check(src, &env, l->reader, flags, f, err)) < 0)
		return r;
	x->f = f;
	show_statement(f, x);
	show_receipts(f, x);
	if (o->payload != NULL && !is_detached &&
	    (r = check_payload(&f->s, o->payload, err)) < 0)
		return r;
	if (o->payload != NULL)
		sl_verify_add(x, "payload", true, "'%s' is what the statement is about",
			      o->payload);
	return verdict(f, j, o, x, err);
}

int
sl_verify_foreign(struct sl_local *l, struct sl_slice src,
		  const struct sl_verify_foreign_opt *o, struct sl_foreign *f,
		  struct sl_verify_result *x, struct sl_err *err)
{
	struct job j = { .trust = SL_TRUST_NONE,
			 .payload.max = SL_SIGN1_BYTES_MAX + (1 << 17) };
	int r;

	sl_sig_helper(&j.sig);
	/* These say nothing about the statement. */
	if ((r = take_time(o->time, &j.time, err)) == 0 &&
	    (r = load_list(l, o->list, &j, err)) == 0)
		r = sl_verify_code(check(l, src, o, &j, f, x, err), err);
	job_done(&j);
	return r;
}

int
sl_verify_payload(struct sl_slice src, const char *path, struct sl_verify_result *x,
		  struct sl_err *err)
{
	struct sl_sign1 s;
	int r = sl_statement_parse(src, SL_TRANSPARENT_MAX, 0, &s, err);

	if (r == 0)
		r = check_payload(&s, path, err);
	if (r < 0)
		return sl_verify_code(r, err);
	sl_verify_add(x, "payload", true, "'%s' is what the statement is about", path);
	return 0;
}

void
sl_verify_foreign_json(const struct sl_foreign *f, struct sl_jb *b, struct sl_json *v)
{
	static const char *const words[] = { "good", "bad", "unknown" };
	const struct sl_cose_hdr *h = &f->s.h;
	struct sl_json *st = sl_json_set(b, v, "statement", sl_json_obj(b));
	struct sl_json *list = sl_json_set(b, v, "registered", sl_json_arr(b));

	(void)sl_json_set(b, st, "id", sl_json_hex(b, f->id, 32));
	(void)sl_json_set(b, st, "algorithm", sl_json_cstr(b, f->who.alg));
	(void)sl_json_set(b, st, "issuer", sl_json_str(b, h->iss));
	(void)sl_json_set(b, st, "subject", sl_json_str(b, h->sub));
	(void)sl_json_set(b, st, "known_by",
			  sl_json_cstr(b, sl_issuer_how_name(f->who.how)));
	(void)sl_json_set(b, st, "trusted", sl_json_bool(b, f->who.is_trusted));
	if (h->has_nbf)
		(void)sl_json_set(b, st, "not_before", sl_json_int(b, h->nbf));
	if (h->has_exp)
		(void)sl_json_set(b, st, "not_after", sl_json_int(b, h->exp));
	if (h->has_hash_alg) {
		(void)sl_json_set(b, st, "hash", sl_json_cstr(b, hash_name(h->hash_alg)));
		(void)sl_json_set(b, st, "preimage_type",
				  sl_json_str(b, h->preimage_type));
		(void)sl_json_set(b, st, "location", sl_json_str(b, h->location));
	}
	for (size_t i = 0; i < f->n; i++) {
		const struct sl_judged *r = &f->receipt[i];
		struct sl_json *e = sl_json_add(b, list, sl_json_obj(b));

		(void)sl_json_set(b, e, "service", sl_json_cstr(b, r->service));
		(void)sl_json_set(b, e, "is", sl_json_cstr(b, words[r->is]));
		if (r->is == SL_JUDGED_GOOD)
			(void)sl_json_set(b, e, "leaf",
					  sl_json_cstr(b, sl_leaf_mode_name(r->mode)));
		else
			(void)sl_json_set(b, e, "why", sl_json_cstr(b, r->why));
	}
}
