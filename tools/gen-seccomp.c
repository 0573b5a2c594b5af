/* gen-seccomp.c -- data/seccomp/box.list -> C arrays of BPF, at build time, so that
 * sluice itself neither links libseccomp nor compiles a filter when it starts.
 *
 *   gen-seccomp LIST HEADER [GATE.bpf QUIET.bpf]
 *
 * QUIET is the watch program for a sandbox without a supervisor: exec is allowed, all
 * else that would be asked for is EPERM.  The benchmarks give both files to peers.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_LEN = 1024, SYS_MAX = 512, PROG_MAX = 4096 };

struct named {
	int nr;
	char name[32], class[16];
};

struct gen {
	scmp_filter_ctx gate, watch, quiet;
	struct named named[SYS_MAX];
	size_t n;
	const char *file;
	unsigned line;
};

static void
die(const struct gen *g, const char *what, const char *arg)
{
	fprintf(stderr, "%s:%u: %s '%s'\n", g->file, g->line, what, arg);
	exit(1);
}

static int
number_of(const struct gen *g, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR)
		die(g, "unknown system call", name);
	return nr;
}

static unsigned
errno_of(const struct gen *g, const char *name)
{
	if (strcmp(name, "EPERM") == 0)
		return EPERM;
	if (strcmp(name, "ENOSYS") == 0)
		return ENOSYS;
	if (strcmp(name, "EOPNOTSUPP") == 0)
		return EOPNOTSUPP;
	die(g, "unknown errno", name);
	return 0;
}

/* N=V, N>V, N!=V, N&MASK=V */
static struct scmp_arg_cmp
condition(const struct gen *g, const char *s)
{
	char *p;
	unsigned arg = (unsigned)strtoul(s, &p, 10);
	struct scmp_arg_cmp c = { .arg = arg };

	if (p == s || arg > 5)
		die(g, "bad condition", s);
	if (*p == '&') {
		c.op = SCMP_CMP_MASKED_EQ;
		c.datum_a = strtoull(p + 1, &p, 0);
		if (*p++ != '=')
			die(g, "bad condition", s);
		c.datum_b = strtoull(p, &p, 0);
	} else {
		if (*p == '=')
			c.op = SCMP_CMP_EQ;
		else if (*p == '>')
			c.op = SCMP_CMP_GT;
		else if (*p == '!' && *++p == '=')
			c.op = SCMP_CMP_NE;
		else
			die(g, "bad condition", s);
		c.datum_a = strtoull(p + 1, &p, 0);
	}
	if (*p != '\0')
		die(g, "bad condition", s);
	return c;
}

static void
must(const struct gen *g, int r, const char *what)
{
	if (r < 0) {
		errno = -r;
		die(g, strerror(errno), what);
	}
}

/* Let the call through the gate, once. */
static void
pass_gate(struct gen *g, int nr, const char *name, const char *class)
{
	for (size_t i = 0; i < g->n; i++)
		if (g->named[i].nr == nr) {
			if (strcmp(g->named[i].class, class) != 0 || class[0] == '\0')
				die(g, "system call named twice", name);
			return;
		}
	if (g->n == SYS_MAX)
		die(g, "too many system calls at", name);
	g->named[g->n].nr = nr;
	snprintf(g->named[g->n].name, sizeof(g->named[0].name), "%s", name);
	snprintf(g->named[g->n].class, sizeof(g->named[0].class), "%s", class);
	g->n++;
	must(g, seccomp_rule_add(g->gate, SCMP_ACT_ALLOW, nr, 0), name);
}

static void
notify_line(struct gen *g, char *rest)
{
	struct scmp_arg_cmp c[6];
	unsigned n = 0;
	const char *class = strtok(rest, " \t"), *name = strtok(NULL, " \t"), *s;
	int nr;

	if (class == NULL || name == NULL)
		die(g, "class and system call expected", "notify");
	nr = number_of(g, name);
	while ((s = strtok(NULL, " \t")) != NULL && n < 6)
		c[n++] = condition(g, s);
	pass_gate(g, nr, name, class);
	must(g, seccomp_rule_add_array(g->watch, SCMP_ACT_NOTIFY, nr, n, c), name);
	if (strcmp(class, "exec") != 0 && strcmp(class, "connect") != 0 &&
	    strcmp(class, "bind") != 0)
		must(g, seccomp_rule_add_array(g->quiet, SCMP_ACT_ERRNO(EPERM), nr, n, c),
		     name);
}

static void
read_list(struct gen *g, FILE *f)
{
	char line[LINE_MAX_LEN];

	while (fgets(line, sizeof(line), f) != NULL) {
		char *verb, *s;
		unsigned e;

		g->line++;
		line[strcspn(line, "#\n")] = '\0';
		if ((verb = strtok(line, " \t")) == NULL)
			continue;
		if (strcmp(verb, "allow") == 0) {
			while ((s = strtok(NULL, " \t")) != NULL)
				pass_gate(g, number_of(g, s), s, "");
		} else if (strcmp(verb, "deny") == 0) {
			if ((s = strtok(NULL, " \t")) == NULL)
				die(g, "errno expected", "deny");
			e = errno_of(g, s);
			while ((s = strtok(NULL, " \t")) != NULL)
				must(g,
				     seccomp_rule_add(g->gate, SCMP_ACT_ERRNO(e),
						      number_of(g, s), 0),
				     s);
		} else if (strcmp(verb, "notify") == 0) {
			notify_line(g, strtok(NULL, ""));
		} else {
			die(g, "unknown verb", verb);
		}
	}
}

static scmp_filter_ctx
filter(const struct gen *g, uint32_t act)
{
	scmp_filter_ctx c = seccomp_init(act);

	if (c == NULL)
		die(g, "cannot start a filter", "");
	must(g, seccomp_attr_set(c, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS),
	     "arch");
	must(g, seccomp_attr_set(c, SCMP_FLTATR_CTL_OPTIMIZE, 2), "optimize");
	return c;
}

static void export(const struct gen *g, scmp_filter_ctx c, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || seccomp_export_bpf(c, fd) < 0 || close(fd) < 0)
		die(g, "cannot write", path);
}

static void
print_program(const struct gen *g, scmp_filter_ctx c, FILE *out, const char *name)
{
	static struct sock_filter p[PROG_MAX];
	FILE *t = tmpfile();
	size_t n;

	if (t == NULL || seccomp_export_bpf(c, fileno(t)) < 0)
		die(g, "cannot compile", name);
	rewind(t);
	n = fread(p, sizeof(p[0]), PROG_MAX, t);
	fclose(t);
	if (n == 0 || n == PROG_MAX)
		die(g, "program too long", name);
	fprintf(out, "static const struct sock_filter %s[] = {\n", name);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", p[i].code, p[i].jt,
			p[i].jf, p[i].k);
	fprintf(out, "};\n\n");
}

int
main(int argc, char **argv)
{
	static struct gen g;
	FILE *in, *out = NULL;

	if (argc != 3 && argc != 5) {
		fprintf(stderr, "usage: gen-seccomp LIST HEADER [GATE.bpf QUIET.bpf]\n");
		return 2;
	}
	g.file = argv[1];
	if ((in = fopen(argv[1], "r")) == NULL || (out = fopen(argv[2], "w")) == NULL)
		die(&g, "cannot open", argv[1]);
	g.gate = filter(&g, SCMP_ACT_ERRNO(ENOSYS));
	g.watch = filter(&g, SCMP_ACT_ALLOW);
	g.quiet = filter(&g, SCMP_ACT_ALLOW);
	read_list(&g, in);
	fprintf(out, "/* Generated from data/seccomp/box.list. */\n");
	print_program(&g, g.gate, out, "sl_bpf_gate");
	print_program(&g, g.watch, out, "sl_bpf_watch");
	fprintf(out, "static const struct sl_bpf_call {\n\tint nr;\n\tchar name[24];\n"
		     "\tchar class[12];\n} sl_bpf_call[] = {\n");
	for (size_t i = 0; i < g.n; i++)
		if (g.named[i].class[0] != '\0')
			fprintf(out, "\t{ %d, \"%s\", \"%s\" },\n", g.named[i].nr,
				g.named[i].name, g.named[i].class);
	fprintf(out, "};\n");
	if (fclose(out) != 0)
		die(&g, "cannot write", argv[2]);
	if (argc == 5) {
		export(&g, g.gate, argv[3]);
		export(&g, g.quiet, argv[4]);
	}
	return 0;
}
