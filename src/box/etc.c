/* etc.c -- the /etc that is made for a box, and its digest.
 *
 * Digest: SHA-256 over, for each member in the order in which it is made, its kind
 * ('f' file, 'l' link, 't' shown from the host), its path and a NUL, and then for a file
 * the length (8 bytes, little-endian) and content, for a link the target and a NUL, for
 * what is shown from the host its device, inode, size and times: it is a mount, not a
 * copy, and reading it all at every start would cost more than the box.
 *
 * Shown are ld.so.cache, alternatives and ssl/certs, which hold links.  Those that end in
 * /usr (cc and awk are such) lead somewhere; any other one leads to nothing in the box.
 */
#include "box/internal.h"
#include "crypto/sha256.h"
#include "os/mnt.h"
#include "os/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct etc {
	int fd; /* S/r/etc; -1: only the digest is wanted */
	struct sl_sha256 h;
};

static void
add_head(struct etc *e, char kind, const char *path)
{
	sl_sha256_add(&e->h, &kind, 1);
	sl_sha256_add(&e->h, path, strlen(path) + 1);
}

static int
put_file(struct etc *e, const char *path, const void *p, size_t n)
{
	uint8_t len[8];

	for (int i = 0; i < 8; i++)
		len[i] = (uint8_t)((uint64_t)n >> (8 * i));
	add_head(e, 'f', path);
	sl_sha256_add(&e->h, len, sizeof(len));
	sl_sha256_add(&e->h, p, n);
	if (e->fd < 0)
		return 0;
	return sl_os_write_file(e->fd, path, O_CREAT | O_EXCL, 0644, p, n);
}

static int
put_link(struct etc *e, const char *path, const char *target)
{
	add_head(e, 'l', path);
	sl_sha256_add(&e->h, target, strlen(target) + 1);
	if (e->fd < 0)
		return 0;
	return symlinkat(target, e->fd, path) < 0 ? -errno : 0;
}

static bool
is_told(const struct sl_box_opts *o, size_t n)
{
	const struct sl_grant_net *net = o->grant->net;

	for (size_t i = 0; i < n; i++)
		if (sl_addr_eq(&o->pins[i].addr, &o->pins[n].addr) &&
		    sl_slice_eq(net[o->pins[i].net].host, net[o->pins[n].net].host))
			return true;
	return false;
}

/* Itself, and where the grant's names lead: it needs to ask nobody. */
static int
put_hosts(struct etc *e, const struct sl_box_opts *o)
{
	SL_AUTO_BUF b = { .max = 1 << 20 };
	char ip[SL_ADDR_TEXT_MAX];
	int r;

	sl_buf_printf(&b, "127.0.0.1 localhost %s\n::1 localhost\n", o->host_name);
	for (size_t i = 0; i < o->n_pins; i++) {
		const struct sl_slice host = o->grant->net[o->pins[i].net].host;

		if (is_told(o, i)) /* under another port */
			continue;
		sl_addr_text(&o->pins[i].addr, ip);
		sl_buf_printf(&b, "%s %.*s\n", ip, SL_ARG(host));
	}
	if (b.is_failed)
		return -ENOMEM;
	if ((r = put_file(e, "hosts", b.p, b.len)) < 0 || o->n_pins == 0)
		return r;
	/* Without this glibc takes the first line of a name alone. */
	return put_file(e, "host.conf", "multi on\n", 9);
}

static int
put_accounts(struct etc *e, const struct sl_box_ids *ids, const struct sl_box_opts *o)
{
	char b[1024];
	unsigned u = ids->in_uid, g = ids->in_gid;
	int n, r;

	n = snprintf(b, sizeof(b),
		     "root:x:0:0:root:/root:/usr/sbin/nologin\n"
		     "%s:x:%u:%u:runner:/home/runner:/bin/bash\n"
		     "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
		     "runner", u, g);
	if ((r = put_file(e, "passwd", b, (size_t)n)) < 0)
		return r;
	n = snprintf(b, sizeof(b), "root:x:0:\nrunner:x:%u:\nnogroup:x:65534:\n", g);
	if ((r = put_file(e, "group", b, (size_t)n)) < 0)
		return r;
	if ((r = put_hosts(e, o)) < 0)
		return r;
	n = snprintf(b, sizeof(b), "%s\n", o->host_name);
	if ((r = put_file(e, "hostname", b, (size_t)n)) < 0)
		return r;
	n = snprintf(b, sizeof(b),
		     "passwd: files\ngroup: files\nhosts: files\n"
		     "services: files\nprotocols: files\n");
	return put_file(e, "nsswitch.conf", b, (size_t)n);
}

/* A directory or file of the host that is shown read-only; the mount is made in root.c,
 * once there is a tree to stand on. */
static int
put_host(struct etc *e, const char *host, const char *path)
{
	struct stat st;
	uint64_t id[6];

	if (lstat(host, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0; /* without the cache the loader searches its directories */
	id[0] = st.st_dev;
	id[1] = st.st_ino;
	id[2] = (uint64_t)st.st_size;
	id[3] = (uint64_t)st.st_ctim.tv_sec;
	id[4] = (uint64_t)st.st_ctim.tv_nsec;
	id[5] = (uint64_t)st.st_mtim.tv_sec;
	add_head(e, 't', path);
	sl_sha256_add(&e->h, id, sizeof(id));
	if (e->fd < 0)
		return 0;
	return (S_ISDIR(st.st_mode) ? mkdirat(e->fd, path, 0755)
				    : mknodat(e->fd, path, S_IFREG | 0444, 0)) < 0
		   ? -errno
		   : 0;
}

/* All members, in order. */
static int
put_all(struct etc *e, const struct sl_box_ids *ids, const struct sl_box_opts *o)
{
	int r;

	sl_sha256_init(&e->h);
	if ((r = put_accounts(e, ids, o)) < 0)
		return r;
	if (o->root_tree != NULL) /* the rest of it is the root's own: store.c */
		return put_link(e, "mtab", "../proc/self/mounts");
	if ((r = put_host(e, "/etc/ld.so.cache", "ld.so.cache")) < 0 ||
	    (r = put_link(e, "os-release", "../usr/lib/os-release")) < 0 ||
	    (r = put_link(e, "mtab", "../proc/self/mounts")) < 0 ||
	    (r = put_host(e, "/etc/alternatives", "alternatives")) < 0)
		return r;
	if (e->fd >= 0 && mkdirat(e->fd, "ssl", 0755) < 0)
		return -errno;
	return put_host(e, "/etc/ssl/certs", "ssl/certs");
}

int
sl_box_etc_digest(const struct sl_box_ids *ids, const struct sl_box_opts *o,
		  uint8_t ret[32])
{
	struct etc e = { .fd = -1 };
	int r = put_all(&e, ids, o);

	sl_sha256_end(&e.h, ret);
	return r;
}

int
sl_box_etc_make(struct sl_setup *s)
{
	struct etc e;
	SL_AUTO_FD fd = -1;
	int r;

	sl_box_at(s, SL_BOX_STEP_ETC, "/etc");
	if (mkdirat(s->s_fd, "r/etc", 0755) < 0)
		return -errno;
	if ((fd = openat(s->s_fd, "r/etc", O_PATH | O_DIRECTORY | O_CLOEXEC)) < 0)
		return -errno;
	e.fd = fd;
	if ((r = put_all(&e, &s->ids, s->o)) < 0)
		return r;
	sl_sha256_end(&e.h, s->m.etc);
	return 0;
}
