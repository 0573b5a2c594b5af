/* archive_tar.c -- tar (POSIX 1003.1 ustar and pax, GNU, V7), see archive.h. */
#include "run/archive_int.h"

#include <stdlib.h>
#include <string.h>

bool
ar_number(const uint8_t *p, size_t n, uint64_t *ret)
{
	uint64_t v = 0;

	if ((p[0] & 0x80) != 0) {
		for (size_t i = 0; i < n; i++) {
			uint8_t c = i == 0 ? p[0] & 0x7f : p[i];

			if (v >> 55 != 0)
				return false;
			v = v << 8 | c;
		}
		*ret = v;
		return true;
	}
	while (n > 0 && (*p == ' ' || *p == '\0')) {
		p++;
		n--;
	}
	for (; n > 0 && *p >= '0' && *p <= '7'; p++, n--) {
		if (v >> 60 != 0)
			return false;
		v = v << 3 | (uint64_t)(*p - '0');
	}
	*ret = v;
	return n == 0 || *p == ' ' || *p == '\0';
}

bool
sl_tar_is_header(struct sl_slice b)
{
	uint64_t said = 0, sum = 0, signed_sum = 0;

	if (b.len < TAR_BLOCK || !ar_number(b.p + 148, 8, &said))
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		uint8_t c = i >= 148 && i < 156 ? ' ' : b.p[i];

		sum += c;
		signed_sum += (uint64_t)(int64_t)(int8_t)c;
	}
	return b.p[0] != '\0' && (said == sum || said == (signed_sum & UINT64_MAX));
}

bool
tar_begin(struct tar *t)
{
	*t = (struct tar){ .text = malloc(AR_NAME_MAX) };
	t->name.p = malloc(AR_NAME_MAX);
	t->link.p = malloc(AR_NAME_MAX);
	return t->text != NULL && t->name.p != NULL && t->link.p != NULL;
}

void
tar_done(struct tar *t)
{
	free(t->text);
	free(t->name.p);
	free(t->link.p);
	ar_links_done(&t->links);
	*t = (struct tar){ 0 };
}

static struct sl_slice
field(const uint8_t *p, size_t n)
{
	return (struct sl_slice){ p, strnlen((const char *)p, n) };
}

/* What stands where the name does; ustar's has a part before it. */
static struct sl_slice
own_name(const struct tar *t, uint8_t room[TAR_BLOCK])
{
	struct sl_slice name = field(t->block, 100), prefix = field(t->block + 345, 155);

	if (memcmp(t->block + 257, "ustar\0", 6) != 0 || prefix.len == 0)
		return name;
	memcpy(room, prefix.p, prefix.len);
	room[prefix.len] = '/';
	memcpy(room + prefix.len + 1, name.p, name.len);
	return (struct sl_slice){ room, prefix.len + 1 + name.len };
}

static void
judge_link(struct tar *t, struct sl_slice name, struct sl_slice own)
{
	if (ar_links_above(&t->links, name) || ar_links_above(&t->links, own))
		t->is_escaping = true;
	if (!ar_links_add(&t->links, name) || !ar_links_add(&t->links, own))
		t->is_damaged = true;
}

static void
judge(struct tar *t)
{
	uint8_t room[TAR_BLOCK], type = t->block[156];
	struct sl_slice own = own_name(t, room), own_link = field(t->block + 157, 100);
	struct sl_slice name =
	    t->name.is_set ? (struct sl_slice){ t->name.p, t->name.n } : own;
	struct sl_slice link =
	    t->link.is_set ? (struct sl_slice){ t->link.p, t->link.n } : own_link;
	uint64_t mode = 0;

	t->has_member = true;
	if (++t->n_members > SL_AR_MEMBERS_MAX)
		t->is_damaged = true;
	/* a reader that does not know the extension takes the other name */
	if (ar_name_leaves(name, false) || ar_name_leaves(own, false))
		t->is_escaping = true;
	if (type == '1' &&
	    (ar_name_leaves(link, false) || ar_name_leaves(own_link, false)))
		t->is_escaping = true;
	/* another name for a symbolic link, whose ".." count from there then */
	if (type == '1' &&
	    (ar_links_has(&t->links, link) || ar_links_has(&t->links, own_link)))
		t->is_escaping = true;
	if (type == '2' && (ar_link_leaves(name, link) ||
			    (t->link.is_set && ar_link_leaves(own, own_link))))
		t->is_escaping = true;
	if (type == '2')
		judge_link(t, name, own);
	if (type == '3' || type == '4')
		t->is_escaping = true;
	if (type != '5' && ar_number(t->block + 100, 8, &mode) && (mode & 06000) != 0)
		t->is_escaping = true;
	t->name.is_set = t->link.is_set = t->has_size = false;
}

static bool
is_named_directory(const struct tar *t)
{
	uint8_t room[TAR_BLOCK];
	struct sl_slice name = own_name(t, room);

	return (t->block[156] == '0' || t->block[156] == '\0') && name.len > 0 &&
	       name.p[name.len - 1] == '/';
}

static void
header(struct tar *t)
{
	/* Solaris' pax */
	uint8_t type = t->block[156] == 'X' ? 'x' : t->block[156];
	uint64_t size = 0;

	if (!sl_tar_is_header((struct sl_slice){ t->block, TAR_BLOCK })) {
		bool is_zero = true;

		for (size_t i = 0; i < TAR_BLOCK; i++)
			is_zero = is_zero && t->block[i] == 0;
		/* readers look on for the next header: so do we */
		t->is_damaged = t->is_damaged || !is_zero;
		return;
	}
	if (!ar_number(t->block + 124, 12, &size))
		t->is_damaged = true;
	t->what = 0;
	if (type == 'L' || type == 'K' || type == 'x' || type == 'g') {
		t->what = type;
		t->n_text = 0;
	} else {
		if (t->has_size)
			size = t->size;
		judge(t);
		/* Readers differ in whether these, or a file that is named as a
		 * directory, have content: what they would take for headers is looked at
		 * as such. */
		if ((type >= '1' && type <= '6') || is_named_directory(t))
			size = 0;
		t->is_sparse = type == 'S' && t->block[482] != 0;
	}
	if (size > (uint64_t)1 << 60) {
		t->is_damaged = true;
		size = 0;
	}
	t->n_kept = t->what != 0 ? size : 0;
	t->left = (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	if (t->what != 0 && size > AR_NAME_MAX)
		t->is_damaged = true;
}

static void
set_text(struct tar *t, bool is_link, struct sl_slice s)
{
	const struct sl_slice was = { is_link ? t->link.p : t->name.p,
				      is_link ? t->link.n : t->name.n };

	s.len = strnlen((const char *)s.p, s.len);
	/* of two, readers differ in which one counts */
	if ((is_link ? t->link.is_set : t->name.is_set) && !sl_slice_eq(was, s))
		t->is_damaged = true;
	if (!is_link && ar_name_leaves(s, false))
		t->is_escaping = true;
	memcpy(is_link ? t->link.p : t->name.p, s.p, s.len);
	if (is_link) {
		t->link.n = s.len;
		t->link.is_set = true;
	} else {
		t->name.n = s.len;
		t->name.is_set = true;
	}
}

static void
pax_pair(struct tar *t, struct sl_slice pair)
{
	struct sl_slice key = sl_slice_upto(pair, '=');
	struct sl_slice value = sl_slice_skip(pair, key.len + 1);

	if (sl_slice_eq(key, SL_LIT("path")) ||
	    sl_slice_eq(key, SL_LIT("GNU.sparse.name"))) {
		set_text(t, false, value);
	} else if (sl_slice_eq(key, SL_LIT("linkpath"))) {
		/* a global one is of every member, at whatever depth */
		if (t->what == 'g' && ar_name_leaves(value, false))
			t->is_escaping = true;
		set_text(t, true, value);
	} else if (sl_slice_eq(key, SL_LIT("size"))) {
		t->size = 0;
		t->has_size = value.len > 0 && value.len < 18;
		for (size_t i = 0; i < value.len && t->has_size; i++) {
			t->has_size = value.p[i] >= '0' && value.p[i] <= '9';
			t->size = 10 * t->size + (uint64_t)(value.p[i] - '0');
		}
		t->is_damaged = t->is_damaged || !t->has_size || t->what == 'g';
	}
}

/* "LENGTH KEY=VALUE\n", the length of all of it. */
static void
pax(struct tar *t)
{
	struct sl_slice s = { t->text, t->n_text };

	while (s.len > 0) {
		size_t n = 0, i = 0;

		while (i < s.len && i < 8 && s.p[i] >= '0' && s.p[i] <= '9')
			n = 10 * n + (size_t)(s.p[i++] - '0');
		if (i == 0 || i >= s.len || s.p[i] != ' ' || n > s.len || n < i + 3 ||
		    s.p[n - 1] != '\n') {
			t->is_damaged = true;
			return;
		}
		pax_pair(t, (struct sl_slice){ s.p + i + 1, n - i - 2 });
		s = sl_slice_skip(s, n);
	}
}

static void
content_over(struct tar *t)
{
	struct sl_slice s = { t->text, t->n_text };

	if (t->what == 'x' || t->what == 'g')
		pax(t);
	else if (t->what != 0)
		set_text(t, t->what == 'K', s);
	t->what = 0;
}

/* Takes up to n bytes of content; how many. */
static size_t
content(struct tar *t, const uint8_t *p, size_t n)
{
	size_t room = AR_NAME_MAX - t->n_text, keep;

	if (n > t->left)
		n = (size_t)t->left;
	keep = t->n_kept < n ? (size_t)t->n_kept : n;
	if (t->what != 0) {
		memcpy(t->text + t->n_text, p, keep < room ? keep : room);
		t->n_text += keep < room ? keep : room;
	}
	t->n_kept -= keep;
	t->left -= n;
	if (t->left == 0)
		content_over(t);
	return n;
}

int
tar_feed(void *tar, const uint8_t *p, size_t n)
{
	struct tar *t = tar;

	while (n > 0) {
		size_t used;

		if (t->left > 0 && !t->is_sparse) {
			used = content(t, p, n);
		} else {
			used = TAR_BLOCK - t->n_block < n ? TAR_BLOCK - t->n_block : n;
			memcpy(t->block + t->n_block, p, used);
			t->n_block += used;
			if (t->n_block == TAR_BLOCK) {
				t->n_block = 0;
				if (t->is_sparse) /* the next part of the map */
					t->is_sparse = t->block[504] != 0;
				else
					header(t);
			}
		}
		p += used;
		n -= used;
		if (t->is_escaping || t->n_members > SL_AR_MEMBERS_MAX)
			return 1;
	}
	return 0;
}

enum sl_archive
tar_end(const struct tar *t)
{
	if (t->is_escaping)
		return SL_AR_ESCAPES;
	return t->is_damaged || t->n_block > 0 || t->what != 0 || t->left > 0 ||
		       t->is_sparse
		   ? SL_AR_UNKNOWN
		   : SL_AR_PLAIN;
}
