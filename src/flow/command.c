/* command.c -- see command.h (facts: ActionCommand.cs, ActionCommandManager.cs of
 * actions/runner). */
#include "flow/command.h"

#include "flow/expr_case.h"
#include "flow/filecmd.h"
#include "flow/value.h"

enum { PREFIX_LEN = 2, LEGACY_LEN = 3, MASK_FROM = 6, SHOWN_MAX = 80 };

struct row {
	const char *name;
	enum sl_command_kind kind;
	bool is_private; /* never echoed, nor quoted in an error */
};

static const struct row *
find_row(struct sl_slice name)
{
	static const struct row table[] = {
		{ "stop-commands", SL_CMD_STOP, false },
		{ "add-mask", SL_CMD_MASK, true },
		{ "add-matcher", SL_CMD_MATCHER_ADD, false },
		{ "add-path", SL_CMD_PATH, false },
		{ "debug", SL_CMD_DEBUG, true },
		{ "echo", SL_CMD_ECHO, false },
		{ "endgroup", SL_CMD_ENDGROUP, false },
		{ "error", SL_CMD_ERROR, true },
		{ "group", SL_CMD_GROUP, false },
		{ "notice", SL_CMD_NOTICE, true },
		{ "remove-matcher", SL_CMD_MATCHER_REMOVE, false },
		{ "save-state", SL_CMD_STATE, false },
		{ "set-env", SL_CMD_ENV, false },
		{ "set-output", SL_CMD_OUTPUT, false },
		{ "warning", SL_CMD_WARNING, true },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (sl_val_caseeq(name, sl_slice_str(table[i].name)))
			return &table[i];
	}
	return NULL;
}

/* A command as it stands in the line, nothing decoded yet. */
struct raw {
	struct sl_slice name, props, data;
	bool is_legacy;
};

static size_t
find_text(struct sl_slice s, const char *what, size_t len)
{
	const uint8_t *p = s.len >= len ? memmem(s.p, s.len, what, len) : NULL;

	return p != NULL ? (size_t)(p - s.p) : s.len;
}

static void
split_info(struct sl_slice info, struct raw *ret)
{
	ret->name = sl_slice_upto(info, ' ');
	ret->props = ret->name.len > 0 ? sl_slice_skip(info, ret->name.len + 1)
				       : (struct sl_slice){ 0 };
}

/* ::name k=v,k2=v2::data, first in the line but for white space. */
static bool
split_line(struct sl_slice line, struct raw *ret)
{
	struct sl_slice s = sl_case_trim_start(line);
	size_t end;

	if (!sl_slice_starts(s, SL_LIT("::")))
		return false;
	s = sl_slice_skip(s, PREFIX_LEN);
	if ((end = find_text(s, "::", PREFIX_LEN)) == s.len)
		return false;
	split_info((struct sl_slice){ s.p, end }, ret);
	ret->props = sl_case_trim(ret->props);
	ret->data = sl_slice_skip(s, end + PREFIX_LEN);
	ret->is_legacy = false;
	return true;
}

/* ##[name k=v;k2=v2]data, anywhere. */
static bool
split_legacy(struct sl_slice line, struct raw *ret)
{
	size_t at = find_text(line, "##[", LEGACY_LEN);
	struct sl_slice s = sl_slice_skip(line, at + LEGACY_LEN), info;

	if (at == line.len)
		return false;
	info = sl_slice_upto(s, ']');
	if (info.len == s.len)
		return false;
	split_info(info, ret);
	ret->data = sl_slice_skip(s, info.len + 1);
	ret->is_legacy = true;
	return true;
}

bool
sl_command_maybe(struct sl_slice line)
{
	return line.len > PREFIX_LEN &&
	       (sl_slice_starts(sl_case_trim_start(line), SL_LIT("::")) ||
		find_text(line, "##[", LEGACY_LEN) < line.len);
}

/* Decodes the escapes whose letter pairs are in `codes` ("0D0A25"); GitHub decodes %25
 * last, which is the same as one pass from the left. */
static struct sl_slice
unescape(struct sl_arena *a, struct sl_slice s, const char *codes)
{
	static const struct {
		char code[3], c;
	} table[] = { { "0D", '\r' }, { "0A", '\n' }, { "25", '%' }, { "3A", ':' },
		      { "2C", ',' },  { "3B", ';' },  { "5D", ']' } };
	struct sl_slice ret = sl_arena_dup(a, s);
	size_t n = 0;
	uint8_t *q;

	if (ret.p == NULL || s.len == 0 || memchr(s.p, '%', s.len) == NULL)
		return ret;
	if ((q = sl_arena_alloc(a, s.len, 1)) == NULL)
		return (struct sl_slice){ 0 };
	for (size_t i = 0; i < s.len; i++) {
		q[n] = s.p[i];
		for (size_t k = 0; s.p[i] == '%' && s.len - i > 2 && k < 7; k++) {
			if (memcmp(s.p + i + 1, table[k].code, 2) == 0 &&
			    strstr(codes, table[k].code) != NULL) {
				q[n] = (uint8_t)table[k].c;
				i += 2;
				break;
			}
		}
		n++;
	}
	return (struct sl_slice){ q, n };
}

struct command_job {
	struct sl_command_state *st;
	struct sl_arena *a;
	struct sl_err *err;
	struct sl_slice line;
	const struct row *row;
	struct raw raw;
	struct sl_command *c;
};

static struct sl_slice
skip_all(struct sl_slice s, uint8_t c)
{
	while (s.len > 0 && s.p[0] == c)
		s = sl_slice_skip(s, 1);
	return s;
}

/* The value of a property, the last one if it is there twice; empty if absent.  As
 * .NET splits: empty pieces vanish, so `k==v` is k and v, and `k=` is nothing. */
static int
property(struct command_job *j, const char *key, struct sl_slice *ret)
{
	struct sl_slice rest = j->raw.props, found = { 0 };
	uint8_t sep = j->raw.is_legacy ? ';' : ',';

	while (rest.len > 0) {
		struct sl_slice one = sl_slice_upto(rest, sep), k, v;

		rest = sl_slice_skip(rest, one.len + 1);
		k = sl_slice_upto(skip_all(one, '='), '=');
		v = skip_all(sl_slice_skip(skip_all(one, '='), k.len), '=');
		if (v.len > 0 && sl_val_caseeq(k, sl_slice_str(key)))
			found = v;
	}
	*ret =
	    unescape(j->a, found, j->raw.is_legacy ? "0D 0A 25 3B 5D" : "0D 0A 25 3A 2C");
	return ret->p != NULL ? 0 : SL_ERR(j->err, NOMEM, "out of memory for a command");
}

static int
bad(struct command_job *j, const char *why, struct sl_slice arg, const char *after)
{
	struct sl_slice shown = j->row->is_private ? sl_slice_str(j->row->name) : j->line;

	if (shown.len > SHOWN_MAX)
		shown.len = SHOWN_MAX;
	return SL_ERR(j->err, FAILED,
		      "Unable to process command '%.*s' successfully. %s%.*s%s",
		      SL_ARG(shown), why, SL_ARG(arg), after);
}

static int
need_name(struct command_job *j)
{
	int r = property(j, "name", &j->c->name);

	if (r < 0)
		return r;
	if (j->c->name.len == 0)
		return bad(j, "Required field 'name' is missing in ##[",
			   sl_slice_str(j->row->name), "] command.");
	return 0;
}

/* .NET's int.TryParse, less what is no place in a file: zero and below. */
static uint32_t
read_place(struct sl_slice s)
{
	uint64_t v = 0;

	s = sl_case_trim(s);
	if (s.len > 1 && s.p[0] == '+')
		s = sl_slice_skip(s, 1);
	for (size_t i = 0; i < s.len; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > INT32_MAX)
			return 0;
		v = v * 10 + (s.p[i] - '0');
	}
	return v <= INT32_MAX ? (uint32_t)v : 0;
}

static int
place(struct command_job *j, const char *key, uint32_t *ret)
{
	struct sl_slice s;
	int r = property(j, key, &s);

	if (r == 0)
		*ret = read_place(s);
	return r;
}

/* In the order of GitHub's ValidateLinesAndColumns. */
static void
settle_places(struct sl_command *c)
{
	bool has_line = c->line > 0, has_end = c->end_line > 0;
	bool has_column = c->col > 0 || c->end_col > 0;

	if (has_end && !has_line) {
		c->line = c->end_line;
		has_line = true;
	}
	if (c->end_col > 0 && c->col == 0)
		c->col = c->end_col;
	if (has_column && (!has_line || (has_end && c->line != c->end_line)))
		c->col = c->end_col = 0;
	if (has_end && c->end_line < c->line)
		c->line = c->end_line = 0;
	if (c->end_col > 0 && c->end_col < c->col)
		c->col = c->end_col = 0;
}

static int
annotation(struct command_job *j)
{
	struct sl_command *c = j->c;
	int r;

	if ((r = property(j, "title", &c->title)) < 0 ||
	    (r = property(j, "file", &c->file)) < 0 ||
	    (r = place(j, "line", &c->line)) < 0 ||
	    (r = place(j, "endLine", &c->end_line)) < 0 ||
	    (r = place(j, "col", &c->col)) < 0 ||
	    (r = place(j, "endColumn", &c->end_col)) < 0)
		return r;
	settle_places(c);
	c->data = sl_case_cut(c->data, SL_COMMAND_TEXT_MAX);
	return 0;
}

static int
stop(struct command_job *j)
{
	struct sl_slice t = j->c->data;
	bool is_bad = t.len == 0 || find_row(t) != NULL ||
		      sl_val_caseeq(t, SL_LIT("pause-logging"));

	if (t.len > SL_COMMAND_TOKEN_MAX)
		return bad(j, "The endToken is too long.", SL_LIT(""), "");
	if (is_bad && !j->st->allow_unsecure_tokens)
		return bad(
		    j,
		    "You cannot use a endToken that is an empty string, the string "
		    "'pause-logging', or another workflow command.",
		    SL_LIT(""), "");
	if (t.len > 0)
		memcpy(j->st->token, t.p, t.len);
	j->st->len_token = t.len;
	j->st->is_paused = true;
	if (sl_val_utf16_len(t) > MASK_FROM)
		j->c->mask = t;
	j->c->is_shown = true;
	return 0;
}

static int
echo(struct command_job *j)
{
	struct sl_slice v = sl_case_trim(j->c->data);

	j->c->is_on = sl_val_caseeq(v, SL_LIT("on"));
	if (!j->c->is_on && !sl_val_caseeq(v, SL_LIT("off")))
		return bad(
		    j,
		    "Invalid echo command value. Possible values can be: 'on', 'off'. "
		    "Current value is: '",
		    j->c->data, "'.");
	j->st->is_echo_on = j->c->is_on;
	return 0;
}

/* set-env and add-path: what a step prints must not steer the next ones. */
static int
unsecure(struct command_job *j)
{
	int r;

	if (!j->st->allow_unsecure)
		return bad(
		    j, "The `", sl_slice_str(j->row->name),
		    "` command is disabled. Please upgrade to using Environment Files or "
		    "opt into unsecure command execution by setting the "
		    "`ACTIONS_ALLOW_UNSECURE_COMMANDS` environment variable to `true`.");
	if (j->row->kind == SL_CMD_PATH)
		return j->c->data.len > 0 ? 0
					  : bad(j, "A path is required.", SL_LIT(""), "");
	if ((r = need_name(j)) < 0)
		return r;
	if (sl_filecmd_env_refused(j->c->name) != NULL)
		return bad(j, "Can't update ", j->c->name,
			   " environment variable using ::set-env:: command.");
	return 0;
}

static int
deprecated(struct command_job *j)
{
	j->c->warning =
	    j->row->kind == SL_CMD_OUTPUT
		? SL_LIT("The `set-output` command is deprecated and will be disabled "
			 "soon. Please upgrade to using Environment Files.")
		: SL_LIT("The `save-state` command is deprecated and will be disabled "
			 "soon. Please upgrade to using Environment Files.");
	return need_name(j);
}

static int
matcher(struct command_job *j)
{
	int r = 0;

	if (j->row->kind == SL_CMD_MATCHER_REMOVE)
		r = property(j, "owner", &j->c->name);
	j->c->warning =
	    SL_LIT("problem matchers are not supported: the output is shown as it is");
	return r;
}

static int
run_command(struct command_job *j)
{
	switch (j->row->kind) {
	case SL_CMD_NOTICE:
	case SL_CMD_WARNING:
	case SL_CMD_ERROR:
		return annotation(j);
	case SL_CMD_MASK:
		if (sl_case_trim(j->c->data).len == 0)
			j->c->warning = SL_LIT("Can't add secret mask for empty string "
					       "in ##[add-mask] command.");
		else
			j->c->mask = j->c->data;
		return 0;
	case SL_CMD_STOP:
		return stop(j);
	case SL_CMD_ECHO:
		return echo(j);
	case SL_CMD_OUTPUT:
	case SL_CMD_STATE:
		return deprecated(j);
	case SL_CMD_ENV:
	case SL_CMD_PATH:
		return unsecure(j);
	case SL_CMD_MATCHER_ADD:
	case SL_CMD_MATCHER_REMOVE:
		return matcher(j);
	case SL_CMD_ENDGROUP:
		j->c->data = (struct sl_slice){ 0 };
		return 0;
	case SL_CMD_NONE:
	case SL_CMD_DEBUG:
	case SL_CMD_GROUP:
	case SL_CMD_RESUME:
		break;
	}
	return 0;
}

static bool
is_token(const struct sl_command_state *st, struct sl_slice name)
{
	return st->is_paused && st->len_token > 0 &&
	       sl_val_caseeq(name, (struct sl_slice){ st->token, st->len_token });
}

/* Known names only: a line such as `::1:: is the loopback` is output.  One form failing
 * leaves the other. */
static bool
recognise(const struct sl_command_state *st, struct sl_slice line, struct raw *ret)
{
	if (split_line(line, ret) &&
	    (find_row(ret->name) != NULL || is_token(st, ret->name)))
		return true;
	return split_legacy(line, ret) &&
	       (find_row(ret->name) != NULL || is_token(st, ret->name));
}

int
sl_command_line(struct sl_command_state *st, struct sl_slice line, struct sl_arena *a,
		struct sl_command *ret, struct sl_err *err)
{
	struct sl_command c = { .kind = SL_CMD_NONE, .is_shown = true };
	struct command_job j = { .st = st, .a = a, .err = err, .line = line, .c = &c };
	int r;

	if (!sl_command_maybe(line) || !recognise(st, line, &j.raw)) {
		*ret = c;
		return 0;
	}
	if (st->is_paused) {
		if (is_token(st, j.raw.name)) {
			c.kind = SL_CMD_RESUME;
			st->is_paused = false;
			st->len_token = 0;
		}
		*ret = c;
		return 0;
	}
	j.row = find_row(j.raw.name);
	c.kind = j.row->kind;
	c.is_shown = st->is_echo_on && !j.row->is_private;
	c.data = unescape(a, j.raw.data, j.raw.is_legacy ? "0D 0A 25 3B 5D" : "0D 0A 25");
	if (c.data.p == NULL)
		return SL_ERR(err, NOMEM, "out of memory for a command");
	if ((r = run_command(&j)) < 0)
		return r;
	*ret = c;
	return 0;
}
