/* schema.h -- the form of a predicate: data/schema/NAME.json, built in.
 *
 * The part of JSON Schema 2020-12 that those files use: $ref (to #/$defs), type, const,
 * enum, pattern, format (date-time: UTC with milliseconds), minimum, maximum, minLength,
 * maxLength (characters), minItems, maxItems, required, properties, additionalProperties,
 * items.  A pattern is literal text and [classes], each of them perhaps with {n} behind,
 * between ^ and an optional $.  Any other keyword or pattern is BUG: a schema must not
 * promise what nothing checks.
 */
#ifndef SL_RECORD_SCHEMA_H
#define SL_RECORD_SCHEMA_H

#include "record/statement.h"

struct sl_schemas {
	const struct sl_json *row[SL_STMT_COUNT];
};

/* Parses the built-in files into a.  NOMEM, BUG. */
int sl_schemas_load(struct sl_arena *a, struct sl_schemas *ret,
		    struct sl_err *err) SL_MUST_CHECK;
/* VERIFY with the member that does not fit; BUG. */
int sl_schema_check(const struct sl_schemas *s, enum sl_statement kind,
		    const struct sl_json *predicate, struct sl_err *err) SL_MUST_CHECK;

/* One value by one schema, whose "$defs" are in root; for tests too. */
int sl_schema_fits(const struct sl_json *v, const struct sl_json *schema,
		   const struct sl_json *root, struct sl_err *err) SL_MUST_CHECK;

#endif
