/* bpf.c -- see bpf.h. */
#include "os/bpf.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

enum { JUMP_MAX = 255, X32_BIT = 0x40000000 };

static size_t
range(struct sl_bpf_range *r, size_t n, uint32_t first, uint16_t to)
{
	if (n > 0 && r[n - 1].to == to)
		return n;
	r[n] = (struct sl_bpf_range){ first, to };
	return n + 1;
}

size_t
sl_bpf_ranges(const uint16_t to[SL_BPF_CALLS], uint16_t rest, uint16_t x32,
	      struct sl_bpf_range *ret)
{
	size_t n = 0;

	for (uint32_t i = 0; i < SL_BPF_CALLS; i++)
		n = range(ret, n, i, to[i]);
	n = range(ret, n, SL_BPF_CALLS, rest);
	n = range(ret, n, X32_BIT, x32);
	/* -1 is no call at all: what a tracer leaves of one that it skipped. */
	return range(ret, n, UINT32_MAX, rest);
}

/* Writes the tree of ranges lo to hi at position pos and gives its position; for one
 * range, which needs no instruction, the position where that goes. */
static int
subtree(struct sock_filter *at, const struct sl_bpf_range *r, size_t lo, size_t hi,
	size_t pos, size_t end, size_t *ret_target)
{
	size_t mid = lo + (hi - lo) / 2, left, right;
	int e;

	if (hi - lo == 1) {
		*ret_target = end + r[lo].to;
		return 0;
	}
	if ((e = subtree(at, r, lo, mid, pos + 1, end, &left)) < 0 ||
	    (e = subtree(at, r, mid, hi, pos + (mid - lo), end, &right)) < 0)
		return e;
	if (left - pos - 1 > JUMP_MAX || right - pos - 1 > JUMP_MAX)
		return -E2BIG;
	at[pos] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, r[mid].first,
					       (unsigned char)(right - pos - 1),
					       (unsigned char)(left - pos - 1));
	*ret_target = pos;
	return 0;
}

int
sl_bpf_tree(struct sock_filter *at, const struct sl_bpf_range *r, size_t n)
{
	size_t start;

	return subtree(at, r, 0, n, 0, n - 1, &start);
}

static size_t
jump(const struct sock_filter *f, uint32_t acc)
{
	bool is_so = false;

	switch (BPF_OP(f->code)) {
	case BPF_JEQ:
		is_so = acc == f->k;
		break;
	case BPF_JGE:
		is_so = acc >= f->k;
		break;
	case BPF_JSET:
		is_so = (acc & f->k) != 0;
		break;
	default:
		return SIZE_MAX / 2; /* past any end */
	}
	return is_so ? f->jt : f->jf;
}

uint32_t
sl_bpf_run(const struct sock_filter *p, size_t n, const struct seccomp_data *d)
{
	uint32_t acc = 0;

	/* Jumps go forward only, so it ends. */
	for (size_t i = 0; i < n; i++) {
		const struct sock_filter *f = &p[i];

		if (f->code == (BPF_LD | BPF_W | BPF_ABS) &&
		    f->k <= sizeof(*d) - sizeof(acc))
			memcpy(&acc, (const uint8_t *)d + f->k, sizeof(acc));
		else if (f->code == (BPF_ALU | BPF_AND | BPF_K))
			acc &= f->k;
		else if (BPF_CLASS(f->code) == BPF_JMP && BPF_SRC(f->code) == BPF_K)
			i += jump(f, acc);
		else if (f->code == (BPF_RET | BPF_K))
			return f->k;
		else
			break;
	}
	return SECCOMP_RET_KILL_PROCESS;
}
