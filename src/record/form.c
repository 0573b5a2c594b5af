/* form.c -- see form.h. */
#include "record/form.h"

#include "cose/key.h"
#include "record/transparent.h"

static const char media_type[] = "application/vnd.in-toto+json";

/* The header made of opts is the one that s has. */
static int
same_header(const struct sl_sign1 *s, const struct sl_sign1_opts *o, const char *what,
	    struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_SIGN1_BYTES_MAX };

	sl_sign1_put_protected(o, &b);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a header");
	if (!sl_slice_eq(sl_buf_get(&b), s->prot))
		return SL_ERR(err, VERIFY,
			      "%s: its protected header is not of the form of sluice",
			      what);
	return 0;
}

static int
issuer(const struct sl_cose_hdr *h, const char *what, uint8_t ret_pub[32],
       uint8_t ret_kid[32], struct sl_err *err)
{
	if (!sl_didkey_parse(h->iss, ret_pub))
		return SL_ERR(err, VERIFY, "%s: its issuer is no did:key", what);
	sl_key_thumb(ret_pub, ret_kid);
	if (!sl_slice_eq(h->kid, (struct sl_slice){ ret_kid, 32 }))
		return SL_ERR(err, VERIFY, "%s: its kid is not that of its issuer", what);
	return 0;
}

int
sl_form_statement(const struct sl_sign1 *s, uint8_t ret_pub[32], struct sl_err *err)
{
	uint8_t kid[32];
	struct sl_sign1_opts o = {
		.alg = SL_ALG_EDDSA, .kid = { kid, 32 }, .iss = s->h.iss, .sub = s->h.sub
	};
	int r = issuer(&s->h, "statement", ret_pub, kid, err);

	if (r < 0)
		return r;
	if (s->h.has_hash_alg) {
		o.hash_alg = SL_ALG_SHA256;
		o.preimage_type = sl_slice_str(media_type);
	} else {
		o.content_type = sl_slice_str(media_type);
	}
	return same_header(s, &o, "statement", err);
}

int
sl_form_receipt(const struct sl_receipt *rc, uint8_t ret_pub[32], struct sl_err *err)
{
	const struct sl_sign1 *s = &rc->s;
	uint8_t kid[32];
	const struct sl_sign1_opts o = { .alg = SL_ALG_EDDSA,
					 .kid = { kid, 32 },
					 .iss = s->h.iss,
					 .sub = s->h.sub,
					 .has_vds = true,
					 .vds = SL_VDS_RFC9162 };
	int r;

	if (!sl_receipt_is_bare(rc) || !s->is_detached)
		return SL_ERR(err, VERIFY, "receipt: it holds more than its proof");
	if ((r = issuer(&s->h, "receipt", ret_pub, kid, err)) < 0)
		return r;
	return same_header(s, &o, "receipt", err);
}

int
sl_form_jcs(struct sl_slice bytes, const struct sl_json *v, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = bytes.len };
	struct sl_err why = { 0 };
	int r;

	/* Room first: what fails afterwards is too long, not out of memory. */
	if (bytes.len > 0 && sl_buf_room(&b, bytes.len) == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a payload");
	r = sl_json_jcs(v, &b, &why);
	if (r == SL_E(NOMEM) && !b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a payload");
	if (r < 0 || b.is_failed || !sl_slice_eq(sl_buf_get(&b), bytes))
		return SL_ERR(err, VERIFY, "its payload is not in JCS form (RFC 8785)");
	return 0;
}

int
sl_form_intoto(const struct sl_json *v, struct sl_err *err)
{
	const struct sl_json *subject = sl_json_get(v, "subject");
	const struct sl_json *one = sl_json_first(subject);
	const struct sl_json *digest = sl_json_get(one, "digest");
	const struct sl_json *p = sl_json_get(v, "predicate");

	if (v->n != 4 || p == NULL || p->kind != SL_JSON_OBJ ||
	    !sl_slice_eq(sl_json_get_str(v, "_type"),
			 SL_LIT("https://in-toto.io/Statement/v1")) ||
	    sl_json_get_str(v, "predicateType").len == 0)
		return SL_ERR(err, VERIFY,
			      "not an in-toto Statement v1 and nothing else");
	if (subject == NULL || subject->kind != SL_JSON_ARR || subject->n != 1 ||
	    one->n != 2 || sl_json_get_str(one, "name").len == 0 || digest == NULL ||
	    digest->n != 1 || sl_json_get_str(digest, "sha256").len != 64)
		return SL_ERR(err, VERIFY, "not one subject with a name and its SHA-256");
	return 0;
}
