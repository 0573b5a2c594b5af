/* cmd_witness.c -- sluice witness: cosign others' checkpoints, have one's own cosigned,
 * keep what shows that a log has forked. */
#include "base/auto.h"
#include "cli/evidence.h"
#include "cli/input.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/ui.h"
#include "log/cosign.h"
#include "record/read.h"
#include "witness/keep.h"
#include "witness/own.h"

#include <stdio.h>
#include <unistd.h>

enum { OPT_JSON, OPT_OUT, OPT_TREE, OPT_OLD, OPT_POLICY };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	[OPT_OUT] = { "out", 'o', "FILE", "write there in place of standard output",
		      false },
	[OPT_TREE] = { "tree", 0, "node|platform|RUN", "request: of which tree", false },
	[OPT_OLD] = { "old", 0, "SIZE",
		      "request: the size that the witness cosigned last", false },
	[OPT_POLICY] = { "witness-policy", 0, "FILE",
			 "accept: which witnesses, and how many of them", false },
	{ 0 },
};

struct work {
	const struct sl_args *args;
	const char *arg[2]; /* behind the verb */
	struct sl_session s;
	struct sl_reader *reader;
	struct sl_out out;
	bool is_json;
};

static void
set_slice(struct work *w, struct sl_json *v, const char *key, struct sl_slice s)
{
	(void)sl_json_set(&w->out.b, v, key, sl_json_str(&w->out.b, s));
}

/* A result that is bytes: to --out, else to standard output. */
static int
put_bytes(struct work *w, struct sl_slice s, struct sl_err *err)
{
	const char *to = sl_arg(w->args, OPT_OUT, 0);

	return sl_file_write(to != NULL ? to : "-", s, err);
}

/* --- key --- */

static int
key(struct work *w, struct sl_err *err)
{
	SL_AUTO_BUF wit = { .max = 512 };
	SL_AUTO_BUF log = { .max = 512 };
	struct sl_log_tree t;
	struct sl_vkey k;
	struct sl_json *v;
	int r;

	if ((r = sl_recorder_witness_key(w->s.rec, &wit, err)) < 0 ||
	    (r = sl_reader_open(w->s.home.fd, &w->reader, err)) < 0 ||
	    (r = sl_reader_tree(w->reader, SL_NODE_TREE, &t, err)) < 0 ||
	    (r = sl_vkey_make(sl_slice_str(t.origin), SL_VKEY_ED25519, t.key, &k, err)) <
		0)
		return r;
	sl_vkey_put(&k, &log);
	if (w->is_json) {
		v = sl_json_obj(&w->out.b);
		set_slice(w, v, "log", sl_buf_get(&log));
		set_slice(w, v, "witness", sl_buf_get(&wit));
		return sl_out_json(&w->out, v, err);
	}
	/* lines of a tlog-policy; the name is of the policy, and can be another */
	if ((r = sl_vkey_parse(sl_buf_get(&wit), &k, err)) < 0)
		return r;
	printf("log %s\nwitness %.*s %s\n", (const char *)log.p, (int)k.name.len,
	       (const char *)k.name.p, (const char *)wit.p);
	return 0;
}

/* --- trust --- */

static int
trust(struct work *w, struct sl_err *err)
{
	struct sl_vkey k;
	struct sl_json *v;
	bool is_new = false;
	int r;

	if ((r = sl_vkey_parse(sl_slice_str(w->arg[0]), &k, err)) < 0 ||
	    (r = sl_log_keys_add(&w->s.home, &k, &is_new, err)) < 0)
		return r;
	if (w->is_json) {
		v = sl_json_obj(&w->out.b);
		set_slice(w, v, "origin", k.name);
		(void)sl_json_set(&w->out.b, v, "is_new",
				  sl_json_bool(&w->out.b, is_new));
		return sl_out_json(&w->out, v, err);
	}
	printf("checkpoints of ");
	sl_out_text(k.name);
	printf(" by this key are cosigned%s\n", is_new ? " from now on" : " already");
	return 0;
}

/* --- list --- */

/* The size and time cosigned last: false, none was. */
static bool
last_of(struct work *w, struct sl_slice hex, struct sl_buf *note,
	struct sl_checkpoint *ret, struct sl_err *err)
{
	struct sl_note n;

	return sl_witness_read(&w->s.home, hex, "", SL_WITNESS_STATE_MAX, note, err) ==
		   0 &&
	       sl_note_parse(sl_buf_get(note), &n, err) == 0 &&
	       sl_checkpoint_parse(n.text, ret, err) == 0;
}

static int
list_one(struct work *w, const char *hex, struct sl_err *err)
{
	SL_AUTO_BUF keys = { .max = 1 << 14 }, note = { .max = SL_WITNESS_STATE_MAX },
		    fork = { .max = SL_FORK_FILE_MAX };
	struct sl_slice name = sl_slice_str(hex), origin = name;
	struct sl_err none = { 0 }, e2 = { 0 }, e3 = { 0 };
	struct sl_checkpoint c = { 0 };
	bool has_last = last_of(w, name, &note, &c, &none);
	bool is_forked = sl_witness_read(&w->s.home, name, ".fork", SL_FORK_FILE_MAX,
					 &fork, &e2) != SL_E(NOENT);
	struct sl_jb *b = &w->out.b;
	struct sl_json *v;

	if (sl_witness_read(&w->s.home, name, ".log", 1 << 14, &keys, &e3) == 0)
		origin = sl_slice_upto(sl_buf_get(&keys), '+');
	else if (has_last)
		origin = c.origin;
	if (!w->is_json) {
		printf("%12llu  %-6s  ", (unsigned long long)c.size,
		       is_forked       ? "forked"
		       : keys.len == 0 ? "-"
				       : "open");
		sl_out_text(origin);
		printf("\n");
		return 0;
	}
	v = sl_json_obj(b);
	set_slice(w, v, "origin", origin);
	(void)sl_json_set(b, v, "id", sl_json_cstr(b, hex));
	(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)c.size));
	if (has_last)
		(void)sl_json_set(b, v, "root", sl_json_hex(b, c.root.b, 32));
	(void)sl_json_set(b, v, "is_known", sl_json_bool(b, keys.len > 0));
	(void)sl_json_set(b, v, "is_forked", sl_json_bool(b, is_forked));
	return sl_out_json(&w->out, v, err);
}

static int
list(struct work *w, struct sl_err *err)
{
	SL_AUTO_ARENA a = { .cap = 256 << 20 };
	const char *const *name = NULL;
	size_t n = 0;
	int r = sl_witness_list(&w->s.home, &a, &name, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = list_one(w, name[i], err);
	if (r == 0 && n == 0 && !w->is_json)
		printf("no log is witnessed: sluice witness trust KEY\n");
	return r;
}

/* --- add-checkpoint --- */

static int
as_status(const struct sl_answer *a, struct sl_err *err)
{
	const char *body = a->body.len > 0 ? (const char *)a->body.p : "";

	if (a->fork.len > 0)
		return SL_ERR(err, FORKED,
			      "%d: this log has forked; the evidence is kept", a->status);
	switch (a->status) {
	case 200:
		return 0;
	case 400:
		return SL_ERR(err, FORMAT, "%d: %s", a->status, body);
	case 404:
		return SL_ERR(err, SIGNER, "%d: %s", a->status, a->why);
	case 409:
		return SL_ERR(err, VERIFY, "%d: %s: %llu", a->status, a->why,
			      (unsigned long long)a->size);
	default:
		return SL_ERR(err, VERIFY, "%d: %s", a->status, a->why);
	}
}

static int
add_checkpoint(struct work *w, struct sl_err *err)
{
	const struct sl_witness_node n = { &w->s.home, w->s.rec };
	SL_AUTO_BUF body = { .max = SL_ADD_CHECKPOINT_MAX + (1 << 17) };
	struct sl_jb *b = &w->out.b;
	struct sl_answer a;
	struct sl_json *v;
	int r, q = 0;

	if ((r = sl_file_read(w->arg[0], SL_ADD_CHECKPOINT_MAX, &body, err)) < 0)
		return r;
	sl_answer_init(&a);
	r = sl_witness_serve(&n, sl_buf_get(&body), &a, err);
	if (r == 0 && w->is_json) {
		v = sl_json_obj(b);
		(void)sl_json_set(b, v, "status", sl_json_int(b, a.status));
		(void)sl_json_set(b, v, "type", sl_json_cstr(b, a.type));
		set_slice(w, v, "body", sl_buf_get(&a.body));
		set_slice(w, v, "origin", sl_buf_get(&a.origin));
		(void)sl_json_set(b, v, "is_fork", sl_json_bool(b, a.fork.len > 0));
		q = sl_out_json(&w->out, v, err);
	} else if (r == 0 && a.status == 200) {
		q = put_bytes(w, sl_buf_get(&a.body), err);
	}
	if (r == 0 && q == 0)
		r = as_status(&a, err);
	sl_answer_done(&a);
	return q < 0 ? q : r;
}

/* --- checkpoint, fork: what is kept of a log --- */

static int
kept(struct work *w, const char *ending, size_t max, const char *what, struct sl_err *err)
{
	SL_AUTO_BUF b = { .max = max };
	int r =
	    sl_witness_read(&w->s.home, sl_slice_str(w->arg[0]), ending, max, &b, err);

	if (r == SL_E(NOENT))
		return sl_err_ctx(err, "%s of '%s'", what, w->arg[0]);
	return r < 0 ? r : put_bytes(w, sl_buf_get(&b), err);
}

static int
checkpoint(struct work *w, struct sl_err *err)
{
	return kept(w, "", SL_WITNESS_STATE_MAX, "no checkpoint", err);
}

static int
fork_of(struct work *w, struct sl_err *err)
{
	return kept(w, ".fork", SL_FORK_FILE_MAX, "no fork", err);
}

/* --- compare: two checkpoints that somebody has --- */

static int
read_note(struct work *w, const char *path, struct sl_buf *b, struct sl_log_keys *k,
	  struct sl_checkpoint *c, struct sl_err *err)
{
	struct sl_checkpoint p = { 0 };
	struct sl_note n;
	int r;

	if ((r = sl_file_read(path, 1 << 16, b, err)) < 0 ||
	    (r = sl_note_parse(sl_buf_get(b), &n, err)) < 0 ||
	    (r = sl_checkpoint_parse(n.text, &p, err)) < 0)
		return r;
	*c = p;
	return k->n > 0 ? 0 : sl_log_keys_get(&w->s.home, p.origin, k, err);
}

static int
keep(struct work *w, struct sl_slice origin, struct sl_slice evidence, struct sl_err *err)
{
	const struct sl_witness_node n = { &w->s.home, w->s.rec };
	struct sl_jb *b = &w->out.b;
	bool is_new = false;
	uint8_t id[32];
	struct sl_json *v;
	int r = sl_fork_keep(&n, origin, evidence, &is_new, id, err);

	if (r < 0)
		return r;
	if (w->is_json) {
		v = sl_json_obj(b);
		set_slice(w, v, "origin", origin);
		(void)sl_json_set(b, v, "verdict", sl_json_cstr(b, "forked"));
		(void)sl_json_set(b, v, "is_new", sl_json_bool(b, is_new));
		if (is_new)
			(void)sl_json_set(b, v, "entry", sl_json_hex(b, id, 32));
		if ((r = sl_out_json(&w->out, v, err)) < 0 || (r = sl_out_flush(err)) < 0)
			return r;
	}
	return SL_ERR(err, FORKED, "'%.*s' has forked; the evidence %s", SL_ARG(origin),
		      is_new ? "is kept" : "was known");
}

static int
compare_by(struct work *w, const struct sl_vkey *log, struct sl_slice a,
	   struct sl_slice b, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = SL_FORK_FILE_MAX };
	struct sl_fork f = { .log = *log, .older = a, .newer = b };
	int r = sl_fork_judge(&f, err);

	if (r < 0)
		return r;
	if ((r = sl_fork_put(&f, &out, err)) < 0)
		return r;
	return keep(w, log->name, sl_buf_get(&out), err);
}

static int
compare(struct work *w, struct sl_err *err)
{
	SL_AUTO_BUF a = { .max = 1 << 17 };
	SL_AUTO_BUF b = { .max = 1 << 17 };
	struct sl_log_keys k = { 0 };
	struct sl_checkpoint ca, cb;
	struct sl_err why = { 0 };
	int r;

	if ((r = read_note(w, w->arg[0], &a, &k, &ca, err)) == 0)
		r = read_note(w, w->arg[1], &b, &k, &cb, err);
	if (r == 0 && k.n == 0)
		r = SL_ERR(err, SIGNER,
			   "'%.*s' is no log that is known here: sluice "
			   "witness trust KEY",
			   SL_ARG(ca.origin));
	for (size_t i = 0; r == 0 && i < k.n; i++) {
		why = (struct sl_err){ 0 };
		r = compare_by(w, &k.key[i], sl_buf_get(&a), sl_buf_get(&b), &why);
		if (r == SL_E(SIGNER) && i + 1 < k.n)
			r = 0; /* perhaps by another of the log's keys */
		else
			break;
	}
	if (r < 0 && err->code == 0)
		*err = why;
	sl_log_keys_done(&k);
	if (r != SL_E(NOENT) || w->is_json)
		return r;
	printf("no contradiction: %s\n", why.msg);
	*err = (struct sl_err){ 0 };
	return 0;
}

/* --- report: evidence that others found --- */

static int
is_known_key(struct work *w, const struct sl_vkey *log, bool *ret, struct sl_err *err)
{
	struct sl_log_keys k = { 0 };
	int r = sl_log_keys_get(&w->s.home, log->name, &k, err);

	*ret = false;
	for (size_t i = 0; i < k.n; i++)
		*ret = *ret || memcmp(k.key[i].pub, log->pub, SL_KEY_LEN) == 0;
	sl_log_keys_done(&k);
	return r;
}

static int
report(struct work *w, struct sl_err *err)
{
	const struct sl_limits lim = { SL_FORK_FILE_MAX, 1000, 16 };
	SL_AUTO_BUF bytes = { .max = SL_FORK_FILE_MAX + (1 << 17) };
	SL_AUTO_ARENA a = { .cap = 4 << 20 };
	struct sl_json *v = NULL;
	struct sl_fork f;
	bool is_known;
	int r;

	if ((r = sl_file_read(w->arg[0], SL_FORK_FILE_MAX, &bytes, err)) < 0 ||
	    (r = sl_json_parse(sl_buf_get(&bytes), &lim, &a, &v, err)) < 0 ||
	    (r = sl_fork_check(v, &f, err)) < 0 ||
	    (r = is_known_key(w, &f.log, &is_known, err)) < 0)
		return r;
	if (!is_known)
		return SL_ERR(err, SIGNER,
			      "two checkpoints of '%.*s' contradict each other, by a key "
			      "that is not known here as that log's",
			      SL_ARG(f.log.name));
	sl_buf_clear(&bytes); /* in the form that it is stated in */
	if ((r = sl_fork_put(&f, &bytes, err)) < 0)
		return r;
	return keep(w, f.log.name, sl_buf_get(&bytes), err);
}

/* --- request, accept, proof: one's own log before others --- */

static int
size_of(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	for (; s != NULL && *s != '\0'; s++) {
		if (*s < '0' || *s > '9' || v > INT64_MAX / 10 - 1)
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*ret = v;
	return 0;
}

static int
request(struct work *w, struct sl_err *err)
{
	const char *name = sl_arg(w->args, OPT_TREE, 0);
	SL_AUTO_BUF out = { .max = SL_ADD_CHECKPOINT_MAX };
	struct sl_log_tree t = { .id = SL_NODE_TREE };
	uint64_t old = 0;
	int r;

	if (size_of(sl_arg(w->args, OPT_OLD, 0), &old) < 0)
		return SL_ERR(err, USAGE, "--old '%s' is no size",
			      sl_arg(w->args, OPT_OLD, 0));
	if ((r = sl_reader_open(w->s.home.fd, &w->reader, err)) < 0)
		return r;
	if (name != NULL && strcmp(name, "platform") == 0)
		t.id = 0;
	else if (name != NULL && strcmp(name, "node") != 0 &&
		 (r = sl_reader_run(w->reader, sl_slice_str(name), &t, err)) < 0)
		return r;
	if ((r = sl_own_request(w->reader, t.id, old, &out, err)) < 0)
		return r;
	return put_bytes(w, sl_buf_get(&out), err);
}

static int
show_accepted(struct work *w, const struct sl_tpol *p, const struct sl_own_accepted *a,
	      struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_json *v, *names;

	if (!w->is_json) {
		printf("size %llu: cosigned by %d of %zu witnesses%s\n",
		       (unsigned long long)a->size, __builtin_popcountll(a->cosigned),
		       p->n_witnesses, a->is_quorum ? ", a quorum" : "; no quorum yet");
		return 0;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)a->size));
	names = sl_json_set(b, v, "cosigned", sl_json_arr(b));
	for (size_t i = 0; i < p->n_witnesses; i++)
		if ((a->cosigned >> i & 1) != 0)
			(void)sl_json_add(b, names, sl_json_str(b, p->witness[i].name));
	(void)sl_json_set(b, v, "is_quorum", sl_json_bool(b, a->is_quorum));
	return sl_out_json(&w->out, v, err);
}

static int
accept_answer(struct work *w, struct sl_err *err)
{
	const char *path = sl_arg(w->args, OPT_POLICY, 0);
	SL_AUTO_BUF text = { .max = SL_TPOL_BYTES_MAX },
		    req = { .max = SL_ADD_CHECKPOINT_MAX },
		    ans = { .max = SL_WITNESS_ANSWER_MAX };
	struct sl_own_accepted a = { 0 };
	struct sl_tpol p;
	int r;

	if (path == NULL)
		return SL_ERR(err, USAGE, "by which policy? --witness-policy FILE");
	if ((r = sl_input_path(path, SL_TPOL_BYTES_MAX, &text, err)) < 0)
		return r;
	if ((r = sl_tpol_parse(sl_buf_get(&text), &p, err)) < 0)
		return sl_err_ctx(err, "%s", path);
	if ((r = sl_input_path(w->arg[0], SL_ADD_CHECKPOINT_MAX, &req, err)) < 0 ||
	    (r = sl_input_path(w->arg[1], SL_WITNESS_ANSWER_MAX, &ans, err)) < 0 ||
	    (r = sl_reader_open(w->s.home.fd, &w->reader, err)) < 0 ||
	    (r = sl_own_accept(&w->s.home, w->reader, &p, sl_buf_get(&req),
			       sl_buf_get(&ans), &a, err)) < 0)
		return r;
	return show_accepted(w, &p, &a, err);
}

static int
proof(struct work *w, struct sl_err *err)
{
	SL_AUTO_BUF out = { .max = 1 << 20 };
	struct sl_log_entry e;
	int r;

	if ((r = sl_reader_open(w->s.home.fd, &w->reader, err)) < 0 ||
	    (r = sl_reader_find(w->reader, sl_slice_str(w->arg[0]), &e, err)) < 0 ||
	    (r = sl_own_proof(&w->s.home, w->reader, &e, &out, err)) < 0)
		return r;
	return put_bytes(w, sl_buf_get(&out), err);
}

static const struct {
	const char *name, *usage;
	int n_args;
	bool needs_recorder;
	int (*run)(struct work *w, struct sl_err *err);
} verbs[] = {
	{ "key", "key", 0, true, key },
	{ "trust", "trust KEY", 1, false, trust },
	{ "list", "list", 0, false, list },
	{ "add-checkpoint", "add-checkpoint FILE|-", 1, true, add_checkpoint },
	{ "checkpoint", "checkpoint LOG", 1, false, checkpoint },
	{ "fork", "fork LOG", 1, false, fork_of },
	{ "compare", "compare CHECKPOINT CHECKPOINT", 2, true, compare },
	{ "report", "report FILE|-", 1, true, report },
	{ "request", "request [--tree TREE] [--old SIZE]", 0, false, request },
	{ "accept", "accept --witness-policy FILE REQUEST ANSWER", 2, false,
	  accept_answer },
	{ "proof", "proof ENTRY", 1, false, proof },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .args = args,
			  .s = { .home.fd = -1 },
			  .is_json = sl_arg_is(args, OPT_JSON) };
	size_t i = 0;
	int r;

	while (i < VERBS && strcmp(args->argv[0], verbs[i].name) != 0)
		i++;
	if (i == VERBS)
		return SL_ERR(
		    err, USAGE,
		    "witness knows key, trust, list, add-checkpoint, checkpoint, "
		    "fork, compare, report, request, accept and proof, not '%s'",
		    args->argv[0]);
	if (args->argc - 1 != verbs[i].n_args)
		return SL_ERR(err, USAGE, "usage: sluice witness %s", verbs[i].usage);
	for (int k = 0; k < verbs[i].n_args; k++)
		w.arg[k] = args->argv[1 + k];
	(void)sl_out_init(&w.out);
	/* the recorder before a foreign byte is read */
	r = verbs[i].needs_recorder ? sl_session_start(&w.s, err)
				    : sl_session_home(&w.s.home, err);
	if (r == 0 && (r = sl_crypto_init(err)) == 0 && verbs[i].needs_recorder) {
		struct sl_node_info info;

		r = sl_recorder_info(w.s.rec, &info, err);
		sl_wipe(&info, sizeof(info));
	}
	if (r == 0 && (r = verbs[i].run(&w, err)) == 0)
		r = sl_out_flush(err);
	sl_reader_close(w.reader);
	sl_session_done(&w.s);
	sl_out_done(&w.out);
	return r;
}

const struct sl_cmd sl_cmd_witness = {
	.name = "witness",
	.summary = "cosign others' logs, have yours cosigned, keep the proof of a fork",
	.usage =
	    "key | trust KEY | list | add-checkpoint FILE | checkpoint LOG | fork LOG "
	    "| compare FILE FILE | report FILE | request [--tree TREE] [--old SIZE] | "
	    "accept --witness-policy FILE REQUEST ANSWER | proof ENTRY  [-o FILE] "
	    "[--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 3,
	.run = run,
};
