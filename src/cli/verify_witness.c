/* verify_witness.c -- see verify_witness.h. */
#include "cli/verify_witness.h"

#include "base/hex.h"
#include "cli/input.h"
#include "cose/sign1.h"
#include "witness/fork.h"
#include "witness/logs.h"
#include "witness/own.h"
#include "witness/proof.h"

#include <stdio.h>

/* The proof that was given, or one out of the log here. */
static int
get_proof(struct sl_local *l, const char *path, const uint8_t id[32], struct sl_buf *out,
	  struct sl_err *err)
{
	struct sl_log_entry e;
	char hex[65];
	int r;

	if (path != NULL)
		return sl_input_path(path, SL_TLOG_PROOF_MAX, out, err);
	sl_hex(hex, id, 32);
	if (l->reader == NULL)
		return SL_ERR(err, NOENT, "no log here: --proof FILE");
	if ((r = sl_reader_find(l->reader, sl_slice_str(hex), &e, err)) < 0)
		return sl_err_ctx(err, "no --proof FILE was given");
	return sl_own_proof(&l->home, l->reader, &e, out, err);
}

int
sl_verify_quorum(struct sl_local *l, const struct sl_quorum_opts *o, const uint8_t id[32],
		 struct sl_slice origin, char text[SL_VERIFY_TEXT], struct sl_err *err)
{
	SL_AUTO_BUF policy = { .max = SL_TPOL_BYTES_MAX },
		    proof = { .max = SL_TLOG_PROOF_MAX };
	struct sl_tpol_result res;
	struct sl_tlog_proof p;
	struct sl_tpol pol;
	struct sl_hash leaf;
	int r;

	if ((r = sl_input_path(o->policy, SL_TPOL_BYTES_MAX, &policy, err)) < 0)
		return r;
	if ((r = sl_tpol_parse(sl_buf_get(&policy), &pol, err)) < 0)
		return sl_err_ctx(err, "%s", o->policy);
	sl_merkle_leaf((struct sl_slice){ id, 32 }, &leaf);
	if ((r = get_proof(l, o->proof, id, &proof, err)) < 0 ||
	    (r = sl_tlog_proof_parse(sl_buf_get(&proof), &p, err)) < 0 ||
	    (r = sl_tlog_proof_check(&p, &leaf, &pol, NULL, &res, err)) < 0)
		return r;
	if (origin.len > 0 && !sl_slice_eq(origin, res.checkpoint.origin))
		return SL_ERR(err, VERIFY, "the proof is of another log, '%.*s'",
			      SL_ARG(res.checkpoint.origin));
	(void)snprintf(text, SL_VERIFY_TEXT,
		       "entry %llu of %llu in %.*s: cosigned by %d of %zu witnesses, a "
		       "quorum",
		       (unsigned long long)p.index,
		       (unsigned long long)res.checkpoint.size,
		       SL_ARG(res.checkpoint.origin), __builtin_popcountll(res.cosigned),
		       pol.n_witnesses);
	return 0;
}

int
sl_verify_seal_id(struct sl_slice bundle, uint64_t index, struct sl_arena *a,
		  uint8_t ret_id[32], struct sl_slice *ret_origin, struct sl_err *err)
{
	struct sl_bundle b = { 0 };
	struct sl_sign1 s;
	int r = sl_bundle_decode(bundle, a, &b, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < b.tree[SL_TREE_NODE].n; i++) {
		const struct sl_bundle_entry *e = &b.tree[SL_TREE_NODE].entry[i];

		if (e->index != index)
			continue;
		if ((r = sl_sign1_parse(e->statement, SL_BUNDLE_STATEMENT_MAX, &s, err)) <
		    0)
			return r;
		sl_sign1_canon(&s, ret_id);
		*ret_origin = b.tree[SL_TREE_NODE].origin;
		return 0;
	}
	return SL_ERR(err, VERIFY, "the bundle lacks the seal of its run");
}

const struct sl_json *
sl_verify_fork_in(struct sl_slice payload, struct sl_arena *a)
{
	const struct sl_limits lim = { SL_FORK_FILE_MAX, 1000, 16 };
	struct sl_err none = { 0 };
	struct sl_json *v = NULL;

	if (sl_json_parse(payload, &lim, a, &v, &none) < 0 || !sl_fork_is(v))
		return NULL;
	return v;
}

static int
is_known(struct sl_local *l, const struct sl_args *args, int opt, const struct sl_fork *f,
	 bool *ret, struct sl_err *err)
{
	struct sl_log_keys k = { 0 };
	struct sl_vkey v;
	const char *s;
	int r = 0;

	*ret = false;
	for (size_t i = 0; (s = sl_arg(args, opt, i)) != NULL; i++) {
		if ((r = sl_vkey_parse(sl_slice_str(s), &v, err)) < 0)
			return r;
		*ret = *ret ||
		       (v.type == SL_VKEY_ED25519 && sl_slice_eq(v.name, f->log.name) &&
			memcmp(v.pub, f->log.pub, SL_KEY_LEN) == 0);
	}
	if (l->home.fd >= 0)
		r = sl_log_keys_get(&l->home, f->log.name, &k, err);
	for (size_t i = 0; i < k.n; i++)
		*ret = *ret || memcmp(k.key[i].pub, f->log.pub, SL_KEY_LEN) == 0;
	sl_log_keys_done(&k);
	return r;
}

int
sl_verify_fork(struct sl_local *l, const struct sl_args *args, int opt,
	       const struct sl_json *statement, char text[SL_VERIFY_TEXT],
	       struct sl_err *err)
{
	struct sl_fork f;
	bool known = false;
	int r;

	if ((r = sl_fork_check(statement, &f, err)) < 0 ||
	    (r = is_known(l, args, opt, &f, &known, err)) < 0)
		return r;
	if (f.has_path)
		(void)snprintf(text, SL_VERIFY_TEXT,
			       "%.*s signed size %llu, and size %llu that did not grow "
			       "from it",
			       SL_ARG(f.log.name), (unsigned long long)f.size1,
			       (unsigned long long)f.size2);
	else
		(void)snprintf(text, SL_VERIFY_TEXT, "%.*s signed two trees of size %llu",
			       SL_ARG(f.log.name), (unsigned long long)f.size1);
	if (!known)
		return SL_ERR(err, SIGNER,
			      "two checkpoints of '%.*s' cannot both be true, but their "
			      "key is not known here as that log's: --log KEY",
			      SL_ARG(f.log.name));
	return SL_ERR(err, FORKED, "the log '%.*s' has forked", SL_ARG(f.log.name));
}
