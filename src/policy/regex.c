/* regex.c -- see regex.h. */
#include "policy/regex_int.h"

enum node_kind { N_EMPTY, N_CHAR, N_ANY, N_CLASS, N_BEG, N_END, N_CAT, N_ALT, N_REP };
enum { GROUPS_MAX = 50, REP_INF = 0xffff, REP_MAX = 500 };

struct node {
	enum node_kind kind;
	uint32_t cp;
	uint32_t min, max;
	const struct re_class *cls;
	struct node *child, *last, *next; /* CAT, ALT: a list; REP: one */
};

struct comp {
	struct sl_slice s;
	size_t at;
	unsigned depth;
	struct sl_arena *a;
	char *why;
	enum sl_pre_status status;
	uint32_t n;
	struct inst code[SL_PRE_MAX];
};

static struct node *alternation(struct comp *c);

static void *
fail(struct comp *c, enum sl_pre_status st, const char *why)
{
	if (c->status == SL_PRE_OK) {
		c->status = st;
		(void)snprintf(c->why, 100, "%s", why);
	}
	return NULL;
}

static uint8_t
peek(const struct comp *c, size_t k)
{
	return k < c->s.len - c->at ? c->s.p[c->at + k] : 0;
}

static bool
at_end(const struct comp *c)
{
	return c->at == c->s.len;
}

static struct node *
new_node(struct comp *c, enum node_kind kind)
{
	struct node *n = SL_NEW(c->a, struct node);

	if (n == NULL)
		return fail(c, SL_PRE_NOMEM, "out of memory");
	n->kind = kind;
	return n;
}

static void
append(struct node *to, struct node *n)
{
	if (to->last != NULL)
		to->last->next = n;
	else
		to->child = n;
	to->last = n;
}

static bool
add_range(struct comp *c, struct re_class *cls, uint32_t lo, uint32_t hi)
{
	if (cls->n == RANGES_MAX) {
		fail(c, SL_PRE_BAD, "too many ranges in a class");
		return false;
	}
	cls->r[cls->n++] = (struct range){ lo, hi };
	return true;
}

/* \d \w \s and their complements; false where e is none of them. */
static bool
perl_class(struct comp *c, uint8_t e, struct re_class *cls)
{
	static const struct range digit[] = { { '0', '9' } };
	static const struct range word[] = {
		{ '0', '9' }, { 'A', 'Z' }, { '_', '_' }, { 'a', 'z' }
	};
	static const struct range space[] = { { '\t', '\r' }, { ' ', ' ' } };
	const struct range *r = (e | 0x20) == 'd'   ? digit
				: (e | 0x20) == 'w' ? word
						    : space;
	size_t n = r == digit ? 1 : r == word ? 4 : 2;
	uint32_t from = 0;

	if (e == 0 || strchr("dwsDWS", e) == NULL)
		return false;
	for (size_t k = 0; k < n; k++) {
		if ((e & 0x20) != 0)
			(void)add_range(c, cls, r[k].lo, r[k].hi);
		else if (r[k].lo > from)
			(void)add_range(c, cls, from, r[k].lo - 1);
		from = r[k].hi + 1;
	}
	if ((e & 0x20) == 0)
		(void)add_range(c, cls, from, 0x10ffff);
	return true;
}

static bool
hex_cp(struct comp *c, size_t max, uint32_t *ret)
{
	uint32_t v = 0;
	size_t n = 0;

	for (; n < max; n++, c->at++) {
		uint8_t d = peek(c, 0), l = d | 0x20;

		if (d >= '0' && d <= '9')
			v = v << 4 | (uint32_t)(d - '0');
		else if (l >= 'a' && l <= 'f')
			v = v << 4 | (uint32_t)(l - 'a' + 10);
		else
			break;
	}
	*ret = v;
	return n > 0 && v <= 0x10ffff;
}

/* The escape behind a backslash that stands for one character. */
static bool
escape_cp(struct comp *c, uint32_t *ret)
{
	static const char from[] = "nrtfva", to[] = "\n\r\t\f\v\a";
	uint8_t e = peek(c, 0);
	const char *k = e != 0 ? strchr(from, e) : NULL;
	bool braced;

	if (k != NULL) {
		*ret = (uint8_t)to[k - from];
		c->at++;
		return true;
	}
	if (e == 'x' || e == 'u') {
		c->at++;
		braced = peek(c, 0) == '{';
		c->at += braced;
		if (hex_cp(c,
			   braced     ? 6
			   : e == 'x' ? 2
				      : 4,
			   ret) &&
		    (!braced || peek(c, 0) == '}')) {
			c->at += braced;
			return true;
		}
		fail(c, SL_PRE_BAD, "bad hexadecimal escape");
		return false;
	}
	if (e != 0 && e < 0x80 &&
	    strchr("\\.+*?()|[]{}^$#&-~/ \"'<>=:;,!%@_`", e) != NULL) {
		*ret = e;
		c->at++;
		return true;
	}
	if (e != 0 && strchr("bBpP123456789", e) != NULL)
		fail(c, SL_PRE_UNSUPPORTED,
		     e == 'b' || e == 'B' ? "\\b"
		     : (e | 0x20) == 'p'  ? "\\p"
					  : "a back-reference");
	else
		fail(c, SL_PRE_BAD, "unknown escape");
	return false;
}

static bool
class_char(struct comp *c, uint32_t *ret)
{
	size_t len;

	if (peek(c, 0) == '\\') {
		c->at++;
		return escape_cp(c, ret);
	}
	*ret = next_cp(c->s.p + c->at, c->s.len - c->at, &len);
	c->at += len;
	return true;
}

static bool
class_item(struct comp *c, struct re_class *cls)
{
	uint32_t lo, hi;
	uint8_t b = peek(c, 0), b1 = peek(c, 1);

	if (b == '[' || ((b == '&' || b == '-' || b == '~') && b1 == b)) {
		fail(c, SL_PRE_UNSUPPORTED, "a class in a class");
		return false;
	}
	if (b == '\\' && perl_class(c, b1, cls)) {
		c->at += 2;
		return c->status == SL_PRE_OK;
	}
	if (!class_char(c, &lo))
		return false;
	hi = lo;
	if (peek(c, 0) == '-' && peek(c, 1) != ']' && c->at + 1 < c->s.len) {
		c->at++;
		if (peek(c, 0) == '[' || peek(c, 0) == '-') {
			fail(c, SL_PRE_UNSUPPORTED, "a class in a class");
			return false;
		}
		if (!class_char(c, &hi))
			return false;
		if (hi < lo) {
			fail(c, SL_PRE_BAD, "a range that ends before it starts");
			return false;
		}
	}
	return add_range(c, cls, lo, hi);
}

static struct node *
class_node(struct comp *c)
{
	struct re_class *cls = SL_NEW(c->a, struct re_class);
	struct node *n = new_node(c, N_CLASS);

	if (cls == NULL)
		return fail(c, SL_PRE_NOMEM, "out of memory");
	c->at++;
	if (peek(c, 0) == '^') {
		cls->is_negated = true;
		c->at++;
	}
	do { /* a ']' that comes first is itself */
		if (at_end(c))
			return fail(c, SL_PRE_BAD, "class is not closed");
		if (!class_item(c, cls))
			return NULL;
	} while (peek(c, 0) != ']');
	c->at++;
	if (n != NULL)
		n->cls = cls;
	return n;
}

static struct node *
escape_node(struct comp *c)
{
	struct re_class *cls;
	struct node *n;
	uint32_t cp;
	uint8_t e = peek(c, 1);

	c->at++;
	if (e == 'A' || e == 'z') {
		c->at++;
		return new_node(c, e == 'A' ? N_BEG : N_END);
	}
	if (e != 0 && strchr("dwsDWS", e) != NULL) {
		c->at++;
		if ((cls = SL_NEW(c->a, struct re_class)) == NULL)
			return fail(c, SL_PRE_NOMEM, "out of memory");
		(void)perl_class(c, e, cls);
		if ((n = new_node(c, N_CLASS)) != NULL)
			n->cls = cls;
		return n;
	}
	if (!escape_cp(c, &cp) || (n = new_node(c, N_CHAR)) == NULL)
		return NULL;
	n->cp = cp;
	return n;
}

static struct node *
group(struct comp *c)
{
	struct node *n;

	if (++c->depth > GROUPS_MAX)
		return fail(c, SL_PRE_BAD, "groups nest too deep");
	c->at++;
	if (peek(c, 0) == '?') {
		if (peek(c, 1) != ':')
			return fail(c, SL_PRE_UNSUPPORTED,
				    "a group with flags, name or look-around");
		c->at += 2;
	}
	if ((n = alternation(c)) == NULL)
		return NULL;
	if (peek(c, 0) != ')')
		return fail(c, SL_PRE_BAD, "group is not closed");
	c->at++;
	c->depth--;
	return n;
}

static struct node *
atom(struct comp *c)
{
	uint8_t b = peek(c, 0);
	struct node *n;
	size_t len;

	switch (b) {
	case '(':
		return group(c);
	case '[':
		return class_node(c);
	case '\\':
		return escape_node(c);
	case '.':
	case '^':
	case '$':
		c->at++;
		return new_node(c, b == '.' ? N_ANY : b == '^' ? N_BEG : N_END);
	case '*':
	case '+':
	case '?':
	case '{':
		return fail(c, SL_PRE_BAD, "a repetition of nothing");
	default:
		break;
	}
	if ((n = new_node(c, N_CHAR)) == NULL)
		return NULL;
	n->cp = next_cp(c->s.p + c->at, c->s.len - c->at, &len);
	c->at += len;
	return n;
}

static bool
number(struct comp *c, uint32_t *ret)
{
	size_t n = 0;

	for (*ret = 0; peek(c, 0) >= '0' && peek(c, 0) <= '9' && n < 4; n++, c->at++)
		*ret = *ret * 10 + (uint32_t)(peek(c, 0) - '0');
	return n > 0 && *ret <= REP_MAX;
}

static bool
braces(struct comp *c, uint32_t *min, uint32_t *max)
{
	c->at++;
	if (!number(c, min))
		goto bad;
	*max = *min;
	if (peek(c, 0) == ',') {
		c->at++;
		*max = REP_INF;
		if (peek(c, 0) != '}' && !number(c, max))
			goto bad;
	}
	if (peek(c, 0) != '}' || *max < *min)
		goto bad;
	c->at++;
	return true;
bad:
	fail(c, SL_PRE_BAD, "bad repetition; write {n}, {n,} or {n,m} up to 500");
	return false;
}

static struct node *
repeated(struct comp *c)
{
	struct node *n = atom(c), *rep;
	unsigned times = 0;

	while (n != NULL && peek(c, 0) != 0 && strchr("*+?{", peek(c, 0)) != NULL) {
		uint8_t b = peek(c, 0);
		uint32_t min = b == '+', max = b == '?' ? 1 : REP_INF;

		if (++times > 8) /* they nest: keep emit() shallow */
			return fail(c, SL_PRE_BAD, "too many repetitions in a row");
		if (b == '{') {
			if (!braces(c, &min, &max))
				return NULL;
		} else {
			c->at++;
		}
		if (peek(c, 0) == '?')
			c->at++; /* lazy: the same texts match */
		if ((rep = new_node(c, N_REP)) == NULL)
			return NULL;
		rep->min = min;
		rep->max = max;
		rep->child = n;
		n = rep;
	}
	return n;
}

static struct node *
sequence(struct comp *c)
{
	struct node *cat = new_node(c, N_CAT), *n;

	while (cat != NULL && !at_end(c) && peek(c, 0) != '|' && peek(c, 0) != ')') {
		if ((n = repeated(c)) == NULL)
			return NULL;
		append(cat, n);
	}
	return cat;
}

static struct node *
alternation(struct comp *c)
{
	struct node *alt = new_node(c, N_ALT), *n;

	if (alt == NULL)
		return NULL;
	for (;;) {
		if ((n = sequence(c)) == NULL)
			return NULL;
		append(alt, n);
		if (peek(c, 0) != '|')
			return alt;
		c->at++;
	}
}

static uint16_t
put(struct comp *c, enum inst_op op)
{
	if (c->n == SL_PRE_MAX - 1) {
		fail(c, SL_PRE_BAD, "the pattern is too large");
		return (uint16_t)(c->n - 1);
	}
	c->code[c->n] = (struct inst){ .op = op };
	return (uint16_t)c->n++;
}

static void emit(struct comp *c, const struct node *n);

static void
emit_alt(struct comp *c, const struct node *n)
{
	uint16_t split, jmp;

	for (const struct node *k = n->child; k != NULL; k = k->next) {
		if (k->next == NULL) {
			emit(c, k);
			return;
		}
		split = put(c, I_SPLIT);
		c->code[split].x = (uint16_t)c->n;
		emit(c, k);
		jmp = put(c, I_JMP);
		c->code[split].y = (uint16_t)c->n;
		/* The rest of the alternatives, then all meet. */
		struct node rest = { .kind = N_ALT, .child = k->next };

		emit(c, &rest);
		c->code[jmp].x = (uint16_t)c->n;
		return;
	}
}

static void
emit_rep(struct comp *c, const struct node *n)
{
	uint16_t split, start = (uint16_t)c->n;

	for (uint32_t k = 0; k < n->min && c->status == SL_PRE_OK; k++) {
		start = (uint16_t)c->n;
		emit(c, n->child);
	}
	if (n->max == REP_INF && n->min > 0) {
		split = put(c, I_SPLIT);
		c->code[split].x = start;
		c->code[split].y = (uint16_t)c->n;
	} else if (n->max == REP_INF) {
		split = put(c, I_SPLIT);
		c->code[split].x = (uint16_t)c->n;
		emit(c, n->child);
		c->code[put(c, I_JMP)].x = split;
		c->code[split].y = (uint16_t)c->n;
	} else {
		for (uint32_t k = n->min; k < n->max && c->status == SL_PRE_OK; k++) {
			split = put(c, I_SPLIT);
			c->code[split].x = (uint16_t)c->n;
			emit(c, n->child);
			c->code[split].y = (uint16_t)c->n;
		}
	}
}

/* Recursion follows the tree: at most GROUPS_MAX groups, each of few levels, and
 * emit_alt() once per alternative, which SL_PRE_MAX bounds. */
static void
emit(struct comp *c, const struct node *n)
{
	uint16_t at;

	if (c->status != SL_PRE_OK)
		return;
	switch (n->kind) {
	case N_EMPTY:
		return;
	case N_CHAR:
		at = put(c, I_CHAR);
		c->code[at].cp = n->cp;
		return;
	case N_CLASS:
		at = put(c, I_CLASS);
		c->code[at].cls = n->cls;
		return;
	case N_ANY:
		(void)put(c, I_ANY);
		return;
	case N_BEG:
		(void)put(c, I_BEG);
		return;
	case N_END:
		(void)put(c, I_END);
		return;
	case N_CAT:
		for (const struct node *k = n->child; k != NULL; k = k->next)
			emit(c, k);
		return;
	case N_ALT:
		emit_alt(c, n);
		return;
	case N_REP:
		emit_rep(c, n);
		return;
	}
}

enum sl_pre_status
sl_pre_compile(struct sl_slice pattern, struct sl_arena *a, struct sl_pre **ret_re,
	       /* NOLINTNEXTLINE(readability-non-const-parameter): fail() writes there */
	       char why[100])
{
	struct comp c = { .s = pattern, .a = a, .why = why, .status = SL_PRE_OK };
	struct sl_pre *re;
	struct node *n;

	if (pattern.len > 4096) {
		fail(&c, SL_PRE_BAD, "the pattern is too large");
		return c.status;
	}
	n = alternation(&c);
	if (n != NULL && !at_end(&c))
		fail(&c, SL_PRE_BAD, "')' without '('");
	if (n != NULL)
		emit(&c, n);
	if (c.status != SL_PRE_OK)
		return c.status;
	c.code[c.n++] = (struct inst){ .op = I_MATCH };
	re = sl_arena_alloc(a, 1, sizeof(*re) + c.n * sizeof(c.code[0]));
	if (re == NULL)
		return SL_PRE_NOMEM;
	re->n = c.n;
	memcpy(re->code, c.code, c.n * sizeof(c.code[0]));
	*ret_re = re;
	return SL_PRE_OK;
}
