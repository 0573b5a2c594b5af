/* yaml_ev.c -- see yaml.h: libfyaml's events, with what libfyaml does not bound.
 * (libfyaml 0.7.12 itself leaks about 1 KiB for some folded scalars with many line
 * breaks, which LeakSanitizer reports: fuzz with -detect_leaks=0.) */
#include "codec/yaml.h"

#include <libfyaml.h>

/* ---- before libfyaml: bytes, UTF-8, flow collections ---- */

/* What libfyaml reads ahead is one flow collection, so the entries of each are counted
 * here first.  Where this scan cannot be sure (quotes over several lines, odd
 * indentation) it counts too much, never too little. */
enum { MAX_DIRECTIVES = 1000 };

struct scan {
	const uint8_t *p;
	size_t depth, n_flow; /* open flow collections; entries of all */
	size_t n_props;       /* words that begin with & ! * */
	size_t n_directives;  /* lines that begin with %: each may give a warning, kept */
	bool is_unsure;       /* in a flow collection, perhaps inside a quoted string */
	bool is_block;        /* inside a block scalar whose parent's column is below */
	long parent;
};

/* What a first byte says of the sequence's length; 0: it cannot be one. */
static size_t
utf8_len_of(uint8_t c)
{
	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c >= 0xf5)
		return 0;
	if (c < 0xe0)
		return 2;
	return c < 0xf0 ? 3 : 4;
}

/* Length of the UTF-8 sequence at p (RFC 3629), or 0. */
static size_t
utf8_len(const uint8_t *p, size_t n)
{
	size_t len = utf8_len_of(p[0]);

	if (len == 0 || len > n)
		return 0;
	for (size_t k = 1; k < len; k++)
		if ((p[k] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return len;
}

static int
check_bytes(struct sl_slice src, struct sl_yaml_at *at, struct sl_err *err)
{
	size_t line = 1, col = 1;

	for (size_t i = 0, n; i < src.len; i += n, col++) {
		n = utf8_len(src.p + i, src.len - i);
		if (n == 0 || src.p[i] == 0) {
			*at = (struct sl_yaml_at){ line, col, 1 };
			return SL_ERR(err, FORMAT, "%s",
				      n == 0 ? "the text is not valid UTF-8"
					     : "a NUL byte is not allowed");
		}
		if (src.p[i] == '\n') {
			line++;
			col = 0;
		}
	}
	return 0;
}

static bool
is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* A block scalar's header: the indicator at i, digits and signs, blanks, a comment,
 * the end of the line. */
static bool
is_block_header(const struct scan *s, size_t i, size_t end)
{
	for (i++; i < end && (s->p[i] == '-' || s->p[i] == '+' ||
			      (s->p[i] >= '0' && s->p[i] <= '9'));
	     i++)
		;
	if (i < end && s->p[i] != '\r' && !is_blank(s->p[i]))
		return false;
	while (i < end && (is_blank(s->p[i]) || s->p[i] == '\r'))
		i++;
	return i == end || s->p[i] == '#';
}

/* A quoted string that begins at i and ends on this line: the offset after it; else
 * i + 1. */
static size_t
skip_quoted(struct scan *s, size_t i, size_t end)
{
	uint8_t q = s->p[i];

	for (size_t k = i + 1; k < end; k++) {
		if (s->p[k] == '\\' && q == '"')
			k++;
		else if (s->p[k] == q)
			return k + 1;
	}
	s->is_unsure = true;
	return i + 1;
}

static size_t
skip_property(struct scan *s, size_t i, size_t end)
{
	s->n_props++;
	for (i++; i < end && !is_blank(s->p[i]); i++)
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): NUL is not one */
		if (memchr(",[]{}", s->p[i], 5) != NULL)
			break;
	return i;
}

/* In a flow collection, or at one's beginning.  Returns the offset after it, or i. */
static size_t
scan_flow(struct scan *s, size_t i, size_t end, bool *is_value)
{
	uint8_t c = s->p[i];

	if ((c == '[' || c == '{') && (*is_value || s->depth > 0)) {
		if (s->depth++ == 0)
			s->is_unsure = false;
		s->n_flow++;
		*is_value = true;
	} else if (s->depth > 0 && (c == ']' || c == '}')) {
		s->depth--;
		*is_value = false;
	} else if (s->depth > 0 && c == ',') {
		s->n_flow++;
		*is_value = true;
	} else if ((c == '"' || c == '\'') && *is_value &&
		   !(s->depth > 0 && s->is_unsure)) {
		*is_value = false;
		return skip_quoted(s, i, end);
	} else {
		return i;
	}
	return i + 1;
}

/* Where what a line says begins: after a byte order mark, after "---". */
static size_t
line_begin(const struct scan *s, size_t i, size_t end)
{
	if (end - i >= 3 && memcmp(s->p + i, "\xef\xbb\xbf", 3) == 0)
		i += 3;
	if (end - i >= 3 && memcmp(s->p + i, "---", 3) == 0)
		i += 3;
	return i;
}

/* Whether a node can begin after c, which is neither blank nor of a flow collection. */
static bool
is_value_after(uint8_t c, bool is_gap, bool is_value)
{
	if (!is_gap)
		return false;
	return c == ':' || (is_value && (c == '-' || c == '?'));
}

/* One line outside block scalars; is_value holds where a node can begin. */
static void
scan_line(struct scan *s, size_t bol, size_t end)
{
	size_t last = bol, next;
	bool is_value = true, is_gap;

	for (size_t i = line_begin(s, bol, end); i < end; i = next) {
		uint8_t c = s->p[i];
		bool is_first = i == bol || is_blank(s->p[i - 1]);

		next = i + 1;
		is_gap = next == end || is_blank(s->p[next]);
		if (is_blank(c))
			continue;
		if (c == '#' && is_first && !(s->depth > 0 && s->is_unsure))
			return;
		if ((c == '&' || c == '!' || c == '*') && is_value) {
			next = skip_property(s, i, end);
			continue;
		}
		if (s->depth == 0 && is_value && (c == '|' || c == '>') &&
		    is_block_header(s, i, end)) {
			s->is_block = true;
			s->parent =
			    last > bol || !is_first || i > bol ? (long)(last - bol) : -1;
			return;
		}
		if ((next = scan_flow(s, i, end, &is_value)) != i)
			continue;
		next = i + 1;
		if (is_value && (s->depth == 0))
			last = i; /* an entry's dash, a key, a scalar */
		is_value = is_value_after(c, is_gap, is_value);
	}
}

/* YAML 1.1's line breaks count as well: more lines, never fewer. */
static size_t
line_end(struct sl_slice src, size_t i, size_t *ret_next)
{
	for (; i < src.len; i++) {
		const uint8_t *p = src.p + i;
		size_t left = src.len - i;

		if (*p == '\n' || *p == '\r')
			*ret_next = i + 1;
		else if (left >= 2 && p[0] == 0xc2 && p[1] == 0x85)
			*ret_next = i + 2;
		else if (left >= 3 && p[0] == 0xe2 && p[1] == 0x80 &&
			 (p[2] & 0xfe) == 0xa8)
			*ret_next = i + 3;
		else
			continue;
		return i;
	}
	*ret_next = i;
	return i;
}

static int
check_flow(struct sl_slice src, const struct sl_limits *lim, struct sl_yaml_at *at,
	   struct sl_err *err)
{
	struct scan s = { .p = src.p };
	size_t line = 1;

	for (size_t i = 0, end, next; i < src.len; i = next) {
		size_t k = i;

		end = line_end(src, i, &next);
		while (k < end && src.p[k] == ' ')
			k++;
		if (s.is_block && k < end && (long)(k - i) <= s.parent)
			s.is_block = false;
		if (!s.is_block)
			scan_line(&s, i, end);
		*at = (struct sl_yaml_at){ line, 1, 1 };
		if (s.depth > lim->max_depth)
			return SL_ERR(err, LIMIT, "Maximum object depth exceeded");
		if (s.n_flow > lim->max_items || s.n_props > lim->max_items)
			return SL_ERR(err, LIMIT, "Maximum YAML nodes exceeded");
		s.n_directives += end > i && src.p[i] == '%';
		if (s.n_directives > MAX_DIRECTIVES)
			return SL_ERR(err, LIMIT, "more than %d directives",
				      MAX_DIRECTIVES);
		if (next > 0 && src.p[next - 1] == '\n')
			line++;
	}
	return 0;
}

/* ---- libfyaml ---- */

struct reader {
	struct fy_diag *diag;
	struct fy_parser *fyp;
	size_t depth, n_nodes;
};

static void
no_output(struct fy_diag *diag, void *user, const char *buf, size_t len)
{
	(void)diag;
	(void)user;
	(void)buf;
	(void)len;
}

static void
reader_done(struct reader *r)
{
	if (r->fyp != NULL)
		fy_parser_destroy(r->fyp);
	if (r->diag != NULL)
		fy_diag_destroy(r->diag);
}

static int
reader_init(struct reader *r, struct sl_slice src, struct sl_err *err)
{
	struct fy_diag_cfg dc;
	struct fy_parse_cfg pc;

	fy_diag_cfg_default(&dc);
	dc.fp = NULL; /* or it prints */
	dc.output_fn = no_output;
	dc.level = FYET_ERROR;
	dc.show_source = false;
	if ((r->diag = fy_diag_create(&dc)) == NULL)
		return SL_ERR(err, NOMEM, "out of memory");
	fy_diag_set_collect_errors(r->diag, true);
	pc =
	    (struct fy_parse_cfg){ .diag = r->diag,
				   .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
					    FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE };
	if ((r->fyp = fy_parser_create(&pc)) == NULL ||
	    fy_parser_set_string(r->fyp, (const char *)src.p, src.len) != 0)
		return SL_ERR(err, NOMEM, "out of memory");
	return 0;
}

static struct sl_slice
token_text(struct fy_token *t)
{
	size_t len = 0;
	const char *p = t != NULL ? fy_token_get_text(t, &len) : NULL;

	return (struct sl_slice){ (const uint8_t *)p, p != NULL ? len : 0 };
}

/* A block scalar's mark is its first line; what people look for is the indicator. */
static void
place_header(struct sl_slice src, size_t pos, struct sl_yaml_at *at)
{
	struct scan s = { .p = src.p };
	size_t end = pos < src.len ? pos : src.len, bol, col = 1;

	while (end > 0 && (is_blank(src.p[end - 1]) || src.p[end - 1] == '\n' ||
			   src.p[end - 1] == '\r')) {
		end--;
		at->line -= src.p[end] == '\n' && at->line > 1;
	}
	for (bol = end; bol > 0 && src.p[bol - 1] != '\n'; bol--)
		;
	at->col = at->width = 1;
	for (size_t i = bol; i < end; i++) {
		if ((src.p[i] == '|' || src.p[i] == '>') && is_block_header(&s, i, end)) {
			at->col = col;
			return;
		}
		col += (src.p[i] & 0xc0) != 0x80;
	}
}

static void
place(struct fy_event *e, struct sl_slice src, struct sl_yaml_at *at)
{
	const struct fy_mark *m = fy_event_start_mark(e), *n = fy_event_end_mark(e);
	size_t w = 0;

	*at = (struct sl_yaml_at){ 1, 1, 1 };
	if (m == NULL || m->line < 0 || m->column < 0)
		return;
	at->line = (size_t)m->line + 1;
	at->col = (size_t)m->column + 1;
	if (n == NULL || n->input_pos <= m->input_pos || n->input_pos > src.len)
		return;
	for (size_t i = m->input_pos;
	     i < n->input_pos && src.p[i] != '\n' && src.p[i] != '\r'; i++)
		w += (src.p[i] & 0xc0) != 0x80;
	at->width = w > 0 ? w : 1;
}

/* libfyaml's marks leave out the sign before: a quote, a star, a block's indicator. */
static void
place_sign(struct fy_event *e, struct sl_slice src, struct sl_yaml_ev *ev)
{
	if (ev->kind == SL_YAML_EV_ALIAS || ev->style == SL_YAML_SINGLE ||
	    ev->style == SL_YAML_DOUBLE) {
		ev->at.width += ev->kind == SL_YAML_EV_ALIAS ? 1 : 2;
		ev->at.col -= ev->at.col > 1;
	} else if (ev->style == SL_YAML_LITERAL || ev->style == SL_YAML_FOLDED) {
		place_header(src, fy_event_start_mark(e)->input_pos, &ev->at);
	}
}

static enum sl_yaml_style
collection_style(struct fy_event *e)
{
	return fy_event_get_node_style(e) == FYNS_FLOW ? SL_YAML_FLOW : SL_YAML_BLOCK;
}

static enum sl_yaml_style
scalar_style(struct fy_token *t)
{
	switch (t != NULL ? fy_token_scalar_style(t) : FYSS_PLAIN) {
	case FYSS_SINGLE_QUOTED:
		return SL_YAML_SINGLE;
	case FYSS_DOUBLE_QUOTED:
		return SL_YAML_DOUBLE;
	case FYSS_LITERAL:
		return SL_YAML_LITERAL;
	case FYSS_FOLDED:
		return SL_YAML_FOLDED;
	case FYSS_ANY:
	case FYSS_PLAIN:
	case FYSS_MAX:
	default:
		return SL_YAML_PLAIN;
	}
}

/* False for events that say nothing (the stream's ends). */
static bool
translate(struct fy_event *e, struct sl_yaml_ev *ev)
{
	struct fy_token *tag = NULL, *anchor = NULL;

	switch (e->type) {
	case FYET_DOCUMENT_START:
		ev->kind = SL_YAML_EV_DOC;
		ev->is_implicit = e->document_start.implicit;
		break;
	case FYET_DOCUMENT_END:
		ev->kind = SL_YAML_EV_DOC_END;
		ev->is_implicit = e->document_end.implicit;
		break;
	case FYET_MAPPING_START:
		ev->kind = SL_YAML_EV_MAP;
		ev->style = collection_style(e);
		tag = e->mapping_start.tag;
		anchor = e->mapping_start.anchor;
		break;
	case FYET_SEQUENCE_START:
		ev->kind = SL_YAML_EV_SEQ;
		ev->style = collection_style(e);
		tag = e->sequence_start.tag;
		anchor = e->sequence_start.anchor;
		break;
	case FYET_MAPPING_END:
		ev->kind = SL_YAML_EV_MAP_END;
		break;
	case FYET_SEQUENCE_END:
		ev->kind = SL_YAML_EV_SEQ_END;
		break;
	case FYET_SCALAR:
		ev->kind = SL_YAML_EV_SCALAR;
		ev->style = scalar_style(e->scalar.value);
		ev->text = token_text(e->scalar.value);
		tag = e->scalar.tag;
		anchor = e->scalar.anchor;
		break;
	case FYET_ALIAS:
		ev->kind = SL_YAML_EV_ALIAS;
		ev->text = token_text(e->alias.anchor);
		break;
	case FYET_NONE:
	case FYET_STREAM_START:
	case FYET_STREAM_END:
	default:
		return false;
	}
	ev->has_tag = tag != NULL;
	ev->tag = token_text(tag);
	ev->anchor = token_text(anchor);
	return true;
}

/* libfyaml's own words, without the buffer's address that it puts before them. */
static int
parser_error(struct reader *r, struct sl_yaml_at *at, struct sl_err *err)
{
	void *it = NULL;
	struct fy_diag_error *e = fy_diag_errors_iterate(r->diag, &it);

	*at = (struct sl_yaml_at){ 1, 1, 1 };
	if (e == NULL || e->msg == NULL)
		return SL_ERR(err, FORMAT, "the text is not valid YAML");
	if (e->line > 0)
		at->line = (size_t)e->line;
	if (e->column > 0)
		at->col = (size_t)e->column;
	return SL_ERR(err, FORMAT, "%s", e->msg);
}

static int
count_event(struct reader *r, const struct sl_yaml_ev *ev, const struct sl_limits *lim,
	    struct sl_err *err)
{
	if (ev->kind == SL_YAML_EV_MAP_END || ev->kind == SL_YAML_EV_SEQ_END) {
		r->depth--;
		return 0;
	}
	if (ev->kind == SL_YAML_EV_DOC || ev->kind == SL_YAML_EV_DOC_END)
		return 0;
	if (++r->n_nodes > lim->max_items)
		return SL_ERR(err, LIMIT, "Maximum YAML nodes exceeded");
	if ((ev->kind == SL_YAML_EV_MAP || ev->kind == SL_YAML_EV_SEQ) &&
	    ++r->depth > lim->max_depth)
		return SL_ERR(err, LIMIT, "Maximum object depth exceeded");
	return 0;
}

int
sl_yaml_events(struct sl_slice src, const struct sl_limits *lim,
	       int (*fn)(void *arg, const struct sl_yaml_ev *ev, struct sl_err *err),
	       void *arg, struct sl_yaml_at *ret_at, struct sl_err *err)
{
	struct reader rd = { 0 };
	struct fy_event *e;
	int r;

	*ret_at = (struct sl_yaml_at){ 0, 0, 1 };
	if (src.len > lim->max_bytes)
		return SL_ERR(err, LIMIT,
			      "The maximum file size of %zu characters has been exceeded",
			      lim->max_bytes);
	if ((r = check_bytes(src, ret_at, err)) < 0 ||
	    (r = check_flow(src, lim, ret_at, err)) < 0)
		return r;
	if (src.len == 0)
		return 0; /* libfyaml would take the length 0 for "until the NUL" */
	if ((r = reader_init(&rd, src, err)) < 0)
		goto out;
	while ((e = fy_parser_parse(rd.fyp)) != NULL) {
		struct sl_yaml_ev ev = { 0 };

		if (translate(e, &ev)) {
			place(e, src, &ev.at);
			place_sign(e, src, &ev);
			*ret_at = ev.at;
			if ((r = count_event(&rd, &ev, lim, err)) == 0)
				r = fn(arg, &ev, err);
		}
		fy_parser_event_free(rd.fyp, e);
		if (r < 0)
			goto out;
	}
	if (fy_parser_get_stream_error(rd.fyp))
		r = parser_error(&rd, ret_at, err);
out:
	reader_done(&rd);
	return r;
}
