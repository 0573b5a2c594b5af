/* policy.h -- C2SP tlog-policy: which logs are known, which witnesses, and how many of
 * them must have cosigned a checkpoint before it counts.
 *
 * Parsing is strict: every rule of the format, each refusal with line and column.
 * Refused beyond it, by name: keys that are not Ed25519 (log) or cosignature/v1
 * (witness), a last line without its newline, more than SL_TPOL_MAX logs, witnesses or
 * groups.  Slices point into the source.  Names are octets; nothing is folded.
 */
#ifndef SL_WITNESS_POLICY_H
#define SL_WITNESS_POLICY_H

#include "base/arena.h"
#include "cose/checkpoint.h"

enum { SL_TPOL_MAX = 64, SL_TPOL_BYTES_MAX = 1 << 18, SL_TPOL_NAME_MAX = 256 };

struct sl_tpol_key {          /* a log or a witness */
	struct sl_slice name; /* witness only: of the policy; the key has its own */
	struct sl_vkey key;
	struct sl_slice url; /* empty: none */
};

struct sl_tpol_group {
	struct sl_slice name;
	unsigned k;                 /* members that must have witnessed */
	uint64_t witnesses, groups; /* members: bit i is witness i, group i */
};

struct sl_tpol {
	size_t n_logs, n_witnesses, n_groups;
	struct sl_tpol_key log[SL_TPOL_MAX], witness[SL_TPOL_MAX];
	struct sl_tpol_group group[SL_TPOL_MAX]; /* members stand before it */
	enum { SL_QUORUM_NONE, SL_QUORUM_WITNESS, SL_QUORUM_GROUP } quorum;
	size_t quorum_index;
};

int sl_tpol_parse(struct sl_slice src, struct sl_tpol *ret,
		  struct sl_err *err) SL_MUST_CHECK;
/* Whether these witnesses (bit i: witness i cosigned) are a quorum. */
bool sl_tpol_quorum(const struct sl_tpol *p, uint64_t cosigned);

struct sl_tpol_result {
	struct sl_checkpoint checkpoint;
	struct sl_vkey log;        /* that signed it */
	uint64_t cosigned;         /* witnesses of the policy that did */
	int64_t time[SL_TPOL_MAX]; /* of their cosignatures, s since 1970 */
};

/* A checkpoint by the policy: signed by one of its logs, whose key has the origin's name
 * (where the policy lists none: by log, which the caller knows otherwise), and cosigned
 * by its quorum.  Known keys whose lines are wrong refuse it.  FORMAT, VERIFY; SIGNER: no
 * log that is known; QUORUM: too few witnesses.  *ret points into note. */
int sl_tpol_check(const struct sl_tpol *p, struct sl_slice note,
		  const struct sl_vkey *log, struct sl_tpol_result *ret,
		  struct sl_err *err) SL_MUST_CHECK;

#endif
