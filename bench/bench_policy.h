/* bench_policy.h -- what the parts of bench_policy share. */
#ifndef BENCH_POLICY_H
#define BENCH_POLICY_H

#include "policy/run.h"

struct bp_row {
	char metric[64];
	const char *unit;
	double ours, peer;
	const char *peer_name; /* NULL: no peer */
	int n;
};

struct bp {
	const char *corpora, *self;
	int n; /* rounds */
	bool is_bad;
	struct bp_row row[100];
	int n_rows;
};

double bp_now_us(void);
double bp_median(double *v, int n); /* sorts v */
void bp_row(struct bp *b, const char *metric, const char *unit, double ours, double peer,
	    const char *peer_name, int n);
int bp_fail(struct bp *b, const char *metric, const char *why); /* -1 */
/* A file of the policy corpus, NUL-free; false: not there. */
bool bp_read(const struct bp *b, const char *name, struct sl_buf *out);

/* What measures rows; each is one entry of `measures`. */
void bp_w(struct bp *b);    /* bench_policy_w.c: W cold, W warm */
void bp_load(struct bp *b); /* 1M facts */

#endif
