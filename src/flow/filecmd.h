/* filecmd.h -- the files through which a step hands values on: GITHUB_ENV,
 * GITHUB_OUTPUT, GITHUB_STATE (key=value, or key<<DELIMITER and lines) and GITHUB_PATH
 * (one directory a line).
 *
 * The bytes are foreign.  Lines end in LF, and a CR stays in the value; in GITHUB_PATH a
 * CR ends a line too.  Slices point into the input.  Refused in GITHUB_ENV: variables
 * that make the programs of later steps load or run something else (NODE_OPTIONS as
 * GitHub does; LD_*, BASH_ENV besides), in any case.  An error fails the step.
 */
#ifndef SL_FLOW_FILECMD_H
#define SL_FLOW_FILECMD_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/slice.h"

struct sl_filecmd_pair {
	struct sl_slice key, value;
};

/* In order of the file, repeated keys included: the last one wins with the reader.
 * lim: max_bytes, max_items = pairs.  FAILED with GitHub's text for bad content. */
int sl_filecmd_pairs(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		     const struct sl_filecmd_pair **ret, size_t *ret_n,
		     struct sl_err *err) SL_MUST_CHECK;
/* NULL, or why this name may not be set through GITHUB_ENV (a static string). */
const char *sl_filecmd_env_refused(struct sl_slice name);
/* pairs, and DENIED for the first one that env_refused names, FAILED for one that no
 * environment can hold (no name, NUL bytes). */
int sl_filecmd_env(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		   const struct sl_filecmd_pair **ret, size_t *ret_n,
		   struct sl_err *err) SL_MUST_CHECK;
/* Directories in the order of the file, blank lines left out.  Each one added goes to
 * the front of PATH, and an equal earlier entry goes away. */
int sl_filecmd_paths(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		     const struct sl_slice **ret, size_t *ret_n,
		     struct sl_err *err) SL_MUST_CHECK;

#endif
