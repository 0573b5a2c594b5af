/* cmd_limits.c -- sluice limits: every bound, and what a flow may not ask for yet. */
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/roles.h"
#include "cose/receipt.h"
#include "flow/expr.h"
#include "flow/matrix.h"
#include "flow/unsupported.h"
#include "flow/workflow.h"
#include "grant/limit.h"
#include "grant/profile.h"
#include "issuer/trust.h"
#include "log/index_proto.h"
#include "log/keyring.h"
#include "log/rec.h"
#include "policy/cases.h"
#include "policy/repair.h"
#include "proxy/msg.h"
#include "proxy/request.h"
#include "roots/tree.h"
#include "run/carry.h"
#include "run/learn.h"
#include "run/output.h"
#include "run/parser_ops.h"
#include "run/resolve.h"
#include "run/sandbox.h"
#include "run/untar.h"
#include "run/workspace.h"
#include "run/written.h"
#include "serve/service.h"
#include "witness/policy.h"
#include "witness/request.h"

#include <stdio.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	{ 0 },
};

struct bound {
	const char *name, *unit, *what;
	uint64_t value;
};

static int
show_bound(struct sl_out *o, const struct bound *x, bool is_json, struct sl_err *err)
{
	struct sl_json *v;

	if (!is_json) {
		printf("%-24s %12llu %-8s %s\n", x->name, (unsigned long long)x->value,
		       x->unit, x->what);
		return 0;
	}
	v = sl_json_obj(&o->b);
	(void)sl_json_set(&o->b, v, "name", sl_json_cstr(&o->b, x->name));
	(void)sl_json_set(&o->b, v, "value", sl_json_int(&o->b, (int64_t)x->value));
	(void)sl_json_set(&o->b, v, "unit", sl_json_cstr(&o->b, x->unit));
	(void)sl_json_set(&o->b, v, "what", sl_json_cstr(&o->b, x->what));
	return sl_out_json(o, v, err);
}

static int
show_bounds(struct sl_out *o, bool is_json, struct sl_err *err)
{
	const struct bound table[] = {
		{ "flow.bytes", "bytes", "of a flow or a local action",
		  SL_FLOW_BYTES_MAX },
		{ "yaml.nodes", "nodes", "aliases replayed and counted",
		  SL_FLOW_NODES_MAX },
		{ "yaml.depth", "levels", "of nesting", SL_FLOW_DEPTH_MAX },
		{ "expression.length", "units", "UTF-16 code units", SL_EXPR_LEN_MAX },
		{ "expression.depth", "levels", "of nesting", SL_EXPR_DEPTH_MAX },
		{ "expression.arguments", "count", "of one function", SL_EXPR_ARGS_MAX },
		{ "flow.jobs", "jobs", "matrix legs counted", SL_FLOW_JOBS_MAX },
		{ "flow.matrix", "legs", "of one job", SL_MATRIX_MAX },
		{ "flow.sandboxes", "count", "keys 'sandbox' of one flow",
		  SL_FLOW_SANDBOXES_MAX },
		{ "flow.profiles", "count", "named by these", SL_FLOW_PROFILES_MAX },
		{ "flow.nesting", "levels", "composite actions in each other",
		  SL_FLOW_NEST_MAX },
		{ "job.timeout", "minutes", "where a job names none",
		  SL_FLOW_JOB_MINUTES },
		{ "parser.message", "bytes", "between supervisor and parser", SL_PO_MAX },
		{ "parser.memory", "bytes", "of the parser's data", SL_PARSER_MEMORY },
		{ "act.grace", "ms", "from the first signal to SIGKILL", SL_GRACE_MS },
		{ "output.line", "bytes", "longer lines are shown in parts",
		  SL_LINE_MAX },
		{ "output.masks", "count", "of one run", SL_MASKS_MAX },
		{ "grant.paths", "count", "of one grant", SL_GRANT_FS_MAX },
		{ "grant.path", "bytes", "of one path", SL_GRANT_PATH_MAX },
		{ "grant.variables", "count", "of the caller's environment",
		  SL_GRANT_ENV_MAX },
		{ "profile.bytes", "bytes", "of a profile", SL_PROFILE_BYTES_MAX },
		{ "grant.net", "count", "hosts and ports of one grant",
		  SL_GRANT_NET_MAX },
		{ "net.host", "bytes", "of a host's name", SL_HOST_MAX },
		{ "net.addresses", "count", "kept of one name", SL_RESOLVE_MAX },
		{ "net.resolve", "ms", "to find one name's", SL_RESOLVE_MS },
		{ "net.connecting", "count", "connections under way in a box",
		  SL_BOX_DIALS_MAX },
		{ "net.connect", "ms", "until a connection has timed out",
		  SL_BOX_DIAL_MS },
		{ "trace.names", "count", "of one class and verdict", SL_BOX_TRACE_SAME },
		{ "trace.programs", "count", "distinct files executed",
		  SL_BOX_IMAGES_MAX },
		{ "trace.program", "bytes", "of one of these", SL_BOX_IMAGE_MAX },
		{ "trace.hashed", "bytes", "of these, in one act", SL_BOX_IMAGE_BYTES },
		{ "learn.names", "count", "of one command", SL_LEARN_NAMES_MAX },
		{ "learn.paths", "count", "proposed, to read and to write each",
		  SL_LEARN_READ_MAX },
		{ "proxy.connections", "count", "of a box by its proxy at once",
		  SL_PROXY_CONNS_MAX },
		{ "proxy.head", "bytes", "of a request's head, or of a ClientHello",
		  SL_PROXY_HEAD_MAX },
		{ "proxy.fields", "count", "of one head", SL_PROXY_FIELDS_MAX },
		{ "proxy.request", "ms", "for a head, and then for a ClientHello",
		  SL_PROXY_HEAD_MS },
		{ "proxy.names", "count", "that TLS may name at one address",
		  SL_PROXY_NAMES_MAX },
		{ "proxy.drain", "ms", "for what a command that has ended had sent",
		  SL_PROXY_DRAIN_MS },
		{ "root.entries", "count", "of a stored root", SL_ROOT_ENTRIES_MAX },
		{ "root.bytes", "bytes", "of its files", SL_ROOT_BYTES_MAX },
		{ "root.depth", "levels", "of directories", SL_ROOT_DEPTH_MAX },
		{ "root.path", "bytes", "of one path", SL_ROOT_PATH_MAX },
		{ "root.pax", "bytes", "of a tar's extended header", SL_UNTAR_PAX_MAX },
		{ "root.rest", "bytes", "of zeros behind a tar", SL_UNTAR_ZEROS_MAX },
		{ "root.shown", "count", "entries in /, /etc, /home, /opt, /var",
		  SL_ROOT_SHOWN_MAX },
		{ "witness.request", "bytes", "of an add-checkpoint request",
		  SL_ADD_CHECKPOINT_MAX },
		{ "witness.keys", "count", "of one log", SL_LOG_KEYS_MAX },
		{ "witness.policy", "count", "logs, witnesses, groups of a policy, each",
		  SL_TPOL_MAX },
		{ "workspace.entries", "count", "files and directories",
		  SL_WS_ENTRIES_MAX },
		{ "workspace.depth", "levels", "of directories", SL_WS_DEPTH_MAX },
		{ "workspace.path", "bytes", "of one path", SL_WS_PATH_MAX },
		{ "written", "count", "entries looked at of what exec writes in place",
		  SL_WRITTEN_LOOK_MAX },
		{ "archives", "count", "looked into of a job's changes",
		  SL_WS_ARCHIVES_MAX },
		{ "archives.one", "bytes", "read and inflated of one", SL_AR_BYTES_MAX },
		{ "archives.bytes", "bytes", "likewise of all that a run left",
		  SL_AR_TOTAL_MAX },
		{ "policy.bytes", "bytes", "of a policy",
		  sl_policy_text_limits.max_bytes },
		{ "policy.nodes", "nodes", "terms, atoms, operators",
		  sl_policy_text_limits.max_items },
		{ "policy.depth", "levels", "of nesting",
		  sl_policy_text_limits.max_depth },
		{ "policy.fuel", "steps", "of one decision",
		  sl_policy_default_limits.fuel },
		{ "policy.facts", "count", "in the model",
		  sl_policy_default_limits.max_facts },
		{ "policy.repair", "changes", "of one repair that why-not looks for",
		  SL_REPAIR_CHANGES_MAX },
		{ "policy.repair.rows", "count", "looked at for it",
		  sl_repair_default_opts.max_work },
		{ "policy.cases", "count", "in one .test file",
		  sl_policy_cases_limits.max_items },
		{ "log.record", "bytes", "of one statement or blob", SL_REC_MAX },
		{ "log.batch", "bytes", "of one batch", SL_BATCH_MAX },
		{ "log.segment", "bytes", "of one segment file", SL_SEG_SIZE },
		{ "log.keys", "", "working keys, and identities, of one node",
		  SL_RING_MAX },
		{ "log.search.hits", "", "of one search", SL_INDEX_HITS_MAX },
		{ "log.search.text", "bytes", "of one field that is searched",
		  SL_INDEX_TEXT_MAX },
		{ "receipt.bytes", "bytes", "of one receipt", SL_RECEIPT_BYTES_MAX },
		{ "trust.list", "bytes", "of the list of whom to trust",
		  SL_TRUST_LIST_BYTES },
		{ "trust.file", "bytes", "of a file that it names", SL_TRUST_FILE_BYTES },
		{ "trust.keys", "count", "of all its lines", SL_TRUST_KEYS_MAX },
		{ "trust.roots", "count", "certificates that may end a path",
		  SL_SIG_ROOTS_MAX },
		{ "x5chain.certificates", "count", "of one statement", SL_SIG_CERTS_MAX },
		{ "x5chain.certificate", "bytes", "of one of these", SL_SIG_CERT_BYTES },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && r == 0; i++)
		r = show_bound(o, &table[i], is_json, err);
	return r;
}

static int
show_serve(struct sl_out *o, bool is_json, struct sl_err *err)
{
	const struct bound table[] = {
		{ "serve.body", "bytes", "of a request", SL_HTTP_BODY_MAX },
		{ "serve.head", "bytes", "of a request's head", SL_HTTP_HEAD_MAX },
		{ "serve.field", "bytes", "of a path, Accept or Content-Type",
		  SL_HTTP_FIELD_MAX },
		{ "serve.connections", "count", "of all four sockets at once",
		  SL_HTTP_CONNS_MAX },
		{ "serve.held", "bytes", "of bodies that are being sent",
		  SL_HTTP_HELD_MAX },
		{ "serve.idle", "s", "a connection may say nothing", SL_HTTP_IDLE_S },
		{ "serve.request", "s", "more, for a request to be whole",
		  SL_HTTP_REQUEST_S },
		{ "serve.batch", "count", "statements of one batch", SL_SERVE_BATCH },
		{ "serve.peer-rate", "per s", "requests of one address, by default",
		  SL_SERVE_PEER_RATE },
		{ "serve.issuer-rate", "per s", "statements of one issuer, by default",
		  SL_SERVE_ISSUER_RATE },
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]) && r == 0; i++)
		r = show_bound(o, &table[i], is_json, err);
	return r;
}

/* What a box gets where nobody asks for less. */
static int
show_box(struct sl_out *o, bool is_json, struct sl_err *err)
{
	struct sl_grant g;
	int r = 0;

	sl_grant_init(&g);
	for (int i = 0; i < SL_LIM_COUNT && r == 0; i++) {
		char name[32], what[64];
		struct bound x = { name, sl_limit_unit((enum sl_limit)i), what,
				   g.limit[i].max };

		(void)snprintf(name, sizeof(name), "box.%s",
			       sl_limit_name((enum sl_limit)i));
		(void)snprintf(what, sizeof(what), "of a box, at least %s",
			       sl_limit_class_name(g.limit[i].class));
		r = show_bound(o, &x, is_json, err);
	}
	return r;
}

static int
show_unsupported(struct sl_out *o, bool is_json, struct sl_err *err)
{
	size_t n = 0;
	const struct sl_unsupported *t = sl_unsupported_table(&n);
	int r = 0;

	if (!is_json)
		printf(
		    "\nnot supported yet, and refused by name before anything runs:\n");
	for (size_t i = 0; i < n && r == 0; i++) {
		struct sl_json *v;

		if (!is_json) {
			printf("%-16s %s\n%17s%s\n", t[i].code, t[i].name, "", t[i].text);
			continue;
		}
		v = sl_json_obj(&o->b);
		(void)sl_json_set(&o->b, v, "code", sl_json_cstr(&o->b, t[i].code));
		(void)sl_json_set(&o->b, v, "feature", sl_json_cstr(&o->b, t[i].name));
		(void)sl_json_set(&o->b, v, "what", sl_json_cstr(&o->b, t[i].text));
		r = sl_out_json(o, v, err);
	}
	return r;
}

static int
show_role(struct sl_out *o, const struct sl_role_row *x, bool is_json, struct sl_err *err)
{
	struct sl_jb *b = &o->b;
	struct sl_json *v;

	if (!is_json) {
		printf("%-12s %s\n%14ssees   %s\n%14snever  %s\n%14sheld   ", x->name,
		       x->started, "", x->sees, "", x->never, "");
		if (x->jail != NULL)
			printf("%zu system calls, %zu refused, the rest kills; ",
			       x->jail->n_calls, x->jail->n_refused);
		printf("%s\n", x->limits);
		return 0;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "process", sl_json_cstr(b, x->name));
	(void)sl_json_set(b, v, "started", sl_json_cstr(b, x->started));
	(void)sl_json_set(b, v, "sees", sl_json_cstr(b, x->sees));
	(void)sl_json_set(b, v, "never", sl_json_cstr(b, x->never));
	(void)sl_json_set(b, v, "limits", sl_json_cstr(b, x->limits));
	(void)sl_json_set(b, v, "calls",
			  x->jail == NULL ? sl_json_null(b)
					  : sl_json_int(b, (int64_t)x->jail->n_calls));
	(void)sl_json_set(b, v, "refused",
			  x->jail == NULL ? sl_json_null(b)
					  : sl_json_int(b, (int64_t)x->jail->n_refused));
	return sl_out_json(o, v, err);
}

static int
show_roles(struct sl_out *o, bool is_json, struct sl_err *err)
{
	size_t n = 0;
	const struct sl_role_row *t = sl_roles(&n);
	int r = 0;

	if (!is_json)
		printf("\nprocesses:\n");
	for (size_t i = 0; i < n && r == 0; i++)
		r = show_role(o, &t[i], is_json, err);
	return r;
}

/* What leaves a box and is not simply applied: one row of data/taint.tsv a line. */
static int
show_taint(struct sl_out *o, bool is_json, struct sl_err *err)
{
	size_t n = 0;
	const struct sl_taint_row *t = sl_taint_rows(&n);
	int r = 0;

	if (!is_json)
		printf("\nwhat the host would run or obey of a run's changes:\n");
	for (size_t i = 0; i < n && r == 0; i++) {
		struct sl_json *v;

		if (!is_json) {
			printf("%-14s %-8s %-28s %s\n", t[i].kind, t[i].action,
			       t[i].pattern, t[i].obeyed_by);
			continue;
		}
		v = sl_json_obj(&o->b);
		(void)sl_json_set(&o->b, v, "kind", sl_json_cstr(&o->b, t[i].kind));
		(void)sl_json_set(&o->b, v, "pattern", sl_json_cstr(&o->b, t[i].pattern));
		(void)sl_json_set(&o->b, v, "of", sl_json_cstr(&o->b, t[i].of));
		(void)sl_json_set(&o->b, v, "obeyed_by",
				  sl_json_cstr(&o->b, t[i].obeyed_by));
		(void)sl_json_set(&o->b, v, "action", sl_json_cstr(&o->b, t[i].action));
		r = sl_out_json(o, v, err);
	}
	return r;
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	bool is_json = sl_arg_is(args, OPT_JSON);
	SL_AUTO_OUT o = { 0 };
	int r;

	(void)sl_out_init(&o);
	if ((r = show_bounds(&o, is_json, err)) < 0 ||
	    (r = show_serve(&o, is_json, err)) < 0 ||
	    (r = show_box(&o, is_json, err)) < 0 ||
	    (r = show_roles(&o, is_json, err)) < 0 ||
	    (r = show_taint(&o, is_json, err)) < 0 ||
	    (r = show_unsupported(&o, is_json, err)) < 0)
		return r;
	return sl_out_flush(err);
}

const struct sl_cmd sl_cmd_limits = {
	.name = "limits",
	.summary = "print every bound, the processes, and what is not supported yet",
	.usage = "[--json]",
	.opts = opts,
	.run = run,
};
