/* regex_run.c -- the search: a simulated automaton.  See regex.h. */
#include "policy/regex_int.h"

uint32_t
sl_pre_size(const struct sl_pre *re)
{
	return re->n;
}

/* The set of states, in which each is at most once. */
struct states {
	uint32_t n;
	uint16_t v[SL_PRE_MAX];
	bool has[SL_PRE_MAX];
};

/* Adds pc and what it reaches without a character; true when that is a match. */
static bool
follow(const struct sl_pre *re, struct states *s, uint16_t pc, bool at_beg, bool is_last)
{
	uint16_t stack[SL_PRE_MAX];
	uint32_t n = 0;

	if (s->has[pc])
		return false;
	s->has[pc] = true;
	stack[n++] = pc;
	while (n > 0) {
		const struct inst *i = &re->code[pc = stack[--n]];
		uint16_t to[2] = { (uint16_t)(pc + 1), 0 };
		unsigned n_to = 0;

		if (i->op == I_MATCH)
			return true;
		if (i->op == I_JMP || i->op == I_SPLIT) {
			to[0] = i->x;
			to[1] = i->y;
			n_to = i->op == I_SPLIT ? 2 : 1;
		} else if ((i->op == I_BEG && at_beg) || (i->op == I_END && is_last)) {
			n_to = 1;
		} else if (i->op != I_BEG && i->op != I_END) {
			s->v[s->n++] = pc;
		}
		while (n_to > 0)
			if (!s->has[to[--n_to]]) { /* once each: the stack cannot overflow
						    */
				s->has[to[n_to]] = true;
				stack[n++] = to[n_to];
			}
	}
	return false;
}

static bool
takes(const struct inst *i, uint32_t cp)
{
	bool in = false;

	if (i->op == I_CHAR)
		return i->cp == cp;
	if (i->op == I_ANY)
		return cp != '\n';
	for (uint32_t k = 0; !in && k < i->cls->n; k++)
		in = cp >= i->cls->r[k].lo && cp <= i->cls->r[k].hi;
	return in != i->cls->is_negated;
}

bool
sl_pre_search(const struct sl_pre *re, struct sl_slice text)
{
	struct states s[2];
	struct states *now = &s[0], *then = &s[1], *swap;
	size_t at = 0, len;

	now->n = 0;
	memset(now->has, 0, re->n);
	for (;;) {
		uint32_t cp;

		if (follow(re, now, 0, at == 0, at == text.len))
			return true;
		if (at == text.len)
			return false;
		cp = next_cp(text.p + at, text.len - at, &len);
		at += len;
		then->n = 0;
		memset(then->has, 0, re->n);
		for (uint32_t k = 0; k < now->n; k++)
			if (takes(&re->code[now->v[k]], cp) &&
			    follow(re, then, (uint16_t)(now->v[k] + 1), false,
				   at == text.len))
				return true;
		swap = now;
		now = then;
		then = swap;
	}
}
