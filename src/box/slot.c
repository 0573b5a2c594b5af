/* slot.c -- a network namespace made ahead, with the user namespace that owns it.
 *
 * To make one takes the kernel longer than the rest of a box, and it is the same for
 * every box, so whoever knows that a box will be wanted begins it before anything else:
 * in a process of its own, on another processor.  A box is then born in it: a process
 * that shares our memory enters the namespaces and clones init as its sibling, while we
 * wait as in vfork(2).  Each is used once and never handed on.
 */
#include "base/sanitize.h"
#include "box/internal.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MAKER_STACK = 16384,
	BIRTH_STACK = 8 << 20, /* init's for good: as large as a process has by default */
};

struct sl_box_slot {
	struct sl_box_ids ids;
	pid_t pid;
	int user_fd, net_fd; /* or -1 */
	int err;
	char map[2][48];
	size_t map_len[2];
	_Alignas(16) uint8_t stack[MAKER_STACK];
};

long
sl_box_raw(long nr, long a, long b, long c)
{
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return r;
}

long
sl_box_net_new(void)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	long fd, e = sl_box_raw(SYS_unshare, CLONE_NEWNET, 0, 0);

	if (e < 0)
		return e;
	fd = sl_box_raw(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fd;
	e = sl_box_raw(SYS_ioctl, fd, SIOCSIFFLAGS, (long)(uintptr_t)&r);
	if (e >= 0) /* the namespace itself; by /proc it takes four times as long */
		e = sl_box_raw(SYS_ioctl, fd, SIOCGSKNS, 0);
	(void)sl_box_raw(SYS_close, fd, 0, 0);
	return e;
}

static long
write_file(const char *path, const char *p, size_t n)
{
	long e, fd = sl_box_raw(SYS_open, (long)(uintptr_t)path, O_WRONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return fd;
	e = sl_box_raw(SYS_write, fd, (long)(uintptr_t)p, (long)n);
	(void)sl_box_raw(SYS_close, fd, 0, 0);
	return e;
}

/* In a process that shares our memory and descriptors: raw system calls only. */
static int
make(void *arg)
{
	struct sl_box_slot *s = arg;
	long e = 0, fd = -1;

	(void)sl_box_raw(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	if (!s->ids.is_private &&
	    ((e = write_file("/proc/self/setgroups", "deny", 4)) < 0 ||
	     (e = write_file("/proc/self/uid_map", s->map[0], s->map_len[0])) < 0))
		goto out;
	if (!s->ids.is_private)
		e = write_file("/proc/self/gid_map", s->map[1], s->map_len[1]);
	if (e >= 0)
		e = fd = sl_box_net_new();
	if (e >= 0 && !s->ids.is_private)
		e = sl_box_raw(SYS_ioctl, fd, NS_GET_USERNS, 0);
	if (e >= 0 && !s->ids.is_private)
		s->user_fd = (int)e;
out:
	s->net_fd = (int)fd;
	s->err = e < 0 ? (int)-e : 0;
	return 0;
}

struct sl_box_slot *
sl_box_slot_start(void)
{
	struct sl_box_slot *s = calloc(1, sizeof(*s));
	struct sl_err err = { 0 };
	int flags = CLONE_VM | CLONE_FILES;

	/* Init would run on a stack that a sanitizer does not know. */
	if (SL_IS_SANITIZED || s == NULL || sl_box_ids_pick(&s->ids, &err) < 0) {
		free(s);
		return NULL;
	}
	s->user_fd = s->net_fd = -1;
	s->err = EIO;
	if (!s->ids.is_private)
		flags |= CLONE_NEWUSER;
	s->map_len[0] = (size_t)snprintf(s->map[0], sizeof(s->map[0]), "%u %u 1",
					 s->ids.in_uid, s->ids.out_uid);
	s->map_len[1] = (size_t)snprintf(s->map[1], sizeof(s->map[1]), "%u %u 1",
					 s->ids.in_gid, s->ids.out_gid);
	s->pid = clone(make, s->stack + MAKER_STACK, flags, s);
	if (s->pid < 0) {
		free(s);
		return NULL; /* the box says why when it tries for itself */
	}
	sl_os_start_elsewhere(s->pid, 2);
	return s;
}

static void
finish(struct sl_box_slot *s)
{
	while (s->pid > 0 && waitpid(s->pid, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	s->pid = 0;
}

void
sl_box_slot_drop(struct sl_box_slot *s)
{
	if (s == NULL)
		return;
	finish(s);
	if (s->user_fd >= 0)
		(void)close(s->user_fd);
	if (s->net_fd >= 0)
		(void)close(s->net_fd);
	free(s);
}

const struct sl_box_ids *
sl_box_slot_ids(const struct sl_box_slot *s)
{
	return &s->ids;
}

struct birth {
	struct sl_box_slot *slot;
	struct sl_setup *setup;
	void (*begin)(struct sl_setup *setup); /* does not return */
	uint64_t ns;
	int cgroup_fd, *ret_pidfd;
	int r;
};

/* In a process that shares our memory, while we wait for it.  Init is its copy, and ours:
 * our child, with this stack. */
static int
give_birth(void *arg)
{
	struct birth *b = arg;

	if (b->slot->user_fd >= 0 && setns(b->slot->user_fd, CLONE_NEWUSER) < 0)
		b->r = -errno;
	else if (setns(b->slot->net_fd, CLONE_NEWNET) < 0)
		b->r = -errno;
	else if ((b->r = sl_os_clone(b->ns | CLONE_PARENT, b->cgroup_fd, b->ret_pidfd)) ==
		 0)
		b->begin(b->setup);
	return 0;
}

static void
begin(struct sl_setup *s)
{
	sl_box_setup(s);
}

pid_t
sl_box_slot_clone(struct sl_box_slot *slot, struct sl_setup *s, uint64_t ns,
		  int cgroup_fd, int *ret_pidfd)
{
	struct birth b = { slot, s, begin, ns, cgroup_fd, ret_pidfd, -EIO };
	int was = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	uint8_t *stack;
	pid_t pid;

	finish(slot);
	if (slot->err != 0)
		return -slot->err;
	stack = mmap(NULL, BIRTH_STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	pid = clone(give_birth, stack + BIRTH_STACK, CLONE_VM | CLONE_VFORK | CLONE_FILES,
		    &b);
	if (pid < 0)
		b.r = -errno;
	else
		while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
			continue;
	(void)munmap(stack, BIRTH_STACK);
	/* The memory is marked by the rights that a user namespace gave for a moment. */
	if (was >= 0 && was <= 1)
		(void)prctl(PR_SET_DUMPABLE, was, 0, 0, 0);
	return b.r;
}
