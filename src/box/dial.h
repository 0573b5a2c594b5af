/* dial.h -- connections to what the grant lists, made by the supervisor in the host's
 * network and put in place of the socket that asked.  Not for other folders.
 *
 * Only an established connection is ever handed over: the kernel refuses to reconnect
 * it, to listen on it and to send elsewhere with it (EISCONN, EINVAL), also when it has
 * ended, and connect() and bind(), AF_UNSPEC included, come to us, who refuse both for a
 * socket of the host's network.  One that is still connecting, or has failed, could be
 * made a fresh socket of that network again, with which MSG_FASTOPEN sends anywhere: so
 * a caller waits in its connect() even where its socket is non-blocking.
 */
#ifndef SL_BOX_DIAL_H
#define SL_BOX_DIAL_H

#include "box/box.h"
#include "grant/hostport.h"

#include <sys/socket.h>

struct sl_dial_target {
	struct sl_addr addr;
	const struct sl_grant_net *net; /* of the box's grant */
};

struct sl_dial_op {
	uint64_t id; /* of the notification */
	int sock, their_fd;
	bool is_cloexec, is_blocking; /* of theirs */
	int64_t until_ms;
	const struct sl_dial_target *to;
};

struct sl_dial {
	struct sl_dial_target *target;
	size_t n_targets;
	uint64_t cookie; /* of the supervisor's network namespace */
	uint32_t used;   /* a bit each */
	struct sl_dial_op op[SL_BOX_DIALS_MAX];
};

/* -BUG where a pin is for no name of the grant. */
int sl_dial_check(const struct sl_box_opts *o, struct sl_err *err) SL_MUST_CHECK;
/* What the grant and the pins make reachable. */
int sl_dial_init(struct sl_box *b, const struct sl_box_opts *o,
		 struct sl_err *err) SL_MUST_CHECK;
void sl_dial_done(struct sl_box *b);
/* The target at an address (a copy of what the act gave), or NULL. */
const struct sl_dial_target *sl_dial_find(const struct sl_box *b,
					  const struct sockaddr *sa);
/* Answers the connect() that is in b->req, now or later. */
void sl_dial_start(struct sl_box *b, const struct sl_dial_target *to, sa_family_t family);
/* 0, or errno: to the address as it was pinned. */
int sl_dial_connect(int sock, const struct sl_dial_target *to, sa_family_t family);
void sl_dial_ready(struct sl_box *b, unsigned i); /* a socket's event */
void sl_dial_tick(struct sl_box *b);              /* gives up what took too long */
void sl_dial_drop(struct sl_box *b);              /* the act is over */
/* A socket of the host's network: not to be connected or bound again. */
bool sl_dial_is_foreign(const struct sl_box *b, int sock);

#endif
