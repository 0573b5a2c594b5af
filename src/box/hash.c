/* hash.c -- hashFiles(): patterns over the workspace, as @actions/glob reads them.
 *
 * A pattern is relative to the workspace; `!` excludes; `**` spans directories; `*`,
 * `?` and `[...]` stay within one name and match a leading dot; what a pattern
 * matches includes everything below it; later lines win.  The result is SHA-256 over
 * the binary SHA-256 of each file, in bytewise order of the paths; no file gives "".
 */
#include "base/arena.h"
#include "base/hex.h"
#include "box/internal.h"
#include "crypto/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	PATTERN_MAX = 256,
	SEGMENT_MAX = 64,
	DEPTH_MAX = 200,
	FILES_MAX = 1 << 20,
	PATHS_MAX = 256 << 20, /* bytes */
};

struct pattern {
	bool is_negated;
	const char *seg[SEGMENT_MAX + 1]; /* NULL at the end */
};

struct walk {
	struct sl_arena a;
	const struct pattern *pat;
	size_t n_pat;
	char path[4096];
	const char **file;
	size_t n_file, cap;
};

/* Does a prefix of the n names match all of the pattern?  `**` tries every length. */
static bool
matches(const char *const *seg, const char *const *name, size_t n, unsigned depth)
{
	for (;; seg++, name++, n--) {
		if (*seg == NULL)
			return true; /* the path itself, or something above it */
		if (strcmp(*seg, "**") == 0) {
			for (size_t k = 0; k <= n && depth < SEGMENT_MAX; k++)
				if (matches(seg + 1, name + k, n - k, depth + 1) &&
				    (seg[1] != NULL || n > 0))
					return true;
			return false;
		}
		if (n == 0 || fnmatch(*seg, *name, 0) != 0)
			return false;
	}
}

static bool
is_wanted(const struct walk *w, const char *path)
{
	char room[4096];
	const char *name[DEPTH_MAX + 2];
	size_t n = 0;
	bool is_in = false;

	(void)snprintf(room, sizeof(room), "%s", path);
	for (char *p = room; p != NULL && n < DEPTH_MAX + 2;) {
		name[n++] = p;
		if ((p = strchr(p, '/')) != NULL)
			*p++ = '\0';
	}
	for (size_t i = 0; i < w->n_pat; i++)
		if (is_in == w->pat[i].is_negated && matches(w->pat[i].seg, name, n, 0))
			is_in = !w->pat[i].is_negated;
	return is_in;
}

static int
add(struct walk *w, const char *path)
{
	if (w->n_file == w->cap) {
		size_t cap = w->cap != 0 ? w->cap * 2 : 1024;
		const char **f;

		if (cap > FILES_MAX || (f = realloc(w->file, cap * sizeof(*f))) == NULL)
			return -ENOMEM;
		w->file = f;
		w->cap = cap;
	}
	w->file[w->n_file] = sl_arena_str(&w->a, sl_slice_str(path));
	return w->file[w->n_file++] == NULL ? -ENOMEM : 0;
}

static int
walk(struct walk *w, int dir, size_t len, unsigned depth)
{
	SL_AUTO_DIR d = NULL;
	struct dirent *de;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd < 0)
		return errno == EACCES ? 0 : -errno;
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while ((de = readdir(d)) != NULL) {
		size_t n = strlen(de->d_name);
		struct stat st;

		if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0)
			continue;
		if (len + n + 2 > sizeof(w->path) || depth > DEPTH_MAX)
			return -ENAMETOOLONG;
		memcpy(w->path + len, de->d_name, n + 1);
		if (fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode)) {
			SL_AUTO_FD sub =
			    openat(dirfd(d), de->d_name,
				   O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			w->path[len + n] = '/';
			if (sub >= 0 && (r = walk(w, sub, len + n + 1, depth + 1)) < 0)
				return r;
		} else if (is_wanted(w, w->path) && (r = add(w, w->path)) < 0) {
			return r;
		}
		w->path[len] = '\0';
	}
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* 1: hashed; 0: not a regular file. */
static int
hash_file(int root, const char *path, uint8_t out[32])
{
	SL_AUTO_FD fd = openat(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct sl_sha256 h;
	struct stat st;
	uint8_t buf[65536];
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return 0;
	sl_sha256_init(&h);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sl_sha256_add(&h, buf, (size_t)n);
	if (n < 0)
		return -errno;
	sl_sha256_end(&h, out);
	return 1;
}

/* Split one line into segments, in place; false: it can match nothing. */
static bool
parse(char *line, struct pattern *p)
{
	size_t n = 0;

	if (*line == '!') {
		p->is_negated = true;
		line++;
	}
	if (strncmp(line, "/workspace/", 11) == 0)
		line += 11;
	for (char *s = line; s != NULL;) {
		char *e = strchr(s, '/');

		if (e != NULL)
			*e++ = '\0';
		if (strcmp(s, "..") == 0 || n == SEGMENT_MAX)
			return false;
		if (*s != '\0' && strcmp(s, ".") != 0)
			p->seg[n++] = s;
		s = e;
	}
	return true;
}

static size_t
parse_all(char *text, size_t len, struct pattern *pat)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		if (text[i] == '\n')
			text[i] = '\0';
	for (char *s = text; s < text + len && n < PATTERN_MAX; s += strlen(s) + 1) {
		char *end = s + strlen(s), *t = s;

		while (*t == ' ' || *t == '\t')
			t++;
		while (end > t && (end[-1] == ' ' || end[-1] == '\r' || end[-1] == '\t'))
			*--end = '\0';
		if (*t == '\0' || *t == '#' || strcmp(t, "--follow-symbolic-links") == 0)
			continue;
		pat[n] = (struct pattern){ 0 };
		n += parse(t, &pat[n]);
	}
	return n;
}

static int
hash_all(int root, struct walk *w, char ret_hex[65])
{
	struct sl_sha256 h;
	uint8_t one[32];
	size_t done = 0;

	sl_sha256_init(&h);
	for (size_t i = 0; i < w->n_file; i++) {
		int r = hash_file(root, w->file[i], one);

		if (r < 0)
			return r;
		if (r == 1)
			sl_sha256_add(&h, one, sizeof(one));
		done += r == 1;
	}
	if (done > 0) {
		sl_sha256_end(&h, one);
		sl_hex(ret_hex, one, sizeof(one));
	}
	return 0;
}

int
sl_box_hash(int root, const char *patterns, size_t len, char ret_hex[65])
{
	struct walk w = { 0 };
	struct pattern *pat;
	char *text;
	int r;

	ret_hex[0] = '\0';
	sl_arena_init(&w.a, PATHS_MAX);
	text = sl_arena_str(&w.a, (struct sl_slice){ (const uint8_t *)patterns, len });
	pat = SL_NEW_N(&w.a, struct pattern, PATTERN_MAX);
	if (text == NULL || pat == NULL) {
		sl_arena_free(&w.a);
		return -ENOMEM;
	}
	w.n_pat = parse_all(text, len, pat);
	w.pat = pat;
	r = walk(&w, root, 0, 0);
	if (r == 0 && w.n_file > 0)
		qsort(w.file, w.n_file, sizeof(*w.file), by_bytes);
	if (r == 0)
		r = hash_all(root, &w, ret_hex);
	free(w.file);
	sl_arena_free(&w.a);
	return r;
}
