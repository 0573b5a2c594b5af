/* test_parse.c -- diagnostics: what is wrong or refused, and where. */
#include "engine_t.h"

#include "flow/unsupported.h"
#include "flow/workflow.h"

#define HEAD "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
#define STEP HEAD "    steps:\n      - "

struct row {
	const char *src;
	size_t line, col;
	const char *msg, *code, *hint; /* code "" for an error */
};

/* The diagnostic of the row must be there, with its place. */
static void
check(const struct row *t, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct drive d = { .params = "{\"shells\":[\"bash\",\"sh\"]}" };
		bool is_there = false;

		drive(&d, t[i].src);
		assert_int_equal(d.r, t[i].code[0] ? SL_E(UNSUPPORTED) : SL_E(FORMAT));
		for (size_t k = 0; k < d.diags.n; k++) {
			const struct sl_diag *x = &d.diags.d[k];

			is_there =
			    is_there || (x->line == t[i].line && x->col == t[i].col &&
					 x->is_refusal == (t[i].code[0] != 0) &&
					 sl_slice_eq(x->code, sl_slice_str(t[i].code)) &&
					 memmem(x->msg.p, x->msg.len, t[i].msg,
						strlen(t[i].msg)) != NULL &&
					 (t[i].hint == NULL ||
					  sl_slice_eq(x->hint, sl_slice_str(t[i].hint))));
		}
		if (!is_there)
			for (size_t k = 0; k < d.diags.n; k++)
				print_message("# %zu: %zu:%zu: %.*s [%.*s]\n", i,
					      d.diags.d[k].line, d.diags.d[k].col,
					      SL_ARG(d.diags.d[k].msg),
					      SL_ARG(d.diags.d[k].hint));
		assert_true(is_there);
		drive_done(&d);
	}
}

static void
errors(void **state)
{
	static const struct row t[] = {
		{ "jobs: {}\n", 1, 1, "Required property is missing: on", "", NULL },
		{ "on: push\n", 1, 1, "Required property is missing: jobs", "", NULL },
		{ "on: pus\njobs: {}\n", 1, 5, "Unexpected value 'pus'", "",
		  "did you mean 'push'?" },
		{ "[]\n", 1, 1, "A sequence was not expected", "", NULL },
		{ "on: push\njobs: {}\n", 2, 7, "at least one job", "", NULL },
		{ HEAD "    stpes: []\n", 5, 5, "Unexpected value 'stpes'", "",
		  "did you mean 'steps'?" },
		{ HEAD "    steps: {}\n", 5, 12, "A mapping was not expected", "", NULL },
		{ "on: push\njobs:\n  a: {steps: []}\n", 3, 6,
		  "Required property is missing: runs-on", "", NULL },
		{ "on: push\njobs:\n  a: {name: x}\n", 3, 6,
		  "Add one of these properties: runs-on, uses", "", NULL },
		{ STEP "name: x\n", 6, 9, "Add one of these properties: run, uses", "",
		  NULL },
		{ STEP "run: x\n        uses: ./y\n", 7, 9, "Unexpected value 'uses'", "",
		  NULL },
		{ STEP "run: ''\n        shell: ''\n", 7, 16, "Unexpected value ''", "",
		  NULL },
		{ STEP "run: x\n        timeout-minutes: soon\n", 7, 26,
		  "Unexpected value 'soon'", "", NULL },
		{ STEP "run: ${{ foo }}\n", 6, 18, "Unrecognized named-value: 'foo'", "",
		  NULL },
		{ STEP "run: \"a ${{ github.x( }}\"\n", 6, 29, "Unexpected symbol: '('",
		  "", NULL },
		{ STEP "run: |\n          one\n          two ${{ foo }}\n", 8, 19,
		  "Unrecognized named-value", "", NULL },
		{ STEP "run: ${{ github.sha\n", 6, 14, "The expression is not closed", "",
		  NULL },
		{ STEP "run: x\n        if: bad(\n", 7, 13,
		  "Unrecognized function: 'bad'", "", NULL },
		{ STEP "run: x\n        if: secrets.x\n", 7, 13,
		  "Unrecognized named-value: 'secrets'", "", NULL },
		{ STEP "run: x\n        id: ${{ github.sha }}\n", 7, 13,
		  "not allowed in this context", "", NULL },
		{ STEP "run: x\n        id: 1x\n", 7, 13,
		  "The identifier '1x' is invalid", "", NULL },
		{ STEP "run: x\n        id: __x\n", 7, 13, "reserved", "", NULL },
		{ STEP "{run: x, id: b}\n      - {run: x, id: B}\n", 7, 22,
		  "may not be used more than once", "", NULL },
		{ STEP "run: x\n        shell: nonsense\n", 7, 16, "Invalid shell option",
		  "", NULL },
		{ STEP "uses: foo\n", 6, 15,
		  "Expected format {org}/{repo}[/path]@ref. Actual 'foo'", "", NULL },
		{ STEP "run: x\n        env:\n          ${{ insert }}: x\n          a: "
		       "${{ insert }}\n",
		  9, 14, "The directive 'insert' is not allowed", "", NULL },
		{ HEAD "    needs: b\n  b:\n    needs: a\n    runs-on: ubuntu-latest\n",
		  5, 12, "creates a cycle", "", NULL },
		{ HEAD "    needs: [a]\n  b: {runs-on: ubuntu-latest}\n", 5, 13,
		  "Job 'a' depends on job 'a' which creates a cycle", "", NULL },
		{ HEAD "  build: {needs: biuld, runs-on: ubuntu-latest}\n", 5, 18,
		  "unknown job 'biuld'", "", "did you mean 'build'?" },
		{ HEAD "    outputs: {x: y}\n  b: {needs: a, runs-on: ubuntu-latest, "
		       "steps: [{run: '${{ needs.a.outputs.z }}'}]}\n",
		  6, 55, "job 'a' has no output 'z'", "", NULL },
		{ STEP "run: ${{ needs.b.result }}\n  b: {runs-on: ubuntu-latest}\n", 6,
		  14, "does not need a job 'b'", "", "add it to this job's 'needs'" },
		{ STEP "run: ${{ steps.nope.outputs.x }}\n", 6, 14,
		  "no step with the id 'nope'", "", NULL },
		{ "on: {push: {branches: [a], branches-ignore: [b]}}\njobs: {a: "
		  "{runs-on: ubuntu-latest}}\n",
		  1, 28, "both 'branches' and 'branches-ignore'", "", NULL },
		{ "on: push\non: push\n", 2, 1, "'on' is already defined", "", NULL },
		{ "on: push\nx: y\nx: z\n", 3, 1, "'x' is already defined", "", NULL },
		{ "on: push\nname: ${{ github.sha }}\njobs: {a: {runs-on: "
		  "ubuntu-latest}}\n",
		  2, 7, "not allowed in this context", "", NULL },
		{ "on: push\n<<: {a: b}\njobs: {a: {runs-on: ubuntu-latest}}\n", 2, 1,
		  "Unexpected value '<<'", "", NULL },
		{ "on: push\npermissions: {contents: wirte}\njobs: {a: {runs-on: "
		  "ubuntu-latest}}\n",
		  2, 25, "Unexpected value 'wirte'", "", "did you mean 'write'?" },
	};
	(void)state;

	check(t, SL_ARRAY_LEN(t));
}

static void
refusals(void **state)
{
	static const struct row t[] = {
		{ HEAD "    container: alpine\n", 5, 5, "image 'alpine'", "F-IMAGE",
		  NULL },
		{ HEAD "    services: {db: {image: pg}}\n", 5, 5, "services", "F-IMAGE",
		  NULL },
		{ HEAD "    environment: prod\n", 5, 5, "environment 'prod'", "F-ENV",
		  NULL },
		{ HEAD "    snapshot: x\n", 5, 5, "runs-on 'snapshot'", "F-RUNNER",
		  NULL },
		{ "on: push\njobs:\n  a: {runs-on: windows-latest}\n", 3, 16,
		  "'windows-latest'", "F-RUNNER", NULL },
		{ "on: push\njobs:\n  a: {runs-on: [self-hosted, macos-14]}\n", 3, 30,
		  "'macos-14'", "F-RUNNER", NULL },
		{ "on: push\njobs:\n  a: {runs-on: gpu}\n", 3, 16, "'gpu'", "F-RUNNER",
		  NULL },
		{ "on: push\njobs:\n  a: {runs-on: {group: g}}\n", 3, 24, "'g'",
		  "F-RUNNER", NULL },
		{ "on: push\njobs:\n  a: {runs-on: '${{ matrix.o }}', strategy: {matrix: "
		  "{o: [ubuntu-latest, windows-2022]}}}\n",
		  3, 16, "'windows-2022'", "F-RUNNER", NULL },
		{ "on: push\njobs:\n  a: {uses: ./.github/workflows/x.yml}\n", 3, 13,
		  "x.yml", "F-FLOW-CALL", NULL },
		{ "on: push\njobs:\n  a: {uses: o/r/.github/workflows/x.yml@v1}\n", 3, 13,
		  "x.yml", "F-REMOTE-FLOW", NULL },
		{ STEP "uses: actions/setup-node@v4\n", 6, 15, "'actions/setup-node@v4'",
		  "F-REMOTE-ACTION", NULL },
		{ STEP "uses: docker://alpine\n", 6, 15, "docker://alpine", "F-IMAGE",
		  NULL },
		{ STEP "uses: actions/checkout@v4\n        with: {repository: o/r}\n", 7,
		  16, "asks for more than the workspace", "F-CHECKOUT", NULL },
		{ STEP "uses: actions/checkout@v4\n        with: {submodules: true}\n", 7,
		  16, "'submodules'", "F-CHECKOUT", NULL },
		{ STEP "run: x\n        shell: pwsh\n", 7, 16, "shell 'pwsh'", "F-SHELL",
		  NULL },
		{ STEP "run: x\n        shell: python\n", 7, 16, "shell 'python'",
		  "F-SHELL", NULL },
		{ STEP "{run: x, background: true}\n", 6, 18, "background",
		  "F-BACKGROUND", NULL },
		{ STEP "wait-all:\n", 6, 9, "'wait-all'", "F-BACKGROUND", NULL },
	};
	size_t n = 0;
	const struct sl_unsupported *u = sl_unsupported_table(&n);
	(void)state;

	check(t, SL_ARRAY_LEN(t));
	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) { /* all of them are in the table */
		bool is_named = false;

		for (size_t k = 0; k < n; k++)
			is_named = is_named || strcmp(u[k].code, t[i].code) == 0;
		assert_true(is_named);
	}
}

/* Right, though it looks odd. */
static void
accepted(void **state)
{
	static const char *const t[] = {
		STEP "{uses: actions/checkout@v4, with: {fetch-depth: 0, repository: "
		     "'${{ github.repository }}', path: .}}\n",
		HEAD "    concurrency: x\n    permissions: {}\n    container: null\n    "
		     "services: {}\n",
		HEAD "    timeout-minutes: ${{ fromJSON('5') }}\n    env: {A: 1.10, B: "
		     "~, C: yes, D: true}\n",
		"on: [push, workflow_dispatch]\njobs: {a: {runs-on: [self-hosted, "
		"anything]}}\n",
		"on: {schedule: [{cron: '0 0 * * *'}]}\npermissions: read-all\njobs: {a: "
		"{runs-on: ubuntu-22.04}}\n",
		"x-a: &a {runs-on: ubuntu-latest}\n" /* unknown key, below */,
		STEP "run: x\n        shell: perl {0}\n",
		STEP "uses: ./made/later\n        if: false\n",
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct drive d = { .params = NULL };

		drive(&d, t[i]);
		assert_int_equal(d.r, i == 5 ? SL_E(FORMAT) : 0);
		drive_done(&d);
	}
}

static void
ten_at_most(void **state)
{
	struct drive d = { .params = NULL };
	SL_AUTO_BUF src = { .max = 1 << 16 };
	(void)state;

	sl_buf_str(&src, HEAD);
	for (int i = 0; i < 200; i++)
		sl_buf_printf(&src, "    k%d: v\n", i);
	sl_buf_byte(&src, 0);
	drive(&d, (const char *)src.p);
	assert_int_equal(d.r, SL_E(FORMAT));
	assert_int_equal(d.diags.n, 10);
	assert_int_equal(d.diags.n_more, 190);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(d.diags.d[i].line, 5 + i);
	assert_true(sl_slice_eq(d.diags.d[0].text, SL_LIT("    k0: v")));
	drive_done(&d);
}

/* An action that is wrong is named by its file before anything runs. */
static void
in_actions(void **state)
{
	static const struct file files[] = {
		{ "x/action.yml", "runs:\n  using: composite\n  steps:\n    - run: x\n" },
		{ "n/action.yml", "runs: {using: node20, main: i.js}\n" },
		{ "d/action.yml", "runs: {using: docker, image: Dockerfile}\n" },
		{ NULL, NULL },
	};
	static const struct {
		const char *uses, *file, *code;
		int r;
	} t[] = { { "./x", "x/action.yml", "", SL_E(FORMAT) },
		  { "./n/", "n/action.yml", "F-NODE", SL_E(UNSUPPORTED) },
		  { "./n/../d", "d/action.yml", "F-BUILD", SL_E(UNSUPPORTED) },
		  { "./../etc", "", "", SL_E(FORMAT) } };
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct drive d = { .files = files };
		char src[200];

		(void)snprintf(src, sizeof(src), STEP "uses: %s\n", t[i].uses);
		drive(&d, src);
		assert_int_equal(d.r, t[i].r);
		assert_true(sl_slice_eq(d.diags.d[0].file, sl_slice_str(t[i].file)));
		assert_true(sl_slice_eq(d.diags.d[0].code, sl_slice_str(t[i].code)));
		drive_done(&d);
	}
}

/* Large and hostile: an answer in bounded memory, never a crash. */
static void
hostile(void **state)
{
	static const char *const t[][2] = {
		{ STEP "run: ${{ ", "(" },
		{ STEP "run: ${{ 1", " && 1" },
		{ STEP "run: ", "${{ github.a }}" },
		{ STEP "run: x\n        if: ", "a" },
		{ HEAD "    strategy: {matrix: {a: [", "1," },
		{ "on: push\njobs:\n", "  j: {}\n" },
		{ "on: [", "push," },
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(t); i++) {
		struct drive d = { .max_memory = 48 << 20 };
		SL_AUTO_BUF src = { .max = 1 << 21 };

		sl_buf_str(&src, t[i][0]);
		while (src.len < 1000000)
			sl_buf_str(&src, t[i][1]);
		sl_buf_byte(&src, 0);
		drive(&d, (const char *)src.p);
		assert_true(d.r == SL_E(FORMAT) || d.r == SL_E(LIMIT));
		drive_done(&d);
	}
}

static void
schema_faults(void **state)
{
	static const char *const bad[] = {
		"root nonsense\n",       "root map\n\ta b\n", "\tx string\n",
		"root map\nroot map\n",  "root one @X\n",     "a map\n\tb string\n",
		"root string in @NONE\n"
	};
	(void)state;

	for (size_t i = 0; i < SL_ARRAY_LEN(bad); i++) {
		SL_AUTO_ARENA a = { 0 };
		const struct sl_type *t = NULL;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 20);
		assert_int_equal(sl_schema_load(sl_slice_str(bad[i]), &a, &t, &err),
				 SL_E(BUG));
	}
}

static void
out_of_memory(void **state)
{
	static const char src[] =
	    HEAD "    needs: []\n    env: {A: '${{ github.sha }}', B: 2}\n"
		 "    steps: [{run: x, id: s}, {uses: ./y}, {run: '${{ steps.s.outcome "
		 "}}'}]\n";
	unsigned long n = 1;
	(void)state;

	for (int r = -1; r != 0; n++) {
		SL_AUTO_ARENA a = { 0 };
		struct sl_diag_list l = { .a = &a };
		struct sl_flow_parser p = { .a = &a, .l = &l };
		const struct sl_workflow *w = NULL;
		struct sl_err err = { 0 };

		sl_arena_init(&a, 1 << 22);
		a.fail_at = n;
		r = sl_flow_parse(&p, sl_slice_str(src), &w, &err);
		assert_true(r == 0 || r == SL_E(NOMEM) || l.is_failed);
		assert_true(n < 10000);
	}
	assert_true(n > 100);
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(errors),        cmocka_unit_test(refusals),
		cmocka_unit_test(accepted),      cmocka_unit_test(ten_at_most),
		cmocka_unit_test(in_actions),    cmocka_unit_test(hostile),
		cmocka_unit_test(schema_faults), cmocka_unit_test(out_of_memory),
	};

	return run_suite("parse", t, SL_ARRAY_LEN(t));
}
