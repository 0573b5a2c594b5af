/* peers.h -- command lines of other sandboxes that start /bin/true with their own
 * namespaces and tree, for bench_start.c.  One that is not installed, or cannot run here,
 * has no row. */
#ifndef SL_BENCH_PEERS_H
#define SL_BENCH_PEERS_H

enum { PEERS = 4 };

struct peer {
	const char *name;
	char *const *argv;
};

extern const struct peer peers[PEERS];

/* Writes the bundle that the OCI runtimes start from, into the current directory; 0 or
 * -1. */
int peers_prepare(void);

#endif
