/* ws_look.c -- what the content of changed files says to data/taint.tsv: text that steers
 * a terminal or turns around, archives.  Bytes are compared, nothing is parsed. */
#include "base/auto.h"
#include "run/ws_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

enum {
	CHUNK = 256 << 10,
	TEXT_HEAD = 8 << 10,   /* a NUL in it: no text */
	FILE_MAX = 16 << 20,   /* of one text */
	TOTAL_MAX = 512 << 20, /* of one job's */
};

struct look {
	int left_fd;
	bool is_ours;  /* closed files are opened up; nobody else writes to it */
	uint8_t *room; /* CHUNK bytes, and 4 more */
	uint64_t n_total;
};

/* What begins like one of these is unpacked by somebody. */
static bool
is_archive(struct sl_slice head)
{
	static const struct {
		const char *magic;
		size_t len, at;
	} begin[] = {
		{ "PK\x03\x04", 4, 0 },
		{ "PK\x05\x06", 4, 0 },
		{ "ustar", 5, 257 },
		{ "\x1f\x8b", 2, 0 },
		{ "\xfd\x37zXZ", 5, 0 },
		{ "\x28\xb5\x2f\xfd", 4, 0 },
		{ "BZh", 3, 0 },
		{ "7z\xbc\xaf\x27\x1c", 6, 0 },
		{ "Rar!", 4, 0 },
		{ "070701", 6, 0 },
		{ "070707", 6, 0 },
		{ "!<arch>\ndebian", 14, 0 },
		{ "\x04\x22\x4d\x18", 4, 0 },
		{ "LZIP", 4, 0 },
		{ "MSCF", 4, 0 },
		{ "xar!", 4, 0 },
		{ "\xed\xab\xee\xdb", 4, 0 },
	};

	for (size_t i = 0; i < sizeof(begin) / sizeof(begin[0]); i++)
		if (sl_slice_starts(sl_slice_skip(head, begin[i].at),
				    (struct sl_slice){ (const uint8_t *)begin[i].magic,
						       begin[i].len }))
			return true;
	return sl_tar_is_header(head);
}

/* Bytes at the end that may begin a character whose rest is not read yet. */
static size_t
unfinished(struct sl_slice s)
{
	for (size_t k = 1; k <= 3 && k <= s.len; k++)
		if ((s.p[s.len - k] & 0xc0) == 0xc0)
			return k;
	/* a CR: what follows tells whether it ends a line */
	return s.len > 0 && s.p[s.len - 1] == '\r' ? 1 : 0;
}

static void
note_text(struct sl_ws_change *c, unsigned text)
{
	if ((text & SL_TEXT_ESCAPES) != 0)
		sl_taint_property("@text-escapes", &c->taint);
	if ((text & SL_TEXT_BIDI) != 0)
		sl_taint_property("@text-bidi", &c->taint);
}

/* Returns 0 or -errno. */
static int
look_into(struct look *l, struct sl_ws_change *c, int fd)
{
	size_t kept = 0, n_file = 0;
	unsigned text = 0;
	ssize_t n;

	while ((n = read(fd, l->room + kept, CHUNK)) > 0) {
		struct sl_slice s = { l->room, kept + (size_t)n };
		size_t head = s.len < TEXT_HEAD ? s.len : TEXT_HEAD;

		l->n_total += (size_t)n;
		if (n_file == 0 && is_archive(s)) {
			sl_taint_property("@archive", &c->taint);
			return 0;
		}
		if (n_file == 0 && memchr(s.p, '\0', head) != NULL)
			return 0;
		n_file += (size_t)n;
		kept = unfinished(s);
		s.len -= kept;
		text |= sl_taint_text(s);
		memmove(l->room, s.p + s.len, kept);
		if (n_file >= FILE_MAX || l->n_total >= TOTAL_MAX) {
			sl_taint_property("@unread", &c->taint);
			break;
		}
	}
	text |= sl_taint_text((struct sl_slice){ l->room, kept });
	note_text(c, text);
	return n < 0 ? -errno : 0;
}

static int
open_change(int left_fd, bool is_ours, const struct sl_ws_change *c)
{
	const char *path = (const char *)c->path.p;

	return is_ours ? ws_open_ours(left_fd, path, O_RDONLY)
		       : ws_open(left_fd, path, O_RDONLY);
}

static int
look_at(struct look *l, struct sl_ws_change *c)
{
	SL_AUTO_FD fd = -1;
	struct ws_st st;
	int r;

	if (l->n_total >= TOTAL_MAX) {
		sl_taint_property("@unread", &c->taint);
		return 0;
	}
	if ((fd = open_change(l->left_fd, l->is_ours, c)) < 0)
		return fd;
	if ((r = ws_stat(fd, "", &st)) < 0)
		return r;
	return st.type == SL_WT_FILE ? look_into(l, c, fd) : -ESTALE;
}

static int
look_at_all(struct look *l, struct sl_ws_changes *c, struct sl_err *err)
{
	int r;

	for (size_t i = 0; i < c->n; i++) {
		struct sl_ws_change *x = &c->item[i];

		if (x->type != SL_WT_FILE || x->size == 0 || x->kind == SL_WK_DELETED ||
		    x->kind == SL_WK_MODE)
			continue;
		if ((r = look_at(l, x)) < 0 && !l->is_ours)
			sl_taint_property("@unread", &x->taint);
		else if (r < 0)
			return SL_ERR_SYS(err, r,
					  "cannot look at what the job left at '%.*s'",
					  SL_ARG(x->path));
		x->warn |= ws_guard_flags(x, NULL, 0);
	}
	return 0;
}

int
ws_look(int left_fd, bool is_ours, struct sl_ws_changes *c, struct sl_err *err)
{
	struct look l = { .left_fd = left_fd, .is_ours = is_ours };
	int r;

	if ((l.room = malloc(CHUNK + 4)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory to look at changes");
	r = look_at_all(&l, c, err);
	free(l.room);
	return r;
}

/* What it says stands in the place of "not looked into". */
static int
look_into_archive(int left_fd, bool is_ours, struct sl_ws_change *c,
		  const struct sl_ws_archives *by, struct sl_err *err)
{
	SL_AUTO_FD fd = open_change(left_fd, is_ours, c);
	enum sl_archive verdict = SL_AR_UNKNOWN;
	struct ws_st st;
	int r;

	if (fd < 0 || ws_stat(fd, "", &st) < 0 || st.type != SL_WT_FILE)
		return 0; /* it stays as it is: not looked into */
	if ((r = by->look(by->arg, fd, st.size, &verdict, err)) < 0)
		return r;
	if (verdict == SL_AR_UNKNOWN)
		return 0;
	sl_taint_drop("@archive", &c->taint);
	sl_taint_property(
	    verdict == SL_AR_ESCAPES ? "@archive-escapes" : "@archive-plain", &c->taint);
	c->warn |= ws_guard_flags(c, NULL, 0);
	return 0;
}

int
sl_ws_look_archives(int left_fd, bool is_ours, struct sl_ws_changes *c,
		    const struct sl_ws_archives *by, struct sl_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n && n < SL_WS_ARCHIVES_MAX; i++) {
		if (!sl_taint_has("@archive", &c->item[i].taint))
			continue;
		n++;
		if (look_into_archive(left_fd, is_ours, &c->item[i], by, err) < 0)
			return sl_err_ctx(err, "'%.*s'", SL_ARG(c->item[i].path));
	}
	return 0;
}
