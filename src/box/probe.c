/* probe.c -- what this host can give a box, for `sluice doctor`: each row by trying. */
#include "box/internal.h"
#include "os/jail.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { ROWS_MAX = 12 };

struct probe {
	struct sl_arena *a;
	struct sl_box_probe *row;
	size_t n;
	bool is_failed;
};

static void SL_PRINTF(5, 6)
    add(struct probe *p, const char *name, enum sl_probe_state state, const char *how,
	const char *fmt, ...)
{
	char b[SL_ERR_MSG_MAX];
	char *text;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(b, sizeof(b), fmt, ap);
	va_end(ap);
	text = sl_arena_str(p->a, sl_slice_str(b));
	p->is_failed |= text == NULL || p->n == ROWS_MAX;
	if (!p->is_failed)
		p->row[p->n++] = (struct sl_box_probe){ name, state, text, how };
}

static void
probe_landlock(struct probe *p)
{
	int abi = sl_jail_landlock_abi();

	if (abi < 2)
		add(p, "landlock", SL_PROBE_MISSING,
		    "use Linux 5.19 or later, with 'landlock' in the kernel's lsm= "
		    "parameter",
		    "%s", abi < 0 ? "not there" : "ABI 1, and 2 is needed");
	else
		add(p, "landlock", abi < 6 ? SL_PROBE_LESS : SL_PROBE_OK,
		    abi < 6 ? "Linux 6.12 adds scopes for signals and abstract sockets"
			    : "",
		    "ABI %d", abi);
}

static void
probe_tmpfs_xattr(struct probe *p)
{
	SL_AUTO_FD fd = memfd_create("sluice-probe", MFD_CLOEXEC);

	if (fd >= 0 && fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0)
		add(p, "tmpfs xattr", SL_PROBE_OK, "", "user.* attributes on tmpfs");
	else
		add(p, "tmpfs xattr", SL_PROBE_LESS,
		    "Linux 6.6; or keep $SLUICE_HOME on a disk file system",
		    "no user.* attributes on tmpfs: a workspace there is copied");
}

static void
probe_cgroup(struct probe *p, const struct sl_box *b)
{
	if (b->cgroup_fd >= 0)
		add(p, "cgroup limits", SL_PROBE_OK, "",
		    "memory and pids are delegated to us");
	else
		add(p, "cgroup limits", SL_PROBE_LESS,
		    "delegate a cgroup v2 subtree (systemd: Delegate=yes); v1 is not "
		    "used",
		    "limits are held by rlimits and by samples every %d ms",
		    SL_BOX_SAMPLE_MS);
}

/* A box with an overlay in a scratch directory: every layer at once. */
static void
probe_box(struct probe *p, const char *dir, int run)
{
	static const struct sl_box_sink sink = { 0 };
	struct sl_grant g;
	struct sl_box_opts o = { .grant = &g,
				 .sink = &sink,
				 .host_name = "probe",
				 .run_fd = run,
				 .stdin_fd = -1 };
	struct sl_box_vector v = { 0 };
	struct sl_err err = { 0 };
	struct sl_box *b = NULL;
	bool has_idmap = false;

	sl_grant_init(&g);
	g.ws_mode = SL_WS_OVERLAY;
	g.ws_path = sl_slice_str(dir);
	if (sl_box_prepare(&o, &b, &err) < 0 || sl_box_vector(b, p->a, &v, &err) < 0) {
		add(p, "box", SL_PROBE_MISSING, "", "%s", err.msg);
		sl_box_close(b);
		return;
	}
	for (size_t i = 0; i < v.n_layers; i++)
		has_idmap |= sl_slice_eq(v.layers[i], SL_LIT("idmap"));
	add(p, "box", SL_PROBE_OK, "", "tier T1: every mandatory layer is in force");
	if (v.ws_mode == SL_WS_OVERLAY)
		add(p, "overlay", SL_PROBE_OK, "", "the workspace is an overlay");
	else
		add(p, "overlay", SL_PROBE_LESS,
		    "keep $SLUICE_HOME on ext4, xfs or btrfs",
		    "the workspace is copied: %.*s", SL_ARG(v.ws_why));
	if (geteuid() == 0)
		add(p, "idmapped mounts", has_idmap ? SL_PROBE_OK : SL_PROBE_LESS,
		    has_idmap ? ""
			      : "a file system that supports them (ext4, xfs, btrfs)",
		    "%s",
		    has_idmap ? "directories of others under a private uid"
			      : "none here: grants are shown with their own owners");
	probe_cgroup(p, b);
	sl_box_close(b);
}

/* The other kind of box, where there is one. */
static void
probe_t0(struct probe *p)
{
	static const struct sl_box_sink sink = { 0 };
	char own[SL_BOX_OWN_DIR_MAX];
	struct sl_grant g;
	struct sl_box_opts o = { .grant = &g,
				 .sink = &sink,
				 .host_name = "probe",
				 .own_dir = own,
				 .run_fd = -1,
				 .stdin_fd = -1 };
	struct sl_box_vector v = { 0 };
	struct sl_err err = { 0 };
	struct sl_box *b = NULL;

	sl_grant_init(&g);
	g.tier = SL_LIT("T0");
	if (sl_box_own_dir(own, &err) == 0 && sl_box_prepare(&o, &b, &err) == 0 &&
	    sl_box_vector(b, p->a, &v, &err) == 0)
		add(p, "tier T0", SL_PROBE_OK, "",
		    "a box without namespaces, for exec --tier T0");
	else
		add(p, "tier T0", SL_PROBE_LESS, "", "%s", err.msg);
	sl_box_close(b);
}

static void
probe_namespaces(struct probe *p)
{
	uint64_t ns = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET |
		      CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
	struct sl_err err = { 0 };
	int fd = -1, code, value, r;

	if (geteuid() == 0)
		ns &= ~(uint64_t)CLONE_NEWUSER;
	if ((r = sl_os_clone(ns, -1, 0, &fd)) == 0)
		_exit(0);
	if (r > 0) {
		(void)sl_os_wait(fd, false, &code, &value);
		(void)close(fd);
		add(p, "namespaces", SL_PROBE_OK, "", "all that a box has");
		return;
	}
	(void)sl_box_userns_text(-r, geteuid() == 0, &err);
	add(p, "namespaces", SL_PROBE_MISSING, "", "%s", err.msg);
}

/* scratch/lower and scratch/run, used and removed. */
static void
with_scratch(struct probe *p, const char *scratch)
{
	SL_AUTO_FD dir = open(scratch, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	SL_AUTO_FD run = -1;
	char lower[SL_GRANT_PATH_MAX + 1];
	SL_AUTO_FD work = -1;

	if (dir < 0 ||
	    snprintf(lower, sizeof(lower), "%s/probe-lower", scratch) >=
		(int)sizeof(lower) ||
	    (mkdirat(dir, "probe-lower", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(dir, "probe-run", 0700) < 0 && errno != EEXIST) ||
	    (run = openat(dir, "probe-run", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0) {
		add(p, "box", SL_PROBE_MISSING, "make the directory writable", "%s: %s",
		    scratch, strerror(errno));
		return;
	}
	probe_box(p, lower, run);
	/* An overlay leaves work/work behind, closed to everybody. */
	if ((work = openat(run, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0) {
		(void)!fchmodat(work, "work", 0700, 0);
		(void)unlinkat(work, "work", AT_REMOVEDIR);
	}
	(void)unlinkat(run, "work", AT_REMOVEDIR);
	(void)unlinkat(run, "upper", AT_REMOVEDIR);
	(void)unlinkat(run, "copy", AT_REMOVEDIR);
	(void)unlinkat(dir, "probe-run", AT_REMOVEDIR);
	(void)unlinkat(dir, "probe-lower", AT_REMOVEDIR);
}

int
sl_box_probe(const char *scratch, struct sl_arena *a, const struct sl_box_probe **ret,
	     size_t *ret_n, struct sl_err *err)
{
	struct probe p = { .a = a, .row = SL_NEW_N(a, struct sl_box_probe, ROWS_MAX) };

	if (p.row == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a probe");
	probe_namespaces(&p);
	probe_landlock(&p);
	with_scratch(&p, scratch);
	probe_tmpfs_xattr(&p);
	probe_t0(&p);
	if (p.is_failed)
		return SL_ERR(err, NOMEM, "out of memory for a probe");
	*ret = p.row;
	*ret_n = p.n;
	return 0;
}
