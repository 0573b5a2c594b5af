/* yaml.c -- see yaml.h: the tree, built from events. */
#include "codec/yaml.h"

#include <math.h>
#include <stdlib.h>

/* Names (anchors, keys of one mapping) -> something; open addressing in the arena. */
struct names {
	struct name {
		struct sl_slice key;
		void *val;
	} * tab;
	size_t cap, n;
	bool is_any_case;
};

struct anchor {
	struct sl_yaml *node;
	size_t n_nodes; /* of the subtree */
	size_t height;
	bool is_open;
};

struct frame {
	struct sl_yaml *node;
	struct anchor *anchor;     /* of this collection, or NULL */
	size_t n_before;           /* nodes counted before it */
	size_t height;             /* of what is below it */
	const struct sl_yaml *key; /* mapping: a key that waits for its value */
	struct names keys;
};

struct builder {
	struct sl_arena *a;
	const struct sl_yaml_opts *o;
	struct frame *stack;
	size_t depth, n_nodes;
	struct names anchors;
	const struct sl_yaml *root;
	bool has_doc;
};

static uint8_t
fold(const struct names *t, uint8_t c)
{
	return t->is_any_case && c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

static size_t
hash(const struct names *t, struct sl_slice k)
{
	uint64_t h = 1469598103934665603u; /* FNV-1a: 50,000 keys bound the harm */

	for (size_t i = 0; i < k.len; i++)
		h = (h ^ fold(t, k.p[i])) * 1099511628211u;
	return (size_t)(h ^ h >> 29);
}

static bool
is_same(const struct names *t, struct sl_slice a, struct sl_slice b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++)
		if (fold(t, a.p[i]) != fold(t, b.p[i]))
			return false;
	return true;
}

/* The slot of k: filled (val set) or the free one where it goes. */
static struct name *
slot(const struct names *t, struct sl_slice k)
{
	size_t i = hash(t, k) & (t->cap - 1);

	while (t->tab[i].val != NULL && !is_same(t, t->tab[i].key, k))
		i = (i + 1) & (t->cap - 1);
	return &t->tab[i];
}

static struct name *
names_put(struct names *t, struct sl_arena *a, struct sl_slice k)
{
	if (t->n * 2 >= t->cap) {
		struct names bigger = *t;

		bigger.cap = t->cap ? t->cap * 4 : 8;
		if ((bigger.tab = SL_NEW_N(a, struct name, bigger.cap)) == NULL)
			return NULL;
		for (size_t i = 0; i < t->cap; i++)
			if (t->tab[i].val != NULL)
				*slot(&bigger, t->tab[i].key) = t->tab[i];
		*t = bigger;
	}
	return slot(t, k);
}

/* ---- the core schema: facts about plain scalars (YAML 1.2.2 section 10.3.2) ---- */

static bool
is_one_of(struct sl_slice s, const char *const *words)
{
	for (; *words != NULL; words++)
		if (sl_slice_eq(s, sl_slice_str(*words)))
			return true;
	return false;
}

static size_t
digits(struct sl_slice s, size_t i)
{
	while (i < s.len && s.p[i] >= '0' && s.p[i] <= '9')
		i++;
	return i;
}

/* 0x.. and 0o.., at most 32 bits, read as a signed number. */
static bool
is_radix(struct sl_slice s, double *ret)
{
	uint64_t v = 0, base = s.len > 2 && s.p[0] == '0' ? s.p[1] == 'x'   ? 16
							    : s.p[1] == 'o' ? 8
									    : 0
							  : 0;

	if (base == 0)
		return false;
	for (size_t i = 2; i < s.len; i++) {
		uint8_t c = s.p[i];
		uint64_t d = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
			     : c >= 'a' && c <= 'f' ? (uint64_t)(c - 'a' + 10)
			     : c >= 'A' && c <= 'F' ? (uint64_t)(c - 'A' + 10)
						    : 99;

		if (d >= base || (v = v * base + d) > UINT32_MAX)
			return false;
	}
	*ret = (double)(int32_t)(uint32_t)v;
	return true;
}

static bool
is_decimal(struct sl_slice s, bool *ret_is_int)
{
	size_t i = s.len > 0 && (s.p[0] == '-' || s.p[0] == '+'), from = i;
	bool has_digits;

	i = digits(s, i);
	has_digits = i > from;
	*ret_is_int = has_digits && i == s.len;
	if (i < s.len && s.p[i] == '.') {
		from = ++i;
		i = digits(s, i);
		has_digits = has_digits || i > from;
	}
	if (!has_digits)
		return false;
	if (i < s.len && (s.p[i] == 'e' || s.p[i] == 'E')) {
		i++;
		if (i < s.len && (s.p[i] == '-' || s.p[i] == '+'))
			i++;
		from = i;
		if ((i = digits(s, i)) == from)
			return false;
	}
	return i == s.len;
}

/* A NUL follows s. */
static bool
is_number(struct sl_slice s, double *ret, bool *ret_is_int)
{
	static const char *const inf[] = { ".inf", ".Inf", ".INF", NULL };
	static const char *const nan_[] = { ".nan", ".NaN", ".NAN", NULL };
	struct sl_slice u =
	    s.len > 0 && (s.p[0] == '-' || s.p[0] == '+') ? sl_slice_skip(s, 1) : s;

	*ret_is_int = true;
	if (is_radix(s, ret))
		return true;
	*ret_is_int = false;
	if (is_one_of(u, inf)) {
		*ret = s.p[0] == '-' ? -HUGE_VAL : HUGE_VAL;
		return true;
	}
	if (is_one_of(s, nan_)) {
		*ret = (double)NAN;
		return true;
	}
	if (!is_decimal(s, ret_is_int))
		return false;
	*ret =
	    strtod((const char *)s.p, NULL); /* overflow gives infinity, as it should */
	return true;
}

enum core { CORE_STR, CORE_NULL, CORE_BOOL, CORE_INT, CORE_FLOAT };

static enum core
core_type(struct sl_slice s, struct sl_yaml *n)
{
	static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
	static const char *const trues[] = { "true", "True", "TRUE", NULL };
	static const char *const falses[] = { "false", "False", "FALSE", NULL };
	bool is_int;

	if (is_one_of(s, nulls))
		return CORE_NULL;
	n->b = is_one_of(s, trues);
	if (n->b || is_one_of(s, falses))
		return CORE_BOOL;
	if (is_number(s, &n->num, &is_int))
		return is_int ? CORE_INT : CORE_FLOAT;
	return CORE_STR;
}

static int
bad_tag(const struct sl_yaml_ev *ev, struct sl_err *err)
{
	return SL_ERR(err, FORMAT, "Unexpected tag '%.*s'", SL_ARG(ev->tag));
}

static int
type_tagged(const struct sl_yaml_ev *ev, struct sl_yaml *n, enum core is,
	    struct sl_err *err)
{
	static const char *const names[] = { "str", "null", "bool", "int", "float" };
	struct sl_slice prefix = SL_LIT("tag:yaml.org,2002:"), tag;
	static const char *const styles[] = { "Plain", "SingleQuoted", "DoubleQuoted",
					      "Literal", "Folded" };
	size_t want;

	if (sl_slice_eq(ev->tag, SL_LIT("!")))
		return 0;
	tag = sl_slice_skip(ev->tag, prefix.len);
	for (want = 0; want < 5 && !sl_slice_eq(tag, sl_slice_str(names[want])); want++)
		;
	if (!sl_slice_starts(ev->tag, prefix) || want == 5)
		return bad_tag(ev, err);
	if (want == CORE_STR)
		return 0;
	if (ev->style != SL_YAML_PLAIN)
		return SL_ERR(
		    err, FORMAT,
		    "The scalar style '%s' on line %zu and column %zu is not valid with "
		    "the tag '%.*s'",
		    styles[ev->style], ev->at.line, ev->at.col, SL_ARG(ev->tag));
	if (is != want && !(want == CORE_FLOAT && is == CORE_INT))
		return SL_ERR(
		    err, FORMAT,
		    "The value '%.*s' on line %zu and column %zu is invalid for the type "
		    "'%.*s'",
		    SL_ARG(ev->text), ev->at.line, ev->at.col, SL_ARG(ev->tag));
	n->kind = want == CORE_NULL   ? SL_YAML_NULL
		  : want == CORE_BOOL ? SL_YAML_BOOL
				      : SL_YAML_NUM;
	return 0;
}

static int
type_scalar(struct builder *b, const struct sl_yaml_ev *ev, struct sl_yaml *n,
	    struct sl_err *err)
{
	static const enum sl_yaml_kind kinds[] = { SL_YAML_STR, SL_YAML_NULL,
						   SL_YAML_BOOL, SL_YAML_NUM,
						   SL_YAML_NUM };
	enum core is = CORE_STR;

	if (ev->text.len > 0 && memchr(ev->text.p, 0, ev->text.len) != NULL)
		return SL_ERR(err, FORMAT, "a NUL character is not allowed");
	n->text = sl_arena_dup(b->a, ev->text);
	if (n->text.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (ev->style == SL_YAML_PLAIN)
		is = core_type(n->text, n);
	n->kind = SL_YAML_STR;
	if (ev->has_tag)
		return type_tagged(ev, n, is, err);
	n->kind = kinds[is];
	return 0;
}

/* ---- the tree ---- */

static int
take_key(struct builder *b, struct frame *f, struct sl_yaml *n, struct sl_err *err)
{
	struct name *s;

	if (n->kind == SL_YAML_MAP || n->kind == SL_YAML_SEQ)
		return SL_ERR(err, FORMAT, "a key must be a scalar");
	if ((s = names_put(&f->keys, b->a, n->text)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if (s->val != NULL)
		return SL_ERR(err, FORMAT, "'%.*s' is already defined", SL_ARG(n->text));
	*s = (struct name){ n->text, n };
	f->keys.n++;
	f->key = n;
	return 0;
}

/* Puts a node where it belongs: the root, an item, a key or a key's value. */
static int
attach(struct builder *b, struct sl_yaml *n, struct sl_err *err)
{
	struct frame *f = b->depth > 0 ? &b->stack[b->depth - 1] : NULL;

	if (f == NULL) {
		b->root = n;
		return 0;
	}
	if (f->node->kind == SL_YAML_MAP && f->key == NULL)
		return take_key(b, f, n, err);
	/* An empty value has no place of its own, and none in a mapping is the first. */
	if (f->key != NULL && n->at.line == 1 && n->at.col == 1)
		n->at = f->key->at;
	n->key = f->key;
	f->key = NULL;
	if (f->node->last != NULL)
		f->node->last->next = n;
	else
		f->node->child = n;
	f->node->last = n;
	f->node->n++;
	return 0;
}

static int
count_nodes(struct builder *b, size_t n, struct sl_err *err)
{
	if (n > b->o->lim.max_items - b->n_nodes)
		return SL_ERR(err, LIMIT, "Maximum YAML nodes exceeded");
	b->n_nodes += n;
	return 0;
}

static int
new_anchor(struct builder *b, const struct sl_yaml_ev *ev, struct sl_yaml *n,
	   struct anchor **ret, struct sl_err *err)
{
	struct sl_slice key;
	struct name *s;

	if (ev->anchor.len == 0)
		return 0;
	key = sl_arena_dup(b->a, ev->anchor);
	*ret = SL_NEW(b->a, struct anchor);
	if (key.p == NULL || *ret == NULL ||
	    (s = names_put(&b->anchors, b->a, key)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	**ret = (struct anchor){ .node = n, .n_nodes = 1 };
	b->anchors.n += s->val == NULL;
	*s = (struct name){ key, *ret }; /* the latest one counts (YAML 1.2.2, 3.2.2.2) */
	return 0;
}

/* The copy's depth is bounded: heights were checked before. */
static struct sl_yaml *
copy_tree(struct builder *b, const struct sl_yaml *from, const struct sl_yaml *key)
{
	struct sl_yaml *n = SL_NEW(b->a, struct sl_yaml), *m;

	if (n == NULL)
		return NULL;
	*n = *from;
	n->key = key;
	n->child = n->last = n->next = NULL;
	SL_YAML_EACH(c, from)
	{
		if ((m = copy_tree(b, c, c->key)) == NULL)
			return NULL;
		if (n->last != NULL)
			n->last->next = m;
		else
			n->child = m;
		n->last = m;
	}
	return n;
}

static void
raise_height(struct builder *b, size_t height)
{
	if (b->depth > 0 && b->stack[b->depth - 1].height < height)
		b->stack[b->depth - 1].height = height;
}

static int
on_alias(struct builder *b, const struct sl_yaml_ev *ev, struct sl_err *err)
{
	struct name *s = b->anchors.cap > 0 ? slot(&b->anchors, ev->text) : NULL;
	struct anchor *an = s != NULL ? s->val : NULL;
	struct sl_yaml *n;
	int r;

	if (an == NULL)
		return SL_ERR(err, FORMAT, "Unknown anchor '%.*s'", SL_ARG(ev->text));
	if (an->is_open)
		return SL_ERR(err, FORMAT,
			      "The alias '%.*s' stands inside its own anchor",
			      SL_ARG(ev->text));
	if (b->depth + an->height > b->o->lim.max_depth)
		return SL_ERR(err, LIMIT, "Maximum object depth exceeded");
	if ((r = count_nodes(b, an->n_nodes, err)) < 0)
		return r;
	if ((n = copy_tree(b, an->node, NULL)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	raise_height(b, an->height);
	return attach(b, n, err);
}

static int
on_open(struct builder *b, const struct sl_yaml_ev *ev, struct sl_yaml *n,
	struct anchor *an, struct sl_err *err)
{
	struct frame *f;
	int r;

	if (ev->has_tag && !sl_slice_eq(ev->tag, SL_LIT("!")))
		return bad_tag(ev, err);
	n->kind = ev->kind == SL_YAML_EV_MAP ? SL_YAML_MAP : SL_YAML_SEQ;
	if ((r = attach(b, n, err)) < 0)
		return r;
	f = &b->stack[b->depth++]; /* sl_yaml_events() holds max_depth */
	*f = (struct frame){ .node = n,
			     .anchor = an,
			     .n_before = b->n_nodes - 1,
			     .keys.is_any_case = b->o->is_keys_any_case };
	if (an != NULL)
		an->is_open = true;
	return 0;
}

static void
on_close(struct builder *b)
{
	struct frame *f = &b->stack[--b->depth];

	raise_height(b, f->height + 1);
	if (f->anchor == NULL)
		return;
	f->anchor->is_open = false;
	f->anchor->n_nodes = b->n_nodes - f->n_before;
	f->anchor->height = f->height + 1;
}

static int
on_event(void *arg, const struct sl_yaml_ev *ev, struct sl_err *err)
{
	struct builder *b = arg;
	struct anchor *an = NULL;
	struct sl_yaml *n;
	int r;

	switch (ev->kind) {
	case SL_YAML_EV_DOC:
		if (b->has_doc)
			return SL_ERR(err, FORMAT, "only one document is allowed");
		b->has_doc = true;
		return 0;
	case SL_YAML_EV_DOC_END:
		return 0;
	case SL_YAML_EV_MAP_END:
	case SL_YAML_EV_SEQ_END:
		on_close(b);
		return 0;
	case SL_YAML_EV_ALIAS:
		return on_alias(b, ev, err);
	case SL_YAML_EV_MAP:
	case SL_YAML_EV_SEQ:
	case SL_YAML_EV_SCALAR:
	default:
		break;
	}
	if ((r = count_nodes(b, 1, err)) < 0)
		return r;
	if ((n = SL_NEW(b->a, struct sl_yaml)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	n->at = ev->at;
	n->style = ev->style;
	if ((r = new_anchor(b, ev, n, &an, err)) < 0)
		return r;
	if (ev->kind != SL_YAML_EV_SCALAR)
		return on_open(b, ev, n, an, err);
	if ((r = type_scalar(b, ev, n, err)) < 0)
		return r;
	return attach(b, n, err);
}

int
sl_yaml_parse(struct sl_slice src, const struct sl_yaml_opts *o, struct sl_arena *a,
	      const struct sl_yaml **ret, struct sl_yaml_at *ret_at, struct sl_err *err)
{
	struct builder b = { .a = a, .o = o };
	int r;

	*ret_at = (struct sl_yaml_at){ 0, 0, 1 };
	if ((b.stack = SL_NEW_N(a, struct frame, o->lim.max_depth + 1)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_yaml_events(src, &o->lim, on_event, &b, ret_at, err)) < 0)
		return r;
	if (b.root == NULL) {
		*ret_at = (struct sl_yaml_at){ 0, 0, 1 };
		return SL_ERR(err, FORMAT, "the file holds no YAML document");
	}
	*ret = b.root;
	return 0;
}

const struct sl_yaml *
sl_yaml_get(const struct sl_yaml *map, const char *key)
{
	if (map == NULL || map->kind != SL_YAML_MAP)
		return NULL;
	SL_YAML_EACH(m, map)
	if (sl_slice_eq(m->key->text, sl_slice_str(key)))
		return m;
	return NULL;
}
