/* test_parser.c -- run/parser: the jailed role, driven as the supervisor does. */
#include "t.h"

#include "run/parser.h"

#include <signal.h>
#include <sys/wait.h>

static const char flow[] =
    "on: push\n"
    "jobs:\n"
    "  a:\n"
    "    runs-on: ubuntu-latest\n"
    "    steps:\n"
    "      - run: echo ${{ github.event.n }} ${{ hashFiles('x') }}\n";

struct host {
	int n_hash;
};

static int
hash_files(void *arg, const struct sl_slice *pattern, size_t n, char ret_hex[65],
	   struct sl_err *err)
{
	struct host *h = arg;

	(void)err;
	h->n_hash++;
	assert_int_equal(n, 1);
	assert_true(sl_slice_eq(pattern[0], SL_LIT("x")));
	memset(ret_hex, 'a', 64);
	ret_hex[64] = '\0';
	return 0;
}

static int
read_file(void *arg, struct sl_slice path, struct sl_arena *a, struct sl_slice *ret,
	  struct sl_err *err)
{
	(void)arg;
	(void)path;
	(void)a;
	(void)ret;
	return SL_ERR(err, NOENT, "no file");
}

static struct sl_parser *
start(void)
{
	struct sl_parser *p = NULL;
	struct sl_err err = { 0 };

	assert_int_equal(sl_parser_start(&p, &err), 0);
	return p;
}

static int
load(struct sl_parser *p, const char *src, const char *event, struct sl_arena *a,
     const struct sl_json **plan, struct sl_diags *ds, struct sl_err *err)
{
	struct sl_jb b = { .a = a };
	struct sl_parser_in in = { .src = sl_slice_str(src),
				   .path = SL_LIT("f.yml"),
				   .event = sl_slice_str(event),
				   .params = sl_json_obj(&b) };

	return sl_parser_new(p, &in, a, plan, ds, err);
}

static void
test_run(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct host h = { 0 };
	const struct sl_engine_host host = { &h, read_file, hash_files };
	struct sl_parser *p = start();
	const struct sl_json *v = NULL;
	struct sl_diags ds = { 0 };
	struct sl_err err = { 0 };
	struct sl_jb b = { .a = &a };
	struct sl_json *how;

	(void)state;
	sl_arena_init(&a, 64 << 20);
	sl_parser_host(p, &host);
	assert_int_equal(load(p, flow, "{\"n\": 1.5}", &a, &v, &ds, &err), 0);
	assert_int_equal(sl_json_get_int(v, "n_steps"), 1);
	assert_int_equal(sl_parser_next(p, &a, &v, &err), 0);
	assert_true(sl_slice_eq(sl_json_get_str(v, "do"), SL_LIT("job")));
	assert_int_equal(sl_parser_next(p, &a, &v, &err), 0);
	assert_true(sl_slice_eq(sl_json_get_str(v, "do"), SL_LIT("step")));
	assert_true(h.n_hash > 0); /* the name has the expression too */
	assert_non_null(
	    strstr((const char *)sl_json_get_str(v, "script").p, "echo 1.5 aaaa"));
	assert_int_equal(sl_parser_line(p, SL_LIT("::add-mask::pst"), &a, &v, &err), 0);
	assert_int_equal(sl_json_get(v, "mask")->n, 1);
	how = sl_json_obj(&b);
	(void)sl_json_set(&b, how, "exit", sl_json_int(&b, 0));
	assert_int_equal(sl_parser_done(p, how, &a, &v, &err), 0);
	assert_true(sl_slice_eq(sl_json_get_str(v, "conclusion"), SL_LIT("success")));
	sl_parser_stop(p);
}

static void
test_refused(void **state)
{
	static const struct {
		const char *src, *event;
		int code;
	} rows[] = {
		{ "on: [\n", "", SL_E(FORMAT) },
		{ "on: push\njobs: {}\n", "", SL_E(FORMAT) },
		{ flow, "[1]", SL_E(FORMAT) },
		{ flow, "{\"a\":1,\"a\":2}", SL_E(FORMAT) },
		{ flow, "{", SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(rows); i++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_parser *p = start();
		const struct sl_json *v = NULL;
		struct sl_diags ds = { 0 };
		struct sl_err err = { 0 };

		sl_arena_init(&a, 64 << 20);
		assert_int_equal(load(p, rows[i].src, rows[i].event, &a, &v, &ds, &err),
				 rows[i].code);
		assert_null(v);
		assert_true(err.len > 0);
		sl_parser_stop(p);
	}
}

/* Whatever kills it, the call fails, and so does every later one; nothing hangs. */
static void
test_killed(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_parser *p = start();
	const struct sl_json *v = NULL;
	struct sl_diags ds = { 0 };
	struct sl_err err = { 0 }, again = { 0 };

	(void)state;
	sl_arena_init(&a, 64 << 20);
	assert_int_equal(load(p, flow, "", &a, &v, &ds, &err), 0);
	assert_int_equal(kill(sl_parser_pid(p), SIGKILL), 0);
	assert_true(sl_parser_next(p, &a, &v, &err) < 0);
	assert_true(sl_parser_next(p, &a, &v, &again) < 0);
	sl_parser_stop(p);
}

static void
test_out_of_turn(void **state)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_parser *p = start();
	const struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 64 << 20);
	assert_int_equal(sl_parser_next(p, &a, &v, &err), SL_E(BUG));
	sl_parser_stop(p);
	sl_parser_stop(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_killed),
		cmocka_unit_test(test_out_of_turn),
	};

	return run_suite("parser", tests, SL_ARRAY_LEN(tests));
}
