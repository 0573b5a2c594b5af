/* conf.h -- what a conformance program shares: files, the tally, the report.
 *
 * The report's first line is "NAME: passed/total"; then one line for each case that
 * differs, and one for each group left out, with the reason. */
#ifndef SL_TESTS_CONFORMANCE_CONF_H
#define SL_TESTS_CONFORMANCE_CONF_H

#include "base/buf.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { CONF_FILE_MAX = 1 << 24, CONF_NO_DATA = 77 };

struct conf {
	const char *name;
	char root[512]; /* of the corpora */
	size_t n, n_passed;
	struct sl_buf lines;
};

static inline void
conf_init(struct conf *c, const char *name, int argc, char **argv)
{
	const char *env = getenv("SL_CORPORA");
	const char *root = argc > 1 ? argv[1] : env != NULL ? env : "../shared/corpora";

	*c = (struct conf){ .name = name, .lines = { .max = CONF_FILE_MAX } };
	(void)snprintf(c->root, sizeof(c->root), "%s", root);
}

/* Counts one case; a failed one is printed with its name and why. */
__attribute__((format(printf, 3, 4))) static inline void
conf_case(struct conf *c, bool ok, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	c->n++;
	c->n_passed += ok;
	if (ok)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sl_buf_printf(&c->lines, "failed: %s\n", line);
}

__attribute__((format(printf, 2, 3))) static inline void
conf_exclude(struct conf *c, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	sl_buf_printf(&c->lines, "excluded: %s\n", line);
}

static inline int
conf_finish(struct conf *c)
{
	int r = c->n_passed == c->n ? 0 : 1;

	if (c->n == 0) {
		(void)printf("%s: no data\n", c->name);
		r = CONF_NO_DATA;
	} else {
		(void)printf("%s: %zu/%zu\n", c->name, c->n_passed, c->n);
		(void)fwrite(c->lines.p, 1, c->lines.len, stdout);
	}
	sl_buf_done(&c->lines);
	return r;
}

/* The file ROOT/<path>, whole, into out (cleared first); false when it is not there. */
__attribute__((format(printf, 3, 4))) static inline bool
conf_read(const struct conf *c, struct sl_buf *out, const char *fmt, ...)
{
	char path[1024], rel[512];
	size_t n = 0;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	(void)vsnprintf(rel, sizeof(rel), fmt, ap);
	va_end(ap);
	(void)snprintf(path, sizeof(path), "%s/%s", c->root, rel);
	sl_buf_clear(out);
	if ((f = fopen(path, "re")) == NULL)
		return false;
	do {
		uint8_t *p = sl_buf_room(out, 1 << 16);

		n = p != NULL ? fread(p, 1, 1 << 16, f) : 0;
		out->len += n;
	} while (n > 0);
	(void)fclose(f);
	return !out->is_failed;
}

/* Calls fn for each file of ROOT/dir (not below it) in order of names. */
static inline void
conf_each(struct conf *c, const char *dir,
	  void (*fn)(struct conf *, const char *dir, const char *name))
{
	struct dirent **list = NULL;
	char path[1024];
	int n;

	(void)snprintf(path, sizeof(path), "%s/%s", c->root, dir);
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (list[i]->d_name[0] != '.')
			fn(c, dir, list[i]->d_name);
		free(list[i]);
	}
	free(list);
}

/* The next line of *s, without its newline; false at the end. */
static inline bool
conf_line(struct sl_slice *s, struct sl_slice *line)
{
	if (s->len == 0)
		return false;
	*line = sl_slice_upto(*s, '\n');
	*s = sl_slice_skip(*s, line->len + 1);
	return true;
}

#endif
