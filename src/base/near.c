/* near.c -- see near.h. */
#include "base/near.h"

/* Edit distance with transpositions, for words of at most 31 bytes; else 99. */
static size_t
distance(struct sl_slice a, struct sl_slice b)
{
	size_t d[3][33];

	if (a.len > 31 || b.len > 31)
		return 99;
	for (size_t j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		size_t *now = d[i % 3], *up = d[(i - 1) % 3];

		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			size_t best =
			    up[j - 1] + ((a.p[i - 1] | 32) != (b.p[j - 1] | 32));

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1] && d[(i - 2) % 3][j - 2] + 1 < best)
				best = d[(i - 2) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return d[a.len % 3][b.len];
}

struct sl_slice
sl_near(struct sl_slice word, const struct sl_slice *candidate, size_t n)
{
	struct sl_slice best = { 0 };
	size_t least = word.len < 5 ? 2 : 3, x; /* below these */

	for (size_t i = 0; i < n; i++)
		if ((x = distance(word, candidate[i])) < least && x < candidate[i].len) {
			least = x;
			best = candidate[i];
		}
	return best;
}
