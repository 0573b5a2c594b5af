/* host.c -- see host.h. */
#include "record/host.h"

#include "base/auto.h"
#include "record/dcache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/utsname.h>

/* Value of KEY= in os-release text, unquoted. */
static struct sl_slice
os_value(struct sl_slice text, struct sl_slice key)
{
	while (text.len > 0) {
		struct sl_slice line = sl_slice_upto(text, '\n');

		text = sl_slice_skip(text, line.len + 1);
		if (!sl_slice_starts(line, key))
			continue;
		line = sl_slice_skip(line, key.len);
		if (line.len >= 2 && line.p[0] == '"' && line.p[line.len - 1] == '"')
			line = (struct sl_slice){ line.p + 1, line.len - 2 };
		return line;
	}
	return SL_LIT("unknown");
}

static void
put_os(struct sl_jb *b, struct sl_json *o)
{
	SL_AUTO_FD fd = open("/usr/lib/os-release", O_RDONLY | O_CLOEXEC);
	uint8_t room[4096];
	ssize_t n = fd < 0 ? 0 : read(fd, room, sizeof(room));
	struct sl_slice text = { room, n > 0 ? (size_t)n : 0 };
	struct sl_slice id = os_value(text, SL_LIT("ID=")),
			v = os_value(text, SL_LIT("VERSION_ID="));
	char *s = sl_arena_printf(b->a, "%.*s %.*s", SL_ARG(id), SL_ARG(v));

	(void)sl_json_set(b, o, "os", s != NULL ? sl_json_cstr(b, s) : NULL);
}

int
sl_host_base(const struct sl_home *h, struct sl_jb *b, struct sl_json **ret,
	     struct sl_err *err)
{
	static const char *const dbs[] = { "/var/lib/dpkg/status",
					   "/usr/lib/sysimage/rpm/rpmdb.sqlite",
					   "/var/lib/rpm/rpmdb.sqlite",
					   "/lib/apk/db/installed" };
	struct sl_json *o = sl_json_obj(b);
	struct utsname u;
	uint8_t digest[32];
	int r = SL_E(NOENT);

	if (uname(&u) < 0)
		return SL_ERR_SYS(err, -errno, "cannot name the kernel");
	(void)sl_json_set(b, o, "name", sl_json_cstr(b, "host:"));
	put_os(b, o);
	(void)sl_json_set(b, o, "kernel", sl_json_cstr(b, u.release));
	(void)sl_json_set(b, o, "arch", sl_json_cstr(b, u.machine));
	for (size_t i = 0; i < sizeof(dbs) / sizeof(dbs[0]) && r != 0; i++) {
		struct sl_err ignored = { 0 };

		r = sl_dcache_file(h, dbs[i], digest, &ignored);
	}
	(void)sl_json_set(b, o, "packages",
			  r == 0 ? sl_json_hex(b, digest, 32)
				 : sl_json_cstr(b, "unknown"));
	(void)sl_json_set(b, o, "verified", sl_json_bool(b, false));
	*ret = o;
	return 0;
}
