/* test_engine.c -- whole small workflows with scripted results. */
#include "engine_t.h"

#define JOB(steps) "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n" steps

static void
plain(void **state)
{
	(void)state;
	expect(
	    NULL, "{\"env\":{\"A\":\"0\",\"E\":\"e\"}}",
	    "on: push\nenv: {A: 1, B: w}\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
	    "    env: {B: j}\n    outputs: {o: '${{ steps.x.outputs.k }}!'}\n    steps:\n"
	    "      - id: x\n        run: |\n          out k=v\n          env C=c\n       "
	    "   show B\n"
	    "          argv\n          cwd\n"
	    "      - name: n ${{ env.C }}\n        env: {B: s, D: '${{ env.B }}${{ "
	    "steps.x.outputs.k }}'}\n"
	    "        working-directory: sub\n        shell: bash\n        run: |\n       "
	    "   show A\n"
	    "          show B\n          show C\n          show D\n          show E\n    "
	    "      argv\n          cwd\n",
	    "job a\n"
	    "step Run out k=v\n  B=j\n  argv bash -e /tmp/runner/_s/0.sh\n  cwd "
	    "/workspace\n"
	    "  -> success success\n"
	    "step n c\n  A=1\n  B=s\n  C=c\n  D=jv\n  E=e\n"
	    "  argv bash --noprofile --norc -e -o pipefail /tmp/runner/_s/1.sh\n"
	    "  cwd /workspace/sub\n  -> success success\n"
	    "job.done a success o=v!\nrun.done success\n");
}

static void
conditions(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    JOB("      - {name: s1, run: exit 1, continue-on-error: true, id: s1}\n"
		"      - {name: s2, run: ok, if: \"steps.s1.outcome == 'failure' && "
		"steps.s1.conclusion == 'success'\"}\n"
		"      - {name: s3, run: exit 3}\n"
		"      - {name: s4, run: ok}\n"
		"      - {name: s5, run: ok, if: failure()}\n"
		"      - {name: s6, run: ok, if: always()}\n"
		"      - {name: s7, run: ok, if: cancelled()}\n"
		"      - {name: s8, run: ok, if: \"!cancelled() && job.status == "
		"'failure'\"}\n"),
	    "job a\nstep s1\n  -> failure success {Process completed with exit code 1.}\n"
	    "step s2\n  -> success success\n"
	    "step s3\n  -> failure failure {Process completed with exit code 3.}\n"
	    "skip s4 skipped skipped\nstep s5\n  -> success success\nstep s6\n  -> "
	    "success success\n"
	    "skip s7 skipped skipped\nstep s8\n  -> success success\n"
	    "job.done a failure\nrun.done failure\n");
}

static void
needs(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    "on: push\njobs:\n"
	    "  d: {needs: [b, c], if: always(), runs-on: ubuntu-latest, steps: [{run: 'r "
	    "${{ needs.b.result }} ${{ needs.c.result }}'}]}\n"
	    "  a: {runs-on: ubuntu-latest, outputs: {x: '${{ steps.s.outputs.v }}'}, "
	    "steps: [{id: s, run: out v=7}]}\n"
	    "  b: {needs: a, runs-on: ubuntu-latest, steps: [{run: 'exit ${{ "
	    "needs.a.outputs.x }}'}]}\n"
	    "  c: {needs: b, runs-on: ubuntu-latest, steps: [{run: never}]}\n"
	    "  e: {needs: a, if: \"needs.a.outputs.x == '8'\", runs-on: ubuntu-latest, "
	    "steps: [{run: never}]}\n"
	    "  f: {needs: b, if: failure(), runs-on: ubuntu-latest, steps: [{run: f}]}\n"
	    "  g: {needs: c, if: failure(), runs-on: ubuntu-latest, steps: [{run: g}]}\n"
	    "  h: {needs: [a, b], if: \"success('a')\", runs-on: ubuntu-latest, steps: "
	    "[{run: h}]}\n",
	    "job a\nstep Run out v=7\n  -> success success\njob.done a success x=7\n"
	    "job b\nstep Run exit 7\n  -> failure failure {Process completed with exit "
	    "code 7.}\n"
	    "job.done b failure\njob.done c skipped\n"
	    "job d\nstep Run r failure skipped\n  -> success success\njob.done d "
	    "success\n"
	    "job.done e skipped\n"
	    "job f\nstep Run f\n  -> success success\njob.done f success\n"
	    "job g\nstep Run g\n  -> success success\njob.done g success\n"
	    "job h\nstep Run h\n  -> success success\njob.done h success\n"
	    "run.done failure\n");
}

static void
matrix(void **state)
{
	(void)state;
	expect(NULL, NULL,
	       "on: push\njobs:\n"
	       "  s: {runs-on: ubuntu-latest, outputs: {m: '${{ steps.x.outputs.m }}'}, "
	       "steps: [{id: x, run: 'out m=[\"p\",\"q\"]'}]}\n"
	       "  a:\n    needs: s\n    name: A\n    runs-on: ubuntu-latest\n"
	       "    strategy:\n      matrix:\n        v: ${{ fromJSON(needs.s.outputs.m) "
	       "}}\n"
	       "        include: [{v: q, extra: 1}]\n"
	       "    outputs: {o: '${{ matrix.v }}${{ matrix.extra }}'}\n"
	       "    steps: [{run: 'r ${{ matrix.v }} ${{ strategy.job-index }}/${{ "
	       "strategy.job-total }}'}]\n"
	       "  b: {needs: a, runs-on: ubuntu-latest, steps: [{run: 'b ${{ "
	       "needs.a.outputs.o }}'}]}\n",
	       "job s\nstep Run out m=[\"p\",\"q\"]\n  -> success success\njob.done s "
	       "success m=[\"p\",\"q\"]\n"
	       "job A (p)\nstep Run r p 0/2\n  -> success success\njob.done a (p) "
	       "success o=p\n"
	       "job A (q)\nstep Run r q 1/2\n  -> success success\njob.done a (q) "
	       "success o=q1\n"
	       "job b\nstep Run b q1\n  -> success success\njob.done b success\nrun.done "
	       "success\n");
}

static void
fail_fast(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    "on: push\njobs:\n"
	    "  a: {runs-on: ubuntu-latest, strategy: {matrix: {v: [1, 2, 3]}}, steps: "
	    "[{run: 'exit ${{ matrix.v }}'}]}\n"
	    "  b: {runs-on: ubuntu-latest, strategy: {fail-fast: false, matrix: {v: [1, "
	    "0]}}, steps: [{run: 'exit ${{ matrix.v }}'}]}\n"
	    "  c: {runs-on: ubuntu-latest, continue-on-error: true, strategy: {matrix: "
	    "{v: [1, 0]}}, steps: [{run: 'exit ${{ matrix.v }}'}]}\n"
	    "  d: {needs: c, runs-on: ubuntu-latest, steps: [{run: d}]}\n"
	    "  e: {runs-on: ubuntu-latest, strategy: {matrix: {v: []}}, steps: [{run: "
	    "e}]}\n",
	    "job a (1)\nstep Run exit 1\n  -> failure failure {Process completed with "
	    "exit code 1.}\n"
	    "job.done a (1) failure\njob.done a (2) cancelled\njob.done a (3) cancelled\n"
	    "job b (1)\nstep Run exit 1\n  -> failure failure {Process completed with "
	    "exit code 1.}\n"
	    "job.done b (1) failure\njob b (0)\nstep Run exit 0\n  -> success "
	    "success\njob.done b (0) success\n"
	    "job c (1)\nstep Run exit 1\n  -> failure failure {Process completed with "
	    "exit code 1.}\n"
	    "job.done c (1) failure continued\njob c (0)\nstep Run exit 0\n  -> success "
	    "success\njob.done c (0) success\n"
	    "job d\nstep Run d\n  -> success success\njob.done d success\n"
	    "note error f.yml:7:41: Matrix vector 'v' does not contain any values\n"
	    "job.done e failure\nrun.done failure\n");
}

static const struct file composite[] = {
	{ "act/action.yml",
	  "name: A\ninputs:\n  who: {required: true}\n  greet: {default: 'hi ${{ "
	  "github.job }}'}\n"
	  "outputs:\n  o: {value: '${{ steps.i.outputs.k }}'}\n"
	  "runs:\n  using: composite\n  steps:\n"
	  "    - {id: i, shell: bash, run: \"out k=${{ inputs.greet }} ${{ inputs.who "
	  "}}\\nenv LEAK=1\\nshow X\\nshow INPUT_WHO\"}\n"
	  "    - {shell: sh, name: in2, env: {Y: y}, run: \"show LEAK\\nshow Y\\nshow "
	  "GITHUB_ACTION_PATH\\nargv\"}\n"
	  "    - {uses: ./act/inner, with: {n: 2}}\n" },
	{ "act/inner/action.yaml",
	  "inputs: {n: {}}\nruns:\n  using: composite\n  steps:\n"
	  "    - {shell: bash, name: deep, run: 'exit ${{ inputs.n }}', "
	  "continue-on-error: true}\n"
	  "    - {shell: bash, name: deep2, run: show X, if: \"steps.i == null\"}\n" },
	{ "bad/action.yml",
	  "outputs: {o: {value: '${{ steps.z.outputs.k }}'}}\nruns:\n  using: "
	  "composite\n  steps:\n"
	  "    - {id: z, shell: bash, name: z, run: \"out k=kept\\nexit 4\"}\n"
	  "    - {shell: bash, name: not, run: x}\n"
	  "    - {shell: bash, name: cleanup, run: y, if: failure()}\n"
	  "    - {shell: bash, name: st, run: '${{ github.action_status }}', if: "
	  "always()}\n" },
	{ "loop/action.yml", "runs: {using: composite, steps: [{uses: ./loop}]}\n" },
	{ NULL, NULL },
};

static void
actions(void **state)
{
	(void)state;
	expect(
	    composite, NULL,
	    JOB("      - {uses: ./act, id: c, with: {who: bob, odd: 1}, env: {X: x}}\n"
		"      - run: |\n          show X\n          show LEAK\n          ${{ "
		"steps.c.outputs.o }}\n"),
	    "job a\n"
	    "note warning Unexpected input 'odd' of the action './act'\n"
	    "group+ Run ./act\n"
	    "step Run out k=hi a bob\n  X=x\n  INPUT_WHO=(unset)\n  -> success success\n"
	    "step in2\n  LEAK=1\n  Y=y\n  GITHUB_ACTION_PATH=/workspace/act\n  argv sh "
	    "-e /tmp/runner/_s/2.sh\n"
	    "  -> success success\n"
	    "group+ Run ./act/inner\n"
	    "step deep\n  -> failure success {Process completed with exit code 2.}\n"
	    "step deep2\n  X=x\n  -> success success\n"
	    "group- Run ./act/inner success success\n"
	    "group- Run ./act success success\n"
	    "step Run show X\n  X=(unset)\n  LEAK=1\n  -> success success\n"
	    "job.done a success\nrun.done success\n");
}

static void
actions_fail(void **state)
{
	(void)state;
	expect(
	    composite, NULL,
	    JOB("      - {uses: ./bad, id: b, continue-on-error: true}\n"
		"      - {name: '${{ steps.b.outcome }} ${{ steps.b.outputs.o }}', run: "
		"x}\n"
		"      - {uses: ./none, if: always()}\n"
		"      - {uses: ./loop, if: failure()}\n"),
	    "job a\ngroup+ Run ./bad\n"
	    "step z\n  -> failure failure {Process completed with exit code 4.}\n"
	    "skip not skipped skipped\nstep cleanup\n  -> success success\n"
	    "step st\n  -> success success\n"
	    "group- Run ./bad failure success\nstep failure kept\n  -> success success\n"
	    "note error f.yml:8:28: Can't find 'action.yml', 'action.yaml' or "
	    "'Dockerfile' under "
	    "'/workspace/none'. Did you forget to run actions/checkout before running "
	    "your local action?\n"
	    "skip Run ./none failure failure\n"
	    "group+ Run ./loop\ngroup+ Run ./loop\ngroup+ Run ./loop\ngroup+ Run "
	    "./loop\ngroup+ Run ./loop\n"
	    "group+ Run ./loop\ngroup+ Run ./loop\ngroup+ Run ./loop\ngroup+ Run ./loop\n"
	    "note error loop/action.yml:1:41: Composite action depth exceeded max depth "
	    "9\n"
	    "skip Run ./loop failure failure\n"
	    "group- Run ./loop failure failure\ngroup- Run ./loop failure failure\n"
	    "group- Run ./loop failure failure\ngroup- Run ./loop failure failure\n"
	    "group- Run ./loop failure failure\ngroup- Run ./loop failure failure\n"
	    "group- Run ./loop failure failure\ngroup- Run ./loop failure failure\n"
	    "group- Run ./loop failure failure\n"
	    "job.done a failure\nrun.done failure\n");
}

static void
cancellation(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    "on: push\njobs:\n"
	    "  a: {runs-on: ubuntu-latest, strategy: {matrix: {v: [1, 2]}}, steps: "
	    "[{name: s1, run: cancel}, {name: s2, run: x}, "
	    "{name: s3, if: always(), run: x}, {name: s4, if: cancelled(), run: x}, "
	    "{name: s5, if: failure(), run: x}]}\n"
	    "  b: {needs: a, runs-on: ubuntu-latest, steps: [{run: x}]}\n"
	    "  c: {needs: a, if: always(), runs-on: ubuntu-latest, steps: [{name: c1, "
	    "run: x}, {name: c2, if: cancelled(), run: x}]}\n",
	    "job a (1)\nstep s1\n  -> cancelled cancelled {The operation was canceled.}\n"
	    "skip s2 skipped skipped\nstep s3\n  -> success success\nstep s4\n  -> "
	    "success success\n"
	    "skip s5 skipped skipped\njob.done a (1) cancelled\njob.done a (2) "
	    "cancelled\n"
	    "job.done b cancelled\njob c\nstep c1\n  -> success success\nskip c2 skipped "
	    "skipped\n"
	    "job.done c success\nrun.done cancelled\n");
}

static void
endings(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    "on: push\njobs:\n"
	    "  a: {runs-on: ubuntu-latest, steps: [{name: t, timeout-minutes: 2, run: "
	    "timeout}]}\n"
	    "  b: {runs-on: ubuntu-latest, steps: [{name: s, run: signal}]}\n"
	    "  c: {runs-on: ubuntu-latest, steps: [{name: r, run: refused}]}\n"
	    "  d: {runs-on: ubuntu-latest, timeout-minutes: 1, steps: [{name: j, run: "
	    "jobtimeout}, {name: k, run: x}, {name: l, run: x, if: cancelled()}]}\n",
	    "job a\nstep t\n  -> failure failure {The action 't' has timed out after 2 "
	    "minutes.}\njob.done a failure\n"
	    "job b\nstep s\n  -> failure failure {Process ended by signal 9.}\njob.done "
	    "b failure\n"
	    "job c\nstep r\n  -> failure failure {policy says no}\njob.done c failure\n"
	    "job d\nstep j\n  -> cancelled cancelled {The job 'd' has exceeded its "
	    "maximum execution time.}\n"
	    "skip k skipped skipped\nstep l\n  -> success success\njob.done d "
	    "cancelled\nrun.done failure\n");
}

static void
commands(void **state)
{
	(void)state;
	expect(
	    NULL, "{\"secrets\":{\"S\":\"hunter2\"},\"shells\":[\"sh\"]}",
	    "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
	    "    outputs: {ok: '${{ steps.x.outputs.p }}', leak: '${{ steps.x.outputs.q "
	    "}}', late: '${{ steps.x.outputs.r }}'}\n"
	    "    steps:\n      - id: x\n        env: {T: '${{ secrets.S }}'}\n        "
	    "run: |\n"
	    "          say ::add-mask::topsecret\n          say ::error "
	    "file=a.c,line=3::boom\n"
	    "          say plain text\n          say ::group::G\n          out p=fine\n"
	    "          out q=xhunter2x\n          out r=topsecret\n          path "
	    "/opt/a\n          path /opt/b\n"
	    "          show T\n          argv\n"
	    "      - run: |\n          show PATH\n          path /opt/a\n          sum "
	    "hello\n"
	    "      - run: |\n          show PATH\n          raw-env NODE_OPTIONS=x\n"
	    "      - if: failure()\n        run: raw-env broken\n",
	    "job a\nstep Run say ::add-mask::topsecret\n"
	    "  line mask=topsecret\n  line level=error msg=boom\n  line show=plain "
	    "text\n  line group=G\n"
	    "  T=hunter2\n  argv sh -e /tmp/runner/_s/0.sh\n  -> success success\n"
	    "step Run show PATH\n  "
	    "PATH=/opt/b:/opt/a:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
	    "bin\n"
	    "  -> success success summary=6\n"
	    "step Run show PATH\n  "
	    "PATH=/opt/a:/opt/b:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/"
	    "bin\n"
	    "  -> failure failure {Can't store NODE_OPTIONS output parameter using "
	    "'$GITHUB_ENV' command. (it changes what every later node program loads)}\n"
	    "step Run raw-env broken\n  -> failure failure {Invalid format 'broken'}\n"
	    "note warning Skip output 'leak' since it may contain secret.\n"
	    "note warning Skip output 'late' since it may contain secret.\n"
	    "job.done a failure ok=fine\nrun.done failure\n");
}

static void
annotations(void **state)
{
	struct drive d = { .params = NULL };
	SL_AUTO_BUF src = { .max = 1 << 16 };
	size_t n = 0;
	(void)state;

	sl_buf_str(&src, JOB("      - run: |\n"));
	for (int i = 0; i < 15; i++)
		sl_buf_str(&src, "          say ::warning::w\n");
	sl_buf_str(&src, "          say ::set-env name=A::b\n");
	sl_buf_byte(&src, 0);
	drive(&d, (const char *)src.p);
	assert_int_equal(d.r, 0);
	sl_buf_byte(&d.log, 0);
	for (const char *p = (const char *)d.log.p;
	     (p = strstr(p, "level=warning")) != NULL; p++)
		n++;
	assert_int_equal(n, 10);
	assert_non_null(strstr((const char *)d.log.p, "-> failure failure"));
	drive_done(&d);
}

static void
inputs(void **state)
{
	static const char src[] =
	    "on:\n  workflow_dispatch:\n    inputs:\n      bool: {type: boolean}\n      "
	    "n: {type: number, default: 3}\n"
	    "      c: {type: choice, options: [x, y], required: true}\n"
	    "run-name: run ${{ inputs.c }}\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
	    "    steps: [{name: '${{ inputs.bool == false }} ${{ inputs.n }}', run: "
	    "x}]\n";
	struct drive d = { .params = "{\"inputs\":{\"c\":\"z\",\"boool\":1}}" };
	(void)state;

	expect(NULL, "{\"inputs\":{\"c\":\"y\",\"bool\":\"false\"}}", src,
	       "job a\nstep true 3\n  -> success success\njob.done a success\nrun.done "
	       "success\n");
	drive(&d, src);
	assert_int_equal(d.r, SL_E(FORMAT));
	assert_int_equal(d.diags.n, 2);
	assert_int_equal(d.diags.d[0].line, 0);
	assert_true(sl_slice_eq(d.diags.d[0].hint, SL_LIT("did you mean 'bool'?")));
	assert_int_equal(d.diags.d[1].line, 6);
	drive_done(&d);
}

static void
plan(void **state)
{
	static const char src[] =
	    "name: N\non: push\njobs:\n  b: {needs: a, runs-on: ubuntu-latest, steps: "
	    "[{run: '${{ secrets.TOKEN }}'}]}\n"
	    "  a: {runs-on: ubuntu-latest, steps: [{uses: actions/checkout@v4}, {uses: "
	    "./act, with: {who: '${{ secrets[github.job] }}'}}]}\n";
	struct drive d = { .files = composite };
	struct sl_engine_host host = { &d, drive_read, drive_hash };
	struct sl_engine_opts o = { .src = sl_slice_str(src),
				    .path = SL_LIT("f"),
				    .host = &host,
				    .max_memory = 1 << 24 };
	struct sl_engine *e = NULL;
	const struct sl_json *p = NULL;
	(void)state;

	sl_arena_init(&d.a, 1 << 20);
	assert_int_equal(sl_engine_new(&o, &d.a, &e, &d.diags, &d.err), 0);
	assert_int_equal(sl_engine_plan(e, &d.a, &p, &d.err), 0);
	assert_int_equal(sl_json_get_int(p, "n_steps"), 3);
	assert_true(sl_slice_eq(sl_json_get_str(p, "name"), SL_LIT("N")));
	assert_true(sl_slice_eq(sl_json_get_str(sl_json_get(p, "jobs")->child, "id"),
				SL_LIT("a")));
	assert_true(sl_json_get_bool(p, "secrets_all"));
	assert_true(sl_slice_eq(sl_json_get(p, "secrets")->child->s, SL_LIT("TOKEN")));
	assert_int_equal(sl_json_get(p, "files")->n, 2);
	assert_int_equal(sl_json_get_str(sl_json_get(p, "files")->child, "sha256").len,
			 64);
	assert_int_equal(sl_json_get(p, "notices")->n, 1);
	/* out of turn */
	assert_int_equal(sl_engine_done(e, p, &d.a, &p, &d.err), SL_E(BUG));
	d.err = (struct sl_err){ 0 };
	assert_int_equal(sl_engine_line(e, SL_LIT("x"), &d.a, &p, &d.err), SL_E(BUG));
	sl_engine_free(e);
	sl_engine_free(NULL);
	sl_arena_free(&d.a);
}

/* An expression that fails when it is due fails its step, job or leg, not the engine. */
static void
late_errors(void **state)
{
	(void)state;
	expect(
	    NULL, NULL,
	    "on: push\njobs:\n"
	    "  a: {runs-on: ubuntu-latest, steps: [{name: e, run: x, env: {A: '${{ "
	    "fromJSON(''{'') }}'}}, {name: i, if: \"always() && fromJSON('[')\", run: "
	    "x}, {name: n, if: always(), run: y}]}\n"
	    "  b: {runs-on: ubuntu-latest, env: {A: '${{ format(''{9}'') }}'}, steps: "
	    "[{run: x}]}\n"
	    "  c: {runs-on: ubuntu-latest, if: \"fromJSON('{')\", steps: [{run: x}]}\n",
	    "job a\n"
	    "note error f.yml:3:66: Error parsing fromJson: JSON: line 1, column 1: "
	    "string or '}' expected near end of file\n"
	    "skip e failure failure\n"
	    "note error f.yml:3:108: Error parsing fromJson: JSON: line 1, column 1: ']' "
	    "expected near end of file\n"
	    "skip i failure failure\nstep n\n  -> success success\njob.done a failure\n"
	    "note error f.yml:4:40: The following format string references more "
	    "arguments than were supplied: {9}\njob.done b failure\n"
	    "note error f.yml:5:35: Error parsing fromJson: JSON: line 1, column 1: "
	    "string or '}' expected near end of file\njob.done c failure\nrun.done "
	    "failure\n");
}

static void
out_of_memory(void **state)
{
	static const char src[] = "on: push\nenv: {A: b}\njobs:\n  a:\n    runs-on: "
				  "ubuntu-latest\n    strategy: {matrix: {v: [1, 2]}}\n"
				  "    outputs: {o: '${{ steps.s.outputs.k }}'}\n"
				  "    steps: [{id: s, run: 'out k=${{ matrix.v }}'}, "
				  "{uses: ./act, with: {who: w}}]\n";
	(void)state;

	/* memory in every size up to enough, in steps that no allocation passes unseen */
	for (size_t max = 4096; max < 1 << 22; max += max / 16) {
		struct drive d = { .files = composite, .max_memory = max };

		drive(&d, src);
		if (d.r == 0)
			assert_non_null(
			    memmem(d.log.p, d.log.len, "run.done success", 16));
		else
			assert_true(d.r == SL_E(NOMEM) || d.r == SL_E(LIMIT));
		drive_done(&d);
	}
	for (unsigned long n = 1; n < 400; n += 1) {
		struct drive d = { .files = composite, .fail_at = n };

		drive(&d, src);
		assert_true(d.r == 0 || d.r == SL_E(NOMEM));
		drive_done(&d);
	}
}

int
main(void)
{
	const struct CMUnitTest t[] = {
		cmocka_unit_test(plain),         cmocka_unit_test(conditions),
		cmocka_unit_test(needs),         cmocka_unit_test(matrix),
		cmocka_unit_test(fail_fast),     cmocka_unit_test(actions),
		cmocka_unit_test(actions_fail),  cmocka_unit_test(cancellation),
		cmocka_unit_test(endings),       cmocka_unit_test(commands),
		cmocka_unit_test(annotations),   cmocka_unit_test(inputs),
		cmocka_unit_test(plan),          cmocka_unit_test(late_errors),
		cmocka_unit_test(out_of_memory),
	};

	return run_suite("engine", t, SL_ARRAY_LEN(t));
}
