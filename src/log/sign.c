/* sign.c -- see sign.h. */
#include "log/sign.h"

#include "base/hex.h"
#include "codec/base64.h"
#include "cose/checkpoint.h"
#include "crypto/sha256.h"

void
sl_log_key_make(struct sl_log_key *k, const uint8_t seed[32])
{
	sl_signer_from_seed(&k->s, seed);
	sl_didkey(k->s.pub, k->did);
	sl_key_thumb(k->s.pub, k->kid);
}

void
sl_log_key_done(struct sl_log_key *k)
{
	sl_signer_done(&k->s);
	memset(k, 0, sizeof(*k));
}

void
sl_log_origin(const char *node_did, uint8_t kind, const uint8_t *run,
	      char out[SL_ORIGIN_MAX])
{
	char hex[65] = "";

	if (run != NULL)
		sl_hex(hex, run, 32);
	(void)snprintf(out, SL_ORIGIN_MAX, "sluice/%s/%s%s", node_did,
		       kind == 0   ? "platform"
		       : kind == 1 ? "node"
				   : "run/",
		       hex);
}

int
sl_log_statement(const struct sl_log_key *k, struct sl_slice sub, struct sl_slice payload,
		 bool is_envelope, uint8_t ret_digest[32], struct sl_buf *out,
		 struct sl_err *err)
{
	const struct sl_slice type = SL_LIT("application/vnd.in-toto+json");
	struct sl_sign1_opts o = { .alg = SL_ALG_EDDSA,
				   .kid = { k->kid, 32 },
				   .iss = sl_slice_str(k->did),
				   .sub = sub,
				   .payload = payload };

	if (is_envelope) {
		sl_sha256(payload, ret_digest);
		o.hash_alg = SL_ALG_SHA256;
		o.preimage_type = type;
		o.payload = (struct sl_slice){ ret_digest, 32 };
	} else {
		o.content_type = type;
	}
	return sl_sign1_build(&o, &k->s, out, err);
}

/* The protected header of a tree's receipts: constant, so that one signature over a
 * root serves them all (RFC 9942 section 5.2). */
static struct sl_sign1_opts
receipt_opts(const uint8_t kid[32], const char *did, const char *origin)
{
	return (struct sl_sign1_opts){ .alg = SL_ALG_EDDSA,
				       .kid = { kid, 32 },
				       .iss = sl_slice_str(did),
				       .sub = sl_slice_str(origin) };
}

static void
note_text(const struct sl_tree_state *t, const char *origin, struct sl_buf *out)
{
	sl_buf_printf(out, "%s\n%llu\n", origin, (unsigned long long)t->edge.size);
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ t->root, 32 });
	sl_buf_byte(out, '\n');
}

int
sl_log_sign_root(const struct sl_log_key *k, const char *origin, struct sl_tree_state *t,
		 struct sl_err *err)
{
	struct sl_sign1_opts o = receipt_opts(k->kid, k->did, origin);
	SL_AUTO_BUF text = { .max = 1024 };
	struct sl_hash root;

	memcpy(t->pub, k->s.pub, 32);
	memcpy(root.b, t->root, 32);
	note_text(t, origin, &text);
	if (text.is_failed)
		return SL_ERR(err, NOMEM, "no memory for a checkpoint");
	sl_sign(&k->s, sl_buf_get(&text), t->note_sig);
	return sl_receipt_sign(&o, &root, &k->s, t->receipt_sig, err);
}

int
sl_log_note(const struct sl_tree_state *t, const char *origin, struct sl_buf *out,
	    struct sl_err *err)
{
	struct sl_vkey key;
	uint8_t blob[4 + 64];
	int r = sl_vkey_make(sl_slice_str(origin), SL_VKEY_ED25519, t->pub, &key, err);

	if (r < 0)
		return r;
	memcpy(blob, key.id, 4);
	memcpy(blob + 4, t->note_sig, 64);
	note_text(t, origin, out);
	sl_buf_printf(out, "\n\xe2\x80\x94 %s ", origin);
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ blob, sizeof(blob) });
	sl_buf_byte(out, '\n');
	return out->is_failed ? SL_ERR(err, NOMEM, "no memory for a checkpoint") : 0;
}

int
sl_log_check_root(const struct sl_tree_state *t, const char *origin, struct sl_err *err)
{
	char did[SL_DIDKEY_MAX];
	uint8_t kid[32];
	struct sl_sign1_opts o;
	SL_AUTO_BUF b = { .max = 4096 };
	SL_AUTO_BUF msg = { .max = 8192 };
	struct sl_slice aad = { 0 }, root = { t->root, 32 };
	struct sl_sign1 s;

	sl_didkey(t->pub, did);
	sl_key_thumb(t->pub, kid);
	note_text(t, origin, &b);
	if (!sl_verify(t->pub, sl_buf_get(&b), t->note_sig))
		return SL_ERR(err, VERIFY, "%s at size %llu: wrong checkpoint signature",
			      origin, (unsigned long long)t->edge.size);
	sl_buf_clear(&b);
	o = receipt_opts(kid, did, origin);
	o.has_vds = true;
	o.vds = SL_VDS_RFC9162;
	sl_sign1_put_protected(&o, &b);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "no memory for a receipt");
	sl_sign1_put(sl_buf_get(&b), aad, aad, true,
		     (struct sl_slice){ t->receipt_sig, 64 }, &msg);
	if (msg.is_failed)
		return SL_ERR(err, NOMEM, "no memory for a receipt");
	if (sl_sign1_parse(sl_buf_get(&msg), 8192, &s, err) < 0 ||
	    sl_sign1_verify(&s, root, aad, t->pub, err) < 0)
		return sl_err_ctx(err, "%s at size %llu", origin,
				  (unsigned long long)t->edge.size);
	return 0;
}

int
sl_log_receipt(const struct sl_tree_state *t, const char *origin, uint64_t index,
	       const struct sl_proof *path, struct sl_buf *out, struct sl_err *err)
{
	char did[SL_DIDKEY_MAX];
	uint8_t kid[32];
	struct sl_sign1_opts o;

	sl_didkey(t->pub, did);
	sl_key_thumb(t->pub, kid);
	o = receipt_opts(kid, did, origin);
	return sl_receipt_put(&o, index, t->edge.size, path, t->receipt_sig, out, err);
}
