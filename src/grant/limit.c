/* limit.c -- see limit.h. */
#include "grant/limit.h"

#include <stdio.h>

struct unit {
	const char *name;
	uint64_t max;
	const char *too_much;
};

static const struct unit bytes = { "bytes", INT64_MAX, "is more than 8388607T" };
/* PID_MAX_LIMIT of Linux; the most that fs.nr_open is by default; and seconds that fit
 * where the kernel counts an rlimit's nanoseconds in 64 bits. */
static const struct unit tasks = { "count", 4194304, "is more than 4194304" };
static const struct unit files = { "count", 1048576, "is more than 1048576" };
static const struct unit seconds = { "s", 1000000000, "is more than 1000000000" };

static const struct unit *const units[SL_LIM_COUNT] = {
	[SL_LIM_MEMORY] = &bytes, [SL_LIM_PIDS] = &tasks,   [SL_LIM_CPU] = &seconds,
	[SL_LIM_WALL] = &seconds, [SL_LIM_DISK] = &bytes,   [SL_LIM_FILE_SIZE] = &bytes,
	[SL_LIM_OUTPUT] = &bytes, [SL_LIM_NOFILE] = &files,
};

static const char suffix[] = "KMGT";

static const char *const options[SL_LIM_COUNT] = {
	[SL_LIM_MEMORY] = "memory", [SL_LIM_PIDS] = "pids",
	[SL_LIM_CPU] = "cpu",       [SL_LIM_WALL] = "time",
	[SL_LIM_DISK] = "disk",     [SL_LIM_FILE_SIZE] = "file-size",
	[SL_LIM_OUTPUT] = "output", [SL_LIM_NOFILE] = "open-files",
};

const char *
sl_limit_unit(enum sl_limit l)
{
	return units[l]->name;
}

const char *
sl_limit_option(enum sl_limit l)
{
	return options[l];
}

enum sl_limit
sl_limit_named(struct sl_slice name)
{
	int l = 0;

	while (l < SL_LIM_COUNT &&
	       !sl_slice_eq(name, sl_slice_str(sl_limit_name((enum sl_limit)l))) &&
	       !sl_slice_eq(name, sl_slice_str(options[l])))
		l++;
	return (enum sl_limit)l;
}

const char *
sl_limit_parse(enum sl_limit l, struct sl_slice text, uint64_t *ret)
{
	const struct unit *u = units[l];
	const char *s = NULL;
	uint64_t v = 0;
	bool is_over = false;

	if (u == &bytes && text.len > 1 && text.p[text.len - 1] != '\0' &&
	    (s = strchr(suffix, text.p[text.len - 1])) != NULL)
		text.len--;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = text.p[i] - (unsigned)'0';

		if (digit > 9)
			text.len = 0;
		is_over |= __builtin_mul_overflow(v, 10, &v) ||
			   __builtin_add_overflow(v, digit, &v);
	}
	if (text.len == 0)
		return u == &bytes ? "is no size: digits, perhaps with K, M, G or T "
				     "behind them"
				   : "is no whole number";
	for (int i = 0; s != NULL && i <= s - suffix; i++)
		is_over |= __builtin_mul_overflow(v, 1024, &v);
	if (is_over || v > u->max)
		return u->too_much;
	if (v == 0)
		return "is zero: nothing could run";
	*ret = v;
	return NULL;
}

void
sl_limit_print(enum sl_limit l, uint64_t max, char ret[SL_LIMIT_TEXT_MAX])
{
	int n = 0;

	while (units[l] == &bytes && n < 4 && max > 0 && max % 1024 == 0) {
		max /= 1024;
		n++;
	}
	(void)snprintf(ret, SL_LIMIT_TEXT_MAX, "%llu%.*s", (unsigned long long)max,
		       n > 0 ? 1 : 0, n > 0 ? suffix + n - 1 : "");
}
