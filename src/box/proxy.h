/* proxy.h -- the supervisor's side of a box's proxy: what it asks for is looked for in
 * the grant here, and connected from here.  Not for other folders.
 *
 * The proxy (proxy/role.h) reads what the box writes and has no other right than to be
 * given connections that the box could have by itself (dial.h).  Nothing that it says
 * makes one that the grant does not list.  When it is gone, the box goes too.
 */
#ifndef SL_BOX_PROXY_H
#define SL_BOX_PROXY_H

#include "box/box.h"

struct sl_box_proxy;

/* Nothing where there is no proxy. */
int sl_box_proxy_init(struct sl_box *b, const struct sl_box_opts *o,
		      struct sl_err *err) SL_MUST_CHECK;
void sl_box_proxy_done(struct sl_box *b);
/* The listener that init made in the box's network: checked, and handed to the proxy. */
int sl_box_proxy_listen(struct sl_box *b, int fd, struct sl_err *err) SL_MUST_CHECK;
/* A message of the proxy's: false, it is gone or not to be trusted. */
bool sl_box_proxy_event(struct sl_box *b) SL_MUST_CHECK;
void sl_box_proxy_ready(struct sl_box *b, unsigned i); /* a connection's event */
void sl_box_proxy_tick(struct sl_box *b);              /* gives up what took too long */
/* The act has ended: what it had sent goes on, and all its connections are counted. */
bool sl_box_proxy_drain(struct sl_box *b) SL_MUST_CHECK;

#endif
