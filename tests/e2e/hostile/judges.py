"""judges.py -- what single cases are judged by, beside what run.py does for all: each gets the pass, the
run and the words of its line, and gives back what is wrong (a text, a list, or nothing)."""
import glob
import json
import os
import re
import stat


def read(path):
    with open(path, 'rb') as f:
        return f.read()


def files_below(top):
    for d, _, files in os.walk(top):
        for x in files:
            p = os.path.join(d, x)
            if stat.S_ISREG(os.lstat(p).st_mode):
                yield p


def columns(p, r):
    """The statement says of each class what data/observation.tsv says."""
    bad = []
    for a in r.acts:
        row = p.classes.get(a['class'])
        if row is None:
            bad.append(f"class {a['class']!r} is in no table")
            continue
        for key in ('enforced_by', 'observed_by', 'complete'):
            if a.get(key) != row[key]:
                bad.append(f"{a['class']} {a['act']}: {key} is {a.get(key)!r}, the table says {row[key]!r}")
    return bad[:4] or (None if r.acts else 'nothing was observed')


def no_secret(p, r, *words):
    """The secret is in no event, no line, no statement and no file of the node, the overlay's upper aside."""
    bad = []
    for w in words or (p.w.vars['SECRET'],):
        forms = {w.encode(), json.dumps(w)[1:-1].encode()}
        for form in forms:
            for name, data in (('output', r.out), ('diagnostics', r.err), ('statements', getattr(r, 'log_raw', b''))):
                if form in data:
                    at = data.index(form)
                    bad.append(f'the secret is in the {name}: {data[max(0, at - 60):at + 60]!r}')
            for f in files_below(p.w.vars['HOME']):
                if re.search(r'/runs/[^/]+/(.*/)?upper(/|$)', f):
                    continue
                if form in read(f):
                    bad.append(f"the secret is in {f[len(p.w.vars['HOME']):]}")
    return bad[:6]


def secret_was_masked(p, r):
    """Guards against a probe that printed nothing."""
    return None if '***' in r.text() else 'no mask in the output'


def plain_clean(p, r, *forged):
    """What a person sees has no control characters of the flow's, and no line that the flow began."""
    bad = []
    text = (r.out + r.err).decode('utf-8', 'replace')
    for name, pat in (('ESC', '\x1b'), ('CR', '\r'), ('BEL', '\x07'), ('BS', '\x08'), ('NUL', '\x00'), ('C1', '[\x80-\x9f]'),
                      ('bidi', '[\u202a-\u202e\u2066-\u2069\u200e\u200f]'), ('a CI marker', '##(vso|teamcity)?\\[')):
        m = re.search('.{0,40}' + pat, text)
        if m:
            bad.append(f'{name} reached the output: {m.group(0)!r}')
    for f in forged:
        for line in re.split('[\n\r\u2028\u2029\x85]', text):
            if line.startswith(f):
                bad.append(f'a forged line stands at the margin: {line!r}')
    return bad


def tty_clean(p, r, *forged):
    bad = []
    text = r.out.decode('utf-8', 'replace')
    for name, pat in (('OSC', '\x1b\\]'), ('DCS', '\x1bP'), ('forged colour', '\x1b\\[3[0-9;]*mFORGED'), ('BEL', '\x07'),
                      ('screen switch', '\x1b\\[\\?1049h'), ('report', '\x1b\\[6n'), ('C1', '[\x80-\x9f]'),
                      ('bidi', '[\u202a-\u202e\u2066-\u2069]')):
        m = re.search('.{0,40}' + pat, text)
        if m:
            bad.append(f'{name} reached the terminal: {m.group(0)!r}')
    return bad


def tty_quiet(p, r):
    """Nothing was typed into the caller's terminal, and its settings are what they were."""
    bad = []
    if r.tty_left:
        bad.append(f"{r.tty_left} bytes wait in the caller's terminal")
    if r.termios != r.termios_after:
        bad.append("the settings of the caller's terminal changed")
    return bad


def one_done(p, r, conclusion):
    d = r.of('run.done')
    if len(d) != 1 or d[0]['conclusion'] != conclusion:
        return f'run.done: {[(x.get("run"), x["conclusion"]) for x in d]}'
    if d[0]['run'] != r.of('run.start')[0]['run']:
        return 'run.done is of another run'


def output_text(p, r, part):
    """The bytes came as text of step.output, as they were."""
    if not any(part in e['text'] for e in r.of('step.output')):
        return f'no step.output has {part!r}'


def conclusion(p, r, *want):
    got = r.done().get('conclusion')
    return None if got in want else f'conclusion {got!r}, wanted {want}'


def ended_within(p, r, ms):
    return None if r.ms <= int(ms) else f'it took {r.ms} ms, more than {ms}'


def printed_at_most(p, r, n):
    return None if r.n_out <= int(n) else f'{r.n_out} bytes came out, more than {n}'


def left_behind(p, r):
    n = [s['statement']['predicate']['sluice'].get('left_behind', 0) for s in r.statements if s['kind'] == 'observation']
    return None if any(n) else 'the observation does not say that processes were left behind'


def limit_recorded(p, r, limit):
    """The outcome in the log names the limit that ended it."""
    raw = [json.dumps(s['statement']['predicate']) for s in r.statements if s['kind'] == 'outcome']
    return None if any(f'"limit": "{limit}"' in x for x in raw) else f'no outcome in the log names the limit {limit}'


def outcome_state(p, r, *want):
    """sluice runs says how it ended, after the next command had its chance to close it."""
    p.sluice('exec', '--', 'true')
    for line in p.sluice('runs', '--json').stdout.decode().split('\n'):
        if line and json.loads(line)['run'] == r.run:
            got = json.loads(line)['state']
            return None if got in want else f'sluice runs says {got!r}, wanted {want}'
    return f'sluice runs does not know {r.run}'


def log_checks(p, r):
    c = p.sluice('log', 'check')
    return None if c.returncode == 0 else f'log check: {c.returncode} {c.stderr.decode()[:200]}'


def size_below(p, r, path, n):
    used = sum(os.lstat(f).st_blocks * 512 for f in files_below(path))
    return None if used <= int(n) else f'{used} bytes in {path}, more than {n}'


def same_text(p, r, path, text):
    try:
        got = read(path).decode('utf-8', 'replace')
    except OSError as e:
        return f'outside: {e}'
    return None if got == text.encode().decode('unicode_escape') else f'outside: {path} holds {got[:80]!r}'


def absent(p, r, *paths):
    return [f'outside: {x} is there' for x in paths if os.path.lexists(x)]


def other_namespaces(p, r):
    """Each namespace that the probe named differs from the caller's."""
    bad = []
    seen = dict(re.findall(r'^(\w+):\[(\d+)\]$', r.text(), re.M))
    for kind in ('cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'):
        mine = re.search(r'\d+', os.readlink('/proc/self/ns/' + kind)).group(0)
        if seen.get(kind, mine) == mine:
            bad.append(f'{kind} namespace is the host\'s, or not shown')
    return bad


def hold_back(p, r, *paths):
    """sluice changes --apply takes these over only when asked by name."""
    to = os.path.join(p.w.dir, 'apply')
    for f in ('.git/hooks', '.github/workflows', 'src'):
        os.makedirs(os.path.join(to, f), exist_ok=True)
    for d, dirs, files in os.walk(to):
        p.w.own(d)
    c = p.sluice('changes', '--apply', to, r.run)
    bad = [f'outside: {x} was applied' for x in paths if os.path.lexists(os.path.join(to, x))]
    if c.returncode not in (0, 1):
        bad.append(f'changes --apply: {c.returncode} {c.stderr.decode()[:200]}')
    for f in files_below(to):
        if os.lstat(f).st_mode & 0o6000:
            bad.append(f'outside: {f} has a set-id bit')
        if p.w.vars['CANARY'].encode() in read(f):
            bad.append(f'outside: {f} holds what the canary holds')
    return bad


def applied(p, r, path):
    """Guards hold_back: an ordinary file did come over."""
    return None if os.path.exists(os.path.join(p.w.dir, 'apply', path)) else f'{path} was not applied'


def annotation_count(p, r, n):
    got = len(r.of('annotation'))
    return None if got <= int(n) else f'{got} annotations'


def stdout_is(p, r, text):
    want = text.encode().decode('unicode_escape').encode()
    return None if r.out == want else f'the output is {r.out[:120]!r}'


def upper_private(p, r):
    """What a run wrote is not for other users of the machine."""
    bad = []
    for d in glob.glob(p.w.vars['HOME'] + '/runs') + [p.w.vars['HOME']]:
        if os.stat(d).st_mode & 0o077:
            bad.append(f'{d} has mode {oct(os.stat(d).st_mode)}')
    return bad
