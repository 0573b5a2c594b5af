/* sigreq.c -- see sigreq.h.  A question is an array: [alg, spki, tbs, sig],
 * [time, iss, [certificates], [roots]] or [[certificate]]; an answer
 * [code, why, spki, is bound]. */
#include "cose/sigreq.h"

static void
put_list(struct sl_buf *out, const struct sl_slice *s, size_t n)
{
	sl_cbor_put_arr(out, n);
	for (size_t i = 0; i < n; i++)
		sl_cbor_put_bstr(out, s[i]);
}

void
sl_sig_ask_put(const struct sl_sig_ask *a, struct sl_buf *out)
{
	if (a->op == SL_SIG_CERT) {
		sl_cbor_put_arr(out, 1);
		put_list(out, a->cert, a->n_certs);
		return;
	}
	sl_cbor_put_arr(out, 4);
	if (a->op == SL_SIG_VERIFY) {
		sl_cbor_put_int(out, a->alg);
		sl_cbor_put_bstr(out, a->spki);
		sl_cbor_put_bstr(out, a->tbs);
		sl_cbor_put_bstr(out, a->sig);
		return;
	}
	sl_cbor_put_int(out, a->time);
	sl_cbor_put_tstr(out, a->iss);
	put_list(out, a->cert, a->n_certs);
	put_list(out, a->root, a->n_roots);
}

static void
get_list(struct sl_cbor_rd *rd, struct sl_slice *to, size_t max, size_t *ret_n)
{
	size_t n = sl_cbor_arr(rd);

	if (n > max) {
		(void)sl_cbor_refuse(rd, SL_E(LIMIT), "%zu certificates, %zu allowed", n,
				     max);
		return;
	}
	for (size_t i = 0; i < n && rd->code == 0; i++) {
		to[i] = sl_cbor_bstr(rd);
		if (to[i].len > SL_SIG_CERT_BYTES)
			(void)sl_cbor_refuse(rd, SL_E(LIMIT),
					     "a certificate of %zu bytes, %d allowed",
					     to[i].len, SL_SIG_CERT_BYTES);
	}
	*ret_n = n;
}

int
sl_sig_ask_get(enum sl_sig_op op, struct sl_slice src, struct sl_sig_ask *ret,
	       struct sl_err *err)
{
	struct sl_sig_ask a = { .op = op };
	struct sl_cbor_rd rd;
	int r = sl_cbor_open(&rd, src, SL_SIG_ASK_MAX, "question", err);

	if (r < 0)
		return r;
	sl_cbor_arr_n(&rd, op == SL_SIG_CERT ? 1 : 4);
	if (op == SL_SIG_VERIFY) {
		a.alg = sl_cbor_int(&rd);
		a.spki = sl_cbor_bstr(&rd);
		a.tbs = sl_cbor_bstr(&rd);
		a.sig = sl_cbor_bstr(&rd);
	} else {
		if (op == SL_SIG_CHAIN) {
			a.time = sl_cbor_int(&rd);
			a.iss = sl_cbor_tstr(&rd);
		}
		get_list(&rd, a.cert, SL_SIG_CERTS_MAX, &a.n_certs);
		if (op == SL_SIG_CHAIN)
			get_list(&rd, a.root, SL_SIG_ROOTS_MAX, &a.n_roots);
		if (rd.code == 0 && a.n_certs == 0)
			(void)sl_cbor_refuse(&rd, SL_E(FORMAT), "no certificate");
	}
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	*ret = a;
	return 0;
}

void
sl_sig_answer_put(const struct sl_sig_answer *a, struct sl_buf *out)
{
	sl_cbor_put_arr(out, 4);
	sl_cbor_put_uint(out, (uint64_t)-a->code);
	sl_cbor_put_tstr(out, a->msg);
	sl_cbor_put_bstr(out, a->spki);
	sl_cbor_put_bool(out, a->is_bound);
}

int
sl_sig_answer_get(struct sl_slice src, struct sl_sig_answer *ret, struct sl_err *err)
{
	struct sl_sig_answer a = { 0 };
	struct sl_cbor_rd rd;
	uint64_t code;
	int r = sl_cbor_open(&rd, src, SL_SIG_ANSWER_MAX, "answer", err);

	if (r < 0)
		return r;
	sl_cbor_arr_n(&rd, 4);
	code = sl_cbor_uint(&rd);
	a.msg = sl_cbor_tstr(&rd);
	a.spki = sl_cbor_bstr(&rd);
	a.is_bound = sl_cbor_bool(&rd);
	if (rd.code == 0 && (code >= SL_E_NUM_COUNT || a.spki.len > SL_SIG_SPKI_MAX ||
			     (code == 0) != (a.msg.len == 0)))
		(void)sl_cbor_refuse(&rd, SL_E(FORMAT), "not one of the helper's");
	if ((r = sl_cbor_close(&rd)) < 0)
		return r;
	a.code = -(int)code;
	*ret = a;
	return 0;
}
