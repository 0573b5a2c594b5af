/* cmd.c -- dispatch, options, help and completion for every command. */
#include "cli/cmd.h"

#include "base/auto.h"
#include "cli/ui.h"

#include <stdio.h>
#include <string.h>

static const struct sl_cmd *const cmds[] = {
#define X(n) &sl_cmd_##n,
	SL_CMDS(X)
#undef X
};

enum { N_CMDS = sizeof(cmds) / sizeof(cmds[0]), EXIT_WRAPPER = 125, HELP_COL = 24 };

struct parsed {
	struct sl_optval *vals;
	const char **pos;
	size_t n_vals;
	int n_pos;
};

const char *
sl_arg(const struct sl_args *args, int opt, size_t i)
{
	for (size_t k = 0; k < args->n_vals; k++)
		if (args->vals[k].opt == opt && i-- == 0)
			return args->vals[k].value;
	return NULL;
}

size_t
sl_arg_count(const struct sl_args *args, int opt)
{
	size_t n = 0;

	while (sl_arg(args, opt, n) != NULL)
		n++;
	return n;
}

/* Index in c->opts of the option spelt a[0..n), or -1. */
static int
find_opt(const struct sl_cmd *c, const char *a, size_t n)
{
	for (int k = 0; k < SL_OPTS_MAX && c->opts[k].name != NULL; k++) {
		const struct sl_opt *o = &c->opts[k];

		if (n == 2 && o->ch != 0 && a[1] == o->ch)
			return k;
		if (n > 2 && a[1] == '-' && strlen(o->name) == n - 2 &&
		    memcmp(o->name, a + 2, n - 2) == 0)
			return k;
	}
	return -1;
}

static bool
has_opt(const struct parsed *p, int k)
{
	for (size_t i = 0; i < p->n_vals; i++)
		if (p->vals[i].opt == k)
			return true;
	return false;
}

/* Store one option; returns how many extra words it took, or SL_E(...). */
static int
take_opt(const struct sl_cmd *c, const char *const *word, struct parsed *p,
	 struct sl_err *err)
{
	const char *eq = strchr(word[0], '='), *value = "";
	int k = find_opt(c, word[0], eq ? (size_t)(eq - word[0]) : strlen(word[0]));

	if (k < 0)
		return SL_ERR(err, USAGE,
			      "unknown option '%s'; sluice %s --help lists them", word[0],
			      c->name);
	if (eq != NULL && c->opts[k].arg == NULL)
		return SL_ERR(err, USAGE, "option '--%s' takes no value",
			      c->opts[k].name);
	if (c->opts[k].arg != NULL)
		value = eq != NULL ? eq + 1 : word[1];
	if (value == NULL)
		return SL_ERR(err, USAGE, "option '--%s' needs %s", c->opts[k].name,
			      c->opts[k].arg);
	if (!c->opts[k].is_many && has_opt(p, k))
		return SL_ERR(err, USAGE, "option '--%s' is given twice",
			      c->opts[k].name);
	if (p->n_vals == SL_ARGS_MAX)
		return SL_ERR(err, LIMIT, "too many options");
	p->vals[p->n_vals++] = (struct sl_optval){ k, value };
	return c->opts[k].arg != NULL && eq == NULL;
}

/* argv ends in NULL; options may come anywhere before "--"; "-" is an argument. */
static int
parse(const struct sl_cmd *c, int argc, const char *const *argv, struct parsed *p,
      struct sl_err *err)
{
	bool opts_done = false;

	for (int i = 1; i < argc; i++) {
		if (!opts_done && strcmp(argv[i], "--") == 0) {
			opts_done = true;
		} else if (!opts_done && argv[i][0] == '-' && argv[i][1] != '\0') {
			int r = take_opt(c, argv + i, p, err);

			if (r < 0)
				return r;
			i += r;
		} else {
			if (p->n_pos == SL_ARGS_MAX)
				return SL_ERR(err, LIMIT, "too many arguments");
			p->pos[p->n_pos++] = argv[i];
			opts_done |= c->is_wrapper;
		}
	}
	if (p->n_pos < c->min_args || (c->max_args >= 0 && p->n_pos > c->max_args))
		return SL_ERR(err, USAGE, "usage: sluice %s %s", c->name, c->usage);
	return 0;
}

static int
flush_out(void)
{
	return fflush(stdout) == 0 ? 0 : sl_code_exit(SL_E(SYS));
}

static int
help(bool is_short)
{
	printf("usage: sluice COMMAND [OPTION...] [ARG...]\n\n");
	if (is_short)
		printf("run work that others hand you, without having to trust it\n\n");
	for (size_t i = 0; i < N_CMDS; i++)
		if (!is_short || cmds[i]->is_main)
			printf("  %-10s %s\n", cmds[i]->name, cmds[i]->summary);
	printf("\nsluice COMMAND --help shows its options; %s\n",
	       is_short ? "sluice --help lists every command"
			: "man sluice has the rest");
	return flush_out();
}

static int
help_cmd(const struct sl_cmd *c)
{
	printf("usage: sluice %s %s\n\n%s\n\n", c->name, c->usage, c->summary);
	for (const struct sl_opt *o = c->opts; o->name != NULL; o++) {
		int n = printf("  --%s%s%s", o->name, o->arg ? " " : "",
			       o->arg ? o->arg : "");

		/* A long one has its text on the next line. */
		printf("%s%*s%s\n", n > HELP_COL - 2 ? "\n" : "",
		       n > HELP_COL - 2 ? HELP_COL : HELP_COL - n, "", o->help);
	}
	return flush_out();
}

static const struct sl_cmd *
find_cmd(const char *name)
{
	for (size_t i = 0; i < N_CMDS; i++)
		if (name != NULL && strcmp(cmds[i]->name, name) == 0)
			return cmds[i];
	return NULL;
}

/* Words that may come next, one a line: commands, or the options of one. */
static int
complete(const struct sl_cmd *c)
{
	if (c == NULL)
		for (size_t i = 0; i < N_CMDS; i++)
			puts(cmds[i]->name);
	else
		for (const struct sl_opt *o = c->opts; o->name != NULL; o++)
			printf("--%s%s\n", o->name, o->arg ? "=" : "");
	return flush_out();
}

static int
dispatch(const struct sl_cmd *c, int argc, const char *const *argv, struct sl_err *err)
{
	const size_t n = argc < SL_ARGS_MAX ? (size_t)argc + 1 : SL_ARGS_MAX + 1;
	SL_AUTO_FREE struct sl_optval *vals = calloc(n, sizeof(*vals));
	SL_AUTO_FREE const char **pos = calloc(n, sizeof(*pos));
	struct parsed p = { .vals = vals, .pos = pos };
	struct sl_args args;
	int r;

	if (vals == NULL || pos == NULL)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): SL_AUTO_FREE frees it */
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = parse(c, argc - 1, argv + 1, &p, err)) < 0)
		return r;
	args = (struct sl_args){ vals, p.n_vals, p.n_pos, pos };
	return c->run(&args, err);
}

static void
complain(const struct sl_cmd *c, const struct sl_err *err)
{
	/* err->msg is printable: err.c escapes what it was given. */
	if (err->msg[0] != '\0')
		fprintf(stderr, "sluice%s%s: %s [%s]", c ? " " : "", c ? c->name : "",
			err->msg, sl_code_id(err->code));
	if (err->msg[0] != '\0' && c != NULL &&
	    c->is_wrapper) /* it returns another number */
		fprintf(stderr, " (%d)", sl_code_exit(err->code));
	if (err->msg[0] != '\0')
		fprintf(stderr, "\n");
}

static bool
is_help(const char *s)
{
	return s != NULL && (strcmp(s, "--help") == 0 || strcmp(s, "-h") == 0);
}

int
sl_cmd_main(int argc, const char *const *argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	const struct sl_cmd *c = find_cmd(verb);
	struct sl_err err = { 0 };
	int r;

	if (argc <= 1)
		return help(true);
	if (is_help(verb))
		return help(false);
	if (strcmp(verb, "--version") == 0)
		c = find_cmd("version");
	if (strcmp(verb, "--complete") == 0)
		return complete(find_cmd(argc > 2 ? argv[2] : NULL));
	if (c != NULL && argc == 3 && is_help(argv[2]))
		return help_cmd(c);
	r = c == NULL ? SL_ERR(&err, USAGE,
			       "unknown command '%s'; sluice --help lists them", verb)
		      : dispatch(c, argc, argv, &err);
	if (r >= 0)
		return r;
	complain(c, &err);
	if (c != NULL && c->is_wrapper)
		return EXIT_WRAPPER;
	return sl_code_exit(r);
}
