/* yaml.h -- YAML 1.2 (core schema) as a tree with places, read from libfyaml's events.
 *
 * Strict where a workflow needs it: one document, keys are scalars and unique, merge
 * keys mean nothing, tags only of the core schema, aliases are replayed and counted,
 * an alias inside its own anchor is refused, valid UTF-8 without NUL.  Only plain
 * scalars are typed; quoted and block scalars are strings.  Flow collections are
 * counted before libfyaml sees them, because it reads one whole before it says a word.
 *
 * Ownership: everything lives in the arena, texts included; src is only borrowed for
 * the call.  Lines and columns are 1-based; columns count characters.
 */
#ifndef SL_CODEC_YAML_H
#define SL_CODEC_YAML_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

enum sl_yaml_kind {
	SL_YAML_NULL,
	SL_YAML_BOOL,
	SL_YAML_NUM,
	SL_YAML_STR,
	SL_YAML_SEQ,
	SL_YAML_MAP
};

enum sl_yaml_style {
	SL_YAML_PLAIN,
	SL_YAML_SINGLE,
	SL_YAML_DOUBLE,
	SL_YAML_LITERAL,
	SL_YAML_FOLDED,
	SL_YAML_BLOCK, /* collections */
	SL_YAML_FLOW
};

struct sl_yaml_at {
	size_t line, col; /* 1-based; 0: the whole file */
	size_t width;     /* characters on that line, at least 1 */
};

struct sl_yaml {
	enum sl_yaml_kind kind;
	enum sl_yaml_style style;
	bool b;
	double num;
	struct sl_slice text;         /* scalars of every kind: unescaped, as written */
	struct sl_yaml *child, *last; /* members in order */
	size_t n;                     /* members */
	struct sl_yaml *next;         /* sibling */
	const struct sl_yaml *key;    /* when a member of a mapping: its key */
	struct sl_yaml_at at;
};

struct sl_yaml_opts {
	struct sl_limits lim;  /* bytes; nodes, replayed ones counted; depth */
	bool is_keys_any_case; /* keys that differ in ASCII case only are duplicates */
};

/* Codes: LIMIT, FORMAT, NOMEM.  On failure *ret_at is where, the text in err. */
int sl_yaml_parse(struct sl_slice src, const struct sl_yaml_opts *o, struct sl_arena *a,
		  const struct sl_yaml **ret, struct sl_yaml_at *ret_at,
		  struct sl_err *err) SL_MUST_CHECK;

/* The member with that key, or NULL; accepts NULL and other kinds. */
const struct sl_yaml *sl_yaml_get(const struct sl_yaml *map, const char *key);

/* NOLINTBEGIN(bugprone-macro-parentheses): m is declared here */
#define SL_YAML_EACH(m, v)                                                               \
	for (const struct sl_yaml *m = (v) != NULL ? (v)->child : NULL; m != NULL;       \
	     m = m->next)
/* NOLINTEND(bugprone-macro-parentheses) */

/* The layer below: one event after another, aliases and documents as they stand. */
enum sl_yaml_ev_kind {
	SL_YAML_EV_DOC,
	SL_YAML_EV_DOC_END,
	SL_YAML_EV_MAP,
	SL_YAML_EV_MAP_END,
	SL_YAML_EV_SEQ,
	SL_YAML_EV_SEQ_END,
	SL_YAML_EV_SCALAR,
	SL_YAML_EV_ALIAS /* the name is in text */
};

struct sl_yaml_ev {
	enum sl_yaml_ev_kind kind;
	enum sl_yaml_style style;
	bool is_implicit;                  /* DOC, DOC_END without --- or ... */
	bool has_tag;                      /* an empty one is possible: "!" gives "!" */
	struct sl_slice anchor, tag, text; /* valid during the call only */
	struct sl_yaml_at at;
};

/* Calls fn for each event until it fails.  max_items counts nodes (without replays),
 * max_depth is held.  On failure *ret_at says where unless fn failed. */
int sl_yaml_events(struct sl_slice src, const struct sl_limits *lim,
		   int (*fn)(void *arg, const struct sl_yaml_ev *ev, struct sl_err *err),
		   void *arg, struct sl_yaml_at *ret_at,
		   struct sl_err *err) SL_MUST_CHECK;

#endif
