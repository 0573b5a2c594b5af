# 0044-serve-kill.py -- see 0044-serve-kill.sh.
import http.client
import os
import random
import signal
import threading
import time

import scrapi
from fault import finish, point, same
from served import Served

A = scrapi.key('a')
s = Served('one', dids=[A.did])
acked, lock = {}, threading.Lock()
random.seed(1)


def register(n, i, stop):
    c, k = s.client(), 0
    while not stop.is_set():
        st = scrapi.statement(A, b'%d %d %d' % (n, i, k))
        k += 1
        try:
            r = c.post(st)
        except (OSError, http.client.HTTPException):
            c = s.client()
            time.sleep(0.01)
            continue
        if r.status == 201:
            with lock:
                acked[scrapi.location(st)] = (st, r.body)


for n in range(8):
    stop = threading.Event()
    threads = [threading.Thread(target=register, args=(n, i, stop)) for i in range(4)]
    [t.start() for t in threads]
    time.sleep(0.1 + random.random() * 0.3)
    if n % 2:
        kids = s.children('sluice-http')
        point(len(kids) == 1, 'one sluice-http', kids)
        os.kill(kids[0], signal.SIGKILL)
        same('without its helper the service ends', 5, s.p.wait(timeout=20))
    else:
        s.p.kill()
        s.p.wait()
    stop.set()
    [t.join() for t in threads]
    s.log.close()
    s.start()
    same('the log checks clean', '', s.check())

point(len(acked) > 50, 'many were acknowledged', len(acked))
c, keys, lost = s.client(), s.client().keys(), []
for place, (st, receipt) in acked.items():
    index = scrapi.check_receipt(receipt, st, keys)[0]
    g = c.entry(place)
    if g.status != 200 or scrapi.check_receipt(g.body, st, keys)[0] != index:
        lost.append((place, g.status))
same('none of them is lost', [], lost)
same('no fewer entries than receipts', True, s.kinds()['foreign'] >= len(acked))
same('it ends when it is told to', 0, s.stop())
finish()
