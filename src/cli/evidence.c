/* evidence.c -- see evidence.h. */
#include "cli/evidence.h"

#include "base/auto.h"
#include "cli/session.h"
#include "cli/ui.h"
#include "issuer/pubkey.h"
#include "record/read.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>

/* The identity is named by the origin of the node's own tree. */
static int
own_did(struct sl_local *l, struct sl_err *err)
{
	struct sl_log_tree t;
	const char *from, *to;
	uint8_t pub[32];
	int r = sl_reader_tree(l->reader, SL_NODE_TREE, &t, err);

	if (r < 0)
		return r;
	from = strchr(t.origin, '/');
	to = from != NULL ? strchr(from + 1, '/') : NULL;
	if (to == NULL || (size_t)(to - from) > sizeof(l->did) ||
	    !sl_didkey_parse(
		(struct sl_slice){ (const uint8_t *)from + 1, (size_t)(to - from) - 1 },
		pub))
		return SL_ERR(err, STORE, "the node's tree names no key");
	sl_didkey(pub, l->did);
	return 0;
}

int
sl_local_open(struct sl_local *l, const struct sl_args *args, int opt, struct sl_err *err)
{
	struct sl_err none = { 0 };
	struct sl_pubkey pub;
	const char *key;
	int r;

	if ((r = sl_crypto_init(err)) < 0)
		return r;
	/* Evidence can be checked where there is no node, nor room for one. */
	if (sl_session_home(&l->home, &l->why) < 0 ||
	    sl_reader_open(l->home.fd, &l->reader, &l->why) < 0)
		l->reader = NULL;
	if (l->reader != NULL && own_did(l, &none) == 0)
		l->trusted[l->n_trusted++] = sl_slice_str(l->did);
	for (size_t i = 0; opt >= 0 && (key = sl_arg(args, opt, i)) != NULL; i++) {
		if (sl_pubkey_did(sl_slice_str(key), &pub, &none) < 0)
			return SL_ERR(err, USAGE, "'%s' is no did:key or did:jwk: %s",
				      key, none.msg);
		if (l->n_trusted > SL_TRUST_MAX)
			return SL_ERR(err, USAGE, "more than %d keys to trust",
				      SL_TRUST_MAX);
		l->trusted[l->n_trusted++] = sl_slice_str(key);
	}
	return 0;
}

void
sl_local_done(struct sl_local *l)
{
	sl_reader_close(l->reader);
	sl_home_done(&l->home);
	*l = (struct sl_local){ .home.fd = -1 };
}

int
sl_local_bundle(struct sl_local *l, const char *run, struct sl_buf *out,
		struct sl_err *err)
{
	if (l->reader == NULL)
		return SL_ERR(err, NOENT, "no run '%s': no log here: %s", run,
			      l->why.msg);
	return sl_bundle_make(l->reader, sl_slice_str(run), out, err);
}

int
sl_file_read(const char *path, size_t max, struct sl_buf *out, struct sl_err *err)
{
	bool is_stdin = strcmp(path, "-") == 0;
	SL_AUTO_FD fd =
	    is_stdin ? dup(0) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot read '%s'", path);
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return SL_ERR_SYS(err, -EISDIR, "cannot read '%s'", path);
	for (;;) {
		uint8_t *to = sl_buf_room(out, 1 << 16);
		ssize_t n;

		if (to == NULL)
			return SL_ERR(err, NOMEM, "out of memory for '%s'", path);
		if ((n = read(fd, to, 1 << 16)) < 0 && errno == EINTR)
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

int
sl_file_write(const char *path, struct sl_slice bytes, struct sl_err *err)
{
	char tmp[PATH_MAX];
	SL_AUTO_FD fd = -1;
	int r;

	if (strcmp(path, "-") == 0) {
		r = sl_ui_write(STDOUT_FILENO, bytes);
		return r < 0 ? SL_ERR_SYS(err, r, "cannot write the bundle") : 0;
	}
	if (snprintf(tmp, sizeof(tmp), "%s.%ld.tmp", path, (long)getpid()) >=
	    (int)sizeof(tmp))
		return SL_ERR(err, USAGE, "the path is too long");
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot write '%s'", tmp);
	r = sl_ui_write(fd, bytes);
	if (r >= 0 && fsync(fd) < 0)
		r = -errno;
	/* Link, not rename: what is there is never replaced. */
	if (r >= 0 && link(tmp, path) < 0)
		r = -errno;
	(void)unlink(tmp);
	if (r == -EEXIST)
		return SL_ERR(err, USAGE, "'%s' is there already", path);
	return r < 0 ? SL_ERR_SYS(err, r, "cannot write '%s'", path) : 0;
}
