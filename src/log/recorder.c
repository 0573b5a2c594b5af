/* recorder.c -- the client's side; see recorder.h. */
#include "log/recorder.h"

#include "base/auto.h"
#include "crypto/sha256.h"
#include "log/le.h"
#include "log/proto.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASKED_MAX = 16 };

struct sl_recorder {
	struct sl_chan chan;
	pid_t pid;
	struct sl_buf batch; /* items queued */
	size_t n_items;
	struct sl_buf room;            /* of the answer read last */
	struct sl_buf done[ASKED_MAX]; /* answers to commits that came while another was
					  waited for, oldest first */
	size_t n_done, n_asked;        /* n_asked: commits without an answer yet */
	bool is_last, has_ended, has_info;
	struct sl_node_info info;
	struct sl_batch_root root;
	bool has_root;
	struct sl_err why; /* after it stopped */
};

static const struct sl_chan_op accepted[] = {
	{ SL_OP_INFO, SL_STATUS_LEN + SL_ERR_MSG_MAX + SL_INFO_LEN, 0 },
	{ SL_OP_RUN_KEY, SL_STATUS_LEN + SL_ERR_MSG_MAX + 32, 0 },
	{ SL_OP_DONE, SL_DONE_MAX, 0 },
	{ SL_OP_ADMIN, SL_STATUS_LEN + SL_ERR_MSG_MAX + SL_ADMIN_DONE_LEN, 0 },
	{ SL_OP_WITNESS_KEY, SL_STATUS_LEN + SL_ERR_MSG_MAX + 512, 0 },
	{ SL_OP_COSIGN, SL_STATUS_LEN + SL_ERR_MSG_MAX + 9 + SL_WITNESS_STATE_MAX, 0 },
};

int
sl_recorder_start(const struct sl_recorder_opts *o, struct sl_recorder **ret,
		  struct sl_err *err)
{
	struct sl_recorder *r = calloc(1, sizeof(*r));
	int fd[2], e;

	if (r == NULL)
		return SL_ERR(err, NOMEM, "no memory for the recorder");
	if ((e = sl_chan_pair(fd, err)) < 0) {
		free(r);
		return e;
	}
	r->pid = fork();
	if (r->pid == 0)
		sl_recorder_main(fd[1], o);
	(void)close(fd[1]);
	if (r->pid < 0) {
		e = SL_ERR_SYS(err, -errno, "cannot start the recorder");
		(void)close(fd[0]);
		free(r);
		return e;
	}
	if (!o->is_here)
		sl_os_start_elsewhere(r->pid);
	r->chan = (struct sl_chan){ .fd = fd[0],
				    .ops = accepted,
				    .n_ops = sizeof(accepted) / sizeof(accepted[0]) };
	sl_buf_init(&r->batch, SL_FRAME_MAX);
	sl_buf_init(&r->room, SL_DONE_MAX);
	for (size_t i = 0; i < ASKED_MAX; i++)
		sl_buf_init(&r->done[i], SL_DONE_MAX);
	*ret = r;
	return 0;
}

/* After the first failure of the channel, or of the recorder, every call fails so. */
static int
stopped(struct sl_recorder *r, struct sl_err *err)
{
	if (err->code == 0)
		*err = r->why;
	return err->code;
}

static int
stop(struct sl_recorder *r, struct sl_err *err)
{
	if (r->why.code == 0)
		r->why = *err;
	return err->code;
}

/* One answer; those to commits are kept unless op asks for them. */
static int
receive(struct sl_recorder *r, uint16_t op, struct sl_slice *ret, struct sl_err *err)
{
	struct sl_msg m;
	int e;

	for (;;) {
		if (r->why.code != 0)
			return stopped(r, err);
		e = sl_chan_recv(&r->chan, &r->room, &m, -1, err);
		if (e == 0)
			e = SL_ERR(err, STORE, "the recorder has ended unexpectedly");
		if (e < 0)
			return stop(r, err);
		if (m.op == op)
			break;
		if (m.op != SL_OP_DONE || r->n_done == r->n_asked) {
			(void)SL_ERR(err, BUG, "the recorder answers what was not asked");
			return stop(r, err);
		}
		sl_buf_clear(&r->done[r->n_done]);
		sl_buf_slice(&r->done[r->n_done], m.body);
		if (r->done[r->n_done++].is_failed) {
			(void)SL_ERR(err, NOMEM, "no memory for the recorder's answer");
			return stop(r, err);
		}
	}
	*ret = m.body;
	return 0;
}

int
sl_recorder_info(struct sl_recorder *r, struct sl_node_info *ret, struct sl_err *err)
{
	struct sl_slice body = { 0 }, rest = { 0 };
	int e;

	if (!r->has_info) {
		if ((e = receive(r, SL_OP_INFO, &body, err)) < 0)
			return e;
		if (sl_proto_status(body, &rest, err) < 0 ||
		    sl_proto_info(rest, &r->info, err) < 0)
			return stop(r, err);
		r->has_info = true;
	}
	*ret = r->info;
	return 0;
}

int
sl_recorder_again(struct sl_recorder *r, struct sl_node_info *ret, struct sl_err *err)
{
	int e = sl_recorder_info(r, ret, err);

	if (e < 0)
		return e;
	if (sl_chan_send(&r->chan, SL_OP_INFO, (struct sl_slice){ 0 }, NULL, 0, err) < 0)
		return stop(r, err);
	r->has_info = false;
	return sl_recorder_info(r, ret, err);
}

static int
ready(struct sl_recorder *r, struct sl_err *err)
{
	struct sl_node_info unused;

	return r->why.code != 0 ? stopped(r, err) : sl_recorder_info(r, &unused, err);
}

int
sl_recorder_ask_run_key(struct sl_recorder *r, const uint8_t run[32], struct sl_err *err)
{
	int e = ready(r, err);

	if (e < 0)
		return e;
	if (sl_chan_send(&r->chan, SL_OP_RUN_KEY, (struct sl_slice){ run, 32 }, NULL, 0,
			 err) < 0)
		return stop(r, err);
	return 0;
}

int
sl_recorder_take_run_key(struct sl_recorder *r, uint8_t ret_pub[32], struct sl_err *err)
{
	struct sl_slice body = { 0 }, rest = { 0 };
	int e;

	if ((e = receive(r, SL_OP_RUN_KEY, &body, err)) < 0 ||
	    (e = sl_proto_status(body, &rest, err)) < 0)
		return e;
	if (rest.len != 32)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	memcpy(ret_pub, rest.p, 32);
	return 0;
}

int
sl_recorder_run_key(struct sl_recorder *r, const uint8_t run[32], uint8_t ret_pub[32],
		    struct sl_err *err)
{
	int e = sl_recorder_ask_run_key(r, run, err);

	return e < 0 ? e : sl_recorder_take_run_key(r, ret_pub, err);
}

/* After an item: is it still a batch that can be sent? */
static int
queued(struct sl_recorder *r, size_t was, struct sl_err *err)
{
	bool is_short;

	if (!r->batch.is_failed && r->n_items < SL_ITEMS_MAX) {
		r->n_items++;
		return 0;
	}
	is_short = r->n_items < SL_ITEMS_MAX && r->batch.cap < r->batch.max;
	r->batch.len = was;
	r->batch.is_failed = false;
	if (is_short && r->batch.max - was > SL_STMT_MAX)
		return SL_ERR(err, NOMEM, "no memory for a batch");
	return SL_ERR(err, LIMIT, "batch of more than %d items or %d bytes", SL_ITEMS_MAX,
		      SL_FRAME_MAX);
}

int
sl_recorder_add(struct sl_recorder *r, const struct sl_stmt *s, struct sl_err *err)
{
	size_t was = r->batch.len;

	if (r->why.code != 0)
		return stopped(r, err);
	if ((s->tree == SL_TREE_RUN) != (s->run != NULL) || s->kind == NULL)
		return SL_ERR(err, BUG, "a statement's tree and run do not fit");
	if (s->payload.len > SL_REC_MAX || s->sub.len > 4096)
		return SL_ERR(err, LIMIT, "statement of %zu bytes", s->payload.len);
	sl_proto_put_stmt(&r->batch, s);
	return queued(r, was, err);
}

int
sl_recorder_blob(struct sl_recorder *r, struct sl_slice bytes, uint8_t ret_digest[32],
		 struct sl_err *err)
{
	size_t was = r->batch.len;
	int e;

	if (r->why.code != 0)
		return stopped(r, err);
	if (bytes.len > SL_REC_MAX)
		return SL_ERR(err, LIMIT, "blob of %zu bytes", bytes.len);
	sl_proto_put_bytes(&r->batch, SL_ITEM_BLOB, bytes);
	if ((e = queued(r, was, err)) == 0)
		sl_sha256(bytes, ret_digest);
	return e;
}

int
sl_recorder_foreign(struct sl_recorder *r, struct sl_slice stmt, struct sl_err *err)
{
	size_t was = r->batch.len;

	if (r->why.code != 0)
		return stopped(r, err);
	if (stmt.len > SL_REC_MAX)
		return SL_ERR(err, LIMIT, "statement of %zu bytes", stmt.len);
	sl_proto_put_bytes(&r->batch, SL_ITEM_FOREIGN, stmt);
	return queued(r, was, err);
}

int
sl_recorder_under(struct sl_recorder *r, const uint8_t policy[32], struct sl_err *err)
{
	size_t was = r->batch.len;

	if (r->why.code != 0)
		return stopped(r, err);
	sl_proto_put_digest(&r->batch, SL_ITEM_UNDER, policy);
	return queued(r, was, err);
}

int
sl_recorder_set_policy(struct sl_recorder *r, const uint8_t digest[32],
		       struct sl_err *err)
{
	size_t was = r->batch.len;

	if (r->why.code != 0)
		return stopped(r, err);
	sl_proto_put_digest(&r->batch, SL_ITEM_POLICY, digest);
	return queued(r, was, err);
}

int
sl_recorder_seal_run(struct sl_recorder *r, const uint8_t run[32], struct sl_err *err)
{
	size_t was = r->batch.len;

	if (r->why.code != 0)
		return stopped(r, err);
	sl_proto_put_digest(&r->batch, SL_ITEM_SEAL, run);
	return queued(r, was, err);
}

void
sl_recorder_last(struct sl_recorder *r)
{
	r->is_last = true;
}

int
sl_recorder_commit(struct sl_recorder *r, struct sl_err *err)
{
	int e = ready(r, err);

	if (e < 0)
		return e;
	if (r->has_ended)
		return SL_ERR(err, BUG, "the recorder was told to end");
	if (r->n_asked == ASKED_MAX)
		return SL_ERR(err, BUG, "%d commits are not waited for", ASKED_MAX);
	r->has_ended = r->is_last;
	e = sl_chan_send(&r->chan, r->is_last ? SL_OP_LAST : SL_OP_COMMIT,
			 sl_buf_get(&r->batch), NULL, 0, err);
	sl_buf_clear(&r->batch);
	r->n_items = 0;
	if (e < 0)
		return stop(r, err);
	r->n_asked++;
	return 0;
}

static int
entries(struct sl_recorder *r, struct sl_slice body, struct sl_entry *ret, size_t n,
	size_t *ret_n, struct sl_err *err)
{
	struct sl_slice rest = { 0 };
	size_t k;
	int e = sl_proto_status(body, &rest, err);

	r->has_root = false;
	if (e < 0)
		return e;
	k = rest.len >= 4 ? sl_get32(rest.p) : SIZE_MAX;
	rest = sl_slice_skip(rest, 4);
	if (k > n || rest.len / SL_ENTRY_LEN < k)
		return SL_ERR(err, BUG, "room for %zu entries, %zu came", n, k);
	*ret_n = k;
	for (size_t i = 0; i < k; i++)
		sl_proto_entry(rest.p + i * SL_ENTRY_LEN, &ret[i]);
	return sl_proto_root(sl_slice_skip(rest, k * SL_ENTRY_LEN), &r->root,
			     &r->has_root, err);
}

const struct sl_batch_root *
sl_recorder_root(const struct sl_recorder *r)
{
	return r->has_root ? &r->root : NULL;
}

int
sl_recorder_wait(struct sl_recorder *r, struct sl_entry *ret, size_t n, size_t *ret_n,
		 struct sl_err *err)
{
	struct sl_slice body = { 0 };
	int e;

	if (r->n_asked == 0)
		return r->why.code != 0 ? stopped(r, err)
					: SL_ERR(err, BUG, "no commit is waited for");
	if (r->n_done > 0) {
		struct sl_buf b = r->done[0];

		memmove(&r->done[0], &r->done[1], (ASKED_MAX - 1) * sizeof(r->done[0]));
		r->done[ASKED_MAX - 1] = b;
		r->n_done--;
		body = sl_buf_get(&b);
	} else if ((e = receive(r, SL_OP_DONE, &body, err)) < 0) {
		return e;
	}
	r->n_asked--;
	e = entries(r, body, ret, n, ret_n, err);
	/* a refused batch leaves the log as it was; a failed write ends it */
	if (e == SL_E(STORE) || e == SL_E(SYS))
		return stop(r, err);
	return e;
}

/* Asks op and gives the rest of its answer, which lives until the next is read. */
static int
ask(struct sl_recorder *r, uint16_t op, struct sl_slice body, struct sl_slice *ret,
    struct sl_err *err)
{
	struct sl_slice got = { 0 };
	int e = ready(r, err);

	if (e < 0)
		return e;
	if (sl_chan_send(&r->chan, op, body, NULL, 0, err) < 0)
		return stop(r, err);
	e = receive(r, op, &got, err);
	return e < 0 ? e : sl_proto_status(got, ret, err);
}

int
sl_recorder_witness_key(struct sl_recorder *r, struct sl_buf *out, struct sl_err *err)
{
	struct sl_slice rest = { 0 };
	int e = ask(r, SL_OP_WITNESS_KEY, (struct sl_slice){ 0 }, &rest, err);

	if (e < 0)
		return e;
	sl_buf_slice(out, rest);
	return out->is_failed ? SL_ERR(err, NOMEM, "out of memory") : 0;
}

int
sl_recorder_cosign(struct sl_recorder *r, const struct sl_cosign *q,
		   struct sl_cosigned *ret, struct sl_buf *note, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = SL_COSIGN_MAX };
	struct sl_slice rest = { 0 };
	int e;

	if (q->origin.len > SL_COSIGN_ORIGIN_MAX || q->ext.len > SL_COSIGN_EXT_MAX ||
	    q->path.n > SL_PROOF_MAX)
		return SL_ERR(err, LIMIT,
			      "checkpoint: its origin or its extension lines "
			      "are too long");
	sl_proto_put_cosign(&b, q);
	if (b.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((e = ask(r, SL_OP_COSIGN, sl_buf_get(&b), &rest, err)) < 0)
		return e;
	if (rest.len < 9 || rest.p[0] > SL_COSIGN_REFUSED)
		return SL_ERR(err, BUG, "the recorder's answer is malformed");
	sl_buf_slice(note, sl_slice_skip(rest, 9));
	if (note->is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	*ret = (struct sl_cosigned){ (enum sl_cosign_result)rest.p[0],
				     sl_get64(rest.p + 1) };
	return 0;
}

int
sl_recorder_admin(struct sl_recorder *r, enum sl_admin what, const uint8_t arg[32],
		  struct sl_admin_done *ret, struct sl_err *err)
{
	uint8_t body[SL_ADMIN_LEN] = { (uint8_t)what };
	struct sl_slice answer = { 0 }, rest = { 0 };
	int e = ready(r, err);

	if (e < 0)
		return e;
	if (r->has_ended || r->n_asked > 0)
		return SL_ERR(err, BUG,
			      "commits are under way, or the recorder has ended");
	if (arg != NULL)
		memcpy(body + 1, arg, 32);
	if (sl_chan_send(&r->chan, SL_OP_ADMIN, (struct sl_slice){ body, sizeof(body) },
			 NULL, 0, err) < 0)
		return stop(r, err);
	if ((e = receive(r, SL_OP_ADMIN, &answer, err)) < 0)
		return e;
	if ((e = sl_proto_status(answer, &rest, err)) == 0)
		return sl_proto_admin(rest, ret, err);
	return e == SL_E(SYS) ? stop(r, err) : e;
}

int
sl_recorder_fd(const struct sl_recorder *r)
{
	return r->chan.fd;
}

int
sl_recorder_pid(const struct sl_recorder *r)
{
	return r->pid;
}

void
sl_recorder_stop(struct sl_recorder *r)
{
	int st;

	if (r == NULL)
		return;
	(void)close(r->chan.fd);
	while (waitpid(r->pid, &st, 0) < 0 && errno == EINTR)
		;
	sl_wipe(&r->info, sizeof(r->info));
	sl_buf_done(&r->batch);
	sl_buf_done(&r->room);
	for (size_t i = 0; i < ASKED_MAX; i++)
		sl_buf_done(&r->done[i]);
	free(r);
}
