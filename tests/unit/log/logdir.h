/* logdir.h -- a private directory for a test, removed at its end. */
#ifndef SL_TESTS_LOGDIR_H
#define SL_TESTS_LOGDIR_H

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct dir {
	char path[128];
	int fd;
};

static inline struct dir
dir_make(void)
{
	const char *base = getenv("TMPDIR");
	struct dir d;

	snprintf(d.path, sizeof(d.path), "%s/sl-log-XXXXXX", base ? base : "/tmp");
	if (mkdtemp(d.path) == NULL ||
	    (d.fd = open(d.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		perror(d.path);
		abort();
	}
	return d;
}

static inline int
dir_rm_(const char *p, const struct stat *st, int type, struct FTW *f)
{
	(void)st;
	(void)type;
	(void)f;
	return remove(p);
}

static inline void
dir_done(struct dir *d)
{
	(void)close(d->fd);
	(void)nftw(d->path, dir_rm_, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
