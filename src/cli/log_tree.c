/* log_tree.c -- sluice log tree: the chain of levels, drawn, each link checked. */
#include "base/auto.h"
#include "base/hex.h"
#include "cli/log_cmd.h"
#include "cli/ui.h"
#include "record/chain.h"

#include <stdio.h>
#include <unistd.h>

enum { RUNS_SHOWN = 20 };

struct draw {
	struct sl_log_cmd *w;
	struct sl_chain_sum sum;
	uint64_t n_runs, n_drawn, n_shown;
	bool is_utf8, is_all;
	uint64_t n_findings;
};

static void
on_broken(void *arg, uint32_t tree, uint64_t index, const char *what)
{
	struct draw *d = arg;
	struct sl_jb *b = &d->w->out.b;
	struct sl_log_tree t = { .origin = "" };
	struct sl_err none = { 0 };
	struct sl_json *v;

	if (sl_reader_tree(d->w->reader, tree, &t, &none) < 0)
		t.origin[0] = '\0';
	if (d->w->is_json) {
		v = sl_json_obj(b);
		(void)sl_json_set(b, v, "broken", sl_json_cstr(b, what));
		(void)sl_json_set(b, v, "tree", sl_json_int(b, tree));
		(void)sl_json_set(b, v, "origin", sl_json_cstr(b, t.origin));
		if (index != UINT64_MAX)
			(void)sl_json_set(b, v, "node_index",
					  sl_json_int(b, (int64_t)index));
		(void)!sl_out_json(&d->w->out, v, &none);
		return;
	}
	printf("broken: %s", t.origin);
	if (index != UINT64_MAX)
		printf(", entry %llu of the node's log", (unsigned long long)index);
	printf(": ");
	sl_out_text(sl_slice_str(what));
	printf("\n");
}

static const char *
name_of_level(const struct sl_chain_tree *t)
{
	return t->level == 0 ? "platform" : t->level == 1 ? "node" : "run";
}

static bool
is_unattested(const struct sl_chain_tree *t)
{
	return t->attestation[0] == '\0' || strcmp(t->attestation, "none") == 0;
}

static int
json(struct draw *d, const struct sl_chain_tree *t, struct sl_err *err)
{
	struct sl_jb *b = &d->w->out.b;
	struct sl_json *v = sl_json_obj(b);
	char did[SL_DIDKEY_MAX];

	sl_didkey(t->t.key, did);
	(void)sl_json_set(b, v, "level", sl_json_int(b, t->level));
	(void)sl_json_set(b, v, "kind", sl_json_cstr(b, name_of_level(t)));
	(void)sl_json_set(b, v, "tree", sl_json_int(b, t->t.id));
	(void)sl_json_set(b, v, "origin", sl_json_cstr(b, t->t.origin));
	(void)sl_json_set(b, v, "size", sl_json_int(b, (int64_t)t->t.size));
	(void)sl_json_set(b, v, "root", sl_json_hex(b, t->t.root, 32));
	(void)sl_json_set(b, v, "key", sl_json_cstr(b, did));
	(void)sl_json_set(b, v, "is_open", sl_json_bool(b, t->t.is_open));
	(void)sl_json_set(b, v, "holds", sl_json_bool(b, !t->is_broken));
	if (t->level == 0)
		(void)sl_json_set(
		    b, v, "attestation",
		    sl_json_cstr(b, is_unattested(t) ? "unattested" : t->attestation));
	if (t->level == 1)
		(void)sl_json_set(b, v, "identity", sl_json_cstr(b, d->sum.identity));
	if (t->level == 2) {
		(void)sl_json_set(b, v, "run", sl_json_hex(b, t->t.run, 32));
		(void)sl_json_set(b, v, "request", sl_json_cstr(b, t->kind));
		if (t->decision != UINT64_MAX)
			(void)sl_json_set(b, v, "decided_at",
					  sl_json_int(b, (int64_t)t->decision));
	}
	if (t->seal != UINT64_MAX) {
		(void)sl_json_set(b, v, "sealed_at", sl_json_int(b, (int64_t)t->seal));
		(void)sl_json_set(b, v, "sealed_size",
				  sl_json_int(b, (int64_t)t->seal_size));
	}
	return sl_out_json(&d->w->out, v, err);
}

static void
text(struct draw *d, const struct sl_chain_tree *t)
{
	char hex[65];

	sl_hex(hex, t->level == 2 ? t->t.run : t->t.root, 32);
	if (t->level == 0) {
		printf("platform  ");
		sl_out_text(
		    is_unattested(t) ? SL_LIT("unattested: nothing vouches for "
					      "it but the node itself")
		    : strcmp(t->attestation, "tpm2") == 0
			? SL_LIT("attested by a TPM 2.0: its quote of this boot and node")
			: sl_slice_str(t->attestation));
		printf("\n          %llu entries, root %.16s\n",
		       (unsigned long long)t->t.size, hex);
		return;
	}
	if (t->level == 1) {
		printf("%s node   %s\n", d->is_utf8 ? "\xe2\x94\x94\xe2\x94\x80" : "`-",
		       d->sum.did);
		if (strcmp(d->sum.did, d->sum.identity) != 0)
			printf("          identity now %s, number %llu\n",
			       d->sum.identity, (unsigned long long)d->sum.n_identities);
		printf("          %llu entries, root %.16s, %llu working key%s, %llu "
		       "of them ended\n",
		       (unsigned long long)t->t.size, hex,
		       (unsigned long long)d->sum.n_working,
		       d->sum.n_working == 1 ? "" : "s",
		       (unsigned long long)d->sum.n_ended);
		return;
	}
	printf("   %s run %.12s  %-4s %4llu entries  ",
	       d->n_drawn == d->n_runs ? (d->is_utf8 ? "\xe2\x94\x94\xe2\x94\x80" : "`-")
				       : (d->is_utf8 ? "\xe2\x94\x9c\xe2\x94\x80" : "|-"),
	       hex, t->kind[0] != '\0' ? t->kind : "?", (unsigned long long)t->t.size);
	if (t->seal != UINT64_MAX)
		printf("sealed at %llu", (unsigned long long)t->seal);
	else
		printf("%s", t->t.is_open ? "open" : "not sealed");
	printf("%s\n", t->is_broken ? "  BROKEN" : "");
}

static int
on_tree(void *arg, const struct sl_chain_tree *t, struct sl_err *err)
{
	struct draw *d = arg;

	if (d->w->is_json)
		return json(d, t, err);
	if (t->level == 2) {
		d->n_drawn++;
		if (!d->is_all && !t->is_broken && d->n_runs > RUNS_SHOWN &&
		    d->n_drawn + RUNS_SHOWN <= d->n_runs)
			return 0;
		if (!d->is_all && d->n_runs > RUNS_SHOWN && d->n_shown == 0)
			printf("   %s %llu runs before these (-a shows them)\n",
			       d->is_utf8 ? "\xe2\x94\x9c\xe2\x94\x80" : "|-",
			       (unsigned long long)(d->n_runs - RUNS_SHOWN));
		d->n_shown++;
	}
	text(d, t);
	return 0;
}

static int
sum_up(struct draw *d, struct sl_err *err)
{
	struct sl_jb *b = &d->w->out.b;
	struct sl_json *v;
	int r;

	if (d->w->is_json) {
		v = sl_json_obj(b);
		(void)sl_json_set(b, v, "trees", sl_json_int(b, (int64_t)d->sum.n_trees));
		(void)sl_json_set(b, v, "links", sl_json_int(b, (int64_t)d->sum.n_links));
		(void)sl_json_set(b, v, "findings",
				  sl_json_int(b, (int64_t)d->sum.n_broken));
		if ((r = sl_out_json(&d->w->out, v, err)) < 0)
			return r;
	} else if (d->sum.n_broken == 0) {
		printf("all %llu links hold\n", (unsigned long long)d->sum.n_links);
	}
	if ((r = sl_out_flush(err)) < 0 || d->sum.n_broken == 0)
		return r;
	return SL_ERR(err, VERIFY, "%llu of %llu links of the chain %s broken",
		      (unsigned long long)d->sum.n_broken,
		      (unsigned long long)d->sum.n_links,
		      d->sum.n_broken == 1 ? "is" : "are");
}

int
sl_log_tree(struct sl_log_cmd *w, struct sl_err *err)
{
	struct draw d = { .w = w,
			  .is_utf8 = sl_ui_detect(STDOUT_FILENO, w->is_json).is_utf8,
			  .is_all = sl_arg_is(w->args, SL_LOG_ALL) };
	const struct sl_chain_fn fn = { &d, on_tree, on_broken };
	struct sl_log_head h;
	int r;

	if (w->args->argc != 1)
		return SL_ERR(err, USAGE, "usage: sluice log tree [-a] [--json]");
	sl_reader_head(w->reader, &h);
	d.n_runs = h.n_trees > 2 ? h.n_trees - 2 : 0;
	r = sl_chain_walk(w->reader, &fn, &d.sum, err);
	return r < 0 ? r : sum_up(&d, err);
}
