/* trust.c -- see trust.h: the list. */
#include "issuer/trust.h"

#include "base/auto.h"
#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

enum { FIELDS_MAX = 5, FILE_KEYS_MAX = 64, ISS_MAX = 8192 };

struct load {
	struct sl_trust *t;
	struct sl_sig *sig;
	int dirfd; /* of the list */
	struct sl_slice field[FIELDS_MAX];
	size_t n;              /* of these, without kid */
	struct sl_slice kid;   /* what follows "kid=" in the last one; p == NULL: none */
	struct sl_pubkey *one; /* keys of one line, FILE_KEYS_MAX */
};

static int
read_file(int dirfd, const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	SL_AUTO_FD fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return SL_ERR(err, NOENT, "'%s' is not there", path);
	if (fd < 0 || fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot read '%s'", path);
	if (!S_ISREG(st.st_mode))
		return SL_ERR(err, FORMAT, "'%s' is no file", path);
	for (;;) {
		uint8_t *to = sl_buf_room(out, 1 << 14);
		ssize_t n;

		if (to == NULL)
			return SL_ERR(err, LIMIT, "'%s' is larger than %zu bytes", path,
				      max);
		if ((n = read(fd, to, 1 << 14)) < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return SL_ERR_SYS(err, -errno, "cannot read '%s'", path);
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		if (out->len > max)
			return SL_ERR(err, LIMIT, "'%s' is larger than %zu bytes", path,
				      max);
	}
}

/* A field as a path. */
static int
path_of(struct sl_slice f, char ret[PATH_MAX], struct sl_err *err)
{
	if (f.len >= PATH_MAX || memchr(f.p, 0, f.len) != NULL)
		return SL_ERR(err, FORMAT, "'%.*s' is no path", SL_ARG(f));
	memcpy(ret, f.p, f.len);
	ret[f.len] = '\0';
	return 0;
}

static int
read_keys(struct load *l, struct sl_slice f, struct sl_pubkey *ret, size_t *ret_n,
	  struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_TRUST_FILE_BYTES + (1 << 15) };
	char path[PATH_MAX];
	int r;

	if (sl_pubkey_is_did(f)) {
		*ret_n = 1;
		return sl_pubkey_did(f, ret, err);
	}
	if ((r = path_of(f, path, err)) < 0)
		return r;
	r = read_file(l->dirfd, path, SL_TRUST_FILE_BYTES, &bytes, err);
	if (r == SL_E(NOENT)) /* only a list that is not there is NOENT */
		return err->code = SL_E(FORMAT);
	if (r == 0 && sl_keyfile_parse(sl_buf_get(&bytes), l->sig, ret, FILE_KEYS_MAX,
				       ret_n, err) < 0)
		r = sl_err_ctx(err, "'%s'", path);
	return r;
}

/* kid=TEXT or kid=0xHEX: the name of the one key, which its file does not have. */
static int
name_key(const struct load *l, size_t n, struct sl_err *err)
{
	struct sl_pubkey *k = l->one;
	struct sl_slice hex = sl_slice_skip(l->kid, 2);

	if (l->kid.p == NULL)
		return 0;
	if (n != 1 || k->n_kid > 0)
		return SL_ERR(err, FORMAT, "kid is for one key that has none of its own");
	if (l->kid.len == 0 || l->kid.len > SL_KID_MAX)
		return SL_ERR(err, FORMAT, "a kid of %zu bytes", l->kid.len);
	if (!sl_slice_starts(l->kid, SL_LIT("0x"))) {
		memcpy(k->kid, l->kid.p, k->n_kid = l->kid.len);
		return 0;
	}
	k->n_kid = hex.len / 2;
	if (hex.len == 0 || hex.len % 2 != 0 || !sl_unhex(k->kid, k->n_kid, hex))
		return SL_ERR(err, FORMAT, "kid '%.*s' is no hexadecimal",
			      SL_ARG(l->kid));
	return 0;
}

static int
take_keys(struct load *l, bool is_service, struct sl_err *err)
{
	const struct sl_slice *f = l->field;
	struct sl_trust_key row = { .is_service = is_service };
	size_t n = 0;
	int r;

	if (is_service && !sl_leaf_mode_parse(f[2], &row.mode))
		return SL_ERR(err, FORMAT,
			      "leaf mode '%.*s': sha256-canonical, sha256-as-is, "
			      "full-bytes or ccf",
			      SL_ARG(f[2]));
	if (f[1].len > ISS_MAX)
		return SL_ERR(err, LIMIT, "an issuer of %zu bytes", f[1].len);
	if (!is_service || !sl_slice_eq(f[1], SL_LIT("-"))) {
		row.iss = sl_arena_dup(&l->t->a, f[1]);
		if (row.iss.p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for an issuer");
	}
	if ((r = read_keys(l, f[l->n - 1], l->one, &n, err)) < 0 ||
	    (r = name_key(l, n, err)) < 0)
		return r;
	if (l->t->n_keys + n > SL_TRUST_KEYS_MAX)
		return SL_ERR(err, LIMIT, "more than %d keys", SL_TRUST_KEYS_MAX);
	for (size_t i = 0; i < n; i++) {
		row.key = l->one[i];
		l->t->key[l->t->n_keys++] = row;
	}
	return 0;
}

static int
take_root(struct load *l, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_TRUST_FILE_BYTES + (1 << 15) };
	SL_AUTO_BUF der = { .max = SL_TRUST_FILE_BYTES };
	struct sl_slice src, label;
	char path[PATH_MAX];
	size_t n = 0;
	int r;

	if ((r = path_of(l->field[1], path, err)) < 0)
		return r;
	r = read_file(l->dirfd, path, SL_TRUST_FILE_BYTES, &bytes, err);
	if (r < 0)
		return r == SL_E(NOENT) ? (err->code = SL_E(FORMAT)) : r;
	src = sl_buf_get(&bytes);
	while ((r = sl_pem_next(&src, &label, &der, err)) == 1) {
		if (!sl_slice_eq(label, SL_LIT("CERTIFICATE")))
			return SL_ERR(err, FORMAT, "'%s' holds a %.*s", path,
				      SL_ARG(label));
		if (l->t->n_roots == SL_SIG_ROOTS_MAX || der.len > SL_SIG_CERT_BYTES)
			return SL_ERR(err, LIMIT,
				      "more than %d roots, or one above %d bytes",
				      SL_SIG_ROOTS_MAX, SL_SIG_CERT_BYTES);
		l->t->root[l->t->n_roots] = sl_arena_dup(&l->t->a, sl_buf_get(&der));
		if (l->t->root[l->t->n_roots++].p == NULL)
			return SL_ERR(err, NOMEM, "out of memory for roots");
		n++;
	}
	if (r == 0 && n == 0)
		return SL_ERR(err, FORMAT, "'%s' holds no certificate", path);
	return r;
}

static int
take_web(struct load *l, struct sl_err *err)
{
	char path[PATH_MAX];
	int r = path_of(l->field[1], path, err);

	if (r < 0)
		return r;
	if (l->t->web_fd >= 0)
		return SL_ERR(err, FORMAT, "a second mirror");
	l->t->web_fd = openat(l->dirfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return l->t->web_fd < 0 ? SL_ERR_SYS(err, -errno, "cannot open '%s'", path) : 0;
}

static int
take_line(struct load *l, struct sl_err *err)
{
	static const struct {
		const char *name;
		size_t n;
	} kinds[] = { { "issuer", 3 }, { "service", 4 }, { "root", 2 }, { "web", 2 } };
	size_t k = 0;

	while (k < 4 && !sl_slice_eq(l->field[0], sl_slice_str(kinds[k].name)))
		k++;
	if (k == 4)
		return SL_ERR(err, UNKNOWN, "'%.*s': issuer, service, root or web",
			      SL_ARG(l->field[0]));
	l->kid = (struct sl_slice){ 0 };
	if (k <= 1 && l->n == kinds[k].n + 1 &&
	    sl_slice_starts(l->field[l->n - 1], SL_LIT("kid="))) {
		l->kid = l->field[--l->n];
		l->kid.p += 4;
		l->kid.len -= 4;
	}
	if (l->n != kinds[k].n)
		return SL_ERR(err, FORMAT, "%s takes %zu fields", kinds[k].name,
			      kinds[k].n - 1);
	return k <= 1   ? take_keys(l, k == 1, err)
	       : k == 2 ? take_root(l, err)
			: take_web(l, err);
}

/* Fields of one line; more than FIELDS_MAX are counted, not kept. */
static void
split(struct load *l, struct sl_slice line)
{
	line = sl_slice_upto(line, '#');
	l->n = 0;
	while (line.len > 0) {
		size_t n = 0;

		while (n < line.len && line.p[n] != ' ' && line.p[n] != '\t' &&
		       line.p[n] != '\r')
			n++;
		if (n > 0 && l->n < FIELDS_MAX)
			l->field[l->n] = (struct sl_slice){ line.p, n };
		l->n += n > 0;
		line = sl_slice_skip(line, n + 1);
	}
}

static int
load(struct load *l, struct sl_slice text, const char *path, struct sl_err *err)
{
	size_t number = 0;

	sl_arena_init(&l->t->a, SL_TRUST_MEMORY);
	l->t->key = SL_NEW_N(&l->t->a, struct sl_trust_key, SL_TRUST_KEYS_MAX);
	l->one = SL_NEW_N(&l->t->a, struct sl_pubkey, FILE_KEYS_MAX);
	if (l->t->key == NULL || l->one == NULL)
		return SL_ERR(err, NOMEM, "out of memory for the list");
	while (text.len > 0) {
		struct sl_slice line = sl_slice_upto(text, '\n');

		text = sl_slice_skip(text, line.len + 1);
		number++;
		split(l, line);
		if (l->n > 0 && take_line(l, err) < 0)
			return sl_err_ctx(err, "%s:%zu", path, number);
	}
	return 0;
}

int
sl_trust_load(int dirfd, const char *path, struct sl_sig *sig, struct sl_trust *ret,
	      struct sl_err *err)
{
	SL_AUTO_BUF text = { .max = SL_TRUST_LIST_BYTES + (1 << 15) };
	struct sl_trust t = SL_TRUST_NONE;
	struct load l = { .t = &t, .sig = sig };
	char dir[PATH_MAX];
	SL_AUTO_FD fd = -1;
	const char *slash = strrchr(path, '/');
	int r = read_file(dirfd, path, SL_TRUST_LIST_BYTES, &text, err);

	if (r < 0)
		return r;
	(void)snprintf(dir, sizeof(dir), "%.*s",
		       slash == NULL ? 1 : (int)(slash - path) + 1,
		       slash == NULL ? "." : path);
	fd = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open '%s'", dir);
	l.dirfd = fd;
	if ((r = load(&l, sl_buf_get(&text), path, err)) < 0) {
		sl_trust_done(&t);
		return r;
	}
	*ret = t;
	return 0;
}

void
sl_trust_done(struct sl_trust *t)
{
	if (t->web_fd >= 0)
		(void)close(t->web_fd);
	sl_arena_free(&t->a);
	*t = (struct sl_trust)SL_TRUST_NONE;
}
