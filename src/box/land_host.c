/* land_host.c -- tier T0, the supervisor's side: whether a grant can be held without
 * namespaces, what was achieved, and which processes are in the box. */
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LAYERS = 12 };

/* --- whether it can be had --- */

/* What a box has only with namespaces. */
static int
check_kind(const struct sl_box_opts *o, struct sl_err *err)
{
	const struct sl_grant *g = o->grant;
	const struct {
		bool is;
		const char *what;
	} not [] = {
		{ !sl_slice_eq(g->root, SL_LIT("host:")),
		  "a root other than the host's" },
		{ g->ws_mode != SL_WS_NONE, "a workspace" },
		{ g->n_net > 0, "a network" },
		{ g->is_tty, "a private terminal" },
		{ o->trace != NULL, "a trace" },
		{ o->launcher != NULL || o->holds_secret, "a launcher, or secrets" },
	};

	for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
		if (not [i].is)
			return SL_ERR(err, UNSUPPORTED,
				      "box: tier 'T0' has no namespaces and so cannot "
				      "give %s",
				      not [i].what);
	return o->own_dir == NULL || !sl_path_is_canonical(sl_slice_str(o->own_dir))
		   ? SL_ERR(err, BUG, "box: tier T0 without a directory")
		   : 0;
}

/* Landlock adds rights below a place and takes none away, and hides nothing. */
static int
check_nested(const struct sl_box_opts *o, struct sl_err *err)
{
	const struct sl_grant_fs *f = o->grant->fs;

	for (size_t i = 0; i < o->grant->n_fs; i++) {
		for (size_t k = 0; k < o->grant->n_fs; k++)
			if (i != k && sl_path_is_below(f[i].path, f[k].path) &&
			    (f[k].access & ~f[i].access) != 0)
				return SL_ERR(err, UNSUPPORTED,
					      "grant: '%.*s' is less than '%.*s' around "
					      "it; tier 'T0' cannot take away",
					      SL_ARG(f[i].path), SL_ARG(f[k].path));
		for (size_t k = 0; k < o->n_masked; k++)
			if (sl_path_is_below(sl_slice_str(o->masked[k]), f[i].path))
				return SL_ERR(
				    err, DENIED,
				    "grant: '%.*s' holds '%s', which no grant may "
				    "reach; tier 'T0' cannot mask it: name the "
				    "directories beside it",
				    SL_ARG(f[i].path), o->masked[k]);
	}
	return 0;
}

/* What every act has of the host (data/t0-base.tsv) holds nothing of the node's; in /tmp
 * and the like it has its own directory alone. */
static int
check_base(const struct sl_box_opts *o, struct sl_err *err)
{
	for (size_t k = 0; k < o->n_masked; k++)
		if (sl_land_is_base(sl_slice_str(o->masked[k])))
			return SL_ERR(
			    err, DENIED,
			    "box: '%s' lies in what tier 'T0' shows of the host",
			    o->masked[k]);
	return 0;
}

static int
check_host(const struct sl_box_opts *o, int *ret_abi, struct sl_err *err)
{
	int abi = sl_jail_landlock_abi();
	char path[64];

	if (o->max_landlock_abi > 0 && abi > o->max_landlock_abi)
		abi = o->max_landlock_abi;
	if (abi < SL_LL_ABI_WHOLE)
		return SL_ERR(
		    err, ENV,
		    "box: tier T0 needs Landlock ABI %d and %s%.0d; use Linux 6.12 "
		    "or later with 'landlock' in the kernel's lsm= parameter",
		    SL_LL_ABI_WHOLE,
		    abi < 0 ? "there is none" : "this kernel has less: ABI ",
		    abi < 0 ? 0 : abi);
	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
	if (access(path, R_OK) < 0)
		return SL_ERR(err, ENV,
			      "box: tier T0 needs /proc/PID/task/TID/children "
			      "(CONFIG_PROC_CHILDREN): %s",
			      strerror(errno));
	*ret_abi = SL_LL_ABI_WHOLE;
	return 0;
}

int
sl_land_check(const struct sl_box_opts *o, int *ret_abi, struct sl_err *err)
{
	int r;

	if ((r = check_kind(o, err)) < 0 || (r = sl_box_grants_check(o, err)) < 0 ||
	    (r = check_nested(o, err)) < 0 || (r = check_base(o, err)) < 0)
		return r;
	return check_host(o, ret_abi, err);
}

int
sl_land_begin(struct sl_box *b, const struct sl_box_opts *o, struct sl_err *err)
{
	b->land->dir = o->own_dir;
	if (geteuid() == 0 && !b->ids.is_private)
		return SL_ERR(
		    err, ENV,
		    "box: tier T0 as root needs an id range to take a private uid "
		    "from; run as an ordinary user");
	return sl_land_dir_make(b, err);
}

/* --- what was achieved --- */

int
sl_land_vector(const struct sl_box *b, struct sl_arena *a, struct sl_box_vector *ret,
	       struct sl_err *err)
{
	/* Init and its guard have seen each of these to be in force. */
	const char *const name[] = {
		"landlock:6",       "subreaper",
		"openat2",          "no-new-privs",
		"no-caps",          "seccomp",
		"seccomp-killable", b->ids.is_private ? "private-uid" : NULL
	};
	struct sl_slice *l = SL_NEW_N(a, struct sl_slice, LAYERS), *open;
	size_t n = 0, n_open;
	const struct sl_tier_open *row = sl_box_tier_open(&n_open);

	open = SL_NEW_N(a, struct sl_slice, n_open);
	if (l == NULL || open == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a box");
	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (name[i] != NULL)
			l[n++] = sl_slice_str(name[i]);
	for (size_t i = 0; i < n_open; i++)
		open[i] = sl_slice_str(row[i].id);
	*ret = (struct sl_box_vector){ .tier = SL_LIT("T0"),
				       .layers = l,
				       .n_layers = n,
				       .open = open,
				       .n_open = n_open };
	memcpy(ret->limit, b->class, sizeof(ret->limit));
	return 0;
}

/* --- who is in it --- */

/* The children of each of its threads, at the end of the list. */
static size_t
add_children(pid_t pid, pid_t *list, size_t n, size_t max)
{
	char path[300], text[8192];
	struct dirent *de;
	SL_AUTO_DIR d = NULL;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if ((d = opendir(path)) == NULL)
		return n;
	while ((de = readdir(d)) != NULL) {
		char *p = text, *end;
		ssize_t len;

		if (!isdigit((unsigned char)de->d_name[0]))
			continue;
		(void)snprintf(path, sizeof(path), "/proc/%d/task/%s/children", pid,
			       de->d_name);
		len = sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1);
		text[len > 0 ? len : 0] = '\0';
		for (;; p = end) {
			long v = strtol(p, &end, 10);

			/* The last of what was cut may be half a number. */
			if (end == p || v <= 1 || n == max ||
			    (*end == '\0' && len == (ssize_t)sizeof(text) - 1))
				break;
			list[n++] = (pid_t)v;
		}
	}
	return n;
}

size_t
sl_land_pids(const struct sl_box *b, pid_t *ret, size_t max)
{
	char path[64], text[1024];
	const char *p = NULL;
	size_t n = 0, done = 0, guards = 1;

	(void)snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", b->init_pidfd);
	ssize_t len = sl_os_read_file(AT_FDCWD, path, text, sizeof(text) - 1);

	text[len > 0 ? len : 0] = '\0';
	if ((p = strstr(text, "\nPid:")) == NULL || max == 0 ||
	    (ret[n] = (pid_t)strtol(p + 5, NULL, 10)) <= 1)
		return 0;
	/* The guard, then init, which is its first child; then all others. */
	for (n = 1; done < n; done++) {
		n = add_children(ret[done], ret, n, max);
		if (done == 0)
			guards = n > 1 ? 2 : 1;
	}
	memmove(ret, ret + guards, (n - guards) * sizeof(ret[0]));
	return n - guards;
}

uint64_t
sl_land_threads(void)
{
	SL_AUTO_DIR d = opendir("/proc");
	const uid_t uid = geteuid();
	struct dirent *de;
	uint64_t n = 0;

	while (d != NULL && (de = readdir(d)) != NULL) {
		char path[300];
		struct stat st;

		if (!isdigit((unsigned char)de->d_name[0]) ||
		    fstatat(dirfd(d), de->d_name, &st, 0) < 0 || st.st_uid != uid)
			continue;
		/* A directory's links are its directories: one a thread, and two. */
		(void)snprintf(path, sizeof(path), "%s/task", de->d_name);
		if (fstatat(dirfd(d), path, &st, 0) == 0 && st.st_nlink > 2)
			n += st.st_nlink - 2;
	}
	return n;
}
