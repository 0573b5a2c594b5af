/* conf_yaml.c -- the YAML test suite: events equal, or refused where it must be. */
#include "codec/yaml.h"

#include "../conf.h"

static const struct sl_limits lim = { 1 << 20, 50000, 50 };
static const char dir[] = "flow/yaml-test-suite/src";

/* The suite writes what cannot be seen as visible characters. */
static void
decode(struct sl_slice s, struct sl_buf *out)
{
	static const struct {
		const char *from, *to;
	} map[] = { { "\xe2\x90\xa3", " " },            /* open box: space */
		    { "\xe2\x86\xb5", "" },             /* return: marks the line's end */
		    { "\xe2\x86\x90", "\r" },           /* left arrow */
		    { "\xe2\x87\x94", "\xef\xbb\xbf" }, /* double arrow: BOM */
		    { "\xc2\xbb", "\t" } }; /* guillemet, after any em dashes */

	while (s.len > 0) {
		size_t k = 0;

		if (sl_slice_starts(s, SL_LIT("\xe2\x88\x8e"))) { /* no final newline */
			s = sl_slice_skip(s, 3);
			if (s.len > 0 && s.p[0] == '\n')
				s = sl_slice_skip(s, 1);
			continue;
		}
		if (sl_slice_starts(s, SL_LIT("\xe2\x80\x94"))) {
			s = sl_slice_skip(s, 3);
			continue;
		}
		while (k < 5 && !sl_slice_starts(s, sl_slice_str(map[k].from)))
			k++;
		if (k == 5) {
			sl_buf_byte(out, s.p[0]);
			s = sl_slice_skip(s, 1);
		} else {
			sl_buf_str(out, map[k].to);
			s = sl_slice_skip(s, strlen(map[k].from));
		}
	}
}

static void
put_text(struct sl_buf *o, struct sl_slice s)
{
	for (size_t i = 0; i < s.len; i++)
		switch (s.p[i]) {
		case '\n':
			sl_buf_str(o, "\\n");
			break;
		case '\t':
			sl_buf_str(o, "\\t");
			break;
		case '\r':
			sl_buf_str(o, "\\r");
			break;
		case '\b':
			sl_buf_str(o, "\\b");
			break;
		case 0:
			sl_buf_str(o, "\\0");
			break;
		case '\\':
			sl_buf_str(o, "\\\\");
			break;
		default:
			sl_buf_byte(o, s.p[i]);
		}
}

static void
put_props(struct sl_buf *o, const struct sl_yaml_ev *ev)
{
	if (ev->anchor.len > 0) {
		sl_buf_str(o, " &");
		sl_buf_slice(o, ev->anchor);
	}
	if (ev->has_tag) {
		sl_buf_str(o, " <");
		sl_buf_slice(o, ev->tag);
		sl_buf_byte(o, '>');
	}
}

static int
on_event(void *arg, const struct sl_yaml_ev *ev, struct sl_err *err)
{
	struct sl_buf *o = arg;

	(void)err;
	switch (ev->kind) {
	case SL_YAML_EV_DOC:
		sl_buf_str(o, ev->is_implicit ? "+DOC" : "+DOC ---");
		break;
	case SL_YAML_EV_DOC_END:
		sl_buf_str(o, ev->is_implicit ? "-DOC" : "-DOC ...");
		break;
	case SL_YAML_EV_MAP:
		sl_buf_str(o, ev->style == SL_YAML_FLOW ? "+MAP {}" : "+MAP");
		put_props(o, ev);
		break;
	case SL_YAML_EV_SEQ:
		sl_buf_str(o, ev->style == SL_YAML_FLOW ? "+SEQ []" : "+SEQ");
		put_props(o, ev);
		break;
	case SL_YAML_EV_MAP_END:
		sl_buf_str(o, "-MAP");
		break;
	case SL_YAML_EV_SEQ_END:
		sl_buf_str(o, "-SEQ");
		break;
	case SL_YAML_EV_SCALAR:
		sl_buf_str(o, "=VAL");
		put_props(o, ev);
		sl_buf_byte(o, ' ');
		sl_buf_byte(o, (uint8_t) ":'\"|>"[ev->style]);
		put_text(o, ev->text);
		break;
	case SL_YAML_EV_ALIAS:
	default:
		sl_buf_str(o, "=ALI *");
		sl_buf_slice(o, ev->text);
		break;
	}
	sl_buf_byte(o, '\n');
	return 0;
}

/* The tree with its indentation taken away. */
static void
flat(struct sl_slice s, struct sl_buf *out)
{
	struct sl_slice line;

	while (conf_line(&s, &line)) {
		while (line.len > 0 && line.p[0] == ' ')
			line = sl_slice_skip(line, 1);
		sl_buf_slice(out, line);
		sl_buf_byte(out, '\n');
	}
}

static void
one(struct conf *c, const char *name, size_t k, struct sl_slice yaml,
    struct sl_slice tree, bool must_fail)
{
	SL_AUTO_BUF src = { .max = 1 << 20 };
	SL_AUTO_BUF got = { .max = 1 << 22 };
	SL_AUTO_BUF seen = { .max = 1 << 20 };
	SL_AUTO_BUF want = { .max = 1 << 20 };
	struct sl_yaml_at at;
	struct sl_err err = { 0 };
	int r;

	decode(yaml, &src);
	sl_buf_str(&got, "+STR\n");
	r = sl_yaml_events(sl_buf_get(&src), &lim, on_event, &got, &at, &err);
	sl_buf_str(&got, "-STR\n");
	if (must_fail) {
		conf_case(c, r < 0, "%s:%zu is accepted", name, k);
		return;
	}
	decode(tree, &seen);
	flat(sl_buf_get(&seen), &want);
	if (r < 0)
		conf_case(c, false, "%s:%zu is refused: %zu:%zu: %s", name, k, at.line,
			  at.col, err.msg);
	else
		conf_case(c, sl_slice_eq(sl_buf_get(&got), sl_buf_get(&want)),
			  "%s:%zu gives other events", name, k);
}

static void
file(struct conf *c, const char *d, const char *name)
{
	const struct sl_yaml_opts o = { { 1 << 20, 50000, 50 }, false };
	struct sl_arena a;
	const struct sl_yaml *y = NULL, *tree = NULL, *t;
	SL_AUTO_BUF src = { .max = 1 << 20 };
	struct sl_yaml_at at;
	struct sl_err err = { 0 };
	size_t k = 0;

	sl_arena_init(&a, 1 << 24);
	if (!conf_read(c, &src, "%s/%s", d, name) ||
	    sl_yaml_parse(sl_buf_get(&src), &o, &a, &y, &at, &err) < 0) {
		conf_case(c, false, "%s does not read: %s", name, err.msg);
	} else {
		SL_YAML_EACH(m, y)
		{ /* a tree stands for the cases after it as well */
			if ((t = sl_yaml_get(m, "tree")) != NULL)
				tree = t;
			k++;
			if (sl_yaml_get(m, "yaml") != NULL)
				one(c, name, k, sl_yaml_get(m, "yaml")->text,
				    tree != NULL ? tree->text : (struct sl_slice){ 0 },
				    sl_yaml_get(m, "fail") != NULL);
		}
	}
	sl_arena_free(&a);
}

int
main(int argc, char **argv)
{
	struct conf c;

	conf_init(&c, "yaml", argc, argv);
	conf_each(&c, dir, file);
	return conf_finish(&c);
}
