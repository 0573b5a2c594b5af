/* test_command.c -- workflow commands: recognition, escapes, properties, state. */
#include "t.h"

#include "flow/command.h"

#include <stdlib.h>

enum { CAP = 16 << 20 };

struct fix {
	struct sl_arena a;
	struct sl_command_state st;
	struct sl_command c;
	struct sl_err err;
};

static void
start(struct fix *f)
{
	*f = (struct fix){ 0 };
	sl_arena_init(&f->a, CAP);
}

static int
line(struct fix *f, const char *s)
{
	f->err = (struct sl_err){ 0 };
	f->c = (struct sl_command){ .kind = SL_CMD_NONE };
	return sl_command_line(&f->st, sl_slice_str(s), &f->a, &f->c, &f->err);
}

static void
is(struct fix *f, const char *s, enum sl_command_kind kind, const char *data)
{
	int r = line(f, s);

	if (r < 0 || f->c.kind != kind)
		print_message("# %s: %s\n", s, f->err.msg);
	assert_int_equal(r, 0);
	assert_int_equal(f->c.kind, kind);
	assert_true(sl_slice_eq(f->c.data, sl_slice_str(data)));
}

static void
fails(struct fix *f, const char *s, const char *msg)
{
	assert_int_equal(line(f, s), SL_E(FAILED));
	assert_non_null(strstr(f->err.msg, "Unable to process command '"));
	assert_non_null(strstr(f->err.msg, "' successfully. "));
	if (strstr(f->err.msg, msg) == NULL)
		print_message("# %s\n", f->err.msg);
	assert_non_null(strstr(f->err.msg, msg));
}

static void
test_recognition(void **state)
{
	static const char *const plain[] = { "",
					     "::",
					     "::1",
					     "::1:: is the loopback",
					     "x ::debug::y",
					     "::debug",
					     "::debug:y",
					     ":: debug::x",
					     "::debugx::y",
					     "##[debugx]y",
					     "##[debug y",
					     "## [debug]",
					     "::internal-set-repo-path::x",
					     "::\0debug::x" };
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < SL_ARRAY_LEN(plain); i++) {
		is(&f, plain[i], SL_CMD_NONE, "");
		assert_true(f.c.is_shown);
	}
	is(&f, "::debug::x", SL_CMD_DEBUG, "x");
	is(&f, " \t\xc2\xa0::DEBUG::x::y", SL_CMD_DEBUG, "x::y");
	is(&f, "::debug ::", SL_CMD_DEBUG, "");
	is(&f, "some text ##[debug]x", SL_CMD_DEBUG, "x");
	is(&f, "::nope::##[group]g", SL_CMD_GROUP, "g");
	is(&f, "::endgroup::ignored", SL_CMD_ENDGROUP, "");
	sl_arena_free(&f.a);
}

static void
test_escapes(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	is(&f, "::debug::a%0Ab%0Dc%25d", SL_CMD_DEBUG, "a\nb\rc%d");
	is(&f, "::debug::%250A%2525%3A%0a%", SL_CMD_DEBUG, "%0A%25%3A%0a%");
	is(&f, "##[debug]%3B%5D%0A%25%3A", SL_CMD_DEBUG, ";]\n%%3A");
	is(&f, "::error title=a%3Ab%2Cc%25%0A::x", SL_CMD_ERROR, "x");
	assert_true(sl_slice_eq(f.c.title, SL_LIT("a:b,c%\n")));
	is(&f, "##[error title=a%3Bb%5D%3A;file=f]x", SL_CMD_ERROR, "x");
	assert_true(sl_slice_eq(f.c.title, SL_LIT("a;b]%3A")));
	assert_true(sl_slice_eq(f.c.file, SL_LIT("f")));
	sl_arena_free(&f.a);
}

static void
test_annotations(void **state)
{
	static const struct {
		const char *props;
		uint32_t line, end_line, col, end_col;
	} row[] = {
		{ "", 0, 0, 0, 0 },
		{ "line=1", 1, 0, 0, 0 },
		{ "line= +7 ", 7, 0, 0, 0 },
		{ "endLine=3", 3, 3, 0, 0 },
		{ "col=3", 0, 0, 0, 0 },
		{ "line=1,col=3", 1, 0, 3, 0 },
		{ "line=1,endColumn=3", 1, 0, 3, 3 },
		{ "line=1,endLine=2,col=3", 1, 2, 0, 0 },
		{ "line=1,endLine=1,col=3,endColumn=4", 1, 1, 3, 4 },
		{ "line=2,endLine=1", 0, 0, 0, 0 },
		{ "line=1,col=4,endColumn=3", 1, 0, 0, 0 },
		{ "line=x,col=1", 0, 0, 0, 0 },
		{ "line=-1", 0, 0, 0, 0 },
		{ "line=2147483648", 0, 0, 0, 0 },
		{ "line=99999999999999999999999999", 0, 0, 0, 0 },
		{ "LINE=1,Line=2,,=,=x,line==3,line=", 3, 0, 0, 0 },
		{ "line =1, line=2", 0, 0, 0, 0 },
	};
	char text[256];
	struct fix f;

	(void)state;
	start(&f);
	for (size_t i = 0; i < SL_ARRAY_LEN(row); i++) {
		(void)snprintf(text, sizeof(text), "::warning %s::m", row[i].props);
		is(&f, text, SL_CMD_WARNING, "m");
		if (f.c.line != row[i].line || f.c.col != row[i].col)
			print_message("# %s\n", text);
		assert_int_equal(f.c.line, row[i].line);
		assert_int_equal(f.c.end_line, row[i].end_line);
		assert_int_equal(f.c.col, row[i].col);
		assert_int_equal(f.c.end_col, row[i].end_col);
		assert_false(f.c.is_shown);
	}
	is(&f, "::notice file=a/b.c,title=T t::m", SL_CMD_NOTICE, "m");
	assert_true(sl_slice_eq(f.c.file, SL_LIT("a/b.c")) &&
		    sl_slice_eq(f.c.title, SL_LIT("T t")));
	sl_arena_free(&f.a);
}

static void
test_stop(void **state)
{
	char big[SL_COMMAND_TOKEN_MAX + 32] = "::stop-commands::";
	struct fix f;

	(void)state;
	start(&f);
	is(&f, "::stop-commands::Tok-1234", SL_CMD_STOP, "Tok-1234");
	assert_true(f.c.is_shown && sl_slice_eq(f.c.mask, SL_LIT("Tok-1234")));
	is(&f, "::error::x", SL_CMD_NONE, "");
	is(&f, "::stop-commands::other", SL_CMD_NONE, "");
	is(&f, "::other::", SL_CMD_NONE, "");
	is(&f, "::tok-1234::", SL_CMD_RESUME, "");
	is(&f, "::Tok-1234::", SL_CMD_NONE, "");
	is(&f, "::error::x", SL_CMD_ERROR, "x");
	is(&f, "::stop-commands::short", SL_CMD_STOP, "short");
	assert_int_equal(f.c.mask.len, 0);
	is(&f, "##[short]", SL_CMD_RESUME, "");
	fails(&f,
	      "::stop-commands::", "You cannot use a endToken that is an empty string");
	fails(&f, "::stop-commands::Pause-Logging", "You cannot use a endToken");
	fails(&f, "::stop-commands::set-OUTPUT", "You cannot use a endToken");
	memset(big + 17, 'x', SL_COMMAND_TOKEN_MAX);
	is(&f, big, SL_CMD_STOP, big + 17);
	f.st = (struct sl_command_state){ 0 };
	big[17 + SL_COMMAND_TOKEN_MAX] = 'x';
	fails(&f, big, "too long");
	assert_false(f.st.is_paused);
	f.st.allow_unsecure_tokens = true;
	is(&f, "::stop-commands::debug", SL_CMD_STOP, "debug");
	is(&f, "::error::x", SL_CMD_NONE, "");
	is(&f, "::debug::", SL_CMD_RESUME, "");
	is(&f, "::stop-commands::", SL_CMD_STOP, "");
	is(&f, "::error::x", SL_CMD_NONE, "");
	is(&f, "::::", SL_CMD_NONE, "");
	assert_true(f.st.is_paused);
	sl_arena_free(&f.a);
}

static void
test_effects(void **state)
{
	struct fix f;

	(void)state;
	start(&f);
	is(&f, "::add-mask::s3cret%0Ax", SL_CMD_MASK, "s3cret\nx");
	assert_true(sl_slice_eq(f.c.mask, SL_LIT("s3cret\nx")) && !f.c.is_shown);
	is(&f, "::add-mask:: \t", SL_CMD_MASK, " \t");
	assert_true(f.c.mask.len == 0 && f.c.warning.len > 0);
	is(&f, "::set-output name=a%3Ab::v", SL_CMD_OUTPUT, "v");
	assert_true(sl_slice_eq(f.c.name, SL_LIT("a:b")) && f.c.warning.len > 0 &&
		    !f.c.is_shown);
	is(&f, "::save-state name=k::", SL_CMD_STATE, "");
	is(&f, "::echo:: On ", SL_CMD_ECHO, " On ");
	assert_true(f.c.is_on && f.st.is_echo_on && !f.c.is_shown);
	is(&f, "::set-output name=a::v", SL_CMD_OUTPUT, "v");
	assert_true(f.c.is_shown);
	is(&f, "::add-mask::x", SL_CMD_MASK, "x");
	assert_false(f.c.is_shown);
	is(&f, "::echo::off", SL_CMD_ECHO, "off");
	assert_true(!f.c.is_on && f.c.is_shown && !f.st.is_echo_on);
	is(&f, "::add-matcher::m.json", SL_CMD_MATCHER_ADD, "m.json");
	assert_non_null(strstr((const char *)f.c.warning.p, "not supported"));
	is(&f, "::remove-matcher owner=eslint::", SL_CMD_MATCHER_REMOVE, "");
	assert_true(sl_slice_eq(f.c.name, SL_LIT("eslint")));
	fails(&f, "::echo::maybe",
	      "Invalid echo command value. Possible values can be: 'on', 'off'. "
	      "Current value is: 'maybe'.");
	fails(&f, "::echo::", "Invalid echo command value");
	fails(&f, "::set-output::v",
	      "Required field 'name' is missing in ##[set-output] command.");
	fails(&f, "::save-state name=::v",
	      "Required field 'name' is missing in ##[save-state] command.");
	fails(&f, "::set-env name=A::b", "The `set-env` command is disabled.");
	fails(&f, "::add-path::/x", "The `add-path` command is disabled.");
	f.st.allow_unsecure = true;
	is(&f, "::set-env name=A::b", SL_CMD_ENV, "b");
	is(&f, "::add-path::/x", SL_CMD_PATH, "/x");
	fails(&f, "::add-path::", "A path is required.");
	fails(&f, "::set-env::b", "Required field 'name' is missing");
	fails(&f, "::set-env name=node_options::b",
	      "Can't update node_options environment variable");
	fails(&f, "::set-env name=LD_PRELOAD::b",
	      "Can't update LD_PRELOAD environment variable");
	sl_arena_free(&f.a);
}

/* Bytes of any kind, long lines, every prefix at the edge of a page. */
static void
test_hostile(void **state)
{
	static const char src[] =
	    "  ::error file=a%2C,line=1,endLine=2::x%0A ##[debug a=b;c=%5D]%25";
	size_t n = 1 << 20;
	char *big = malloc(n + 1);
	struct fix f;

	(void)state;
	start(&f);
	f.a.cap = CAP;
	for (size_t i = 0; i <= strlen(src); i++) {
		struct sl_slice s = { at_edge(src, i), i };

		f.err = (struct sl_err){ 0 };
		assert_int_equal(sl_command_line(&f.st, s, &f.a, &f.c, &f.err), 0);
		s = (struct sl_slice){ at_edge(src + strlen(src) - i, i), i };
		assert_int_equal(sl_command_line(&f.st, s, &f.a, &f.c, &f.err), 0);
	}
	memset(big, '%', n);
	memcpy(big, "::error::", 9);
	big[n] = '\0';
	assert_int_equal(line(&f, big), 0);
	assert_int_equal(f.c.data.len, SL_COMMAND_TEXT_MAX);
	memset(big, ',', n);
	memcpy(big, "::error ", 8);
	memcpy(big + n - 3, "::x", 3);
	assert_int_equal(line(&f, big), 0);
	assert_int_equal(f.c.kind, SL_CMD_ERROR);
	memset(big, '=', n);
	memcpy(big, "::error ", 8);
	memcpy(big + n - 3, "::x", 3);
	assert_int_equal(line(&f, big), 0);
	is(&f, "::debug::\xff\xfe", SL_CMD_DEBUG, "\xff\xfe");
	free(big);
	sl_arena_free(&f.a);
}

static void
test_allocation(void **state)
{
	unsigned long n = 0;
	struct fix f;
	int r;

	(void)state;
	do {
		start(&f);
		f.a.fail_at = ++n;
		r = line(&f, "::error file=a%2C,line=1,title=x::y%0A");
		assert_true(r == 0 || r == SL_E(NOMEM));
		sl_arena_free(&f.a);
	} while (r != 0 && n < 1000);
	assert_int_equal(r, 0);
	assert_true(n > 5);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(test_recognition), cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_annotations), cmocka_unit_test(test_stop),
		cmocka_unit_test(test_effects),     cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_allocation),
	};

	return run_suite("flow-command", t, SL_ARRAY_LEN(t));
}
