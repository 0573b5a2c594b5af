/* bpf.h -- the part of a seccomp program that tells system calls apart.
 *
 * By bisection over ranges of numbers: n ranges take n - 1 instructions, of which a call
 * meets log2(n).  The kernel translates a program each time it is installed and runs it
 * once for every number there is (seccomp_cache_prepare), so its length is paid for by
 * each process that takes it.
 */
#ifndef SL_OS_BPF_H
#define SL_OS_BPF_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>

struct sl_bpf_range {
	uint32_t first; /* up to the next one's; the first range starts at 0 */
	uint32_t to;    /* where to go: instructions after the end of the tree */
};

enum { SL_BPF_CALLS = 1024, SL_BPF_RANGES_MAX = SL_BPF_CALLS + 2 };

/* Ranges of numbers that go to the same place; to[] is by number, rest for all above,
 * x32 for those with x32's bit.  SL_BPF_RANGES_MAX always suffice. */
size_t sl_bpf_ranges(const uint16_t to[SL_BPF_CALLS], uint16_t rest, uint16_t x32,
		     struct sl_bpf_range *ret);

/* Writes the tree, n - 1 instructions, for a number in the accumulator.  With one range
 * nothing is written: it must go to 0.  -E2BIG where a jump is too long. */
int sl_bpf_tree(struct sock_filter *at, const struct sl_bpf_range *r, size_t n);

/* What such a program (load, and, compare, return: what tools/gen-seccomp.c writes) says
 * of a call: its SECCOMP_RET value.  Of anything else it is SECCOMP_RET_KILL_PROCESS. */
uint32_t sl_bpf_run(const struct sock_filter *p, size_t n, const struct seccomp_data *d);

#endif
