/* net.h -- the hosts and ports of a grant: what grant.c needs of them. */
#ifndef SL_GRANT_NET_H
#define SL_GRANT_NET_H

#include "grant/grant.h"

/* "none", or a list that is not empty: an empty grant has one form. */
struct sl_json *sl_grant_net_json(struct sl_jb *b, const struct sl_grant *g);
int sl_grant_net_parse(const struct sl_json *v, struct sl_arena *a, struct sl_grant *g,
		       struct sl_err *err) SL_MUST_CHECK;
bool sl_grant_net_within(const struct sl_grant *x, const struct sl_grant *y);
/* What both list; -1: out of memory. */
int sl_grant_net_intersect(const struct sl_grant *x, const struct sl_grant *y,
			   struct sl_arena *a, struct sl_grant *g) SL_MUST_CHECK;
/* Where a box of this grant finds its proxy, on its own loopback: 3128, or the next that
 * is no port of the host's 127.0.0.1 which the grant lists. */
uint16_t sl_grant_net_proxy_port(const struct sl_grant *g);

#endif
