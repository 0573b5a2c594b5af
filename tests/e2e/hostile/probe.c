/* probe.c -- makes one system call of calls.tsv, with arguments that do no harm wherever
 * it is let through, and says how it ended: "NAME EPERM", or "NAME LEAK 3" where it
 * succeeded. Stands alone: compiled by run.py, run only inside a box. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define UP 0xdead00000000ul /* bits that a 32-bit argument ignores */

static char zero[4096];
static struct iovec iov = { zero, 0 };
static const char dot[] = ".", tmp[] = "/tmp", none[] = "/nonexistent", root[] = "/";
static const char suid[] = "/tmp/suid";
static const uint64_t clone3_args[11] = { 0x10000000ul /* NEWUSER */, 0, 0, 0, SIGCHLD };
static uint64_t how[3];
static struct {
	uint32_t version, pid;
} cap_hdr = { 0x20080522, 0 };
static uint32_t cap_data[6] = { 1u << 21, 1u << 21 };
static uint64_t rlim[2] = { 100, 1u << 20 };
static int prio1 = 1;
static struct {
	uint16_t len;
	void *p;
} prog;
static struct {
	uint16_t code;
	uint8_t jt, jf;
	uint32_t k;
} allow = { 6, 0, 0, 0x7fff0000 };
static int timex[64] = { 0x8001 }; /* ADJ_OFFSET_SINGLESHOT of nothing */

struct call {
	const char *name;
	long nr;
	unsigned long a[6];
};
#define P(x) ((unsigned long)(uintptr_t)(x))
#define M1 (~0ul)

static const struct call calls[] = {
	{ "mount", SYS_mount, { P("none"), P(root), 0, 0, 0 } },
	{ "mount-bind", SYS_mount, { P(tmp), P(tmp), 0, 4096 } },
	{ "mount-remount", SYS_mount, { 0, P(root), 0, 32 | 4096 } },
	{ "umount2", SYS_umount2, { P(tmp), 0 } },
	{ "pivot_root", SYS_pivot_root, { P(dot), P(dot) } },
	{ "chroot", SYS_chroot, { P(tmp) } },
	{ "open_tree", SYS_open_tree, { (unsigned long)AT_FDCWD, P(root), 1 } },
	{ "move_mount", SYS_move_mount, { M1, P(""), M1, P("") } },
	{ "fsopen", SYS_fsopen, { P("tmpfs"), 0 } },
	{ "fsconfig", SYS_fsconfig, { M1 } },
	{ "fsmount", SYS_fsmount, { M1 } },
	{ "fspick", SYS_fspick, { (unsigned long)AT_FDCWD, P(root), 0 } },
	{ "mount_setattr",
	  SYS_mount_setattr,
	  { (unsigned long)AT_FDCWD, P(root), 0, P(zero), 32 } },
	{ "unshare-user", SYS_unshare, { 0x10000000 } },
	{ "unshare-mnt", SYS_unshare, { 0x20000 } },
	{ "unshare-net", SYS_unshare, { 0x40000000 } },
	{ "unshare-pid", SYS_unshare, { 0x20000000 } },
	{ "unshare-ipc", SYS_unshare, { 0x8000000 } },
	{ "unshare-uts", SYS_unshare, { 0x4000000 } },
	{ "unshare-cgroup", SYS_unshare, { 0x2000000 } },
	{ "unshare-time", SYS_unshare, { 0x80 } },
	{ "unshare-many", SYS_unshare, { UP | 0x10020400 } },
	{ "clone-user", SYS_clone, { 0x10000000 | SIGCHLD } },
	{ "clone-user-upper", SYS_clone, { UP | 0x10000000 | SIGCHLD } },
	{ "clone3-user", SYS_clone3, { P(clone3_args), 88 } },
	{ "setns", SYS_setns, { M1, 0 } },
	{ "ptrace-me", SYS_ptrace, { 0 } },
	{ "ptrace-attach", SYS_ptrace, { 16, 1 } },
	{ "process_vm_readv", SYS_process_vm_readv, { 1, P(&iov), 1, P(&iov), 1 } },
	{ "process_vm_writev", SYS_process_vm_writev, { 1, P(&iov), 1, P(&iov), 1 } },
	{ "bpf-load", SYS_bpf, { 5, P(zero), 128 } },
	{ "bpf-map", SYS_bpf, { 0, P(zero), 128 } },
	{ "bpf-upper", SYS_bpf, { UP | 5, P(zero), 128 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 0, 0 } },
	{ "io_uring_enter", SYS_io_uring_enter, { M1 } },
	{ "io_uring_register", SYS_io_uring_register, { M1 } },
	{ "keyctl", SYS_keyctl, { 0, (unsigned long)-3, 0 } },
	{ "add_key", SYS_add_key, { P("user"), P("x"), P("y"), 1, (unsigned long)-1 } },
	{ "request_key", SYS_request_key, { P("user"), P("no-such-key"), 0, 0 } },
	{ "init_module", SYS_init_module, { P(zero), 0, P("") } },
	{ "finit_module", SYS_finit_module, { M1, P(""), 0 } },
	{ "delete_module", SYS_delete_module, { P("no_such_module"), 04000 } },
	{ "kexec_load", SYS_kexec_load, { 0, 17, 0, M1 } },
	{ "kexec_file_load", SYS_kexec_file_load, { M1, M1, 0, 0, M1 } },
	{ "acct", SYS_acct, { P(none) } },
	{ "clock_settime", SYS_clock_settime, { 99, P(zero) } },
	{ "settimeofday", SYS_settimeofday, { 0, 0 } },
	{ "fanotify_init", SYS_fanotify_init, { M1, 0 } },
	{ "fanotify_mark", SYS_fanotify_mark, { M1 } },
	{ "ioperm", SYS_ioperm, { 0x80, 1, 1 } },
	{ "iopl", SYS_iopl, { 3 } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { M1, 0, 0 } },
	{ "perf_event_open", SYS_perf_event_open, { 0 } },
	{ "personality", SYS_personality, { 0x40000 } },
	{ "personality-exec", SYS_personality, { 0x400000 } },
	{ "quotactl", SYS_quotactl, { 0x80000700, P(none) } },
	{ "quotactl_fd", SYS_quotactl_fd, { M1 } },
	{ "reboot", SYS_reboot, { 0 } },
	{ "sethostname", SYS_sethostname, { P("x"), 1 } },
	{ "setdomainname", SYS_setdomainname, { P("x"), 1 } },
	{ "swapon", SYS_swapon, { P(none), 0 } },
	{ "swapoff", SYS_swapoff, { P(none) } },
	{ "syslog", SYS_syslog, { 10, 0, 0 } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "userfaultfd-user", SYS_userfaultfd, { 1 } },
	{ "vhangup", SYS_vhangup, { 0 } },
	{ "name_to_handle_at",
	  SYS_name_to_handle_at,
	  { (unsigned long)AT_FDCWD, P(root), P(zero), P(zero + 64), 0 } },
	{ "move_pages", SYS_move_pages, { 0, 0, 0, 0, 0, 0 } },
	{ "migrate_pages", SYS_migrate_pages, { 0, 1, P(zero), P(zero) } },
	{ "process_madvise", SYS_process_madvise, { M1, P(&iov), 1, 0, 0 } },
	{ "modify_ldt", SYS_modify_ldt, { 0, P(zero), 16 } },
	{ "adjtimex", SYS_adjtimex, { P(timex) } },
	{ "clock_adjtime", 305, { 0, P(timex) } },
	{ "lookup_dcookie", SYS_lookup_dcookie, { 0, P(zero), 16 } },
	{ "mseal", 462, { P(zero), 0, 0 } },
	{ "unknown-600", 600, { 0 } },
	{ "unknown-1000", 1000, { 0 } },
	{ "openat2", SYS_openat2, { (unsigned long)AT_FDCWD, P(root), P(how), 24 } },
	{ "memfd_secret", 447, { 0 } },
	{ "shmget", SYS_shmget, { 0, 4096, 01600 } },
	{ "msgget", SYS_msgget, { 0, 01600 } },
	{ "semget", SYS_semget, { 0, 1, 01600 } },
	{ "chmod-suid", SYS_chmod, { P(suid), 04755 } },
	{ "fchmodat-suid", SYS_fchmodat, { (unsigned long)AT_FDCWD, P(suid), 04755 } },
	{ "fchmodat2-suid", 452, { (unsigned long)AT_FDCWD, P(suid), 04755, 0 } },
	{ "creat-suid", SYS_creat, { P("/tmp/new1"), 04755 } },
	{ "open-suid", SYS_open, { P("/tmp/new2"), O_CREAT | O_WRONLY, 04755 } },
	{ "openat-suid",
	  SYS_openat,
	  { (unsigned long)AT_FDCWD, P("/tmp/new3"), O_CREAT | O_WRONLY, 04755 } },
	{ "mknod-suid", SYS_mknod, { P("/tmp/new4"), S_IFREG | 04755, 0 } },
	{ "mkdir-sgid", SYS_mkdir, { P("/tmp/new5"), 02755 } },
	{ "mknod-mem", SYS_mknod, { P("/tmp/mem"), S_IFCHR | 0666, 0x101 } },
	{ "mknod-blk",
	  SYS_mknodat,
	  { (unsigned long)AT_FDCWD, P("/tmp/blk"), S_IFBLK | 0666, 0xfe00 } },
	{ "tiocsti", SYS_ioctl, { 0, 0x5412, 0 } },
	{ "tiocsti-upper", SYS_ioctl, { 0, UP | 0x5412, 0 } },
	{ "tioclinux", SYS_ioctl, { 0, 0x541c, 0 } },
	{ "tioclinux-upper", SYS_ioctl, { 0, UP | 0x541c, 0 } },
	{ "setuid-0", SYS_setuid, { 0 } },
	{ "setresuid-0", SYS_setresuid, { 0, 0, 0 } },
	{ "setgroups", SYS_setgroups, { 1, P(zero) } },
	{ "capset", SYS_capset, { P(&cap_hdr), P(cap_data) } },
	{ "cap-ambient", SYS_prctl, { 47, 2, 21, 0, 0 } },
	{ "no-new-privs-off", SYS_prctl, { 38, 0, 0, 0, 0 } },
	{ "rlimit-up", SYS_prlimit64, { 0, 7, P(rlim), 0 } },
	{ "sched-fifo", SYS_sched_setscheduler, { 0, 1, P(&prio1) } },
	{ "nice-down", SYS_setpriority, { 0, 0, (unsigned long)-5 } },
	{ "ioprio-rt", SYS_ioprio_set, { 1, 0, 1 << 13 } },
	{ "seccomp-listener", SYS_seccomp, { 1, 8, P(&prog) } },
	{ "socket-netlink", SYS_socket, { 16, 3, 0 } },
	{ "socket-netlink-audit", SYS_socket, { 16, 3, 9 } },
	{ "socket-packet", SYS_socket, { 17, 15, 0 } },
	{ "socket-vsock", SYS_socket, { 40, 15, 0 } },
	{ "socket-alg", SYS_socket, { 38, 15, 0 } },
	{ "socket-bluetooth", SYS_socket, { 31, 15, 0 } },
	{ "socket-can", SYS_socket, { 29, 15, 0 } },
	{ "socket-tipc", SYS_socket, { 30, 15, 0 } },
	{ "socket-rds", SYS_socket, { 21, 15, 0 } },
	{ "socket-x25", SYS_socket, { 9, 15, 0 } },
	{ "socket-ax25", SYS_socket, { 3, 15, 0 } },
	{ "socket-key", SYS_socket, { 15, 15, 0 } },
	{ "socket-xdp", SYS_socket, { 44, 15, 0 } },
	{ "socket-qipcrtr", SYS_socket, { 42, 15, 0 } },
	{ "socket-smc", SYS_socket, { 43, 15, 0 } },
	{ "socket-kcm", SYS_socket, { 41, 15, 0 } },
	{ "socket-pppox", SYS_socket, { 24, 15, 0 } },
	{ "socket-mctp", SYS_socket, { 45, 15, 0 } },
	{ "socket-unspec", SYS_socket, { 0, 15, 0 } },
	{ "socket-99", SYS_socket, { 99, 15, 0 } },
	{ "socket-packet-upper", SYS_socket, { UP | 17, 15, 0 } },
	{ "socket-inet-raw", SYS_socket, { 2, 3, 1 } },
	{ "socket-inet-packet", SYS_socket, { 2, 10, 0x300 } },
	{ "socketpair-dgram", SYS_socketpair, { 1, 2, 0, P(zero) } },
};

static long
make(const char *name, int *known)
{
	*known = 1;
	/* Those that need a descriptor or a pid first. */
	if (!strcmp(name, "ptrace-seize"))
		return syscall(SYS_ptrace, 0x4206, getppid(), 0, 0);
	if (!strcmp(name, "kcmp"))
		return syscall(SYS_kcmp, 1, getpid(), 0, 0, 0);
	if (!strcmp(name, "setns-pidfd"))
		return syscall(SYS_setns, syscall(SYS_pidfd_open, getpid(), 0),
			       0x10000000);
	if (!strcmp(name, "pidfd_getfd"))
		return syscall(SYS_pidfd_getfd, syscall(SYS_pidfd_open, getpid(), 0), 0,
			       0);
	if (!strcmp(name, "fchmod-sgid"))
		return syscall(SYS_fchmod, open(suid, O_RDONLY), 02755);
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const unsigned long *a = calls[i].a;

		if (!strcmp(calls[i].name, name))
			return syscall(calls[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	*known = 0;
	return 0;
}

/* A call by another door, in a child: what the kernel kills, it kills alone. */
static int
odd(const char *name)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		long r = -1;

		if (!strcmp(name, "x32"))
			r = syscall(0x40000000l | SYS_getppid);
		else /* int80: getpid is 20 there, unshare 310 */
			__asm__ volatile("int $0x80"
					 : "=a"(r)
					 : "a"(strcmp(name, "int80") ? 310l : 20l),
					   "b"(0x10000000l)
					 : "memory");
		_exit(r < 0 ? 77 : 0);
	}
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s signal %d\n", name, WTERMSIG(status));
	else
		printf("%s %s\n", name, WEXITSTATUS(status) ? "refused" : "LEAK");
	return 0;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int known;
	long r;

	if (!strcmp(name, "x32") || !strncmp(name, "int80", 5))
		return odd(name);
	prog.len = 1;
	prog.p = &allow;
	close(open(suid, O_CREAT | O_WRONLY, 0755));
	errno = 0;
	r = make(name, &known);
	if (!known)
		return 2;
	if (r == 0 && !strncmp(name, "clone", 5))
		_exit(0); /* the child that must not be */
	if (r < 0)
		printf("%s %s\n", name, strerrorname_np(errno));
	else
		printf("%s LEAK %ld\n", name, r);
	return 0;
}
