/* test_form.c -- headers, payloads and predicates that are ours, and those that are not.
 */
#include "t.h"

#include "base/hex.h"
#include "cose/statement.h"
#include "log/sign.h"
#include "record/form.h"
#include "record/schema.h"

static struct sl_log_key key;

static int
setup(void **state)
{
	static const uint8_t seed[32] = { 3 };
	struct sl_err err = { 0 };

	(void)state;
	assert_int_equal(sl_crypto_init(&err), 0);
	sl_log_key_make(&key, seed);
	return 0;
}

static const char type[] = "application/vnd.in-toto+json";

static struct sl_sign1_opts
opts(void)
{
	return (struct sl_sign1_opts){ .alg = SL_ALG_EDDSA,
				       .kid = { key.kid, 32 },
				       .iss = sl_slice_str(key.did),
				       .sub = SL_LIT("run:x"),
				       .content_type = sl_slice_str(type),
				       .payload = SL_LIT("{}") };
}

static int
form_of(struct sl_slice bytes, struct sl_err *err)
{
	uint8_t pub[32];
	struct sl_sign1 s;
	int r;

	*err = (struct sl_err){ 0 };
	if ((r = sl_statement_parse(bytes, 1 << 16, 0, &s, err)) < 0 ||
	    (r = sl_form_statement(&s, pub, err)) < 0)
		return r;
	assert_memory_equal(pub, key.s.pub, 32);
	return 0;
}

static int
form_with(const struct sl_sign1_opts *o, struct sl_err *err)
{
	struct sl_buf b = { .max = 1 << 16 };
	int r;

	*err = (struct sl_err){ 0 };
	assert_int_equal(sl_sign1_build(o, &key.s, &b, err), 0);
	r = form_of(sl_buf_get(&b), err);
	sl_buf_done(&b);
	return r;
}

static void
headers(void **state)
{
	static const uint8_t other[32] = { 9 };
	struct sl_sign1_opts o = opts();
	struct sl_err err;
	int n = 0;

	(void)state;
	assert_int_equal(form_with(&o, &err), 0);
	for (n = 0; n < 9; n++) {
		o = opts();
		switch (n) {
		case 0:
			o.content_type = SL_LIT("application/json");
			break;
		case 1:
			o.content_type = (struct sl_slice){ 0 };
			break;
		case 2:
			o.alg = SL_ALG_ED25519;
			break;
		case 3:
			o.has_iat = true;
			break;
		case 4:
			o.typ = SL_LIT("x");
			break;
		case 5:
			o.kid = (struct sl_slice){ other, 32 };
			break;
		case 6:
			o.iss = SL_LIT("https://example.com");
			break;
		case 7:
			o.has_vds = true;
			o.vds = 1;
			break;
		case 8:
			o.iss = SL_LIT(
			    "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw");
			break;
		}
		if (form_with(&o, &err) >= 0)
			fail_msg("header %d", n);
	}
}

static void
envelopes(void **state)
{
	static const uint8_t digest[48] = { 1 };
	struct sl_sign1_opts o = opts();
	struct sl_err err;

	(void)state;
	o.content_type = (struct sl_slice){ 0 };
	o.hash_alg = SL_ALG_SHA256;
	o.preimage_type = sl_slice_str(type);
	o.payload = (struct sl_slice){ digest, 32 };
	assert_int_equal(form_with(&o, &err), 0);
	o.preimage_type = SL_LIT("application/json");
	assert_int_equal(form_with(&o, &err), SL_E(VERIFY));
	o.preimage_type = (struct sl_slice){ 0 };
	assert_int_equal(form_with(&o, &err), SL_E(VERIFY));
	o.preimage_type = sl_slice_str(type);
	o.location = SL_LIT("https://example.com/");
	assert_int_equal(form_with(&o, &err), SL_E(VERIFY));
	o.location = (struct sl_slice){ 0 };
	o.hash_alg = SL_ALG_SHA384;
	o.payload = (struct sl_slice){ digest, 48 };
	assert_int_equal(form_with(&o, &err), SL_E(VERIFY));
}

/* A label, or a claim, that nobody here knows. */
static void
unknown_labels(void **state)
{
	(void)state;
	for (int n = 0; n < 3; n++) {
		struct sl_buf p = { .max = 4096 }, b = { .max = 4096 };
		uint8_t sig[64] = { 0 };
		struct sl_err err;

		sl_cbor_put_map(&p, n == 1 ? 5 : 4);
		sl_cbor_put_int(&p, 1);
		sl_cbor_put_int(&p, -8);
		sl_cbor_put_int(&p, 3);
		sl_cbor_put_tstr(&p, sl_slice_str(type));
		sl_cbor_put_int(&p, 4);
		sl_cbor_put_bstr(&p, (struct sl_slice){ key.kid, 32 });
		sl_cbor_put_int(&p, 15);
		sl_cbor_put_map(&p, n == 2 ? 3 : 2);
		sl_cbor_put_int(&p, 1);
		sl_cbor_put_tstr(&p, sl_slice_str(key.did));
		sl_cbor_put_int(&p, 2);
		sl_cbor_put_tstr(&p, SL_LIT("x"));
		if (n == 2) {
			sl_cbor_put_int(&p, 8);
			sl_cbor_put_int(&p, 1);
		}
		if (n == 1) {
			sl_cbor_put_int(&p, 99);
			sl_cbor_put_int(&p, 1);
		}
		sl_sign1_put(sl_buf_get(&p), (struct sl_slice){ 0 }, SL_LIT("{}"), false,
			     (struct sl_slice){ sig, 64 }, &b);
		assert_int_equal(form_of(sl_buf_get(&b), &err),
				 n == 0 ? 0 : SL_E(VERIFY));
		sl_buf_done(&p);
		sl_buf_done(&b);
	}
}

static int
receipt_with(const struct sl_sign1_opts *o, struct sl_err *err)
{
	struct sl_buf b = { .max = 1 << 16 };
	struct sl_proof path = { .n = 1 };
	struct sl_hash root = { { 0 } };
	uint8_t sig[64], pub[32];
	struct sl_receipt rc;
	int r;

	*err = (struct sl_err){ 0 };
	assert_int_equal(sl_receipt_sign(o, &root, &key.s, sig, err), 0);
	assert_int_equal(sl_receipt_put(o, 0, 2, &path, sig, &b, err), 0);
	if ((r = sl_receipt_parse(sl_buf_get(&b), SL_RECEIPT_ANY_CLAIMS, &rc, err)) == 0)
		r = sl_form_receipt(&rc, pub, err);
	sl_buf_done(&b);
	return r;
}

static void
receipts(void **state)
{
	struct sl_sign1_opts o = opts();
	struct sl_err err;

	(void)state;
	o.content_type = (struct sl_slice){ 0 };
	assert_int_equal(receipt_with(&o, &err), 0);
	o.alg = SL_ALG_ED25519;
	assert_int_equal(receipt_with(&o, &err), SL_E(VERIFY));
	o.alg = SL_ALG_EDDSA;
	o.has_iat = true;
	assert_int_equal(receipt_with(&o, &err), SL_E(VERIFY));
	o.has_iat = false;
	o.sub = (struct sl_slice){ 0 };
	assert_int_equal(receipt_with(&o, &err), 0); /* sub is for the reader of claims */
	o.kid = (struct sl_slice){ 0 };
	assert_int_equal(receipt_with(&o, &err), SL_E(VERIFY));
	o = opts();
	o.iss = SL_LIT("x");
	assert_int_equal(receipt_with(&o, &err), SL_E(VERIFY));
}

static const struct sl_json *
parsed(struct sl_arena *a, const char *text)
{
	static const struct sl_limits lim = { 1 << 20, 10000, 64 };
	struct sl_json *v = NULL;
	struct sl_err err = { 0 };

	if (sl_json_parse(sl_slice_str(text), &lim, a, &v, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return v;
}

static void
canonical(void **state)
{
	static const struct {
		const char *text;
		bool is_jcs;
	} t[] = {
		{ "{}", true },
		{ "{\"a\":1,\"b\":[null,true]}", true },
		{ "\"\xc3\xa4\"", true },
		{ "\"\\u0007\"", true },
		{ "{ }", false },
		{ "{}\n", false },
		{ "{\"b\":1,\"a\":1}", false },
		{ "{\"a\":1 }", false },
		{ "\"\\u00e4\"", false },
		{ "\"\\/\"", false },
		{ "1.0", false },
		{ "-0", false },
		{ "1e2", false },
	};
	struct sl_arena a = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct sl_err err = { 0 };
		int r = sl_form_jcs(sl_slice_str(t[i].text), parsed(&a, t[i].text), &err);

		if (r != (t[i].is_jcs ? 0 : SL_E(VERIFY)))
			fail_msg("%s", t[i].text);
	}
	sl_arena_free(&a);
}

static void
in_toto(void **state)
{
#define HEX "1111111111111111111111111111111111111111111111111111111111111111"
#define ST(type, subject, more)                                                          \
	"{\"_type\":" type                                                               \
	",\"predicate\":{},\"predicateType\":\"x\",\"subject\":" subject more "}"
#define V1 "\"https://in-toto.io/Statement/v1\""
#define ONE "[{\"digest\":{\"sha256\":\"" HEX "\"},\"name\":\"n\"}]"
	static const char *const bad[] = {
		"{}",
		"[]",
		"1",
		ST("1", ONE, ""),
		ST("\"https://in-toto.io/Statement/v0.1\"", ONE, ""),
		ST(V1, ONE, ",\"z\":1"),
		ST(V1, "[]", ""),
		ST(V1, "{}", ""),
		ST(V1, "[1]", ""),
		ST(V1, "[{}]", ""),
		ST(V1, "[{\"digest\":{\"sha256\":\"" HEX "\"},\"name\":\"\"}]", ""),
		ST(V1, "[{\"digest\":{\"sha256\":\"1\"},\"name\":\"n\"}]", ""),
		ST(V1,
		   "[{\"digest\":{\"sha1\":\"1\",\"sha256\":\"" HEX
		   "\"},\"name\":\"n\"}]",
		   ""),
		ST(V1,
		   "[{\"digest\":{\"sha256\":\"" HEX "\"},\"name\":\"n\",\"uri\":\"\"}]",
		   ""),
		ST(V1,
		   "[{\"digest\":{\"sha256\":\"" HEX "\"},\"name\":\"n\"},"
		   "{\"digest\":{\"sha256\":\"" HEX "\"},\"name\":\"n\"}]",
		   ""),
		"{\"_type\":" V1
		",\"predicate\":1,\"predicateType\":\"x\",\"subject\":" ONE "}",
		"{\"_type\":" V1
		",\"predicate\":{},\"predicateType\":\"\",\"subject\":" ONE "}",
	};
	struct sl_arena a = { 0 };
	struct sl_err err = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	assert_int_equal(sl_form_intoto(parsed(&a, ST(V1, ONE, "")), &err), 0);
	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		err = (struct sl_err){ 0 };
		if (sl_form_intoto(parsed(&a, bad[i]), &err) != SL_E(VERIFY))
			fail_msg("%s", bad[i]);
	}
	sl_arena_free(&a);
}

static void
schemas(void **state)
{
	static const struct {
		const char *schema, *v;
		int r;
	} t[] = {
		{ "{\"type\":\"object\"}", "{}", 0 },
		{ "{\"type\":\"object\"}", "[]", SL_E(VERIFY) },
		{ "{\"type\":\"integer\"}", "1", 0 },
		{ "{\"type\":\"integer\"}", "1.5", SL_E(VERIFY) },
		{ "{\"type\":\"integer\"}", "true", SL_E(VERIFY) },
		{ "{\"const\":1}", "1", 0 },
		{ "{\"const\":1}", "true", SL_E(VERIFY) },
		{ "{\"enum\":[\"a\",0]}", "0", 0 },
		{ "{\"enum\":[\"a\",0]}", "\"b\"", SL_E(VERIFY) },
		{ "{\"minimum\":0,\"maximum\":4294967295}", "4294967295", 0 },
		{ "{\"minimum\":0,\"maximum\":4294967295}", "4294967296", SL_E(VERIFY) },
		{ "{\"minimum\":0}", "-1", SL_E(VERIFY) },
		{ "{\"minimum\":0}", "\"x\"", 0 },
		{ "{\"maxLength\":2}", "\"\xc3\xa4\xc3\xa4\"", 0 },
		{ "{\"maxLength\":2}", "\"abc\"", SL_E(VERIFY) },
		{ "{\"minLength\":2}", "\"\xc3\xa4\"", SL_E(VERIFY) },
		{ "{\"minItems\":1,\"maxItems\":2}", "[1]", 0 },
		{ "{\"minItems\":1,\"maxItems\":2}", "[]", SL_E(VERIFY) },
		{ "{\"minItems\":1,\"maxItems\":2}", "[1,2,3]", SL_E(VERIFY) },
		{ "{\"required\":[\"a\"]}", "{\"a\":null}", 0 },
		{ "{\"required\":[\"a\"]}", "{\"b\":null}", SL_E(VERIFY) },
		{ "{\"additionalProperties\":false,\"properties\":{\"a\":{}}}",
		  "{\"a\":1}", 0 },
		{ "{\"additionalProperties\":false,\"properties\":{\"a\":{}}}",
		  "{\"b\":1}", SL_E(VERIFY) },
		{ "{\"additionalProperties\":true}", "{\"b\":1}", 0 },
		{ "{\"additionalProperties\":{\"type\":\"string\"}}", "{\"b\":1}",
		  SL_E(VERIFY) },
		{ "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"a\":1}",
		  SL_E(VERIFY) },
		{ "{\"properties\":{\"a\":{\"type\":\"string\"}}}", "1", 0 },
		{ "{\"items\":{\"type\":\"string\"}}", "[\"a\",1]", SL_E(VERIFY) },
		{ "{\"items\":{\"type\":\"string\"}}", "{}", 0 },
		{ "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"const\":1}}}", "1", 0 },
		{ "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"const\":1}}}", "2",
		  SL_E(VERIFY) },
		{ "{\"$ref\":\"#/$defs/y\",\"$defs\":{}}", "2", SL_E(BUG) },
		{ "{\"$ref\":\"#/$defs/x\",\"$defs\":{\"x\":{\"$ref\":\"#/$defs/x\"}}}",
		  "1", SL_E(BUG) },
		{ "{\"oneOf\":[]}", "1", SL_E(BUG) },
		{ "{\"type\":[\"string\",\"array\"]}", "[]", 0 },
		{ "{\"type\":[\"string\",\"array\"]}", "\"x\"", 0 },
		{ "{\"type\":[\"string\",\"array\"]}", "1", SL_E(VERIFY) },
		{ "{\"type\":[]}", "1", SL_E(VERIFY) },
		{ "{\"format\":\"uri\"}", "\"x\"", SL_E(BUG) },
		{ "{\"format\":\"date-time\"}", "\"2026-11-24T23:18:34.123Z\"", 0 },
		{ "{\"format\":\"date-time\"}", "1", 0 },
		{ "{\"format\":\"date-time\"}", "\"2026-11-24\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^[0-9a-f]{4}$\"}", "\"12af\"", 0 },
		{ "{\"pattern\":\"^[0-9a-f]{4}$\"}", "\"12aF\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^[0-9a-f]{4}$\"}", "\"12a\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^[0-9a-f]{4}$\"}", "\"12af\\n\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^/\"}", "\"/x\"", 0 },
		{ "{\"pattern\":\"^/\"}", "\"x/\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^/\"}", "\"\"", SL_E(VERIFY) },
		{ "{\"pattern\":\"^a[x-]b$\"}", "\"a-b\"", 0 },
		{ "{\"pattern\":\"x\"}", "\"x\"", SL_E(BUG) },
		{ "{\"pattern\":\"^x*$\"}", "\"x\"", SL_E(BUG) },
		{ "{\"pattern\":\"^[^x]$\"}", "\"a\"", SL_E(BUG) },
		{ "{\"pattern\":\"^[x\"}", "\"a\"", SL_E(BUG) },
		{ "{\"pattern\":\"^a{x}$\"}", "\"a\"", SL_E(BUG) },
		{ "{\"pattern\":\"^a{1\"}", "\"a\"", SL_E(BUG) },
		{ "{\"pattern\":\"^.$\"}", "\"a\"", SL_E(BUG) },
	};
	struct sl_arena a = { 0 };

	(void)state;
	sl_arena_init(&a, 1 << 20);
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		const struct sl_json *s = parsed(&a, t[i].schema);
		struct sl_err err = { 0 };

		if (sl_schema_fits(parsed(&a, t[i].v), s, s, &err) != t[i].r)
			fail_msg("%s: %s: %s", t[i].schema, t[i].v, err.msg);
	}
	sl_arena_free(&a);
}

/* Every built-in schema loads, refuses an empty predicate and has only keywords that are
 * checked: those of nested members are met by the tests of bundles. */
static void
builtin(void **state)
{
	struct sl_arena a = { 0 };
	struct sl_schemas s;
	struct sl_err err = { 0 };

	(void)state;
	for (unsigned long n = 1;; n++) {
		int r;

		sl_arena_init(&a, 1 << 22);
		a.fail_at = n;
		err = (struct sl_err){ 0 };
		r = sl_schemas_load(&a, &s, &err);
		assert_true(r == 0 || r == SL_E(NOMEM));
		if (r == 0)
			break;
		sl_arena_free(&a);
		n += n / 8;
	}
	a.fail_at = 0;
	for (int i = 0; i < SL_STMT_COUNT; i++) {
		err = (struct sl_err){ 0 };
		assert_int_equal(
		    sl_schema_check(&s, (enum sl_statement)i, parsed(&a, "{}"), &err),
		    SL_E(VERIFY));
		assert_int_equal(sl_statement_of(sl_statement_row((enum sl_statement)i)),
				 i);
	}
	sl_arena_free(&a);
}

static void
times(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} t[] = {
		{ "1970-01-01T00:00:00.000Z", 0 },
		{ "2026-11-24T23:18:34.123Z", 1795562314123 },
		{ "2024-02-29T00:00:00.001Z", 1709164800001 },
		{ "2023-02-29T00:00:00.000Z", -1 },
		{ "2026-13-01T00:00:00.000Z", -1 },
		{ "2026-00-01T00:00:00.000Z", -1 },
		{ "2026-01-32T00:00:00.000Z", -1 },
		{ "2026-01-01T24:00:00.000Z", -1 },
		{ "2026-01-01T00:60:00.000Z", -1 },
		{ "2026-01-01T00:00:60.000Z", -1 },
		{ "2026-01-01T00:00:00Z", -1 },
		{ "2026-01-01T00:00:00.000", -1 },
		{ "2026-01-01 00:00:00.000Z", -1 },
		{ "2026-01-01t00:00:00.000z", -1 },
		{ "2026-01-01T00:00:00.000+", -1 },
		{ "+026-01-01T00:00:00.000Z", -1 },
		{ "1969-12-31T23:59:59.999Z", -1 },
		{ "", -1 },
	};
	int64_t ms;

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		bool is = sl_time_parse(sl_slice_str(t[i].text), &ms);

		if (is != (t[i].ms >= 0) || (is && ms != t[i].ms))
			fail_msg("%s: %lld", t[i].text, (long long)ms);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(headers),        cmocka_unit_test(envelopes),
		cmocka_unit_test(unknown_labels), cmocka_unit_test(receipts),
		cmocka_unit_test(canonical),      cmocka_unit_test(in_toto),
		cmocka_unit_test(schemas),        cmocka_unit_test(builtin),
		cmocka_unit_test(times),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("form", t, setup, NULL);
}
