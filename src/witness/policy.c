/* policy.c -- see policy.h. */
#include "witness/policy.h"

/* The line that is read. */
struct line {
	struct sl_slice rest; /* behind the words taken */
	const uint8_t *from;
	unsigned no;
};

struct parser {
	struct sl_tpol *p;
	struct line l;
	bool has_quorum;
	uint64_t witnesses_used, groups_used; /* as members */
};

static unsigned
column(const struct line *l, const uint8_t *at)
{
	return (unsigned)(at - l->from) + 1;
}

#define BAD(l, at, code, fmt, ...)                                                       \
	SL_ERR(err, code, "line %u column %u: " fmt, (l)->no, column(l, at), __VA_ARGS__)

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* The next word; empty at the end of the line, and then it points there. */
static struct sl_slice
word(struct line *l)
{
	struct sl_slice w;
	size_t n = 0;

	while (l->rest.len > 0 && is_blank(l->rest.p[0])) {
		l->rest.p++;
		l->rest.len--;
	}
	while (n < l->rest.len && !is_blank(l->rest.p[n]))
		n++;
	w = (struct sl_slice){ l->rest.p, n };
	l->rest.p += n;
	l->rest.len -= n;
	return w;
}

static int
at_end(struct line *l, struct sl_err *err)
{
	struct sl_slice w = word(l);

	return w.len == 0 ? 0 : BAD(l, w.p, FORMAT, "'%.*s' is too much here", SL_ARG(w));
}

static bool
find(const struct sl_tpol *p, struct sl_slice name, bool *ret_is_group, size_t *ret)
{
	for (size_t i = 0; i < p->n_witnesses; i++)
		if (sl_slice_eq(p->witness[i].name, name)) {
			*ret_is_group = false;
			*ret = i;
			return true;
		}
	for (size_t i = 0; i < p->n_groups; i++)
		if (sl_slice_eq(p->group[i].name, name)) {
			*ret_is_group = true;
			*ret = i;
			return true;
		}
	return false;
}

/* A name that is to be defined. */
static int
take_name(struct parser *x, struct sl_slice *ret, struct sl_err *err)
{
	struct sl_slice w = word(&x->l);
	bool is_group;
	size_t i;

	if (w.len == 0)
		return BAD(&x->l, w.p, FORMAT, "a name is missing%s", "");
	if (w.len > SL_TPOL_NAME_MAX)
		return BAD(&x->l, w.p, LIMIT, "a name of %zu bytes, %d are allowed",
			   w.len, SL_TPOL_NAME_MAX);
	if (sl_slice_eq(w, SL_LIT("none")))
		return BAD(&x->l, w.p, FORMAT, "'none' cannot be defined%s", "");
	if (find(x->p, w, &is_group, &i))
		return BAD(&x->l, w.p, FORMAT, "'%.*s' is defined already", SL_ARG(w));
	*ret = w;
	return 0;
}

static int
take_key(struct parser *x, enum sl_vkey_type type, const struct sl_tpol_key *have,
	 size_t n, struct sl_tpol_key *ret, struct sl_err *err)
{
	struct sl_slice w = word(&x->l);
	struct sl_err why = { 0 };
	int r;

	if (w.len == 0)
		return BAD(&x->l, w.p, FORMAT, "a key is missing%s", "");
	if ((r = sl_vkey_parse(w, &ret->key, &why)) < 0)
		return sl_err_raise(err, r, 0, __FILE__, __LINE__,
				    "line %u column %u: %s", x->l.no, column(&x->l, w.p),
				    why.msg);
	if (ret->key.type != type)
		return BAD(&x->l, w.p, FORMAT, "this is the key of a %s",
			   type == SL_VKEY_COSIGN ? "log, not of a witness"
						  : "witness, not of a log");
	for (size_t i = 0; i < n; i++)
		if (memcmp(have[i].key.pub, ret->key.pub, SL_KEY_LEN) == 0)
			return BAD(&x->l, w.p, FORMAT,
				   "this key is listed already, as '%.*s'",
				   SL_ARG(have[i].key.name));
	ret->url = word(&x->l);
	return at_end(&x->l, err);
}

static int
too_many(struct parser *x, const char *what, struct sl_err *err)
{
	return BAD(&x->l, x->l.from, LIMIT, "more than %d %s", SL_TPOL_MAX, what);
}

static int
take_log(struct parser *x, struct sl_err *err)
{
	struct sl_tpol_key k = { 0 };
	int r;

	if (x->p->n_logs == SL_TPOL_MAX)
		return too_many(x, "logs", err);
	if ((r = take_key(x, SL_VKEY_ED25519, x->p->log, x->p->n_logs, &k, err)) < 0)
		return r;
	x->p->log[x->p->n_logs++] = k;
	return 0;
}

static int
take_witness(struct parser *x, struct sl_err *err)
{
	struct sl_tpol_key k = { 0 };
	int r;

	if (x->p->n_witnesses == SL_TPOL_MAX)
		return too_many(x, "witnesses", err);
	if ((r = take_name(x, &k.name, err)) < 0 ||
	    (r = take_key(x, SL_VKEY_COSIGN, x->p->witness, x->p->n_witnesses, &k, err)) <
		0)
		return r;
	x->p->witness[x->p->n_witnesses++] = k;
	return 0;
}

/* "all" and "any" give 0 and 1; a number is 1 to 128, written in one way. */
static bool
take_threshold(struct sl_slice w, unsigned *ret)
{
	unsigned v = 0;

	if (sl_slice_eq(w, SL_LIT("all")) || sl_slice_eq(w, SL_LIT("any"))) {
		*ret = w.p[1] == 'n';
		return true;
	}
	if (w.len == 0 || w.len > 3 || w.p[0] == '0')
		return false;
	for (size_t i = 0; i < w.len; i++) {
		if (w.p[i] < '0' || w.p[i] > '9')
			return false;
		v = v * 10 + (unsigned)(w.p[i] - '0');
	}
	*ret = v;
	return true;
}

/* A defined name joins a group once in the whole policy, so that no witness counts in
 * two ways. */
static int
take_member(struct parser *x, struct sl_slice w, struct sl_tpol_group *g,
	    struct sl_err *err)
{
	uint64_t *used, *members;
	bool is_group;
	size_t i;

	if (!find(x->p, w, &is_group, &i))
		return BAD(&x->l, w.p, FORMAT,
			   "'%.*s' is no witness or group of the lines above", SL_ARG(w));
	used = is_group ? &x->groups_used : &x->witnesses_used;
	members = is_group ? &g->groups : &g->witnesses;
	if ((*used >> i & 1) != 0)
		return BAD(&x->l, w.p, FORMAT, "'%.*s' is a member already", SL_ARG(w));
	*used |= UINT64_C(1) << i;
	*members |= UINT64_C(1) << i;
	return 0;
}

static int
take_group(struct parser *x, struct sl_err *err)
{
	struct sl_tpol_group g = { 0 };
	struct sl_slice w, k;
	unsigned n = 0;
	int r;

	if (x->p->n_groups == SL_TPOL_MAX)
		return too_many(x, "groups", err);
	if ((r = take_name(x, &g.name, err)) < 0)
		return r;
	k = word(&x->l);
	if (!take_threshold(k, &g.k))
		return BAD(&x->l, k.p, FORMAT,
			   "'%.*s' is neither all, any nor a number above 0", SL_ARG(k));
	for (; (w = word(&x->l)).len > 0; n++)
		if ((r = take_member(x, w, &g, err)) < 0)
			return r;
	if (n == 0)
		return BAD(&x->l, w.p, FORMAT, "a group without members%s", "");
	if (g.k > n)
		return BAD(&x->l, k.p, FORMAT, "%u of %u members", g.k, n);
	if (g.k == 0)
		g.k = n;
	x->p->group[x->p->n_groups++] = g;
	return 0;
}

static int
take_quorum(struct parser *x, struct sl_err *err)
{
	struct sl_slice w = word(&x->l);
	bool is_group = false;

	if (x->has_quorum)
		return BAD(&x->l, x->l.from, FORMAT, "a second quorum%s", "");
	if (w.len == 0)
		return BAD(&x->l, w.p, FORMAT, "a name is missing%s", "");
	x->has_quorum = true;
	x->p->quorum = SL_QUORUM_NONE;
	if (!sl_slice_eq(w, SL_LIT("none"))) {
		if (!find(x->p, w, &is_group, &x->p->quorum_index))
			return BAD(&x->l, w.p, FORMAT,
				   "'%.*s' is no witness or group of the lines above",
				   SL_ARG(w));
		x->p->quorum = is_group ? SL_QUORUM_GROUP : SL_QUORUM_WITNESS;
	}
	return at_end(&x->l, err);
}

static int
take_line(struct parser *x, struct sl_err *err)
{
	static const struct {
		const char *name;
		int (*take)(struct parser *x, struct sl_err *err);
	} kinds[] = { { "log", take_log },
		      { "witness", take_witness },
		      { "group", take_group },
		      { "quorum", take_quorum } };
	struct sl_slice w;

	for (size_t i = 0; i < x->l.rest.len; i++)
		if ((x->l.rest.p[i] < 0x20 && x->l.rest.p[i] != '\t') ||
		    x->l.rest.p[i] == 0x7f)
			return BAD(&x->l, x->l.rest.p + i, FORMAT,
				   "a control character%s", "");
	w = word(&x->l);
	if (w.len == 0 || w.p[0] == '#')
		return 0;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (sl_slice_eq(w, sl_slice_str(kinds[i].name)))
			return kinds[i].take(x, err);
	return BAD(&x->l, w.p, UNKNOWN,
		   "'%.*s' is neither log, witness, group nor quorum", SL_ARG(w));
}

int
sl_tpol_parse(struct sl_slice src, struct sl_tpol *ret, struct sl_err *err)
{
	struct parser x = { .p = ret };
	int r;

	*ret = (struct sl_tpol){ 0 };
	if (src.len > SL_TPOL_BYTES_MAX)
		return SL_ERR(err, LIMIT, "a policy of %zu bytes, %d are allowed",
			      src.len, SL_TPOL_BYTES_MAX);
	while (src.len > 0) {
		x.l.rest = sl_slice_upto(src, '\n');
		x.l.from = x.l.rest.p;
		x.l.no++;
		if (x.l.rest.len == src.len)
			return SL_ERR(err, FORMAT,
				      "line %u column %zu: the line has no end", x.l.no,
				      src.len + 1);
		src = sl_slice_skip(src, x.l.rest.len + 1);
		if ((r = take_line(&x, err)) < 0)
			return r;
	}
	if (!x.has_quorum)
		return SL_ERR(err, FORMAT, "line %u column 1: no quorum line",
			      x.l.no + 1);
	return 0;
}

bool
sl_tpol_quorum(const struct sl_tpol *p, uint64_t cosigned)
{
	uint64_t met = 0; /* groups; members stand before their group */

	for (size_t i = 0; i < p->n_groups; i++) {
		const struct sl_tpol_group *g = &p->group[i];
		unsigned n = (unsigned)__builtin_popcountll(g->witnesses & cosigned) +
			     (unsigned)__builtin_popcountll(g->groups & met);

		if (n >= g->k)
			met |= UINT64_C(1) << i;
	}
	switch (p->quorum) {
	case SL_QUORUM_WITNESS:
		return (cosigned >> p->quorum_index & 1) != 0;
	case SL_QUORUM_GROUP:
		return (met >> p->quorum_index & 1) != 0;
	case SL_QUORUM_NONE:
	default:
		return true;
	}
}

/* The keys of one kind side by side, as sl_note_verify() takes them. */
static int
verify(const struct sl_note *note, const struct sl_tpol_key *k, size_t n,
       uint64_t *ret_mask, int64_t *ret_time, struct sl_err *err)
{
	struct sl_vkey key[SL_TPOL_MAX];

	for (size_t i = 0; i < n; i++)
		key[i] = k[i].key;
	return sl_note_verify(note, key, n, ret_mask, ret_time, err);
}

static int
check_log(const struct sl_tpol *p, const struct sl_note *note, const struct sl_vkey *log,
	  struct sl_tpol_result *out, struct sl_err *err)
{
	size_t n = p->n_logs > 0 ? p->n_logs : log != NULL;
	const struct sl_tpol_key *k = p->log;
	struct sl_tpol_key alone = { 0 };
	uint64_t mask = 0;
	int r;

	if (p->n_logs == 0 && log != NULL) {
		alone.key = *log;
		k = &alone;
	}
	if ((r = verify(note, k, n, &mask, NULL, err)) < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if ((mask >> i & 1) != 0 &&
		    sl_slice_eq(k[i].key.name, out->checkpoint.origin)) {
			out->log = k[i].key;
			return 0;
		}
	return SL_ERR(err, SIGNER, "no key of the log '%.*s' signed the checkpoint",
		      SL_ARG(out->checkpoint.origin));
}

int
sl_tpol_check(const struct sl_tpol *p, struct sl_slice src, const struct sl_vkey *log,
	      struct sl_tpol_result *ret, struct sl_err *err)
{
	struct sl_tpol_result out = { 0 };
	struct sl_err why = { 0 };
	struct sl_note note;
	int r;

	if ((r = sl_note_parse(src, &note, err)) < 0 ||
	    (r = sl_checkpoint_parse(note.text, &out.checkpoint, err)) < 0 ||
	    (r = check_log(p, &note, log, &out, err)) < 0)
		return r;
	r = verify(&note, p->witness, p->n_witnesses, &out.cosigned, out.time, &why);
	if (r < 0 && r != SL_E(SIGNER)) {
		*err = why;
		return r;
	}
	if (!sl_tpol_quorum(p, out.cosigned))
		return SL_ERR(err, QUORUM,
			      "%d of the policy's %zu witnesses cosigned the checkpoint "
			      "of size %llu: no quorum",
			      __builtin_popcountll(out.cosigned), p->n_witnesses,
			      (unsigned long long)out.checkpoint.size);
	*ret = out;
	return 0;
}
