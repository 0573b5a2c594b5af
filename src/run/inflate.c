/* inflate.c -- see inflate.h. */
#include "run/inflate.h"

#include <stdbool.h>
#include <string.h>

enum {
	WINDOW =
	    1 << 16, /* twice what a distance reaches, so that half can be handed on */
	HALF = WINDOW / 2,
	BITS_MAX = 15,
	N_LIT = 288,
	N_DIST = 30,
};

struct code {
	uint16_t count[BITS_MAX + 1]; /* codes of each length */
	uint16_t symbol[N_LIT];       /* in order of code */
};

struct inflate {
	const struct sl_inflate_io *io;
	uint32_t bits;
	unsigned n_bits;
	uint64_t n; /* bytes made */
	bool is_bad, is_enough;
	struct code lit, dist;
	uint8_t window[WINDOW];
};

static unsigned
take(struct inflate *f, unsigned n)
{
	unsigned v;

	while (f->n_bits < n) {
		int c = f->io->get(f->io->arg);

		if (c < 0) {
			f->is_bad = true;
			return 0;
		}
		f->bits |= (uint32_t)c << f->n_bits;
		f->n_bits += 8;
	}
	v = f->bits & ((1U << n) - 1);
	f->bits >>= n;
	f->n_bits -= n;
	return v;
}

static void
emit(struct inflate *f, uint8_t c)
{
	f->window[f->n++ % WINDOW] = c;
	if (f->n % HALF == 0)
		f->is_enough =
		    f->io->put(f->io->arg, f->window + (f->n - HALF) % WINDOW, HALF) != 0;
}

/* Lengths to codes; false where they are over-subscribed, or leave some unused. */
static bool
make_code(struct code *h, const uint8_t *len, size_t n, bool may_be_single)
{
	uint16_t at[BITS_MAX + 1] = { 0 };
	int left = 1;

	memset(h->count, 0, sizeof(h->count));
	for (size_t i = 0; i < n; i++)
		h->count[len[i]]++;
	for (unsigned b = 1; b <= BITS_MAX; b++) {
		left = 2 * left - h->count[b];
		if (left < 0)
			return false;
	}
	for (unsigned b = 1; b < BITS_MAX; b++)
		at[b + 1] = (uint16_t)(at[b] + h->count[b]);
	for (size_t i = 0; i < n; i++)
		if (len[i] != 0)
			h->symbol[at[len[i]]++] = (uint16_t)i;
	/* none at all: only literals; one of one bit: the other is unused */
	return left == 0 || (may_be_single && n - h->count[0] <= 1);
}

/* The next symbol, or -1. */
static int
symbol(struct inflate *f, const struct code *h)
{
	int code = 0, first = 0, index = 0;

	for (unsigned b = 1; b <= BITS_MAX && !f->is_bad; b++) {
		int n = h->count[b];

		code |= (int)take(f, 1);
		if (code - first < n)
			return f->is_bad ? -1 : h->symbol[index + code - first];
		index += n;
		first = (first + n) << 1;
		code <<= 1;
	}
	f->is_bad = true;
	return -1;
}

static void
copy_back(struct inflate *f, unsigned len, unsigned dist)
{
	if (dist > f->n || dist > HALF) {
		f->is_bad = true;
		return;
	}
	for (; len > 0 && !f->is_enough; len--)
		emit(f, f->window[(f->n - dist) % WINDOW]);
}

static void
block_data(struct inflate *f)
{
	static const uint16_t len_base[] = { 3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
					     15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
					     67, 83, 99, 115, 131, 163, 195, 227, 258 };
	static const uint8_t len_extra[] = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					     2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0 };
	static const uint16_t dist_base[] = { 1,    2,    3,    4,     5,     7,
					      9,    13,   17,   25,    33,    49,
					      65,   97,   129,  193,   257,   385,
					      513,  769,  1025, 1537,  2049,  3073,
					      4097, 6145, 8193, 12289, 16385, 24577 };

	while (!f->is_bad && !f->is_enough) {
		int s = symbol(f, &f->lit), d;
		unsigned len, k;

		if (s < 0 || s == 256)
			return;
		if (s < 256) {
			emit(f, (uint8_t)s);
			continue;
		}
		k = (unsigned)s - 257;
		if (k >= sizeof(len_extra)) {
			f->is_bad = true;
			return;
		}
		len = len_base[k] + take(f, len_extra[k]);
		d = symbol(f, &f->dist);
		if (d < 0 || d >= N_DIST) {
			f->is_bad = true;
			return;
		}
		copy_back(f, len,
			  dist_base[d] + take(f, d < 2 ? 0 : (unsigned)d / 2 - 1));
	}
}

static void
fixed(struct inflate *f)
{
	uint8_t len[N_LIT];

	for (unsigned i = 0; i < N_LIT; i++)
		len[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
	(void)make_code(&f->lit, len, N_LIT, false);
	memset(len, 5, 32);
	(void)make_code(&f->dist, len, 32, false);
}

/* The two codes of a block, themselves coded (RFC 1951 section 3.2.7). */
static void
dynamic(struct inflate *f)
{
	static const uint8_t order[19] = { 16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
					   11, 4,  12, 3, 13, 2, 14, 1, 15 };
	uint8_t len[N_LIT + 32] = { 0 };
	unsigned n_lit = take(f, 5) + 257, n_dist = take(f, 5) + 1, n = take(f, 4) + 4,
		 i = 0;

	if (n_lit > 286 || n_dist > N_DIST) {
		f->is_bad = true;
		return;
	}
	for (unsigned k = 0; k < n; k++)
		len[order[k]] = (uint8_t)take(f, 3);
	f->is_bad = f->is_bad || !make_code(&f->lit, len, 19, false);
	memset(len, 0, sizeof(len));
	while (i < n_lit + n_dist && !f->is_bad) {
		int s = symbol(f, &f->lit);
		unsigned times = 1;
		uint8_t what = (uint8_t)s;

		if (s == 16) {
			f->is_bad = f->is_bad || i == 0;
			what = i > 0 ? len[i - 1] : 0;
			times = 3 + take(f, 2);
		} else if (s > 16) {
			what = 0;
			times = s == 17 ? 3 + take(f, 3) : 11 + take(f, 7);
		}
		if (s < 0 || i + times > n_lit + n_dist) {
			f->is_bad = true;
			return;
		}
		while (times-- > 0)
			len[i++] = what;
	}
	f->is_bad = f->is_bad || len[256] == 0 || !make_code(&f->lit, len, n_lit, true) ||
		    !make_code(&f->dist, len + n_lit, n_dist, true);
}

static void
stored(struct inflate *f)
{
	unsigned len, inverse;

	f->bits = f->n_bits = 0; /* to the next byte: fewer than 8 bits are held */
	len = take(f, 16);
	inverse = take(f, 16);
	if (len != (inverse ^ 0xffff))
		f->is_bad = true;
	for (; len > 0 && !f->is_bad && !f->is_enough; len--) {
		uint8_t c = (uint8_t)take(f, 8);

		if (!f->is_bad)
			emit(f, c);
	}
}

enum sl_inflate_end
sl_inflate(const struct sl_inflate_io *io)
{
	struct inflate f = { .io = io };
	bool is_last = false;

	while (!is_last && !f.is_bad && !f.is_enough) {
		unsigned kind;

		is_last = take(&f, 1) != 0;
		kind = take(&f, 2);
		if (f.is_bad || kind == 3)
			return SL_INFLATE_MALFORMED;
		if (kind == 0) {
			stored(&f);
			continue;
		}
		if (kind == 1)
			fixed(&f);
		else
			dynamic(&f);
		if (!f.is_bad)
			block_data(&f);
	}
	if (!f.is_enough && f.n % HALF != 0)
		f.is_enough = io->put(io->arg, f.window + (f.n - f.n % HALF) % WINDOW,
				      f.n % HALF) != 0;
	return f.is_bad      ? SL_INFLATE_MALFORMED
	       : f.is_enough ? SL_INFLATE_ENOUGH
			     : SL_INFLATE_DONE;
}
