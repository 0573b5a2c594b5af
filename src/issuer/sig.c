/* sig.c -- see sig.h. */
#include "issuer/sig.h"

/* alg of RFC 9864 and what RFC 9053 calls the same, with the curve that we tie it to */
static const int16_t same[][2] = { { SL_ALG_ED25519, SL_ALG_EDDSA },
				   { SL_ALG_ESP256, SL_ALG_ES256 },
				   { SL_ALG_ESP384, SL_ALG_ES384 },
				   { SL_ALG_ESP512, SL_ALG_ES512 } };

static int64_t
plain(int64_t alg)
{
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		if (same[i][0] == alg)
			return same[i][1];
	return alg;
}

void
sl_sig_done(struct sl_sig *s)
{
	if (s->stop != NULL)
		s->stop(s);
	sl_buf_done(&s->room);
	*s = (struct sl_sig){ 0 };
}

int
sl_sig_known(const struct sl_cose_hdr *h, struct sl_err *err)
{
	const char *name = sl_cose_alg_name(h->alg);

	if (!h->has_alg)
		return SL_ERR(err, FORMAT, "no alg (label 1) in the protected header");
	if (h->alg_text.p != NULL)
		return SL_ERR(err, UNSUPPORTED, "signature algorithm '%.*s'",
			      SL_ARG(h->alg_text));
	switch (plain(h->alg)) {
	case SL_ALG_EDDSA:
	case SL_ALG_ES256:
	case SL_ALG_ES384:
	case SL_ALG_ES512:
	case SL_ALG_PS256:
	case SL_ALG_PS384:
	case SL_ALG_PS512:
		return 0;
	default:
		return SL_ERR(err, UNSUPPORTED, "signature algorithm %s (%lld)",
			      name != NULL ? name : "unknown", (long long)h->alg);
	}
}

/* Without somebody to ask. */
static int
refuse(const struct sl_sig_ask *a, struct sl_err *err)
{
	if (a->op == SL_SIG_VERIFY)
		return SL_ERR(err, UNSUPPORTED,
			      "signature algorithm %s (%lld); Ed25519 only here",
			      sl_cose_alg_name(a->alg), (long long)a->alg);
	return SL_ERR(err, UNSUPPORTED, "certificates (x5chain, label 33) here");
}

static int
ask(struct sl_sig *s, const struct sl_sig_ask *a, struct sl_sig_answer *ret,
    struct sl_err *err)
{
	SL_AUTO_BUF q = { .max = SL_SIG_ASK_MAX };
	int r;

	if (s->ask == NULL)
		return refuse(a, err);
	sl_sig_ask_put(a, &q);
	if (q.is_failed)
		return SL_ERR(err, LIMIT, "a message too large to be checked");
	sl_buf_clear(&s->room);
	s->room.max = SL_SIG_ANSWER_MAX + 1;
	if ((r = s->ask(s, a->op, sl_buf_get(&q), err)) < 0 ||
	    (r = sl_sig_answer_get(sl_buf_get(&s->room), ret, err)) < 0)
		return r;
	if (ret->code == 0)
		return 0;
	/* safe because the code was checked to be one of ours, and err.c escapes */
	return sl_err_raise(err, ret->code, 0, __FILE__, __LINE__, "%.*s",
			    (int)ret->msg.len, (const char *)ret->msg.p);
}

int
sl_sig_check(struct sl_sig *s, const struct sl_pubkey *k, int64_t alg,
	     struct sl_slice tbs, struct sl_slice sig, struct sl_err *err)
{
	bool is_ed = plain(alg) == SL_ALG_EDDSA;
	const struct sl_sig_ask a = {
		.op = SL_SIG_VERIFY,
		.alg = alg,
		.spki = { k->spki, k->n_spki },
		.tbs = tbs,
		.sig = sig,
	};
	struct sl_sig_answer answer;

	if (k->alg != 0 && plain(k->alg) != plain(alg))
		return SL_ERR(err, VERIFY, "signed by %s, but the key is for %s only",
			      sl_cose_alg_name(alg), sl_cose_alg_name(k->alg));
	if (is_ed != k->is_ed25519)
		return SL_ERR(err, VERIFY, "signed by %s, but the key is %s",
			      sl_cose_alg_name(alg),
			      is_ed ? "not of Ed25519" : "of Ed25519");
	if (!is_ed)
		return ask(s, &a, &answer, err);
	if (sig.len == 114)
		return SL_ERR(err, UNSUPPORTED, "signature algorithm Ed448");
	if (sig.len != SL_SIG_LEN)
		return SL_ERR(err, VERIFY, "the signature has %zu bytes, Ed25519 has %d",
			      sig.len, SL_SIG_LEN);
	if (!sl_verify(k->ed, tbs, sig.p))
		return SL_ERR(err, VERIFY,
			      "the signature does not fit the key and the content");
	return 0;
}

int
sl_sig_cert_key(struct sl_sig *s, const struct sl_sig_ask *a, struct sl_pubkey *ret,
		bool *ret_bound, struct sl_err *err)
{
	struct sl_sig_answer answer;
	int r = ask(s, a, &answer, err);

	if (r < 0)
		return r;
	*ret_bound = answer.is_bound;
	return sl_pubkey_spki(answer.spki, ret, err);
}
