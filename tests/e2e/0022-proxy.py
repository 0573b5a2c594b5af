#!/usr/bin/python3
"""0022-proxy.py T names|addresses -- judged from outside: by what the services saw and by
what the record says.  "probe" is the part that runs in the box."""
import json
import os
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time

PROXY = ("127.0.0.1", 3128)
HOST = "127.0.0.9"


# --- in the box ---

def say(data, half=False, wait=5):
    """What the proxy answers until it closes; b'' where it closes without a word."""
    out = b""
    try:
        with socket.create_connection(PROXY, 5) as c:
            c.settimeout(wait)
            for part in data if isinstance(data, list) else [data]:
                c.sendall(part)
                time.sleep(.05 if isinstance(data, list) else 0)
            if half:
                c.shutdown(socket.SHUT_WR)
            while True:
                d = c.recv(65536)
                if not d:
                    break
                out += d
    except socket.timeout:
        out += b"<open>"
    except ConnectionError:
        pass
    return out


def tunnel(c, target):
    host = b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (target, target)
    c.sendall(host)
    head = b""
    while b"\r\n\r\n" not in head:
        d = c.recv(1)
        if not d:
            break
        head += d
    return head


def tls(target, name):
    """The outcome of a handshake through a tunnel."""
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ctx.check_hostname, ctx.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(PROXY, 5) as c:
        head = tunnel(c, target)
        if b" 200 " not in head:
            return head
        try:
            with ctx.wrap_socket(c, server_hostname=name) as s:
                s.sendall(b"GET / HTTP/1.0\r\n\r\n")
                return s.recv(100)
        except (ssl.SSLError, ConnectionError, OSError):
            return b"closed"


def bulk(port):
    """A mebibyte there and back on each of 40 connections at once."""
    bad = []

    def one(i):
        with socket.create_connection(PROXY, 10) as c:
            c.settimeout(30)
            if b" 200 " not in tunnel(c, b"%s:%d" % (HOST.encode(), port)):
                bad.append("no tunnel")
                return
            data = bytes([i]) * (1 << 20)
            threading.Thread(target=lambda: (c.sendall(data), c.shutdown(socket.SHUT_WR))).start()
            got = b""
            while True:
                d = c.recv(65536)
                if not d:
                    break
                got += d
            if got != data:
                bad.append(len(got))
    threads = [threading.Thread(target=one, args=(i,)) for i in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return repr(bad).encode()


def probe():
    job = json.load(sys.stdin)
    out = []
    for c in job["cases"]:
        kind = c["kind"]
        if kind == "say":
            d = [bytes.fromhex(x) for x in c["data"]]
            r = say(d if len(d) > 1 else d[0], c.get("half", False), c.get("wait", 5))
        elif kind == "tls":
            r = tls(c["target"].encode(), c["name"])
        else:
            r = bulk(c["port"])
        out.append(r.hex())
    print(json.dumps(out))


# --- outside ---

class Services:
    """An HTTP one that remembers each connection's bytes, and an echo."""

    def __init__(self, hosts):
        self.seen, self.lock, self.port = [], threading.Lock(), {}
        for name, host, port, serve in hosts:
            k = socket.create_server((host, port), backlog=128)
            self.port[name] = k.getsockname()[1]
            threading.Thread(target=self.accept, args=(k, serve), daemon=True).start()

    def accept(self, k, serve):
        while True:
            c, _ = k.accept()
            threading.Thread(target=self.one, args=(c, serve), daemon=True).start()

    def one(self, c, serve):
        try:
            serve(self, c)
        except OSError:
            pass
        finally:
            c.close()

    def http(self, c):
        got = b""
        c.settimeout(2)
        while b"\r\n\r\n" not in got:
            d = c.recv(65536)
            if not d:
                break
            got += d
        head, _, rest = got.partition(b"\r\n\r\n")
        want = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                want = int(line.split(b":")[1])
        try:
            while len(rest) < want or (b"chunked" in head and not rest.endswith(b"0\r\n\r\n")):
                d = c.recv(65536)
                if not d:
                    break
                rest += d
        except socket.timeout:
            pass
        with self.lock:
            self.seen.append(head + b"\r\n\r\n" + rest)
        if got:
            c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nserved\n")

    def echo(self, c):
        while True:
            d = c.recv(65536)
            if not d:
                return
            c.sendall(d)

    def tls(self, c):
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        ctx.load_cert_chain(T + "/cert.pem", T + "/key.pem")
        with ctx.wrap_socket(c, server_side=True) as s:
            with self.lock:
                self.seen.append(b"TLS")
            s.recv(1000)
            s.sendall(b"HTTP/1.0 200 OK\r\n\r\nserved\n")

    def take(self):
        time.sleep(.1)
        with self.lock:
            s, self.seen = self.seen, []
        return s


N = 0
BAD = 0


def result(is_good, name, detail=""):
    global N, BAD
    N += 1
    print("ok" if is_good else "not ok", N, "-", name, flush=True)
    if not is_good:
        BAD = 1
        print("#", str(detail)[:1500].replace("\n", "\n# "), flush=True)


def sluice(*args, stdin=b"", timeout=90):
    return subprocess.run([os.environ["SLUICE"], *args], input=stdin, capture_output=True, timeout=timeout)


def last_audit():
    runs = sluice("runs", "--json").stdout.decode().splitlines()
    run = json.loads(runs[0])["run"]
    out = sluice("audit", "--json", run)
    rows = [json.loads(x) for x in out.stdout.decode().splitlines()]
    return out, [x for x in rows if x.get("class") == "proxy" and "act" in x]


def box(cases, nets):
    """Their answers, and what the record has of the proxy."""
    args = ["exec", "--read", os.path.abspath(__file__)]
    for n in nets:
        args += ["--net", n]
    r = sluice(*args, "--", "/usr/bin/python3", "-B", os.path.abspath(__file__), "probe",
               stdin=json.dumps({"cases": cases}).encode())
    try:
        got = [bytes.fromhex(x) for x in json.loads(r.stdout)]
    except ValueError:
        result(False, "the probe runs", r.stdout + r.stderr)
        return None, []
    out, rows = last_audit()
    result(out.returncode == 0, "the record verifies, and nothing is without a grant", out.stdout + out.stderr)
    return got, rows


def raw(*data, **more):
    return dict(kind="say", data=[d.hex() for d in data], **more)


def refusals(at):
    """name, what is sent, what is answered, rule, what is in the record's object"""
    h = at.encode()
    port = at.split(":")[1].encode()
    get = b"GET http://%s/x HTTP/1.1\r\nHost: %s\r\n" % (h, h)
    con = lambda t: b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (t, t)
    socks = lambda kind, addr, p=int(port): [b"\5\1\0", b"\5\1\0" + kind + addr + struct.pack(">H", p)]
    name = lambda n: socks(b"\3", bytes([len(n)]) + n)
    return [
        # not listed
        ("a host that is not listed", con(b"evil.example:443"), b" 403 ", "grant.none", "evil.example:443"),
        ("in mixed case", con(b"EVIL.Example:443"), b" 403 ", "grant.none", "evil.example:443"),
        ("another port", con(b"127.0.0.9:1"), b" 403 ", "grant.none", "127.0.0.9:1"),
        ("another address", con(b"127.0.0.8:" + port), b" 403 ", "grant.none", "127.0.0.8:"),
        ("the box's own loopback", con(b"127.0.0.1:3128"), b" 403 ", "grant.none", "127.0.0.1:3128"),
        ("the cloud's metadata", b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n", b" 403 ", "grant.none", "169.254.169.254:80"),
        ("an international name's A-label", con(b"xn--bcher-kva.example:443"), b" 403 ", "grant.none", "xn--bcher-kva.example:443"),
        ("by SOCKS, an address", socks(b"\1", b"\x7f\0\0\1"), b"\5\2", "grant.none", "127.0.0.1:"),
        ("by SOCKS, a name", name(b"evil.example"), b"\5\2", "grant.none", "evil.example:"),
        ("by SOCKS, IPv6", socks(b"\4", b"\0" * 15 + b"\1"), b"\5\2", "grant.none", "[::1]:"),
        # names
        ("a trailing dot", con(b"127.0.0.9.:" + port), b" 400 ", "host.form", "127.0.0.9."),
        ("a decimal address", con(b"2130706441:" + port), b" 400 ", "host.form", "2130706441:"),
        ("an octal address", con(b"0177.0.0.011:" + port), b" 400 ", "host.form", "0177.0.0.011:"),
        ("a hexadecimal address", con(b"0x7f000009:" + port), b" 400 ", "host.form", "0x7f000009:"),
        ("a short address", con(b"127.9:" + port), b" 400 ", "host.form", "127.9:"),
        ("IPv4 as IPv6", con(b"[::ffff:127.0.0.9]:" + port), b" 400 ", "host.form", "[::ffff:"),
        ("percent signs", con(b"%31%32%37.0.0.9:" + port), b" 400 ", "host.form", "%31%32%37"),
        ("an international name", con("bücher.example:443".encode()), b" 400 ", "host.form", "b\\xc3\\xbccher"),
        ("a long label", con(b"a" * 64 + b".example:443"), b" 400 ", "host.form", "a" * 64),
        ("a long name", con(b"a." * 130 + b"example:443"), b" 400 ", "host.form", "a.a.a."),
        ("a NUL", con(b"127.0.0.9\0.example:443"), b" 400 ", "request.form", ""),
        ("a NUL by SOCKS", name(b"127.0.0.9\0.example"), b"\5\2", "host.form", "127.0.0.9\\x00.example"),
        ("a dot by SOCKS", name(b"127.0.0.9."), b"\5\2", "host.form", "127.0.0.9."),
        ("a user, whose password is not recorded", b"GET http://me:secretword@%s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (h, h), b" 400 ", "host.form", at),
        # Host
        ("Host is another than CONNECT's", b"CONNECT %s HTTP/1.1\r\nHost: evil.example:443\r\n\r\n" % h, b" 400 ", "host.differs", at),
        ("Host is another than the target", b"GET http://%s/ HTTP/1.1\r\nHost: evil.example\r\n\r\n" % h, b" 400 ", "host.differs", at),
        ("two of them", get + b"Host: %s\r\n\r\n" % h, b" 400 ", "host.differs", at),
        ("none", b"GET http://%s/ HTTP/1.1\r\n\r\n" % h, b" 400 ", "host.differs", at),
        # requests
        ("both lengths", get + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b" 400 ", "request.length", at),
        ("two lengths", get + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", b" 400 ", "request.length", at),
        ("a coding that is hidden", get + b"Transfer-Encoding: xchunked\r\n\r\n", b" 400 ", "request.length", at),
        ("a bare LF", b"GET http://%s/ HTTP/1.1\nHost: %s\n\n" % (h, h), b" 400 ", "request.line", ""),
        ("a folded line", get + b"X: a\r\n b\r\n\r\n", b" 400 ", "request.line", ""),
        ("a space before the colon", get + b"Content-Length : 4\r\n\r\n", b" 400 ", "request.form", at),
        ("a second request to another", get + b"\r\nGET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n", b" 400 ", "request.second", at),
        ("one after a body", get + b"Content-Length: 2\r\n\r\nabGET / HTTP/1.1\r\nHost: %s\r\n\r\n" % h, b" 400 ", "request.second", at),
        ("one after the chunks", get + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n", b" 400 ", "request.second", at),
        ("a trailer", get + b"Transfer-Encoding: chunked\r\n\r\n0\r\nHost: evil\r\n\r\n", b" 400 ", "request.chunk", at),
        ("a chunk's extension", get + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", b" 400 ", "request.chunk", at),
        ("no proxy's request", b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % h, b" 400 ", "request.form", ""),
        ("https without CONNECT", b"GET https://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (h, h), b" 400 ", "request.scheme", at),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b" 400 ", "request.form", ""),
        ("a large head", get + b"X: " + b"y" * 40000 + b"\r\n\r\n", b" 431 ", "request.size", ""),
        ("many fields", get + b"X: y\r\n" * 200 + b"\r\n", b" 431 ", "request.size", at),
        ("slow headers", [get, b"X: y\r\n"], b" 408 ", "request.slow", ""),
        # SOCKS
        ("SOCKS4", b"\4\1\0\x50\x7f\0\0\x09\0", b" 400 ", "request.form", ""),
        ("a password of SOCKS", b"\5\1\2", b"\5\xff", "socks.method", ""),
        ("BIND of SOCKS", [b"\5\1\0", b"\5\2\0\1\x7f\0\0\x09\0\x50"], b"\5\7", "socks.command", "127.0.0.9:80"),
        ("UDP of SOCKS", [b"\5\1\0", b"\5\3\0\1\x7f\0\0\x09\0\x50"], b"\5\7", "socks.command", "127.0.0.9:80"),
    ]


def check_refusals(s, at):
    cases = refusals(at)
    got, rows = box([raw(*(c[1] if isinstance(c[1], list) else [c[1]]), wait=15) for c in cases], [at])
    if got is None:
        return
    for c, answer in zip(cases, got):
        row = [r for r in rows if r.get("rule") == c[3] and c[4] in r["object"] and r["denied"]]
        result(c[2] in answer and b"served" not in answer and row, "refused and recorded: " + c[0], (answer[:200], rows))
    seen = [x for x in s.take() if x.strip()]
    result(seen == [], "no service saw anything of them", seen)
    result(all(r["denied"] for r in rows), "nothing of it is recorded as allowed", rows)
    result(not any("secretword" in r["object"] for r in rows), "nor is a password", rows)


def check_passed(s, at, echo):
    h = at.encode()
    port = int(at.split(":")[1])
    get = b"GET http://%s/x?y HTTP/1.1\r\nHost: %s\r\n" % (h, h)
    plain = b"GET / HTTP/1.0\r\n\r\n"
    cases = [
        ("plain HTTP", raw(get + b"Connection: X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: me\r\nX-Keep: 2\r\n\r\n"),
         b"GET /x?y HTTP/1.1\r\nHost: %s\r\nX-Keep: 2\r\nConnection: close\r\n\r\n" % h),
        ("in pieces", raw(*[get[i:i + 7] for i in range(0, len(get), 7)], b"\r\n"),
         b"GET /x?y HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % h),
        ("a body", raw(get.replace(b"GET", b"POST") + b"Content-Length: 5\r\n\r\n", b"hello"),
         b"POST /x?y HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello" % h),
        ("chunks", raw(get.replace(b"GET", b"PUT") + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe", b"llo\r\n0\r\n\r\n"),
         b"PUT /x?y HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\n\r\n" % h),
        ("the end of what is sent", raw(get + b"\r\n", half=True), b"GET /x?y HTTP/1.1\r\n"),
        ("HTTP/1.0", raw(b"GET http://%s HTTP/1.0\r\n\r\n" % h), b"GET / HTTP/1.0\r\n"),
        ("CONNECT", raw(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (h, h), plain), plain),
        ("CONNECT and more at once", raw(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (h, h) + plain), plain),
        ("SOCKS5", raw(b"\5\1\0", b"\5\1\0\1\x7f\0\0\x09" + struct.pack(">H", port), plain), plain),
        ("SOCKS5 by text, at once", raw(b"\5\1\0\5\1\0\3\x09127.0.0.9" + struct.pack(">H", port) + plain), plain),
    ]
    got, rows = box([c[1] for c in cases] + [dict(kind="bulk", port=echo)], [at, "%s:%d" % (HOST, echo), HOST + ":1"])
    if got is None:
        return
    seen = s.take()
    for c, answer in zip(cases, got):
        result(b"served" in answer and any(x.startswith(c[2]) for x in seen), "passes: " + c[0], (answer, seen))
    result(not any(b"X-Hop" in x or b"Proxy-Auth" in x for x in seen), "what is for the proxy ends there", seen)
    result(got[-1] == b"[]", "a mebibyte there and back, forty at once", got[-1])
    row = {r["act"]: r for r in rows if r["object"] == at}
    result(sorted(row) == ["connect", "http", "socks5"] and not any(r["denied"] for r in rows),
           "each is in the record, by its way", rows)
    result(all(r["rule"] == "grant.net" and r["covered_by"] == "grant: net " + at for r in row.values()),
           "with what allowed it", rows)
    result(row.get("http", {}).get("count") == 6 and row.get("connect", {}).get("count") == 2, "counted", row)
    more = [r for r in rows if r["object"] == "%s:%d" % (HOST, echo)]
    result(len(more) == 1 and more[0]["count"] == 40 and more[0]["sent"] == more[0]["received"] == 40 << 20,
           "with the bytes of both ways", more)


def check_errors():
    """Listed, but nobody is there."""
    at = HOST + ":1"
    got, rows = box([raw(b"CONNECT %s HTTP/1.1\r\nHost: %s\r\n\r\n" % (at.encode(), at.encode())),
                     raw(b"\5\1\0", b"\5\1\0\1\x7f\0\0\x09\0\1")], [at])
    if got is None:
        return
    result(b" 502 " in got[0] and b"\5\5" in got[1], "an error of the network is passed on", got)
    result(len(rows) == 2 and not any(r["denied"] for r in rows), "as one of the grant", rows)


def check_names(s):
    """TLS must name who is asked for."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=web.example", "-days", "2",
                    "-keyout", T + "/key.pem", "-out", T + "/cert.pem"], capture_output=True, check=True)
    web = "93.184.216.34"
    names = Services([("https", web, 443, Services.tls), ("http", web, 80, Services.http)])
    t = lambda target, name: dict(kind="tls", target=target, name=name)
    con = b"CONNECT web.example:443 HTTP/1.1\r\nHost: web.example:443\r\n\r\n"
    cases = [
        ("TLS to who is asked for", t("web.example:443", "web.example"), True, None, None),
        ("in mixed case", t("WEB.example:443", "web.Example"), True, None, None),
        ("to the address that the name leads to", t(web + ":443", "web.example"), True, None, None),
        ("by name, without TLS elsewhere", raw(b"GET http://web.example/ HTTP/1.1\r\nHost: web.example\r\n\r\n"), True, None, None),
        ("TLS for another", t("web.example:443", "other.example"), False, "tls.name", "web.example:443 (93.184.216.34), TLS for other.example"),
        ("TLS for nobody", t("web.example:443", None), False, "tls.name", "web.example:443"),
        ("TLS for another at the address", t(web + ":443", "other.example"), False, "tls.name", "TLS for other.example"),
        ("no TLS", raw(con, b"GET / HTTP/1.1\r\n\r\n"), False, "tls.form", "web.example:443"),
        ("a cut ClientHello", raw(con, b"\x16\x03\x01\x02\x00\x01", half=True), False, "tls.form", "web.example:443"),
        ("a late ClientHello", raw(con, b"\x16\x03\x01", wait=15), False, "request.slow", "web.example:443"),
        ("another name of the address", t("other.example:443", "other.example"), False, "grant.none", "other.example:443"),
    ]
    got, rows = box([c[1] for c in cases], ["web.example:443", "web.example:80"])
    if got is None:
        return
    for c, answer in zip(cases, got):
        row = [r for r in rows if r["denied"] and r["rule"] == c[3] and c[4] in r["object"]]
        if c[2]:
            result(b"served" in answer, "passes: " + c[0], (answer, rows))
        else:
            result(b"served" not in answer and row, "refused and recorded: " + c[0], (answer, rows))
    seen = [x for x in names.take() if x.strip()]
    result(seen.count(b"TLS") == 3, "the service saw three handshakes", seen)
    row = [r for r in rows if r["object"] == "web.example:443 (93.184.216.34)" and not r["denied"]]
    result(len(row) == 1 and row[0]["received"] > 0 and row[0]["covered_by"] == "grant: net web.example:443",
           "the record has name, address and bytes", rows)
    r = sluice("exec", "--net", "web.example:443", "--", "curl", "-sSk", "https://web.example/")
    result(r.stdout == b"served\n", "curl, https by name", r)


def check_clients(s, at):
    """Programs as they are, by the environment alone."""
    def client(name, want, *cmd, net=at, more=()):
        r = sluice("exec", "--net", net, *more, "--", *cmd)
        rows = [x for x in last_audit()[1] if not x["denied"]] if want else []
        result(want in r.stdout and (rows or not want), name, r)

    url = "http://%s/x" % at
    client("curl", b"served", "curl", "-sS", url)
    client("curl, in a tunnel", b"served", "curl", "-sS", "-p", url)
    client("curl, socks5h", b"served", "curl", "-sS", "-x", "socks5h://127.0.0.1:3128", url)
    client("urllib", b"served", "/usr/bin/python3", "-c", "import urllib.request as u; print(u.urlopen('%s').read())" % url)
    repo = T + "/www/r.git"
    for cmd in (["git", "init", "-q", "--bare", repo],
                ["sh", "-c", "cd %s && t=$(git hash-object -t tree -w /dev/null) && c=$(git -c user.name=a -c user.email=a@b "
                 "commit-tree -m one $t) && git update-ref refs/heads/main $c && "
                 "git symbolic-ref HEAD refs/heads/main && git update-server-info" % repo]):
        subprocess.run(cmd, check=True, capture_output=True)
    port = socket.create_server((HOST, 0)).getsockname()[1]
    web = subprocess.Popen(["/usr/bin/python3", "-m", "http.server", "-b", HOST, "-d", T + "/www", str(port)],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as k:
                if k.connect_ex((HOST, port)) == 0:
                    break
            time.sleep(.05)
        client("git clone", b"one", "sh", "-c", "cd /tmp && git clone -q http://%s:%d/r.git && git -C r log --format=%%s" % (HOST, port),
               net="%s:%d" % (HOST, port))
    finally:
        web.kill()
        web.wait()
    r = sluice("exec", "--", "sh", "-c", "env; curl -sS -x http://127.0.0.1:3128 " + url)
    result(b"proxy" not in r.stdout.lower() and b"served" not in r.stdout and r.returncode == 7,
           "without --net there is no proxy, and none is told of", r)
    r = sluice("exec", "--net", at, "--env", "http_proxy=x", "--", "env")
    result(b"\nhttp_proxy=x\n" in b"\n" + r.stdout and b"https_proxy=http://127.0.0.1:3128" in r.stdout,
           "a variable that is asked for stays as it is", r)
    r = sluice("exec", "--net", "127.0.0.1:3128", "--net", at, "--", "sh", "-c", "echo $http_proxy; curl -sS " + url)
    result(r.stdout == b"http://127.0.0.1:3129\nserved\n", "its port is none of the host's that are listed", r)


def check_policy(at):
    """What the policy asks for has the box made anew, and the proxy goes with it."""
    text = sluice("policy", "show").stdout

    def register(name, new):
        with open(T + "/p.dl", "wb") as f:
            f.write(new)
        r = sluice("policy", "register", T + "/p.dl")
        result(r.returncode == 0, name, r)

    register("a policy that asks for more", text + b'\nrequire_limit("cpu", "process") <- request("exec");\n')
    r = sluice("exec", "--json", "--net", at, "--", "curl", "-sS", "http://%s/x" % at)
    result(r.returncode == 0 and b"served" in r.stdout, "where policy changes the grant", r)
    register("one that forbids it", text.replace(b"// deny if want_net($host, $port);", b"deny if want_net($host, $port);"))
    r = sluice("exec", "--net", at, "--", "true")
    result(r.returncode == 125 and b"want_net" in r.stderr, "where it forbids it", r)
    register("as before", text)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(x) for x in f.read().split()]


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


def check_killed(at):
    p = subprocess.Popen([os.environ["SLUICE"], "exec", "--net", at, "--", "sh", "-c", "echo up; exec sleep 60"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    p.stdout.readline()
    proxy = [x for x in children(p.pid) if comm(x) == "sluice-proxy"]
    inits = [x for x in children(p.pid) if comm(x) == "sluice-init"]
    result(len(proxy) == 1, "one process is the proxy", [comm(x) for x in children(p.pid)])
    with open("/proc/%d/status" % proxy[0]) as f:
        st = f.read()
    result("Seccomp:\t2" in st and "NoNewPrivs:\t1" in st, "it is in a jail", st)
    try:
        fds = [os.readlink("/proc/%d/fd/%s" % (proxy[0], x)) for x in os.listdir("/proc/%d/fd" % proxy[0])]
        result(len(fds) == 5 and all(x.startswith("socket:") or x == "/dev/null" for x in fds),
               "with its channel and its listener alone", fds)
    except PermissionError:
        result(os.geteuid() != 0, "which its own user cannot look into")
    t0 = time.monotonic()
    os.kill(proxy[0], signal.SIGKILL)
    out, err = p.communicate(timeout=20)
    result(p.returncode == 125 and b"its proxy is gone" in err, "without it the box dies", (p.returncode, err))
    result(time.monotonic() - t0 < 5 and not any(os.path.exists("/proc/%d" % x) for x in inits), "at once, and all of it")
    result(sluice("log", "check").returncode == 0, "the log is whole")


def main():
    global T
    T = sys.argv[1]
    s = Services([("http", HOST, 0, Services.http), ("echo", HOST, 0, Services.echo)])
    at = "%s:%d" % (HOST, s.port["http"])
    check_passed(s, at, s.port["echo"])
    check_errors()
    check_refusals(s, at)
    check_clients(s, at)
    check_policy(at)
    check_killed(at)
    if sys.argv[2] == "names":
        check_names(s)
    print("1..%d" % N)
    sys.exit(BAD)


if sys.argv[1] == "probe":
    probe()
else:
    main()
