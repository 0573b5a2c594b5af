/* keys.c -- see keys.h. */
#include "log/keys.h"

#include "base/auto.h"
#include "crypto/sha256.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1: read; 0: absent. */
static int
read_key(int dir, const char *name, uint8_t out[32], struct sl_err *err)
{
	SL_AUTO_FD fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	uint8_t b[33];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot open keys/%s", name);
	if ((st.st_mode & 077) != 0)
		return SL_ERR(err, ENV,
			      "keys/%s can be read by others (mode %03o); chmod 600 it",
			      name, (unsigned)st.st_mode & 0777);
	n = sl_io_read(fd, b, sizeof(b), 0);
	if (n == 32)
		memcpy(out, b, 32);
	sl_wipe(b, sizeof(b));
	if (n < 0)
		return SL_ERR_SYS(err, (int)n, "cannot read keys/%s", name);
	return n == 32 ? 1 : SL_ERR(err, STORE, "keys/%s is not a key of 32 bytes", name);
}

/* A key that is named is whole: written aside, synced, then renamed. */
static int
write_key(int dir, const struct sl_store_io *io, const char *name, const uint8_t seed[32],
	  struct sl_err *err)
{
	SL_AUTO_FD fd = -1;
	int r = io->openat(io->ctx, dir, "new", O_RDWR | O_CREAT | O_TRUNC, 0600);

	if (r < 0)
		return SL_ERR_SYS(err, r, "cannot make a key");
	fd = r;
	if ((r = sl_io_write(io, fd, seed, 32, 0)) < 0 ||
	    (r = io->fsync(io->ctx, fd)) < 0 ||
	    (r = io->renameat(io->ctx, dir, "new", name)) < 0 ||
	    (r = io->fsync(io->ctx, dir)) < 0)
		return SL_ERR_SYS(err, r, "cannot store keys/%s", name);
	return 1;
}

static int
make_key(int dir, const struct sl_store_io *io, const char *name, uint8_t out[32],
	 struct sl_err *err)
{
	sl_random(out, 32);
	return write_key(dir, io, name, out, err);
}

static int
get_key(int dir, const struct sl_store_io *io, const char *name, bool may_make,
	uint8_t out[32], struct sl_err *err)
{
	int r = read_key(dir, name, out, err);

	if (r == 0 && may_make)
		return make_key(dir, io, name, out, err);
	return r;
}

static int
open_dir(int home_fd, const struct sl_store_io *io, bool may_make, struct sl_err *err)
{
	int r;

	if (may_make) {
		r = io->mkdirat(io->ctx, home_fd, "keys", 0700);
		if (r == 0)
			r = io->fsync(io->ctx, home_fd);
		if (r < 0 && r != -EEXIST)
			return SL_ERR_SYS(err, r, "cannot make keys/");
	}
	r = io->openat(io->ctx, home_fd, "keys", O_RDONLY | O_DIRECTORY, 0);
	return r < 0 ? SL_ERR_SYS(err, r, "cannot open keys/") : r;
}

void
sl_node_keys_derive(struct sl_node_keys *k, const uint8_t identity[32],
		    const uint8_t build[32])
{
	sl_log_key_make(&k->identity, identity);
	sl_hkdf(identity, "sluice-build", (struct sl_slice){ build, 32 }, k->cdi);
	sl_log_key_make(&k->working, k->cdi);
}

void
sl_seed_digest(const uint8_t seed[32], uint8_t ret[32])
{
	struct sl_signer s;

	sl_signer_from_seed(&s, seed);
	sl_sha256((struct sl_slice){ s.pub, 32 }, ret);
	sl_signer_done(&s);
}

const struct sl_log_key *
sl_platform_key(struct sl_node_keys *k)
{
	if (!k->has_platform)
		sl_log_key_make(&k->platform, k->platform_seed);
	k->has_platform = true;
	return &k->platform;
}

int
sl_node_keys_load(struct sl_node_keys *k, int home_fd, const struct sl_store_io *io,
		  bool may_make, const uint8_t build[32], const uint8_t *sealed,
		  struct sl_err *err)
{
	int r = open_dir(home_fd, io, may_make, err);
	SL_AUTO_FD dir = r;
	uint8_t identity[32] = { 0 }, next[32] = { 0 };

	memset(k, 0, sizeof(*k));
	if (r < 0)
		return r;
	if ((r = get_key(dir, io, "identity", may_make && sealed == NULL, identity,
			 err)) == 0 &&
	    sealed != NULL) {
		memcpy(identity, sealed, sizeof(identity));
		r = 1;
	}
	if (r > 0)
		r = get_key(dir, io, "hmac", may_make, k->hmac, err);
	if (r == 0)
		r = SL_ERR(err, STORE, "keys/ does not hold this log's keys");
	/* stated once, at the beginning; afterwards it may well be kept elsewhere */
	if (r > 0 && may_make && (r = get_key(dir, io, "next", true, next, err)) > 0) {
		sl_seed_digest(next, k->next);
		k->has_next = true;
	}
	/* the platform's tree keeps the key that it was declared with */
	if (r > 0 && (r = read_key(dir, "platform", k->platform_seed, err)) == 0) {
		sl_hkdf(identity, "sluice-platform-key", (struct sl_slice){ 0 },
			k->platform_seed);
		r = 1;
	}
	if (r > 0)
		sl_node_keys_derive(k, identity, build);
	sl_wipe(identity, sizeof(identity));
	sl_wipe(next, sizeof(next));
	return r < 0 ? r : 0;
}

bool
sl_keys_has_begun(int home_fd)
{
	return faccessat(home_fd, "keys/begun", F_OK, 0) == 0;
}

int
sl_keys_mark_begun(int home_fd, const struct sl_store_io *io, struct sl_err *err)
{
	int dir = open_dir(home_fd, io, false, err), fd, r;

	if (dir < 0)
		return dir;
	fd = io->openat(io->ctx, dir, "begun", O_WRONLY | O_CREAT, 0600);
	r = fd < 0 ? fd : io->fsync(io->ctx, dir);
	if (fd >= 0)
		(void)close(fd);
	(void)close(dir);
	return r < 0 ? SL_ERR_SYS(err, r, "cannot make keys/begun") : 0;
}

void
sl_node_keys_done(struct sl_node_keys *k)
{
	sl_log_key_done(&k->identity);
	sl_log_key_done(&k->working);
	sl_log_key_done(&k->platform);
	sl_wipe(k, sizeof(*k));
}

void
sl_run_key(const uint8_t cdi[32], const uint8_t run[32], struct sl_log_key *ret)
{
	uint8_t seed[32];

	sl_hkdf(cdi, "sluice-run-key", (struct sl_slice){ run, 32 }, seed);
	sl_log_key_make(ret, seed);
	sl_wipe(seed, sizeof(seed));
}

/* A secret under its name, whole and durable, unless it is there. */
static int
keep_key(int dir, const struct sl_store_io *io, const char *name, const uint8_t seed[32],
	 struct sl_err *err)
{
	uint8_t have[32];
	int r = read_key(dir, name, have, err);

	sl_wipe(have, sizeof(have));
	return r != 0 ? r : write_key(dir, io, name, seed, err);
}

int
sl_node_keys_next(int home_fd, const struct sl_store_io *io, bool may_make,
		  uint8_t ret_seed[32], struct sl_err *err)
{
	int r = open_dir(home_fd, io, false, err);
	SL_AUTO_FD dir = r;

	if (r < 0)
		return r;
	if ((r = get_key(dir, io, "next", may_make, ret_seed, err)) == 0)
		return SL_ERR(err, NOENT,
			      "keys/next is not there: bring the announced key back");
	return r < 0 ? r : 0;
}

int
sl_node_keys_prepare(int home_fd, const struct sl_store_io *io,
		     const struct sl_node_keys *k, uint8_t ret_following[32],
		     struct sl_err *err)
{
	int r = open_dir(home_fd, io, false, err);
	SL_AUTO_FD dir = r;

	if (r >= 0 && faccessat(dir, "identity", F_OK, 0) < 0)
		return SL_ERR(
		    err, ENV,
		    "the identity is sealed to a TPM, and its successor would be "
		    "in a file: sluice tpm unseal, rotate, sluice tpm seal");
	if (r < 0 || (r = get_key(dir, io, "following", true, ret_following, err)) < 0 ||
	    (r = keep_key(dir, io, "platform", k->platform_seed, err)) < 0)
		return r;
	return 0;
}

static int
move_key(int dir, const struct sl_store_io *io, const char *from, const char *to,
	 struct sl_err *err)
{
	int r = io->renameat(io->ctx, dir, from, to);

	if (r == 0)
		r = io->fsync(io->ctx, dir);
	return r < 0 ? SL_ERR_SYS(err, r, "cannot move keys/%s to keys/%s", from, to) : 0;
}

int
sl_node_keys_resume(int home_fd, const struct sl_store_io *io, const uint8_t next_key[32],
		    struct sl_err *err)
{
	uint8_t seed[32], d[32];
	int r, dir_fd;

	if (faccessat(home_fd, "keys/following", F_OK, 0) < 0)
		return 0;
	if ((dir_fd = open_dir(home_fd, io, false, err)) < 0)
		return dir_fd;
	SL_AUTO_FD dir = dir_fd;
	if ((r = read_key(dir, "following", seed, err)) <= 0)
		return r;
	sl_seed_digest(seed, d);
	if (memcmp(d, next_key, 32) != 0) { /* made, and never stated */
		sl_wipe(seed, sizeof(seed));
		return 0;
	}
	/* next is gone where only the second move is missing */
	if ((r = read_key(dir, "next", seed, err)) == 1)
		r = move_key(dir, io, "next", "identity", err);
	sl_wipe(seed, sizeof(seed));
	return r < 0 ? r : move_key(dir, io, "following", "next", err);
}

/* witness/begun is there before the first state can be, and synced with it. */
int
sl_witness_seed(int home_fd, const struct sl_store_io *io, uint8_t ret[32],
		struct sl_err *err)
{
	bool has_begun = faccessat(home_fd, "witness/begun", F_OK, 0) == 0;
	int r = open_dir(home_fd, io, false, err), fd;
	SL_AUTO_FD dir = r;

	if (r < 0)
		return r;
	if ((r = get_key(dir, io, "witness", !has_begun, ret, err)) < 0)
		return r;
	if (r == 0)
		return SL_ERR(err, STORE,
			      "keys/witness is gone, and this node has cosigned with it; "
			      "bring it back, or move witness/ away to begin as another "
			      "witness");
	if (has_begun)
		return 0;
	r = fd = io->openat(io->ctx, home_fd, "witness/begun", O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		(void)close(fd);
	return r < 0 ? SL_ERR_SYS(err, r, "cannot make witness/begun") : 0;
}
