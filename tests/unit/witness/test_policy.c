/* test_policy.c -- witness/policy. */
#include "wit_t.h"
#include "witness/policy.h"

static struct sl_signer log_k, wit_k[4];
static struct sl_vkey log_v, wit_v[4];
static char log_s[256], wit_s[4][256];

static void
put(const struct sl_vkey *v, char out[256])
{
	SL_AUTO_BUF b = { .max = 255 };

	sl_vkey_put(v, &b);
	memcpy(out, b.p, b.len + 1);
}

static int
keys(void **state)
{
	char name[8];

	(void)state;
	key_of("log.example/a", SL_VKEY_ED25519, 1, &log_k, &log_v);
	put(&log_v, log_s);
	for (int i = 0; i < 4; i++) {
		static char names[4][8];

		(void)snprintf(name, sizeof(name), "w%d", i);
		memcpy(names[i], name, sizeof(name));
		key_of(names[i], SL_VKEY_COSIGN, (uint8_t)(10 + i), &wit_k[i], &wit_v[i]);
		put(&wit_v[i], wit_s[i]);
	}
	return 0;
}

/* %L the log's key, %0 to %3 the witnesses'. */
static void
expand(const char *s, struct sl_buf *b)
{
	for (; *s != '\0'; s++) {
		if (*s != '%') {
			sl_buf_byte(b, (uint8_t)*s);
			continue;
		}
		s++;
		sl_buf_str(b, *s == 'L' ? log_s : wit_s[*s - '0']);
	}
}

static int
parse(const char *text, struct sl_tpol *p, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = 1 << 16 };

	expand(text, &b);
	return sl_tpol_parse(edge(sl_buf_get(&b)), p, err); /* never unmapped */
}

#define W "witness a %0\nwitness b %1\nwitness c %2\nwitness d %3\n"

static void
accepted(void **state)
{
	static const struct {
		const char *text;
		uint64_t yes[3], no[3]; /* bits of a, b, c, d; 99: none */
	} t[] = {
		{ "quorum none\n", { 0, 1, 15 }, { 99, 99, 99 } },
		{ "log %L\nwitness a %0\nquorum a\n", { 1, 1, 1 }, { 0, 0, 2 } },
		{ W "group g any a b\nquorum g\n", { 1, 2, 7 }, { 0, 4, 12 } },
		{ W "group g all a b\nquorum g\n", { 3, 7, 15 }, { 1, 2, 12 } },
		{ W "group g 2 a b c\nquorum g\n", { 3, 5, 6 }, { 1, 8, 9 } },
		{ W "group x 2 a b c\ngroup y any d\ngroup z all x y\nquorum z\n",
		  { 11, 13, 15 },
		  { 7, 9, 8 } },
		{ W "group x all a b\ngroup y all c d\ngroup z 1 x y\nquorum z\n",
		  { 3, 12, 15 },
		  { 5, 10, 9 } },
		{ " \t log\t%L \t https://log.example/ \n\n  # a comment \xff\n"
		  "witness \xe2\x84\xaa %0\nwitness K %1 https://w.example\nquorum K\n",
		  { 2, 3, 2 },
		  { 0, 1, 1 } },
		{ "witness all %0\ngroup any all all\nquorum any\n",
		  { 1, 1, 1 },
		  { 0, 2, 2 } },
		{ "witness 3 %0\nquorum 3\nwitness later %1\nlog %L\n",
		  { 1, 3, 1 },
		  { 0, 2, 2 } },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_err err = { 0 };
		struct sl_tpol p;

		if (parse(t[i].text, &p, &err) != 0)
			fail_msg("%zu: %s", i, err.msg);
		for (size_t k = 0; k < 3; k++) {
			if (!sl_tpol_quorum(&p, t[i].yes[k]))
				fail_msg("%zu: %llu is no quorum", i,
					 (unsigned long long)t[i].yes[k]);
			if (t[i].no[k] != 99 && sl_tpol_quorum(&p, t[i].no[k]))
				fail_msg("%zu: %llu is a quorum", i,
					 (unsigned long long)t[i].no[k]);
		}
	}
}

static void
refused(void **state)
{
	static const struct {
		const char *text, *where;
		int code;
	} t[] = {
		{ "", "line 1 column 1:", SL_E(FORMAT) },
		{ "log %L\n", "line 2 column 1:", SL_E(FORMAT) },
		{ "quorum none", "line 1 column 12:", SL_E(FORMAT) },
		{ "quorum none\nquorum none\n", "line 2 column 1:", SL_E(FORMAT) },
		{ "quorum\n", "line 1 column 7:", SL_E(FORMAT) },
		{ "quorum none x\n", "line 1 column 13:", SL_E(FORMAT) },
		{ "quorum a\nwitness a %0\n", "line 1 column 8:", SL_E(FORMAT) },
		{ "policy x\nquorum none\n", "line 1 column 1:", SL_E(UNKNOWN) },
		{ "QUORUM none\n", "line 1 column 1:", SL_E(UNKNOWN) },
		{ "quorum none\r\n", "line 1 column 12:", SL_E(FORMAT) },
		{ "quorum none\n# \x01\n", "line 2 column 3:", SL_E(FORMAT) },
		{ "quorum none\n#\x7f\n", "line 2 column 2:", SL_E(FORMAT) },
		{ "quorum\vnone\n", "line 1 column 7:", SL_E(FORMAT) },
		{ "log\nquorum none\n", "line 1 column 4:", SL_E(FORMAT) },
		{ "log x\nquorum none\n", "line 1 column 5:", SL_E(FORMAT) },
		{ "log %0\nquorum none\n", "line 1 column 5:", SL_E(FORMAT) },
		{ "log %L\nlog %L\nquorum none\n", "line 2 column 5:", SL_E(FORMAT) },
		{ "log %L a b\nquorum none\n", "line 1 column", SL_E(FORMAT) },
		{ "witness a %L\nquorum none\n", "line 1 column 11:", SL_E(FORMAT) },
		{ "witness a\nquorum none\n", "line 1 column 10:", SL_E(FORMAT) },
		{ "witness\nquorum none\n", "line 1 column 8:", SL_E(FORMAT) },
		{ "witness none %0\nquorum none\n", "line 1 column 9:", SL_E(FORMAT) },
		{ "witness a %0\nwitness a %1\nquorum a\n",
		  "line 2 column 9:", SL_E(FORMAT) },
		{ "witness a %0\nwitness b %0\nquorum a\n",
		  "line 2 column 11:", SL_E(FORMAT) },
		{ "witness a x+00000000+BA==\nquorum a\n",
		  "line 1 column 11:", SL_E(UNSUPPORTED) },
		{ W "group g\nquorum a\n", "line 5 column 8:", SL_E(FORMAT) },
		{ W "group g any\nquorum a\n", "line 5 column 12:", SL_E(FORMAT) },
		{ W "group g a b\nquorum a\n", "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g 0 a b\nquorum a\n", "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g 01 a b\nquorum a\n", "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g 3 a b\nquorum a\n", "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g -1 a b\nquorum a\n", "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g 4294967297 a b\nquorum a\n",
		  "line 5 column 9:", SL_E(FORMAT) },
		{ W "group g any none\nquorum a\n", "line 5 column 13:", SL_E(FORMAT) },
		{ W "group g any e\nquorum a\n", "line 5 column 13:", SL_E(FORMAT) },
		{ W "group g any g\nquorum a\n", "line 5 column 13:", SL_E(FORMAT) },
		{ W "group g any a a\nquorum g\n", "line 5 column 15:", SL_E(FORMAT) },
		{ W "group g any a\ngroup h any a b\nquorum h\n",
		  "line 6 column 13:", SL_E(FORMAT) },
		{ W "group g any a\ngroup h any g\ngroup i any g\nquorum i\n",
		  "line 7 column 13:", SL_E(FORMAT) },
		{ W "group a any b\nquorum a\n", "line 5 column 7:", SL_E(FORMAT) },
		{ W "group none any b\nquorum a\n", "line 5 column 7:", SL_E(FORMAT) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_err err = { 0 };
		struct sl_tpol p;
		int r = parse(t[i].text, &p, &err);

		if (r != t[i].code || strstr(err.msg, t[i].where) == NULL)
			fail_msg("%zu: %s: %s (wanted %s)", i, sl_code_id(r), err.msg,
				 t[i].where);
	}
}

/* 64 of each are taken, 65 are not; a long chain of groups is no depth. */
static void
many(void **state)
{
	(void)state;
	for (int n = SL_TPOL_MAX; n <= SL_TPOL_MAX + 1; n++) {
		SL_AUTO_BUF b = { .max = 1 << 16 };
		struct sl_err err = { 0 };
		struct sl_signer k;
		struct sl_tpol p;
		struct sl_vkey v;

		for (int i = 0; i < n; i++) {
			char s[256], name[16];

			(void)snprintf(name, sizeof(name), "x%d", i);
			key_of(name, SL_VKEY_COSIGN, (uint8_t)(i + 1), &k, &v);
			put(&v, s);
			sl_buf_printf(&b, "witness w%d %s\n", i, s);
			if (i == 0)
				sl_buf_str(&b, "group g0 any w0\n");
			else if (i < SL_TPOL_MAX)
				sl_buf_printf(&b, "group g%d all g%d w%d\n", i, i - 1, i);
		}
		sl_buf_printf(&b, "quorum g%d\n", SL_TPOL_MAX - 1);
		if (n > SL_TPOL_MAX) {
			assert_int_equal(sl_tpol_parse(sl_buf_get(&b), &p, &err),
					 SL_E(LIMIT));
			continue;
		}
		must(sl_tpol_parse(sl_buf_get(&b), &p, &err), &err);
		assert_true(sl_tpol_quorum(&p, UINT64_MAX));
		for (int i = 0; i < n; i++)
			assert_false(sl_tpol_quorum(&p, UINT64_MAX ^ UINT64_C(1) << i));
	}
}

/* A checkpoint of 5 leaves, cosigned by those in mask; bit 8: by a wrong hand. */
static void
note(unsigned mask, struct sl_buf *out)
{
	static struct tree t;
	struct sl_err err = { 0 };
	struct sl_note n;

	tree_make(&t, 0, 0);
	note_of(&t, 5, &log_v, &log_k, out);
	must(sl_note_parse(sl_buf_get(out), &n, &err), &err);
	{
		SL_AUTO_BUF text = { .max = 1024 };

		sl_buf_slice(&text, n.text);
		for (int i = 0; i < 4; i++)
			if ((mask >> i & 1) != 0)
				must(sl_note_sign(
					 mask > 15 ? SL_LIT("x\n") : sl_buf_get(&text),
					 &wit_v[i], 1790000000 + i, &wit_k[i], out, &err),
				     &err);
	}
}

static void
checkpoints(void **state)
{
	static const struct {
		const char *policy;
		unsigned mask;
		int code;
	} t[] = {
		{ "log %L\n" W "group g 2 a b c\nquorum g\n", 3, 0 },
		{ "log %L\n" W "group g 2 a b c\nquorum g\n", 13, 0 },
		{ "log %L\nquorum none\n", 0, 0 },
		{ "log %L\nquorum none\n", 15, 0 },
		{ "log %L\n" W "quorum none\n", 0, 0 },
		{ "log %L\n" W "group g 2 a b c\nquorum g\n", 9, SL_E(QUORUM) },
		{ "log %L\n" W "group g 2 a b c\nquorum g\n", 0, SL_E(QUORUM) },
		/* a witness that the policy does not list counts for nothing */
		{ "log %L\nwitness a %0\nquorum a\n", 14, SL_E(QUORUM) },
		/* one whose line is wrong refuses the note, needed or not */
		{ "log %L\n" W "quorum a\n", 16 + 1, SL_E(VERIFY) },
		{ "log %L\n" W "quorum none\n", 16 + 8, SL_E(VERIFY) },
		/* no log of the policy: none is known */
		{ "quorum none\n", 15, SL_E(SIGNER) },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		SL_AUTO_BUF b = { .max = 1 << 14 }, text = { .max = 1 << 14 };
		struct sl_err err = { 0 };
		struct sl_tpol_result res;
		struct sl_tpol p;
		int r;

		expand(t[i].policy, &text);
		must(sl_tpol_parse(sl_buf_get(&text), &p, &err), &err);
		note(t[i].mask, &b);
		r = sl_tpol_check(&p, edge(sl_buf_get(&b)), NULL, &res, &err);
		if (r != t[i].code)
			fail_msg("%zu: %s: %s", i, sl_code_id(r), err.msg);
		if (r == 0 && p.n_witnesses > 0)
			assert_int_equal(res.cosigned, t[i].mask);
		if (r == 0 && res.cosigned != 0)
			assert_int_equal(res.time[0], 1790000000);
	}
}

/* A policy without logs takes the caller's; another's signature does not count. */
static void
known_log(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 14 };
	struct sl_err err = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_tpol_result res;
	struct sl_signer k;
	struct sl_vkey other;
	struct sl_tpol p, with;

	(void)state;
	note(1, &b);
	must(parse("quorum none\n", &p, &err), &err);
	must(sl_tpol_check(&p, sl_buf_get(&b), &log_v, &res, &err), &err);
	assert_memory_equal(res.log.pub, log_v.pub, 32);
	key_of("log.example/a", SL_VKEY_ED25519, 77, &k, &other);
	assert_int_equal(sl_tpol_check(&p, sl_buf_get(&b), &other, &res, &e2),
			 SL_E(SIGNER));
	/* a policy that lists logs takes no other */
	must(parse("log %L\nquorum none\n", &with, &err), &err);
	memset(with.log[0].key.pub, 1, 32);
	with.log[0].key.id[0] ^= 1;
	assert_int_equal(sl_tpol_check(&with, sl_buf_get(&b), &log_v, &res, &e3),
			 SL_E(SIGNER));
}

/* The key of a log named otherwise than the origin does not speak for it. */
static void
other_origin(void **state)
{
	SL_AUTO_BUF b = { .max = 1 << 14 };
	struct sl_err err = { 0 };
	struct sl_tpol_result res;
	struct sl_signer k;
	struct sl_vkey v;
	struct sl_tpol p;

	(void)state;
	must(parse("quorum none\n", &p, &err), &err);
	key_of("log.example/b", SL_VKEY_ED25519, 5, &k, &v);
	sl_buf_str(&b,
		   "log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n");
	{
		SL_AUTO_BUF text = { .max = 1024 };

		sl_buf_slice(&text, sl_buf_get(&b));
		sl_buf_byte(&b, '\n');
		must(sl_note_sign(sl_buf_get(&text), &v, 0, &k, &b, &err), &err);
	}
	assert_int_equal(sl_tpol_check(&p, sl_buf_get(&b), &v, &res, &err), SL_E(SIGNER));
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(accepted),  cmocka_unit_test(refused),
		cmocka_unit_test(many),      cmocka_unit_test(checkpoints),
		cmocka_unit_test(known_log), cmocka_unit_test(other_origin),
	};

	(void)keys(NULL);
	return run_suite("witness-policy", t, SL_ARRAY_LEN(t));
}
