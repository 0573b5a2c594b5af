/* test_proof.c -- witness/proof and witness/text. */
#include "wit_t.h"
#include "witness/proof.h"
#include "witness/text.h"

#define FIRST "c2sp.org/tlog-proof@v1\n"
#define H "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"

static void
round_trip(void **state)
{
	static struct tree t;
	struct sl_signer k;
	struct sl_vkey v;

	(void)state;
	tree_make(&t, 0, 0);
	key_of("log.example/a", SL_VKEY_ED25519, 1, &k, &v);
	for (uint64_t size = 1; size < 130; size += 43) {
		for (uint64_t i = 0; i < size; i += 7) {
			SL_AUTO_BUF note = { .max = 4096 }, a = { .max = 1 << 14 },
				    b = { .max = 1 << 14 };
			struct sl_tpol policy = { 0 };
			struct sl_tlog_proof p = { .index = i }, q;
			struct sl_tpol_result res;
			struct sl_err err = { 0 }, e2 = { 0 }, e3 = { 0 };
			struct sl_hash bad = t.h[i];

			must(sl_proof_inclusion(sl_leaves_node, &t.l, i, size, &p.path,
						&err),
			     &err);
			note_of(&t, size, &v, &k, &note);
			p.checkpoint = sl_buf_get(&note);
			p.has_extra = i % 2 == 1;
			p.extra = p.has_extra ? SL_LIT("aGk=") : (struct sl_slice){ 0 };
			sl_tlog_proof_put(&p, &a);
			must(sl_tlog_proof_parse(edge(sl_buf_get(&a)), &q, &err), &err);
			sl_tlog_proof_put(&q, &b);
			assert_true(sl_slice_eq(sl_buf_get(&a), sl_buf_get(&b)));
			must(sl_tlog_proof_check(&q, &t.h[i], &policy, &v, &res, &err),
			     &err);
			bad.b[0] ^= 1;
			assert_int_equal(
			    sl_tlog_proof_check(&q, &bad, &policy, &v, &res, &e2),
			    SL_E(VERIFY));
			q.index++;
			assert_int_equal(
			    sl_tlog_proof_check(&q, &t.h[i], &policy, &v, &res, &e3),
			    SL_E(VERIFY));
		}
	}
}

static void
refused(void **state)
{
	static const char *const bad[] = {
		"",
		"c2sp.org/tlog-proof@v2\nindex 0\n\nx\n",
		"c2sp.org/tlog-proof@v1",
		FIRST,
		FIRST "index 0",
		FIRST "index 0\n",
		FIRST "index 0\n\n",
		FIRST "index 00\n\nx\n",
		FIRST "index -1\n\nx\n",
		FIRST "index +1\n\nx\n",
		FIRST "index 1 \n\nx\n",
		FIRST "index\n\nx\n",
		FIRST "index 9223372036854775808\n\nx\n",
		FIRST "index 99999999999999999999\n\nx\n",
		FIRST "index 0\nextra aGk=\n\nx\n",
		FIRST "extra aGk=\nextra aGk=\nindex 0\n\nx\n",
		FIRST "extra aGk\nindex 0\n\nx\n",
		FIRST "extra a b\nindex 0\n\nx\n",
		FIRST "extra aGk=\n",
		FIRST "index 0\n" H,
		FIRST "index 0\nAAAA\n\nx\n",
		FIRST "index 0\n " H "\nx\n",
		FIRST "index 0\r\n\nx\n",
	};
	SL_AUTO_BUF b = { .max = 1 << 14 };
	struct sl_tlog_proof p;
	struct sl_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		err = (struct sl_err){ 0 };
		if (sl_tlog_proof_parse(edge(sl_slice_str(bad[i])), &p, &err) !=
		    SL_E(FORMAT))
			fail_msg("%zu: '%s'", i, bad[i]);
	}
	/* 63 hashes are a path, 64 are none */
	for (int n = 63; n <= 64; n++) {
		sl_buf_clear(&b);
		sl_buf_str(&b, FIRST "index 0\n");
		for (int i = 0; i < n; i++)
			sl_buf_str(&b, H);
		sl_buf_str(&b, "\nx\n");
		err = (struct sl_err){ 0 };
		assert_int_equal(sl_tlog_proof_parse(sl_buf_get(&b), &p, &err),
				 n == 63 ? 0 : SL_E(FORMAT));
	}
}

static void
numbers(void **state)
{
	static const struct {
		const char *s;
		bool ok;
		uint64_t v;
	} t[] = {
		{ "0", true, 0 },
		{ "10", true, 10 },
		{ "9223372036854775807", true, INT64_MAX },
		{ "9223372036854775808", false, 0 },
		{ "18446744073709551616", false, 0 },
		{ "", false, 0 },
		{ "00", false, 0 },
		{ "01", false, 0 },
		{ " 1", false, 0 },
		{ "1x", false, 0 },
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		uint64_t v = 7;

		if (sl_text_number(sl_slice_str(t[i].s), &v) != t[i].ok ||
		    v != (t[i].ok ? t[i].v : 7))
			fail_msg("%s", t[i].s);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = { cmocka_unit_test(round_trip),
					cmocka_unit_test(refused),
					cmocka_unit_test(numbers) };

	return run_suite("witness-proof", t, SL_ARRAY_LEN(t));
}
