/* verify.h -- between the files of `sluice verify`: its result, line by line. */
#ifndef SL_CLI_VERIFY_H
#define SL_CLI_VERIFY_H

#include "cli/evidence.h"
#include "cli/out.h"
#include "issuer/foreign.h"

struct sl_verify_line {
	const char *name;
	bool is_ok;
	char text[240];
};

enum { SL_VERIFY_LINES = 9 + SL_FINDINGS_MAX };

struct sl_verify_result {
	struct sl_verify_line c[SL_VERIFY_LINES];
	size_t n;
	const char *signer;
	const struct sl_verify_report *p; /* NULL: not of a bundle */
	const struct sl_foreign *f;       /* NULL: not of a statement of others */
};

void sl_verify_add(struct sl_verify_result *x, const char *name, bool is_ok,
		   const char *fmt, ...) SL_PRINTF(4, 5);

/* An error as a verdict: malformed is not verified, whatever the parser calls it. */
int sl_verify_code(int r, struct sl_err *err) SL_MUST_CHECK;

struct sl_verify_foreign_opt {
	const char *list, *payload, *time; /* NULL: not given */
	bool is_signature_only;
};

/* Whether src, a COSE_Sign1, is a statement of others, or one of ours with receipts of
 * others: then it is judged by the list. */
bool sl_verify_is_foreign(struct sl_slice src);
/* 0, VERIFY, SIGNER with lines in *x; whatever says nothing about the statement (ENV,
 * SYS, a list that cannot be read) as it is.  *f is what x points to afterwards. */
int sl_verify_foreign(struct sl_local *l, struct sl_slice src,
		      const struct sl_verify_foreign_opt *o, struct sl_foreign *f,
		      struct sl_verify_result *x, struct sl_err *err) SL_MUST_CHECK;
/* That the file at path is what the statement src is about: 0 with a line in *x. */
int sl_verify_payload(struct sl_slice src, const char *path, struct sl_verify_result *x,
		      struct sl_err *err) SL_MUST_CHECK;
/* Its members of the JSON object. */
void sl_verify_foreign_json(const struct sl_foreign *f, struct sl_jb *b,
			    struct sl_json *v);

#endif
