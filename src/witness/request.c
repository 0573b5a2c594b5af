/* request.c -- see request.h. */
#include "witness/request.h"

#include "codec/base64.h"
#include "witness/text.h"

int
sl_add_checkpoint_parse(struct sl_slice body, struct sl_add_checkpoint *ret,
			struct sl_err *err)
{
	struct sl_slice line;
	unsigned no = 1;
	int r;

	if (body.len > SL_ADD_CHECKPOINT_MAX)
		return SL_ERR(err, LIMIT, "a request of %zu bytes, %d are allowed",
			      body.len, SL_ADD_CHECKPOINT_MAX);
	if (!sl_text_line(&body, &line) || !sl_slice_starts(line, SL_LIT("old ")) ||
	    !sl_text_number(sl_slice_skip(line, 4), &ret->old_size))
		return SL_ERR(err, FORMAT, "line 1 is not 'old' and a tree size");
	if ((r = sl_text_path(&body, SL_ADD_CHECKPOINT_PATH, &no, &ret->path, err)) < 0)
		return r;
	ret->bytes = body;
	if ((r = sl_note_parse(body, &ret->note, err)) < 0)
		return r;
	return sl_checkpoint_parse(ret->note.text, &ret->checkpoint, err);
}

void
sl_add_checkpoint_put(uint64_t old_size, const struct sl_proof *path,
		      struct sl_slice note, struct sl_buf *out)
{
	sl_buf_printf(out, "old %llu\n", (unsigned long long)old_size);
	sl_text_put_path(out, path);
	sl_buf_byte(out, '\n');
	sl_buf_slice(out, note);
}

void
sl_answer_init(struct sl_answer *a)
{
	*a = (struct sl_answer){ .type = "text/plain; charset=utf-8" };
	sl_buf_init(&a->body, SL_WITNESS_ANSWER_MAX);
	sl_buf_init(&a->fork, SL_FORK_FILE_MAX);
	sl_buf_init(&a->origin, SL_VKEY_NAME_MAX);
}

void
sl_answer_done(struct sl_answer *a)
{
	sl_buf_done(&a->body);
	sl_buf_done(&a->fork);
	sl_buf_done(&a->origin);
	*a = (struct sl_answer){ 0 };
}

static int
refuse(struct sl_answer *a, int status, const char *why, const char *more)
{
	a->status = status;
	a->why = why;
	sl_buf_clear(&a->body);
	sl_buf_printf(&a->body, "%s%s%s\n", why, more[0] != '\0' ? ": " : "", more);
	return 0;
}

/* The log's own line, whose key verified, and its signature. */
static bool
take_sig(const struct sl_note *n, const struct sl_vkey *k, uint8_t ret[SL_SIG_LEN])
{
	uint8_t blob[4 + SL_SIG_LEN];
	size_t len = 0;

	for (size_t i = 0; i < n->n; i++)
		if (sl_slice_eq(n->sig[i].name, k->name) &&
		    memcmp(n->sig[i].id, k->id, sizeof(k->id)) == 0 &&
		    sl_unbase64(SL_BASE64_STD, n->sig[i].b64, blob, sizeof(blob), &len) &&
		    len == sizeof(blob)) {
			memcpy(ret, blob + 4, SL_SIG_LEN);
			return true;
		}
	return false;
}

/* The last line of a cosigned checkpoint: our cosignature. */
static struct sl_slice
last_line(struct sl_slice note)
{
	size_t at = note.len - 1;

	while (at > 0 && note.p[at - 1] != '\n')
		at--;
	return (struct sl_slice){ note.p + at, note.len - at };
}

static int
stale(struct sl_answer *a, uint64_t size)
{
	a->status = 409;
	a->why = "the size of the checkpoint cosigned last is another";
	a->type = "text/x.tlog.size";
	sl_buf_clear(&a->body);
	sl_buf_printf(&a->body, "%llu\n", (unsigned long long)size);
	return 0;
}

static int
show_fork(const struct sl_add_checkpoint *q, const struct sl_vkey *log,
	  struct sl_slice last, struct sl_answer *a, struct sl_err *err)
{
	struct sl_fork f = {
		.log = *log, .older = last, .newer = q->bytes, .path = q->path
	};
	struct sl_checkpoint old;
	struct sl_note n;
	int r;

	if ((r = sl_checkpoint_open(last, log, &old, &n, err)) < 0)
		return r;
	if (old.size < q->checkpoint.size &&
	    (r = sl_proof_older_root(&q->path, old.size, q->checkpoint.size, &f.other,
				     err)) < 0)
		return r;
	if ((r = sl_fork_judge(&f, err)) < 0 || (r = sl_fork_put(&f, &a->fork, err)) < 0)
		return r;
	if (q->old_size != old.size)
		return stale(a, old.size);
	return refuse(
	    a, 422, "this log has forked",
	    "the checkpoint and the one cosigned last cannot both be true; both "
	    "are kept, and nothing of this log is cosigned any more");
}

static int
conclude(const struct sl_add_checkpoint *q, const struct sl_vkey *log,
	 const struct sl_cosigned *c, struct sl_slice note, struct sl_answer *a,
	 struct sl_err *err)
{
	a->size = c->size;
	switch (c->what) {
	case SL_COSIGN_DONE:
		a->status = 200;
		sl_buf_slice(&a->body, last_line(note));
		return 0;
	case SL_COSIGN_STALE:
		return stale(a, c->size);
	case SL_COSIGN_BAD_PATH:
		return refuse(a, 422,
			      "the path does not lead from the checkpoint cosigned last "
			      "to this one",
			      "");
	case SL_COSIGN_FORK:
		return show_fork(q, log, note, a, err);
	case SL_COSIGN_REFUSED:
		return refuse(a, 403, "this log has forked",
			      "two of its checkpoints cannot both be true; nothing of it "
			      "is cosigned any more");
	}
	return SL_ERR(err, BUG, "the cosigner's answer is none");
}

/* Which of the origin's keys signed it; 403 where none did, or one wrongly. */
static int
find_signer(const struct sl_add_checkpoint *q, const struct sl_log_keys *k,
	    struct sl_answer *a, const struct sl_vkey **ret)
{
	struct sl_err why = { 0 };
	uint64_t mask = 0;

	if (sl_note_verify(&q->note, k->key, k->n, &mask, NULL, &why) < 0)
		return refuse(a, 403,
			      "no valid signature of a key that speaks for the log",
			      why.msg);
	*ret = &k->key[__builtin_ctzll(mask)];
	return 0;
}

static int
ask(const struct sl_witness *w, const struct sl_add_checkpoint *q,
    const struct sl_vkey *log, struct sl_answer *a, struct sl_err *err)
{
	struct sl_cosign c = { .old_size = q->old_size,
			       .origin = q->checkpoint.origin,
			       .ext = q->checkpoint.ext,
			       .size = q->checkpoint.size,
			       .root = q->checkpoint.root,
			       .path = q->path };
	SL_AUTO_BUF note = { .max = 1 << 17 };
	struct sl_cosigned got = { 0 };
	int r;

	memcpy(c.pub, log->pub, sizeof(c.pub));
	if (!take_sig(&q->note, log, c.sig))
		return SL_ERR(err, BUG, "a signature that verified is gone");
	if ((r = w->cosign(w->arg, &c, &got, &note, err)) < 0)
		return r;
	return conclude(q, log, &got, sl_buf_get(&note), a, err);
}

static int
answer(const struct sl_witness *w, struct sl_slice body, struct sl_log_keys *k,
       struct sl_answer *a, struct sl_err *err)
{
	struct sl_add_checkpoint q = { 0 };
	const struct sl_vkey *log = NULL;
	struct sl_err why = { 0 };
	int r;

	if (sl_add_checkpoint_parse(body, &q, &why) < 0)
		return refuse(a, 400, "malformed request", why.msg);
	if (q.checkpoint.origin.len > SL_COSIGN_ORIGIN_MAX ||
	    q.checkpoint.ext.len > SL_COSIGN_EXT_MAX)
		return refuse(a, 400, "the origin or the extension lines are too long",
			      "");
	sl_buf_slice(&a->origin, q.checkpoint.origin);
	if ((r = w->keys(w->arg, q.checkpoint.origin, k, err)) < 0)
		return r;
	if (k->n == 0)
		return refuse(a, 404, "this log is not witnessed here", "");
	(void)find_signer(&q, k, a, &log);
	if (log == NULL)
		return 0;
	if (q.old_size > q.checkpoint.size)
		return refuse(a, 400, "the old size is above the checkpoint's", "");
	return ask(w, &q, log, a, err);
}

int
sl_witness_answer(const struct sl_witness *w, struct sl_slice body, struct sl_answer *ret,
		  struct sl_err *err)
{
	struct sl_log_keys k = { 0 };
	int r = answer(w, body, &k, ret, err);

	sl_log_keys_done(&k);
	if (r == 0 && (ret->body.is_failed || ret->origin.is_failed))
		r = SL_ERR(err, NOMEM, "out of memory");
	return r;
}
