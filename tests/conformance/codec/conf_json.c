/* conf_json.c -- JSONTestSuite through sl_json_parse(): y_ accepted, n_ refused; i_ may
 * go either way and is not counted.  What is refused on purpose is named. */
#include "codec/json.h"
#include "conf.h"

static const struct {
	const char *name, *why;
} on_purpose[] = {
	{ "y_object_duplicated_key.json", "duplicate keys are refused" },
	{ "y_object_duplicated_key_and_value.json", "duplicate keys are refused" },
	{ "y_object_escaped_null_in_key.json", "NUL in a key is refused" },
};

static const char *
purpose(const char *name)
{
	for (size_t i = 0; i < sizeof(on_purpose) / sizeof(on_purpose[0]); i++)
		if (strcmp(on_purpose[i].name, name) == 0)
			return on_purpose[i].why;
	return NULL;
}

static void
one(struct conf *c, const char *dir, const char *name)
{
	const struct sl_limits lim = { CONF_FILE_MAX, 1 << 20, 1024 };
	SL_AUTO_BUF text = { .max = CONF_FILE_MAX };
	SL_AUTO_ARENA a = { .cap = 1 << 26 };
	struct sl_err err = { 0 };
	struct sl_json *v;
	bool is_accepted;

	if ((name[0] != 'y' && name[0] != 'n') || name[1] != '_' ||
	    !conf_read(c, &text, "%s/%s", dir, name))
		return;
	is_accepted = sl_json_parse(sl_buf_get(&text), &lim, &a, &v, &err) == 0;
	conf_case(c, is_accepted == (name[0] == 'y'), "%s: %s%s%s", name,
		  is_accepted ? "accepted" : err.msg,
		  purpose(name) != NULL ? "; on purpose: " : "",
		  purpose(name) != NULL ? purpose(name) : "");
}

/* What is refused on purpose counts as missed, but does not fail the run. */
int
main(int argc, char **argv)
{
	size_t n_missed, n_meant = sizeof(on_purpose) / sizeof(on_purpose[0]);
	struct conf c;
	int r;

	conf_init(&c, "json", argc, argv);
	conf_each(&c, "flow/JSONTestSuite/test_parsing", one);
	for (size_t i = 0; i < sizeof(on_purpose) / sizeof(on_purpose[0]); i++)
		n_meant -= strstr(c.lines.len > 0 ? (const char *)c.lines.p : "",
				  on_purpose[i].name) == NULL;
	n_missed = c.n - c.n_passed;
	r = conf_finish(&c);
	return r == 1 && n_missed == n_meant ? 0 : r;
}
