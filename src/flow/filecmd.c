/* filecmd.c -- see filecmd.h (facts: FileCommandManager.cs of actions/runner). */
#include "flow/filecmd.h"

#include "flow/value.h"

struct reader {
	struct sl_slice src;
	size_t at;
};

/* The next line without its LF; false at the end. */
static bool
next_line(struct reader *r, struct sl_slice *ret, bool *ret_has_lf)
{
	struct sl_slice rest = sl_slice_skip(r->src, r->at);

	if (rest.len == 0)
		return false;
	*ret = sl_slice_upto(rest, '\n');
	*ret_has_lf = ret->len < rest.len;
	r->at += ret->len + (*ret_has_lf ? 1 : 0);
	return true;
}

static size_t
find_heredoc(struct sl_slice line)
{
	const uint8_t *p = line.len >= 2 ? memmem(line.p, line.len, "<<", 2) : NULL;

	return p != NULL ? (size_t)(p - line.p) : line.len;
}

/* Lines up to the delimiter, joined by LF. */
static int
read_heredoc(struct reader *r, struct sl_slice delimiter, struct sl_slice *ret,
	     struct sl_err *err)
{
	size_t start = r->at, end = r->at;
	struct sl_slice line;
	bool has_lf;

	for (;;) {
		if (!next_line(r, &line, &has_lf))
			return SL_ERR(
			    err, FAILED,
			    "Invalid value. Matching delimiter not found '%.*s'",
			    SL_ARG(delimiter));
		if (sl_slice_eq(line, delimiter))
			break;
		if (!has_lf)
			return SL_ERR(err, FAILED,
				      "Invalid value. EOF marker missing new line.");
		end = r->at - 1;
	}
	*ret = (struct sl_slice){ r->src.p + start, end > start ? end - start : 0 };
	return 0;
}

static int
read_pair(struct reader *r, struct sl_slice line, struct sl_filecmd_pair *ret,
	  struct sl_err *err)
{
	size_t eq = sl_slice_upto(line, '=').len, here = find_heredoc(line);
	struct sl_slice delimiter;

	if (eq < here) {
		ret->key = (struct sl_slice){ line.p, eq };
		ret->value = (struct sl_slice){ line.p + eq + 1, line.len - eq - 1 };
		return 0;
	}
	if (here == line.len)
		return SL_ERR(err, FAILED, "Invalid format '%.*s'", SL_ARG(line));
	delimiter = sl_slice_skip(line, here + 2);
	if (here == 0 || delimiter.len == 0)
		return SL_ERR(
		    err, FAILED,
		    "Invalid format '%.*s'. Name must not be empty and delimiter must "
		    "not be empty",
		    SL_ARG(line));
	ret->key = (struct sl_slice){ line.p, here };
	return read_heredoc(r, delimiter, &ret->value, err);
}

/* The byte order mark that .NET drops when it reads a file. */
static struct sl_slice
without_bom(struct sl_slice s)
{
	return sl_slice_starts(s, SL_LIT("\xef\xbb\xbf")) ? sl_slice_skip(s, 3) : s;
}

static int
check_size(struct sl_slice src, const struct sl_limits *lim, struct sl_err *err)
{
	if (src.len > lim->max_bytes)
		return SL_ERR(err, LIMIT, "file command of %zu bytes, %zu allowed",
			      src.len, lim->max_bytes);
	return 0;
}

/* A list that doubles in the arena. */
struct list {
	void *p;
	size_t n, cap, size; /* items, and the bytes of one */
};

static void *
list_add(struct list *l, struct sl_arena *a, size_t max, struct sl_err *err)
{
	size_t cap = l->cap > 0 ? l->cap * 2 : 16;
	void *p;

	if (l->n >= max) {
		(void)SL_ERR(err, LIMIT, "file command with more than %zu entries", max);
		return NULL;
	}
	if (l->n == l->cap) {
		if ((p = sl_arena_alloc(a, cap, l->size)) == NULL) {
			(void)SL_ERR(err, NOMEM, "out of memory for a file command");
			return NULL;
		}
		if (l->n > 0)
			memcpy(p, l->p, l->n * l->size);
		l->p = p;
		l->cap = cap;
	}
	return (uint8_t *)l->p + l->n++ * l->size;
}

int
sl_filecmd_pairs(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		 const struct sl_filecmd_pair **ret, size_t *ret_n, struct sl_err *err)
{
	struct reader r = { .src = without_bom(src) };
	struct list l = { .size = sizeof(struct sl_filecmd_pair) };
	struct sl_filecmd_pair *p;
	struct sl_slice line;
	bool has_lf;
	int e = check_size(src, lim, err);

	if (e < 0)
		return e;
	while (next_line(&r, &line, &has_lf)) {
		if (line.len == 0)
			continue;
		if ((p = list_add(&l, a, lim->max_items, err)) == NULL)
			return err->code;
		if ((e = read_pair(&r, line, p, err)) < 0)
			return e;
	}
	*ret = l.p;
	*ret_n = l.n;
	return 0;
}

const char *
sl_filecmd_env_refused(struct sl_slice name)
{
	struct sl_slice head = { name.p, name.len < 3 ? name.len : 3 };

	if (sl_val_caseeq(name, SL_LIT("NODE_OPTIONS")))
		return "it changes what every later node program loads";
	if (sl_val_caseeq(name, SL_LIT("BASH_ENV")))
		return "every later bash step would run the file that it names";
	if (sl_val_caseeq(head, SL_LIT("LD_")))
		return "the dynamic linker of every later program obeys it";
	return NULL;
}

static bool
has_nul(struct sl_slice s)
{
	return s.len > 0 && memchr(s.p, 0, s.len) != NULL;
}

static int
check_env(const struct sl_filecmd_pair *p, struct sl_err *err)
{
	const char *why = sl_filecmd_env_refused(p->key);

	if (why != NULL)
		return SL_ERR(
		    err, DENIED,
		    "Can't store %.*s output parameter using '$GITHUB_ENV' command. (%s)",
		    SL_ARG(p->key), why);
	/* Neither can be in an environment. */
	if (p->key.len == 0)
		return SL_ERR(err, FAILED,
			      "Invalid format '=%.*s'. Name must not be empty",
			      SL_ARG(p->value));
	if (has_nul(p->key) || has_nul(p->value))
		return SL_ERR(err, FAILED, "Invalid value of '%.*s'. It holds a NUL byte",
			      SL_ARG(p->key));
	return 0;
}

int
sl_filecmd_env(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
	       const struct sl_filecmd_pair **ret, size_t *ret_n, struct sl_err *err)
{
	const struct sl_filecmd_pair *p = NULL;
	size_t n = 0;
	int r = sl_filecmd_pairs(src, lim, a, &p, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_env(&p[i], err);
	if (r < 0)
		return r;
	*ret = p;
	*ret_n = n;
	return 0;
}

int
sl_filecmd_paths(struct sl_slice src, const struct sl_limits *lim, struct sl_arena *a,
		 const struct sl_slice **ret, size_t *ret_n, struct sl_err *err)
{
	struct list l = { .size = sizeof(struct sl_slice) };
	struct sl_slice s = without_bom(src), *p;
	int e = check_size(src, lim, err);

	if (e < 0)
		return e;
	for (size_t i = 0, from; i < s.len; i++) {
		struct sl_slice line;

		for (from = i; i < s.len && s.p[i] != '\n' && s.p[i] != '\r';)
			i++;
		line = (struct sl_slice){ s.p + from, i - from };
		if (line.len == 0)
			continue;
		if (has_nul(line))
			return SL_ERR(err, FAILED,
				      "Invalid path '%.*s'. It holds a NUL byte",
				      SL_ARG(line));
		if ((p = list_add(&l, a, lim->max_items, err)) == NULL)
			return err->code;
		*p = line;
	}
	*ret = l.p;
	*ret_n = l.n;
	return 0;
}
