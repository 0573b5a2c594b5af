/* cosign.c -- see cosign.h. */
#include "log/cosign.h"

#include "base/auto.h"
#include "base/hex.h"
#include "codec/base64.h"
#include "crypto/sha256.h"
#include "log/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

/* What was cosigned last; size 0 and the empty tree's root where nothing was. */
struct state {
	bool is_there;
	uint64_t size;
	struct sl_hash root;
	int64_t time;
};

void
sl_witness_state_name(struct sl_slice origin, char ret[SL_WITNESS_STATE_NAME])
{
	uint8_t d[32];

	sl_sha256(origin, d);
	memcpy(ret, "witness/", 8);
	sl_hex(ret + 8, d, 32);
}

/* Takes witness/lock; the directory is made with it. */
static int
lock(const struct sl_cosigner *c, int *ret_fd, struct sl_err *err)
{
	int r = c->io->mkdirat(c->io->ctx, c->home_fd, "witness", 0700);

	if (r == 0)
		r = c->io->fsync(c->io->ctx, c->home_fd);
	if (r < 0 && r != -EEXIST)
		return SL_ERR_SYS(err, r, "cannot make witness/");
	r = c->io->openat(c->io->ctx, c->home_fd, "witness/lock", O_RDWR | O_CREAT, 0600);
	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot open witness/lock");
	*ret_fd = r;
	while (flock(*ret_fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return SL_ERR_SYS(err, -errno, "cannot lock witness/lock");
	return 0;
}

int
sl_cosigner_open(struct sl_cosigner *c, int home_fd, const struct sl_store_io *io,
		 struct sl_err *err)
{
	SL_AUTO_FD fd = -1;
	uint8_t seed[32];
	int r;

	if (c->has_key)
		return 0;
	c->home_fd = home_fd;
	c->io = io;
	if ((r = lock(c, &fd, err)) < 0 ||
	    (r = sl_witness_seed(home_fd, io, seed, err)) < 0)
		return r;
	sl_log_key_make(&c->key, seed);
	sl_wipe(seed, sizeof(seed));
	(void)snprintf(c->name, sizeof(c->name), "sluice/%s/witness", c->key.did);
	c->has_key = true;
	return 0;
}

void
sl_cosigner_done(struct sl_cosigner *c)
{
	if (c->has_key)
		sl_log_key_done(&c->key);
	memset(c, 0, sizeof(*c));
}

static int
own_vkey(const struct sl_cosigner *c, struct sl_vkey *ret, struct sl_err *err)
{
	return sl_vkey_make(sl_slice_str(c->name), SL_VKEY_COSIGN, c->key.s.pub, ret,
			    err);
}

/* The state as it stands, checked by our own signature on it; its bytes into note. */
static int
load(const struct sl_cosigner *c, const char *name, struct sl_slice origin,
     struct state *ret, struct sl_buf *note, struct sl_err *err)
{
	SL_AUTO_FD fd =
	    openat(c->home_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct sl_err why = { 0 };
	struct sl_checkpoint p = { 0 };
	struct sl_vkey own;
	struct sl_note n;
	uint64_t mask = 0;
	uint8_t *to;
	ssize_t len;
	int r;

	*ret = (struct state){ 0 };
	sl_merkle_empty(&ret->root);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s'", name);
	if ((to = sl_buf_room(note, SL_WITNESS_STATE_MAX)) == NULL)
		return SL_ERR(err, NOMEM, "no memory for a checkpoint");
	if ((len = sl_io_read(fd, to, SL_WITNESS_STATE_MAX, 0)) < 0)
		return SL_ERR_SYS(err, (int)len, "cannot read '%s'", name);
	note->len += (size_t)len;
	if ((r = own_vkey(c, &own, err)) < 0)
		return r;
	if (sl_note_parse(sl_buf_get(note), &n, &why) < 0 ||
	    sl_note_verify(&n, &own, 1, &mask, &ret->time, &why) < 0 ||
	    sl_checkpoint_parse(n.text, &p, &why) < 0 || !sl_slice_eq(p.origin, origin))
		return SL_ERR(err, STORE,
			      "'%s' is not the checkpoint that was cosigned last: %s; "
			      "nothing of this log is cosigned until it is brought back",
			      name, why.msg);
	ret->is_there = true;
	ret->size = p.size;
	ret->root = p.root;
	return 0;
}

/* The text that the log signed, and whether it did. */
static int
check_log(const struct sl_cosign *q, struct sl_buf *text, struct sl_err *err)
{
	struct sl_checkpoint p = {
		.origin = q->origin, .size = q->size, .root = q->root, .ext = q->ext
	};
	int r;

	if (!sl_vkey_name_ok(q->origin))
		return SL_ERR(err, FORMAT, "'%.*s' cannot be the name of a key",
			      SL_ARG(q->origin));
	if ((r = sl_checkpoint_text(&p, text, err)) < 0)
		return r;
	if (!sl_verify(q->pub, sl_buf_get(text), q->sig))
		return SL_ERR(err, VERIFY, "the log's signature is wrong");
	return 0;
}

/* A path that leads from another root of the old size to the new root shows that the
 * log has two trees.  A path that leads nowhere shows nothing: anybody can send one. */
static enum sl_cosign_result
judge_path(const struct sl_cosign *q, const struct state *s)
{
	struct sl_err unused = { 0 };
	struct sl_hash other;

	if (sl_proof_check_consistency(&q->path, s->size, q->size, &s->root, &q->root,
				       &unused) == 0)
		return SL_COSIGN_DONE;
	unused = (struct sl_err){ 0 };
	if (sl_proof_older_root(&q->path, s->size, q->size, &other, &unused) == 0 &&
	    memcmp(&other, &s->root, sizeof(other)) != 0 &&
	    sl_proof_check_consistency(&q->path, s->size, q->size, &other, &q->root,
				       &unused) == 0)
		return SL_COSIGN_FORK;
	return SL_COSIGN_BAD_PATH;
}

static enum sl_cosign_result
judge(const struct sl_cosign *q, const struct state *s)
{
	/* whatever the client thinks was cosigned last */
	if (s->is_there && q->size == s->size &&
	    memcmp(&q->root, &s->root, sizeof(q->root)) != 0)
		return SL_COSIGN_FORK;
	if (q->old_size != s->size)
		return SL_COSIGN_STALE;
	/* nothing grew, or from nothing: a path would prove nothing */
	if (s->size == 0 || q->size == s->size)
		return q->path.n == 0 ? SL_COSIGN_DONE : SL_COSIGN_BAD_PATH;
	return judge_path(q, s);
}

static int
make_note(const struct sl_cosigner *c, const struct sl_cosign *q, struct sl_slice text,
	  int64_t time, struct sl_buf *out, struct sl_err *err)
{
	struct sl_vkey own, log;
	uint8_t blob[4 + SL_SIG_LEN];
	int r;

	if ((r = own_vkey(c, &own, err)) < 0 ||
	    (r = sl_vkey_make(q->origin, SL_VKEY_ED25519, q->pub, &log, err)) < 0)
		return r;
	memcpy(blob, log.id, 4);
	memcpy(blob + 4, q->sig, SL_SIG_LEN);
	sl_buf_slice(out, text);
	sl_buf_str(out, "\n\xe2\x80\x94 ");
	sl_buf_slice(out, q->origin);
	sl_buf_byte(out, ' ');
	sl_base64_put(out, SL_BASE64_STD, (struct sl_slice){ blob, sizeof(blob) });
	sl_buf_byte(out, '\n');
	return sl_note_sign(text, &own, time, &c->key.s, out, err);
}

/* The name changes only to bytes that are on the disk, and the answer waits until the
 * name is there too. */
static int
put(struct sl_cosigner *c, const char *name, struct sl_slice bytes, struct sl_err *err)
{
	const struct sl_store_io *io = c->io;
	SL_AUTO_FD dir = -1;
	SL_AUTO_FD fd = -1;
	int r;

	if ((r = dir = io->openat(io->ctx, c->home_fd, "witness", O_RDONLY | O_DIRECTORY,
				  0)) < 0 ||
	    (r = fd = io->openat(io->ctx, dir, "new", O_RDWR | O_CREAT | O_TRUNC, 0600)) <
		0 ||
	    (r = sl_io_write(io, fd, bytes.p, bytes.len, 0)) < 0 ||
	    (r = io->fsync(io->ctx, fd)) < 0 ||
	    (r = io->renameat(io->ctx, dir, "new", name + 8)) < 0 ||
	    (r = io->fsync(io->ctx, dir)) < 0) {
		c->is_dead = true;
		return SL_ERR_SYS(err, r, "cannot store '%s'", name);
	}
	return 0;
}

static bool
has_forked(const struct sl_cosigner *c, const char *name)
{
	char fork[SL_WITNESS_STATE_NAME + 5];

	(void)snprintf(fork, sizeof(fork), "%s.fork", name);
	/* what cannot be looked at is refused like what is there */
	return faccessat(c->home_fd, fork, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

int
sl_cosigner_add(struct sl_cosigner *c, const struct sl_cosign *q, int64_t time,
		struct sl_cosigned *ret, struct sl_buf *note, struct sl_err *err)
{
	char name[SL_WITNESS_STATE_NAME];
	SL_AUTO_BUF text = { .max = 1 << 14 };
	SL_AUTO_BUF old = { .max = SL_WITNESS_STATE_MAX };
	SL_AUTO_FD fd = -1;
	struct sl_cosigned out = { 0 };
	struct state s;
	int r;

	if (c->is_dead)
		return SL_ERR(err, STORE,
			      "a checkpoint could not be stored; nothing more "
			      "is cosigned by this process");
	if (q->size > SL_TREE_SIZE_MAX || q->old_size > q->size)
		return SL_ERR(err, USAGE, "sizes are not a growing tree's");
	sl_witness_state_name(q->origin, name);
	if ((r = check_log(q, &text, err)) < 0 || (r = lock(c, &fd, err)) < 0 ||
	    (r = load(c, name, q->origin, &s, &old, err)) < 0)
		return r;
	out.size = s.size;
	out.what = has_forked(c, name) ? SL_COSIGN_REFUSED : judge(q, &s);
	if (out.what == SL_COSIGN_DONE) {
		if ((r = make_note(c, q, sl_buf_get(&text), time > s.time ? time : s.time,
				   note, err)) < 0 ||
		    (r = put(c, name, sl_buf_get(note), err)) < 0)
			return r;
		out.size = q->size;
	} else {
		sl_buf_slice(note, sl_buf_get(&old));
	}
	if (note->is_failed)
		return SL_ERR(err, NOMEM, "no memory for a checkpoint");
	*ret = out;
	return 0;
}
