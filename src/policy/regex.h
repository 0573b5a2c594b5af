/* regex.h -- patterns of .matches(): a subset of the syntax of Rust's regex crate, run
 * by a simulated automaton, so the time of a match is linear in the text whatever the
 * pattern; private to src/policy.
 *
 * Literals, `.`, classes with ranges, negation and \d \w \s \D \W \S, groups, `|`,
 * `* + ? {n} {n,} {n,m}` with lazy forms (which accept the same texts), `^ $ \A \z`,
 * \n \r \t \f \v \xHH \u{H}.  It works on Unicode characters; \d \w \s are ASCII.
 * Not supported, by name: back-references, look-around, \b, \p, flags, nested classes.
 */
#ifndef SL_POLICY_REGEX_H
#define SL_POLICY_REGEX_H

#include "base/arena.h"

struct sl_pre;

enum sl_pre_status { SL_PRE_OK, SL_PRE_BAD, SL_PRE_UNSUPPORTED, SL_PRE_NOMEM };

enum { SL_PRE_MAX = 1000 }; /* instructions of a compiled pattern */

/* why: what is bad or not supported.  Recursion is bounded by 50 groups. */
enum sl_pre_status sl_pre_compile(struct sl_slice pattern, struct sl_arena *a,
				  struct sl_pre **ret_re, char why[100]);
/* Instructions: the weight of a step, doc/PROTOCOL.policy section 4. */
uint32_t sl_pre_size(const struct sl_pre *re);
/* Unanchored search; text is UTF-8. */
bool sl_pre_search(const struct sl_pre *re, struct sl_slice text);

#endif
