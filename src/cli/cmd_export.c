/* cmd_export.c -- sluice export: a run's evidence as one file. */
#include "base/hex.h"
#include "cli/evidence.h"
#include "cli/out.h"
#include "crypto/sha256.h"

#include <stdio.h>

enum { OPT_OUT, OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_OUT] = { "out", 'o', "FILE", "where to write; - is standard output", false },
	[OPT_JSON] = { "json", 0, NULL, "one object", false },
	{ 0 },
};

static int
show(const char *to, struct sl_slice bytes, const struct sl_verify_report *p,
     bool is_json, struct sl_err *err)
{
	uint8_t digest[32];
	char hex[65];
	SL_AUTO_OUT out = { 0 };
	struct sl_json *v;
	struct sl_jb *b;

	sl_sha256(bytes, digest);
	sl_hex(hex, digest, 32);
	if (!is_json) {
		printf("%s: run %.12s, %zu statements, %zu bytes%s\n", to, p->run,
		       p->n_statements, bytes.len,
		       p->is_sealed ? "" : "; not sealed: the run was not over");
		return sl_out_flush(err);
	}
	v = sl_out_init(&out);
	b = &out.b;
	(void)sl_json_set(b, v, "file", sl_json_cstr(b, to));
	(void)sl_json_set(b, v, "bytes", sl_json_int(b, (int64_t)bytes.len));
	(void)sl_json_set(b, v, "sha256", sl_json_cstr(b, hex));
	(void)sl_json_set(b, v, "statements", sl_json_int(b, (int64_t)p->n_statements));
	(void)sl_json_set(b, v, "run", sl_json_cstr(b, p->run));
	(void)sl_json_set(b, v, "sealed", sl_json_bool(b, p->is_sealed));
	return sl_out_json(&out, v, err);
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_BUNDLE_BYTES_MAX };
	SL_AUTO_BUF again = { .max = SL_BUNDLE_BYTES_MAX + (1 << 17) };
	SL_AUTO_LOCAL l = { .home.fd = -1 };
	struct sl_verify_report p;
	struct sl_trusted t = { l.trusted, 0 };
	const char *to = sl_arg(args, OPT_OUT, 0);
	bool is_stdout = to != NULL && strcmp(to, "-") == 0;
	struct sl_slice s;
	int r;

	if (to == NULL)
		return SL_ERR(err, USAGE, "where to? sluice export RUN -o FILE");
	if (is_stdout && sl_arg_is(args, OPT_JSON))
		return SL_ERR(err, USAGE,
			      "--json and the bundle cannot both go to standard output");
	if ((r = sl_local_open(&l, args, -1, err)) < 0 ||
	    (r = sl_local_bundle(&l, args->argv[0], &bytes, err)) < 0)
		return r;
	t.n = l.n_trusted;
	s = sl_buf_get(&bytes);
	/* What does not verify here would verify nowhere. */
	if ((r = sl_verify_bundle(s, &t, &p, err)) < 0 ||
	    (r = sl_file_write(to, s, err)) < 0)
		return r;
	if (is_stdout)
		return 0;
	if ((r = sl_file_read(to, SL_BUNDLE_BYTES_MAX, &again, err)) < 0)
		return r;
	if (!sl_slice_eq(sl_buf_get(&again), s))
		return SL_ERR(err, SYS, "'%s' reads back as something else", to);
	return show(to, s, &p, sl_arg_is(args, OPT_JSON), err);
}

const struct sl_cmd sl_cmd_export = {
	.name = "export",
	.summary = "write a run's evidence as one file",
	.usage = "RUN -o FILE [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
