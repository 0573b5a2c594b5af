/* doors.c -- a box with just one hole, for tests: the box's own code, linked with
 * functions that leave one thing out (--wrap, see meson.build).  Nothing of it is in
 * sluice: what opens a door is in this program alone, which is never installed.
 *
 *   box_doors DOOR[+DOOR] [--read PATH] [--write PATH] [--env NAME=VALUE] -- CMD [ARG...]
 *
 *   none          nothing is left out
 *   call:NR,...   seccomp lets these calls through, by number; call:all every one but an
 *                 exec, which the supervisor waits for
 *   caps          capabilities are kept (in the box's own user namespace)
 *   nnp           no_new_privs is not set, which needs them too
 *   ns:NAME       shares the caller's net, ipc, uts, cgroup or pid namespace
 *   mnt:suid      /usr without nosuid; mnt:dev without nodev; mnt:shared in a peer group,
 *                 which is of this box alone
 *   abi:N         Landlock as a kernel has it that is so old
 *   dev:PATH      the host's node is shown as /dev/x
 *   proc          /proc with what is not a process
 *   fds           descriptors are inherited
 *   rlimits       resource limits are the caller's
 *
 * Prints what the command prints, and ends as it ended; 99 where there was no box.
 */
#include "rig.h"

#include "os/jail.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char *door = "none";

/* What follows name in the list, or NULL where it is not there. */
static const char *
after(const char *name)
{
	size_t n = strlen(name);

	for (const char *s = door; s != NULL; s = strchr(s, '+')) {
		s += *s == '+';
		if (strncmp(s, name, n) == 0)
			return s + n;
	}
	return NULL;
}

static bool
is_door(const char *name)
{
	const char *end = after(name);

	return end != NULL && (*end == '\0' || *end == '+');
}

/* Of the types that they have where they are used, so that none goes its own way. */
__typeof__(sl_jail_seccomp) __real_sl_jail_seccomp, __wrap_sl_jail_seccomp;
__typeof__(sl_jail_no_caps) __real_sl_jail_no_caps, __wrap_sl_jail_no_caps;
__typeof__(sl_jail_caps) __real_sl_jail_caps, __wrap_sl_jail_caps;
__typeof__(sl_os_clone) __real_sl_os_clone, __wrap_sl_os_clone;
__typeof__(setns) __real_setns, __wrap_setns;
__typeof__(sethostname) __real_sethostname, __wrap_sethostname;
__typeof__(sl_mnt_clone) __real_sl_mnt_clone, __wrap_sl_mnt_clone;
__typeof__(sl_mnt_new) __real_sl_mnt_new, __wrap_sl_mnt_new;
__typeof__(sl_mnt_move) __real_sl_mnt_move, __wrap_sl_mnt_move;
__typeof__(mknodat) __real_mknodat, __wrap_mknodat;
__typeof__(sl_os_close_from) __real_sl_os_close_from, __wrap_sl_os_close_from;
__typeof__(sl_os_cloexec_from) __real_sl_os_cloexec_from, __wrap_sl_os_cloexec_from;
__typeof__(setrlimit64) __real_setrlimit64, __wrap_setrlimit64;
/* prctl(2) is variadic; all here pass five */
int __real_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
		 unsigned long d);
int __wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c,
		 unsigned long d);

/* The shipped program, behind one that knows only the calls that are let through. */
int
__wrap_sl_jail_seccomp(const struct sock_filter *prog, size_t n, bool is_listening)
{
	const struct sock_filter load =
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	const struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const char *calls = after("call:");
	struct sock_filter *all;
	size_t k = 0;
	int r;

	if (calls == NULL)
		return __real_sl_jail_seccomp(prog, n, is_listening);
	if ((all = calloc(n + 64, sizeof(*all))) == NULL)
		return -ENOMEM;
	all[k++] = load;
	if (is_door("call:all")) {
		all[k++] =
		    (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SYS_execve };
		all[k++] =
		    (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_execveat };
		all[k++] = allow;
	} else {
		while (k < 60) {
			char *end;
			uint32_t nr = (uint32_t)strtoul(calls, &end, 10);

			all[k++] =
			    (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 0, 1, nr };
			all[k++] = allow;
			if (*end != ',')
				break;
			calls = end + 1;
		}
	}
	memcpy(all + k, prog, n * sizeof(*all));
	r = __real_sl_jail_seccomp(all, n + k, is_listening);
	free(all);
	return r;
}

/* In the box's own user namespace, so of no use against anything but the box; ambient,
 * so that they outlive the exec. */
static int
keep_caps(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &h, d) < 0)
		return -errno;
	d[0].inheritable = d[0].permitted;
	d[1].inheritable = d[1].permitted;
	if (syscall(SYS_capset, &h, d) < 0)
		return -errno;
	for (unsigned long c = 0; c < 64; c++)
		(void)__real_prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0);
	return 0;
}

int
__wrap_sl_jail_no_caps(void)
{
	return is_door("caps") || is_door("nnp") ? keep_caps() : __real_sl_jail_no_caps();
}

/* The box reads back what is in force, and would not start. */
int
__wrap_sl_jail_caps(uint64_t *ret_eff, uint64_t *ret_bnd)
{
	if (!is_door("caps") && !is_door("nnp"))
		return __real_sl_jail_caps(ret_eff, ret_bnd);
	*ret_eff = *ret_bnd = 0;
	return 0;
}

int
__wrap_prctl(int op, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
	if (is_door("nnp") && op == PR_SET_NO_NEW_PRIVS)
		return 0;
	if (is_door("nnp") && op == PR_GET_NO_NEW_PRIVS)
		return 1;
	return __real_prctl(op, a, b, c, d);
}

pid_t
__wrap_sl_os_clone(uint64_t ns, int cgroup_fd, int exit_signal, int *ret_pidfd)
{
	if (is_door("ns:ipc"))
		ns &= ~(uint64_t)CLONE_NEWIPC;
	if (is_door("ns:uts"))
		ns &= ~(uint64_t)CLONE_NEWUTS;
	if (is_door("ns:cgroup"))
		ns &= ~(uint64_t)CLONE_NEWCGROUP;
	if (is_door("ns:pid"))
		ns &= ~(uint64_t)CLONE_NEWPID;
	return __real_sl_os_clone(ns, cgroup_fd, exit_signal, ret_pidfd);
}

int
__wrap_setns(int fd, int type)
{
	return is_door("ns:net") && type == CLONE_NEWNET ? 0 : __real_setns(fd, type);
}

/* The name would be the host's. */
int
__wrap_sethostname(const char *name, size_t n)
{
	return is_door("ns:uts") ? 0 : __real_sethostname(name, n);
}

int
__wrap_sl_mnt_clone(int dirfd, const char *path, bool is_recursive, uint64_t attr,
		    int idmap_fd)
{
	/* the clone is private: the group is a new one */
	const struct mount_attr shared = { .propagation = (unsigned)MS_SHARED };
	int fd;

	if (strcmp(path, "/usr") == 0 && is_door("mnt:suid"))
		attr &= ~(uint64_t)MOUNT_ATTR_NOSUID;
	if (strcmp(path, "/usr") == 0 && is_door("mnt:dev"))
		attr &= ~(uint64_t)MOUNT_ATTR_NODEV;
	fd = __real_sl_mnt_clone(dirfd, path, is_recursive, attr, idmap_fd);
	if (fd < 0 || strcmp(path, "/usr") != 0 || !is_door("mnt:shared"))
		return fd;
	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &shared, sizeof(shared)) ==
	    0)
		return fd;
	(void)close(fd);
	return -EINVAL;
}

int
__wrap_sl_mnt_new(const char *fstype, const struct sl_mnt_opt *opt, size_t n,
		  unsigned attr)
{
	if (is_door("proc") && strcmp(fstype, "proc") == 0)
		n = 0;
	return __real_sl_mnt_new(fstype, opt, n, attr);
}

/* One more place beside /dev/null, wherever that is being made. */
int
__wrap_mknodat(int dirfd, const char *path, mode_t mode, dev_t dev)
{
	const char *name = strrchr(path, '/');
	char beside[64];

	if (after("dev:") != NULL && name != NULL && strcmp(name, "/null") == 0) {
		(void)snprintf(beside, sizeof(beside), "%.*s/x", (int)(name - path),
			       path);
		if (__real_mknodat(dirfd, beside, S_IFREG | 0444, 0) < 0)
			return -1;
	}
	return __real_mknodat(dirfd, path, mode, dev);
}

int
__wrap_sl_mnt_move(int mnt_fd, int dirfd, const char *path)
{
	const char *node = after("dev:");
	int fd, r = __real_sl_mnt_move(mnt_fd, dirfd, path);

	if (r < 0 || node == NULL || strcmp(path, "dev") != 0)
		return r;
	if ((fd = __real_sl_mnt_clone(AT_FDCWD, node, false, 0, -1)) < 0)
		return fd;
	r = __real_sl_mnt_move(fd, dirfd, "dev/x");
	(void)close(fd);
	return r;
}

int
__wrap_sl_os_close_from(unsigned first)
{
	return is_door("fds") ? 0 : __real_sl_os_close_from(first);
}

int
__wrap_sl_os_cloexec_from(unsigned first)
{
	return is_door("fds") ? 0 : __real_sl_os_cloexec_from(first);
}

int
__wrap_setrlimit64(__rlimit_resource_t what, const struct rlimit64 *l)
{
	return is_door("rlimits") ? 0 : __real_setrlimit64(what, l);
}

static int
no_box(const struct rig *r, const char *what)
{
	fprintf(stderr, "box_doors: %s: %s\n", what, r->err.msg);
	return 99;
}

int
main(int argc, char **argv)
{
	struct rig *r = rig_new();
	int i = 2, status;

	if (argc < 2)
		return 2;
	door = argv[1];
	for (; i + 1 < argc && strcmp(argv[i], "--") != 0; i += 2) {
		if (strcmp(argv[i], "--read") == 0)
			rig_fs(r, argv[i + 1], SL_ACC_READ | SL_ACC_EXEC);
		else if (strcmp(argv[i], "--write") == 0)
			rig_fs(r, argv[i + 1], SL_ACC_READ | SL_ACC_WRITE);
		else if (strcmp(argv[i], "--env") == 0 && r->n_env < 16)
			r->env[r->n_env++] = sl_slice_str(argv[i + 1]);
		else
			return 2;
	}
	if (after("abi:") != NULL)
		r->o.max_landlock_abi = (int)strtol(after("abi:"), NULL, 10);
	if (rig_open(r) < 0)
		return no_box(r, "prepare");
	if (rig_run(r, argv + i + 1) < 0)
		return no_box(r, "run");
	(void)!write(1, r->out, r->n_out);
	(void)!write(2, r->errout, r->n_err);
	status = r->has_died          ? 98
		 : r->end.signal != 0 ? 128 + r->end.signal
				      : r->end.status;
	rig_free(r);
	return status;
}
