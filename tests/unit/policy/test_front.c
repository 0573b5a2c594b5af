#include "lib.h"

#include "policy/front.h"

/* The last line of what comes out, or the error. */
static const struct {
	const char *yaml, *want;
} rows[] = {
	{ "allow: [{for: run}]", "allow if request(\"run\");" },
	{ "allow: [{for: [run, exec], owner: true}]",
	  "allow if request($_for), requester($_who), owner($_who), {\"run\", "
	  "\"exec\"}.contains($_for);" },
	{ "deny: [{want_net: [\"a\", 443]}]", "deny if want_net(\"a\", 443);" },
	{ "deny: [{want_net: [$h, null], requester: $h}]",
	  "deny if want_net($h, $_0), requester($h);" },
	{ "deny: [{want_net: [{not: a, ends_with: \".b\"}, {at_least: 1, at_most: 9}]}]",
	  "deny if want_net($_0, $_1), $_0 != \"a\", $_0.ends_with(\".b\"), $_1 >= 1, "
	  "$_1 "
	  "<= 9;" },
	{ "deny: [{want_net: [{in: [a, b]}, {in: [1, 2]}]}]",
	  "deny if want_net($_0, $_1), {\"a\", \"b\"}.contains($_0), {1, "
	  "2}.contains($_1);" },
	{ "deny: [{want_read: {matches: \"^/a\", contains: \"b\\\"c\", starts_with: /}}]",
	  "deny if want_read($_0), $_0.matches(\"^/a\"), $_0.contains(\"b\\\"c\"), "
	  "$_0.starts_with(\"/\");" },
	{ "deny: [{time: {below: \"2026-01-01T00:00:00Z\"}}]",
	  "deny if time($_0), $_0 < 2026-01-01T00:00:00Z;" },
	{ "deny: [{root_verified: false}]", "deny if root_verified(false);" },
	/* in quotes it is a string, whatever it looks like */
	{ "deny: [{want_read: \"$x\"}]", "deny if want_read(\"$x\");" },
	{ "deny: [{want_read: \"a\\\"), true; allow if true; //\"}]",
	  "deny if want_read(\"a\\\"), true; allow if true; //\");" },
	{ "require: [{tier: T1}]", "check if tier(\"T1\");" },
	{ "require: [{for: run, tier: T1}]",
	  "check if request($_for), $_for != \"run\" or tier(\"T1\");" },
	{ "require: [{for: [run, exec], want_tty: false}]",
	  "check if request($_for), !{\"run\", \"exec\"}.contains($_for) or "
	  "want_tty(false);" },
	{ "owners: [\"did:key:z1\"]",
	  "owner(\"did:key:z1\") <- requester(\"did:key:z1\");" },
	{ "principles: [{id: a, priority: -3}]", "principle(\"a\", -3, \"\");" },
	{ "principles: [{id: a, priority: 3, text: \"x\\ny\"}]",
	  "principle(\"a\", 3, \"x\\ny\");" },
	{ "allow: []", "owner($who) <- node($who), requester($who);" },
	/* refused */
	{ "", "t.yml:1:1: " },
	{ "allow", "t.yml:1:1: expected owners, principles, require, deny or allow" },
	{ "- a", "t.yml:1:1: expected owners, principles, require, deny or allow" },
	{ "alow: []", "t.yml:1:1: unknown key 'alow'" },
	{ "allow: {for: run}", "t.yml:1:8: expected a list" },
	{ "allow: [run]", "t.yml:1:9: expected a condition" },
	{ "allow: [{}]", "t.yml:1:9: expected a condition" },
	{ "allow: [{for: 3}]", "t.yml:1:15: expected a string: put it into quotes" },
	{ "allow: [{for: []}]", "t.yml:1:15: expected a list of values" },
	{ "allow: [{owner: false}]", "t.yml:1:17: 'owner' is true, or is left out" },
	{ "deny:\n  - want_raed: /a", "t.yml:2:5: unknown 'want_raed'; did you mean "
				      "'want_read'?" },
	{ "deny: [{zzzzzzzzzzzz: 1}]", "t.yml:1:9: unknown 'zzzzzzzzzzzz': for, owner" },
	{ "deny: [{want_net: a}]", "t.yml:1:19: 'want_net' takes a list of 2 patterns" },
	{ "deny: [{want_net: [a]}]",
	  "t.yml:1:19: 'want_net' takes a list of 2 patterns" },
	{ "deny: [{want_net: [a, b]}]", "t.yml:1:23: expected an integer" },
	{ "deny: [{want_net: [a, 1.5]}]", "t.yml:1:23: expected an integer" },
	{ "deny: [{want_net: [a, 99999999999999999999]}]",
	  "t.yml:1:23: expected an integer" },
	{ "deny: [{want_net: [443, 443]}]",
	  "t.yml:1:20: expected a string: put it into quotes" },
	{ "deny: [{want_read: [a, b]}]", "t.yml:1:20: 'want_read' takes a list of 1" },
	{ "deny: [{want_read: {}}]",
	  "t.yml:1:20: expected a value, $name, null or tests" },
	{ "deny: [{want_read: {below: 3}}]",
	  "t.yml:1:21: 'below' does not go with terms of this type" },
	{ "deny: [{want_net: [a, {matches: \"4\"}]}]",
	  "t.yml:1:24: 'matches' does not go with terms of this type" },
	{ "deny: [{want_read: {like: a}}]", "t.yml:1:21: unknown test 'like'" },
	{ "deny: [{want_read: {in: a}}]", "t.yml:1:25: expected a list of values" },
	{ "deny: [{want_read: {in: []}}]", "t.yml:1:25: expected a list of values" },
	{ "deny: [{want_read: {not: null}}]", "t.yml:1:26: expected a value" },
	{ "deny: [{want_read: $}]", "t.yml:1:20: a variable has 1 to 63 letters" },
	{ "deny: [{want_read: $_who}]", "t.yml:1:20: a variable is $ and letters" },
	{ "deny: [{want_read: \"a\", want_read: \"b\"}]", "t.yml:1:25: " },
	{ "deny: [{want_read: $a.b}]", "t.yml:1:20: a variable is $ and letters" },
	{ "deny: [{time: tomorrow}]", "t.yml:1:15: expected a date" },
	{ "deny: [{time: \"2026-01-01T00:00:00Z, true\"}]",
	  "t.yml:1:15: expected a date" },
	{ "deny: [{root_verified: maybe}]", "t.yml:1:24: expected true or false" },
	{ "require: [{for: run}]", "t.yml:1:11: nothing is required" },
	{ "owners: [z1]", "t.yml:1:10: expected a key: did:key:..." },
	{ "principles: [{id: a}]", "t.yml:1:14: a principle has an id and a priority" },
	{ "principles: [a]", "t.yml:1:14: a principle has an id and a priority" },
	{ "principles: [{id: a, priority: high}]", "t.yml:1:32: expected an integer" },
	{ "principles: [{id: a, priority: 1, weight: 2}]",
	  "t.yml:1:35: unknown 'weight' in a principle" },
	{ "principles: [{id: a, priority: 1}, {id: a, priority: 2}]",
	  "t.yml:1:41: a second principle 'a'" },
	{ "allow: [{for: run}\n", "t.yml:" },
	{ "allow: &a [*a]", "t.yml:" },
};

static const struct sl_decls *
decls_of(struct sl_arena *a)
{
	static const struct sl_limits lim = { 1 << 20, 100000, 64 };
	const struct sl_decls *d = NULL;
	struct sl_err err = { 0 };

	assert_return_code(sl_decls_parse(sl_policy_decls_text(), "d", &lim, a, &d, &err),
			   0);
	return d;
}

static void
test_rows(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_decls *decls;
		const struct sl_policy *p = NULL;
		struct sl_front_text t = { 0 };
		struct sl_err err = { 0 };
		SL_AUTO_BUF got = { .max = 1 << 16 };
		int r;

		sl_arena_init(&a, 64 << 20);
		decls = decls_of(&a);
		r = sl_policy_front(sl_slice_str(rows[k].yaml), "t.yml", decls, &a, &t,
				    &err);
		if (r < 0) {
			sl_buf_str(&got, err.msg);
			got.len = got.len < strlen(rows[k].want) ? got.len
								 : strlen(rows[k].want);
		} else {
			size_t n = 0, from = 0;

			for (size_t i = 0; i + 1 < t.text.len; i++)
				if (t.text.p[i] == '\n')
					from = i + 1;
			for (size_t i = 0; i < t.text.len; i++)
				n += t.text.p[i] == '\n';
			assert_int_equal(n, t.n); /* a place for each line */
			sl_buf_put(&got, t.text.p + from, t.text.len - from - 1);
			/* it is a policy */
			assert_return_code(sl_policy_load(t.text, "t", decls,
							  &sl_policy_text_limits, &a, &p,
							  &err),
					   0);
		}
		sl_buf_byte(&got, 0);
		if (strcmp((const char *)got.p, rows[k].want) != 0)
			print_message("%s\n%s\n", rows[k].yaml, err.msg);
		assert_string_equal(got.p, rows[k].want);
	}
}

/* Any bytes: an error with a place or a policy that loads. */
static void
test_mutated(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned n = 0; n < 3000; n++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_front_text t = { 0 };
		struct sl_err err = { 0 };
		const struct sl_decls *decls;
		const struct sl_policy *p = NULL;
		char text[256];
		size_t len;
		int r;

		seed =
		    seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		(void)snprintf(text, sizeof(text), "%s",
			       rows[(seed >> 33) % SL_ARRAY_LEN(rows)].yaml);
		len = strlen(text);
		for (unsigned k = 0; k < 2 && len > 0; k++) {
			seed = seed * UINT64_C(6364136223846793005) +
			       UINT64_C(1442695040888963407);
			text[(seed >> 40) % len] =
			    "{}[]:,\"'$\n- *&!#0a"[(seed >> 33) % 18];
		}
		sl_arena_init(&a, 64 << 20);
		decls = decls_of(&a);
		r = sl_policy_front((struct sl_slice){ (const uint8_t *)text, len }, "t",
				    decls, &a, &t, &err);
		if (r < 0) {
			assert_int_equal(strncmp(err.msg, "t:", 2), 0);
			continue;
		}
		r = sl_policy_load(t.text, "t", decls, &sl_policy_text_limits, &a, &p,
				   &err);
		if (r < 0 && strstr(err.msg, "pattern") == NULL &&
		    strstr(err.msg, "never equal") == NULL &&
		    strstr(err.msg, "date") == NULL)
			fail_msg("%s: %s", text, err.msg);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_mutated),
	};

	return run_suite("policy-front", tests, SL_ARRAY_LEN(tests));
}
