#include "lib.h"

static const char owner[] = "did:key:zOwner", other[] = "did:key:zOther";

static const struct sl_decls *
decls(struct sl_arena *a)
{
	const struct sl_decls *d = NULL;
	struct sl_err err = { 0 };
	int r = sl_decls_parse(sl_policy_decls_text(), "facts.decl",
			       &sl_policy_text_limits, a, &d, &err);

	if (r < 0)
		fail_msg("%s", err.msg);
	return d;
}

static void
start(struct world *w, const char *kind, const char *who)
{
	world_init(w);
	if (sl_policy_load(sl_policy_default_text(), "default.dl", decls(&w->a),
			   &sl_policy_text_limits, &w->a, &w->p, &w->err) < 0)
		fail_msg("%s", w->err.msg);
	SL_FACT(w->f, "gate", "request", sl_term_cstr(kind));
	SL_FACT(w->f, "gate", "requester", sl_term_cstr(who));
	SL_FACT(w->f, "gate", "node", sl_term_cstr(owner));
	SL_FACT(w->f, "gate", "time", sl_term_date(1700000000));
	SL_FACT(w->f, "gate", "want_workspace", sl_term_cstr("overlay"));
}

static void
finish(struct world *w, const char *reason)
{
	world_decide(w, NULL);
	if (strcmp(w->v.reason, reason) != 0)
		fail_msg("%s: %.*s", w->v.reason, (int)w->v.message.len,
			 (const char *)w->v.message.p);
	world_done(w);
}

static void
test_clean(void **state)
{
	SL_AUTO_ARENA a = { .cap = 16 << 20 };
	const struct sl_policy_diag *d = NULL;
	struct sl_err err = { 0 };
	size_t n = 0;

	(void)state;
	assert_return_code(sl_policy_check_text(sl_policy_default_text(), decls(&a),
						&sl_policy_text_limits, &a, &d, &n, &err),
			   0);
	if (n > 0)
		fail_msg("%zu:%zu: %s", d[0].line, d[0].col, d[0].msg);
}

static void
test_who(void **state)
{
	static const struct {
		const char *kind, *who, *reason;
	} rows[] = {
		{ "run", owner, "allow" },    { "exec", owner, "allow" },
		{ "cancel", owner, "allow" }, { "policy", owner, "allow" },
		{ "apply", owner, "allow" },  { "drop", owner, "allow" },
		{ "run", other, "none" },     { "exec", other, "none" },
		{ "cancel", other, "none" },  { "policy", other, "none" },
		{ "apply", other, "none" },   { "step", owner, "none" }, /* of no run */
		{ "else", owner, "none" },
	};
	struct world w;

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		start(&w, rows[k].kind, rows[k].who);
		finish(&w, rows[k].reason);
	}
	start(&w, "step", owner);
	SL_FACT(w.f, "gate", "in_run", sl_term_cstr("00ff"));
	finish(&w, "allow");
	start(&w, "cancel", other);
	SL_FACT(w.f, "gate", "run_owner", sl_term_cstr(other));
	finish(&w, "allow");
}

static void
test_places(void **state)
{
	static const struct {
		const char *pred, *path, *reason;
	} rows[] = {
		{ "want_write", "/home/u/project", "allow" },
		{ "want_write", "/tmp/x", "allow" },
		{ "want_write", "/var/tmp/x", "allow" },
		{ "want_write", "/root/project", "allow" },
		{ "want_write", "/usrlocal", "allow" },
		{ "want_read", "/usr/share", "allow" },
		{ "want_read", "/etc/ssl", "allow" },
		{ "want_read", "/home/u/.sshd", "allow" },
		{ "want_write", "/", "deny" },
		{ "want_write", "/usr", "deny" },
		{ "want_write", "/usr/local/bin", "deny" },
		{ "want_write", "/etc/cron.d", "deny" },
		{ "want_write", "/proc/sys/kernel", "deny" },
		{ "want_write", "/var/lib/dpkg", "deny" },
		{ "want_write", "/home/u/.bashrc", "deny" },
		{ "want_write", "/home/u/p/.git/hooks/pre-commit", "deny" },
		{ "want_read", "/home/u/.ssh", "deny" },
		{ "want_read", "/home/u/.ssh/id_ed25519", "deny" },
		{ "want_write", "/root/.gnupg", "deny" },
		{ "want_read", "/root/.aws/credentials", "deny" },
		{ "want_exec", "/root/.aws/x", "deny" },
		{ "want_read", "/etc/shadow", "deny" },
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		struct world w;

		start(&w, "run", owner);
		SL_FACT(w.f, "gate", rows[k].pred, sl_term_cstr(rows[k].path));
		finish(&w, rows[k].reason);
	}
}

static void
test_net(void **state)
{
	static const struct {
		const char *kind, *who, *reason;
	} rows[] = {
		{ "exec", owner, "allow" }, { "exec", other, "none" },
		{ "run", owner, "allow" },  { "run", other, "none" },
		{ "step", owner, "none" }, /* of no run */
		{ "else", owner, "none" },
	};
	static const char *const wants[] = { "read", "write", "env", "net", "memory" };
	SL_AUTO_BUF out = { .max = 1 << 16 };
	struct world w;

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		start(&w, rows[k].kind, rows[k].who);
		SL_FACT(w.f, "gate", "want_net", sl_term_cstr("example.org"),
			sl_term_int(443));
		finish(&w, rows[k].reason);
	}
	for (size_t k = 0; k < SL_ARRAY_LEN(wants); k++) {
		start(&w, "run", owner);
		SL_FACT(w.f, "flow", "flow_want", sl_term_cstr(wants[k]),
			sl_term_cstr("x"));
		finish(&w, "deny");
	}
	start(&w, "run", owner);
	SL_FACT(w.f, "gate", "want_net", sl_term_cstr("example.org"), sl_term_int(443));
	SL_FACT(w.f, "flow", "flow_want", sl_term_cstr("net"),
		sl_term_cstr("example.org:443"));
	world_decide(&w, NULL);
	assert_string_equal(w.v.reason, "deny");
	assert_return_code(sl_policy_explain(w.v.proof, &out, &w.err), 0);
	assert_non_null(strstr((const char *)out.p,
			       "flow_want(\"net\", \"example.org:443\")   [fact, stated "
			       "by flow]"));
	world_done(&w);
}

/* The kind of box that shows more is never allowed by itself. */
static void
test_tier(void **state)
{
	static const struct {
		const char *kind, *who, *tier, *reason;
	} rows[] = {
		{ "exec", owner, "T1", "allow" }, { "exec", owner, "T0", "deny" },
		{ "exec", other, "T0", "deny" },  { "run", owner, "T0", "deny" },
		{ "run", owner, "T1", "allow" },
	};
	struct world w;

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(rows); k++) {
		start(&w, rows[k].kind, rows[k].who);
		SL_FACT(w.f, "gate", "tier", sl_term_cstr(rows[k].tier));
		finish(&w, rows[k].reason);
	}
}

static void
test_explain(void **state)
{
	SL_AUTO_BUF out = { .max = 1 << 16 };
	struct world w;

	(void)state;
	start(&w, "run", owner);
	world_decide(&w, NULL);
	assert_return_code(sl_policy_explain(w.v.proof, &out, &w.err), 0);
	assert_non_null(strstr((const char *)out.p, "allow: the policy in line "));
	assert_non_null(strstr((const char *)out.p,
			       "    owner(\"did:key:zOwner\")   [rule in line "));
	assert_non_null(
	    strstr((const char *)out.p,
		   "      node(\"did:key:zOwner\")   [fact, stated by gate]"));
	assert_non_null(
	    strstr((const char *)out.p, "owner($who) <- node($who), requester($who)"));
	world_done(&w);
}

static void
test_explain_refuses(void **state)
{
	static const char *const bad[] = {
		"{}",
		"1",
		"{\"v\":1,\"nodes\":[]}",
		"{\"v\":2,\"nodes\":[],\"checks\":[],\"policies\":[],\"rules\":[]}",
		"{\"v\":1,\"nodes\":[],\"checks\":[{}],\"policies\":[],\"rules\":[]}",
		"{\"v\":1,\"nodes\":[],\"checks\":[{\"from\":[0]}],\"policies\":[],"
		"\"rules\":[]}",
		"{\"v\":1,\"nodes\":[],\"checks\":[{\"from\":[\"a\"]}],\"policies\":[],"
		"\"rules\":[]}",
		"{\"v\":1,\"nodes\":[{}],\"checks\":[{\"from\":[0]}],\"policies\":[],"
		"\"rules\":[]}",
		"{\"v\":1,\"nodes\":[{\"args\":[1],\"rule\":0,\"from\":[0]}],\"checks\":["
		"{\"from\":[0]}],"
		"\"policies\":[],\"rules\":[]}",
		"{\"v\":1,\"nodes\":[{\"args\":[1],\"rule\":0}],\"checks\":[{\"from\":[0]"
		"}],\"policies\":[],"
		"\"rules\":[]}",
		"{\"v\":1,\"nodes\":[{\"args\":[[1]]}],\"checks\":[{\"from\":[0]}],"
		"\"policies\":[],\"rules\":[]}",
		"{\"v\":1,\"nodes\":[],\"checks\":[],\"policies\":[],\"rules\":1}",
	};
	static const struct sl_limits lim = { 4096, 1000, 50 };

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(bad); k++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		SL_AUTO_BUF out = { .max = 1 << 16 };
		struct sl_json *v = NULL;
		struct sl_err err = { 0 };

		assert_return_code(
		    sl_json_parse(sl_slice_str(bad[k]), &lim, &a, &v, &err), 0);
		if (sl_policy_explain(v, &out, &err) != SL_E(FORMAT))
			fail_msg("%s", bad[k]);
	}
}

static const struct {
	const char *text, *what; /* NULL: loads */
	int code;
} checks[] = {
	{ "allow if want_write($p);", NULL, 0 },
	{ "allow if want_wirte($p);", "did you mean 'want_write'?", SL_E(UNKNOWN) },
	{ "my_rule($p) <- want_read($p); allow if my_rul(\"x\");",
	  "did you mean 'my_rule'?", SL_E(UNKNOWN) },
	{ "allow if xyzzy($p);", "neither declared nor derived", SL_E(UNKNOWN) },
	{ "allow if want_write($p, $q);", "takes 1 terms, not 2", SL_E(FORMAT) },
	{ "a(1); allow if a(1, 2);", "takes 1 terms, not 2", SL_E(FORMAT) },
	{ "allow if want_write(1);", "takes string as term 1, not integer",
	  SL_E(FORMAT) },
	{ "allow if want_net($h, \"443\");", "takes integer as term 2, not string",
	  SL_E(FORMAT) },
	{ "allow if want_net($h, $p), want_read($p);", "never equal", SL_E(FORMAT) },
	{ "want_read(\"x\"); allow if true;", "stated by the gate", SL_E(FORMAT) },
	{ "request($x) <- want_read($x); allow if true;", "stated by the gate",
	  SL_E(FORMAT) },
	{ "require_complete(\"exec\") <- request(\"run\"); allow if true;", NULL, 0 },
	{ "require_complete(\"exec\"); allow if true;", NULL, 0 },
	{ "require_complete(1); allow if true;", "takes string", SL_E(FORMAT) },
	{ "require_limit(\"memory\") <- request(\"run\");", "takes 2 terms",
	  SL_E(FORMAT) },
	{ "allow if want_tty(true), time($t), $t > 2020-01-01T00:00:00Z;", NULL, 0 },
};

static void
test_decl_checks(void **state)
{
	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(checks); k++) {
		SL_AUTO_ARENA a = { .cap = 16 << 20 };
		const struct sl_policy *p = NULL;
		struct sl_err err = { 0 };
		int r = sl_policy_load(sl_slice_str(checks[k].text), "t", decls(&a),
				       &sl_policy_text_limits, &a, &p, &err);

		if (r != checks[k].code ||
		    (checks[k].what != NULL && strstr(err.msg, checks[k].what) == NULL))
			fail_msg("%s: %s", checks[k].text, err.msg);
	}
}

static void
test_facts_are_checked(void **state)
{
	static const char *const preds[] = { "nothing", "require_complete", "want_net",
					     "want_tty" };

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(preds); k++) {
		struct world w;

		start(&w, "run", owner);
		SL_FACT(w.f, "gate", preds[k], sl_term_cstr("x"));
		assert_int_equal(sl_policy_decide(w.p, w.f, &sl_policy_default_limits,
						  &w.a, &w.v, &w.err),
				 SL_E(FORMAT));
		world_done(&w);
	}
}

static void
test_decl_syntax(void **state)
{
	static const struct {
		const char *text, *place;
	} bad[] = {
		{ "x", "d:1:1" },
		{ "decl a(string) by gate", "d:1:23" },
		{ "decl a(string) by me;", "d:1:19" },
		{ "decl a() by gate;", "d:1:8" },
		{ "decl a(text) by gate;", "d:1:12" },
		{ "decl (string) by gate;", "d:1:6" },
		{ "decl a(set<any) by gate;", "d:1:15" },
		{ "decl a(set<map>) by gate;", "d:1:15" },
		{ "decl a(string) by gate; x", "d:1:25" },
		{ "decl a(any) by gate;\ndecl a(any) by policy;", "d:2:23" },
		{ "decl a(any,any,any,any,any,any,any,any,any) by gate;", "d:1:40" },
	};

	(void)state;
	for (size_t k = 0; k < SL_ARRAY_LEN(bad); k++) {
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		const struct sl_decls *d = NULL;
		struct sl_err err = { 0 };
		size_t n = strlen(bad[k].text);
		struct sl_slice s = { at_edge(bad[k].text, n), n };

		if (sl_decls_parse(s, "d", &sl_policy_text_limits, &a, &d, &err) !=
			SL_E(FORMAT) ||
		    strncmp(err.msg, bad[k].place, strlen(bad[k].place)) != 0)
			fail_msg("%s: %s", bad[k].text, err.msg);
	}
	{
		SL_AUTO_ARENA a = { .cap = 1 << 20 };
		const struct sl_decls *d = NULL;
		struct sl_err err = { 0 };

		assert_return_code(
		    sl_decls_parse(
			SL_LIT("// c\n\n  decl a ( set<string> , date ) by gate ; // x"),
			"d", &sl_policy_text_limits, &a, &d, &err),
		    0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_tier),
		cmocka_unit_test(test_explain),
		cmocka_unit_test(test_explain_refuses),
		cmocka_unit_test(test_decl_checks),
		cmocka_unit_test(test_facts_are_checked),
		cmocka_unit_test(test_decl_syntax),
	};

	return run_suite("policy-default", tests, SL_ARRAY_LEN(tests));
}
