/* taint.h -- what of a run's changes the host would later run or obey (delayed escapes,
 * CWE-829), by name and by property: data/taint.tsv, built in.
 *
 * A name is held against the patterns as it is, and as it looks: case folded, marks and
 * invisible characters dropped, look-alike letters and the names that other file systems
 * take for the same (".git.", ".git ", ".git:x") made equal.  What fits only as it looks
 * is
 * "@look-alike", with the row that it looks like.
 *
 * Pure: no file is opened here.  Strings are static.  Names are bytes of any kind,
 * bounded by the caller.
 */
#ifndef SL_RUN_TAINT_H
#define SL_RUN_TAINT_H

#include "base/slice.h"

enum sl_taint_action {
	SL_TA_PASS,    /* nothing */
	SL_TA_NAMED,   /* said, and applied */
	SL_TA_HELD,    /* applied only where it is asked for by name */
	SL_TA_BLOCKED, /* never applied */
	SL_TA_COUNT
};

/* The columns of data/taint.tsv. */
struct sl_taint_row {
	const char *kind, *pattern, *of, *obeyed_by, *action;
};

/* What is known of one entry: rows by index, the strictest kept where there are more. */
enum { SL_TAINTS_MAX = 5, SL_TAINT_NONE = 0xffff };

struct sl_taints {
	uint16_t row[SL_TAINTS_MAX];
	uint8_t n;
	uint16_t like; /* of "@look-alike": the row that it looks like, or NONE */
};

#define SL_TAINTS_INIT                                                                   \
	{                                                                                \
		.like = SL_TAINT_NONE                                                    \
	}

/* What a policy asks of a kind: it only ever tightens. */
struct sl_taint_rule {
	struct sl_slice kind;
	enum sl_taint_action action;
};

const struct sl_taint_row *sl_taint_rows(size_t *ret_n);
enum sl_taint_action sl_taint_action(const struct sl_taint_row *row);
const char *sl_taint_action_name(enum sl_taint_action a);
/* SL_TA_COUNT where there is none of that name. */
enum sl_taint_action sl_taint_action_by_name(struct sl_slice name);
bool sl_taint_is_kind(struct sl_slice kind);
/* The row's own action, or the strictest that a rule of its kind asks for. */
enum sl_taint_action sl_taint_action_under(const struct sl_taint_row *row,
					   const struct sl_taint_rule *rule, size_t n);

/* Adds the rows that fit path, a relative one without "." and "..". */
void sl_taint_path(struct sl_slice path, bool is_dir, struct sl_taints *t);
/* The same without what the name looks like. */
void sl_taint_obeyed(struct sl_slice path, bool is_dir, struct sl_taints *t);
/* Does it lie in what a row lets pass (git's own data)? */
bool sl_taint_passes(struct sl_slice path);
/* Adds the row of a property, "@device" say; the table has it. */
void sl_taint_property(const char *property, struct sl_taints *t);

bool sl_taint_has(const char *property, const struct sl_taints *t);
void sl_taint_drop(const char *property, struct sl_taints *t);

/* What a text holds that a reader does not see as it is. */
enum {
	SL_TEXT_ESCAPES = 1,   /* C0 but for white space, DEL, C1, a CR within a line */
	SL_TEXT_BIDI = 2,      /* characters that turn the order around */
	SL_TEXT_INVISIBLE = 4, /* others without a picture */
	SL_TEXT_BAD = 8,       /* bytes that are no UTF-8 */
};
unsigned sl_taint_text(struct sl_slice s);

#endif
