/* limit.h -- the value of a limit as people write and read it: "64M", "2G", "3600".
 *
 * Bytes may end in K, M, G or T, powers of 1024; counts and seconds are plain.  A value
 * is at least 1.  Refused: signs, blanks, fractions, other suffixes, what the kernel or
 * a fact (a signed 64-bit integer) cannot hold.
 */
#ifndef SL_GRANT_LIMIT_H
#define SL_GRANT_LIMIT_H

#include "grant/grant.h"

enum { SL_LIMIT_TEXT_MAX = 24 };

const char *sl_limit_unit(enum sl_limit l); /* "bytes", "count", "s" */
/* As options and flows spell it: "time" is wall, "open-files" nofile. */
const char *sl_limit_option(enum sl_limit l);
/* By either name; SL_LIM_COUNT when there is none. */
enum sl_limit sl_limit_named(struct sl_slice name);
/* NULL, or what is wrong with text: words to stand behind it in a message. */
const char *sl_limit_parse(enum sl_limit l, struct sl_slice text, uint64_t *ret);
/* The shortest text that is read back as exactly max (of 1 and more). */
void sl_limit_print(enum sl_limit l, uint64_t max, char ret[SL_LIMIT_TEXT_MAX]);

#endif
