/* chan.h -- framed messages between two roles over one stream socket.
 *
 * A frame is {u32 len, u16 op, u16 n_fds} little-endian and len bytes of body.  Each
 * side has a table of the operations that it accepts, with the largest body of
 * each; whatever else arrives (an unknown op, a longer body, a descriptor too many)
 * is an error after which the channel is dead.  Bodies are CBOR (codec/cbor.h,
 * codec/json.h) or raw bytes, as the operation's row says.
 */
#ifndef SL_PRIV_CHAN_H
#define SL_PRIV_CHAN_H

#include "base/buf.h"
#include "base/err.h"

enum { SL_CHAN_FDS_MAX = 8 };

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): as a row is read */
struct sl_chan_op {
	uint16_t op;
	uint32_t max_len; /* of the body */
	uint16_t max_fds;
};

struct sl_chan {
	int fd;
	bool is_dead;
	bool is_mute; /* nothing can be sent; what was sent to us can still be read */
	const struct sl_chan_op *ops; /* what this side accepts */
	size_t n_ops;
};

struct sl_msg {
	uint16_t op;
	struct sl_slice body; /* in the caller's buffer */
	int fds[SL_CHAN_FDS_MAX];
	size_t n_fds; /* the receiver owns them */
};

/* Both ends CLOEXEC.  */
int sl_chan_pair(int ret_fd[2], struct sl_err *err) SL_MUST_CHECK;
int sl_chan_send(struct sl_chan *c, uint16_t op, struct sl_slice body, const int *fds,
		 size_t n_fds, struct sl_err *err) SL_MUST_CHECK;
/* Blocks until a whole frame is in (deadline_ms < 0: for ever), room is cleared and
 * holds the body.  Returns 1 for a message, 0 for an orderly end, SL_E(...). */
int sl_chan_recv(struct sl_chan *c, struct sl_buf *room, struct sl_msg *ret,
		 int deadline_ms, struct sl_err *err) SL_MUST_CHECK;

#endif
