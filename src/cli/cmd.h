/* cmd.h -- what a command is.
 *
 * To add one: write src/cli/cmd_NAME.c with one `const struct sl_cmd sl_cmd_NAME`,
 * add NAME to `commands` in src/cli/meson.build, write man/sluice-NAME.1 and an e2e
 * test.  The dispatcher, help, `sluice NAME --help` and `sluice --complete` read the row.
 */
#ifndef SL_CLI_CMD_H
#define SL_CLI_CMD_H

#include "base/err.h"
#include "cmd_list.h" /* generated: SL_CMDS(X) */

#include <stdbool.h>
#include <stddef.h>

enum { SL_OPTS_MAX = 32, SL_ARGS_MAX = 4096 };

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): as a row is read */
struct sl_opt {
	const char *name; /* long name without dashes */
	char ch;          /* short name, or 0 */
	const char *arg;  /* metavariable, NULL for a flag */
	const char *help; /* one line, lower case, no full stop */
	bool is_many;     /* may be given more than once */
};

struct sl_optval {
	int opt;           /* index in opts */
	const char *value; /* "" for a flag */
};

struct sl_args {
	const struct sl_optval *vals;
	size_t n_vals;
	int argc;
	const char *const *argv; /* positional, NULL at the end */
};

struct sl_cmd {
	const char *name, *summary, *usage;
	const struct sl_opt *opts; /* ends in a zeroed row */
	int min_args, max_args;    /* max -1: any */
	bool is_main;              /* shown by `sluice` without arguments */
	bool is_wrapper; /* returns its command's status; 125 where it fails itself;
			    options end at the first positional argument */
	/* >= 0: the exit status; else SL_E(...). */
	int (*run)(const struct sl_args *args, struct sl_err *err);
};

#define X(n) extern const struct sl_cmd sl_cmd_##n;
SL_CMDS(X)
#undef X

/* The value of option opt (its i-th, counting from 0), or NULL. */
const char *sl_arg(const struct sl_args *args, int opt, size_t i);
size_t sl_arg_count(const struct sl_args *args, int opt);
static inline bool
sl_arg_is(const struct sl_args *args, int opt)
{
	return sl_arg(args, opt, 0) != NULL;
}

int sl_cmd_main(int argc, const char *const *argv); /* returns the exit status */

#endif
