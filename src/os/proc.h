/* proc.h -- processes, descriptors and small files: thin wrappers on the kernel.
 *
 * Every function returns 0 or a non-negative result, or -errno; none prints, none
 * allocates.  Descriptors that are made are CLOEXEC and owned by the caller.
 */
#ifndef SL_OS_PROC_H
#define SL_OS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Fork with namespaces (CLONE_NEW*).  The child gets 0 and a copy of everything.
 * exit_signal 0: nothing is sent when it ends, wait with sl_os_wait().  cgroup_fd >= 0
 * starts it in that cgroup (v2).  *ret_pidfd is set in the parent. */
pid_t sl_os_clone(uint64_t ns_flags, int cgroup_fd, int exit_signal, int *ret_pidfd);
/* Waits for the child behind pidfd; *ret_status as CLD code and value of waitid. */
int sl_os_wait(int pidfd, bool is_nohang, int *ret_code, int *ret_value);
/* Waits until the process behind pidfd, of whomever, has ended with all its threads. */
int sl_os_wait_end(int pidfd);
/* Lets a child that was just started begin on the other of two processors, where that is
 * idle: the kernel often leaves it waiting here until its parent does.  With more of them
 * it finds an idle one by itself. */
void sl_os_start_elsewhere(pid_t child);
/* Keeps a process off the caller's processor, where there are two, or no longer: between
 * the two calls it is woken on the other one, even if that has to be woken too (a virtual
 * one that halts looks taken to the kernel). */
bool sl_os_keep_elsewhere(pid_t pid, bool is_kept);
int sl_os_pidfd_open(pid_t pid);
int sl_os_pidfd_signal(int pidfd, int sig);
int sl_os_pidfd_getfd(int pidfd, int fd); /* a descriptor */
int sl_os_close_from(unsigned first);     /* close */
int sl_os_cloexec_from(unsigned first);   /* mark CLOEXEC */
int sl_os_execveat(int fd, const char *path, char *const *argv, char *const *env,
		   int flags);

/* openat2 of an absolute path without any symlink or magic link in it. */
int sl_os_open_abs(const char *path, int flags);
/* openat2 of a relative path that stays below dirfd, without any link in it. */
int sl_os_open_below(int dirfd, const char *path, int flags, unsigned mode);
/* The directory rel below dirfd, name by name, following no symlink and going nowhere
 * up; is_making makes what is absent (mode 0755).  An O_PATH descriptor.  Needs no
 * openat2, which is closed inside a box. */
int sl_os_walk(int dirfd, const char *rel, bool is_making);
int sl_os_write_file(int dirfd, const char *path, int flags, unsigned mode, const void *p,
		     size_t n);
/* Reads at most cap bytes; the count.  A longer file is cut silently. */
ssize_t sl_os_read_file(int dirfd, const char *path, void *p, size_t cap);
int sl_os_write_all(int fd, const void *p, size_t n);
/* A whole line of digits at the start of a small file such as a sysctl, or -errno. */
int64_t sl_os_read_number(const char *path);
int64_t sl_os_now_ms(void);  /* monotonic */
int64_t sl_os_wall_ms(void); /* wall clock */
bool sl_os_same_file(int fd, int dirfd, const char *path);
int sl_os_send_fd(int sock, int fd, char tag); /* one byte and a descriptor */
/* Bytes and a descriptor in one message. */
int sl_os_send_bytes_fd(int sock, int fd, const void *p, size_t n);
/* A byte and perhaps a descriptor (-1): 1, 0 at the end, -errno. */
int sl_os_recv_fd(int sock, char *ret_tag, int *ret_fd);

#endif
