/* chain.h -- the chain of levels of a node's store: the platform's log, the node's, a
 * log a run; and whether each link holds (DESIGN: a log per TCB level).
 *
 * A link downward is a key: the identity certifies the platform's key and the working
 * keys, a run's decision names the run's key.  A link upward is a seal: a statement in
 * the log above with a checkpoint of the log below.  All are checked by signature,
 * against the roots as they are now, and each key and seal statement by its proof of
 * inclusion.  What else the logs hold, `log check` looks at. */
#ifndef SL_RECORD_CHAIN_H
#define SL_RECORD_CHAIN_H

#include "crypto/ed25519.h"
#include "log/reader.h"

struct sl_chain_tree { /* one log */
	struct sl_log_tree t;
	unsigned level;     /* 0 platform, 1 node, 2 run */
	uint64_t decision;  /* run: index in the node's log; UINT64_MAX: none */
	uint64_t seal;      /* index in the node's log of its last seal; UINT64_MAX */
	uint64_t seal_size; /* entries that it covers */
	char kind[16];      /* run: of its decision; "" where that was erased */
	bool is_allowed;
	bool is_broken;       /* a finding is about it */
	char attestation[32]; /* platform: "none", or what vouches for it */
};

struct sl_chain_sum {
	uint64_t n_trees, n_links, n_broken;
	uint64_t n_identities, n_working, n_ended; /* keys of the node */
	char did[SL_DIDKEY_MAX];                   /* what the node is called after */
	char identity[SL_DIDKEY_MAX];              /* in force */
};

struct sl_chain_fn {
	void *arg;
	/* Each log once: platform, node, runs in the order in which they began. */
	int (*tree)(void *arg, const struct sl_chain_tree *t, struct sl_err *err);
	/* Before that: a link that does not hold, of the log with that ID, and the entry
	 * of the node's log where that shows (UINT64_MAX: in none). */
	void (*broken)(void *arg, uint32_t tree, uint64_t index, const char *what);
};

/* 0, with or without broken links; STORE where the store cannot be read. */
int sl_chain_walk(struct sl_reader *r, const struct sl_chain_fn *fn,
		  struct sl_chain_sum *ret, struct sl_err *err) SL_MUST_CHECK;

#endif
