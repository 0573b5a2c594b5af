/* cmd_log.c -- sluice log: heads, statements, proofs, and whether all of it holds. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/log_cmd.h"
#include "cli/ui.h"
#include "cose/statement.h"
#include "crypto/sha256.h"
#include "log/sign.h"
#include "record/read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct sl_opt opts[] = {
	[SL_LOG_JSON] = { "json", 0, NULL, "one object a line", false },
	[SL_LOG_OUT] = { "out", 'o', "FILE",
			 "prove: write the transparent statement there", false },
	[SL_LOG_TREE] = { "tree", 0, "node|platform|RUN",
			  "consistency, tail, search: of which tree", false },
	[SL_LOG_ALL] = { "all", 'a', NULL, "tree: each run, not the last ones alone",
			 false },
	[SL_LOG_FOLLOW] = { "follow", 'f', NULL, "tail: go on as the log grows", false },
	[SL_LOG_LINES] = { "lines", 'n', "N", "tail, search: at most so many", false },
	[SL_LOG_CONTEXT] = { "context", 0, "HEX", "search: of this context", false },
	[SL_LOG_RUN] = { "run", 0, "HEX", "search: of this run", false },
	[SL_LOG_SUBJECT] = { "subject", 0, "TEXT", "search: with this subject", false },
	[SL_LOG_ISSUER] = { "issuer", 0, "KEY", "search: signed by this key", false },
	[SL_LOG_KIND] = { "kind", 0, "KIND", "search: of this kind", false },
	[SL_LOG_SINCE] = { "since", 0, "TIME", "search: not before", false },
	[SL_LOG_UNTIL] = { "until", 0, "TIME", "search: before", false },
	[SL_LOG_VERDICT] = { "verdict", 0, "allow|deny", "search: decisions", false },
	{ 0 },
};

const char *
sl_log_kind_name(enum sl_tree k)
{
	return k == SL_TREE_PLATFORM ? "platform" : k == SL_TREE_NODE ? "node" : "run";
}

/* --- head --- */

static int
head_line(struct sl_log_cmd *w, const struct sl_log_tree *t, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	char hex[65];
	struct sl_json *v;

	if (!w->is_json) {
		sl_hex(hex, t->root, 32);
		printf("%-8s  %8llu  %.16s  %-6s  %s\n", sl_log_kind_name(t->kind),
		       (unsigned long long)t->size, hex, t->is_open ? "open" : "sealed",
		       t->origin);
		return 0;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "origin", sl_json_cstr(b, t->origin));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, sl_log_kind_name(t->kind)));
	(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)t->size));
	(void)sl_json_set(b, v, "root", sl_json_hex(b, t->root, 32));
	(void)sl_json_set(b, v, "is_open", sl_json_bool(b, t->is_open));
	return sl_out_json(&w->out, v, err);
}

/* For people the trees of runs that are over are one line: sluice runs has each. */
static int
head(struct sl_log_cmd *w, struct sl_err *err)
{
	unsigned long long n_sealed = 0, n_entries = 0;
	struct sl_log_head h;
	int r = 0;

	sl_reader_head(w->reader, &h);
	for (uint32_t i = 0; i < h.n_trees && r == 0; i++) {
		struct sl_log_tree t;

		if ((r = sl_reader_tree(w->reader, i, &t, err)) < 0)
			return r;
		if (w->is_json || t.kind != SL_TREE_RUN || t.is_open) {
			r = head_line(w, &t, err);
		} else {
			n_sealed++;
			n_entries += t.size;
		}
	}
	if (n_sealed > 0)
		printf(
		    "runs      %8llu  %-16s  sealed  one tree each (--json lists them)\n",
		    n_entries, "");
	return r;
}

/* --- show --- */

/* Who erased it: the tombstone, where there is one. */
static int
show_erased(struct sl_log_cmd *w, const struct sl_stated *s, struct sl_json *v,
	    struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_log_entry e;
	struct sl_json *t;
	int r = sl_tombstone_find(w->reader, s->payload, &e, err);

	if (r < 0)
		return r;
	(void)sl_json_set(b, v, "erased", sl_json_bool(b, true));
	(void)sl_json_set(b, v, "note",
			  sl_json_cstr(b, r == 1 ? "not re-derivable: erased"
						 : "not re-derivable: erased, and no "
						   "tombstone says by whom"));
	if (r == 0)
		return 0;
	t = sl_json_set(b, v, "tombstone", sl_json_obj(b));
	(void)sl_json_set(b, t, "entry", sl_json_hex(b, e.id, 32));
	(void)sl_json_set(b, t, "index", sl_json_int(b, (int64_t)e.index));
	return 0;
}

static int
show_stated(struct sl_log_cmd *w, const struct sl_stated *s, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	SL_AUTO_BUF text = { .max = 64 << 20 };
	struct sl_json *v = sl_json_obj(b);
	int r;

	(void)sl_json_set(b, v, "entry", sl_json_hex(b, s->e.id, 32));
	(void)sl_json_set(b, v, "tree", sl_json_int(b, s->e.tree));
	(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)s->e.index));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, s->e.kind));
	(void)sl_json_set(b, v, "issuer", sl_json_str(b, s->iss));
	(void)sl_json_set(b, v, "subject", sl_json_str(b, s->sub));
	if (s->is_envelope)
		(void)sl_json_set(b, v, "payload", sl_json_hex(b, s->payload, 32));
	if (s->is_erased && (r = show_erased(w, s, v, err)) < 0)
		return r;
	if (!s->is_erased)
		(void)sl_json_set(b, v, "statement", sl_json_copy(b, s->statement));
	if (w->is_json)
		return sl_out_json(&w->out, v, err);
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_json_pretty(v, &text, err)) < 0)
		return r;
	sl_buf_byte(&text, '\n');
	(void)fwrite(text.p, 1, text.len, stdout); /* JSON escapes control characters */
	return 0;
}

static int
show_at(struct sl_log_cmd *w, uint32_t tree, uint64_t index, struct sl_err *err)
{
	SL_AUTO_ARENA a = { 0 };
	struct sl_stated s;
	int r;

	sl_arena_init(&a, 256 << 20);
	r = sl_stated_at(w->reader, tree, index, &a, &s, err);
	return r < 0 ? r : show_stated(w, &s, err);
}

static int
show_run(struct sl_log_cmd *w, const struct sl_run_info *i, struct sl_err *err)
{
	uint64_t at = i->decision.e.index;
	int r = 0;

	if (at > 0)
		r = show_at(w, SL_NODE_TREE, at - 1, err); /* its context */
	if (r == 0)
		r = show_at(w, SL_NODE_TREE, at, err);
	for (uint64_t k = 0; i->has_tree && k < i->tree.size && r == 0; k++)
		r = show_at(w, i->tree.id, k, err);
	if (r == 0 && i->seal != UINT64_MAX)
		r = show_at(w, SL_NODE_TREE, i->seal, err);
	return r;
}

/* A statement of another, registered here: what its header says; its payload is anything.
 */
static int
show_foreign(struct sl_log_cmd *w, const struct sl_log_entry *e, struct sl_err *err)
{
	SL_AUTO_BUF bytes = { .max = SL_STMT_MAX }, text = { .max = 1 << 20 };
	struct sl_jb *b = &w->out.b;
	struct sl_json *v = sl_json_obj(b);
	uint8_t digest[32];
	struct sl_sign1 s;
	int r;

	if ((r = sl_reader_statement(w->reader, e, &bytes, err)) < 0 ||
	    (r = sl_statement_parse(sl_buf_get(&bytes), SL_STMT_MAX, 0, &s, err)) < 0)
		return r;
	sl_sha256(s.payload, digest);
	(void)sl_json_set(b, v, "entry", sl_json_hex(b, e->id, 32));
	(void)sl_json_set(b, v, "tree", sl_json_int(b, e->tree));
	(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)e->index));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, e->kind));
	(void)sl_json_set(b, v, "issuer", sl_json_str(b, s.h.iss));
	(void)sl_json_set(b, v, "subject", sl_json_str(b, s.h.sub));
	if (s.h.has_hash_alg) /* RFC 9995: the payload is a digest already */
		(void)sl_json_set(b, v, "payload",
				  sl_json_hex(b, s.payload.p, s.payload.len));
	else
		(void)sl_json_set(b, v, "payload",
				  sl_json_hex(b, digest, sizeof(digest)));
	(void)sl_json_set(b, v, "payload_bytes", sl_json_int(b, (int64_t)s.payload.len));
	if (w->is_json)
		return sl_out_json(&w->out, v, err);
	if (b->is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if ((r = sl_json_pretty(v, &text, err)) < 0)
		return r;
	sl_buf_byte(&text, '\n');
	(void)fwrite(text.p, 1, text.len, stdout);
	return sl_out_flush(err);
}

static int
show(struct sl_log_cmd *w, struct sl_err *err)
{
	struct sl_slice what = sl_slice_str(w->args->argc > 1 ? w->args->argv[1] : "");
	SL_AUTO_ARENA a = { 0 };
	struct sl_err none = { 0 };
	struct sl_run_info i;
	struct sl_log_entry e;
	struct sl_stated s;
	int r;

	if (what.len == 0)
		return SL_ERR(err, USAGE, "usage: sluice log show ENTRY|RUN");
	sl_arena_init(&a, 512 << 20);
	if (sl_run_lookup(w->reader, what, &a, &i, &none) == 0)
		return show_run(w, &i, err);
	if ((r = sl_reader_find(w->reader, what, &e, err)) < 0)
		return r;
	if (strcmp(e.kind, SL_KIND_FOREIGN) == 0)
		return show_foreign(w, &e, err);
	r = sl_stated_read(w->reader, &e, &a, &s, err);
	return r < 0 ? r : show_stated(w, &s, err);
}

/* --- prove --- */

static int
write_file(const char *path, struct sl_slice bytes, struct sl_err *err)
{
	SL_AUTO_FD fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0644);
	int r;

	if (fd < 0)
		return SL_ERR_SYS(err, -errno, "cannot write '%s'", path);
	if ((r = sl_ui_write(fd, bytes)) < 0)
		return SL_ERR_SYS(err, r, "cannot write '%s'", path);
	return 0;
}

static int
prove(struct sl_log_cmd *w, struct sl_err *err)
{
	const char *what = w->args->argc > 1 ? w->args->argv[1] : NULL;
	const char *to = sl_arg(w->args, SL_LOG_OUT, 0);
	SL_AUTO_BUF stmt = { .max = 16 << 20 }, receipt = { .max = 1 << 16 },
		    whole = { .max = 17 << 20 };
	struct sl_slice rc;
	struct sl_log_entry e;
	struct sl_log_tree t;
	struct sl_sign1 s;
	int r;

	if (what == NULL)
		return SL_ERR(err, USAGE, "usage: sluice log prove ENTRY [-o FILE]");
	if ((r = sl_reader_find(w->reader, sl_slice_str(what), &e, err)) < 0 ||
	    (r = sl_reader_tree(w->reader, e.tree, &t, err)) < 0 ||
	    (r = sl_reader_statement(w->reader, &e, &stmt, err)) < 0 ||
	    (r = sl_reader_receipt(w->reader, e.tree, e.index, 0, &receipt, err)) < 0 ||
	    (r = sl_statement_parse(sl_buf_get(&stmt), 16 << 20, 0, &s, err)) < 0)
		return r;
	rc = sl_buf_get(&receipt);
	sl_statement_attach(&s, &rc, 1, &whole);
	if (whole.is_failed)
		return SL_ERR(err, NOMEM, "out of memory");
	if (to != NULL && (r = write_file(to, sl_buf_get(&whole), err)) < 0)
		return r;
	if (w->is_json) {
		struct sl_jb *b = &w->out.b;
		struct sl_json *v = sl_json_obj(b);

		(void)sl_json_set(b, v, "entry", sl_json_hex(b, e.id, 32));
		(void)sl_json_set(b, v, "origin", sl_json_cstr(b, t.origin));
		(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)e.index));
		(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)t.size));
		(void)sl_json_set(b, v, "root", sl_json_hex(b, t.root, 32));
		(void)sl_json_set(b, v, "transparent_statement",
				  sl_json_hex(b, whole.p, whole.len));
		return sl_out_json(&w->out, v, err);
	}
	printf("entry %llu of %llu in %s%s%s\n", (unsigned long long)e.index,
	       (unsigned long long)t.size, t.origin,
	       to != NULL ? ", with its receipt in " : "", to != NULL ? to : "");
	return 0;
}

/* --- consistency --- */

int
sl_log_number(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (*s == '\0' || strlen(s) > 18)
		return -1;
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return -1;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*ret = v;
	return 0;
}

int
sl_log_find_tree(struct sl_log_cmd *w, uint32_t *ret, struct sl_err *err)
{
	const char *name = sl_arg(w->args, SL_LOG_TREE, 0);
	struct sl_log_tree t;
	int r;

	*ret = SL_NODE_TREE;
	if (name == NULL || strcmp(name, "node") == 0)
		return 0;
	if (strcmp(name, "platform") == 0) {
		*ret = 0;
		return 0;
	}
	if ((r = sl_reader_run(w->reader, sl_slice_str(name), &t, err)) < 0)
		return r;
	*ret = t.id;
	return 0;
}

static int
consistency(struct sl_log_cmd *w, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_hash root1, root2;
	struct sl_proof p;
	struct sl_json *v, *path;
	uint64_t n1 = 0, n2 = 0;
	uint32_t tree = 0;
	char hex[65];
	int r;

	if (w->args->argc != 3 || sl_log_number(w->args->argv[1], &n1) < 0 ||
	    sl_log_number(w->args->argv[2], &n2) < 0)
		return SL_ERR(err, USAGE,
			      "usage: sluice log consistency SIZE1 SIZE2 [--tree TREE]");
	if ((r = sl_log_find_tree(w, &tree, err)) < 0 ||
	    (r = sl_reader_consistency(w->reader, tree, n1, n2, &p, err)) < 0 ||
	    (r = sl_reader_root(w->reader, tree, n1, &root1, err)) < 0 ||
	    (r = sl_reader_root(w->reader, tree, n2, &root2, err)) < 0)
		return r;
	if (w->is_json) {
		v = sl_json_obj(b);
		(void)sl_json_set(b, v, "size1", sl_json_int(b, (int64_t)n1));
		(void)sl_json_set(b, v, "size2", sl_json_int(b, (int64_t)n2));
		(void)sl_json_set(b, v, "root1", sl_json_hex(b, root1.b, 32));
		(void)sl_json_set(b, v, "root2", sl_json_hex(b, root2.b, 32));
		path = sl_json_set(b, v, "path", sl_json_arr(b));
		for (size_t i = 0; i < p.n; i++)
			(void)sl_json_add(b, path, sl_json_hex(b, p.h[i].b, 32));
		return sl_out_json(&w->out, v, err);
	}
	sl_hex(hex, root1.b, 32);
	printf("size %llu root %s\n", (unsigned long long)n1, hex);
	sl_hex(hex, root2.b, 32);
	printf("size %llu root %s\n", (unsigned long long)n2, hex);
	for (size_t i = 0; i < p.n; i++) {
		sl_hex(hex, p.h[i].b, 32);
		printf("  %s\n", hex);
	}
	return 0;
}

/* --- check --- */

static void
on_finding(void *arg, const struct sl_log_finding *f)
{
	struct sl_log_cmd *w = arg;
	struct sl_jb *b = &w->out.b;
	struct sl_err none = { 0 };
	struct sl_json *v;

	if (!w->is_json) {
		printf("%s at %llu", f->file, (unsigned long long)f->offset);
		if (f->tree != UINT32_MAX)
			printf(" (tree %u, entry %llu)", f->tree,
			       (unsigned long long)f->index);
		printf(": %s\n", f->what);
		return;
	}
	v = sl_json_obj(b);
	(void)sl_json_set(b, v, "file", sl_json_cstr(b, f->file));
	(void)sl_json_set(b, v, "offset", sl_json_int(b, (int64_t)f->offset));
	if (f->tree != UINT32_MAX) {
		(void)sl_json_set(b, v, "tree", sl_json_int(b, f->tree));
		(void)sl_json_set(b, v, "index", sl_json_int(b, (int64_t)f->index));
	}
	(void)sl_json_set(b, v, "what", sl_json_cstr(b, f->what));
	(void)!sl_out_json(&w->out, v, &none);
}

static int
check(struct sl_log_cmd *w, struct sl_err *err)
{
	struct sl_jb *b = &w->out.b;
	struct sl_log_report p = { 0 };
	struct sl_json *v;
	int r;

	if ((r = sl_log_check(w->home.fd, on_finding, w, &p, err)) < 0)
		return r;
	if (w->is_json) {
		v = sl_json_obj(b);
		(void)sl_json_set(b, v, "findings",
				  sl_json_int(b, (int64_t)p.n_findings));
		(void)sl_json_set(b, v, "entries", sl_json_int(b, (int64_t)p.n_entries));
		(void)sl_json_set(b, v, "blobs", sl_json_int(b, (int64_t)p.n_blobs));
		(void)sl_json_set(b, v, "erased", sl_json_int(b, (int64_t)p.n_erased));
		(void)sl_json_set(b, v, "seals", sl_json_int(b, (int64_t)p.n_seals));
		(void)sl_json_set(b, v, "trees", sl_json_int(b, (int64_t)p.n_trees));
		(void)sl_json_set(b, v, "signatures",
				  sl_json_int(b, (int64_t)p.n_signatures));
		(void)sl_json_set(b, v, "bytes", sl_json_int(b, (int64_t)p.n_bytes));
		if ((r = sl_out_json(&w->out, v, err)) < 0)
			return r;
	} else if (p.n_findings == 0) {
		printf("good: %llu entries in %llu trees, %llu seals, %llu signatures "
		       "verified\n",
		       (unsigned long long)p.n_entries, (unsigned long long)p.n_trees,
		       (unsigned long long)p.n_seals, (unsigned long long)p.n_signatures);
	}
	if ((r = sl_out_flush(err)) < 0)
		return r;
	return p.n_findings == 0
		   ? 0
		   : SL_ERR(err, VERIFY, "the log is damaged in %llu place%s",
			    (unsigned long long)p.n_findings,
			    p.n_findings == 1 ? "" : "s");
}

static int
run(const struct sl_args *args, struct sl_err *err)
{
	static const struct {
		const char *name;
		int (*run)(struct sl_log_cmd *w, struct sl_err *err);
		bool needs_reader;
	} verbs[] = { { "head", head, true },
		      { "show", show, true },
		      { "prove", prove, true },
		      { "consistency", consistency, true },
		      { "check", check, false },
		      { "tree", sl_log_tree, true },
		      { "tail", sl_log_tail, true },
		      { "search", sl_log_search, true },
		      { "rebuild", sl_log_rebuild, false },
		      { "tiles", sl_log_tiles, true },
		      { "erase", sl_log_erase, true } };
	const size_t n = sizeof(verbs) / sizeof(verbs[0]);
	struct sl_log_cmd w = { .args = args,
				.home.fd = -1,
				.is_json = sl_arg_is(args, SL_LOG_JSON) };
	size_t i = 0;
	int r;

	while (i < n && strcmp(args->argv[0], verbs[i].name) != 0)
		i++;
	if (i == n)
		return SL_ERR(
		    err, USAGE,
		    "log knows head, show, prove, consistency, check, tree, tail, "
		    "search, rebuild and erase, not '%s'",
		    args->argv[0]);
	(void)sl_out_init(&w.out);
	if ((r = sl_session_home(&w.home, err)) == 0 &&
	    (!verbs[i].needs_reader ||
	     (r = sl_reader_open(w.home.fd, &w.reader, err)) == 0) &&
	    (r = verbs[i].run(&w, err)) == 0)
		r = sl_out_flush(err);
	sl_reader_close(w.reader);
	sl_home_done(&w.home);
	sl_out_done(&w.out);
	return r;
}

const struct sl_cmd sl_cmd_log = {
	.name = "log",
	.summary = "heads, statements, proofs, and whether the log holds",
	.usage =
	    "head | show ENTRY|RUN | prove ENTRY [-o FILE] | consistency SIZE1 SIZE2 "
	    "[--tree TREE] | check | tree [-a] | tail [-f] [-n N] [--tree TREE] | "
	    "tiles DIR [--tree TREE] | search [--FIELD VALUE ...] | rebuild | erase "
	    "DIGEST  [--json]",
	.opts = opts,
	.min_args = 1,
	.max_args = 3,
	.run = run,
};
