/* test_ui.c -- events in, text out: nothing foreign can forge a line or move the cursor.
 */
#include "t.h"

#include "cli/ui.h"
#include "cli/ui_text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int64_t clock_ms;

static int64_t
now(void)
{
	return clock_ms;
}

struct fix {
	int fd;
	struct sl_ui *ui;
	char text[1 << 20];
};

static void
begin(struct fix *f, enum sl_ui_mode mode, bool colour, bool utf8)
{
	struct sl_ui_opts o = { .mode = mode,
				.has_colour = colour,
				.is_utf8 = utf8,
				.width = 80,
				.height = 24,
				.now_ms = now };
	struct sl_err err = { 0 };

	clock_ms = 1000;
	f->fd = o.out_fd = memfd_create("ui", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(sl_ui_new(&o, &f->ui, &err), 0);
}

static const char *
end(struct fix *f)
{
	ssize_t n;

	sl_ui_free(f->ui);
	n = pread(f->fd, f->text, sizeof(f->text) - 1, 0);
	assert_true(n >= 0);
	f->text[n] = '\0';
	(void)close(f->fd);
	return f->text;
}

/* One event from its JSON. */
static int
ev(struct fix *f, const char *json)
{
	struct sl_limits lim = { 1 << 20, 1000, 10 };
	struct sl_err err = { 0 };
	SL_AUTO_ARENA a = { 0 };
	struct sl_json *v;

	sl_arena_init(&a, 4 << 20);
	if (sl_json_parse(sl_slice_str(json), &lim, &a, &v, &err) < 0)
		fail_msg("%s: %s", json, err.msg);
	return sl_ui_event(f->ui, v, &err);
}

static void
out(struct fix *f, const char *bytes, size_t n)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_err err = { 0 };
	struct sl_json *e;

	sl_arena_init(&a, 4 << 20);
	e = sl_json_obj(&b);
	sl_json_set(&b, e, "event", sl_json_cstr(&b, "step.output"));
	sl_json_set(&b, e, "key", sl_json_cstr(&b, "build"));
	sl_json_set(&b, e, "index", sl_json_int(&b, 0));
	sl_json_set(&b, e, "text",
		    sl_json_str(&b, (struct sl_slice){ (const uint8_t *)bytes, n }));
	assert_int_equal(sl_ui_event(f->ui, e, &err), 0);
}

#define RUN                                                                              \
	"{\"event\":\"run.start\",\"run\":\"7e0b41d2aabbccdd\",\"flow\":\"flow.yml\","   \
	"\"name\":\"ci\","                                                               \
	"\"jobs\":3,\"steps\":9,\"identity\":\"did:key:z6\",\"home\":\"/h\"}"
#define DECISION                                                                         \
	"{\"event\":\"decision\",\"verdict\":\"allow\",\"policy\":\"3f9cabcdef0011\","   \
	"\"policy_name\":\"default\",\"facts\":14}"
#define JOB "{\"event\":\"job.start\",\"job\":\"build\",\"key\":\"build\",\"steps\":2}"
#define STEP                                                                             \
	"{\"event\":\"step.start\",\"job\":\"build\",\"key\":\"build\",\"index\":0,"     \
	"\"step\":\"make\"}"
#define STEP_OK                                                                          \
	"{\"event\":\"step.done\",\"key\":\"build\",\"index\":0,\"step\":\"make\","      \
	"\"outcome\":\"success\",\"conclusion\":\"success\",\"wall_ms\":2040,\"lines\":" \
	"41}"
#define STEP_BAD                                                                         \
	"{\"event\":\"step.done\",\"key\":\"build\",\"index\":0,\"step\":\"make\","      \
	"\"exit\":2,"                                                                    \
	"\"outcome\":\"failure\",\"conclusion\":\"failure\",\"wall_ms\":400,\"lines\":"  \
	"1}"
#define JOB_OK                                                                           \
	"{\"event\":\"job.done\",\"job\":\"build\",\"key\":\"build\",\"result\":"        \
	"\"success\","                                                                   \
	"\"wall_ms\":62040}"
#define DONE                                                                             \
	"{\"event\":\"run.done\",\"run\":\"7e0b41d2aabbccdd\",\"decision\":\"ab\","      \
	"\"conclusion\":"                                                                \
	"\"failure\",\"jobs\":3,\"jobs_ok\":2,\"denials\":1,\"changes\":3,"              \
	"\"decisions\":9,"                                                               \
	"\"entries\":23,\"node_size\":1204,\"verify\":\"sluice verify 7e0b41d2aabb\","   \
	"\"bundle\":\"sluice export 7e0b41d2aabb -o run.bundle\",\"wall_ms\":3000}"

static void
plain_run(void **state)
{
	static struct fix f;
	const char *t;

	(void)state;
	begin(&f, SL_UI_PLAIN, false, true);
	assert_int_equal(ev(&f, RUN), 0);
	assert_int_equal(ev(&f, DECISION), 0);
	assert_int_equal(ev(&f, JOB), 0);
	assert_int_equal(ev(&f, STEP), 0);
	out(&f, "cc -c a.c", 9);
	assert_int_equal(
	    ev(&f,
	       "{\"event\":\"denial\",\"key\":\"build\",\"index\":0,\"act\":\"connect\","
	       "\"object\":\"203.0.113.7:443\",\"why\":\"no network granted\","
	       "\"file\":\"flow.yml\",\"line\":31,\"count\":1}"),
	    0);
	assert_int_equal(ev(&f, STEP_OK), 0);
	assert_int_equal(ev(&f, JOB_OK), 0);
	assert_int_equal(ev(&f, DONE), 0);
	t = end(&f);
	assert_string_equal(t,
			    " flow.yml  ci  3 jobs, 9 steps\n decided: allow  "
			    "(policy default 3f9cabcdef00\u2026, 14 facts)\n"
			    "> build/make\n"
			    "build/make | cc -c a.c\n"
			    "! build/make denied: connect 203.0.113.7:443   (no "
			    "network granted; flow.yml:31)\n"
			    "< build/make: success 2.0s\n"
			    "< build: success 1m02s\n"
			    "\n failure \u00b7 2 of 3 jobs \u00b7 1 denial \u00b7 3 "
			    "files changed \u00b7 3.0s\n"
			    " run 7e0b41d2aabb\u2026  9 decisions, 23 statements, sealed "
			    "at 1,204 in the node log\n"
			    " verify: sluice verify 7e0b41d2aabb\n why: sluice policy "
			    "explain 7e0b41d2aabb\n what happened:"
			    " sluice audit 7e0b41d2aabb\n"
			    " what changed: sluice changes 7e0b41d2aabb\n"
			    " evidence: sluice export 7e0b41d2aabb -o run.bundle\n");
}

static void
json_is_the_event(void **state)
{
	static struct fix f;

	(void)state;
	begin(&f, SL_UI_JSON, false, true);
	assert_int_equal(
	    ev(&f, "{\"event\":\"notice\",\"z\":1,\"msg\":\"a\\u001b[1m\",\"a\":2}"), 0);
	assert_int_equal(ev(&f, STEP), 0);
	assert_string_equal(
	    end(&f),
	    "{\"a\":2,\"event\":\"notice\",\"msg\":\"a\\u001b[1m\",\"z\":1}\n"
	    "{\"event\":\"step.start\",\"index\":0,\"job\":\"build\",\"key\":\"build\","
	    "\"step\":\"make\"}\n");
}

static void
unknown_event_is_a_bug(void **state)
{
	static struct fix f;

	(void)state;
	begin(&f, SL_UI_PLAIN, false, true);
	assert_int_equal(ev(&f, "{\"event\":\"step.begin\"}"), SL_E(BUG));
	assert_int_equal(ev(&f, "{\"time\":\"x\"}"), SL_E(BUG));
	assert_int_equal(ev(&f, "[]"), SL_E(BUG));
	assert_string_equal(end(&f), "");
}

static const struct {
	const char *in;
	size_t n;
	const char *utf8, *ascii;
} escapes[] = {
	{ "a\tb", 3, "a\tb", "a\tb" },
	{ "\x1b[2J", 4, "\\x1b[2J", "\\x1b[2J" },
	{ "a\rb", 3, "a\\x0db", "a\\x0db" },
	{ "a\bb\x7f", 4, "a\\x08b\\x7f", "a\\x08b\\x7f" },
	{ "a\nb", 3, "a\\x0ab", "a\\x0ab" },
	{ "a\0b", 3, "a\\x00b", "a\\x00b" },
	{ "\u00e4", 2, "\u00e4", "\\xc3\\xa4" },
	{ "\xc2\x9b\x33m", 4, "\\xc2\\x9b3m", "\\xc2\\x9b3m" },      /* C1 CSI */
	{ "\xe2\x80\xae", 3, "\\xe2\\x80\\xae", "\\xe2\\x80\\xae" }, /* bidi override */
	{ "\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8", "\\xe2\\x80\\xa8" }, /* line separator */
	{ "\xc0\xaf", 2, "\\xc0\\xaf", "\\xc0\\xaf" },               /* overlong */
	{ "\xed\xa0\x80", 3, "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" }, /* surrogate */
	{ "\xf0\x9f\x98\x80", 4, "\U0001f600", "\\xf0\\x9f\\x98\\x80" },
	{ "\xf0\x9f\x98", 3, "\\xf0\\x9f\\x98", "\\xf0\\x9f\\x98" }, /* cut */
	{ "##[error]x", 10, "\\x23#[error]x", "\\x23#[error]x" },
	{ "a ##vso[x]", 10, "a \\x23#vso[x]", "a \\x23#vso[x]" },
	{ "## a#[1]", 8, "## a#[1]", "## a#[1]" },
	{ "\u3164", 3, "\\xe3\\x85\\xa4", "\\xe3\\x85\\xa4" }, /* no picture */
	{ "", 0, "", "" },
};

static void
escape_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
		struct sl_slice s = { (const uint8_t *)escapes[i].in, escapes[i].n };
		SL_AUTO_BUF u = { .max = 1000 };
		SL_AUTO_BUF a = { .max = 1000 };

		sl_buf_str(&u, "");
		sl_buf_str(&a, "");
		sl_ui_escape(&u, s, true);
		sl_ui_escape(&a, s, false);
		assert_string_equal((const char *)u.p, escapes[i].utf8);
		assert_string_equal((const char *)a.p, escapes[i].ascii);
	}
}

/* Every byte and every pair after a lead byte: no control character ever comes out, and
 * what comes out has no newline. */
static void
escape_never_lets_a_control_through(void **state)
{
	(void)state;
	for (unsigned c = 0; c < 65536; c++) {
		uint8_t in[4] = { (uint8_t)(c >> 8), (uint8_t)c, 'x', 0x9b };
		SL_AUTO_BUF b = { .max = 1000 };

		sl_ui_escape(&b, (struct sl_slice){ in, 4 }, c & 1);
		for (size_t i = 0; i < b.len; i++)
			assert_true(b.p[i] == '\t' || (b.p[i] >= 0x20 && b.p[i] != 0x7f));
	}
}

static void
output_cannot_forge_a_line(void **state)
{
	static const char evil[] = "x\n< build: success 0.0s\r\x1b[1A\x1b[2K";
	static struct fix f;
	char *save, *line, *t;

	(void)state;
	begin(&f, SL_UI_PLAIN, false, true);
	ev(&f, JOB);
	ev(&f, STEP);
	out(&f, evil, sizeof(evil) - 1);
	ev(&f, "{\"event\":\"step.start\",\"key\":\"build\",\"index\":1,\"step\":\"a\\n< "
	       "build: success\"}");
	t = strdup(end(&f));
	assert_non_null(t);
	for (line = strtok_r(t, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		assert_null(strchr(line, '\x1b'));
		assert_null(strchr(line, '\r'));
		assert_true(strncmp(line, "build/make | ", 13) == 0 ||
			    strncmp(line, "> build/", 8) == 0);
	}
	free(t);
}

static void
tty_folds_success_and_opens_failure(void **state)
{
	static struct fix f;
	const char *t;

	(void)state;
	begin(&f, SL_UI_TTY, false, true);
	ev(&f, JOB);
	ev(&f, STEP);
	out(&f, "quiet", 5);
	ev(&f, STEP_OK);
	ev(&f, STEP);
	out(&f, "cc: error", 9);
	ev(&f, STEP_BAD);
	ev(&f, "{\"event\":\"job.done\",\"key\":\"build\",\"result\":\"failure\",\"wall_"
	       "ms\":10}");
	t = end(&f);
	assert_null(strstr(t, "quiet"));
	assert_non_null(strstr(t, " \u2717 build              10ms\n"
				  "   \u2713 make             2.0s   41 lines\n"
				  "   \u2717 make             400ms   exit 2\n"
				  "     \u2502 cc: error\n"));
}

static void
tty_ascii_has_no_high_byte_and_no_colour(void **state)
{
	static struct fix f;
	const char *t;

	(void)state;
	begin(&f, SL_UI_TTY, false, false);
	ev(&f, RUN);
	ev(&f, DECISION);
	ev(&f, JOB);
	ev(&f, STEP);
	out(&f, "\xc3\xa4\xff", 3);
	ev(&f, STEP_BAD);
	ev(&f, JOB_OK);
	ev(&f, DONE);
	t = end(&f);
	for (const char *p = t; *p != '\0'; p++)
		assert_true((unsigned char)*p < 0x7f);
	assert_null(strstr(t, "\x1b[32m"));
	assert_null(strstr(t, "\x1b[0m"));
	assert_non_null(strstr(t, "| \\xc3\\xa4\\xff"));
}

/* The clock redraws in place: the live lines are taken off as often as put on. */
static void
tty_tick_redraws(void **state)
{
	static struct fix f;
	size_t len, n_off = 0, n_wrap = 0;
	const char *t;

	(void)state;
	begin(&f, SL_UI_TTY, false, true);
	ev(&f, JOB);
	ev(&f, STEP);
	len = lseek(f.fd, 0, SEEK_END);
	clock_ms += SL_UI_TICK_MS - 1;
	sl_ui_tick(f.ui);
	assert_int_equal(lseek(f.fd, 0, SEEK_END), len); /* too early */
	clock_ms += 1001;
	sl_ui_tick(f.ui);
	assert_true(lseek(f.fd, 0, SEEK_END) > (off_t)len);
	sl_ui_hide(f.ui);
	ev(&f, STEP_OK);
	ev(&f, JOB_OK);
	t = end(&f);
	assert_non_null(strstr(t, "1.1s"));
	for (const char *p = t; (p = strstr(p, "A\x1b[J")) != NULL; p++)
		n_off++;
	for (const char *p = t; (p = strstr(p, "\x1b[?7l")) != NULL; p++)
		n_wrap++;
	assert_int_equal(n_off, n_wrap);
}

static void
tty_many_jobs_fit_the_screen(void **state)
{
	static struct fix f;
	const char *t;
	unsigned up = 0;
	char json[200];

	(void)state;
	begin(&f, SL_UI_TTY, false, true);
	for (int i = 0; i < 100; i++) {
		(void)snprintf(json, sizeof(json),
			       "{\"event\":\"job.start\",\"key\":\"j (%d)\"}", i);
		ev(&f, json);
	}
	t = end(&f);
	for (const char *p = t; (p = strstr(p, "\r\x1b[")) != NULL; p++) {
		unsigned n = strtoul(p + 3, NULL, 10);

		up = n > up ? n : up;
	}
	assert_true(up > 10 && up < 24);
}

static void
tty_keeps_a_bounded_tail(void **state)
{
	static struct fix f;
	static char big[100000];
	const char *t;
	size_t n = 0;

	(void)state;
	memset(big, 'y', sizeof(big));
	begin(&f, SL_UI_TTY, false, true);
	ev(&f, JOB);
	ev(&f, STEP);
	for (int i = 0; i < 5000; i++)
		out(&f, "line", 4);
	out(&f, big, sizeof(big));
	for (int i = 0; i < 100; i++)
		out(&f, "last", 4);
	ev(&f, STEP_BAD);
	ev(&f, JOB_OK);
	t = end(&f);
	assert_non_null(strstr(t, "earlier lines"));
	assert_non_null(strstr(t, "\u2502 last"));
	for (const char *p = t; (p = strstr(p, "\n     \u2502 ")) != NULL; p++)
		n++;
	assert_true(n <=
		    SL_UI_TAIL_LINES + 1 + 24); /* a screen of it live, then all of it */
}

static void
denied_says_why(void **state)
{
	static struct fix f;

	(void)state;
	begin(&f, SL_UI_PLAIN, false, false);
	ev(&f, RUN);
	ev(&f, "{\"event\":\"decision\",\"verdict\":\"deny\",\"policy\":\"3f9c\","
	       "\"facts\":1,\"rule\":"
	       "{\"text\":\"deny if "
	       "wants_net($h)\",\"file\":\"policy/default.dl\",\"line\":18},\"because\":"
	       "[{\"fact\":\"wants_net(\\\"x\\\")\",\"file\":\"deploy.yml\",\"line\":22,"
	       "\"col\":14,"
	       "\"text\":\"curl\"}],\"remedies\":[\"run without it\"]}");
	assert_string_equal(
	    end(&f),
	    " flow.yml  ci  3 jobs, 9 steps\n decided: deny  (policy 3f9c..., 1 fact)\n"
	    "   deny if wants_net($h)                          "
	    "policy/default.dl:18\n"
	    "   ` wants_net(\"x\")                               "
	    "deploy.yml:22:14   curl\n"
	    " what would lift it (smallest first)\n"
	    "   1. run without it\n");
}

static void
diags(void **state)
{
	static const struct {
		struct sl_diag d;
		const char *want;
	} row[] = {
		{ { .line = 12, .col = 5, .width = 4 },
		  "f.yml:12:5: error: m\n   12 |     step:\n      |     ^~~~ did you "
		  "mean 'steps'?\n" },
		{ { .line = 0, .col = 0, .width = 1 },
		  "f.yml: error: m\n      did you mean 'steps'?\n" },
		{ { .line = 3, .col = 900, .width = 9000 },
		  "f.yml:3:900: error: m\n    3 |     step:\n      |          " },
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct sl_ui_opts o = { .is_utf8 = true };
		struct sl_diag d = row[i].d;
		struct sl_diags ds = { &d, 1, i };
		SL_AUTO_BUF b = { .max = 10000 };

		d.msg = SL_LIT("m");
		d.text = SL_LIT("    step:");
		d.hint = SL_LIT("did you mean 'steps'?");
		sl_ui_diags(&b, &o, "f.yml", &ds);
		assert_int_equal(strncmp((char *)b.p, row[i].want, strlen(row[i].want)),
				 0);
		assert_non_null(strstr((char *)b.p, "nothing was run"));
	}
}

static void
diag_text_is_escaped(void **state)
{
	struct sl_ui_opts o = { .is_utf8 = true };
	struct sl_diag d = { .line = 1,
			     .col = 3,
			     .width = 1,
			     .text = SL_LIT("\t\x1b[1mx\n"),
			     .msg = SL_LIT("bad '\x1b[31m'"),
			     .file = SL_LIT("a\nb.yml") };
	struct sl_diags ds = { &d, 1, 0 };
	SL_AUTO_BUF b = { .max = 10000 };

	(void)state;
	sl_ui_diags(&b, &o, "f.yml", &ds);
	assert_null(strchr((char *)b.p, '\x1b'));
	assert_int_equal(
	    strncmp((char *)b.p, "a\\x0ab.yml:1:3: error: bad '\\x1b[31m'\n", 36), 0);
}

static void
broken_pipe_is_said_once(void **state)
{
	struct sl_ui_opts o = { .mode = SL_UI_PLAIN, .now_ms = now };
	struct sl_err err = { 0 };
	struct fix f = { 0 };

	(void)state;
	o.out_fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	assert_true(o.out_fd >= 0);
	assert_int_equal(sl_ui_new(&o, &f.ui, &err), 0);
	assert_int_equal(ev(&f, STEP), SL_E(SYS));
	assert_int_equal(ev(&f, STEP), 0);
	sl_ui_free(f.ui);
	(void)close(o.out_fd);
}

static void
figures(void **state)
{
	static const struct {
		int64_t in;
		const char *dur, *num;
	} row[] = { { 0, "0ms", "0" },
		    { 999, "999ms", "999" },
		    { 59999, "59.9s", "59,999" },
		    { 60000, "1m00s", "60,000" },
		    { 3600000, "1h00m", "3,600,000" },
		    { -5, "0ms", "-5" } };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		SL_AUTO_BUF d = { .max = 100 };
		SL_AUTO_BUF n = { .max = 100 };

		sl_ui_dur(&d, row[i].in);
		sl_ui_num(&n, row[i].in);
		assert_string_equal((char *)d.p, row[i].dur);
		assert_string_equal((char *)n.p, row[i].num);
	}
}

static void
error_with_hint(void **state)
{
	struct sl_ui_opts o = { 0 };
	struct sl_err err = { 0 };
	SL_AUTO_BUF b = { .max = 1000 };

	(void)state;
	(void)SL_ERR(&err, ENV, "cannot make a user namespace: %s", "EPERM\x1b");
	sl_ui_err(&b, &o, &err, "try this\nor that");
	assert_string_equal((char *)b.p,
			    "sluice: cannot make a user namespace: EPERM\\x1b "
			    "[env.unavailable]\n  try this\n  or that\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_run),
		cmocka_unit_test(json_is_the_event),
		cmocka_unit_test(unknown_event_is_a_bug),
		cmocka_unit_test(escape_table),
		cmocka_unit_test(escape_never_lets_a_control_through),
		cmocka_unit_test(output_cannot_forge_a_line),
		cmocka_unit_test(tty_folds_success_and_opens_failure),
		cmocka_unit_test(tty_ascii_has_no_high_byte_and_no_colour),
		cmocka_unit_test(tty_tick_redraws),
		cmocka_unit_test(tty_many_jobs_fit_the_screen),
		cmocka_unit_test(tty_keeps_a_bounded_tail),
		cmocka_unit_test(denied_says_why),
		cmocka_unit_test(diags),
		cmocka_unit_test(diag_text_is_escaped),
		cmocka_unit_test(broken_pipe_is_said_once),
		cmocka_unit_test(figures),
		cmocka_unit_test(error_with_hint),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
