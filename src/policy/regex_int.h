/* regex_int.h -- a compiled pattern, shared by regex.c and regex_run.c. */
#ifndef SL_POLICY_REGEX_INT_H
#define SL_POLICY_REGEX_INT_H

#include "policy/regex.h"

enum inst_op { I_CHAR, I_ANY, I_CLASS, I_BEG, I_END, I_JMP, I_SPLIT, I_MATCH };
enum { RANGES_MAX = 64 };

struct range {
	uint32_t lo, hi;
};

struct re_class {
	bool is_negated;
	uint32_t n;
	struct range r[RANGES_MAX];
};

struct inst {
	enum inst_op op;
	uint32_t cp;
	uint16_t x, y;
	const struct re_class *cls;
};

struct sl_pre {
	uint32_t n;
	struct inst code[]; /* n of them; the last is MATCH */
};

/* One character of valid UTF-8. */
static inline uint32_t
next_cp(const uint8_t *p, size_t n, size_t *ret_len)
{
	size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint32_t cp = len == 1 ? p[0] : p[0] & (0x7fU >> len);

	if (len > n)
		len = n;
	for (size_t k = 1; k < len; k++)
		cp = cp << 6 | (p[k] & 0x3fU);
	*ret_len = len;
	return cp;
}

#endif
