/* evidence.h -- what export, verify and audit share: files within limits, the run's
 * bundle out of the local log, whom this node trusts. */
#ifndef SL_CLI_EVIDENCE_H
#define SL_CLI_EVIDENCE_H

#include "cli/cmd.h"
#include "gate/verify.h"
#include "record/home.h"

enum { SL_TRUST_MAX = 64 };

struct sl_local { /* the node on this machine, if there is one */
	struct sl_home home;
	struct sl_reader *reader; /* NULL: no log here */
	struct sl_err why;        /* why there is none */
	char did[SL_DIDKEY_MAX];  /* "": none */
	struct sl_slice trusted[SL_TRUST_MAX + 1];
	size_t n_trusted;
};

/* Opens what is there, if anything is.  args' option opt names further keys to trust.
 * USAGE: one of them is no did:key or did:jwk. */
int sl_local_open(struct sl_local *l, const struct sl_args *args, int opt,
		  struct sl_err *err) SL_MUST_CHECK;
void sl_local_done(struct sl_local *l);
/* NOENT without a log, too. */
int sl_local_bundle(struct sl_local *l, const char *run, struct sl_buf *out,
		    struct sl_err *err) SL_MUST_CHECK;
/* "-" is standard input.  LIMIT when it is larger than max. */
int sl_file_read(const char *path, size_t max, struct sl_buf *out,
		 struct sl_err *err) SL_MUST_CHECK;
/* A new file, whole or not at all; "-" is standard output.  USAGE: it is
 * there already; SYS. */
int sl_file_write(const char *path, struct sl_slice bytes,
		  struct sl_err *err) SL_MUST_CHECK;

#define SL_AUTO_LOCAL                                                                    \
	__attribute__((                                                                  \
	    cleanup(sl_local_done))) struct sl_local /* l = { .home.fd = -1 } */

#endif
