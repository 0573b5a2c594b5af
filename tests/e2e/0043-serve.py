# 0043-serve.py -- see 0043-serve.sh.
import http.client
import json
import os
import socket
import stat
import subprocess

import scrapi
from fault import finish, point, same
from scrapi import Tag, dumps, key, statement
from served import DEFAULT, Served, sl

A, B, STRANGER = key('a'), key('b'), key('nobody knows')
s = Served('one', dids=[A.did, B.did])
c = s.client()
keys = c.keys()

# --- keys
same('the key set has one key', 1, len(keys))
kid = keys[0][2]
same('its kid is the thumbprint', scrapi.w.thumbprint(keys[0][-2]), kid)
import base64  # noqa: E402
b64 = base64.urlsafe_b64encode(kid).decode().rstrip('=')
a = c.ask('GET', '/.well-known/scitt-keys/' + b64, Accept='application/cbor')
same('one key by its kid', (200, 'application/cbor', keys[0]), (a.status, a.type, scrapi.loads(a.body)))
same('keys may be cached', True, 'max-age' in a.headers.get('cache-control', ''))
for name, path in (('unknown', 'A' * 43), ('short', b64[:-1]), ('padded', b64 + '='), ('hex', kid.hex())):
    a = c.ask('GET', '/.well-known/scitt-keys/' + path, Accept='application/cbor')
    same(f'a key by a kid that is {name}', (404, 'No such key'), (a.status, a.problem()[0]))

# --- registration
st = statement(A)
a = c.post(st)
same('a statement is registered', (201, 'application/cose'), (a.status, a.type))
same('its place is its digest', scrapi.location(st), a.location)
index, size = scrapi.check_receipt(a.body, st, keys)
point(size > index > 0, 'its receipt verifies', (index, size))
again = c.post(st)
same('registered again: 201', 201, again.status)
same('the same place', a.location, again.location)
same('and a receipt for the same entry', index, scrapi.check_receipt(again.body, st, keys)[0])
g = c.entry(a.location)
same('its receipt is given again', (200, 'application/cose', a.location), (g.status, g.type, g.location))
same('for the same entry', index, scrapi.check_receipt(g.body, st, keys)[0])
dressed = statement(A, unprotected={394: [b'\x80'], 99: 'x'})
same('with an unprotected header: the same entry', a.location, c.post(dressed).location)
envelope = statement(B, payload=scrapi.sha256(b'secret'), h3=None, h258=-16, h259='text/plain')
r = c.post(envelope)
same('a hash envelope', 201, r.status)
scrapi.check_receipt(r.body, envelope, keys)
for name, k in (('the DID as kid', A.did.encode()), ('a DID URL as kid', (A.did + '#' + A.did[8:]).encode()),
                ('the key as kid', A.public), ('alg -19', None)):
    x = statement(A, payload=name.encode(), **({'h4': k} if k else {'h1': -19}))
    r = c.post(x)
    if same(name, 201, r.status, r.body):
        scrapi.check_receipt(r.body, x, keys)
x = statement(A, payload=b'iat', h15={1: A.did, 2: 'x', 6: Tag(1, 1700000000), 'svn': 'y'})
same('a tagged iat and a claim that nobody knows', 201, c.post(x).status)
x = statement(A, payload=b'z' * 500000)
same('half a megabyte', 201, c.post(x).status)
same('a media type with a parameter', 201, c.post(st, content_type='Application/COSE; cose-type=cose-sign1').status)
same('any type is accepted', 201, c.post(st, accept='text/html, */*;q=0.1').status)
same('a transparent statement verifies here', 0, (
    open(f'{s.home}.t', 'wb').write(dumps(Tag(18, [*scrapi.loads(st).value[:1], {394: [a.body]},
                                                   *scrapi.loads(st).value[2:]]))),
    sl(s.home, 'log', 'check')[0])[1])

# --- what must be refused: nothing of it is registered
prot, unprot, payload, sig = scrapi.loads(st).value
h = scrapi.loads(prot)


def raw(prot_bytes=prot, unprot_bytes=b'\xa0', payload_bytes=dumps(payload), sig_bytes=dumps(sig), tag=b'\xd2', arr=b'\x84'):
    return tag + arr + dumps(prot_bytes) + unprot_bytes + payload_bytes + sig_bytes


bad_sig = bytes([sig[0] ^ 1]) + sig[1:]
other_payload = bytes([payload[0] ^ 1]) + payload[1:]
REFUSED = [ # name, body, title, part of the detail
    ('empty', b'', 'Malformed request', 'empty'),
    ('text', b'hello', 'Malformed request', ''),
    ('an array without a tag', raw(tag=b''), 'Malformed request', '18'),
    ('tag 17', raw(tag=b'\xd1'), 'Malformed request', 'tag'),
    ('tag 98 (COSE_Sign)', raw(tag=b'\xd8\x62'), 'Malformed request', 'tag'),
    ('tag 18 in two bytes', raw(tag=b'\xd8\x12'), 'Malformed request', ''),
    ('three parts', b'\xd2\x83' + dumps(prot) + b'\xa0' + dumps(payload), 'Malformed request', ''),
    ('cut short', st[:-1], 'Malformed request', ''),
    ('a trailing byte', st + b'\0', 'Malformed request', 'trail'),
    ('two statements', st + st, 'Malformed request', 'trail'),
    ('an indefinite array', raw(arr=b'\x9f') + b'\xff', 'Malformed request', ''),
    ('a length of 2^64-1', b'\xd2\x84\x5b' + b'\xff' * 8, 'Malformed request', ''),
    ('a map of 2^63 pairs', raw(unprot_bytes=b'\xbb\x80' + b'\0' * 7), 'Malformed request', ''),
    ('a long head', raw(unprot_bytes=b'\xb8\x00'), 'Malformed request', ''),
    ('40 levels deep', raw(unprot_bytes=b'\xa1\x18\x63' + b'\x81' * 40 + b'\0'), 'Malformed request', 'deep'),
    ('duplicate keys, protected', raw(prot_bytes=b'\xa2\x01\x27\x01\x27'), 'Malformed request', ''),
    ('duplicate keys, unprotected', raw(unprot_bytes=b'\xa2\x18\x63\0\x18\x63\0'), 'Malformed request', ''),
    ('a label in both headers', raw(unprot_bytes=b'\xa1\x03\x60'), 'Malformed request', ''),
    ('text that is not UTF-8', raw(unprot_bytes=b'\xa1\x18\x63\x62\xc3\x28'), 'Malformed request', 'UTF-8'),
    ('the protected header no bstr', b'\xd2\x84' + prot + b'\xa0' + dumps(payload) + dumps(sig), 'Malformed request', ''),
    ('an unknown critical header', statement(A, h2=[4711], h4711=1), 'Malformed request', 'crit'),
    ('crit unprotected', statement(A, unprotected={2: [1]}), 'Malformed request', 'crit'),
    ('crit empty', statement(A, h2=[]), 'Malformed request', 'crit'),
    ('no alg', statement(A, h1=None), 'Malformed request', 'alg'),
    ('no claims', statement(A, h15=None), 'Malformed request', 'iss'),
    ('no iss', statement(A, h15={2: 'x'}), 'Malformed request', 'iss'),
    ('no sub', statement(A, h15={1: A.did}), 'Malformed request', 'sub'),
    ('iss a number', statement(A, h15={1: 7, 2: 'x'}), 'Malformed request', ''),
    ('iss empty', statement(A, h15={1: '', 2: 'x'}), 'Malformed request', 'iss'),
    ('sub too long', statement(A, h15={1: A.did, 2: 'x' * 8193}), 'Malformed request', 'sub'),
    ('claims at 13', statement(A, h13={1: A.did, 2: 'x'}), 'Malformed request', '13'),
    ('no kid', statement(A, h4=None), 'Malformed request', 'kid'),
    ('kid text', statement(A, h4='kid'), 'Malformed request', 'label 4'),
    ('kid of another key', statement(A, h4=scrapi.w.thumbprint(B.public)), 'Malformed request', 'kid'),
    ('detached', raw(payload_bytes=b'\xf6'), 'Payload Missing', 'detached'),
    ('ES256 by an Ed25519 key', statement(A, h1=-7), 'Rejected', 'ES256'),
    ('RS256', statement(A, h1=-257), 'Bad Signature Algorithm', ''),
    ('HMAC', statement(A, h1=5), 'Bad Signature Algorithm', ''),
    ('alg as text', statement(A, h1='none'), 'Bad Signature Algorithm', 'none'),
    ('a wrong signature', raw(sig_bytes=dumps(bad_sig)), 'Rejected', 'signature'),
    ('a short signature', raw(sig_bytes=dumps(sig[:-1])), 'Rejected', 'signature'),
    ('no signature', raw(sig_bytes=b'\x40'), 'Rejected', 'signature'),
    ('another payload', raw(payload_bytes=dumps(other_payload)), 'Rejected', 'signature'),
    ('an issuer that is a URL', statement(A, h15={1: 'https://a.example', 2: 'x'}), 'Rejected', 'a.example'),
    ('a hash envelope with a content type', statement(A, payload=b'1' * 32, h258=-16), 'Malformed request', ''),
    ('a digest of the wrong length', statement(A, payload=b'1' * 31, h3=None, h258=-16), 'Malformed request', 'digest'),
    ('an issuer that policy does not list', statement(STRANGER), 'Rejected', 'no policy allows it'),
]
before = s.kinds()
for name, body, title, detail in REFUSED:
    r = c.post(body)
    same(f'refused: {name}', (400, title), (r.status, r.problem()[0]), r.problem())
    point(detail in r.problem()[1], f'says why: {name}', r.problem()[1])
    if body:
        same(f'not there: {name}', 404, c.entry('/entries/' + base64.urlsafe_b64encode(
            scrapi.sha256(body)).decode().rstrip('=')).status)
after = s.kinds()
same('nothing of all that is registered', before.get('foreign'), after.get('foreign'))
same('refused ones are not stated one by one', before.get('decision'), after.get('decision'))

# --- tiles: those of the checkpoint, read over HTTP, have its root and hold what was registered
r = c.ask('GET', '/checkpoint')
same('a checkpoint', (200, 'text/plain; charset=utf-8'), (r.status, r.type))
size = int(r.body.decode().split('\n')[1])
root = base64.b64decode(r.body.decode().split('\n')[2])
entries, hashes = [], []
for n in range((size + 255) // 256):
    width = min(256, size - 256 * n)
    end = '%03d' % n + ('' if width == 256 else '.p/%d' % width)
    e, t = c.ask('GET', '/tile/entries/' + end), c.ask('GET', '/tile/0/' + end)
    same(f'tiles {end}', (200, 200, 'application/octet-stream', 34 * width, 32 * width),
         (e.status, t.status, t.type, len(e.body), len(t.body)))
    same('they may be kept for ever', True, 'max-age=31536000' in t.headers.get('cache-control', ''))
    entries += [e.body[i + 2:i + 34] for i in range(0, len(e.body), 34)]
    hashes += [t.body[i:i + 32] for i in range(0, len(t.body), 32)]
same('their hashes are those of the entries', [scrapi.w.leaf_hash(x) for x in entries], hashes)
same('and have the root of the checkpoint', root, scrapi.w.tree_root(hashes))
same('what was registered is among them', 1, entries.count(scrapi.sha256(scrapi.canonical(st))))
for path in ('/tile/0/999', '/tile/7/000', '/tile/entries/x999/999', '/tile/0/000.p/255' if size < 255 else '/tile/1/000'):
    r = c.ask('GET', path)
    same(f'no such tile: {path}', (404, 'Not Found'), (r.status, r.problem()[0]))
for path in ('/tile/0/0', '/tile/8/000', '/tile/0/x000/001', '/tile/0/000.p/0', '/tile/0/000.p/256', '/tile/0/../000'):
    r = c.ask('GET', path)
    same(f'no name of a tile: {path}', 400, r.status, r.body)

# --- the log's own commands know a statement of another
shown = sl(s.home, 'log', 'show', '--json', scrapi.sha256(scrapi.canonical(st)).hex())
same('log show: what its header says', (0, 'foreign', A.did),
     (shown[0], json.loads(shown[1])['kind'], json.loads(shown[1])['issuer']) if shown[0] == 0 else shown)
same('log search finds it by its issuer', (0, True), (lambda x: (x[0], '"foreign"' in x[1]))(sl(s.home, 'log', 'search', '--issuer', A.did, '--json')))
for verb in (('tail',), ('tree',), ('check',)):
    same(f'log {verb[0]}', 0, sl(s.home, 'log', *verb)[0])

# --- HTTP
for name, status, title, args in (
        ('another path', 404, 'Not Found', ('GET', '/')),
        ('a path above', 404, 'Not Found', ('GET', '/../entries')),
        ('a path too long', 400, 'Malformed request', ('GET', '/' + 'x' * 2000)),
        ('another method', 405, 'Method Not Allowed', ('DELETE', '/entries')),
        ('GET of what takes POST', 405, 'Method Not Allowed', ('GET', '/entries')),
        ('an entry that is none', 404, 'Not Found', ('GET', '/entries/' + 'A' * 43)),
        ('an entry by hex', 400, 'Invalid locator', ('GET', '/entries/' + '0' * 64)),
        ('an entry by nothing', 404, 'Not Found', ('GET', '/entries/'))):
    r = c.ask(*args)
    same(name, (status, title), (r.status, r.problem()[0]))
same('Allow says which', 'POST', c.ask('GET', '/entries').headers.get('allow'))
same('another media type is refused', (415, 'Unsupported Media Type'),
     (lambda r: (r.status, r.problem()[0]))(c.post(st, content_type='application/cbor')))
same('no media type is refused', 415, c.post(st, content_type=None).status)
same('what it cannot answer with is refused', (406, 'Not Acceptable'),
     (lambda r: (r.status, r.problem()[0]))(c.post(st, accept='application/json')))
c.close()
try:
    r = c.post(b'x' * ((1 << 20) + 1))
    same('a body too large', (413, 'Content Too Large'), (r.status, r.problem()[0]))
except OSError:
    point(True, 'a body too large (cut off)')
c.close()


def talk(data, n=1):
    """Bytes as they are; what comes back until the other side closes or is silent."""
    k = socket.socket(socket.AF_UNIX)
    k.settimeout(5)
    k.connect(s.socket)
    got = b''
    try:
        k.sendall(data)
        while got.count(b'HTTP/1.1') < n or b'\r\n\r\n' not in got:
            more = k.recv(65536)
            if not more:
                break
            got += more
    except OSError:
        pass
    k.close()
    return got


head = b'POST /entries HTTP/1.1\r\nHost: x\r\nContent-Type: application/cose\r\n'
one = head + b'Content-Length: %d\r\n\r\n' % len(st) + st
point(talk(one * 5, 5).count(b'HTTP/1.1 201') == 5, 'five pipelined requests')
chunked = head + b'Transfer-Encoding: chunked\r\n\r\n' + b''.join(b'1\r\n' + st[i:i + 1] + b'\r\n' for i in range(len(st))) + b'0\r\n\r\n'
point(b'HTTP/1.1 201' in talk(chunked), 'a body in chunks of one byte')
point(b'HTTP/1.1 201' in talk(head + b'Expect: 100-continue\r\nContent-Length: %d\r\n\r\n' % len(st) + st, 2), 'Expect: 100-continue')
for name, data in (('not HTTP', b'\x16\x03\x01\0\0'), ('no version', b'GET /\r\n\r\n'), ('a negative length', head + b'Content-Length: -1\r\n\r\n'),
                   ('two lengths', head + b'Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello'),
                   ('a huge chunk', head + b'Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\n'),
                   ('a head without end', b'GET / HTTP/1.1\r\n' + b'A: ' + b'x' * 40000),
                   ('many fields', b'GET / HTTP/1.1\r\n' + b'A: x\r\n' * 5000 + b'\r\n'),
                   ('a NUL in the path', b'GET /entries/%00 HTTP/1.1\r\nHost: x\r\n\r\n'),
                   ('half a body', one[:-20])):
    got = talk(data)
    point(b'HTTP/1.1 2' not in got, f'not answered with success: {name}', got[:100])
slow = [socket.socket(socket.AF_UNIX) for _ in range(200)]
for k in slow:
    k.connect(s.socket)
    k.sendall(one[:50])
same('200 clients that stop half way hold up nobody', 201, c.post(statement(A, b'beside slow ones')).status)
for k in slow:
    k.close()
gone = []
for i in range(50):
    k = socket.socket(socket.AF_UNIX)
    k.connect(s.socket)
    x = statement(A, b'and gone %d' % i)
    gone.append(x)
    k.sendall(head + b'Content-Length: %d\r\n\r\n' % len(x) + x)
    k.close()
same('after 50 that hung up: the service is there', 201, c.post(statement(A, b'after them')).status)
same('GET of an entry that is being added never lies', set(), {c.entry(scrapi.location(x)).status for x in gone} - {200, 404})
same('the socket is its owner\'s alone', 0o600, stat.S_IMODE(os.stat(s.socket).st_mode))

# --- beside it: commands, other policies
p = [subprocess.Popen([os.environ['SLUICE'], 'policy', 'register', f'{s.home}.dl'], env={**os.environ, 'SLUICE_HOME': s.home},
                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(3)]
for i in range(50):
    x = statement(A, b'beside %d' % i)
    r = c.post(x)
    if r.status != 201:
        break
    scrapi.check_receipt(r.body, x, keys)
same('registered while commands run beside it', 201, r.status, r.body)
[q.wait(30) for q in p]
s.policy(scrapi.allow(DEFAULT, B.did))
r = c.post(statement(A, b'by the new policy'))
same('a policy that was registered meanwhile counts at once', (400, 'Rejected'), (r.status, r.problem()[0]))
same('others still may', 201, c.post(statement(B, b'by the new policy')).status)
s.policy(DEFAULT + 'allow if request("register");\n')
same('a policy for everybody', 201, c.post(statement(STRANGER, b'1')).status)
s.policy('deny if request("register"), statement_subject($s), $s.starts_with("secret");\n' + DEFAULT + 'allow if request("register");\n')
r = c.post(statement(STRANGER, b'2', sub='secret/x'))
same('by subject: refused', (400, 'Rejected'), (r.status, r.problem()[0]))
same('by subject: taken', 201, c.post(statement(STRANGER, b'2', sub='open')).status)
code, _, err = sl(s.home, 'serve', '--no-socket')
same('nothing to listen on', 2, code, err)
code, _, err = sl(s.home, 'serve')
point(code == 5 and 'another service' in err, 'a second service on one home is refused', err)

# --- one decision for many
n = s.kinds()
for i in range(30):
    c.post(statement(STRANGER, b'many %d' % i, sub='open'))
for i in range(30):
    c.post(statement(STRANGER, b'many %d' % i, sub='secret/%d' % i))
m = s.kinds()
same('30 are registered', 30, m['foreign'] - n['foreign'])
same('without a further decision', n['decision'], m['decision'])
same('it ends when it is told to', 0, s.stop())
e = s.kinds()
point(e['decision'] > m['decision'], 'what was refused is stated at the end', (m, e))
same('the log checks clean', '', s.check())

# --- the older dialect, and rates
s = Served('old', '--legacy', dids=[A.did])
c = s.client()
st = statement(A)
r = c.post(st)
same('legacy: 303 and where', (303, scrapi.location(st), b''), (r.status, r.location, r.body))
g = c.entry(r.location)
same('legacy: the receipt is there', 200, g.status)
scrapi.check_receipt(g.body, st, c.keys())
same('legacy: ends', 0, s.stop())
s = Served('rate', '--issuer-rate', '5', '--listen', '127.0.0.1:0', '--peer-rate', '3', dids=[A.did])
c = s.client()
got = [c.post(statement(A, b'%d' % i)) for i in range(20)]
late = [r for r in got if r.status == 429]
point(9 < len(got) - len(late) < 15, 'an issuer has what its rate lets it', [r.status for r in got])
same('429 says so, and when', ('Too Many Requests', '1'), (late[0].problem()[0], late[0].headers.get('retry-after')))
port = int(s.said().split('127.0.0.1:')[1].split()[0])
tcp = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
codes = []
for i in range(15):
    tcp.request('GET', '/.well-known/scitt-keys')
    r = tcp.getresponse()
    r.read()
    codes.append(r.status)
same('an address has what its rate lets it', {200, 429}, set(codes))
same('the socket has no such limit', {200}, {c.ask('GET', '/.well-known/scitt-keys').status for i in range(15)})
same('rates: ends', 0, s.stop())
finish()
