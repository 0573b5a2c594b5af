/* role.h -- the proxy as a process: a parser of what the box writes, and a relay.
 *
 * It is forked before anything foreign is read, can make no socket and open no file, and
 * gets each connection ready-made from the supervisor.  One serves one box.
 */
#ifndef SL_PROXY_ROLE_H
#define SL_PROXY_ROLE_H

#include "priv/chan.h"
#include "priv/role.h"

#include <sys/types.h>

struct sl_proxy {
	struct sl_chan chan; /* the supervisor's end */
	struct sl_buf room;
	pid_t pid;
};

extern const struct sl_role sl_proxy_role;

/* Forked: only while neither a secret nor a foreign byte is in memory. */
int sl_proxy_start(struct sl_proxy **ret, struct sl_err *err) SL_MUST_CHECK;
/* This program executed anew, which shares no memory with the caller's: at any time.  The
 * program calls sl_proxy_exec_main() early in main. */
int sl_proxy_exec(struct sl_proxy **ret, struct sl_err *err) SL_MUST_CHECK;
void sl_proxy_stop(struct sl_proxy *p); /* kills and reaps; accepts NULL */

/* The role's own main: its channel's descriptor; returns an exit status. */
int sl_proxy_main(int fd);
/* -1 at once where this process is not meant to be a proxy; else an exit status. */
int sl_proxy_exec_main(int argc, char **argv);

#endif
