#!/usr/bin/python3
"""0045-flow-net.py T names|addresses -- judged from outside: by what the services saw and
by what the record says of each step."""
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time

HOST = "127.0.0.9"
T, MODE = sys.argv[1:3]
N = 0
BAD = 0

# In the box: python3 -c GET HOST PORT [PROXY_PORT]; holds what it opened where told to.
GET = r"""
import socket, sys, time
host, port, way, hold = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:] == ["hold"]
try:
    if way == "direct":
        c = socket.create_connection((host, port), 5)
    else:
        c = socket.create_connection(("127.0.0.1", int(way)), 5)
        c.sendall(("CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n" % (host, port, host, port)).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            d = c.recv(1)
            if not d: break
            head += d
        if b" 200 " not in head:
            print("refused", head.split(b"\r\n")[0].decode())
            sys.exit()
    c.settimeout(5)
    c.sendall(b"hello\n")
    print("got", c.recv(100).decode().strip(), flush=True)
    while hold:
        time.sleep(1)
except OSError as e:
    print("failed", e.strerror or e)
"""


def result(is_good, name, detail=""):
    global N, BAD
    N += 1
    print("ok" if is_good else "not ok", N, "-", name, flush=True)
    if not is_good:
        BAD = 1
        print("#", str(detail)[:3000].replace("\n", "\n# "), flush=True)


class Service:
    """Says a word to each connection, then reads until its end; counts what is open."""

    def __init__(self, word, host=HOST, port=0):
        self.word, self.open, self.n = word, 0, 0
        self.lock = threading.Lock()
        self.sock = socket.create_server((host, port), backlog=64)
        self.at = "%s:%d" % (host, self.sock.getsockname()[1])
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            c, _ = self.sock.accept()
            threading.Thread(target=self.one, args=(c,), daemon=True).start()

    def one(self, c):
        with self.lock:
            self.open += 1
            self.n += 1
        try:
            got = c.recv(65536)
            if got.startswith(b"GET "):
                # How many others there are still.
                body = b"%s %d\n" % (self.word, self.open - 1)
                c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s" % (len(body), body))
            elif got:
                c.sendall(self.word + b"\n")
            while c.recv(65536):
                pass
        except OSError:
            pass
        finally:
            c.close()
            with self.lock:
                self.open -= 1


def sluice(*args, timeout=90, **more):
    return subprocess.run([os.environ["SLUICE"], *args], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=timeout, **more)


def run(flow, *opts, **more):
    with open(T + "/w/f.yml", "w") as f:
        f.write(flow)
    r = sluice("run", *opts, T + "/w/f.yml", **more)
    return r.returncode, (r.stdout + r.stderr).decode()


def audit():
    """The audit's verdict, and rows of the newest run about its network, by step."""
    run = json.loads(sluice("runs", "--json").stdout.decode().splitlines()[0])["run"]
    out = sluice("audit", "--json", run)
    rows = [json.loads(x) for x in out.stdout.decode().splitlines()]
    return out.returncode, run, [x for x in rows if x.get("class") in ("proxy", "connect") and "object" in x]


def give(*at):
    return [x for a in at for x in ("--net", a)]


def script(*lines):
    return "|\n" + "".join("          %s\n" % x for x in lines)


def get(at, way, *more):
    host, port = at.rsplit(":", 1)
    return "/usr/bin/python3 /workspace/get.py %s %s %s %s" % (host, port, way, " ".join(more))


def check_steps(a, b, c):
    """Three services; the job has two, a step one or none."""
    repo = T + "/www/r.git"
    for cmd in (["git", "init", "-q", "--bare", repo],
                ["sh", "-c", "cd %s && t=$(git hash-object -t tree -w /dev/null) && c=$(git -c user.name=a -c user.email=a@b "
                 "commit-tree -m cloned $t) && git update-ref refs/heads/main $c && "
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
        at = "%s:%d" % (HOST, port)
        one = script("curl -sS http://%s/x" % a.at, get(a.at, "direct"), get(b.at, 3128),
                     """/usr/bin/python3 -c 'import urllib.request as u; print(u.urlopen("http://%s/x").read())'""" % b.at,
                     "cd /tmp && git clone -q http://%s/r.git && git -C r log --format=%%s" % at,
                     get(c.at, 3128), get(c.at, "direct"))
        two = script("curl -sS http://%s/x" % a.at, get(a.at, 3128), get(a.at, "direct"), get(b.at, 3128), get(b.at, "direct"))
        three = script("env | grep -ci proxy || true", get(a.at, 3128), get(b.at, "direct"))
        four = script("echo $http_proxy $https_proxy")
        job_b = script(get(a.at, 3128), get(a.at, "direct"), get(b.at, 3128))
        rc, out = run(f"""on: push
sandbox: {{ net: ["{a.at}", "{b.at}", "{at}"] }}
jobs:
  a:
    runs-on: ubuntu-latest
    sandbox: {{ net: ["{a.at}", "{b.at}", "{at}"] }}
    steps:
      - name: one
        run: {one}
      - name: two
        sandbox: {{ net: ["{b.at}"] }}
        run: {two}
      - name: three
        sandbox: {{ net: none }}
        run: {three}
      - name: four
        env: {{ http_proxy: "mine" }}
        run: {four}
  b:
    runs-on: ubuntu-latest
    sandbox: {{ net: ["{b.at}"] }}
    steps:
      - name: one
        run: {job_b}
""", *give(a.at, b.at, at))
    finally:
        web.kill()
        web.wait()
    result(rc == 0, "a flow with a network: exit 0", out)
    say = [x.split("| ", 1)[1] for x in out.splitlines() if "| " in x]
    own = "failed Connection refused"  # the box's own loopback
    no = "refused HTTP/1.1 403 Forbidden"
    want = ["aaa 0", "got aaa", "got bbb", "b'bbb 0\\n'", "cloned", no, own,
            "sluice: no row of the grant lists this host and port", no, own, "got bbb", "got bbb",
            "0", no, own,
            "mine http://127.0.0.1:3128",
            no, own, "got bbb"]
    for i, w in enumerate(want):
        result(i < len(say) and say[i] == w, "line %d: %s" % (i, w), say)
    result(c.n == 0, "what nobody was given saw nobody", c.n)
    rc, rid, rows = audit()
    result(rc == 0, "nothing is without a grant", rows)
    where = lambda x: "%s%s" % (x.get("job"), x.get("step"))
    proxy = [x for x in rows if x["class"] == "proxy"]
    result({where(x) for x in proxy} == {"a0", "a1", "a2", "b0"}, "the record has them by step", proxy)
    allowed = lambda step, at: [x for x in proxy if where(x) == step and x["object"] == at and not x["denied"]]
    refused = lambda step, at: [x for x in proxy if where(x) == step and x["object"] == at and x["denied"]]
    ok = allowed("a0", at)
    result(ok and ok[0]["received"] > 0 and ok[0]["covered_by"] == "grant: net " + at, "what git did, with its bytes", proxy)
    result(refused("a0", c.at) and refused("a0", c.at)[0]["rule"] == "grant.none", "what was not listed", proxy)
    result(not allowed("a1", a.at) and refused("a1", a.at) and allowed("a1", b.at), "the narrower step's", proxy)
    result(not allowed("a2", a.at) and refused("a2", a.at), "that of a step without", proxy)
    result(not allowed("b0", a.at) and refused("b0", a.at) and allowed("b0", b.at), "the narrower job's", proxy)
    direct = {where(x): x["covered_by"] for x in rows if x["class"] == "connect" and x["object"] == a.at}
    result(direct == {"a0": "grant: net " + a.at, "a1": "box: own loopback", "b0": "box: own loopback"},
           "and what was connected without the proxy", direct)
    sluice("export", rid, "-o", T + "/b.bundle")
    r = sluice("verify", T + "/b.bundle")
    result(r.returncode == 0, "the evidence verifies", r)


def check_gone(a):
    """What a step leaves behind has no connection in the next one."""
    one = script("(setsid %s >/tmp/1 2>&1 &) ; (setsid %s >/tmp/2 2>&1 &)" % (get(a.at, 3128, "hold"), get(a.at, "direct", "hold")),
                 "for i in $(seq 100); do grep -q got /tmp/1 && grep -q got /tmp/2 && break; sleep 0.1; done",
                 "curl -sS http://%s/x" % a.at)
    two = script("sleep 0.3; curl -sS http://%s/x" % a.at)
    rc, out = run(f"""on: push
sandbox: {{ net: ["{a.at}"] }}
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - name: one
        run: {one}
      - name: two
        run: {two}
""", *give(a.at))
    say = [x.split("| ", 1)[1] for x in out.splitlines() if "| " in x]
    result(rc == 0 and say[:1] == ["aaa 2"], "two connections of a step's are open", out)
    result(say[1:2] == ["aaa 0"], "none after its end", out)


def check_refused(a, b):
    head = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n"
    rc, out = run(f"""on: push
sandbox: {{ net: ["{a.at}"] }}
jobs:
  a: {{ runs-on: ubuntu-latest, steps: [ {{ run: "true" }} ] }}
""")
    result(rc == 3 and "flow_want" in out, "what no option gives is denied", out)
    rc, out = run(head + f"""    sandbox: {{ net: ["{a.at}"] }}
    steps:
      - run: echo ran
        sandbox: {{ net: ["{b.at}"] }}
""", *give(a.at, b.at))
    result(rc == 2 and "f.yml:8:" in out and "more than the job has" in out and "| ran" not in out,
           "a step that is wider than its job", out)
    rc, out = run(head + f"""    sandbox: {{ net: ["{b.at}"] }}
    steps:
      - run: echo ran
""", *give(a.at))
    result(rc == 2 and "more than the flow has" in out and "| ran" not in out, "a job that is wider than the flow", out)
    rc, out = run(head + """    sandbox: { net: ["2130706433:80"] }
    steps: [ { run: "true" } ]
""", *give(a.at))
    result(rc == 2 and "f.yml:5:" in out, "a host in another form", out)
    rc, out = run(head + "    steps: [ { run: 'echo ran' } ]\n", *give("localhost:%d" % a.port))
    result(rc == 5 and "no address that a name may have (127.0.0.1" in out and "| ran" not in out,
           "a name that leads to the host itself", out)
    n = a.n
    one = script("curl -sS -o /dev/null http://169.254.169.254/latest/", get("127.0.0.1:%d" % a.port, 3128))
    rc, out = run(head + "    steps:\n      - run: " + one, *give(a.at))
    result("refused HTTP/1.1 403" in out and a.n == n, "another address of the host's loopback", out)


def check_profile(a, b):
    os.makedirs(os.environ["SLUICE_HOME"] + "/profiles", mode=0o700, exist_ok=True)
    with open(os.environ["SLUICE_HOME"] + "/profiles/web.yml", "w") as f:
        f.write('description: one service\nwrite: [.]\nnet: ["%s"]\n' % a.at)
    flow = """on: push
jobs:
  a:
    runs-on: ubuntu-latest
    sandbox: { profile: web }
    steps:
      - run: """ + script("curl -sS http://%s/x" % a.at, "curl -sS http://%s/x" % b.at)
    rc, out = run(flow, *give(a.at, b.at))
    result("| aaa 0" in out and "| sluice: no row" in out and "bbb" not in out, "a profile's service, and no other", out)
    rc, out = run(flow, *give(b.at))
    result(rc == 2 and "profile 'web': net '%s' is more" % a.at in out, "which the flow must have", out)


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return [int(x) for x in f.read().split()]


def comm(pid):
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


def memory_has(pid, what):
    """Whether a process's writable memory holds these bytes."""
    with open("/proc/%d/maps" % pid) as f:
        maps = [x.split() for x in f]
    with open("/proc/%d/mem" % pid, "rb", 0) as f:
        for m in maps:
            lo, hi = (int(x, 16) for x in m[0].split("-"))
            if m[1][0] != "r" or m[-1].startswith("[v") or hi - lo > 1 << 30:
                continue
            try:
                f.seek(lo)
                if what in f.read(hi - lo):
                    return True
            except OSError:
                pass
    return False


def check_process(a):
    """The proxy is a process of its own that holds nothing of the run's."""
    with open(T + "/w/f.yml", "w") as f:
        f.write("""on: push
jobs:
  a: { runs-on: ubuntu-latest, steps: [ { run: "echo up; sleep 60" } ] }
  b: { runs-on: ubuntu-latest, steps: [ { run: "true" } ] }
""")
    secret = "sesame-%d" % os.getpid()
    with subprocess.Popen([os.environ["SLUICE"], "run", "--secret", "WORD", *give(a.at), T + "/w/f.yml"],
                          env=dict(os.environ, WORD=secret), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL) as p:
        for line in p.stdout:
            if b"| up" in line:
                break
        proxy = [x for x in children(p.pid) if comm(x) == "sluice-proxy"]
        result(len(proxy) == 1, "one process is the job's proxy", [comm(x) for x in children(p.pid)])
        with open("/proc/%d/status" % proxy[0]) as f:
            st = f.read()
        result("Seccomp:\t2" in st and "NoNewPrivs:\t1" in st, "it is in a jail", st)
        if os.geteuid() == 0:
            with open("/proc/%d/environ" % proxy[0], "rb") as f:
                result(f.read().strip(b"\0") == b"", "without a variable of the caller's")
            result(memory_has(p.pid, secret.encode()), "the supervisor has the secret (or this test sees nothing)")
            result(not memory_has(proxy[0], secret.encode()), "and the proxy has it not")
            fds = [os.readlink("/proc/%d/fd/%s" % (proxy[0], x)) for x in os.listdir("/proc/%d/fd" % proxy[0])]
            result(len(fds) == 5 and all(x.startswith("socket:") or x == "/dev/null" for x in fds),
                   "with its channel and its listener alone", fds)
        inits = [x for x in children(p.pid) if comm(x) == "sluice-init"]
        os.kill(proxy[0], signal.SIGKILL)
        out = p.stdout.read()
        p.wait(20)
    result(p.returncode == 5 and b"its proxy is gone" in out, "without it the box dies, and the run with it", (p.returncode, out))
    result(not any(os.path.exists("/proc/%d" % x) for x in proxy + inits), "nothing of it is left")
    result(sluice("log", "check").returncode == 0, "the log is whole")


def check_names():
    web = Service(b"web", "93.184.216.34", 8080)
    Service(b"inside", "10.1.2.3", 8080)
    flow = """on: push
jobs:
  a:
    runs-on: ubuntu-latest
    steps:
      - run: """ + script("curl -sS http://web.example:8080/x", get("web.example:8080", "direct"), get("inside.example:8080", 3128),
                          get("10.1.2.3:8080", 3128), get("10.1.2.3:8080", "direct"))
    rc, out = run(flow, "--net", web.at.replace("93.184.216.34", "web.example"))
    say = [x.split("| ", 1)[1] for x in out.splitlines() if "| " in x]
    no = "refused HTTP/1.1 403 Forbidden"
    result(say == ["web 0", "got web", no, no, "failed Permission denied"], "a name, and nothing else", out)
    rc, _, rows = audit()
    result(rc == 0 and any(x["object"] == "web.example:8080 (93.184.216.34)" and not x["denied"] and x["class"] == "proxy"
                           for x in rows), "the record has name and address", rows)
    rc, out = run(flow, "--net", "inside.example:8080")
    result(rc == 5 and "no address that a name may have (10.1.2.3, " in out and "|" not in out,
           "a name that leads to a private address: nothing starts", out)
    rc, out = run(flow, "--net", "10.1.2.3:8080")
    result("| got inside" in out, "which is given by its address alone", out)


def main():
    with open(T + "/w/get.py", "w") as f:
        f.write(GET)
    a, b, c = Service(b"aaa"), Service(b"bbb"), Service(b"ccc")
    check_steps(a, b, c)
    check_gone(a)
    check_refused(a, b)
    check_profile(a, b)
    check_process(a)
    if MODE == "names":
        check_names()
    print("1..%d" % N)
    sys.exit(BAD)


main()
