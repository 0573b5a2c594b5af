/* root.c -- the box's tree: one tmpfs S, the host's /usr, /proc, /dev, and the
 * writable places, each a mount that stands on the read-only root.
 *
 * S holds r/ (the root's skeleton), l/ (what covers /usr/local), and for masks e/ and n
 * (an empty directory, an empty file).  S itself stays behind in the old root, which is
 * dropped; the box sees clones of its directories: of r/ read-only, and of each writable
 * place in r/ once more, writable, over itself.  So one size bounds them all.
 *
 * A launcher makes the tree once (sl_box_tree_make), and each of its boxes only what is
 * its own (sl_box_places_make): the places, then on a tmpfs P of the box, and /proc.
 */
#include "box/internal.h"
#include "os/jail.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define RO (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)

/* The last covers where P is attached. */
static const struct {
	const char *inside, *in_s, *in_p;
	unsigned mode;
} places[] = {
	{ "/tmp", "r/tmp", "tmp", 01777 },
	{ "/home/runner", "r/home/runner", "home", 0755 },
	{ "/var/tmp", "r/var/tmp", "vartmp", 01777 },
	{ "/opt/hostedtoolcache", "r/opt/hostedtoolcache", "tool", 0755 },
	{ "/dev/shm", "r/dev/shm", "shm", 01777 },
	{ "/run", "r/run", "run", 0755 },
};

const char *
sl_box_place(unsigned i)
{
	return i < sizeof(places) / sizeof(places[0]) ? places[i].inside : NULL;
}

static const struct {
	const char *name;
	unsigned maj, min;
} nodes[] = {
	{ "null", 1, 3 },   { "zero", 1, 5 },    { "full", 1, 7 },
	{ "random", 1, 8 }, { "urandom", 1, 9 }, { "tty", 5, 0 },
};

/* Of the host's /etc, shown where etc.c has made a place for them. */
static const char *const etc_tree[] = { "/etc/ld.so.cache", "/etc/alternatives",
					"/etc/ssl/certs" };

static const struct {
	const char *name, *target;
} dev_links[] = {
	{ "fd", "/proc/self/fd" },       { "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" }, { "stderr", "/proc/self/fd/2" },
	{ "core", "/proc/kcore" },
};

static const char *const skeleton[] = {
	"r",     "r/usr", "r/proc",      "r/dev",  "r/dev/pts", "r/home",
	"r/opt", "r/var", "r/workspace", "r/root", "l",         "m",
};

/* Attached at `at`: a clone can be taken only of what is attached. */
static int
make_tmpfs(struct sl_setup *s, uint64_t size, const char *at, int *ret_fd)
{
	char size_s[32], inodes[32];
	struct sl_mnt_opt opt[] = { { "size", size_s },
				    { "nr_inodes", inodes },
				    { "mode", "0755" } };
	int fd;

	(void)snprintf(size_s, sizeof(size_s), "%llu", (unsigned long long)size);
	(void)snprintf(inodes, sizeof(inodes), "%llu",
		       (unsigned long long)(size / 16384 + 4096));
	sl_box_at(s, SL_BOX_STEP_TMPFS, "tmpfs of %s bytes", size_s);
	if ((fd = sl_mnt_new("tmpfs", opt, 3, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)) < 0)
		return fd;
	*ret_fd = fd;
	return sl_mnt_move(fd, AT_FDCWD, at);
}

/* Pages of tmpfs are memory, so both limits bound it; the tree itself needs a little
 * whatever is granted. */
static uint64_t
room_of(const struct sl_grant *g)
{
	uint64_t size = g->limit[SL_LIM_DISK].max, mem = g->limit[SL_LIM_MEMORY].max;

	return (size < mem ? size : mem) + (1 << 20);
}

/* bin, lib and so on, as the host has them: links into /usr. */
static int
link_usr(struct sl_setup *s)
{
	static const char *const name[] = { "bin",   "sbin",  "lib",
					    "lib64", "lib32", "libx32" };
	char host[16], target[64], path[16];

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		ssize_t n;

		(void)snprintf(host, sizeof(host), "/%s", name[i]);
		n = readlink(host, target, sizeof(target) - 1);
		if (n < 0 && errno == ENOENT)
			continue;
		sl_box_at(s, SL_BOX_STEP_USR, "%s", host);
		if (n < 0) /* not a link: the host has not merged /usr */
			return errno == EINVAL ? -ENOTSUP : -errno;
		target[n] = '\0';
		if (strncmp(target, "usr/", 4) != 0 && strncmp(target, "/usr/", 5) != 0)
			return -ENOTSUP;
		(void)snprintf(path, sizeof(path), "r/%s", name[i]);
		if (symlinkat(target[0] == '/' ? target + 1 : target, s->s_fd, path) < 0)
			return -errno;
	}
	return 0;
}

/* The directories of the places, in S or in P. */
static int
make_places(struct sl_setup *s, int dirfd, bool is_p)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		const char *name = is_p ? places[i].in_p : places[i].in_s;

		if (mkdirat(dirfd, name, places[i].mode) < 0 ||
		    (s->ids.is_private &&
		     fchownat(dirfd, name, s->ids.out_uid, s->ids.out_gid, 0) < 0))
			return -errno;
	}
	return 0;
}

static int
make_skeleton(struct sl_setup *s)
{
	int r;

	sl_box_at(s, SL_BOX_STEP_TREE, "directories");
	for (size_t i = 0; i < sizeof(skeleton) / sizeof(skeleton[0]); i++)
		if (mkdirat(s->s_fd, skeleton[i], 0755) < 0)
			return -errno;
	if ((r = make_places(s, s->s_fd, false)) < 0)
		return r;
	return s->o->root_tree == NULL ? link_usr(s) : 0;
}

/* Clone of dir/path with attr, moved to `to` below the root. */
static int
show(struct sl_setup *s, int dirfd, const char *path, uint64_t attr, bool is_recursive,
     const char *to)
{
	SL_AUTO_FD fd = sl_mnt_clone(dirfd, path, is_recursive, attr, -1);

	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, to);
}

/* As show(), where there is a place for it: that it could not be looked at does not mean
 * that there is none. */
static int
show_if(struct sl_setup *s, int dirfd, const char *path, bool is_recursive,
	const char *to)
{
	if (faccessat(s->root_fd, to, F_OK, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return show(s, dirfd, path, RO, is_recursive, to);
}

static int
mount_usr(struct sl_setup *s)
{
	int r;

	sl_box_at(s, SL_BOX_STEP_USR, "/usr");
	if ((r = show(s, AT_FDCWD, "/usr", RO, true, "usr")) < 0 ||
	    (r = show_if(s, s->s_fd, "l", false, "usr/local")) < 0)
		return r;
	for (size_t i = 0; i < sizeof(etc_tree) / sizeof(etc_tree[0]); i++) {
		sl_box_at(s, SL_BOX_STEP_ETC, "%s", etc_tree[i]);
		if ((r = show_if(s, AT_FDCWD, etc_tree[i], true, etc_tree[i] + 1)) < 0)
			return r;
	}
	return 0;
}

static int
mount_proc(struct sl_setup *s)
{
	static const struct sl_mnt_opt opt[] = { { "subset", "pid" },
						 { "hidepid", "invisible" } };

	sl_box_at(s, SL_BOX_STEP_PROC, "proc with subset=pid, hidepid=invisible");
	s->proc_fd = sl_mnt_new("proc", opt, 2,
				MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return s->proc_fd < 0 ? s->proc_fd : sl_mnt_move(s->proc_fd, s->root_fd, "proc");
}

/* Nodes: made, where we may; else empty files to bind the host's on. */
static int
make_nodes(struct sl_setup *s)
{
	char path[24];

	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		mode_t m = s->ids.is_private ? S_IFCHR | 0666 : S_IFREG | 0444;

		(void)snprintf(path, sizeof(path), "r/dev/%s", nodes[i].name);
		if (mknodat(s->s_fd, path, m, makedev(nodes[i].maj, nodes[i].min)) < 0)
			return -errno;
	}
	for (size_t i = 0; i < sizeof(dev_links) / sizeof(dev_links[0]); i++) {
		(void)snprintf(path, sizeof(path), "r/dev/%s", dev_links[i].name);
		if (symlinkat(dev_links[i].target, s->s_fd, path) < 0)
			return -errno;
	}
	if (s->o->grant->is_tty && symlinkat("pts/ptmx", s->s_fd, "r/dev/ptmx") < 0)
		return -errno;
	return 0;
}

static bool
has_flags(const char *path, unsigned long flags)
{
	struct statvfs v;

	return statvfs(path, &v) == 0 && (v.f_flag & flags) == flags;
}

static int
mount_dev(struct sl_setup *s)
{
	const uint64_t attr = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	const uint64_t node_attr = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
	/* Mostly the host's own is so already. */
	bool is_tame = has_flags("/dev", ST_NOSUID | ST_NOEXEC);
	char host[24], in[24];
	SL_AUTO_FD fd = -1;
	int r;

	sl_box_at(s, SL_BOX_STEP_DEV, "nodes");
	if ((r = make_nodes(s)) < 0 ||
	    (fd = sl_mnt_clone(s->s_fd, "r/dev", false, attr, -1)) < 0)
		return r < 0 ? r : fd;
	if ((s->ids.is_private && (r = sl_mnt_allow_dev(fd)) < 0) ||
	    (r = sl_mnt_move(fd, s->root_fd, "dev")) < 0)
		return r;
	for (size_t i = 0; !s->ids.is_private && i < sizeof(nodes) / sizeof(nodes[0]);
	     i++) {
		(void)snprintf(host, sizeof(host), "/dev/%s", nodes[i].name);
		(void)snprintf(in, sizeof(in), "dev/%s", nodes[i].name);
		sl_box_at(s, SL_BOX_STEP_DEV, "%s", host);
		if ((r = show(s, AT_FDCWD, host, is_tame ? 0 : node_attr, false, in)) < 0)
			return r;
	}
	return 0;
}

static int
mount_pts(struct sl_setup *s)
{
	static const struct sl_mnt_opt opt[] = { { "newinstance", NULL },
						 { "ptmxmode", "0666" },
						 { "mode", "0620" } };
	SL_AUTO_FD fd = -1;

	sl_box_at(s, SL_BOX_STEP_DEV, "devpts");
	fd = sl_mnt_new("devpts", opt, 3, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? fd : sl_mnt_move(fd, s->root_fd, "dev/pts");
}

static int
mount_places(struct sl_setup *s)
{
	bool is_p = s->p_fd != s->s_fd;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		SL_AUTO_FD fd = -1;
		int r;

		sl_box_at(s, SL_BOX_STEP_PLACES, "%s", places[i].inside);
		/* nosuid and nodev, as S and P are */
		fd = sl_mnt_clone(s->p_fd, is_p ? places[i].in_p : places[i].in_s, false,
				  0, -1);
		if (fd < 0)
			return fd;
		/* Sockets are made only where nothing of the host can see them. */
		if ((r = sl_box_rule(s, fd, SL_BOX_RW | SL_LL_MAKE_SOCK)) < 0 ||
		    (r = sl_mnt_move(fd, s->root_fd, places[i].inside + 1)) < 0)
			return r;
	}
	return 0;
}

int
sl_box_tree_make(struct sl_setup *s, uint64_t room)
{
	int r;

	sl_box_at(s, SL_BOX_STEP_PRIVATE, "/");
	if ((r = sl_mnt_private()) < 0)
		return r;
	/* /proc/driver is there wherever procfs is, no grant lies in it, and unlike "/"
	 * it does not make us chrooted in the kernel's eyes, who may not make user
	 * namespaces. */
	if ((r = make_tmpfs(s, room, "/proc/driver", &s->s_fd)) < 0 ||
	    (r = make_skeleton(s)) < 0 || (r = sl_box_etc_make(s)) < 0)
		return r;
	sl_box_at(s, SL_BOX_STEP_TREE, "root");
	if ((s->root_fd = sl_mnt_clone(s->s_fd, "r", false, RO, -1)) < 0)
		return s->root_fd;
	if ((r = sl_mnt_move(s->root_fd, s->s_fd, "m")) < 0 ||
	    (r = s->o->root_tree == NULL ? mount_usr(s) : sl_box_store_show(s)) < 0)
		return r;
	return mount_dev(s);
}

int
sl_box_places_make(struct sl_setup *s)
{
	int r;

	if ((r = mount_proc(s)) < 0 || (s->o->grant->is_tty && (r = mount_pts(s)) < 0) ||
	    (r = sl_box_rules_new(s)) < 0)
		return r;
	return mount_places(s);
}

int
sl_box_root_make(struct sl_setup *s)
{
	int r = sl_box_tree_make(s, room_of(s->o->grant));

	s->p_fd = s->s_fd;
	return r < 0 ? r : sl_box_places_make(s);
}

/* Within a launcher's tree. */
int
sl_box_root_own(struct sl_setup *s)
{
	int r;

	if ((r = make_tmpfs(s, room_of(s->o->grant), "/run", &s->p_fd)) < 0 ||
	    (r = make_places(s, s->p_fd, true)) < 0)
		return r;
	sl_box_at(s, SL_BOX_STEP_TREE, "root");
	if ((s->root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	return sl_box_places_make(s);
}

/* The directory of S in which the mount point for an inside path is made, and what is
 * left of the path; NULL where the path lies in a tree that already has it.  One letter:
 * none of the places. */
static const char *
base_of(const char **path)
{
	static const char usr_local[] = "/usr/local", usr[] = "/usr";
	struct sl_slice p = sl_slice_str(*path);

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (sl_path_is_below(p, sl_slice_str(places[i].inside))) {
			*path += strlen(places[i].inside);
			return places[i].in_s;
		}
	if (sl_path_is_below(p, sl_slice_str(usr_local))) {
		*path += sizeof(usr_local) - 1;
		return "l";
	}
	return sl_path_is_below(p, sl_slice_str(usr)) ? NULL : "r";
}

int
sl_box_mount_point(struct sl_setup *s, const char *path, bool is_dir)
{
	char parent[SL_GRANT_PATH_MAX + 1];
	const char *rel = path, *base = base_of(&rel), *last;
	SL_AUTO_FD bfd = -1;
	SL_AUTO_FD pfd = -1;

	if (base == NULL || rel[0] == '\0' ||
	    (s->o->root_tree != NULL && base[1] == '\0' && sl_box_store_has(s, path)))
		return 0;
	rel++;
	last = strrchr(rel, '/');
	(void)snprintf(parent, sizeof(parent), "%.*s",
		       last == NULL ? 0 : (int)(last - rel), rel);
	last = last == NULL ? rel : last + 1;
	if ((bfd = openat(s->s_fd, base, O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	if ((pfd = sl_os_walk(bfd, parent, true)) < 0)
		return pfd;
	if ((is_dir ? mkdirat(pfd, last, 0755) : mknodat(pfd, last, S_IFREG | 0444, 0)) <
		0 &&
	    errno != EEXIST)
		return -errno;
	return 0;
}
