/* recorder_main.c -- the recorder's process: strips itself, opens the store, answers
 * until its client is gone. */
#include "log/le.h"
#include "log/proto.h"
#include "log/recorder_role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { CHAN_FD = 3, FD_MIN = 16 };

static const struct sl_chan_op accepted[] = {
	/* safe because the key is public, and derived from a hash of whatever is sent */
	{ SL_OP_RUN_KEY, 32, 0 },
	/* safe because the client decides what its node states; fields are bounded, and a
	 * run's key signs only in that run's own tree */
	{ SL_OP_COMMIT, SL_FRAME_MAX, 0 },
	{ SL_OP_LAST, SL_FRAME_MAX, 0 },
	/* safe because it tells what it told at the start */
	{ SL_OP_INFO, 0, 0 },
	/* safe because it names one of four acts and 32 bytes; each says in the log what
	 * was done, and the gate has decided it before */
	{ SL_OP_ADMIN, SL_ADMIN_LEN, 0 },
	/* safe because the key is public */
	{ SL_OP_WITNESS_KEY, 0, 0 },
	/* safe because fields are bounded, the text is made here and signed behind a
	 * header of its own (cosignature/v1), and only if it follows the one before */
	{ SL_OP_COSIGN, SL_COSIGN_MAX, 0 },
};

/* What opening, appending and mending the index need; no network, no processes. */
static const int calls[] = {
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_recvmsg,    SYS_sendmsg,         SYS_ppoll,         SYS_read,
	SYS_pread64,    SYS_pwrite64,        SYS_pwritev,       SYS_pwritev2,
	SYS_openat,     SYS_close,           SYS_mkdirat,       SYS_renameat,
	SYS_renameat2,  SYS_unlinkat,        SYS_faccessat,     SYS_faccessat2,
	SYS_fstat,      SYS_newfstatat,      SYS_fstatfs,       SYS_ftruncate,
	SYS_fallocate,  SYS_fdatasync,       SYS_fsync,         SYS_msync,
	SYS_flock,      SYS_fcntl,           SYS_mmap,          SYS_munmap,
	SYS_mremap,     SYS_madvise,         SYS_mprotect,      SYS_brk,
	SYS_mlock,      SYS_getrandom,       SYS_clock_gettime, SYS_uname,
	SYS_futex,      SYS_restart_syscall, SYS_rt_sigreturn,  SYS_rt_sigprocmask,
	SYS_getpid,     SYS_gettid,          SYS_tgkill,        SYS_exit,
	SYS_exit_group,
};

/* It does not die with its client: the batch in hand is finished, then its channel ends.
 */
const struct sl_role sl_recorder_role = {
	.name = "sluice-recorder",
	.calls = calls,
	.n_calls = sizeof(calls) / sizeof(calls[0]),
	.has_files = true,
};

/* Whether the channel has come to CHAN_FD; before that something else can be there. */
static bool
has_moved(const struct stat *chan)
{
	struct stat now;

	return fstat(CHAN_FD, &now) == 0 && now.st_dev == chan->st_dev &&
	       now.st_ino == chan->st_ino;
}

/* What was inherited and is not needed: environment, descriptors, signals, rights.  On
 * failure too, *ret_chan is where the client can be told. */
static int
strip(int chan_fd, int home_fd, struct sl_tpm *tpm, int *ret_chan, int *ret_home)
{
	struct stat chan;
	int keep[2], r, h, c;

	*ret_chan = chan_fd;
	if (fstat(chan_fd, &chan) < 0 ||
	    (c = fcntl(chan_fd, F_DUPFD_CLOEXEC, FD_MIN)) < 0 ||
	    (h = fcntl(home_fd, F_DUPFD_CLOEXEC, FD_MIN)) < 0 ||
	    (tpm != NULL &&
	     (tpm->h.chan.fd = fcntl(tpm->h.chan.fd, F_DUPFD_CLOEXEC, FD_MIN)) < 0))
		return -errno;
	*ret_home = keep[0] = h;
	keep[1] = tpm != NULL ? tpm->h.chan.fd : -1;
	r = sl_role_enter(&sl_recorder_role, c, keep, tpm != NULL ? 2 : 1);
	if (has_moved(&chan))
		*ret_chan = CHAN_FD;
	return r;
}

struct main {
	struct sl_chan chan;
	struct sl_node n;
	struct sl_buf room, out;
	struct sl_item *item;
	struct sl_entry *entry;
	struct sl_cosigner wit;
};

static int
answer(struct main *m, uint16_t op)
{
	struct sl_err err = { 0 };

	return sl_chan_send(&m->chan, op, sl_buf_get(&m->out), NULL, 0, &err);
}

static int
do_commit(struct main *m, struct sl_slice body)
{
	struct sl_err err = { 0 };
	size_t n = 0, k = 0;
	int r = sl_proto_items(body, m->item, SL_ITEMS_MAX, &n, &err);

	if (r == 0)
		r = sl_node_commit(&m->n, m->item, n, m->entry, &k, &err);
	sl_proto_put_status(&m->out, r, &err);
	if (r == 0) {
		uint8_t count[4];

		sl_le32(count, (uint32_t)k);
		sl_buf_put(&m->out, count, sizeof(count));
	}
	for (size_t i = 0; i < k; i++)
		sl_proto_put_entry(&m->out, &m->entry[i]);
	if (r == 0 && m->n.has_root)
		sl_proto_put_root(&m->out, &m->n.root);
	return answer(m, SL_OP_DONE);
}

static int
do_info(struct main *m, bool is_again)
{
	struct sl_err err = { 0 };
	struct sl_node_info info;
	int r = is_again ? sl_node_again(&m->n, &err) : 0;

	sl_proto_put_status(&m->out, r, &err);
	if (r == 0) {
		sl_node_info(&m->n, &info);
		sl_proto_put_info(&m->out, &info);
		sl_wipe(&info, sizeof(info));
	}
	return answer(m, SL_OP_INFO);
}

static int
do_run_key(struct main *m, struct sl_slice body)
{
	if (body.len != 32)
		return -1;
	sl_proto_put_status(&m->out, 0, NULL);
	sl_buf_put(&m->out, sl_node_run_key(&m->n, body.p)->s.pub, 32);
	return answer(m, SL_OP_RUN_KEY);
}

static int
do_admin(struct main *m, struct sl_slice body)
{
	struct sl_admin_done d = { 0 };
	struct sl_err err = { 0 };
	int r;

	if (body.len != SL_ADMIN_LEN)
		return -1;
	switch (body.p[0]) {
	case SL_ADMIN_ROTATE:
		r = sl_node_rotate(&m->n, &d, &err);
		break;
	case SL_ADMIN_RETIRE:
		r = sl_node_retire(&m->n, body.p + 1, &d, &err);
		break;
	case SL_ADMIN_ERASE:
		r = sl_node_erase(&m->n, body.p + 1, &d, &err);
		break;
	case SL_ADMIN_ATTEST:
		r = sl_node_attest(&m->n, &d, &err);
		break;
	default:
		return -1;
	}
	sl_proto_put_status(&m->out, r, &err);
	if (r == 0)
		sl_proto_put_admin(&m->out, &d);
	return answer(m, SL_OP_ADMIN);
}

static int
open_witness(struct main *m, struct sl_err *err)
{
	return sl_cosigner_open(&m->wit, m->n.home_fd, m->n.io, err);
}

static int
do_witness_key(struct main *m)
{
	SL_AUTO_BUF text = { .max = 512 };
	struct sl_err err = { 0 };
	struct sl_vkey k;
	int r = open_witness(m, &err);

	if (r == 0)
		r = sl_vkey_make(sl_slice_str(m->wit.name), SL_VKEY_COSIGN,
				 m->wit.key.s.pub, &k, &err);
	if (r == 0)
		sl_vkey_put(&k, &text);
	sl_proto_put_status(&m->out, r, &err);
	sl_buf_slice(&m->out, sl_buf_get(&text));
	return answer(m, SL_OP_WITNESS_KEY);
}

static int
do_cosign(struct main *m, struct sl_slice body)
{
	SL_AUTO_BUF note = { .max = SL_WITNESS_STATE_MAX };
	struct sl_err err = { 0 };
	struct sl_cosigned got = { 0 };
	struct sl_cosign q;
	uint8_t head[9];
	int r = sl_proto_cosign(body, &q, &err);

	if (r == 0 && (r = open_witness(m, &err)) == 0)
		r = sl_cosigner_add(&m->wit, &q, sl_store_time(&m->n.st) / 1000, &got,
				    &note, &err);
	sl_proto_put_status(&m->out, r, &err);
	if (r == 0) {
		head[0] = (uint8_t)got.what;
		sl_le64(head + 1, got.size);
		sl_buf_put(&m->out, head, sizeof(head));
		sl_buf_slice(&m->out, sl_buf_get(&note));
	}
	return answer(m, SL_OP_COSIGN);
}

static int
handle(struct main *m, const struct sl_msg *msg)
{
	switch (msg->op) {
	case SL_OP_RUN_KEY:
		return do_run_key(m, msg->body);
	case SL_OP_INFO:
		return do_info(m, true);
	case SL_OP_ADMIN:
		return do_admin(m, msg->body);
	case SL_OP_WITNESS_KEY:
		return do_witness_key(m);
	case SL_OP_COSIGN:
		return do_cosign(m, msg->body);
	default:
		return do_commit(m, msg->body);
	}
}

/* When nothing is asked at the moment: the index, and zeros ahead.  After an answer its
 * client starts what was decided, so this is when there is time; a batch that is not in
 * the index is searched record by record. */
static void
upkeep(struct main *m)
{
	struct pollfd p = { .fd = m->chan.fd, .events = POLLIN };
	struct sl_err err = { 0 };

	if (m->n.st.is_dead ||
	    (!sl_store_is_behind(&m->n.st) && poll(&p, 1, 0) > 0 && p.revents != 0))
		return;
	if (sl_store_idle(&m->n.st, &err) < 0)
		sl_buf_clear(
		    &m->out); /* the next batch fails with it, where it is told */
}

static void
serve(struct main *m)
{
	struct sl_err err = { 0 };
	struct sl_msg msg;
	int r;

	do {
		r = sl_chan_recv(&m->chan, &m->room, &msg, -1, &err);
		if (r <= 0)
			break;
		sl_buf_clear(&m->out);
		r = handle(m, &msg);
		if (msg.op == SL_OP_COMMIT || msg.op == SL_OP_ADMIN)
			upkeep(m);
	} while (r >= 0 && msg.op != SL_OP_LAST);
}

static int
open_all(struct main *m, int home_fd, const uint8_t build[32], struct sl_tpm *tpm,
	 struct sl_err *err)
{
	m->item = calloc(SL_ITEMS_MAX, sizeof(*m->item));
	m->entry = calloc(SL_ITEMS_MAX, sizeof(*m->entry));
	if (m->item == NULL || m->entry == NULL)
		return SL_ERR(err, NOMEM, "no memory for the recorder");
	return sl_node_open_tpm(&m->n, home_fd, sl_store_io_sys(), build, tpm, err);
}

_Noreturn void
sl_recorder_main(int chan_fd, const struct sl_recorder_opts *o)
{
	struct main m = { .chan = { .fd = chan_fd,
				    .ops = accepted,
				    .n_ops = sizeof(accepted) / sizeof(accepted[0]) } };
	struct sl_err err = { 0 };
	struct sl_tpm *tpm = NULL;
	uint8_t build[32] = { 0 };
	int r = 0, home = -1;

	if (o->build != NULL)
		memcpy(build, o->build, sizeof(build));
	else
		r = o->ask_build(o->arg, build, &err);
	sl_buf_init(&m.room, SL_FRAME_MAX);
	sl_buf_init(&m.out, SL_DONE_MAX);
	/* The one thing that is started: a TPM's helper, before a secret is in memory. */
	if (r == 0)
		r = sl_tpm_open(o->home_fd, &tpm, &err);
	if (r == 0 && (r = strip(chan_fd, o->home_fd, tpm, &m.chan.fd, &home)) < 0)
		r = sl_err_raise(&err, SL_E(ENV), -r, __FILE__, __LINE__,
				 "the recorder cannot strip itself of what it inherited");
	if (r == 0)
		r = open_all(&m, home, build, tpm, &err);
	if (r < 0) {
		sl_proto_put_status(&m.out, r, &err);
		(void)answer(&m, SL_OP_INFO);
	} else if (do_info(&m, false) == 0) {
		upkeep(&m);
		serve(&m);
	}
	sl_cosigner_done(&m.wit);
	if (r == 0)
		sl_node_done(&m.n);
	_exit(r == 0 ? 0 : 1);
}
