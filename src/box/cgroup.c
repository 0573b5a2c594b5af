/* cgroup.c -- a leaf of the unified hierarchy with memory and pids, where they are
 * delegated to us.  It is entered only by clone3(CLONE_INTO_CGROUP): a write to
 * cgroup.procs waits for an RCU grace period. */
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CLIMB_MAX = 8 };

/* Is word one of the space-separated words of text? */
static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)) != NULL; p += n)
		if ((p == text || p[-1] == ' ') &&
		    (p[n] == ' ' || p[n] == '\n' || p[n] == '\0'))
			return true;
	return false;
}

/* Its children have the controllers, and we may make one. */
static bool
is_parent(const char *dir)
{
	char path[400], text[256] = "";
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	n = sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1);
	return n > 0 && has_word(text, "memory") && has_word(text, "pids") &&
	       access(dir, W_OK) == 0;
}

static int
set(const char *dir, const char *file, uint64_t v)
{
	char path[400], num[24];
	int n = snprintf(num, sizeof(num), "%llu", (unsigned long long)v);

	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	return sl_os_write_file(AT_FDCWD, path, 0, 0, num, (size_t)n);
}

int
sl_box_cgroup_make(const struct sl_grant *g, const char *mount, const char *own,
		   char *dir, size_t dir_len)
{
	char at[256];
	uint32_t rnd;
	int fd, r;

	if (snprintf(at, sizeof(at), "%s%s", mount, own) >= (int)sizeof(at))
		return -ENAMETOOLONG;
	/* Our own cgroup holds processes, so it cannot delegate: mostly its parent can.
	 */
	for (int i = 0; !is_parent(at); i++) {
		char *slash = strrchr(at, '/');

		if (i == CLIMB_MAX || slash == NULL ||
		    (size_t)(slash - at) < strlen(mount))
			return -ENOENT;
		*slash = '\0';
	}
	if (getrandom(&rnd, sizeof(rnd), 0) != sizeof(rnd))
		return -errno;
	if (snprintf(dir, dir_len, "%s/sluice-%08x", at, rnd) >= (int)dir_len)
		return -ENAMETOOLONG;
	if (mkdir(dir, 0755) < 0)
		return -errno;
	if ((r = set(dir, "memory.max", g->limit[SL_LIM_MEMORY].max)) < 0 ||
	    (r = set(dir, "pids.max", g->limit[SL_LIM_PIDS].max + 1)) < 0 ||
	    (fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		(void)rmdir(dir);
		dir[0] = '\0';
		return r < 0 ? r : -errno;
	}
	/* Not all kernels account swap: then there is no such file. */
	(void)set(dir, "memory.swap.max", 0);
	return fd;
}

void
sl_box_cgroup_drop(const char *dir)
{
	if (dir[0] != '\0')
		(void)rmdir(dir);
}
