/* gen-seccomp.c -- data/seccomp/box.list -> C arrays of BPF, at build time, so that
 * sluice itself neither links libseccomp nor compiles a filter when it starts.
 *
 *   gen-seccomp LIST HEADER [GATE.bpf QUIET.bpf]
 *
 * The land program, of tier T0, is the watch program that also stops at the calls of `land`
 * lines.  The trace program is the watch program that also stops at the calls of `trace` lines, but
 * those of kind "look"; the seek program stops at these too.
 * QUIET is the watch program for a sandbox without a supervisor: exec is allowed, all
 * else that would be asked for is EPERM.  The benchmarks give both files to peers.
 */
#include "os/bpf.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX_LEN = 1024, LINES_MAX = 512, CONDS_MAX = 6, VALUES_MAX = 12, PROG_MAX = 1024 };

enum op { EQUAL, NOT_EQUAL, MASKED, NOT_MASKED, ANY_BIT };

struct cond {
	enum op op;
	unsigned arg;
	uint64_t mask, value[VALUES_MAX];
	size_t n; /* any of these */
};

struct notify {
	int nr;
	char class[16];
	size_t n;
	struct cond c[CONDS_MAX];
};

struct prog {
	struct sock_filter p[PROG_MAX];
	size_t n;
};

struct gen {
	/* verdicts of the gate by number; RETS below */
	uint16_t gate[SL_BPF_CALLS];
	char name[SL_BPF_CALLS][32];
	struct notify line[LINES_MAX], trace[LINES_MAX], land[LINES_MAX];
	size_t n, n_trace, n_land;
	const char *file;
	unsigned at;
};

/* The gate's returns, in this order at its end. */
enum ret { RET_NOSYS, RET_ALLOW, RET_PERM, RET_NOTSUPP, RET_KILL, RETS };

static const struct {
	const char *name;
	uint32_t value;
} rets[RETS] = {
	[RET_NOSYS] = { "ENOSYS", SECCOMP_RET_ERRNO | ENOSYS },
	[RET_ALLOW] = { "", SECCOMP_RET_ALLOW },
	[RET_PERM] = { "EPERM", SECCOMP_RET_ERRNO | EPERM },
	[RET_NOTSUPP] = { "EOPNOTSUPP", SECCOMP_RET_ERRNO | EOPNOTSUPP },
	[RET_KILL] = { "", SECCOMP_RET_KILL_PROCESS },
};

static void
die(const struct gen *g, const char *what, const char *arg)
{
	fprintf(stderr, "%s:%u: %s '%s'\n", g->file, g->at, what, arg);
	exit(1);
}

/* --- the list --- */

static int
number_of(const struct gen *g, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr < 0 || nr >= SL_BPF_CALLS)
		die(g, "unknown system call", name);
	return nr;
}

/* N=V, N!=V, N&MASK=V[,V...], N&MASK!=V[,V...], N&MASK */
static struct cond
condition(const struct gen *g, const char *s)
{
	char *p;
	struct cond c = { .op = EQUAL, .arg = (unsigned)strtoul(s, &p, 10) };

	if (p == s || c.arg > 5)
		die(g, "bad condition", s);
	if (*p == '&') {
		c.mask = strtoull(p + 1, &p, 0);
		c.op = *p != '\0' ? MASKED : ANY_BIT;
		if (c.op == ANY_BIT && c.mask <= UINT32_MAX)
			return c;
		if (*p == '!') {
			c.op = NOT_MASKED;
			p++;
		}
	} else if (*p == '!') {
		c.op = NOT_EQUAL;
		p++;
	}
	if (*p++ != '=')
		die(g, "bad condition", s);
	do {
		if (c.n == VALUES_MAX)
			die(g, "too many values", s);
		c.value[c.n++] = strtoull(p, &p, 0);
	} while (*p++ == ',');
	if (p[-1] != '\0' ||
	    (c.n > 1 && c.op != MASKED && c.op != NOT_MASKED) ||
	    ((c.n > 1 || c.op == NOT_MASKED) && c.mask > UINT32_MAX))
		die(g, "bad condition", s);
	return c;
}

/* What the gate does with a call: said once. */
static void
verdict(struct gen *g, int nr, const char *name, enum ret r)
{
	if (g->name[nr][0] != '\0')
		die(g, "system call named twice", name);
	(void)snprintf(g->name[nr], sizeof(g->name[nr]), "%s", name);
	g->gate[nr] = (uint16_t)r;
}

/* CLASS CALL [CONDITION...]; the call's name. */
static const char *
stop_line(const struct gen *g, struct notify *l, char *rest)
{
	const char *class = strtok(rest, " \t"), *name = strtok(NULL, " \t"), *s;

	if (class == NULL || name == NULL)
		die(g, "class and system call expected", "notify");
	l->nr = number_of(g, name);
	(void)snprintf(l->class, sizeof(l->class), "%s", class);
	while ((s = strtok(NULL, " \t")) != NULL) {
		if (l->n == CONDS_MAX)
			die(g, "too many conditions", s);
		l->c[l->n++] = condition(g, s);
	}
	return name;
}

static void
notify_line(struct gen *g, char *rest)
{
	struct notify *l = &g->line[g->n];
	const char *name;

	if (g->n == LINES_MAX)
		die(g, "too many lines at", "notify");
	name = stop_line(g, l, rest);
	/* Lines of one call stand together. */
	if (g->n == 0 || l[-1].nr != l->nr || strcmp(l[-1].class, l->class) != 0)
		verdict(g, l->nr, name, RET_ALLOW);
	g->n++;
}

/* A call that the gate lets through; lines of one call stand together, and those of a notify
 * line count as well. */
static void
land_line(struct gen *g, char *rest)
{
	struct notify *l = &g->land[g->n_land];
	const char *name;

	if (g->n_land == LINES_MAX)
		die(g, "too many lines at", "land");
	name = stop_line(g, l, rest);
	if (g->name[l->nr][0] == '\0' || g->gate[l->nr] != RET_ALLOW)
		die(g, "stopped before it is allowed", name);
	for (size_t i = 0; i + 1 < g->n_land; i++)
		if (g->land[i].nr == l->nr && l[-1].nr != l->nr)
			die(g, "lines of one call are apart", name);
	g->n_land++;
}

/* One line a call; what a notify line stops too has no condition here, for what stops
 * then holds both. */
static void
trace_line(struct gen *g, char *rest)
{
	struct notify *l = &g->trace[g->n_trace];
	const char *name;

	if (g->n_trace == LINES_MAX)
		die(g, "too many lines at", "trace");
	name = stop_line(g, l, rest);
	if (g->name[l->nr][0] == '\0' || g->gate[l->nr] != RET_ALLOW)
		die(g, "traced before it is allowed", name);
	for (size_t i = 0; i < g->n_trace; i++)
		if (g->trace[i].nr == l->nr)
			die(g, "traced twice", name);
	for (size_t i = 0; i < g->n; i++)
		if (g->line[i].nr == l->nr && l->n > 0)
			die(g, "traced under a condition, and notified", name);
	g->n_trace++;
}

static enum ret
errno_of(const struct gen *g, const char *name)
{
	for (enum ret r = 0; r < RETS; r++)
		if (rets[r].name[0] != '\0' && strcmp(rets[r].name, name) == 0)
			return r;
	die(g, "unknown errno", name);
	return RET_NOSYS;
}

static void
read_list(struct gen *g, FILE *f)
{
	char text[LINE_MAX_LEN];

	while (fgets(text, sizeof(text), f) != NULL) {
		enum ret r = RET_ALLOW;
		char *verb, *s;

		g->at++;
		text[strcspn(text, "#\n")] = '\0';
		if ((verb = strtok(text, " \t")) == NULL)
			continue;
		if (strcmp(verb, "notify") == 0) {
			notify_line(g, strtok(NULL, ""));
			continue;
		}
		if (strcmp(verb, "trace") == 0) {
			trace_line(g, strtok(NULL, ""));
			continue;
		}
		if (strcmp(verb, "land") == 0) {
			land_line(g, strtok(NULL, ""));
			continue;
		}
		if (strcmp(verb, "deny") == 0) {
			if ((s = strtok(NULL, " \t")) == NULL)
				die(g, "errno expected", "deny");
			r = errno_of(g, s);
		} else if (strcmp(verb, "allow") != 0) {
			die(g, "unknown verb", verb);
		}
		while ((s = strtok(NULL, " \t")) != NULL)
			verdict(g, number_of(g, s), s, r);
	}
}

/* --- programs --- */

static void
put(const struct gen *g, struct prog *p, unsigned code, uint32_t k, size_t jt, size_t jf)
{
	if (p->n == PROG_MAX || jt > 255 || jf > 255)
		die(g, "program too long", "");
	p->p[p->n++] = (struct sock_filter){ (uint16_t)code, (uint8_t)jt, (uint8_t)jf,
					     k };
}

static void
load(const struct gen *g, struct prog *p, size_t offset)
{
	put(g, p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset, 0, 0);
}

enum { NEXT = 255 }; /* stands for "the next line", until its place is known */

/* One half of an argument: goes on where it fits. */
static void
half(const struct gen *g, struct prog *p, const struct cond *c, bool is_high)
{
	unsigned shift = is_high ? 32 : 0;
	uint32_t mask = (uint32_t)(c->mask >> shift), v = (uint32_t)(c->value[0] >> shift);

	if ((c->op == MASKED || c->op == NOT_MASKED) && mask == 0)
		return;
	load(g, p, offsetof(struct seccomp_data, args) + c->arg * 8UL + is_high * 4UL);
	if (c->op == ANY_BIT) {
		put(g, p, BPF_JMP | BPF_JSET | BPF_K, mask, 0, NEXT);
		return;
	}
	if ((c->op == MASKED || c->op == NOT_MASKED) && mask != UINT32_MAX)
		put(g, p, BPF_ALU | BPF_AND | BPF_K, mask, 0, 0);
	for (size_t i = 0; c->op == NOT_MASKED && i < c->n; i++)
		put(g, p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->value[i], NEXT, 0);
	if (c->op == NOT_MASKED)
		return;
	/* Any but the last goes straight to what follows the last. */
	for (size_t i = 0; !is_high && i + 1 < c->n; i++)
		put(g, p, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)c->value[i],
		    c->n - 1 - i, 0);
	v = (uint32_t)(c->value[c->n > 0 ? c->n - 1 : 0] >> shift);
	if (c->op == NOT_EQUAL) /* the low half follows the high one: two to skip */
		put(g, p, BPF_JMP | BPF_JEQ | BPF_K, v, is_high ? 0 : NEXT,
		    is_high ? 2 : 0);
	else
		put(g, p, BPF_JMP | BPF_JEQ | BPF_K, v, 0, NEXT);
}

/* The lines of one call: ret where one fits, else allow. */
static void
block(const struct gen *g, struct prog *p, const struct notify *l, size_t n, uint32_t ret)
{
	for (size_t i = 0; i < n; i++) {
		size_t from = p->n;

		for (size_t j = 0; j < l[i].n; j++) {
			if (l[i].c[j].op != ANY_BIT)
				half(g, p, &l[i].c[j], true);
			half(g, p, &l[i].c[j], false);
		}
		put(g, p, BPF_RET | BPF_K, ret, 0, 0);
		for (; from < p->n; from++) {
			struct sock_filter *f = &p->p[from];

			if (BPF_CLASS(f->code) != BPF_JMP)
				continue;
			if (f->jt == NEXT)
				f->jt = (uint8_t)(p->n - from - 1);
			if (f->jf == NEXT)
				f->jf = (uint8_t)(p->n - from - 1);
		}
		if (l[i].n == 0)
			return;
	}
	put(g, p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* The number in the accumulator; another architecture does not get that far. */
static void
head(const struct gen *g, struct prog *p)
{
	load(g, p, offsetof(struct seccomp_data, arch));
	put(g, p, BPF_JMP | BPF_JEQ | BPF_K, seccomp_arch_native(), 1, 0);
	put(g, p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load(g, p, offsetof(struct seccomp_data, nr));
}

/* to[]: where each number goes, from the end of the tree. */
static void
tree(const struct gen *g, struct prog *p, const uint16_t to[SL_BPF_CALLS], uint16_t rest,
     uint16_t x32)
{
	static struct sl_bpf_range r[SL_BPF_RANGES_MAX];
	size_t n = sl_bpf_ranges(to, rest, x32, r);

	if (p->n + n > PROG_MAX || sl_bpf_tree(p->p + p->n, r, n) < 0)
		die(g, "program too long", "");
	p->n += n - 1;
}

static void
gate(const struct gen *g, struct prog *p)
{
	head(g, p);
	tree(g, p, g->gate, RET_NOSYS, RET_KILL);
	for (enum ret r = 0; r < RETS; r++)
		put(g, p, BPF_RET | BPF_K, rets[r].value, 0, 0);
}

static bool
is_left_alone(const char *class)
{
	return strcmp(class, "exec") == 0 || strcmp(class, "connect") == 0 ||
	       strcmp(class, "bind") == 0;
}

/* The block just written, from on, or the same one if there was one already. */
static size_t
shared(struct prog *p, size_t first, size_t from)
{
	size_t len = p->n - from;

	for (size_t i = first; i + len <= from; i++)
		if (memcmp(p->p + i, p->p + from, len * sizeof(p->p[0])) == 0) {
			p->n = from;
			return i;
		}
	return from;
}

enum kind { WATCH, QUIET, TRACE, SEEK, LAND };
enum { ALLOW, KILL, FOUND, BLOCKS };

static void
trace(const struct gen *g, struct prog *blocks, uint32_t ret, uint16_t to[SL_BPF_CALLS],
      bool is_seeking)
{
	for (size_t i = 0; i < g->n_trace; i++) {
		const struct notify *l = &g->trace[i];
		size_t from = blocks->n;

		if (!is_seeking && strcmp(l->class, "look") == 0)
			continue;
		to[l->nr] = FOUND;
		if (l->n > 0) {
			block(g, blocks, l, 1, ret);
			to[l->nr] = (uint16_t)shared(blocks, BLOCKS, from);
		}
	}
}

/* All lines of each call that has a land line, those of notify first. */
static void
land(const struct gen *g, struct prog *blocks, uint32_t ret, uint16_t to[SL_BPF_CALLS])
{
	struct notify all[LINES_MAX];

	for (size_t i = 0, n; i < g->n_land; i += n) {
		const struct notify *l = &g->land[i];
		size_t from = blocks->n, k = 0;

		for (size_t j = 0; j < g->n; j++)
			if (g->line[j].nr == l->nr)
				all[k++] = g->line[j];
		for (n = 0; i + n < g->n_land && l[n].nr == l->nr; n++)
			all[k++] = l[n];
		block(g, blocks, all, k, ret);
		to[l->nr] = (uint16_t)shared(blocks, BLOCKS, from);
	}
}

/* Allow, kill, and the blocks stand at the end. */
static void
watch(const struct gen *g, struct prog *p, uint32_t ret, enum kind kind)
{
	static struct prog blocks;
	uint16_t to[SL_BPF_CALLS] = { 0 };

	blocks.n = 0;
	put(g, &blocks, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
	put(g, &blocks, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	put(g, &blocks, BPF_RET | BPF_K, ret, 0, 0);
	for (size_t i = 0, n; i < g->n; i += n) {
		const struct notify *l = &g->line[i];

		for (n = 1; i + n < g->n && l[n].nr == l->nr; n++)
			continue;
		if (kind == QUIET && is_left_alone(l->class))
			continue;
		to[l->nr] = FOUND;
		if (l->n > 0) {
			size_t from = blocks.n;

			block(g, &blocks, l, n, ret);
			to[l->nr] = (uint16_t)shared(&blocks, BLOCKS, from);
		}
	}
	if (kind == TRACE || kind == SEEK)
		trace(g, &blocks, ret, to, kind == SEEK);
	if (kind == LAND)
		land(g, &blocks, ret, to);
	/* What the gate refuses (an errno goes before a notification) may go anywhere:
	 * with its neighbour, the ranges are fewer. */
	for (int nr = 1; nr < SL_BPF_CALLS; nr++)
		if (g->gate[nr] != RET_ALLOW)
			to[nr] = to[nr - 1];
	head(g, p);
	tree(g, p, to, ALLOW, KILL);
	for (size_t i = 0; i < blocks.n; i++)
		put(g, p, blocks.p[i].code, blocks.p[i].k, blocks.p[i].jt,
		    blocks.p[i].jf);
}

static void export(const struct gen *g, const struct prog *p, const char *path)
{
	FILE *f = fopen(path, "w");

	if (f == NULL || fwrite(p->p, sizeof(p->p[0]), p->n, f) != p->n || fclose(f) != 0)
		die(g, "cannot write", path);
}

static void
print_program(const struct prog *p, FILE *out, const char *name)
{
	fprintf(out, "static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < p->n; i++)
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", p->p[i].code, p->p[i].jt,
			p->p[i].jf, p->p[i].k);
	fprintf(out, "};\n\n");
}

static void
print_calls(const struct gen *g, const struct notify *l, size_t n, FILE *out,
	    const char *name)
{
	fprintf(out, "static const struct sl_bpf_call %s[] = {\n", name);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || l[i - 1].nr != l[i].nr)
			fprintf(out, "\t{ %d, \"%s\", \"%s\" },\n", l[i].nr,
				g->name[l[i].nr], l[i].class);
	fprintf(out, "};\n");
}

int
main(int argc, char **argv)
{
	static struct prog of_gate, of_watch, of_quiet, of_trace, of_seek, of_land;
	static struct gen g;
	FILE *in, *out = NULL;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: gen-seccomp LIST HEADER [GATE.bpf QUIET.bpf]\n");
		return 2;
	}
	g.file = argv[1];
	if ((in = fopen(argv[1], "r")) == NULL || (out = fopen(argv[2], "w")) == NULL)
		die(&g, "cannot open", argv[1]);
	read_list(&g, in);
	(void)fclose(in);
	gate(&g, &of_gate);
	watch(&g, &of_watch, SECCOMP_RET_USER_NOTIF, WATCH);
	watch(&g, &of_trace, SECCOMP_RET_USER_NOTIF, TRACE);
	watch(&g, &of_seek, SECCOMP_RET_USER_NOTIF, SEEK);
	watch(&g, &of_land, SECCOMP_RET_USER_NOTIF, LAND);
	watch(&g, &of_quiet, SECCOMP_RET_ERRNO | EPERM, QUIET);
	fprintf(out, "/* Generated from data/seccomp/box.list. */\n");
	print_program(&of_gate, out, "sl_bpf_gate");
	print_program(&of_watch, out, "sl_bpf_watch");
	print_program(&of_trace, out, "sl_bpf_trace");
	print_program(&of_seek, out, "sl_bpf_seek");
	print_program(&of_land, out, "sl_bpf_land");
	fprintf(out, "struct sl_bpf_call {\n\tint nr;\n\tchar name[24];\n"
		     "\tchar class[12];\n};\n");
	print_calls(&g, g.line, g.n, out, "sl_bpf_call");
	print_calls(&g, g.trace, g.n_trace, out, "sl_bpf_traced");
	print_calls(&g, g.land, g.n_land, out, "sl_bpf_land_call");
	if (fclose(out) != 0)
		die(&g, "cannot write", argv[2]);
	if (argc == 5) {
		export(&g, &of_gate, argv[3]);
		export(&g, &of_quiet, argv[4]);
	}
	return 0;
}
