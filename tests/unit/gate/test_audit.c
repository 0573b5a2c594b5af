/* test_audit.c -- acts beside the grant; runs that must not pass. */
#include "t.h"

#include "gate/audit.h"
#include "node.h"

static void
covers(void **state)
{
	static const struct {
		const char *class, *object, *err;
		bool is_covered;
		const char *by;
	} t[] = {
		{ "exec", "/usr/bin/cc", "", true, "grant: root host:" },
		{ "exec", "/opt/tool/bin/x", "", true, "grant: exec /opt/tool" },
		{ "exec", "/srv/data/x", "", true, "refused: no exec in /srv/data" },
		{ "exec", "/workspace/a.out", "", true, "grant: workspace /home/u/w" },
		{ "exec", "/tmp/a.out", "", true, "box: /tmp" },
		{ "exec", "/root/.cargo/bin/cc", "", true,
		  "absent: the grant shows no such path" },
		{ "exec", "./configure", "", true, "box: below the working directory" },
		{ "connect", "127.0.0.1:80", "ECONNREFUSED", true, "box: own loopback" },
		{ "connect", "[::1]:80", "", true, "box: own loopback" },
		{ "connect", "/tmp/s", "", true, "box: /tmp" },
		{ "connect", "/var/run/nscd/socket", "ENOENT", true, NULL },
		{ "bind", "/dev/shm/s", "", true, "box: /dev/shm" },
		{ "socket", "AF_UNIX type 1", "", true, "box: own network" },
		{ "memory", "memfd", "", true, "grant: limits" },
		{ "connect", "127.0.0.1:5432", "", true, "grant: net 127.0.0.1:5432" },
		{ "connect", "192.0.2.9:80", "ECONNREFUSED", true,
		  "grant: net 192.0.2.9:80" },
		{ "connect", "[2001:db8::9]:80", "", true,
		  "grant: net [2001:db8::9]:80" },
		{ "connect", "db.test:443 (203.0.113.7)", "", true,
		  "grant: net db.test:443" },
		{ "connect", "db.test:443 (2001:db8::1)", "", true,
		  "grant: net db.test:443" },
		{ "bind", "192.0.2.9:80", "", false, NULL },
		{ "connect", "192.0.2.9:8", "", false, NULL },
		{ "connect", "192.0.2.9:800", "", false, NULL },
		{ "connect", "192.0.2.9:80 (x)", "", false, NULL },
		{ "connect", "2001:db8::9:80", "", false, NULL },
		{ "connect", "203.0.113.7:443", "", false, NULL },
		{ "connect", "[2001:db8::1]:443", "", false, NULL },
		{ "connect", "@abstract", "", false, NULL },
		{ "connect", "/srv/data/s", "", false, NULL },
		{ "connect", "/var/run/docker.sock", "", false, NULL },
		{ "connect", "", "", false, NULL },
		{ "socket", "AF_NETLINK type 3", "", false, NULL },
		{ "mount", "/x", "", false, NULL },
		{ "bpf", "0x1", "", false, NULL },
		{ "nonsense", "x", "", false, NULL },
		{ "open", "/usr/bin/cc", "", true, "grant: root host:" },
		{ "open", "/srv/data/x", "", true, "grant: read /srv/data" },
		{ "open", "/srv", "", true, "box: the way to a grant" },
		{ "open", "/etc/passwd", "", true, "box: /etc" },
		{ "open", "/tmp/x", "", true, "box: /tmp" },
		{ "open", "", "", true, "box: not listed, only counted" },
		{ "absence", "/root/.ssh/id_rsa", "ENOENT", true,
		  "absent: nothing is there" },
		{ "write", "/tmp/x", "", true, "box: /tmp" },
		{ "write", "/workspace/x", "", true, "grant: workspace /home/u/w" },
		{ "open", "/srv/data2/x", "", false, NULL },
		{ "open", "/srv/dat", "", false, NULL },
		{ "open", "/root/.ssh/id_rsa", "", false, NULL },
		{ "open", "/srv/data\\x2f..", "", true, "grant: read /srv/data" },
		{ "write", "/srv/data/x", "", false, NULL },
		{ "write", "/usr/bin/cc", "", false, NULL },
		{ "write", "/srv", "", false, NULL },
	};
	const struct sl_grant_fs fs[] = { { SL_LIT("/opt/tool"),
					    SL_ACC_READ | SL_ACC_EXEC },
					  { SL_LIT("/srv/data"), SL_ACC_READ } };
	const struct sl_grant_net net[] = { { SL_LIT("127.0.0.1"), 5432, true },
					    { SL_LIT("192.0.2.9"), 80, true },
					    { SL_LIT("2001:db8::9"), 80, true },
					    { SL_LIT("db.test"), 443, false } };
	struct sl_grant g;

	(void)state;
	sl_grant_init(&g);
	g.fs = fs;
	g.n_fs = 2;
	g.net = net;
	g.n_net = 4;
	g.ws_mode = SL_WS_OVERLAY;
	g.ws_path = SL_LIT("/home/u/w");
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		char by[96];
		bool is = sl_audit_covers(&g, sl_slice_str(t[i].class),
					  sl_slice_str(t[i].object),
					  sl_slice_str(t[i].err), by);

		if (is != t[i].is_covered)
			fail_msg("%s %s", t[i].class, t[i].object);
		if (t[i].by != NULL)
			assert_string_equal(by, t[i].by);
	}
	g.ws_mode = SL_WS_NONE;
	{
		char by[96];

		assert_true(sl_audit_covers(&g, SL_LIT("exec"), SL_LIT("/workspace/x"),
					    (struct sl_slice){ 0 }, by));
		assert_string_equal(by, "absent: the grant shows no such path");
	}
}

/* The rule of each class is the column of data/observation.tsv. */
static void
table(void **state)
{
	const char *src = getenv("SL_SOURCE");
	char path[512], line[1024];
	struct sl_grant g;
	size_t n = 0;
	FILE *f;

	(void)state;
	sl_grant_init(&g);
	snprintf(path, sizeof(path), "%s/data/observation.tsv", src ? src : ".");
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL) {
		char *tab = strchr(line, '\t'), *last = strrchr(line, '\t');
		char by[96];
		bool is_none;

		if (line[0] == '#' || tab == NULL)
			continue;
		*tab = '\0';
		is_none = strncmp(last + 1, "none", 4) == 0;
		/* An object that no class can mean anything good by. */
		if (is_none)
			assert_false(sl_audit_covers(&g, sl_slice_str(line),
						     SL_LIT("AF_UNIX /tmp/x"),
						     (struct sl_slice){ 0 }, by));
		n++;
	}
	fclose(f);
	assert_true(n > 15);
}

static int
audit_of(struct node *n, const struct shape *s, struct sl_audit_report *rep)
{
	struct made m = a_run(n, s);
	struct sl_buf b = export_of(n, m.hex);
	struct sl_evidence *v = calloc(1, sizeof(*v));
	struct sl_arena a = { 0 };
	struct sl_bundle bundle = { 0 };
	struct sl_verify_report p;
	struct sl_err err = { 0 };
	int r;

	sl_arena_init(&a, SL_VERIFY_MEMORY);
	must(sl_verify_open(sl_buf_get(&b), &a, &bundle, v, &p, &err), &err);
	assert_true(p.is_good);
	r = sl_audit(v, &a, NULL, NULL, rep, &err);
	sl_arena_free(&a);
	free(v);
	sl_buf_done(&b);
	return r;
}

static void
runs(void **state)
{
	static const struct act_row good[] = {
		{ "exec", "execve", "/usr/bin/cc", "allowed" },
		{ "connect", "connect", "203.0.113.7:1", "denied" }
	};
	static const struct act_row bad[] = { { "exec", "execve", "/usr/bin/cc",
						"allowed" },
					      { "mount", "mount", "/x", "allowed" } };
	struct sl_audit_report rep;
	struct node n;

	(void)state;
	node_start(&n);
	assert_int_equal(audit_of(&n, &(struct shape){ .row = good, .n_rows = 2 }, &rep),
			 0);
	assert_int_equal(rep.n_acts, 2);
	assert_int_equal(rep.n_denied, 1);
	assert_int_equal(audit_of(&n, &(struct shape){ .row = bad, .n_rows = 2 }, &rep),
			 SL_E(AUDIT));
	assert_int_equal(rep.n_uncovered, 1);
	assert_int_equal(audit_of(&n, &(struct shape){ .is_unobserved = true }, &rep),
			 SL_E(AUDIT));
	/* Under way: nothing is missing yet. */
	assert_int_equal(
	    audit_of(&n, &(struct shape){ .is_unobserved = true, .is_open = true }, &rep),
	    0);
	node_stop(&n);
}

/* A policy that requires the record of "exec" to be complete. */
static void
required(void **state)
{
	struct sl_err err = { 0 };
	struct sl_audit_report rep;
	uint8_t digest[32];
	struct node n;

	(void)state;
	node_start(&n);
	must(sl_gate_set_policy(n.gate,
				SL_LIT("require_complete(\"exec\") <- request($k);\n"
				       "allow if true;\n"),
				"test", digest, &err),
	     &err);
	assert_int_equal(audit_of(&n, &(struct shape){ 0 }, &rep), 0);
	assert_int_equal(audit_of(&n, &(struct shape){ .is_incomplete = true }, &rep),
			 SL_E(AUDIT));
	node_stop(&n);
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(covers), cmocka_unit_test(table),
					cmocka_unit_test(runs),
					cmocka_unit_test(required) };

	return run_suite("audit", t, SL_ARRAY_LEN(t));
}
