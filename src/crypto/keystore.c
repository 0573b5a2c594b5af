/* keystore.c -- see keystore.h. */
#include "crypto/keystore.h"

#include "base/auto.h"
#include "base/hex.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TMP_NAME_MAX = 128, TRIES = 8 };

static int
check(int fd, mode_t kind, mode_t mode, const char *name, struct sl_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return SL_ERR_SYS(err, -errno, "cannot examine '%s'", name);
	if ((st.st_mode & S_IFMT) != kind)
		return SL_ERR(err, ENV, "key store: '%s' is not a %s", name,
			      kind == S_IFDIR ? "directory" : "regular file");
	if (st.st_uid != geteuid())
		return SL_ERR(err, ENV, "key store: '%s' belongs to uid %u, not to %u",
			      name, st.st_uid, geteuid());
	if ((st.st_mode & 07777) != mode)
		return SL_ERR(err, ENV, "key store: '%s' has mode %04o, %04o is due",
			      name, st.st_mode & 07777U, mode);
	if (kind == S_IFREG && st.st_size != SL_KEY_LEN)
		return SL_ERR(err, STORE, "key store: '%s' has %lld bytes, %d are due",
			      name, (long long)st.st_size, SL_KEY_LEN);
	return 0;
}

int
sl_keystore_open(int home_fd, const char *name, int *ret_fd, struct sl_err *err)
{
	SL_AUTO_FD fd = -1;
	bool is_new = mkdirat(home_fd, name, 0700) == 0;
	int r;

	if (!is_new && errno != EEXIST)
		return SL_ERR_SYS(err, -errno, "cannot make directory '%s'", name);
	fd = openat(home_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open directory '%s'", name);
	/* A umask of 0277 or a setgid parent would have changed what was asked for. */
	if (is_new && fchmod(fd, 0700) < 0)
		return SL_ERR_SYS(err, -errno, "cannot set the mode of '%s'", name);
	if ((r = check(fd, S_IFDIR, 0700, name, err)) < 0)
		return r;
	if (is_new && fsync(home_fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot sync the directory of '%s'", name);
	*ret_fd = sl_steal_fd(&fd);
	return 0;
}

/* 0 and the seed; 1 when the name is free. */
static int
load(int dir_fd, const char *name, uint8_t seed[SL_KEY_LEN], struct sl_err *err)
{
	SL_AUTO_FD fd = openat(dir_fd, name,
			       O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t in[SL_KEY_LEN];
	ssize_t n;
	int r;

	if (fd < 0 && errno == ENOENT)
		return 1;
	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot open key '%s'", name);
	if ((r = check(fd, S_IFREG, 0600, name, err)) < 0)
		return r;
	do
		n = pread(fd, in, sizeof(in), 0);
	while (n < 0 && errno == EINTR);
	if (n == SL_KEY_LEN)
		memcpy(seed, in, sizeof(in));
	else
		r = n < 0 ? SL_ERR_SYS(err, -errno, "cannot read key '%s'", name)
			  : SL_ERR(err, STORE, "key store: '%s' is cut short", name);
	sl_wipe(in, sizeof(in));
	return r;
}

/* The bytes of a new seed on stable storage, under a name that nobody looks for. */
static int
write_tmp(int dir_fd, const char *tmp, struct sl_err *err)
{
	SL_AUTO_FD fd = openat(
	    dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	uint8_t seed[SL_KEY_LEN];
	ssize_t n;

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot make a key file");
	sl_random(seed, sizeof(seed));
	do
		n = write(fd, seed, sizeof(seed));
	while (n < 0 && errno == EINTR);
	sl_wipe(seed, sizeof(seed));
	if (n != SL_KEY_LEN)
		return SL_ERR_SYS(err, n < 0 ? -errno : -ENOSPC,
				  "cannot write a key file");
	if (fchmod(fd, 0600) < 0 || fsync(fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot sync a key file");
	return 0;
}

/* Gives tmp its name unless that is taken: 0, 1 when it is, or -errno. */
static int
publish(int dir_fd, const char *tmp, const char *name)
{
	if (renameat2(dir_fd, tmp, dir_fd, name, RENAME_NOREPLACE) == 0)
		return 0;
	/* Some file systems know no flags of rename. */
	if ((errno == EINVAL || errno == ENOSYS) &&
	    linkat(dir_fd, tmp, dir_fd, name, 0) == 0) {
		(void)unlinkat(dir_fd, tmp, 0);
		return 0;
	}
	return errno == EEXIST ? 1 : -errno;
}

static int
create(int dir_fd, const char *name, bool *ret_is_new, struct sl_err *err)
{
	char tmp[TMP_NAME_MAX], hex[17];
	uint8_t rnd[8];
	int r;

	sl_random(rnd, sizeof(rnd));
	sl_hex(hex, rnd, sizeof(rnd));
	r = snprintf(tmp, sizeof(tmp), ".new-%s-%s", name, hex);
	if (r < 0 || (size_t)r >= sizeof(tmp))
		return SL_ERR(err, USAGE, "key store: the name '%s' is too long", name);
	r = write_tmp(dir_fd, tmp, err);
	if (r == 0 && (r = publish(dir_fd, tmp, name)) < 0)
		r = SL_ERR_SYS(err, r, "cannot name key '%s'", name);
	*ret_is_new = r == 0;
	if (r != 0)
		(void)unlinkat(dir_fd, tmp, 0);
	/* The loser syncs too: it must not use a name that a crash could take back. */
	if (r >= 0 && fsync(dir_fd) < 0)
		return SL_ERR_SYS(err, -errno, "cannot sync the key directory");
	return r < 0 ? r : 0;
}

int
sl_keystore_seed(int dir_fd, const char *name, bool may_create,
		 uint8_t ret_seed[SL_KEY_LEN], bool *ret_is_new, struct sl_err *err)
{
	bool is_new = false;
	int r = load(dir_fd, name, ret_seed, err);

	if (r == 1 && !may_create)
		return SL_ERR(err, NOENT, "key store: there is no key '%s'", name);
	for (int i = 0; i < TRIES && r == 1; i++) {
		if ((r = create(dir_fd, name, &is_new, err)) < 0)
			return r;
		/* Read back in any case: what counts is what the next start will find. */
		r = load(dir_fd, name, ret_seed, err);
	}
	if (r == 1)
		return SL_ERR(err, STORE,
			      "key store: '%s' vanishes as soon as it is made", name);
	if (r == 0 && ret_is_new != NULL)
		*ret_is_new = is_new;
	return r;
}
