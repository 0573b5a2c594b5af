/* test_resolve.c -- names to addresses, by a program that stands for the host's getent.
 */
#include "t.h"

#include "base/auto.h"
#include "run/resolve.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64] = "/tmp/sl-resolve-XXXXXX", path[96];

static void
getent_is(const char *script)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	fprintf(f, "#!/bin/sh\n%s\n", script);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static int
resolve(const struct sl_grant_net *net, size_t n, struct sl_arena *a,
	const struct sl_box_pin **pin, size_t *n_pin, struct sl_err *err)
{
	struct sl_grant g;

	sl_grant_init(&g);
	g.net = net;
	g.n_net = n;
	return sl_resolve(&g, path, a, pin, n_pin, err);
}

static const struct sl_grant_net one[] = {
	{ { (const uint8_t *)"db.test", 7 }, 80, false }
};

static void
expect(const char *script, const char *addresses)
{
	SL_AUTO_ARENA a = { 0 };
	SL_AUTO_BUF text = { .max = 1 << 12 };
	const struct sl_box_pin *pin = NULL;
	struct sl_err err = { 0 };
	size_t n = 0;

	sl_arena_init(&a, 1 << 20);
	getent_is(script);
	if (resolve(one, 1, &a, &pin, &n, &err) != 0)
		fail_msg("%s: %s", script, err.msg);
	for (size_t i = 0; i < n; i++) {
		char ip[SL_ADDR_TEXT_MAX];

		sl_addr_text(&pin[i].addr, ip);
		sl_buf_printf(&text, "%s%s", i > 0 ? " " : "", ip);
		assert_int_equal(pin[i].net, 0);
	}
	assert_string_equal((const char *)text.p, addresses);
}

static void
refuse(const char *script, const char *says)
{
	SL_AUTO_ARENA a = { 0 };
	const struct sl_box_pin *pin = NULL;
	struct sl_err err = { 0 };
	size_t n = 7;

	sl_arena_init(&a, 1 << 20);
	getent_is(script);
	if (resolve(one, 1, &a, &pin, &n, &err) != SL_E(ENV) ||
	    strstr(err.msg, says) == NULL || strstr(err.msg, "db.test") == NULL)
		fail_msg("%s: '%s' does not say '%s'", script, err.msg, says);
	assert_null(pin);
	assert_int_equal(n, 7);
}

static void
keeps_what_a_name_may_have(void **state)
{
	(void)state;
	expect("echo 192.0.2.1 STREAM db.test; echo 192.0.2.1 DGRAM; echo 192.0.2.1 RAW",
	       "192.0.2.1");
	expect("echo 2001:db8::1 STREAM db.test; echo 192.0.2.1 STREAM",
	       "2001:db8::1 192.0.2.1");
	expect("for a in 127.0.0.1 10.1.1.1 192.0.2.1 169.254.169.254 100.64.1.1 ::1 "
	       "fd00::1 ::ffff:192.0.2.7 64:ff9b::1.2.3.4 2002:a00:1:: 0.0.0.0 224.0.0.1 "
	       "fe80::1 2001:db8::5; do echo $a STREAM; done",
	       "192.0.2.1 2001:db8::5");
	expect("i=1; while [ $i -le 20 ]; do echo 192.0.2.$i STREAM; i=$((i+1)); done",
	       "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 "
	       "192.0.2.8");
	expect(
	    "echo; echo nonsense; echo 0300.0.2.1 STREAM; echo 192.0.2; echo fe80::1%lo; "
	    "printf '192.0.2.3\\0x STREAM\\n'; echo 192.0.2.2",
	    "192.0.2.2");
	/* Its name is an argument, never an option; the environment is empty. */
	expect("[ \"$1 $2 $#\" = 'ahosts db.test 2' ] && [ -z \"$SL_CANARY$HOME\" ] && "
	       "echo 192.0.2.1",
	       "192.0.2.1");
}

static void
refuses(void **state)
{
	(void)state;
	refuse("echo 127.0.0.1 STREAM localhost", "127.0.0.1, loopback");
	refuse("echo 10.0.0.1 STREAM x", "list it itself");
	refuse("echo 169.254.169.254", "link-local");
	refuse("echo ::ffff:8.8.8.8", "v4-mapped");
	refuse("true", "no such host");
	refuse("echo garbage", "no such host");
	refuse("exit 2", "no such host");
	refuse("exit 3", "status 3");
	refuse("kill -9 $$", "cannot be run");
	refuse("exec cat /dev/zero", "");
	refuse("while :; do echo 192.0.2.1 STREAM xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
	       "no usable answer");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0755), 0);
	{
		SL_AUTO_ARENA a = { 0 };
		const struct sl_box_pin *pin;
		struct sl_err err = { 0 };
		size_t n;

		sl_arena_init(&a, 1 << 20);
		assert_int_equal(resolve(one, 1, &a, &pin, &n, &err), SL_E(ENV));
		assert_non_null(strstr(err.msg, "cannot be run"));
	}
	assert_int_equal(rmdir(path), 0);
}

/* It can neither write nor fork, nor read what is not the system's. */
static void
has_few_rights(void **state)
{
	char script[512];
	FILE *f;

	(void)state;
	(void)snprintf(script, sizeof(script), "%s/secret", dir);
	f = fopen(script, "we");
	assert_non_null(f);
	fputs("192.0.2.9\n", f);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(script, 0644), 0);
	(void)snprintf(script, sizeof(script),
		       "echo 192.0.2.1; (: >%s/made) 2>/dev/null && echo 192.0.2.2\n"
		       "while read -r x; do echo $x; done 2>/dev/null <%s/secret; :",
		       dir, dir);
	refuse(script, "no such host"); /* no fork: the shell ends with 2 */
	(void)snprintf(script, sizeof(script),
		       "echo 192.0.2.1; { : >%s/made; } 2>/dev/null", dir);
	refuse(script, "such host");
	(void)snprintf(script, sizeof(script), "read -r x <%s/secret; echo $x", dir);
	refuse(script, "");
	(void)snprintf(script, sizeof(script), "%s/made", dir);
	assert_int_equal(access(script, F_OK), -1);
	(void)snprintf(script, sizeof(script), "%s/secret", dir);
	assert_int_equal(unlink(script), 0);
}

static void
asks_once_for_a_name(void **state)
{
	const struct sl_grant_net net[] = { { SL_LIT("a.test"), 80, false },
					    { SL_LIT("192.0.2.7"), 80, true },
					    { SL_LIT("a.test"), 443, false },
					    { SL_LIT("b.test"), 80, false } };
	SL_AUTO_ARENA a = { 0 };
	const struct sl_box_pin *pin;
	struct sl_err err = { 0 };
	size_t n;

	(void)state;
	sl_arena_init(&a, 1 << 20);
	/* Two answers would differ: by the number of the process that gives them. */
	getent_is(
	    "case $2 in a.test) echo 192.0.2.$((($$ % 200) + 1)); echo 192.0.2.250;; "
	    "*) echo 192.0.2.251;; esac");
	assert_int_equal(resolve(net, 4, &a, &pin, &n, &err), 0);
	assert_int_equal(n, 5);
	assert_int_equal(pin[0].net, 0);
	assert_int_equal(pin[2].net, 2);
	assert_int_equal(pin[4].net, 3);
	assert_true(sl_addr_eq(&pin[0].addr, &pin[2].addr));
	assert_true(sl_addr_eq(&pin[1].addr, &pin[3].addr));
	assert_int_equal(resolve(&net[1], 1, &a, &pin, &n, &err), 0);
	assert_int_equal(n, 0);
}

/* Every allocation fails once. */
static void
memory(void **state)
{
	bool is_done = false;

	(void)state;
	getent_is("echo 192.0.2.1");
	for (unsigned long at = 1; !is_done && at < 20; at++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_box_pin *pin;
		struct sl_err err = { 0 };
		size_t n;
		int r;

		sl_arena_init(&a, 1 << 20);
		a.fail_at = at;
		r = resolve(one, 1, &a, &pin, &n, &err);
		is_done = r == 0;
		assert_true(is_done || r == SL_E(NOMEM));
	}
	assert_true(is_done);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_what_a_name_may_have),
		cmocka_unit_test(refuses),
		cmocka_unit_test(has_few_rights),
		cmocka_unit_test(asks_once_for_a_name),
		cmocka_unit_test(memory),
	};
	int r;

	(void)setenv("SL_CANARY", "x", 1);
	if (mkdtemp(dir) == NULL || chmod(dir, 0755) < 0)
		return 99;
	(void)snprintf(path, sizeof(path), "%s/getent", dir);
	r = run_suite("resolve", tests, SL_ARRAY_LEN(tests));
	(void)unlink(path);
	(void)rmdir(dir);
	return r;
}
