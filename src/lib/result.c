/* result.c -- see sluice.h: what a check found. */
#include "lib/result.h"

#include "base/hex.h"
#include "crypto/sha256.h"
#include "crypto/sha512.h"

#include <stdio.h>

/* clang-format off */
static const struct { int own, pub; } codes[] = {
	{ SL_E(USAGE), SLUICE_ERR_USAGE },
	{ SL_E(FORMAT), SLUICE_ERR_MALFORMED },
	{ SL_E(UNKNOWN), SLUICE_ERR_MALFORMED },
	{ SL_E(LIMIT), SLUICE_ERR_LIMIT },
	{ SL_E(UNSUPPORTED), SLUICE_ERR_UNSUPPORTED },
	{ SL_E(VERIFY), SLUICE_ERR_FAILED },
	{ SL_E(SIGNER), SLUICE_ERR_SIGNER },
	{ SL_E(NOMEM), SLUICE_ERR_MEMORY },
	{ SL_E(BUG), SLUICE_ERR_INTERNAL },
};
/* clang-format on */

enum { N_CODES = sizeof(codes) / sizeof(codes[0]) };

int
sl_lib_error(int code)
{
	if (code >= 0)
		return SLUICE_OK;
	for (size_t i = 0; i < N_CODES; i++)
		if (codes[i].own == code)
			return codes[i].pub;
	return SLUICE_ERR_INTERNAL;
}

const char *
sluice_error_id(int error)
{
	if (error == SLUICE_OK)
		return sl_code_id(0);
	for (size_t i = 0; i < N_CODES; i++)
		if (codes[i].pub == error)
			return sl_code_id(codes[i].own);
	return sl_code_id(SL_E(BUG));
}

/* A text with a NUL in it cannot be told from a shorter one: it is left out. */
static bool
put(sluice_result *r, enum sluice_string which, struct sl_slice s)
{
	if (s.len > 0 && memchr(s.p, 0, s.len) != NULL)
		s = (struct sl_slice){ 0 };
	return (r->string[which] = sl_arena_str(&r->a, s)) != NULL;
}

bool
sl_lib_take_statement(sluice_result *r, const struct sl_sign1 *s, const char *alg)
{
	const struct sl_cose_hdr *h = &s->h;
	const char *hash = !h->has_hash_alg               ? ""
			   : h->hash_alg == SL_ALG_SHA256 ? "SHA-256"
			   : h->hash_alg == SL_ALG_SHA384 ? "SHA-384"
							  : "SHA-512";
	uint8_t id[32];
	char hex[65];

	sl_sign1_canon(s, id);
	sl_hex(hex, id, 32);
	r->payload = sl_arena_dup(&r->a, s->payload);
	r->hash_alg = h->has_hash_alg ? h->hash_alg : 0;
	return r->payload.p != NULL && put(r, SLUICE_ISSUER, h->iss) &&
	       put(r, SLUICE_SUBJECT, h->sub) &&
	       put(r, SLUICE_ENTRY_ID, sl_slice_str(hex)) &&
	       put(r, SLUICE_ALGORITHM, sl_slice_str(alg != NULL ? alg : "")) &&
	       put(r, SLUICE_CONTENT_TYPE,
		   h->has_hash_alg ? h->preimage_type : h->type_text) &&
	       put(r, SLUICE_HASH, sl_slice_str(hash)) &&
	       put(r, SLUICE_LOCATION, h->location);
}

void
sl_lib_take_report(sluice_result *r, const struct sl_verify_report *p)
{
	size_t n = p->findings.n < SL_FINDINGS_MAX ? p->findings.n : SL_FINDINGS_MAX;

	r->number[SLUICE_FINDINGS] = n;
	for (size_t i = 0; i < n; i++)
		(void)snprintf(r->finding[i], sizeof(r->finding[i]), "%s: %s",
			       p->findings.f[i].where, p->findings.f[i].what);
	if (!p->is_good)
		return;
	(void)(put(r, SLUICE_ISSUER, sl_slice_str(p->did)) &&
	       put(r, SLUICE_RUN, sl_slice_str(p->run)) &&
	       put(r, SLUICE_RUN_KIND, sl_slice_str(p->kind)) &&
	       put(r, SLUICE_RUN_VERDICT, sl_slice_str(p->verdict)));
	r->number[SLUICE_RECEIPTS] = r->number[SLUICE_RECEIPTS_GOOD] = p->n_receipts;
	r->number[SLUICE_STATEMENTS] = p->n_statements;
	r->number[SLUICE_DECISIONS] = p->n_decisions;
	r->number[SLUICE_REDERIVED] = p->n_rederived;
	r->number[SLUICE_ERASED] = p->n_erased;
	r->number[SLUICE_ACTS] = p->n_acts;
	r->number[SLUICE_SEALED] = p->is_sealed;
}

void
sl_lib_take_receipts(sluice_result *r, const struct sl_judged *x, size_t n)
{
	r->number[SLUICE_RECEIPTS] = n;
	for (size_t i = 0; i < n; i++) {
		r->receipt[i] = x[i];
		r->number[SLUICE_RECEIPTS_GOOD] += x[i].is == SL_JUDGED_GOOD;
	}
}

int
sluice_result_error(const sluice_result *r)
{
	return r->error;
}

const char *
sluice_result_text(const sluice_result *r)
{
	return r->text;
}

const char *
sluice_result_string(const sluice_result *r, enum sluice_string which)
{
	size_t i = (size_t)which;

	return i < SL_RESULT_STRINGS && r->string[i] != NULL ? r->string[i] : "";
}

uint64_t
sluice_result_number(const sluice_result *r, enum sluice_number which)
{
	size_t i = (size_t)which;

	return i < SL_RESULT_NUMBERS ? r->number[i] : 0;
}

const void *
sluice_result_payload(const sluice_result *r, size_t *ret_len)
{
	*ret_len = r->payload.len;
	return r->payload.p;
}

int
sluice_result_matches(const sluice_result *r, const void *data, size_t len)
{
	struct sl_slice own = { data, len };
	struct sl_sha512 h;
	uint8_t d[64];

	if (r->payload.p == NULL || (data == NULL && len > 0))
		return SLUICE_ERR_USAGE;
	if (r->hash_alg == SL_ALG_SHA256) {
		sl_sha256(own, d);
		own = (struct sl_slice){ d, 32 };
	} else if (r->hash_alg != 0) {
		sl_sha512_init(&h, r->payload.len);
		sl_sha512_add(&h, data, len);
		sl_sha512_end(&h, d);
		own = (struct sl_slice){ d, r->payload.len };
	}
	/* safe because the parser held the digest's length to its algorithm's */
	return sl_slice_eq(own, r->payload) ? SLUICE_OK : SLUICE_ERR_FAILED;
}

/* Of a bundle only the number of receipts is kept: there all are good, or there is none.
 */
int
sluice_result_receipt(const sluice_result *r, size_t i, const char **ret_service,
		      const char **ret_why)
{
	const struct sl_judged *x = &r->receipt[i < SLUICE_RECEIPTS_MAX ? i : 0];

	if (i >= SLUICE_RECEIPTS_MAX || i >= r->number[SLUICE_RECEIPTS] ||
	    x->service[0] == '\0')
		return SLUICE_ERR_USAGE;
	if (ret_service != NULL)
		*ret_service = x->service;
	if (ret_why != NULL)
		*ret_why = x->why;
	return x->is == SL_JUDGED_GOOD  ? SLUICE_OK
	       : x->is == SL_JUDGED_BAD ? SLUICE_ERR_FAILED
					: SLUICE_ERR_SIGNER;
}

const char *
sluice_result_finding(const sluice_result *r, size_t i)
{
	return i < r->number[SLUICE_FINDINGS] ? r->finding[i] : NULL;
}

void
sluice_result_free(sluice_result *r)
{
	if (r == NULL)
		return;
	sl_arena_free(&r->a);
	free(r);
}
