/* bench_verify.c -- receipts and signatures, beside the raw verification of Ed25519.  One
 * JSON object a line; rounds are interleaved.
 *
 * `receipt` is libsluice's whole path for a receipt at depth 20 over a statement
 * of half a KiB; `statement` that for its signature; `es256 by the helper` a
 * question to sluice-sig and its answer. */
#include "base/hex.h"
#include "cose/receipt.h"
#include "cose/statement.h"
#include "issuer/sig.h"

#include <sluice.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 21, CALLS = 300, DEPTH = 20, PAYLOAD = 512 };

static struct sl_err err;

static void
must(int r)
{
	if (r < 0) {
		(void)fprintf(stderr, "bench_verify: %s\n", err.msg);
		exit(5);
	}
}

static double
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double
median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2];
}

struct made {
	struct sl_signer key;
	struct sl_buf statement, receipt;
	sluice_verifier *v;
	struct sl_sig sig;
	struct sl_pubkey es256;
	uint8_t raw[128];
	struct sl_sign1 c21;
	struct sl_buf tbs;
};

static void
make_receipt(struct made *m)
{
	static uint8_t payload[PAYLOAD];
	struct sl_sign1_opts o = { .kid = SL_LIT("k"),
				   .iss = SL_LIT("https://a.example"),
				   .sub = SL_LIT("s"),
				   .payload = { payload, sizeof(payload) } };
	struct sl_proof path = { .n = DEPTH };
	struct sl_hash leaf, root;
	uint8_t sig[SL_SIG_LEN];
	struct sl_sign1 s;

	must(sl_sign1_build(&o, &m->key, &m->statement, &err));
	must(sl_statement_parse(sl_buf_get(&m->statement), 1 << 16, 0, &s, &err));
	must(sl_receipt_leaf(&s, SL_LEAF_CANONICAL, &leaf, &err));
	must(sl_proof_root(&path, 5, 1 << DEPTH, &leaf, &root, &err));
	must(sl_receipt_sign(&o, &root, &m->key, sig, &err));
	must(sl_receipt_put(&o, 5, 1 << DEPTH, &path, sig, &m->receipt, &err));
}

/* RFC 9052 appendix C.2.1 */
static void
make_es256(struct made *m)
{
	static const char hex[] = "d28443a10126a10442313154546869732069732074686520636f6e"
				  "74656e742e58408eb33e4ca31d"
				  "1c465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2a"
				  "f9a291aa32e14ab834dc56ed2a"
				  "223444547e01f11d3b0916e5a4c345cacb36";
	static const char did[] =
	    "did:jwk:"
	    "eyJrdHkiOiJFQyIsImNydiI6IlAtMjU2IiwieCI6InVzV3hISzJQbWZuSEt3WFBTNTRtMGtU"
	    "Y0dKOTBVaWdsV2lHYWh0YWdudjgiLCJ5IjoiSUJPTC1DM0J0dFZpdmctbFNyZUFTanBrdHRjc3ot"
	    "MXJi"
	    "N2J0S0x2OEVYNCJ9";
	struct sl_slice none = { 0 };

	sl_sig_helper(&m->sig);
	must(sl_pubkey_did(sl_slice_str(did), &m->es256, &err));
	if (!sl_unhex(m->raw, sizeof(hex) / 2, sl_slice_str(hex)))
		exit(5);
	must(sl_sign1_parse((struct sl_slice){ m->raw, sizeof(hex) / 2 }, 4096, &m->c21,
			    &err));
	must(sl_sign1_tbs(&m->c21, none, none, &m->tbs, &err));
}

static int
raw(struct made *m)
{
	static uint8_t sig[SL_SIG_LEN], msg[128];

	if (sig[0] == 0)
		sl_sign(&m->key, (struct sl_slice){ msg, sizeof(msg) }, sig);
	return sl_verify(m->key.pub, (struct sl_slice){ msg, sizeof(msg) }, sig) ? 0 : -1;
}

static int
receipt(struct made *m)
{
	return sluice_verify_receipt(m->v, m->receipt.p, m->receipt.len, m->statement.p,
				     m->statement.len, NULL);
}

static int
statement(struct made *m)
{
	return sluice_verify_statement(m->v, m->statement.p, m->statement.len, NULL);
}

static int
es256(struct made *m)
{
	return sl_sig_check(&m->sig, &m->es256, SL_ALG_ES256, sl_buf_get(&m->tbs),
			    m->c21.sig, &err);
}

static double
round_of(struct made *m, int (*call)(struct made *))
{
	double at = now_us();

	for (int i = 0; i < CALLS; i++)
		must(call(m));
	return (now_us() - at) / CALLS;
}

int
main(void)
{
	static const struct {
		const char *name;
		int (*call)(struct made *);
	} rows[] = { { "receipt", receipt },
		     { "statement", statement },
		     { "es256 by the helper", es256 } };
	static struct made m = { .statement.max = 1 << 16,
				 .receipt.max = 1 << 16,
				 .tbs.max = 4096 };
	uint8_t seed[32] = { 1 };

	must(sl_crypto_init(&err));
	sl_signer_from_seed(&m.key, seed);
	make_receipt(&m);
	make_es256(&m);
	m.v = sluice_verifier_new();
	if (m.v == NULL || sluice_trust_issuer(m.v, "https://a.example", m.key.pub) < 0 ||
	    sluice_trust_service(m.v, "https://a.example", SLUICE_LEAF_SHA256_CANONICAL,
				 m.key.pub) < 0)
		return 5;
	for (size_t r = 0; r < sizeof(rows) / sizeof(rows[0]); r++) {
		double ours[ROUNDS], peer[ROUNDS], us, raw_us;

		for (int i = 0; i < ROUNDS; i++) { /* interleaved */
			peer[i] = round_of(&m, raw);
			ours[i] = round_of(&m, rows[r].call);
		}
		us = median(ours);
		raw_us = median(peer);
		printf("{\"bench\":\"verify\",\"metric\":\"%s\",\"unit\":\"us\",\"ours\":"
		       "%.3f,"
		       "\"peer\":%.3f,\"peer_name\":\"Ed25519 "
		       "alone\",\"ratio\":%.3f,\"n\":%d}\n",
		       rows[r].name, us, raw_us, us / raw_us, ROUNDS * CALLS);
	}
	sluice_verifier_free(m.v);
	sl_sig_done(&m.sig);
	sl_signer_done(&m.key);
	return 0;
}
