/* place.h -- a private directory for a test, and running as an ordinary user: the test
 * program called with "user" as root drops to an id that nobody has. */
#ifndef SL_TESTS_BOX_PLACE_H
#define SL_TESTS_BOX_PLACE_H

#include <fcntl.h>
#include <ftw.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PLACE_UID = 61234 };

struct place {
	char dir[64], self[128]; /* self: a copy of this program that anybody can run */
};

static inline void
place_copy(const char *to)
{
	static char b[1 << 16];
	int in = open("/proc/self/exe", O_RDONLY),
	    out = open(to, O_WRONLY | O_CREAT, 0755);
	ssize_t n;

	while ((n = read(in, b, sizeof(b))) > 0)
		if (write(out, b, (size_t)n) != n)
			abort();
	(void)close(in);
	(void)close(out);
}

/* Directories as the user that the tests run as. */
static inline int
place_make(struct place *p, int is_user)
{
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/sluice-box-XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	(void)chmod(p->dir, 0755);
	(void)snprintf(p->self, sizeof(p->self), "%s/self", p->dir);
	place_copy(p->self);
	if (is_user && geteuid() == 0) {
		if (chown(p->dir, PLACE_UID, PLACE_UID) < 0 || setgroups(0, NULL) < 0 ||
		    setresgid(PLACE_UID, PLACE_UID, PLACE_UID) < 0 ||
		    setresuid(PLACE_UID, PLACE_UID, PLACE_UID) < 0)
			return -1;
		/* The change made /proc/self root's. */
		(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	}
	return 0;
}

static inline int
place_has(int argc, char **argv, const char *word)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], word) == 0)
			return 1;
	return 0;
}

static inline const char *
place_path(const struct place *p, const char *name)
{
	static char b[8][256];
	static unsigned i;
	char *s = b[i++ % 8];

	(void)snprintf(s, sizeof(b[0]), "%s/%s", p->dir, name);
	return s;
}

static inline void
place_put(const struct place *p, const char *name, const char *text)
{
	FILE *f = fopen(place_path(p, name), "w");

	if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
		abort();
}

static inline void
place_dir(const struct place *p, const char *name)
{
	if (mkdir(place_path(p, name), 0755) < 0)
		abort();
}

static inline int
place_rm1(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

static inline int
place_open1(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)f;
	if (flag == FTW_D || flag == FTW_DNR)
		(void)chmod(path, (st->st_mode & 0777) | 0700);
	return 0;
}

static inline void
place_remove(const struct place *p)
{
	/* An overlay's work/work has mode 000. */
	for (int i = 0; i < 3; i++)
		(void)nftw(p->dir, place_open1, 32, FTW_PHYS);
	(void)nftw(p->dir, place_rm1, 32, FTW_DEPTH | FTW_PHYS);
}

#endif
