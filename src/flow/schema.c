/* schema.c -- see schema.h: the grammar's own reader. */
#include "flow/schema.h"

#include "schema_text.h" /* generated: schema_workflow[], schema_action[] */

enum { MAX_TYPES = 512, MAX_PARTS = 64, SLOTS = 1024 };

struct set {
	struct sl_slice name;
	const struct sl_slice *word;
	size_t n;
};

struct loader {
	struct sl_arena *a;
	struct sl_type *slot[SLOTS]; /* by name, open addressing */
	bool is_defined[SLOTS];
	size_t n_types;
	struct set set[32];
	size_t n_sets;
	struct sl_type *map; /* the one whose members follow */
	struct sl_type_key keys[MAX_PARTS];
	size_t n_keys;
	size_t line;
};

struct sl_slice
sl_schema_text(const char *name)
{
	if (name[0] == 'w')
		return (struct sl_slice){ schema_workflow, sizeof(schema_workflow) };
	return (struct sl_slice){ schema_action, sizeof(schema_action) };
}

static int
bad(const struct loader *ld, struct sl_err *err)
{
	return SL_ERR(err, BUG, "schema line %zu is not understood", ld->line);
}

static int
nomem(struct sl_err *err)
{
	return SL_ERR(err, NOMEM, "out of memory");
}

/* The next word of the line, taken off it. */
static struct sl_slice
word(struct sl_slice *s)
{
	struct sl_slice w;

	while (s->len > 0 && (s->p[0] == ' ' || s->p[0] == '\t'))
		*s = sl_slice_skip(*s, 1);
	w = sl_slice_upto(*s, ' ');
	w = sl_slice_upto(w, '\t');
	*s = sl_slice_skip(*s, w.len);
	return w;
}

static struct sl_type *
new_type(struct loader *ld, struct sl_slice name, enum sl_type_kind kind)
{
	struct sl_type *t = SL_NEW(ld->a, struct sl_type);

	if (t != NULL)
		*t = (struct sl_type){ .name = name, .kind = kind };
	return t;
}

/* The type of that name, made now if it is not there yet (forward references). */
static struct sl_type *
by_name(struct loader *ld, struct sl_slice name, size_t *ret_slot)
{
	size_t h = 5381;

	for (size_t i = 0; i < name.len; i++)
		h = h * 33 + name.p[i];
	for (h &= SLOTS - 1; ld->slot[h] != NULL; h = (h + 1) & (SLOTS - 1))
		if (sl_slice_eq(ld->slot[h]->name, name))
			break;
	*ret_slot = h;
	if (ld->slot[h] == NULL && ld->n_types++ < MAX_TYPES)
		ld->slot[h] = new_type(ld, name, SL_TYPE_ANY);
	return ld->slot[h];
}

/* NAME or [NAME]. */
static const struct sl_type *
simple_type(struct loader *ld, struct sl_slice w)
{
	struct sl_type *seq;
	size_t slot;

	if (w.len < 2 || w.p[0] != '[' || w.p[w.len - 1] != ']')
		return by_name(ld, w, &slot);
	if ((seq = new_type(ld, w, SL_TYPE_SEQ)) == NULL ||
	    (seq->alt = SL_NEW_N(ld->a, const struct sl_type *, 1)) == NULL)
		return NULL;
	seq->n_alt = 1;
	seq->alt[0] = by_name(ld, (struct sl_slice){ w.p + 1, w.len - 2 }, &slot);
	return seq->alt[0] != NULL ? seq : NULL;
}

/* T: alternatives joined by |. */
static const struct sl_type *
type_of(struct loader *ld, struct sl_slice w)
{
	struct sl_slice part = sl_slice_upto(w, '|');
	struct sl_type *one;

	if (part.len == w.len)
		return simple_type(ld, w);
	if ((one = new_type(ld, w, SL_TYPE_ONE)) == NULL ||
	    (one->alt = SL_NEW_N(ld->a, const struct sl_type *, 8)) == NULL)
		return NULL;
	while (w.len > 0 && one->n_alt < 8) {
		part = sl_slice_upto(w, '|');
		if ((one->alt[one->n_alt++] = simple_type(ld, part)) == NULL)
			return NULL;
		w = sl_slice_skip(w, part.len + 1);
	}
	return one;
}

static const struct set *
set_of(const struct loader *ld, struct sl_slice name)
{
	for (size_t i = 0; i < ld->n_sets; i++)
		if (sl_slice_eq(ld->set[i].name, name))
			return &ld->set[i];
	return NULL;
}

/* The words of the rest of a line, sets expanded. */
static int
words_of(struct loader *ld, struct sl_slice s, const struct sl_slice **ret, size_t *ret_n,
	 struct sl_err *err)
{
	struct sl_slice *w = SL_NEW_N(ld->a, struct sl_slice, MAX_PARTS), x;
	size_t n = 0;

	if (w == NULL)
		return nomem(err);
	while ((x = word(&s)).len > 0) {
		const struct set *set =
		    x.p[0] == '@' ? set_of(ld, sl_slice_skip(x, 1)) : NULL;

		if (n + (set != NULL ? set->n : 1) > MAX_PARTS ||
		    (x.p[0] == '@' && set == NULL))
			return bad(ld, err);
		if (set == NULL) {
			w[n++] = x;
			continue;
		}
		memcpy(w + n, set->word, set->n * sizeof(*w));
		n += set->n;
	}
	*ret = w;
	*ret_n = n;
	return 0;
}

static int
close_map(struct loader *ld, struct sl_err *err)
{
	struct sl_type_key *k;

	if (ld->map == NULL)
		return 0;
	if ((k = SL_NEW_N(ld->a, struct sl_type_key, ld->n_keys + 1)) == NULL)
		return nomem(err);
	memcpy(k, ld->keys, ld->n_keys * sizeof(*k));
	ld->map->keys = k;
	ld->map->n_keys = ld->n_keys;
	ld->map = NULL;
	ld->n_keys = 0;
	return 0;
}

static int
member(struct loader *ld, struct sl_slice s, struct sl_err *err)
{
	struct sl_slice key = word(&s);
	const struct sl_type *t = type_of(ld, word(&s));
	bool is_required = key.len > 0 && key.p[key.len - 1] == '!';

	if (t == NULL)
		return nomem(err);
	if (ld->map == NULL || key.len == 0 || ld->n_keys == MAX_PARTS)
		return bad(ld, err);
	if (sl_slice_eq(key, SL_LIT("*"))) {
		ld->map->loose = t;
		return 0;
	}
	key.len -= is_required;
	ld->keys[ld->n_keys++] = (struct sl_type_key){ key, is_required, t };
	return 0;
}

static int
alternatives(struct loader *ld, struct sl_type *t, struct sl_slice s, struct sl_err *err)
{
	struct sl_slice w, rest;

	if ((t->alt = SL_NEW_N(ld->a, const struct sl_type *, MAX_PARTS)) == NULL)
		return nomem(err);
	for (rest = s; (w = word(&rest)).len > 0 && t->n_alt < MAX_PARTS;)
		if ((t->alt[t->n_alt++] = type_of(ld, w)) == NULL)
			return nomem(err);
	return 0;
}

/* Cuts " in @SET" off the line and resolves it. */
static int
contexts(struct loader *ld, struct sl_slice *s, struct sl_type *t, struct sl_err *err)
{
	for (size_t i = 0; i + 4 < s->len; i++)
		if (memcmp(s->p + i, " in @", 5) == 0) {
			struct sl_slice sets = sl_slice_skip(*s, i + 4);

			s->len = i;
			return words_of(ld, sets, &t->allow, &t->n_allow, err);
		}
	return 0;
}

static int
definition(struct loader *ld, struct sl_slice s, struct sl_err *err)
{
	static const char *const kinds[] = { "string", "text",   "word", "expr",
					     "bool",   "number", "null", "any",
					     "seq",    "map",    "one" };
	struct sl_slice name = word(&s), kind;
	struct sl_type *t;
	size_t k, slot;
	int r;

	if ((r = close_map(ld, err)) < 0)
		return r;
	if ((t = by_name(ld, name, &slot)) == NULL)
		return nomem(err);
	if (ld->is_defined[slot])
		return bad(ld, err);
	ld->is_defined[slot] = true;
	if ((r = contexts(ld, &s, t, err)) < 0)
		return r;
	kind = word(&s);
	for (k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
		if (sl_slice_eq(kind, sl_slice_str(kinds[k])))
			break;
	if (k > SL_TYPE_ONE)
		return bad(ld, err);
	t->kind = (enum sl_type_kind)k;
	if (t->kind == SL_TYPE_MAP)
		ld->map = t;
	if (t->kind == SL_TYPE_WORD)
		return words_of(ld, s, &t->words, &t->n_words, err);
	if (t->kind == SL_TYPE_ONE || t->kind == SL_TYPE_SEQ)
		return alternatives(ld, t, s, err);
	return 0;
}

static int
define_set(struct loader *ld, struct sl_slice s, struct sl_err *err)
{
	struct sl_slice name = sl_slice_skip(word(&s), 1);
	struct set set = { .name = name };
	int r;

	if (ld->n_sets == sizeof(ld->set) / sizeof(*ld->set))
		return bad(ld, err);
	if ((r = words_of(ld, s, &set.word, &set.n, err)) < 0)
		return r;
	ld->set[ld->n_sets++] = set;
	return 0;
}

static int
builtin(struct loader *ld, struct sl_err *err)
{
	static const struct {
		const char *name;
		enum sl_type_kind kind;
	} t[] = { { "string", SL_TYPE_STRING }, { "text", SL_TYPE_TEXT },
		  { "bool", SL_TYPE_BOOL },     { "number", SL_TYPE_NUMBER },
		  { "null", SL_TYPE_NULL },     { "any", SL_TYPE_ANY } };
	struct sl_type *x;
	size_t slot;

	for (size_t i = 0; i < sizeof(t) / sizeof(*t); i++) {
		if ((x = by_name(ld, sl_slice_str(t[i].name), &slot)) == NULL)
			return nomem(err);
		x->kind = t[i].kind;
		ld->is_defined[slot] = true;
	}
	return 0;
}

int
sl_schema_load(struct sl_slice text, struct sl_arena *a, const struct sl_type **ret,
	       struct sl_err *err)
{
	struct loader *ld = SL_NEW(a, struct loader);
	struct sl_slice line;
	struct sl_type *root;
	size_t slot;
	int r;

	if (ld == NULL)
		return nomem(err);
	ld->a = a;
	r = builtin(ld, err);
	for (; r == 0 && text.len > 0; text = sl_slice_skip(text, line.len + 1)) {
		line = sl_slice_upto(text, '\n');
		ld->line++;
		if (line.len == 0 || line.p[0] == '#')
			continue;
		r = line.p[0] == '\t'  ? member(ld, line, err)
		    : line.p[0] == '@' ? define_set(ld, line, err)
				       : definition(ld, line, err);
	}
	if (r < 0 || (r = close_map(ld, err)) < 0)
		return r;
	for (size_t i = 0; i < SLOTS; i++)
		if (ld->slot[i] != NULL && !ld->is_defined[i])
			return SL_ERR(err, BUG, "schema: type '%.*s' is not defined",
				      SL_ARG(ld->slot[i]->name));
	if ((root = by_name(ld, SL_LIT("root"), &slot)) == NULL)
		return nomem(err);
	if (!ld->is_defined[slot])
		return SL_ERR(err, BUG, "schema: there is no type 'root'");
	*ret = root;
	return 0;
}
