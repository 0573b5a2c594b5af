/* scitt_witness.c -- the witness: an add-checkpoint conversation, cosignatures, forks,
 * a tlog-proof. */
#include "base/hex.h"
#include "codec/base64.h"
#include "crypto/sha256.h"
#include "log/cosign.h"
#include "logdir.h"
#include "scitt.h"
#include "witness/proof.h"
#include "witness/request.h"

struct talk {
	struct dir d;
	struct sl_vkey log;
	struct sl_cosigner c;
};

static int
keys(void *arg, struct sl_slice origin, struct sl_log_keys *ret, struct sl_err *err)
{
	const struct talk *t = arg;

	(void)err;
	ret->n = sl_slice_eq(origin, t->log.name);
	ret->key[0] = t->log;
	return 0;
}

static int
cosign(void *arg, const struct sl_cosign *q, struct sl_cosigned *ret, struct sl_buf *note,
       struct sl_err *err)
{
	struct talk *t = arg;

	return sl_cosigner_add(&t->c, q, 1790000000, ret, note, err);
}

/* The conversation goes on after its forks, which we do not: nothing of them is kept
 * here, so that the rest of it is heard too. */
static void
conversation(struct conf *c, const struct sl_json *v, const struct sl_vkey *log)
{
	struct talk t = { .d = dir_make(), .log = *log };
	const struct sl_witness w = { &t, keys, cosign };
	struct sl_err err = { 0 };

	if (mkdirat(t.d.fd, "keys", 0700) < 0 ||
	    sl_cosigner_open(&t.c, t.d.fd, sl_store_io_sys(), &err) < 0)
		conf_case(c, false, "add_checkpoint_sequence: %s", err.msg);
	SL_JSON_EACH(x, sl_json_get(v, "add_checkpoint_sequence"))
	{
		struct sl_slice want = sl_json_get_str(x, "want_body");
		struct sl_err why = { 0 };
		struct sl_answer a;
		bool ok;

		sl_answer_init(&a);
		ok = sl_witness_answer(&w, sl_json_get_str(x, "body"), &a, &why) == 0 &&
		     a.status == sl_json_get_int(x, "want_status") &&
		     (want.p == NULL || sl_slice_eq(sl_buf_get(&a.body), want));
		conf_case(c, ok, "add_checkpoint_sequence %.*s: %d %s",
			  SL_ARG(sl_json_get_str(x, "why")), a.status, why.msg);
		sl_answer_done(&a);
	}
	sl_cosigner_done(&t.c);
	dir_done(&t.d);
}

/* Our cosignatures are the very bytes of the vectors, from the same seeds. */
static void
cosignatures(struct conf *c, const struct sl_json *v, const struct sl_json *cp)
{
	struct sl_slice note = sl_json_get_str(cp, "note");
	SL_AUTO_BUF b = { .max = 1 << 14 };
	struct sl_err err = { 0 };
	struct sl_note n;
	int64_t i = 0;
	bool ok = sl_note_parse(note, &n, &err) == 0;

	sl_buf_slice(&b, note);
	SL_JSON_EACH(x, sl_json_get(v, "witnesses"))
	{
		struct sl_signer k;
		struct sl_vkey key;
		uint8_t seed[32];

		ok = ok && sl_unhex(seed, 32, sl_json_get_str(x, "seed_hex")) &&
		     sl_vkey_parse(sl_json_get_str(x, "vkey"), &key, &err) == 0;
		if (!ok)
			break;
		sl_signer_from_seed(&k, seed);
		ok = sl_note_sign(n.text, &key, sl_json_get_int(v, "time") + i++, &k, &b,
				  &err) == 0;
	}
	conf_case(c, ok && sl_slice_eq(sl_buf_get(&b), sl_json_get_str(cp, "cosigned")),
		  "checkpoint-vectors cosigning size %lld: %s",
		  (long long)sl_json_get_int(cp, "size"), err.msg);
}

static void
forks(struct conf *c, const struct sl_json *v, const struct sl_vkey *log)
{
	struct sl_fork f = { .log = *log,
			     .older = sl_json_get_str(v, "note_a"),
			     .newer = sl_json_get_str(v, "note_b") };
	struct sl_err err = { 0 };

	conf_case(c, sl_fork_judge(&f, &err) == 0 && !f.has_path,
		  "checkpoint-vectors fork of one size: %s", err.msg);
	err = (struct sl_err){ 0 };
	f.older = sl_json_get_str(v, "note_c");
	f.newer = sl_json_get_str(v, "note_d");
	f.other = f.root1; /* no path at hand: no evidence */
	conf_case(c, sl_fork_judge(&f, &err) == SL_E(NOENT),
		  "checkpoint-vectors fork of two sizes without a path");
}

static void
tlog_proof(struct conf *c, const struct sl_json *v, const struct sl_json *all)
{
	SL_AUTO_BUF text = { .max = 1 << 14 }, again = { .max = 1 << 14 };
	struct sl_tpol_result res = { 0 };
	struct sl_err err = { 0 }, e2 = { 0 };
	struct sl_tlog_proof p;
	struct sl_tpol policy;
	struct sl_hash leaf;
	uint8_t entry[32];
	bool ok;

	sl_buf_printf(&text, "log %.*s\n", SL_ARG(sl_json_get_str(all, "log_vkey")));
	SL_JSON_EACH(x, sl_json_get(all, "witnesses"))
	sl_buf_printf(&text, "witness %.*s %.*s\n", SL_ARG(sl_json_get_str(x, "name")),
		      SL_ARG(sl_json_get_str(x, "vkey")));
	sl_buf_str(&text, "group all-of-them all witness.example/w0 witness.example/w1 "
			  "witness.example/w2\nquorum all-of-them\n");
	ok = sl_unhex(entry, 32, sl_json_get_str(v, "entry_hex"));
	sl_merkle_leaf((struct sl_slice){ entry, 32 }, &leaf);
	ok = ok && sl_tpol_parse(sl_buf_get(&text), &policy, &err) == 0 &&
	     sl_tlog_proof_parse(sl_json_get_str(v, "text"), &p, &err) == 0 &&
	     sl_tlog_proof_check(&p, &leaf, &policy, NULL, &res, &err) == 0;
	conf_case(c, ok, "checkpoint-vectors tlog_proof: %s", err.msg);
	if (!ok)
		return;
	sl_tlog_proof_put(&p, &again);
	conf_case(c, sl_slice_eq(sl_buf_get(&again), sl_json_get_str(v, "text")),
		  "checkpoint-vectors tlog_proof written again");
	leaf.b[0] ^= 1;
	conf_case(c, sl_tlog_proof_check(&p, &leaf, &policy, NULL, &res, &e2) < 0,
		  "checkpoint-vectors tlog_proof of another leaf");
}

void
scitt_witness(struct conf *c)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 24 };
	struct sl_err err = { 0 };
	const struct sl_json *v;
	struct sl_vkey log;

	if (!conf_read(c, &text, "scitt/made/checkpoint-vectors.json"))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	if (sl_vkey_parse(sl_json_get_str(v, "log_vkey"), &log, &err) < 0)
		return; /* scitt_note.c says so */
	conversation(c, v, &log);
	SL_JSON_EACH(x, sl_json_get(v, "checkpoints"))
	cosignatures(c, v, x);
	forks(c, sl_json_get(v, "fork"), &log);
	tlog_proof(c, sl_json_get(v, "tlog_proof"), v);
}
