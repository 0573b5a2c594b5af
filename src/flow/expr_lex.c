/* expr_lex.c -- tokens of an expression.  Which token may follow which is decided here,
 * as in GitHub's LexicalAnalyzer, for that fixes where an error is reported. */
#include "flow/expr_case.h"
#include "flow/expr_int.h"

#define BIT(k) (1u << SL_TOK_##k)

enum {
	/* What may come before an operand, and what an operand may end in. */
	BEFORE = BIT(NONE) | BIT(SEPARATOR) | BIT(START_GROUP) | BIT(START_PARAMS) |
		 BIT(START_INDEX) | BIT(NOT) | BIT(NE) | BIT(GT) | BIT(GE) | BIT(LT) |
		 BIT(LE) | BIT(EQ) | BIT(AND) | BIT(OR),
	INDEXABLE = BIT(END_GROUP) | BIT(END_PARAMS) | BIT(END_INDEX) | BIT(WILDCARD) |
		    BIT(PROPERTY) | BIT(NAMED),
	AFTER = INDEXABLE | BIT(NULL) | BIT(BOOL) | BIT(NUM) | BIT(STR)
};

static unsigned
may_follow(enum sl_tok_kind k)
{
	switch (k) {
	case SL_TOK_START_GROUP:
	case SL_TOK_NOT:
	case SL_TOK_NULL:
	case SL_TOK_BOOL:
	case SL_TOK_NUM:
	case SL_TOK_STR:
	case SL_TOK_FUNCTION:
	case SL_TOK_NAMED:
		return BEFORE;
	case SL_TOK_START_INDEX:
	case SL_TOK_DEREF:
		return INDEXABLE;
	case SL_TOK_START_PARAMS:
		return BIT(FUNCTION);
	case SL_TOK_END_PARAMS:
		return AFTER | BIT(START_PARAMS);
	case SL_TOK_END_GROUP:
	case SL_TOK_END_INDEX:
	case SL_TOK_SEPARATOR:
	case SL_TOK_NE:
	case SL_TOK_GT:
	case SL_TOK_GE:
	case SL_TOK_LT:
	case SL_TOK_LE:
	case SL_TOK_EQ:
	case SL_TOK_AND:
	case SL_TOK_OR:
		return AFTER;
	case SL_TOK_WILDCARD:
		return BIT(START_INDEX) | BIT(DEREF);
	case SL_TOK_PROPERTY:
		return BIT(DEREF);
	case SL_TOK_UNEXPECTED:
	case SL_TOK_NONE:
		break;
	}
	return 0;
}

static enum sl_tok_kind
opener_of(enum sl_tok_kind k)
{
	if (k == SL_TOK_END_GROUP)
		return SL_TOK_START_GROUP;
	if (k == SL_TOK_END_INDEX)
		return SL_TOK_START_INDEX;
	return k == SL_TOK_END_PARAMS || k == SL_TOK_SEPARATOR ? SL_TOK_START_PARAMS
							       : SL_TOK_NONE;
}

/* Completes the token: is it legal here, and does it open or close something? */
static int
place(struct sl_lexer *lx, struct sl_tok *t, struct sl_err *err)
{
	enum sl_tok_kind opener = opener_of(t->kind);
	struct sl_tok *open;

	if ((may_follow(t->kind) & 1u << lx->last) == 0 ||
	    (opener != SL_TOK_NONE &&
	     (lx->unclosed == NULL || lx->unclosed->kind != opener))) {
		t->kind = SL_TOK_UNEXPECTED;
	} else if (t->kind == SL_TOK_START_GROUP || t->kind == SL_TOK_START_INDEX ||
		   t->kind == SL_TOK_START_PARAMS) {
		if ((open = SL_NEW(lx->a, struct sl_tok)) == NULL)
			return SL_ERR(err, NOMEM, "out of memory for an expression");
		*open = *t;
		open->below = lx->unclosed;
		lx->unclosed = open;
	} else if (opener != SL_TOK_NONE && t->kind != SL_TOK_SEPARATOR) {
		lx->unclosed = lx->unclosed->below;
	}
	lx->last = t->kind;
	return 1;
}

/* The length of white space at i, or 0. */
static size_t
space_at(struct sl_slice s, size_t i)
{
	uint32_t c;
	size_t n = sl_case_next(s, i, &c);

	return sl_case_is_space(c) ? n : 0;
}

/* Up to the next character that ends a token; the first one never does. */
static size_t
token_end(struct sl_slice s, size_t at, bool with_dots)
{
	uint32_t c;
	size_t i = at, n = sl_case_next(s, i, &c);

	for (i += n; i < s.len; i += n) {
		n = sl_case_next(s, i, &c);
		if (with_dots && c == '.')
			continue;
		if ((c != 0 && c < 0x80 && strchr("([)],.!><=&|", (int)c) != NULL) ||
		    sl_case_is_space(c))
			break;
	}
	return i;
}

static bool
is_keyword(struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.p[i], l = c | 0x20;

		if ((l >= 'a' && l <= 'z') || c == '_')
			continue;
		if (i == 0 || !((c >= '0' && c <= '9') || c == '-'))
			return false;
	}
	return s.len > 0;
}

static void
read_number(struct sl_lexer *lx, struct sl_tok *t)
{
	struct sl_slice raw;

	t->len = token_end(lx->src, t->at, true) - t->at;
	raw = (struct sl_slice){ lx->src.p + t->at, t->len };
	t->num = sl_val_parse_number(raw);
	t->kind = t->num == t->num ? SL_TOK_NUM : SL_TOK_UNEXPECTED;
}

static void
read_keyword(struct sl_lexer *lx, struct sl_tok *t)
{
	size_t i = token_end(lx->src, t->at, false), n;
	struct sl_slice raw = { lx->src.p + t->at, i - t->at };

	t->len = raw.len;
	if (!is_keyword(raw)) {
		t->kind = SL_TOK_UNEXPECTED;
	} else if (lx->last == SL_TOK_DEREF) {
		t->kind = SL_TOK_PROPERTY;
	} else if (sl_slice_eq(raw, SL_LIT("null"))) {
		t->kind = SL_TOK_NULL;
	} else if (sl_slice_eq(raw, SL_LIT("true")) ||
		   sl_slice_eq(raw, SL_LIT("false"))) {
		t->kind = SL_TOK_BOOL;
		t->b = raw.len == 4;
	} else if (sl_slice_eq(raw, SL_LIT("NaN"))) {
		t->kind = SL_TOK_NUM;
		t->num = (double)__builtin_nanf("");
	} else if (sl_slice_eq(raw, SL_LIT("Infinity"))) {
		t->kind = SL_TOK_NUM;
		t->num = (double)__builtin_inff();
	} else {
		while (i < lx->src.len && (n = space_at(lx->src, i)) > 0)
			i += n;
		t->kind = i < lx->src.len && lx->src.p[i] == '(' ? SL_TOK_FUNCTION
								 : SL_TOK_NAMED;
	}
}

static void
read_string(struct sl_lexer *lx, struct sl_tok *t)
{
	const uint8_t *p = lx->src.p;
	size_t i = t->at + 1;

	t->kind = SL_TOK_UNEXPECTED;
	while (i < lx->src.len && t->kind != SL_TOK_STR) {
		if (p[i++] != '\'')
			continue;
		if (i < lx->src.len && p[i] == '\'')
			i++;
		else
			t->kind = SL_TOK_STR;
	}
	t->len = i - t->at;
}

static void
read_operator(struct sl_lexer *lx, struct sl_tok *t)
{
	static const struct {
		char text[3];
		enum sl_tok_kind kind;
	} op[] = { { "!=", SL_TOK_NE }, { ">=", SL_TOK_GE },  { "<=", SL_TOK_LE },
		   { "==", SL_TOK_EQ }, { "&&", SL_TOK_AND }, { "||", SL_TOK_OR },
		   { "!", SL_TOK_NOT }, { ">", SL_TOK_GT },   { "<", SL_TOK_LT } };
	struct sl_slice rest = sl_slice_skip(lx->src, t->at);

	for (size_t i = 0; i < sizeof(op) / sizeof(op[0]); i++) {
		if (!sl_slice_starts(rest, sl_slice_str(op[i].text)))
			continue;
		t->kind = op[i].kind;
		t->len = strlen(op[i].text);
		return;
	}
	t->kind = SL_TOK_UNEXPECTED;
	t->len = token_end(lx->src, t->at, false) - t->at;
}

static void
read_any(struct sl_lexer *lx, struct sl_tok *t, uint8_t c)
{
	if (strchr("!><=&|", c) != NULL && c != 0)
		read_operator(lx, t);
	else if (c == '\'')
		read_string(lx, t);
	else if (c == '.' && (BEFORE & 1u << lx->last) == 0)
		t->kind = SL_TOK_DEREF;
	else if (c == '.' || c == '-' || c == '+' || (c >= '0' && c <= '9'))
		read_number(lx, t);
	else
		read_keyword(lx, t);
}

int
sl_lex_next(struct sl_lexer *lx, struct sl_tok *t, struct sl_err *err)
{
	bool in_call = lx->unclosed != NULL && lx->unclosed->kind == SL_TOK_START_PARAMS;
	size_t n;
	int r;

	while (lx->at < lx->src.len && (n = space_at(lx->src, lx->at)) > 0)
		lx->at += n;
	if (lx->at >= lx->src.len)
		return 0;
	*t = (struct sl_tok){ .at = lx->at, .len = 1 };
	switch (lx->src.p[lx->at]) {
	case '(':
		t->kind = lx->last == SL_TOK_FUNCTION ? SL_TOK_START_PARAMS
						      : SL_TOK_START_GROUP;
		break;
	case ')':
		t->kind = in_call ? SL_TOK_END_PARAMS : SL_TOK_END_GROUP;
		break;
	case '[':
		t->kind = SL_TOK_START_INDEX;
		break;
	case ']':
		t->kind = SL_TOK_END_INDEX;
		break;
	case ',':
		t->kind = SL_TOK_SEPARATOR;
		break;
	case '*':
		t->kind = SL_TOK_WILDCARD;
		break;
	default:
		read_any(lx, t, lx->src.p[lx->at]);
		break;
	}
	if ((r = place(lx, t, err)) < 0)
		return r;
	lx->at += t->len;
	return r;
}
