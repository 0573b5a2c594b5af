#!/usr/bin/python3
"""An independent verifier of what sluice signs: statements, receipts, bundles.

Written from the RFCs and from doc/PROTOCOL.*; it shares no code with sluice.  It needs
python3-cryptography; sluice_wire.py beside it reads the formats.

    sluice_verify.py [--trust DID]... FILE     a bundle or a transparent statement

Exit status 0: verified; 4: anything else (unknown signer, failed, malformed).

It does not evaluate policies: of a decision it checks what it says about itself, its facts'
form and place, and that its proof is a derivation from these facts whose first matching
policy is the one that the decision names.
"""
import copy
import functools
import hashlib
import json
import pathlib
import re
import struct
import sys
from datetime import datetime, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from sluice_wire import (  # noqa: F401 -- also the library that tests use
    INTOTO, Bad, Checkpoint, Receipt, Sign1, Simple, Statement, Tag, did_to_key, dumps, ed25519,
    inclusion_root, jcs, json_loads, key_id, key_to_did, leaf_hash, loads, need, node_hash,
    open_note, receipt, receipt_root, sha256, split_transparent, statement, thumbprint, tree_root,
    unhex, verify_consistency, verify_transparent)


# ---- What statements say (doc/PROTOCOL.statement, doc/PROTOCOL.log section 6) -------------

KEY, CONTEXT, SEAL, POLICY, TOMBSTONE = (
    'urn:sluice:%s:v1' % x for x in ('key', 'context', 'seal', 'policy', 'tombstone'))
DECISION = 'https://slsa.dev/verification_summary/v1'
OUTCOME = 'https://slsa.dev/provenance/v1'
OBSERVATION = 'https://in-toto.io/attestation/runtime-trace/v0.1'
TYPES = {KEY, CONTEXT, SEAL, POLICY, TOMBSTONE, DECISION, OUTCOME, OBSERVATION}


SCHEMAS = pathlib.Path(__file__).resolve().parent.parent.parent / 'data' / 'schema'
_NAMES = {KEY: 'key', CONTEXT: 'context', SEAL: 'seal', POLICY: 'policy', DECISION: 'decision',
          OUTCOME: 'outcome', OBSERVATION: 'observation', TOMBSTONE: 'tombstone'}
_KINDS = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int,
          'null': type(None)}


@functools.lru_cache(None)
def _schema(name):
    return json.loads((SCHEMAS / (name + '.json')).read_text())


@functools.lru_cache(100000)
def check_payload(payload):
    """The predicate of a payload that was read fits its schema."""
    v = json_loads(payload)
    check_schema(v['predicateType'], v['predicate'])


def check_schema(kind, predicate):
    """A predicate fits data/schema/NAME.json."""
    root = _schema(_NAMES[kind])
    _fits(predicate, root, root, _NAMES[kind])


def _fits(v, schema, root, at):
    """The part of JSON Schema 2020-12 that data/schema uses; other keywords are an error."""
    for k, x in schema.items():
        ok = True
        if k in ('$schema', '$id', '$defs', '$comment', 'title', 'description', 'format'):
            continue
        if k == '$ref':
            part = root
            for name in x.removeprefix('#/').split('/'):
                part = part[name]
            _fits(v, part, root, at)
        elif k == 'type':
            ok = type(v) in [_KINDS[t] for t in (x if isinstance(x, list) else [x])]
        elif k in ('const', 'enum'):
            ok = any(type(v) is type(y) and v == y for y in ([x] if k == 'const' else x))
        elif k == 'pattern':
            ok = not isinstance(v, str) or re.search(x, v) and not v.endswith('\n')
        elif k in ('minimum', 'maximum'):
            ok = type(v) is not int or (v >= x if k == 'minimum' else v <= x)
        elif k in ('minLength', 'minItems'):
            ok = type(v) is not (str if k == 'minLength' else list) or len(v) >= x
        elif k in ('maxLength', 'maxItems'):
            ok = type(v) is not (str if k == 'maxLength' else list) or len(v) <= x
        elif k == 'required':
            ok = not isinstance(v, dict) or set(x) <= set(v)
        elif k in ('properties', 'additionalProperties'):
            mine = schema.get('properties', {})
            for name in v if isinstance(v, dict) else ():
                if k == 'properties' and name in mine:
                    _fits(v[name], mine[name], root, at + '.' + name)
                elif k != 'properties' and name not in mine:
                    need(x is not False, '{}: member {!r} is not known', at, name)
                    _fits(v[name], {} if x is True else x, root, at + '.' + name)
        elif k == 'items':
            for i, y in enumerate(v if isinstance(v, list) else ()):
                _fits(y, x, root, '%s[%d]' % (at, i))
        else:
            raise NotImplementedError('%s: keyword %s of a schema' % (at, k))
        need(ok, '{}: {} is not what the schema wants', at, k)


def run_id(context, nonce):
    return sha256(b'sluice-run' + context + nonce)


def step_id(run, job, leg, index, attempt):
    need(all(0 <= n < 1 << 32 for n in (leg, index, attempt)), 'step: a number beyond 32 bits')
    return sha256(b'sluice-step' + run + job.encode() + b'\0' +
                  struct.pack('>III', leg, index, attempt))


def context_id(predicate):
    """DESIGN section 3: SHA-256 of the deterministic CBOR of the context."""
    return sha256(dumps(predicate))


def member(v, path, kind):
    """v[a][b]... of `path` "a.b", of that type."""
    for k in path.split('.'):
        need(isinstance(v, dict) and k in v, 'statement: no member {}', path)
        v = v[k]
    need(isinstance(v, kind) and (kind is not int or not isinstance(v, bool)),
         'statement: {} is a {}', path, type(v).__name__)
    return v


def seconds(text):
    """RFC 3339 in UTC with milliseconds, as whole seconds since 1970."""
    try:
        t = datetime.strptime(text, '%Y-%m-%dT%H:%M:%S.%fZ').replace(tzinfo=timezone.utc)
    except ValueError:
        raise Bad('statement: time %r' % text)
    need(len(text) == 24, 'statement: time {!r}', text)
    return int(t.timestamp())


def about(st, name, digest, sub):
    """Its one subject, and the subject of its claims."""
    s = st.body['subject']
    need(len(s) == 1 and s[0]['name'] == name, 'statement: subject {!r} is not {}', s[0]['name'], name)
    need(st.subject == digest, 'statement: digest of the subject {}', name)
    need(st.sub == sub, 'statement: sub {!r} is not {}', st.sub, sub)


def check_key(st, identity, role):
    """A key statement of this role; returns the key that it certifies."""
    need(st.type == KEY, 'key statement: wanted, found {}', st.type)
    p = st.predicate
    names = {'identity': {'next'}, 'working': {'build'}}.get(role, set())
    need(set(p) == {'issuer', 'key', 'role'} | names | ({'after'} if role == 'retired' else set()), 'key statement: members {}', sorted(p))
    need(p['role'] == role, 'key statement: role {!r} is not {}', p['role'], role)
    key = did_to_key(p['key'])
    need(p['issuer'] == st.issuer == key_to_did(identity), 'key statement: not by the identity')
    about(st, p['key'], sha256(key), p['key'])
    for n in names:
        need(set(member(p, n, dict)) == {'sha256'}, 'key statement: {}', n)
        unhex(p[n]['sha256'])
    need(key != identity or role == 'identity', 'key statement: key of role {}', role)
    return key


def check_seal(st, origin, key, run):
    """A seal of the tree `origin`; returns its checkpoint."""
    p = st.predicate
    need(set(p) == {'checkpoint', 'key', 'origin', 'root', 'size'} | ({'run'} if run else set()),
         'seal: members {}', sorted(p))
    need(p['origin'] == origin and p['key'] == key_to_did(key), 'seal: origin or key')
    c = Checkpoint(member(p, 'checkpoint', str).encode(), origin, key)
    need(type(p['size']) is int and p['size'] == c.size, 'seal: size')
    need(unhex(p['root']) == c.root, 'seal: root')
    need(not run or unhex(p['run']) == run, 'seal: run')
    about(st, origin, c.root, origin)
    return c


def check_context(st, identity, run, parent=None):
    """A context of a run or of one of its steps (then with the run's context as parent)."""
    p = st.predicate
    need(p.get('v') == 1, 'context: version {}', p.get('v'))
    need(p.get('node') == key_to_did(identity), 'context: of another node')
    unhex(member(p, 'policy', str))
    about(st, 'context', context_id(p), 'run:' + run.hex())
    if parent is not None:
        need(unhex(member(p, 'parent', str)) == parent, 'context: its parent is not the run\'s')


def check_decision(st, identity, run):
    """A decision, a SLSA Verification Summary; returns its member "sluice".  Not checked
    here: that the verdict follows (check_proof does a part of that)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'decision: version {}', s.get('v'))
    ident, kind = unhex(member(s, 'id', str)), member(s, 'kind', str)
    need(unhex(member(s, 'run', str)) == run, 'decision: of another run')
    context = unhex(member(s, 'context', str))
    if kind == 'step':
        x = member(s, 'step', dict)
        want = step_id(run, member(x, 'job', str), member(x, 'leg', int),
                       member(x, 'index', int), member(x, 'attempt', int))
        name = 'step:'
    else:
        need(kind in ('run', 'exec'), 'decision: kind {!r}', kind)
        want = run_id(context, unhex(member(s, 'nonce', str), 16))
        need(want == run, 'decision: run ID does not follow from context and nonce')
        name = 'run:'
    need(ident == want, 'decision: ID does not follow')
    about(st, 'run:' + run.hex(), ident, 'run:' + run.hex())
    urn = 'urn:sluice:'
    need(member(p, 'resourceUri', str) == urn + name + ident.hex(), 'decision: resourceUri')
    need(member(p, 'inputAttestations', list) == [
        {'digest': {'sha256': s['context']}, 'uri': urn + 'context:' + s['context']}],
        'decision: inputAttestations')
    unhex(member(s, 'policy', str))
    need(member(p, 'policy', dict) == {
        'digest': {'sha256': s['policy']}, 'uri': urn + 'policy:' + s['policy']}, 'decision: policy')
    need(member(p, 'verifier.id', str) == key_to_did(identity), 'decision: verifier')
    need(member(p, 'slsaVersion', str) == '1.0', 'decision: slsaVersion')
    verdict = member(s, 'verdict', str)
    need(verdict in ('allow', 'deny'), 'decision: verdict {!r}', verdict)
    need(member(p, 'verificationResult', str) ==
         ('PASSED' if verdict == 'allow' else 'FAILED'), 'decision: verificationResult')
    need(seconds(member(p, 'timeVerified', str)) == member(s, 'time', int), 'decision: time')
    need(member(s, 'fuel_version', int) == 1 and member(s, 'fuel', int) >= 0, 'decision: fuel')
    for k in ('decls', 'facts', 'proof'):
        unhex(member(s, k, str))
    need(('grant' in s) == (verdict == 'allow'), 'decision: grant')
    did_to_key(member(s, 'requester', str))
    return s


_ORDER = {type(None): 0, bool: 1, int: 2, str: 3, 'date': 4, 'bytes': 5, 'set': 6, 'array': 7, 'map': 8}


def _term(t):
    """Sort key of a term (doc/PROTOCOL.policy section 3)."""
    if not isinstance(t, dict):
        need(type(t) in _ORDER, 'facts: a term of type {}', type(t).__name__)
        return (_ORDER[type(t)], t.encode() if isinstance(t, str) else 0 if t is None else t)
    need(len(t) == 1, 'facts: a term of {} members', len(t))
    (kind, v), = t.items()
    need(kind in ('date', 'bytes', 'set', 'array', 'map'), 'facts: a term {!r}', kind)
    if kind == 'date':
        need(type(v) is int and v >= 0, 'facts: a date')
        return (4, v)
    if kind == 'bytes':
        need(isinstance(v, str) and len(v) % 2 == 0, 'facts: bytes')
        return (5, unhex(v, len(v) // 2))
    need(isinstance(v, list), 'facts: a collection')
    rows = [[_term(x) for x in pair] for pair in v] if kind == 'map' else [_term(x) for x in v]
    keys = [r[0] for r in rows] if kind == 'map' else rows
    if kind != 'array':
        need(all(a < b for a, b in zip(keys, keys[1:])), 'facts: a {} out of order', kind)
    need(kind != 'map' or all(len(r) == 2 for r in rows), 'facts: a map')
    return (_ORDER[kind], [x for r in rows for x in r] if kind == 'map' else rows)


@functools.lru_cache(10000)
def read_facts(blob):
    """A fact set in its canonical form: {predicate: [terms, ...]} and the set of facts."""
    v = loads(blob)
    need(isinstance(v, dict) and set(v) == {'v', 'facts'} and v['v'] == 1 and
         isinstance(v['facts'], list), 'facts: form')
    last, out, every = None, {}, set()
    for f in v['facts']:
        need(isinstance(f, list) and len(f) == 3 and isinstance(f[0], str) and
             isinstance(f[1], list) and isinstance(f[2], str), 'facts: form of a fact')
        key = (f[0].encode(), len(f[1]), [_term(t) for t in f[1]], f[2].encode())
        need(last is None or last < key, 'facts: not in canonical order')
        last = key
        out.setdefault(f[0], []).append(f[1])
        every.add(dumps(f))
    return out, every


def _blank(text):
    """Policy text without comments, and with what strings hold blanked; same line ends."""
    out, i = [], 0
    while i < len(text):
        m = _LEXEME.match(text, i)
        if m is None:
            out.append(text[i])
            i += 1
            continue
        x = m.group()
        out.append('"' * (x[0] == '"') + '\n' * x.count('\n'))
        i = m.end()
    return ''.join(out)


_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.S)
_DECL = re.compile(r'decl\s+(\w+)\s*\(([^()]*)\)\s*by\s+(gate|policy)')
_FIRST = re.compile(r'(allow|deny|check|reject)\s+(?:if|all)\b', re.I)


@functools.lru_cache(1000)
def read_policy(blob):
    """The elements of a policy (doc/PROTOCOL.policy section 1): {kind: [line, ...]} with
    kinds "check", "goal", "rule", "fact"."""
    out = {'check': [], 'goal': [], 'rule': [], 'fact': []}
    line = 1
    for part in _blank(utf8(blob)).split(';'):
        body = part.lstrip()
        at = line + part[:len(part) - len(body)].count('\n')
        line += part.count('\n')
        if body:
            m = _FIRST.match(body)
            kind = {'a': 'goal', 'd': 'goal', 'c': 'check', 'r': 'check'}[m.group()[0].lower()] \
                if m else 'rule' if '<-' in body else 'fact'
            out[kind].append(at)
    return out


@functools.lru_cache(1000)
def read_decls(blob):
    """Declarations (section 6): {name: (number of terms, who states it)}."""
    out = {}
    for part in _blank(utf8(blob)).split(';'):
        if part.strip():
            m = _DECL.fullmatch(part.strip())
            need(m and m.group(1) not in out, 'declarations: {!r}', part.strip()[:40])
            out[m.group(1)] = (len([x for x in m.group(2).split(',') if x.strip()]), m.group(3))
    return out


def utf8(blob):
    try:
        return blob.decode()
    except UnicodeDecodeError:
        raise Bad('policy: not UTF-8')


def check_facts(s, blob, identity, decls):
    """What the facts of a decision say about it; decls is None where they are erased."""
    facts, _ = read_facts(blob)
    known = read_decls(decls) if decls is not None else None
    for name, rows in facts.items() if known is not None else ():
        need(all((len(r), 'gate') == known.get(name) for r in rows),
             'facts: {} is not declared so', name)

    def one(name, value):
        need(facts.get(name) == [[value]], 'facts: {} is {}', name, facts.get(name))
    one('request', s['kind'])
    one('requester', s['requester'])
    one('node', key_to_did(identity))
    one('time', {'date': s['time']})
    if s['kind'] == 'step':
        one('in_run', s['run'])
    check_wants(member(s, 'wants', dict), facts)
    if 'grant' in s:
        check_within(s['grant'], s['wants'])


def check_wants(w, facts):
    """The member "wants" and the facts about it say the same (data/facts.decl)."""
    def same(name, rows):
        have = [tuple(r) for r in facts.get(name, [])]
        need(sorted(rows) == have, 'facts: {} is {}, wanted was {}', name, have, sorted(rows))
    for letter, name in ('r', 'want_read'), ('w', 'want_write'), ('x', 'want_exec'):
        same(name, [(x['path'],) for x in member(w, 'fs', list) if letter in x['access']])
    same('want_env', [(x,) for x in member(w, 'env', list)])
    same('want_secret', [(x,) for x in member(w, 'secrets', list)])
    limits = member(w, 'limits', dict)
    same('want_limit', [(k, x['max']) for k, x in limits.items()])
    same('limit_class', [(k, x['class']) for k, x in limits.items()])
    same('want_tty', [(member(w, 'tty', bool),)])
    same('want_workspace', [(member(w, 'workspace.mode', str),)])
    same('root', [(member(w, 'root', str),)])
    same('tier', [(member(w, 'tier', str),)])
    net = w.get('net')
    need(net == 'none' or isinstance(net, list) and net, 'wants: net')
    same('want_net', [(x['host'], x['port']) for x in net] if net != 'none' else [])


def check_proof(s, blob, facts, policy):
    """The proof agrees with the decision, stands on the facts and on the lines of the policy
    (None: erased), and is a DAG."""
    p = loads(blob)
    need(isinstance(p, dict) and p.get('v') == 1, 'proof: version')
    need(p.get('verdict') == s['verdict'], 'proof: verdict')
    for a, b in (('fuel', 'fuel'), ('fuel-version', 'fuel_version'), ('reason', 'reason'),
                 ('message', 'message')):
        need(a in p and p[a] == s.get(b), 'proof: {} is not that of the decision', a)
    lists = [member(p, k, list) for k in ('checks', 'policies', 'rules', 'nodes')]
    checks, policies, rules, nodes = lists
    ids = {member(r, 'id', int) for r in rules}
    for i, n in enumerate(nodes):
        need(isinstance(member(n, 'pred', str), str) and isinstance(member(n, 'args', list), list),
             'proof: node')
        if 'source' in n:
            need(n['source'] == 'policy' or facts is None or
                 dumps([n['pred'], n['args'], n['source']]) in read_facts(facts)[1],
                 'proof: node {} is not among the facts', i)
        else:
            need(member(n, 'rule', int) in ids, 'proof: node {} names no rule', i)
            need(all(type(x) is int and 0 <= x < i for x in member(n, 'from', list)),
                 'proof: node {} does not stand on earlier ones', i)
    for row in checks + policies:
        need(all(type(x) is int and 0 <= x < len(nodes) for x in row.get('from', [])),
             'proof: a check or policy stands on no node')
    if p['reason'] in ('allow', 'deny'):
        need(policies and policies[-1].get('result') == 'match' and
             [r.get('result') for r in policies[:-1]] == ['no-match'] * (len(policies) - 1) and
             all(r.get('result') == 'pass' for r in checks), 'proof: not the first match')
        need(policies[-1]['text'].startswith(p['reason'] + ' if '), 'proof: its policy says else')
        if policy is not None:
            text = read_policy(policy)
            need([r.get('line') for r in checks] == text['check'], 'proof: not all checks')
            need([r.get('line') for r in policies] == text['goal'][:len(policies)],
                 'proof: not all policies up to the match')
            need(all(r['id'] < len(text['rule']) and r['line'] == text['rule'][r['id']]
                     for r in rules), 'proof: rules')
        need(s['rule'] == {k: policies[-1][k] for k in ('line', 'text')}, 'proof: rule')


# What a step can do to its workspace, in this order.
WORKSPACES = {'none': 0, 'read': 1, 'copy': 2, 'overlay': 2, 'direct': 3}


def access_to(fs, path):
    """The access that the longest listed path at or above this one gives."""
    above = [x for x in fs if path == x['path'] or path.startswith(x['path'] + '/')]
    return set(max(above, key=lambda x: len(x['path']))['access']) if above else set()


def check_within(grant, bound):
    """A grant is within another (that of its run) or within what was wanted."""
    need(set(grant) == set(bound), 'grant: members')
    for k, v in grant.items():
        r = bound[k]
        if k == 'limits':
            need(set(v) == set(r), 'grant: limits')
            for name, x in v.items():
                need(0 < x['max'] <= r[name]['max'] and x['class'] == r[name]['class'],
                     'grant: limit {} is beyond', name)
        elif k == 'fs':
            need(all(set(x['access']) <= access_to(r, x['path']) for x in v) and
                 all(access_to(v, x['path']) <= set(x['access']) for x in r), 'grant: fs is beyond')
        elif k == 'workspace':
            need(WORKSPACES[v['mode']] <= WORKSPACES[r['mode']] and
                 v['path'] == ('' if v['mode'] == 'none' else r['path']), 'grant: workspace is beyond')
        elif isinstance(v, list):
            need(isinstance(r, list) and all(x in r for x in v), 'grant: {} is beyond', k)
        else:
            need(v == r or v in (False, 'none'), 'grant: {} is beyond', k)


def check_outcome(st, identity, run):
    """An outcome (SLSA Provenance); returns (member "sluice", digest of its decision)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'outcome: version {}', s.get('v'))
    need(member(p, 'buildDefinition.buildType', str) == 'urn:sluice:run:v1', 'outcome: buildType')
    need(member(p, 'runDetails.builder.id', str) == key_to_did(identity), 'outcome: builder')
    need(member(p, 'buildDefinition.internalParameters.run', str) == run.hex(), 'outcome: run')
    need(member(p, 'runDetails.metadata.invocationId', str) == s.get('id'), 'outcome: invocationId')
    member(s, 'conclusion', str)
    began, ended = (member(p, 'runDetails.metadata.' + k, str) for k in ('startedOn', 'finishedOn'))
    need(seconds(began) and seconds(ended) and began <= ended, 'outcome: ended before it began')
    for x in member({'byproducts': [], **p['runDetails']}, 'byproducts', list):
        unhex(member(x, 'digest.sha256', str))
    return s, unhex(member(p, 'buildDefinition.internalParameters.decision', str))


def check_observation(st, identity, run):
    """An observation (runtime trace); returns (member "sluice", digest of its decision)."""
    p, s = st.predicate, member(st.predicate, 'sluice', dict)
    need(s.get('v') == 1, 'observation: version {}', s.get('v'))
    need(member(p, 'monitoredProcess.event', str) == s.get('id'), 'observation: event')
    need(member(p, 'monitoredProcess.hostID', str) == key_to_did(identity), 'observation: host')
    member(p, 'monitorLog.acts', list)
    return s, unhex(member(s, 'decision', str))


# ---- Bundles (doc/PROTOCOL.bundle; the letters are those of its section 3) ----------------

def check_quote(p, did):
    """A TPM 2.0 quote (TPM 2.0 Library, part 2, 10.12.8) over this boot and this node."""
    t = p['tpm']
    pcrs = sorted((int(k), unhex(v)) for k, v in t['pcrs'].items())
    quote, key, sig = (bytes.fromhex(t[k]) for k in ('quote', 'key', 'signature'))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b'\x04' + key)
    half = [int.from_bytes(sig[i:i + 32], 'big') for i in (0, 32)]
    try:
        public.verify(encode_dss_signature(*half), quote, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        need(False, 'platform: the quote is not signed by its key')
    at = 6
    def take(n):
        nonlocal at
        need(at + n <= len(quote), 'platform: the quote is cut off')
        at += n
        return quote[at - n:at]
    def part():
        return take(int.from_bytes(take(2), 'big'))
    need(quote[:6] == b'\xffTCG\x80\x18', 'platform: not a quote')
    part()  # whose key it is, by name
    nonce = hashlib.sha256(b'sluice-quote' + unhex(p['boot']['sha256']) + did.encode()).digest()
    need(part() == nonce, 'platform: the quote is of another boot or node')
    take(17 + 8)  # clock, firmware
    mask = sum(1 << n for n, _ in pcrs)
    need(take(10) == b'\0\0\0\1\0\x0b\3' + mask.to_bytes(3, 'little'), 'platform: other PCRs')
    digest = hashlib.sha256(b''.join(v for _, v in pcrs)).digest()
    need(part() == digest and at == len(quote), 'platform: other values of the PCRs')


class Tree:
    """One tree of a bundle, its form checked."""

    def __init__(self, v):
        need(isinstance(v, list) and len(v) == 3, 'bundle: a tree is three members')
        self.origin, self.note, entries = v
        need(isinstance(self.origin, str) and isinstance(self.note, bytes) and
             isinstance(entries, list) and entries, 'bundle: members of a tree')
        need(len(self.note) <= 4096, 'bundle: a checkpoint above 4 KiB')
        self.rows = []
        for e in entries:
            need(isinstance(e, list) and len(e) == 3, 'bundle: an entry is three members')
            index, st, proof = e
            need(type(index) is int and index >= 0 and isinstance(st, bytes) and
                 isinstance(proof, bytes), 'bundle: members of an entry')
            need(len(st) <= 16 << 20 and len(proof) <= 64 << 10, 'bundle: an entry too large')
            need(not self.rows or index > self.rows[-1][0], 'bundle: entries out of order')
            self.rows.append((index, st, proof))

    def read(self):
        self.entries = []
        for index, data, _ in self.rows:
            st = copy.copy(statement(data))
            st.index, st.tree = index, self
            self.entries.append(st)

    def close(self, key):
        """e: the checkpoint by this key; each receipt of its size, root, key and origin."""
        c = self.checkpoint = Checkpoint(self.note, self.origin, key)
        for st, (index, _, data) in zip(self.entries, self.rows):
            r = receipt(data)
            need(r.origin == self.origin, 'receipt: of the tree {}', r.origin)
            need(r.key == key, 'receipt: by another key than the checkpoint')
            need((r.index, r.size) == (index, c.size), 'receipt: index or size')
            need(receipt_root(data, st.entry) == c.root, 'receipt: another root than the checkpoint')

    def whole(self):
        """f: every entry from 0 to the size is here, and they hash to the root."""
        need([st.index for st in self.entries] == list(range(self.checkpoint.size)),
             'bundle: {} is not complete', self.origin)
        need(self.root_at(self.checkpoint.size) == self.checkpoint.root, 'bundle: root')

    def root_at(self, size):
        return tree_root([leaf_hash(st.entry) for st in self.entries[:size]])


class Bundle:
    """Everything is checked by the constructor.  did: the identity; counts: of what."""

    def __init__(self, data):
        self._form(data)
        for t in self.trees:
            t.read()
        self._open()
        self._platform_and_identity()
        self._node()
        self._run()
        self._close()
        self._decisions()
        self._results()
        self._blobs()
        self.counts = {'statements': len(self.statements), 'decisions': len(self.decided),
                       'erased': len(self.erased), 'tombstones': len(self.tombs), 'sealed': self.seal is not None}

    def _form(self, data):
        need(len(data) <= 256 << 20, 'bundle: above 256 MiB')
        v = loads(data)
        need(isinstance(v, list) and len(v) == 6 and v[0] == 'sluice-bundle', 'bundle: not one')
        need(type(v[1]) is int and v[1] == 1, 'bundle: version {}', v[1])
        self.run, trees, blobs, erased = v[2:]
        need(isinstance(self.run, bytes) and len(self.run) == 32, 'bundle: run ID')
        need(isinstance(trees, list) and len(trees) in (2, 3), 'bundle: two or three trees')
        for x in (blobs, erased):
            need(isinstance(x, list) and all(isinstance(b, bytes) for b in x), 'bundle: blobs')
        need(all(len(d) == 32 for d in erased), 'bundle: an erased digest')
        self.trees = [Tree(t) for t in trees]
        names = [sha256(b) for b in blobs]
        for x in (names, erased):
            need(all(a < b for a, b in zip(x, x[1:])), 'bundle: blobs or digests out of order')
        need(len(names) + len(erased) <= 400000, 'bundle: too many blobs')
        need(sum(len(t.rows) for t in self.trees) <= 100000, 'bundle: too many statements')
        self.blobs, self.erased = dict(zip(names, blobs)), set(erased)
        need(not self.erased & set(names), 'bundle: a blob is there and erased')
        self.named = set()
        head, did, tail = (self.trees[0].origin.split('/') + ['', ''])[:3]
        self.did, self.identity = did, did_to_key(did)
        want = ['sluice/%s/%s' % (did, x) for x in ('platform', 'node', 'run/' + self.run.hex())]
        need([t.origin for t in self.trees] == want[:len(trees)], 'bundle: origins')
        self.platform, self.node = self.trees[:2]
        self.tree = self.trees[2] if len(trees) == 3 else None

    def _name(self, digest):
        """The blob of a digest that a statement names, None where it is erased."""
        self.named.add(digest)
        need(digest in self.blobs or digest in self.erased, 'bundle: no blob {}', digest.hex())
        return self.blobs.get(digest)

    def _open(self):
        """b, and what hash envelopes hold."""
        self.statements = [st for t in self.trees for st in t.entries]
        for st in self.statements:
            if st.digest is not None:
                blob = self._name(st.digest)
                if blob is not None:
                    st.open(blob)
            need(st.body is None or st.type in TYPES, 'statement: predicateType {}', st.type)
            if st.body is not None:
                check_payload(st.payload)
            need(st.digest is not None or st.type in (KEY, SEAL, POLICY, TOMBSTONE) or
                 st.tree is self.platform, 'statement: a {} in the open', st.type)
            need(st.digest is None or st.type not in (KEY, SEAL, POLICY, TOMBSTONE) and
                 st.tree is not self.platform, 'statement: a {} as a hash envelope', st.type)

    def _platform_and_identity(self):
        """c, d: the first keys, and who signs in the platform tree."""
        first = self.node.entries[0]
        need(first.index == 0, 'bundle: no key statement of the identity')
        need(check_key(first, self.identity, 'identity') == first.key == self.identity,
             'identity: not self-signed')
        e = self.platform.entries
        need(e[0].index == 0 and e[0].key == self.identity, 'platform: key not by the identity')
        self.platform_key = check_key(e[0], self.identity, 'platform')
        for st in e[1:]:
            need(st.key == self.platform_key, 'platform: signed by another key')
            need(st.type == CONTEXT, 'platform: a {}', st.type)
            p = st.predicate
            quoted = p.get('attestation') == 'tpm2'
            need(set(p) - ({'tpm'} if quoted else set()) ==
                 {'level', 'attestation', 'kernel', 'machine', 'boot'} and
                 p['level'] == 0 and p['attestation'] == ('tpm2' if quoted else 'none'),
                 'platform: context')
            if quoted:
                check_quote(p, self.did)
            about(st, 'boot', unhex(member(p, 'boot.sha256', str)), 'platform')

    def _node(self):
        """c, d, section 2: what the node tree shows is exactly what it may, in order."""
        self.working, self.ended, self.policies, rest = {}, {}, {}, []
        self.seal = self.platform_seal = None
        self.now = self.identity
        self.next = unhex(self.node.entries[0].predicate['next']['sha256'])
        self.tombs = set()
        for st in self.node.entries[1:]:
            if st.type == KEY:
                self._key(st)
                continue
            need(self.working.get(st.key, st.index) < st.index < self.ended.get(st.key, 1 << 64),
                 'node: entry {} is not by a working key in use then', st.index)
            if st.type == TOMBSTONE:
                digest = unhex(member(st.predicate, 'erased.sha256', str))
                about(st, 'blob', digest, 'blob:' + digest.hex())
                need(digest in self.erased and digest not in self.tombs,
                     'tombstone: of what is not erased here, or a second one')
                self.tombs.add(digest)
            elif st.type == POLICY:
                self._policy(st)
            elif st.type == SEAL and st.sub == self.platform.origin:
                need(self.platform_seal is None, 'bundle: two seals of the platform')
                self.platform_seal = st
            elif st.type == SEAL:
                need(self.tree and self.seal is None, 'bundle: a seal too many')
                self.seal = st
            else:
                rest.append(st)
        need(len(rest) >= 2 and rest[0].type in (CONTEXT, None) and rest[1].type in (DECISION, None) and
             rest[0].index + 1 == rest[1].index, 'bundle: no context with its decision')
        need(all(st.type in (OUTCOME, None) for st in rest[2:]), 'bundle: more than belongs in it')
        need(all(st.sub == 'run:' + self.run.hex() for st in rest), 'bundle: of another run')
        self.context, self.decision, self.late = rest[0], rest[1], rest[2:]
        need(self.seal is None or all(x.index < self.seal.index for x in rest), 'bundle: after the seal')

    def _key(self, st):
        """Another identity follows by announcement alone, and ends the keys before it."""
        role = st.predicate['role']
        need(role in ('identity', 'working', 'retired'), 'key statement: a {} here', role)
        key = check_key(st, self.now, role)
        if role == 'identity':
            need(sha256(key) == self.next, 'identity: not the one that was announced')
            for k in self.working:
                self.ended.setdefault(k, st.index)
            self.now, self.next = key, unhex(st.predicate['next']['sha256'])
        elif role == 'retired':
            need(key in self.working and key not in self.ended and st.predicate['after'] == st.index,
                 'key statement: it retires no key in use here, or not from here on')
            self.ended[key] = st.index
        else:
            need(key not in self.working, 'key statement: a working key twice')
            self.working[key] = st.index

    def _policy(self, st):
        p = st.predicate
        need(p.get('v') == 1, 'policy: version')
        digest = unhex(member(p, 'policy', str))
        about(st, 'policy', digest, 'policy')
        need(digest not in self.policies, 'bundle: a policy twice')
        self.policies[digest] = st
        self._name(digest)
        self._name(unhex(member(p, 'decls', str)))

    def _run(self):
        """c, d: the run's key, as the decision names it (its seal, where that is erased)."""
        self.run_key = None
        if self.decision.body is not None:
            s = self.decision.predicate.get('sluice', {})
            if 'run_key' in s:
                self.run_key = did_to_key(s['run_key'])
        elif self.seal is not None:
            self.run_key = did_to_key(member(self.seal.predicate, 'key', str))
        if self.tree is None:
            return
        need(self.run_key is not None, 'bundle: nothing names the key of the run')
        need(self.run_key not in {self.identity, self.platform_key, *self.working},
             'bundle: the run\'s key is one of the node\'s')
        for st in self.tree.entries:
            need(st.key == self.run_key, 'run: entry {} is by another key', st.index)
            need(st.sub == 'run:' + self.run.hex(), 'run: entry {} of another run', st.index)

    def _close(self):
        """e, f, g."""
        self.platform.close(self.platform_key)
        signer_of_node = receipt(self.node.rows[0][2]).key
        need(signer_of_node in self.working, 'node: checkpoint not by a working key')
        self.node.close(signer_of_node)
        size = self.node.checkpoint.size
        need(self.working[signer_of_node] < size <= self.ended.get(signer_of_node, 1 << 64),
             'node: checkpoint by a key that was not in use then')
        used = {st.key for st in self.node.entries} | {signer_of_node}
        need(set(self.working) <= used, 'bundle: the certificate of a key that signed nothing')
        self.platform.whole()
        need(self.platform_seal is not None, 'bundle: no seal of the platform')
        c = check_seal(self.platform_seal, self.platform.origin, self.platform_key, None)
        need(0 < c.size <= self.platform.checkpoint.size and
             self.platform.root_at(c.size) == c.root, 'seal: the platform\'s does not follow')
        if self.tree:
            self.tree.close(self.run_key)
            self.tree.whole()
        if self.seal:
            check_seal(self.seal, self.tree.origin, self.run_key, self.run)
            need(self.seal.predicate['checkpoint'].encode() == self.tree.note,
                 'seal: not the checkpoint of the run')

    def _decisions(self):
        """i, k."""
        self.decided = {}   # digest of the statement -> its member "sluice", None: erased
        self._decided(self.context, self.decision)
        top = self.decided[self.decision.entry]
        self.top = top
        allowed = top is None or top['verdict'] == 'allow'
        need(allowed or self.tree is None, 'bundle: a denied run has a tree')
        parent = self.context.subject if self.context.body else top and unhex(top['context'])
        last = None
        for st in self.tree.entries if self.tree else []:
            need(st.type in (CONTEXT, DECISION, OUTCOME, OBSERVATION, None), 'run: a {}', st.type)
            if st.type == DECISION:
                need(last is not None and last.type in (CONTEXT, None), 'decision: no context before it')
                self._decided(last, st, parent)
            elif last is not None and last.type == CONTEXT:
                need(st.body is None, 'context: no decision behind it')
                self.decided[st.entry] = None
            elif st.body is None:
                self.decided[st.entry] = None  # may be one
            last = st
        need(last is None or last.type != CONTEXT, 'context: no decision behind it')
        known = [s for s in self.decided.values() if s]
        need(len({s['id'] for s in known}) == len(known), 'decision: an ID twice')
        times = [s['time'] for s in known]
        need(times == sorted(times), 'decision: back in time')
        need(set(self.policies) == {unhex(s['policy']) for s in known},
             'bundle: policies are not those of its decisions')

    def _decided(self, context, st, parent=None):
        if context.body is not None:
            check_context(context, self.identity, self.run, parent)
        need(st.entry not in self.decided, 'decision: one twice')
        self.decided[st.entry] = None
        if st.body is None:
            return
        s = self.decided[st.entry] = check_decision(st, self.identity, self.run)
        need((s['kind'] == 'step') == (st is not self.decision), 'decision: kind {} here', s['kind'])
        if context.body is not None:
            need(unhex(s['context']) == context.subject, 'decision: context')
            self._agree(context.predicate, s)
        facts, proof, text, decls = (self._name(unhex(s[k])) for k in ('facts', 'proof', 'policy', 'decls'))
        policy = self.policies.get(unhex(s['policy']))
        need(policy and (st.tree is not self.node or policy.index < st.index),
             'decision: its policy was not registered before')
        if facts is not None:
            check_facts(s, facts, self.identity, decls)
        if proof is not None:
            check_proof(s, proof, facts, text)
        if st is not self.decision:
            top = self.decided[self.decision.entry]
            need('run_key' not in s, 'decision: a step with a key')
            if top:
                need(s['time'] >= top['time'], 'decision: back in time')
                if s['verdict'] == 'allow':
                    check_within(s['grant'], top['grant'])

    @staticmethod
    def _agree(c, s):
        """What a context and its decision both say."""
        need(c.get('kind') == s['kind'] and c.get('level') == {'step': 'step'}.get(s['kind'], 'flow'),
             'context: kind or level is not that of its decision')
        need(c['policy'] == s['policy'], 'context: policy is not that of its decision')
        need('act' not in c or c['act'] == s.get('act'), 'context: act is not that of its decision')
        if s['kind'] == 'step':
            need(all(c.get(k) == s['step'][k] for k in ('job', 'leg', 'index')),
                 'context: step is not that of its decision')

    def _results(self):
        """j."""
        seen = set()
        order = [self.decision, *(self.tree.entries if self.tree else []), *self.late]
        at = {st.entry: i for i, st in enumerate(order)}
        for i, st in enumerate(order):
            if st.type == OUTCOME:
                s, decision = check_outcome(st, self.identity, self.run)
            elif st.type == OBSERVATION:
                s, decision = check_observation(st, self.identity, self.run)
            else:
                continue
            need(unhex(member(s, 'run', str)) == self.run, 'result: of another run')
            need(decision in self.decided and at[decision] < i, 'result: names no decision before it')
            need((st.type, decision) not in seen, 'result: a second one of its kind')
            seen.add((st.type, decision))
            d = self.decided[decision]
            ident = unhex(member(s, 'id', str))
            name = 'run:' if decision == self.decision.entry else 'step:'
            about(st, name + ident.hex(), ident, 'run:' + self.run.hex())
            if d is not None:
                need(s['id'] == d['id'], 'result: ID is not that of its decision')
                if st.type == OUTCOME:
                    need(member(st.predicate, 'buildDefinition.externalParameters', dict) ==
                         {'context': d['context'], 'kind': d['kind']}, 'outcome: externalParameters')
            if st in self.late:
                need(s['conclusion'] == 'interrupted', 'outcome: {} in the node tree', s['conclusion'])
            elif st.type == OUTCOME and decision == self.decision.entry:
                need(self.seal is not None, 'bundle: the outcome of the run, and no seal')

    def _blobs(self):
        """h."""
        need(self.named == set(self.blobs) | self.erased, 'bundle: a blob that nothing names')


def main(argv):
    trusted, files = set(), []
    it = iter(argv)
    for a in it:
        if a == '--trust':
            trusted.add(next(it, ''))
        else:
            files.append(a)
    if len(files) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        with open(files[0], 'rb') as f:
            data = f.read()
        if data[:1] == b'\xd2':
            st, receipts = verify_transparent(data)
            dids = {key_to_did(r.key) for r in receipts} | {st.issuer}
            what = '%s in %s at %d' % (st.entry.hex(), receipts[0].origin, receipts[0].index)
            ok = dids <= trusted
        else:
            b = Bundle(data)
            what, ok = 'run %s, %s' % (b.run.hex(), b.counts), b.did in trusted
            dids = {b.did}
    except (Bad, OSError) as e:
        print('failed: %s' % ascii(str(e))[1:-1])
        return 4
    print('%s: %s by %s' % ('verified' if ok else 'unknown-signer', what, ' '.join(sorted(dids))))
    return 0 if ok else 4


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
