/* cmd_store.c -- sluice store root: trees that boxes can have in place of the host's. */
#include "base/auto.h"
#include "cli/cmd.h"
#include "cli/out.h"
#include "cli/session.h"
#include "roots/store.h"
#include "run/root_change.h"

#include <stdio.h>
#include <string.h>

enum { OPT_JSON };

static const struct sl_opt opts[] = {
	[OPT_JSON] = { "json", 0, NULL, "one object a line", false },
	{ 0 },
};

struct work {
	struct sl_session s;
	struct sl_parser *parser;
	struct sl_out o;
	bool is_json;
	const char *arg[2];
};

static struct sl_json *
root_json(struct work *w, const struct sl_root *root)
{
	struct sl_jb *b = &w->o.b;
	struct sl_json *v = sl_json_obj(b);
	char name[72];

	(void)snprintf(name, sizeof(name), "sha256:%s", root->hex);
	if (root->name[0] != '\0')
		(void)sl_json_set(b, v, "name", sl_json_cstr(b, root->name));
	(void)sl_json_set(b, v, "root", sl_json_cstr(b, name));
	(void)sl_json_set(b, v, "entries", sl_json_int(b, (int64_t)root->size.n_entries));
	(void)sl_json_set(b, v, "bytes", sl_json_int(b, (int64_t)root->size.n_bytes));
	(void)sl_json_set(b, v, "set_id", sl_json_int(b, (int64_t)root->size.n_set_id));
	return v;
}

static int
print_root(struct work *w, const struct sl_root *root, const char *state,
	   struct sl_err *err)
{
	struct sl_json *v;

	if (!w->is_json) {
		printf("%-16s sha256:%s %llu entries, %llu bytes%s%s\n",
		       root->name[0] != '\0' ? root->name : "-", root->hex,
		       (unsigned long long)root->size.n_entries,
		       (unsigned long long)root->size.n_bytes, state != NULL ? ": " : "",
		       state != NULL ? state : "");
		if (root->size.n_set_id > 0)
			printf("%-16s set-id bits of %llu files were not taken\n", "",
			       (unsigned long long)root->size.n_set_id);
		return 0;
	}
	v = root_json(w, root);
	if (state != NULL)
		(void)sl_json_set(&w->o.b, v, "state", sl_json_cstr(&w->o.b, state));
	return sl_out_json(&w->o, v, err);
}

static int
do_add(struct work *w, struct sl_err *err)
{
	struct sl_root root = { .fd = -1 };
	int r;

	/* before a byte of the tree is read */
	if ((r = sl_parser_start(&w->parser, err)) < 0 ||
	    (r = sl_session_start(&w->s, err)) < 0 ||
	    (r = sl_session_gate(&w->s, false, err)) < 0 ||
	    (r = sl_root_change_add(w->s.gate, &w->s.home, w->arg[0], w->arg[1],
				    w->parser, &root, err)) < 0)
		return r;
	return print_root(w, &root, NULL, err);
}

/* Touched, damaged, half gone: it is named, with the reason, and hides no other. */
static int
list_one(struct work *w, const char *name, bool *ret_bad, struct sl_err *err)
{
	struct sl_root root = { .fd = -1 };
	struct sl_err why = { 0 };
	struct sl_json *v;
	int r;

	if (sl_root_open(&w->s.home, name, &root, &why) == 0) {
		r = print_root(w, &root, NULL, err);
		sl_root_done(&root);
		return r;
	}
	*ret_bad = true;
	if (!w->is_json) {
		printf("%-16s error: %s\n", name, why.msg);
		return 0;
	}
	v = sl_json_obj(&w->o.b);
	(void)sl_json_set(&w->o.b, v, "name", sl_json_cstr(&w->o.b, name));
	(void)sl_json_set(&w->o.b, v, "error", sl_json_cstr(&w->o.b, why.msg));
	return sl_out_json(&w->o, v, err);
}

static int
do_list(struct work *w, struct sl_err *err)
{
	const char *const *name = NULL;
	size_t n = 0, n_bad = 0;
	int r = sl_root_names(&w->s.home, &w->o.a, &name, &n, err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		bool is_bad = false;

		r = list_one(w, name[i], &is_bad, err);
		n_bad += is_bad;
	}
	if (r == 0 && n == 0 && !w->is_json)
		printf("no root is stored\n");
	if (r == 0 && n_bad > 0 && (r = sl_out_flush(err)) == 0)
		r = SL_ERR(err, VERIFY, "%zu root%s cannot be used", n_bad,
			   n_bad == 1 ? "" : "s");
	return r;
}

static int
do_show(struct work *w, struct sl_err *err)
{
	struct sl_root root = { .fd = -1 };
	int r = sl_root_open(&w->s.home, w->arg[0], &root, err);

	if (r == 0)
		r = print_root(w, &root, NULL, err);
	sl_root_done(&root);
	return r;
}

static int
do_check(struct work *w, struct sl_err *err)
{
	struct sl_root root = { .fd = -1 };
	bool is_noted = false;
	int r = sl_root_check(&w->s.home, w->arg[0], &root, &is_noted, err);

	if (r == 0)
		r = print_root(w, &root, is_noted ? "good, stamp taken anew" : "good",
			       err);
	sl_root_done(&root);
	return r;
}

static int
do_drop(struct work *w, struct sl_err *err)
{
	bool is_gone = false;
	struct sl_json *v;
	int r;

	if ((r = sl_session_start(&w->s, err)) < 0 ||
	    (r = sl_session_gate(&w->s, false, err)) < 0 ||
	    (r = sl_root_change_drop(w->s.gate, &w->s.home, w->arg[0], &is_gone, err)) <
		0)
		return r;
	if (!w->is_json) {
		printf("%s: %s\n", w->arg[0],
		       is_gone ? "dropped" : "the name is dropped, the root has others");
		return 0;
	}
	v = sl_json_obj(&w->o.b);
	(void)sl_json_set(&w->o.b, v, "dropped", sl_json_cstr(&w->o.b, w->arg[0]));
	(void)sl_json_set(&w->o.b, v, "gone", sl_json_bool(&w->o.b, is_gone));
	return sl_out_json(&w->o, v, err);
}

static const struct {
	const char *name, *usage;
	int n_args;
	int (*run)(struct work *w, struct sl_err *err);
} verbs[] = {
	{ "add", "add NAME DIR|TARBALL", 2, do_add },
	{ "list", "list", 0, do_list },
	{ "show", "show NAME|sha256:HEX", 1, do_show },
	{ "check", "check NAME|sha256:HEX", 1, do_check },
	{ "drop", "drop NAME|sha256:HEX", 1, do_drop },
};

static int
run(const struct sl_args *args, struct sl_err *err)
{
	struct work w = { .s.home.fd = -1, .is_json = sl_arg_is(args, OPT_JSON) };
	size_t i = 0;
	int r;

	if (strcmp(args->argv[0], "root") != 0)
		return SL_ERR(err, USAGE, "store knows root, not '%s'", args->argv[0]);
	while (i < sizeof(verbs) / sizeof(verbs[0]) &&
	       strcmp(args->argv[1], verbs[i].name) != 0)
		i++;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		return SL_ERR(err, USAGE,
			      "store root knows add, list, show, check and drop, not "
			      "'%s'",
			      args->argv[1]);
	if (args->argc - 2 != verbs[i].n_args)
		return SL_ERR(err, USAGE, "usage: sluice store root %s", verbs[i].usage);
	for (int k = 0; k < verbs[i].n_args; k++)
		w.arg[k] = args->argv[2 + k];
	(void)sl_out_init(&w.o);
	if ((r = sl_session_home(&w.s.home, err)) == 0)
		r = verbs[i].run(&w, err);
	sl_parser_stop(w.parser);
	sl_session_done(&w.s);
	sl_out_done(&w.o);
	return r < 0 ? r : sl_out_flush(err);
}

const struct sl_cmd sl_cmd_store = {
	.name = "store",
	.summary = "keep trees that boxes can have in place of the host's /usr",
	.usage = "root add NAME DIR|TARBALL | list | show ROOT | check ROOT | drop ROOT  "
		 "[--json]",
	.opts = opts,
	.min_args = 2,
	.max_args = 4,
	.run = run,
};
