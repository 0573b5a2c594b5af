/* hdr.c -- see hdr.h. */
#include "cose/hdr.h"

#define REFUSE(rd, ...) ((void)sl_cbor_refuse((rd), SL_E(FORMAT), __VA_ARGS__))

static const struct {
	int16_t alg;
	char name[8];
} algs[] = {
	{ -7, "ES256" },  { -8, "EdDSA" },   { -9, "ESP256" },  { -19, "Ed25519" },
	{ -35, "ES384" }, { -36, "ES512" },  { -37, "PS256" },  { -38, "PS384" },
	{ -39, "PS512" }, { -47, "ES256K" }, { -51, "ESP384" }, { -52, "ESP512" },
	{ -53, "Ed448" }, { -257, "RS256" },
};

const char *
sl_cose_alg_name(long long alg)
{
	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (algs[i].alg == alg)
			return algs[i].name;
	return NULL;
}

/* A label as an int64 where it is one; false for text and for what int64 cannot hold. */
static bool
label_int(struct sl_cbor_label l, int64_t *ret)
{
	if (l.s.p != NULL || l.i.n > INT64_MAX)
		return false;
	*ret = l.i.neg ? -1 - (int64_t)l.i.n : (int64_t)l.i.n;
	return true;
}

/* NumericDate: an integer, possibly under tag 1, which RFC 8392 section 2 forbids and
 * some issuers write.  Other forms are legal and skipped. */
static void
take_time(struct sl_cbor_rd *rd, bool *has, int64_t *ret)
{
	if (sl_cbor_peek(rd) == SL_CBOR_TAG && sl_cbor_tag(rd) != 1)
		REFUSE(rd, "a time claim under a tag other than 1 (RFC 8392 section 2)");
	if (sl_cbor_peek(rd) == SL_CBOR_SIMPLE) {
		(void)sl_cbor_skip(rd);
		return;
	}
	*ret = sl_cbor_int(rd);
	*has = rd->code == 0;
}

static void
take_claims(struct sl_cbor_rd *rd, struct sl_cose_hdr *h)
{
	size_t n = sl_cbor_map(rd);

	h->has_claims = true;
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		int64_t l = 0;

		if (!label_int(sl_cbor_key(rd), &l))
			l = 0;
		switch (l) {
		case SL_CWT_ISS:
			h->iss = sl_cbor_tstr(rd);
			h->has_iss = rd->code == 0;
			break;
		case SL_CWT_SUB:
			h->sub = sl_cbor_tstr(rd);
			h->has_sub = rd->code == 0;
			break;
		case SL_CWT_IAT:
			take_time(rd, &h->has_iat, &h->iat);
			break;
		case SL_CWT_EXP:
			take_time(rd, &h->has_exp, &h->exp);
			break;
		case SL_CWT_NBF:
			take_time(rd, &h->has_nbf, &h->nbf);
			break;
		default:
			(void)sl_cbor_skip(rd);
		}
	}
}

static void
take_kid(struct sl_cbor_rd *rd, struct sl_cose_hdr *h, bool is_prot)
{
	if (sl_cbor_peek(rd) != SL_CBOR_BSTR) {
		REFUSE(rd, "kid (label 4) must be a byte string (RFC 9052 section 3.1)");
		return;
	}
	h->kid = sl_cbor_bstr(rd);
	h->has_kid = true;
	h->is_kid_unprotected = !is_prot;
}

/* tstr / uint: media type or CoAP content format (RFC 9052 section 3.1, RFC 9596). */
static bool
take_type(struct sl_cbor_rd *rd, struct sl_slice *text, uint64_t *num)
{
	if (sl_cbor_peek(rd) == SL_CBOR_TSTR) {
		*text = sl_cbor_tstr(rd);
		return true;
	}
	*num = sl_cbor_uint(rd);
	return false;
}

static void
take_alg(struct sl_cbor_rd *rd, struct sl_cose_hdr *h)
{
	h->has_alg = true;
	if (sl_cbor_peek(rd) == SL_CBOR_TSTR)
		h->alg_text = sl_cbor_tstr(rd);
	else
		h->alg = sl_cbor_int(rd);
}

/* Parameters that mean something to us in the protected header; false: not one. */
static bool
take_protected(struct sl_cbor_rd *rd, struct sl_cose_hdr *h, int64_t l)
{
	uint64_t num;

	switch (l) {
	case SL_COSE_ALG:
		take_alg(rd, h);
		return true;
	case SL_COSE_CONTENT_TYPE:
		h->has_type_text = take_type(rd, &h->type_text, &h->type_uint);
		h->has_type_uint = !h->has_type_text;
		return true;
	case SL_COSE_KID:
		take_kid(rd, h, true);
		return true;
	case SL_COSE_CWT_CLAIMS:
		take_claims(rd, h);
		return true;
	case SL_COSE_TYP:
		(void)take_type(rd, &h->typ, &num);
		h->has_typ = true;
		return true;
	case SL_COSE_X5CHAIN:
		h->x5chain = sl_cbor_skip(rd);
		h->has_x5chain = true;
		return true;
	case SL_COSE_X5T:
		h->x5t = sl_cbor_skip(rd);
		h->has_x5t = true;
		return true;
	case SL_COSE_HASH_ALG:
		h->hash_alg = sl_cbor_int(rd);
		h->has_hash_alg = true;
		return true;
	case SL_COSE_PREIMAGE_TYPE:
		if (!take_type(rd, &h->preimage_type, &num))
			h->preimage_type = (struct sl_slice){ (const uint8_t *)"", 0 };
		return true;
	case SL_COSE_LOCATION:
		h->location = sl_cbor_tstr(rd);
		return true;
	case SL_COSE_VDS:
		h->vds = sl_cbor_int(rd);
		h->has_vds = true;
		return true;
	default:
		return false;
	}
}

/* Drafts of SCITT used labels that never were registered; some mean other things now. */
static bool
is_draft(const struct sl_cbor_rd *rd, int64_t l)
{
	return l == SL_COSE_DRAFT_VDS || l == SL_COSE_DRAFT_VDP ||
	       (l >= SL_COSE_DRAFT_FIRST && l <= SL_COSE_DRAFT_LAST) ||
	       (l == SL_COSE_KCWT && sl_cbor_peek(rd) == SL_CBOR_MAP);
}

static void
take_unprotected(struct sl_cbor_rd *rd, struct sl_cose_hdr *h, int64_t l)
{
	switch (l) {
	case SL_COSE_ALG:
		REFUSE(rd, "alg (label 1) is not protected (RFC 9943 section 6)");
		break;
	case SL_COSE_CRIT:
		REFUSE(rd, "crit (label 2) is not protected (RFC 9052 section 3.1)");
		break;
	case SL_COSE_CWT_CLAIMS:
		REFUSE(rd,
		       "CWT claims (label 15) are not protected (RFC 9597 section 2)");
		break;
	case SL_COSE_HASH_ALG:
	case SL_COSE_PREIMAGE_TYPE:
	case SL_COSE_LOCATION:
		REFUSE(rd, "label %lld is not protected (RFC 9995 section 4)",
		       (long long)l);
		break;
	case SL_COSE_VDS:
		REFUSE(rd, "vds (label 395) is not protected (RFC 9942 section 4)");
		break;
	case SL_COSE_KID:
		take_kid(rd, h, false);
		break;
	case SL_COSE_X5CHAIN:
		h->x5chain_open = sl_cbor_skip(rd);
		break;
	case SL_COSE_RECEIPTS:
		h->receipts = sl_cbor_skip(rd);
		break;
	case SL_COSE_VDP:
		h->vdp = sl_cbor_skip(rd);
		h->has_vdp = true;
		break;
	default:
		(void)sl_cbor_skip(rd);
	}
}

struct maps { /* what one pass leaves for the rules across parameters */
	struct sl_slice prot, crit;
};

/* True when the map (checked before) has the label. */
static bool
has_label(struct sl_slice map, struct sl_cbor_label want)
{
	struct sl_err e = { 0 };
	struct sl_cbor_rd rd = sl_cose_sub(map, "header", &e);
	size_t n = map.len > 0 ? sl_cbor_map(&rd) : 0;

	for (size_t i = 0; i < n; i++) {
		if (sl_cbor_label_eq(sl_cbor_key(&rd), want))
			return true;
		(void)sl_cbor_skip(&rd);
	}
	return false;
}

static void
take_param(struct sl_cbor_rd *rd, struct sl_cose_hdr *h, struct maps *m, bool is_prot)
{
	size_t at = rd->pos;
	struct sl_cbor_label key = sl_cbor_key(rd);
	int64_t l = 0;

	if (!is_prot && has_label(m->prot, key)) {
		rd->pos = at;
		REFUSE(rd, "a label of the protected header occurs here too "
			   "(RFC 9052 section 3)");
		return;
	}
	if (!label_int(key, &l))
		l = 0; /* text and huge labels: nothing of ours */
	if (is_draft(rd, l)) {
		REFUSE(rd, "label %lld is of a draft, not of RFC 9942 or RFC 9597",
		       (long long)l);
	} else if (!is_prot) {
		take_unprotected(rd, h, l);
	} else if (l == SL_COSE_CRIT) {
		m->crit = sl_cbor_skip(rd);
	} else if (l == SL_COSE_RECEIPTS || l == SL_COSE_VDP) {
		REFUSE(rd, "label %lld is protected (RFC 9942 section 4)", (long long)l);
	} else if (!take_protected(rd, h, l)) {
		(void)sl_cbor_skip(rd);
	}
}

static void
take_map(struct sl_cbor_rd *rd, struct sl_cose_hdr *h, struct maps *m, bool is_prot)
{
	size_t n = sl_cbor_map(rd);

	if (n > SL_COSE_LABELS_MAX)
		(void)sl_cbor_refuse(rd, SL_E(LIMIT), "%zu parameters, %d allowed", n,
				     SL_COSE_LABELS_MAX);
	for (size_t i = 0; i < n && rd->code == 0; i++)
		take_param(rd, h, m, is_prot);
}

static bool
is_understood(struct sl_cbor_label key)
{
	static const int16_t known[] = {
		SL_COSE_ALG,           SL_COSE_CONTENT_TYPE, SL_COSE_KID,
		SL_COSE_CWT_CLAIMS,    SL_COSE_TYP,          SL_COSE_HASH_ALG,
		SL_COSE_PREIMAGE_TYPE, SL_COSE_LOCATION,     SL_COSE_VDS
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (sl_cbor_is(key, known[i]))
			return true;
	return false;
}

/* RFC 9052 section 3.1: not empty, each label understood and protected. */
static int
check_crit(const struct maps *m, struct sl_err *err)
{
	struct sl_cbor_rd rd = sl_cose_sub(m->crit, "crit (label 2)", err);
	size_t n = sl_cbor_arr(&rd);

	if (rd.code == 0 && n == 0)
		REFUSE(&rd, "empty (RFC 9052 section 3.1)");
	for (size_t i = 0; i < n && rd.code == 0; i++) {
		struct sl_cbor_label key = sl_cbor_key(&rd);

		if (rd.code != 0)
			break;
		if (!has_label(m->prot, key))
			REFUSE(&rd, "lists a label that is not in the protected header "
				    "(RFC 9052 section 3.1)");
		else if (!is_understood(key) && key.s.p != NULL)
			(void)sl_cbor_refuse(&rd, SL_E(UNSUPPORTED),
					     "label '%.*s' is not understood",
					     SL_ARG(key.s));
		else if (!is_understood(key))
			(void)sl_cbor_refuse(
			    &rd, SL_E(UNSUPPORTED), "label %s%llu is not understood",
			    key.i.neg ? "-1-" : "", (unsigned long long)key.i.n);
	}
	return sl_cbor_close(&rd);
}

/* RFC 9995 section 4. */
static int
check_envelope(const struct sl_cose_hdr *h, struct sl_err *err)
{
	if (!h->has_hash_alg && (h->preimage_type.p != NULL || h->location.p != NULL))
		return SL_ERR(err, FORMAT,
			      "protected header: label 259 or 260 without 258 "
			      "(RFC 9995 section 4)");
	if (h->has_hash_alg && (h->has_type_text || h->has_type_uint))
		return SL_ERR(err, FORMAT,
			      "protected header: content type (label 3) in a hash "
			      "envelope (RFC 9995 section 4)");
	return 0;
}

int
sl_cose_hdr_parse(struct sl_slice prot, struct sl_slice unprot, struct sl_cose_hdr *h,
		  struct sl_err *err)
{
	struct sl_cbor_rd rd;
	struct maps m = { .prot = prot };
	int r;

	*h = (struct sl_cose_hdr){ 0 };
	if (prot.len > 0) {
		r = sl_cbor_open(&rd, prot, SL_SIGN1_BYTES_MAX, "protected header", err);
		if (r < 0)
			return r;
		take_map(&rd, h, &m, true);
		if ((r = sl_cbor_close(&rd)) < 0)
			return r;
	}
	rd = sl_cose_sub(unprot, "unprotected header", err);
	take_map(&rd, h, &m, false);
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	if (m.crit.p != NULL && (r = check_crit(&m, err)) < 0)
		return r;
	return check_envelope(h, err);
}
