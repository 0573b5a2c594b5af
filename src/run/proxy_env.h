/* proxy_env.h -- how programs in a box learn of its proxy. */
#ifndef SL_RUN_PROXY_ENV_H
#define SL_RUN_PROXY_ENV_H

#include "grant/grant.h"

enum { SL_PROXY_VARS = 8 };

/* Behind the *n "NAME=VALUE" that are there, at most SL_PROXY_VARS more: those whose name
 * is not there yet.  Nothing where g has no network; box: the grant that the box was made
 * from, which says where its proxy listens. */
int sl_proxy_env(const struct sl_grant *box, const struct sl_grant *g, struct sl_arena *a,
		 struct sl_slice *env, size_t *n, struct sl_err *err) SL_MUST_CHECK;

#endif
