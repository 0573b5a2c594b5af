/* conf_scitt.c -- the SCITT corpus: strict CBOR, Merkle proofs, Ed25519, COSE messages,
 * receipts, notes and checkpoints.  What the helper sluice-sig checks is checked here by
 * the same code in this process. */
#include "codec/base64.h"
#include "cose/sign1.h"
#include "helpers/sig_do.h"
#include "scitt.h"

const struct sl_json *
scitt_json(struct sl_slice text, struct sl_arena *a)
{
	const struct sl_limits lim = { CONF_FILE_MAX, 1 << 22, 64 };
	struct sl_err err = { 0 };
	struct sl_json *v;

	return sl_json_parse(text, &lim, a, &v, &err) == 0 ? v : NULL;
}

static int
digit(uint8_t ch)
{
	const char *at = ch != 0 ? strchr("0123456789abcdef", ch | 0x20) : NULL;

	return at != NULL ? (int)(at - "0123456789abcdef") : -1;
}

bool
scitt_unhex(struct sl_slice hex, struct sl_buf *out)
{
	sl_buf_clear(out);
	if (hex.len % 2 != 0)
		return false;
	for (size_t i = 0; i < hex.len; i += 2) {
		int hi = digit(hex.p[i]), lo = digit(hex.p[i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		sl_buf_byte(out, (uint8_t)(hi << 4 | lo));
	}
	return !out->is_failed;
}

static int
in_process(struct sl_sig *s, enum sl_sig_op op, struct sl_slice question,
	   struct sl_err *err)
{
	return sl_sig_reply(op, question, &s->room, err);
}

struct sl_sig *
scitt_sig(void)
{
	static struct sl_sig sig = { .ask = in_process };

	return &sig;
}

bool
scitt_pem(struct sl_slice pem, struct sl_pubkey *ret)
{
	struct sl_err err = { 0 };
	size_t n = 0;

	return sl_keyfile_parse(pem, scitt_sig(), ret, 1, &n, &err) == 0 && n == 1;
}

bool
scitt_key(const struct sl_json *key, struct sl_pubkey *ret)
{
	static const char *const names[] = { "kty", "crv", "x", "y", "n", "e" };
	SL_AUTO_ARENA a = { .cap = 1 << 18 };
	struct sl_jb b = { .a = &a };
	struct sl_json *jwk = sl_json_obj(&b);
	struct sl_err err = { 0 };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		SL_AUTO_BUF raw = { .max = 4096 }, b64 = { .max = 4096 };
		char hex[16];

		(void)snprintf(hex, sizeof(hex), "%s_hex", names[i]);
		if (sl_json_get(key, hex) != NULL &&
		    scitt_unhex(sl_json_get_str(key, hex), &raw)) {
			sl_base64_put(&b64, SL_BASE64_URL, sl_buf_get(&raw));
			(void)sl_json_set(&b, jwk, names[i],
					  sl_json_str(&b, sl_buf_get(&b64)));
		} else if (sl_json_get(key, names[i]) != NULL) {
			(void)sl_json_set(
			    &b, jwk, names[i],
			    sl_json_str(&b, sl_json_get_str(key, names[i])));
		}
	}
	return sl_pubkey_jwk(jwk, ret, &err) == 0;
}

int
scitt_check(const struct sl_sign1 *s, struct sl_slice detached, struct sl_slice aad,
	    const struct sl_pubkey *key, struct sl_err *err)
{
	SL_AUTO_BUF tbs = { .max = CONF_FILE_MAX };
	int r;

	if ((r = sl_sig_known(&s->h, err)) < 0 ||
	    (r = sl_sign1_tbs(s, detached, aad, &tbs, err)) < 0)
		return r;
	return sl_sig_check(scitt_sig(), key, s->h.alg, sl_buf_get(&tbs), s->sig, err);
}

/* Rows: hex, verdict, why.  What begins like a COSE_Sign1 is held to its rules too. */
void
scitt_cbor(struct conf *c)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, raw = { .max = 1 << 16 };
	struct sl_slice rest, line;

	if (!conf_read(c, &text, "scitt/made/cbor-strict.tsv"))
		return;
	for (rest = sl_buf_get(&text); conf_line(&rest, &line);) {
		struct sl_slice hex = sl_slice_upto(line, '\t');
		struct sl_slice more = sl_slice_skip(line, hex.len + 1);
		struct sl_slice verdict = sl_slice_upto(more, '\t');
		bool want = sl_slice_eq(verdict, SL_LIT("accept")), got;
		struct sl_err err = { 0 };
		struct sl_cbor_rd rd;
		struct sl_sign1 s;

		if (line.len == 0 || line.p[0] == '#' || !scitt_unhex(hex, &raw))
			continue;
		got = sl_cbor_open(&rd, sl_buf_get(&raw), 1 << 16, "item", &err) == 0;
		if (raw.len >= 2 && (raw.p[0] == 0xd2 || raw.p[0] == 0x84))
			got = got &&
			      sl_sign1_parse(sl_buf_get(&raw), 1 << 16, &s, &err) == 0;
		conf_case(c, got == want, "made/cbor-strict.tsv %.*s: %s", SL_ARG(line),
			  got ? "accepted" : err.msg);
	}
}

void
scitt_ed25519(struct conf *c)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX }, tsv = { .max = CONF_FILE_MAX };
	SL_AUTO_BUF key = { .max = 64 }, sig = { .max = 128 };
	SL_AUTO_ARENA a = { .cap = 1 << 27 };
	struct sl_slice rest, line;
	const struct sl_json *all;

	if (!conf_read(c, &text, "scitt/cctv-ed25519/ed25519vectors.json") ||
	    !conf_read(c, &tsv, "scitt/cctv-ed25519/verdicts-openssl-libsodium.tsv"))
		return;
	all = scitt_json(sl_buf_get(&text), &a);
	rest = sl_buf_get(&tsv);
	(void)conf_line(&rest, &line); /* the heading */
	SL_JSON_EACH(v, all)
	{
		long long number = sl_json_get_int(v, "number"), row = -1;
		int openssl = -1, sodium = -1;
		char buf[128];
		bool got;

		if (!conf_line(&rest, &line))
			break;
		(void)snprintf(buf, sizeof(buf), "%.*s",
			       (int)(line.len < 100 ? line.len : 100),
			       (const char *)line.p);
		if (sscanf(buf, "%lld\t%d\t%d", &row, &openssl, &sodium) != 3 ||
		    row != number || !scitt_unhex(sl_json_get_str(v, "key"), &key) ||
		    key.len != 32 || !scitt_unhex(sl_json_get_str(v, "sig"), &sig) ||
		    sig.len != 64) {
			conf_case(c, false, "cctv-ed25519 %lld: unreadable row", number);
			continue;
		}
		got = sl_verify(key.p, sl_json_get_str(v, "msg"), sig.p);
		conf_case(c, got == (sodium == 1), "cctv-ed25519 %lld: %s", number,
			  got ? "accepted" : "refused");
	}
}

int
main(int argc, char **argv)
{
	struct sl_err err = { 0 };
	struct conf c;

	conf_init(&c, "scitt", argc, argv);
	if (sl_crypto_init(&err) < 0)
		return 1;
	scitt_cbor(&c);
	scitt_tree(&c);
	scitt_ed25519(&c);
	scitt_cose(&c);
	scitt_receipts(&c);
	scitt_ccf(&c);
	scitt_notes(&c);
	scitt_witness(&c);
	return conf_finish(&c);
}
