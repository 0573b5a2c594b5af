/* fork.c -- see fork.h. */
#include "witness/fork.h"

#include "base/hex.h"
#include "crypto/sha256.h"
#include "record/form.h"
#include "record/statement.h"

static int
open_note(struct sl_slice src, const struct sl_vkey *log, struct sl_checkpoint *ret,
	  struct sl_err *err)
{
	struct sl_note n;

	return sl_checkpoint_open(src, log, ret, &n, err);
}

static bool
same(const struct sl_hash *a, const struct sl_hash *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

int
sl_fork_judge(struct sl_fork *f, struct sl_err *err)
{
	struct sl_checkpoint a = { 0 }, b = { 0 };
	struct sl_slice t;
	struct sl_err why = { 0 };
	int r;

	if ((r = open_note(f->older, &f->log, &a, err)) < 0 ||
	    (r = open_note(f->newer, &f->log, &b, err)) < 0)
		return r;
	if (a.size > b.size) {
		struct sl_checkpoint c = a;

		a = b;
		b = c;
		t = f->older;
		f->older = f->newer;
		f->newer = t;
	}
	f->size1 = a.size;
	f->size2 = b.size;
	f->root1 = a.root;
	f->root2 = b.root;
	f->has_path = a.size != b.size;
	if (!f->has_path)
		return !same(&a.root, &b.root)
			   ? 0
			   : SL_ERR(err, NOENT, "the two checkpoints are of one tree");
	if (sl_proof_check_consistency(&f->path, a.size, b.size, &f->other, &b.root,
				       &why) < 0 ||
	    same(&f->other, &a.root))
		return SL_ERR(err, NOENT,
			      "nothing shows that the tree of size %llu is not the one "
			      "of size %llu, grown",
			      (unsigned long long)b.size, (unsigned long long)a.size);
	return 0;
}

/* A note with the line of one key alone. */
static int
put_note(struct sl_slice src, const struct sl_vkey *log, struct sl_buf *out,
	 struct sl_err *err)
{
	struct sl_note n;
	int r = sl_note_parse(src, &n, err);

	if (r < 0)
		return r;
	sl_buf_slice(out, n.text);
	for (size_t i = 0; i < n.n; i++)
		if (sl_slice_eq(n.sig[i].name, log->name) &&
		    memcmp(n.sig[i].id, log->id, sizeof(log->id)) == 0) {
			sl_buf_str(out, "\n\xe2\x80\x94 ");
			sl_buf_slice(out, log->name);
			sl_buf_byte(out, ' ');
			sl_buf_slice(out, n.sig[i].b64);
			sl_buf_byte(out, '\n');
			break;
		}
	return out->is_failed ? SL_ERR(err, LIMIT, "a checkpoint is too long") : 0;
}

/* What names the pair: the digest over both texts. */
static int
pair_digest(struct sl_slice older, struct sl_slice newer, uint8_t ret[32],
	    struct sl_err *err)
{
	struct sl_sha256 h;
	struct sl_note n;
	int r = sl_note_parse(older, &n, err);

	sl_sha256_init(&h);
	if (r == 0) {
		sl_sha256_add(&h, n.text.p, n.text.len);
		r = sl_note_parse(newer, &n, err);
	}
	if (r < 0)
		return r;
	sl_sha256_add(&h, n.text.p, n.text.len);
	sl_sha256_end(&h, ret);
	return 0;
}

int
sl_fork_put(const struct sl_fork *f, struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	SL_AUTO_BUF older = { .max = 1 << 14 };
	SL_AUTO_BUF newer = { .max = 1 << 14 };
	SL_AUTO_BUF key = { .max = 512 };
	struct sl_json *p, *path;
	uint8_t digest[32];
	char *origin;
	int r;

	sl_arena_init(&a, 1 << 20);
	sl_vkey_put(&f->log, &key);
	if ((r = put_note(f->older, &f->log, &older, err)) < 0 ||
	    (r = put_note(f->newer, &f->log, &newer, err)) < 0 ||
	    (r = pair_digest(f->older, f->newer, digest, err)) < 0)
		return r;
	p = sl_json_obj(&b);
	(void)sl_json_set(&b, p, "origin", sl_json_str(&b, f->log.name));
	(void)sl_json_set(&b, p, "key", sl_json_str(&b, sl_buf_get(&key)));
	(void)sl_json_set(&b, p, "older", sl_json_str(&b, sl_buf_get(&older)));
	(void)sl_json_set(&b, p, "newer", sl_json_str(&b, sl_buf_get(&newer)));
	(void)sl_json_set(&b, p, "evidence",
			  sl_json_cstr(&b, f->has_path ? "path" : "size"));
	if (f->has_path) {
		(void)sl_json_set(&b, p, "root", sl_json_hex(&b, f->other.b, 32));
		path = sl_json_set(&b, p, "path", sl_json_arr(&b));
		for (size_t i = 0; i < f->path.n; i++)
			(void)sl_json_add(&b, path, sl_json_hex(&b, f->path.h[i].b, 32));
	}
	if ((origin = sl_arena_str(&a, f->log.name)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	return sl_statement_write(&b, SL_STMT_FORK, origin, digest, p, out, err);
}

bool
sl_fork_is(const struct sl_json *v)
{
	return sl_slice_eq(sl_json_get_str(v, "predicateType"),
			   sl_slice_str(sl_statement_row(SL_STMT_FORK)->type));
}

static bool
take_path(const struct sl_json *p, struct sl_fork *f)
{
	if (!sl_unhex(f->other.b, 32, sl_json_get_str(p, "root")))
		return false;
	SL_JSON_EACH(h, sl_json_get(p, "path"))
	{
		if (f->path.n == SL_PROOF_MAX - 1 ||
		    !sl_unhex(f->path.h[f->path.n].b, 32, h->s))
			return false;
		f->path.n++;
	}
	return true;
}

/* The members that the predicate has, and no others. */
static int
take(const struct sl_json *v, struct sl_fork *f, struct sl_err *err)
{
	const struct sl_json *p = sl_json_get(v, "predicate");
	struct sl_slice how = sl_json_get_str(p, "evidence");
	bool is_path = sl_slice_eq(how, SL_LIT("path"));
	int r;

	if ((!is_path && !sl_slice_eq(how, SL_LIT("size"))) || p->n != (is_path ? 7 : 5))
		return SL_ERR(err, FORMAT, "fork: not the members of urn:sluice:fork:v1");
	f->older = sl_json_get_str(p, "older");
	f->newer = sl_json_get_str(p, "newer");
	if ((r = sl_vkey_parse(sl_json_get_str(p, "key"), &f->log, err)) < 0)
		return sl_err_ctx(err, "fork");
	if (!sl_slice_eq(f->log.name, sl_json_get_str(p, "origin")))
		return SL_ERR(err, FORMAT, "fork: the key is not the origin's");
	if (is_path && !take_path(p, f))
		return SL_ERR(err, FORMAT, "fork: its path is not one of hashes");
	f->has_path = is_path;
	return 0;
}

static int
check_subject(const struct sl_json *v, const struct sl_fork *f, struct sl_err *err)
{
	const struct sl_json *s = sl_json_first(sl_json_get(v, "subject"));
	uint8_t want[32], got[32];
	int r = pair_digest(f->older, f->newer, want, err);

	if (r < 0)
		return r;
	if (!sl_slice_eq(sl_json_get_str(s, "name"), f->log.name) ||
	    !sl_unhex(got, 32, sl_json_get_str(sl_json_get(s, "digest"), "sha256")) ||
	    memcmp(got, want, 32) != 0)
		return SL_ERR(err, FORMAT,
			      "fork: its subject is not the two checkpoints");
	return 0;
}

int
sl_fork_check(const struct sl_json *v, struct sl_fork *ret, struct sl_err *err)
{
	struct sl_fork f = { 0 };
	struct sl_slice older;
	bool has_path;
	int r;

	if (!sl_fork_is(v))
		return SL_ERR(err, FORMAT, "fork: not a statement of urn:sluice:fork:v1");
	if ((r = sl_form_intoto(v, err)) < 0 || (r = take(v, &f, err)) < 0 ||
	    (r = check_subject(v, &f, err)) < 0)
		return r;
	older = f.older;
	has_path = f.has_path;
	r = sl_fork_judge(&f, err);
	if (r == 0 && (has_path != f.has_path || older.p != f.older.p))
		r = SL_ERR(err, VERIFY, "fork: the evidence is not of these sizes");
	if (r < 0) {
		if (r == SL_E(NOENT))
			err->code = r = SL_E(VERIFY);
		return sl_err_ctx(err, "fork");
	}
	*ret = f;
	return 0;
}
