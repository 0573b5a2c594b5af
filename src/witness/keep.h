/* keep.h -- the witness on this machine: its home, its recorder, and what is kept of a
 * fork before anybody hears of it. */
#ifndef SL_WITNESS_KEEP_H
#define SL_WITNESS_KEEP_H

#include "witness/request.h"

struct sl_witness_node {
	const struct sl_home *home;
	struct sl_recorder *rec;
};

/* One add-checkpoint request.  Where it shows a fork, the evidence is durable in
 * witness/HEX.fork, and stated in the node's log, before this returns. */
int sl_witness_serve(const struct sl_witness_node *n, struct sl_slice body,
		     struct sl_answer *ret, struct sl_err *err) SL_MUST_CHECK;
/* The same for evidence from elsewhere (JCS bytes of a Statement that sl_fork_check()
 * took): the log is refused from now on.  *ret_id: the entry in the node's log; again:
 * nothing is done and *ret_is_new is false. */
int sl_fork_keep(const struct sl_witness_node *n, struct sl_slice origin,
		 struct sl_slice evidence, bool *ret_is_new, uint8_t ret_id[32],
		 struct sl_err *err) SL_MUST_CHECK;

#endif
