/* auto.h -- scope-bound descriptors and heap blocks.
 *
 * Initialise at the declaration; give away with sl_steal_fd()/sl_steal_ptr();
 * never goto past one; not in the child of a fork.
 */
#ifndef SL_BASE_AUTO_H
#define SL_BASE_AUTO_H

#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

static inline void
sl_auto_close_(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void
sl_auto_free_(void *p)
{
	free(*(void **)p);
}

static inline void
sl_auto_closedir_(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static inline int
sl_steal_fd(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

#define SL_AUTO_FD __attribute__((cleanup(sl_auto_close_))) int       /* = -1 */
#define SL_AUTO_FREE __attribute__((cleanup(sl_auto_free_)))          /* char *p = NULL */
#define SL_AUTO_DIR __attribute__((cleanup(sl_auto_closedir_))) DIR * /* d = NULL */

static inline void *
sl_steal_ptr_(void *pp)
{
	void *p = *(void **)pp;

	*(void **)pp = NULL;
	return p;
}
#define sl_steal_ptr(pp) ((__typeof__(*(pp)))sl_steal_ptr_(pp))

#endif
