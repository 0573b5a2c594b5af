/* said.c -- see said.h. */
#include "gate/said.h"

#include "record/statement.h"

#include <stdio.h>

static bool
is_str(const struct sl_json *o, const char *key, struct sl_slice due)
{
	const struct sl_json *v = sl_json_get(o, key);

	return v != NULL && v->kind == SL_JSON_STR && sl_slice_eq(v->s, due);
}

static bool
is_same(const struct sl_json *a, const char *key, const struct sl_json *b,
	const char *of_b)
{
	const struct sl_json *x = sl_json_get(a, key), *y = sl_json_get(b, of_b);

	return x != NULL && y != NULL && sl_json_eq(x, y);
}

/* --- decisions --- */

/* "urn:sluice:WHAT:HEX" */
static bool
is_urn(const struct sl_json *o, const char *key, const char *what, struct sl_slice hex)
{
	char urn[96];

	(void)snprintf(urn, sizeof(urn), "urn:sluice:%s:%.*s", what,
		       (int)(hex.len > 64 ? 64 : hex.len), (const char *)hex.p);
	return is_str(o, key, sl_slice_str(urn));
}

/* { uri, digest } of what "sluice" names by its digest alone. */
static bool
is_ref(const struct sl_json *o, const char *what, const struct sl_json *own)
{
	return is_urn(o, "uri", what, sl_json_get_str(own, what)) &&
	       is_same(sl_json_get(o, "digest"), "sha256", own, what);
}

/* What else is there follows from what kind of decision it is. */
static int
check_kind(const struct sl_json *own, struct sl_err *err)
{
	bool is_step = is_str(own, "kind", SL_LIT("step"));
	bool is_allow = is_str(own, "verdict", SL_LIT("allow"));

	if ((sl_json_get(own, "step") != NULL) != is_step ||
	    (sl_json_get(own, "nonce") != NULL) == is_step)
		return SL_ERR(err, VERIFY,
			      "decision: neither one of a step nor of a run");
	if (is_step && sl_json_get(own, "run_key") != NULL)
		return SL_ERR(err, VERIFY, "decision: a step has no key");
	if ((sl_json_get(own, "grant") != NULL) !=
	    (is_allow && sl_json_get(own, "wants") != NULL))
		return SL_ERR(err, VERIFY, "decision: a grant goes with an allow");
	if (!is_allow && sl_json_get(own, "require_complete")->n > 0)
		return SL_ERR(err, VERIFY, "decision: a deny requires no record");
	return 0;
}

int
sl_said_decision(const struct sl_json *p, const char *did, struct sl_err *err)
{
	const struct sl_json *own = sl_json_get(p, "sluice");
	bool is_allow = is_str(own, "verdict", SL_LIT("allow"));
	int64_t ms = 0;

	if (!is_str(sl_json_get(p, "verifier"), "id", sl_slice_str(did)))
		return SL_ERR(err, VERIFY,
			      "decision: made by another node than the log's");
	if (!is_urn(p, "resourceUri", sl_json_get(own, "step") != NULL ? "step" : "run",
		    sl_json_get_str(own, "id")))
		return SL_ERR(err, VERIFY, "decision: resourceUri is not its ID");
	if (!is_ref(sl_json_first(sl_json_get(p, "inputAttestations")), "context", own))
		return SL_ERR(err, VERIFY,
			      "decision: inputAttestations is not its context");
	if (!is_ref(sl_json_get(p, "policy"), "policy", own))
		return SL_ERR(err, VERIFY, "decision: two policies are named");
	if (!is_str(p, "verificationResult",
		    is_allow ? SL_LIT("PASSED") : SL_LIT("FAILED")))
		return SL_ERR(err, VERIFY,
			      "decision: verificationResult is not its verdict");
	if (!sl_time_parse(sl_json_get_str(p, "timeVerified"), &ms) ||
	    ms / 1000 != sl_json_get_int(own, "time"))
		return SL_ERR(err, VERIFY, "decision: timeVerified is not its time");
	return check_kind(own, err);
}

/* --- contexts --- */

int
sl_said_context(const struct sl_json *c, const struct sl_json *own, bool is_step,
		const char *did, struct sl_err *err)
{
	static const char *const of_step[] = { "job", "leg", "index" };
	const struct sl_json *step = sl_json_get(own, "step");

	if (!is_str(c, "node", sl_slice_str(did)))
		return SL_ERR(err, VERIFY, "context: of another node than the log's");
	if (sl_json_get(c, "policy") == NULL ||
	    is_step != is_str(c, "kind", SL_LIT("step")) ||
	    !is_str(c, "level", is_step ? SL_LIT("step") : SL_LIT("flow")))
		return SL_ERR(err, VERIFY, "context: its level is not that of its kind");
	if (own == NULL)
		return 0;
	if (!is_same(c, "kind", own, "kind") || !is_same(c, "policy", own, "policy"))
		return SL_ERR(err, VERIFY,
			      "context: of another kind or policy than its decision");
	if (sl_json_get(c, "act") != NULL && !is_same(c, "act", own, "act"))
		return SL_ERR(err, VERIFY, "context: of another act than its decision");
	for (size_t i = 0; is_step && i < sizeof(of_step) / sizeof(of_step[0]); i++)
		if (!is_same(c, of_step[i], step, of_step[i]))
			return SL_ERR(err, VERIFY,
				      "context: of another step than its decision");
	return 0;
}

/* --- what became of it --- */

int
sl_said_outcome(const struct sl_json *p, const struct sl_json *own, const char *did,
		struct sl_err *err)
{
	const struct sl_json *def = sl_json_get(p, "buildDefinition");
	const struct sl_json *outer = sl_json_get(def, "externalParameters");
	const struct sl_json *inner = sl_json_get(def, "internalParameters");
	const struct sl_json *run = sl_json_get(p, "runDetails");
	const struct sl_json *when = sl_json_get(run, "metadata");
	const struct sl_json *mine = sl_json_get(p, "sluice");
	int64_t from = 0, to = 0;

	if (!is_str(sl_json_get(run, "builder"), "id", sl_slice_str(did)))
		return SL_ERR(err, VERIFY, "outcome: of another node than the log's");
	if (!is_same(when, "invocationId", mine, "id") ||
	    !is_same(inner, "run", mine, "run"))
		return SL_ERR(err, VERIFY, "outcome: two runs or steps are named");
	if (!sl_time_parse(sl_json_get_str(when, "startedOn"), &from) ||
	    !sl_time_parse(sl_json_get_str(when, "finishedOn"), &to) || to < from)
		return SL_ERR(err, VERIFY, "outcome: it ended before it began");
	if (own == NULL)
		return 0;
	if (!is_same(mine, "id", own, "id"))
		return SL_ERR(err, VERIFY, "outcome: of another ID than its decision");
	if (!is_same(outer, "kind", own, "kind") ||
	    !is_same(outer, "context", own, "context"))
		return SL_ERR(err, VERIFY,
			      "outcome: externalParameters are not its decision's");
	return 0;
}

int
sl_said_observation(const struct sl_json *p, const struct sl_json *own, const char *did,
		    struct sl_err *err)
{
	const struct sl_json *what = sl_json_get(p, "monitoredProcess");
	const struct sl_json *mine = sl_json_get(p, "sluice");

	if (!is_str(what, "hostID", sl_slice_str(did)))
		return SL_ERR(err, VERIFY, "observation: of another node than the log's");
	if (!is_same(what, "event", mine, "id"))
		return SL_ERR(err, VERIFY, "observation: two runs or steps are named");
	if (own != NULL && !is_same(mine, "id", own, "id"))
		return SL_ERR(err, VERIFY,
			      "observation: of another ID than its decision");
	return 0;
}
