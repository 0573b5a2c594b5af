/* scitt_note.c -- signed notes, checkpoints, cosignatures. */
#include "cose/checkpoint.h"
#include "scitt.h"

#include "crypto/sha256.h"

static bool
open_note(struct sl_slice note, const struct sl_vkey *log, struct sl_checkpoint *cp,
	  struct sl_note *n, struct sl_err *err)
{
	return sl_checkpoint_open(note, log, cp, n, err) == 0;
}

static void
made_rejects(struct conf *c, const struct sl_json *v, const struct sl_vkey *log)
{
	struct sl_checkpoint cp;
	struct sl_note n;

	SL_JSON_EACH(x, sl_json_get(v, "reject_checkpoints"))
	{
		struct sl_err err = { 0 };

		conf_case(c, !open_note(sl_json_get_str(x, "note"), log, &cp, &n, &err),
			  "checkpoint-vectors reject: %.*s: accepted",
			  SL_ARG(sl_json_get_str(x, "why")));
	}
	SL_JSON_EACH(x, sl_json_get(v, "accept_extra"))
	{
		struct sl_err err = { 0 };

		conf_case(c, open_note(sl_json_get_str(x, "note"), log, &cp, &n, &err),
			  "checkpoint-vectors accept: %.*s: %s",
			  SL_ARG(sl_json_get_str(x, "why")), err.msg);
	}
}

static void
made_cosignatures(struct conf *c, const struct sl_json *v, const struct sl_vkey *log,
		  const struct sl_vkey *w, size_t n_w)
{
	struct sl_slice on_256 = { 0 };
	struct sl_checkpoint cp;
	struct sl_note n;

	SL_JSON_EACH(x, sl_json_get(v, "checkpoints"))
	{
		int64_t size = sl_json_get_int(x, "size"), time[64] = { 0 };
		struct sl_err err = { 0 };
		uint64_t mask = 0;
		bool ok;

		conf_case(c,
			  open_note(sl_json_get_str(x, "note"), log, &cp, &n, &err) &&
			      (int64_t)cp.size == size,
			  "checkpoint-vectors size %lld: %s", (long long)size, err.msg);
		ok = open_note(sl_json_get_str(x, "cosigned"), log, &cp, &n, &err) &&
		     sl_note_verify(&n, w, n_w, &mask, time, &err) == 0 &&
		     mask == (UINT64_C(1) << n_w) - 1;
		for (size_t i = 0; i < n_w; i++)
			ok = ok && time[i] >= sl_json_get_int(v, "time");
		conf_case(c, ok, "checkpoint-vectors size %lld cosigned: %s",
			  (long long)size, err.msg);
		if (size == 256)
			on_256 = sl_json_get_str(x, "note");
	}
	SL_JSON_EACH(x, sl_json_get(v, "reject_cosignatures_on_256"))
	{
		SL_AUTO_BUF b = { .max = 1 << 16 };
		struct sl_err err = { 0 };
		uint64_t mask = 0;

		sl_buf_slice(&b, on_256);
		sl_buf_slice(&b, sl_json_get_str(x, "line"));
		sl_buf_byte(&b, '\n');
		conf_case(c,
			  open_note(sl_buf_get(&b), log, &cp, &n, &err) &&
			      sl_note_verify(&n, w, n_w, &mask, NULL, &err) ==
				  SL_E(VERIFY),
			  "checkpoint-vectors cosignature: %.*s: %s",
			  SL_ARG(sl_json_get_str(x, "why")), err.msg);
	}
}

/* Our signer makes the very same bytes from the seed (Ed25519 is deterministic). */
static void
made_sign(struct conf *c, const struct sl_json *v, const struct sl_vkey *log)
{
	SL_AUTO_BUF seed = { .max = 64 };
	struct sl_signer k;

	if (!scitt_unhex(sl_json_get_str(v, "log_seed_hex"), &seed) || seed.len != 32)
		return;
	sl_signer_from_seed(&k, seed.p);
	SL_JSON_EACH(x, sl_json_get(v, "checkpoints"))
	{
		struct sl_slice note = sl_json_get_str(x, "note");
		SL_AUTO_BUF b = { .max = 1 << 16 };
		struct sl_err err = { 0 };
		struct sl_checkpoint cp;
		struct sl_note n;
		bool ok;

		ok = open_note(note, log, &cp, &n, &err) &&
		     sl_checkpoint_sign(&cp, log, &k, &b, &err) == 0 &&
		     sl_slice_eq(sl_buf_get(&b), note);
		conf_case(c, ok, "checkpoint-vectors signing size %llu: %s",
			  (unsigned long long)cp.size, err.msg);
	}
	sl_signer_done(&k);
}

static void
made_fork(struct conf *c, const struct sl_json *fork, const struct sl_vkey *log)
{
	struct sl_checkpoint a = { 0 }, b = { 0 };
	struct sl_err err = { 0 };
	struct sl_note n;
	bool ok = open_note(sl_json_get_str(fork, "note_a"), log, &a, &n, &err) &&
		  open_note(sl_json_get_str(fork, "note_b"), log, &b, &n, &err);

	conf_case(c, ok && a.size == b.size && memcmp(&a.root, &b.root, 32) != 0,
		  "checkpoint-vectors fork, equal sizes: %s", err.msg);
	ok = open_note(sl_json_get_str(fork, "note_c"), log, &a, &n, &err) &&
	     open_note(sl_json_get_str(fork, "note_d"), log, &b, &n, &err);
	conf_case(c, ok && a.size < b.size, "checkpoint-vectors fork, other sizes: %s",
		  err.msg);
}

static void
made(struct conf *c)
{
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 24 };
	struct sl_vkey log, w[64];
	struct sl_err err = { 0 };
	const struct sl_json *v;
	size_t n_w = 0;

	if (!conf_read(c, &text, "scitt/made/checkpoint-vectors.json"))
		return;
	v = scitt_json(sl_buf_get(&text), &a);
	if (sl_vkey_parse(sl_json_get_str(v, "log_vkey"), &log, &err) < 0) {
		conf_case(c, false, "checkpoint-vectors log key: %s", err.msg);
		return;
	}
	SL_JSON_EACH(x, sl_json_get(v, "witnesses"))
	if (n_w < 64 && sl_vkey_parse(sl_json_get_str(x, "vkey"), &w[n_w], &err) == 0)
		n_w++;
	made_cosignatures(c, v, &log, w, n_w);
	made_rejects(c, v, &log);
	made_sign(c, v, &log);
	made_fork(c, sl_json_get(v, "fork"), &log);
	conf_exclude(c, "tessera-log/tile, sunlight mirror/tile: read by "
			"tests/interop/test_tiles.py");
}

/* A note with its key, from external-notes.json. */
static void
external(struct conf *c)
{
	static const char *const notes[] = { "note", "checkpoint_5", "checkpoint_8",
					     "checkpoint_10" };
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 22 };

	if (!conf_read(c, &text, "scitt/notes/external-notes.json"))
		return;
	SL_JSON_EACH(x, scitt_json(sl_buf_get(&text), &a))
	{
		struct sl_slice key = sl_json_get_str(x, "log_vkey");
		struct sl_err err = { 0 };
		struct sl_vkey k;

		if (key.p == NULL)
			key = sl_json_get_str(x, "vkey");
		for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
			struct sl_slice s = sl_json_get_str(x, notes[i]);
			struct sl_checkpoint cp;
			struct sl_note n;
			uint64_t mask;
			bool ok;

			if (s.p == NULL)
				continue;
			ok = sl_vkey_parse(key, &k, &err) == 0 &&
			     (i == 0
				  ? sl_note_parse(s, &n, &err) == 0 &&
					sl_note_verify(&n, &k, 1, &mask, NULL, &err) == 0
				  : open_note(s, &k, &cp, &n, &err));
			conf_case(c, ok, "external-notes %s: %s", notes[i], err.msg);
		}
	}
}

/* Checkpoints of sizes 0 to 15 over known entries. */
static void
tessera(struct conf *c)
{
	static const char *const word[] = { "one",      "two",     "three",  "four",
					    "five",     "six",     "seven",  "eit",
					    "nain",     "ten",     "ileven", "twelf",
					    "threeten", "fourten", "fivten" };
	struct sl_slice key = SL_LIT("example.com/log/testdata+33d7b496+"
				     "AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx");
	SL_AUTO_BUF text = { .max = 1 << 16 };
	struct sl_edge e = { 0 };

	for (size_t i = 0; i < 16; i++) {
		struct sl_err err = { 0 };
		struct sl_hash root, leaf;
		struct sl_checkpoint cp = { 0 };
		struct sl_vkey k;
		struct sl_note n;

		sl_edge_root(&e, &root);
		if (conf_read(c, &text, "scitt/tessera-log/checkpoint.%zu", i))
			conf_case(c,
				  sl_vkey_parse(key, &k, &err) == 0 &&
				      open_note(sl_buf_get(&text), &k, &cp, &n, &err) &&
				      cp.size == i && memcmp(&cp.root, &root, 32) == 0,
				  "tessera-log checkpoint.%zu: %s", i, err.msg);
		if (i < 15) {
			sl_merkle_leaf(sl_slice_str(word[i]), &leaf);
			sl_edge_add(&e, &leaf, NULL, NULL);
		}
	}
}

/* A CT log's checkpoint: the log's own line is of a type unknown to us, the cosignature
 * is not.  The keys stand in a file beside the folder. */
static void
cosigned(struct conf *c, const char *dir, const char *keys)
{
	SL_AUTO_BUF text = { .max = 1 << 16 }, json = { .max = 1 << 16 };
	SL_AUTO_ARENA a = { .cap = 1 << 20 };
	const struct sl_json *v;

	if (!conf_read(c, &json, "scitt/sunlight-witness/%s", keys) ||
	    !conf_read(c, &text, "scitt/sunlight-witness/%s/checkpoint", dir))
		return;
	v = scitt_json(sl_buf_get(&json), &a);
	SL_JSON_EACH(x, sl_json_get(v, "verifier_keys"))
	{
		struct sl_err err = { 0 };
		struct sl_checkpoint cp;
		int64_t time = 0;
		struct sl_note n;
		struct sl_vkey k;
		uint64_t mask;

		conf_case(c,
			  sl_vkey_parse(x->s, &k, &err) == 0 &&
			      sl_note_parse(sl_buf_get(&text), &n, &err) == 0 &&
			      sl_note_verify(&n, &k, 1, &mask, &time, &err) == 0 &&
			      time > 0 && sl_checkpoint_parse(n.text, &cp, &err) == 0 &&
			      cp.size == 300,
			  "sunlight-witness %s by %.*s: %s", dir, SL_ARG(x->s), err.msg);
	}
}

void
scitt_notes(struct conf *c)
{
#define ORIGIN "000de184301123b9278c086a7d9f68c9577e83872224c197058fd90784ea9706"
	made(c);
	external(c);
	tessera(c);
	cosigned(c, "witness/" ORIGIN, "witness/witness.v0.json");
	cosigned(c, "witness/mirror/" ORIGIN, "witness/mirror/mirror.v0.json");
	cosigned(
	    c,
	    "witness2/88ad7a28caeb0b2aa890fdf0304c2fcaf59fca2ee140134ff8c1300bac493482",
	    "witness2/witness.v0.json");
#undef ORIGIN
}
