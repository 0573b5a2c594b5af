"""archives.py DIR -- archives whose name says what is to be found in them: esc-* has members that leave, plain-* has
none, unk-* cannot be looked into, or not to its end."""
import gzip
import io
import os
import random
import struct
import sys
import tarfile
import zipfile
import zlib

D = sys.argv[1]
os.makedirs(D, exist_ok=True)


def write(name, data):
    with open(os.path.join(D, name), 'wb') as f:
        f.write(data)


def member(name, type_=tarfile.REGTYPE, data=b'', link='', mode=0o644, **kw):
    t = tarfile.TarInfo(name)
    t.type, t.linkname, t.mode, t.size = type_, link, mode, len(data)
    for k, v in kw.items():
        setattr(t, k, v)
    return t, data


def tar(*members, fmt=tarfile.GNU_FORMAT, **kw):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode='w', format=fmt, **kw) as t:
        for info, data in members:
            t.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


OK = member('dir/ok', data=b'x' * 700)
L, H = tarfile.SYMTYPE, tarfile.LNKTYPE
UP = member('../up', data=b'x')
PAX = tarfile.PAX_FORMAT


def checksum(block):
    block = bytearray(block)
    block[148:156] = b' ' * 8
    block[148:156] = b'%06o\0 ' % sum(block)
    return bytes(block)


# --- tar ---
for name, m in {
    'abs': member('/etc/x', data=b'x'), 'up': UP, 'mid': member('a/../../b', data=b'x'), 'end': member('a/..', tarfile.DIRTYPE),
    'link-abs': member('l', L, link='/etc'), 'link-up': member('l', L, link='..'), 'link-deep': member('d/l', L, link='../../x'),
    'link-name': member('l', L, link='a/../..'), 'link-slashes': member('a//b', L, link='../../x'),
    'link-dot': member('./l', L, link='../x'), 'hard-abs': member('h', H, link='/etc/passwd'), 'hard-up': member('h', H, link='../x'),
    'chr': member('c', tarfile.CHRTYPE, devmajor=1, devminor=3), 'blk': member('b', tarfile.BLKTYPE, devmajor=7, devminor=0),
    'suid': member('s', mode=0o4755, data=b'x'), 'sgid': member('s', mode=0o2755, data=b'x'),
    'long': member('d' * 90 + '/../../../' + 'e' * 90, data=b'x'), 'longlink': member('l', L, link='../' + 'e' * 200),
    'longhard': member('h', H, link='/' + 'e' * 200),
}.items():
    for fmt, tag in ((tarfile.GNU_FORMAT, 'gnu'), (PAX, 'pax')):
        write(f'esc-{name}-{tag}.tar', tar(OK, m, OK, fmt=fmt))
write('esc-ustar-prefix.tar', tar(OK, member('../' + 'a' * 80 + '/' + 'b' * 60, data=b'x'), fmt=tarfile.USTAR_FORMAT))
write('esc-pax-global.tar', tar(OK, member('in', data=b'x'), fmt=PAX, pax_headers={'path': '../all'}))
write('esc-pax-sparse.tar', tar(member('in', data=b'x', pax_headers={'GNU.sparse.name': '../real'}), fmt=PAX))
write('esc-behind-zeros.tar', tar(OK) + tar(UP))
plain = bytearray(tar(member('h', H, link='dir/ok')))
hidden = tar(UP)[:1024]
plain[124:136] = b'%011o\0' % len(hidden)
plain[:512] = checksum(plain[:512])
write('esc-in-hard-link.tar', bytes(plain[:512]) + hidden + b'\0' * 1024)
v7 = bytearray(tar(member('/abs', data=b'x'))[:512])
v7[257:] = b'\0' * 255
write('esc-v7.tar', checksum(v7) + b'x' * 512 + b'\0' * 1024)
damaged = bytearray(tar(OK, OK))
damaged[1536 + 5] ^= 1
write('unk-checksum.tar', bytes(damaged))
write('esc-behind-damage.tar', bytes(damaged[:2048]) + tar(UP))
write('unk-cut.tar', tar(OK, OK)[:2000])
write('unk-pax-record.tar', tar(member('in', data=b'x', pax_headers={'comment': 'y' * 40}), fmt=PAX).replace(b' comment=', b'1comment='))
write('plain-one.tar', tar(OK))
write('plain-many.tar', tar(*[member(f'd{i}/f', data=b'x' * i) for i in range(1200)]))
write('plain-dots.tar', tar(member('..a/b..c/...', data=b'x'), member('./x', data=b'y'), member('a/./b', data=b'z')))
write('plain-links.tar', tar(OK, member('dir/l', L, link='ok'), member('e/f/l', L, link='../../dir/ok'), member('h', H, link='dir/ok')))
for fmt, tag in ((tarfile.GNU_FORMAT, 'gnu'), (PAX, 'pax')):
    write(f'plain-long-{tag}.tar', tar(member('d' * 90 + '/' + 'e' * 90, data=b'x'), member('l', L, link='e' * 200), fmt=fmt))
write('plain-fifo.tar', tar(member('p', tarfile.FIFOTYPE)))

# --- gzip: every kind of block, and long ones ---
random.seed(1)
words = [random.randbytes(random.randint(1, 12)) for _ in range(500)]
for level in (0, 1, 6, 9):
    for kind, data in (('text', b''.join(random.choices(words, k=150000))), ('noise', random.randbytes(300000)),
                       ('zeros', b'\0' * 3000000), ('far', random.randbytes(32000) * 9)):
        body = member('dir/data', data=data)
        write(f'esc-{kind}-{level}.tgz', gzip.compress(tar(body, UP), level))
        write(f'plain-{kind}-{level}.tgz', gzip.compress(tar(body, OK), level))
for strategy, tag in ((zlib.Z_FIXED, 'fixed'), (zlib.Z_HUFFMAN_ONLY, 'huffman'), (zlib.Z_RLE, 'rle')):
    c = zlib.compressobj(9, zlib.DEFLATED, 31, 9, strategy)
    write(f'esc-{tag}.tgz', c.compress(tar(OK, member('t', data=b'abcabc' * 9000), UP)) + c.flush())
half = tar(OK, UP)
write('esc-members.tgz', gzip.compress(half[:700]) + gzip.compress(half[700:]))
named = bytearray(gzip.compress(tar(OK)))
named[3] = 4 | 8 | 16
write('plain-header.tgz', bytes(named[:10]) + b'\x03\0abc' + b'name\0' + b'comment\0' + bytes(named[10:]))
write('plain-no-tar.gz', gzip.compress(b'just text\n' * 1000))
whole = gzip.compress(tar(OK, member('n', data=random.randbytes(50000))))
write('unk-cut.tgz', whole[:len(whole) // 2])
write('unk-tail.tgz', whole[:-4])
for n, bits in enumerate((b'\x07', b'\x01\x05\0\0\0', b'\x05\xff\xff\xff\xff', b'\x04\x80\x49\x92\x24\x49\x92\x24\x0f\xb4\xff\xff', b'\x03', b'\x4b\x04\x61')):
    write(f'unk-bad-{n}.tgz', b'\x1f\x8b\x08\0\0\0\0\0\0\x03' + bits)
write('unk-bomb.tgz', gzip.compress(gzip.compress(b'', 9) + b'\0' * 300000000, 9))


# --- zip ---
def made(*entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for name, data, mode, how in entries:
            info = zipfile.ZipInfo(name)
            info.filename = name  # as it is: ZipInfo() would tidy it
            info.create_system, info.external_attr, info.compress_type = 3, mode << 16, how
            z.writestr(info, data)
    return out.getvalue()


S, F = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
FILE = ('dir/ok', b'x' * 500, 0o100644, F)
for name, e in {
    'up': ('../up', b'x', 0o100644, F), 'abs': ('/abs', b'x', 0o100644, S), 'back': ('..\\up', b'x', 0o100644, F),
    'back-abs': ('\\abs', b'x', 0o100644, S), 'drive': ('C:x', b'x', 0o100644, S), 'dir': ('a/../../d/', b'', 0o40755, S),
    'link-stored': ('l', b'/etc', 0o120777, S), 'link-deflated': ('d/l', b'../../' + b'a' * 300, 0o120777, F),
    'link-packed': ('l', b'inside', 0o120777, zipfile.ZIP_BZIP2), 'suid': ('s', b'x', 0o104755, F), 'chr': ('c', b'', 0o020666, S),
}.items():
    write(f'esc-{name}.zip', made(FILE, e, FILE[:1] + (b'y',) + FILE[2:]))
two = made(FILE, ('aa/up', b'x', 0o100644, S))
write('esc-two-names.zip', two[:two.find(b'aa/up')] + b'../up' + two[two.find(b'aa/up') + 5:])
write('plain-one.zip', made(FILE))
write('plain-many.zip', made(*[(f'd{i}/..f', b'x', 0o100644, F) for i in range(3000)]))
write('plain-links.zip', made(FILE, ('dir/l', b'ok', 0o120777, S), ('e/l', b'../dir/' + b'o' * 300, 0o120777, F)))
write('plain-empty.zip', made())
good = made(FILE, ('x', b'y', 0o100644, S))
write('unk-prefix.zip', b'PK\x03\x04' + b'junk' * 9 + good)
write('unk-cut.zip', good[:-30])
write('unk-tail.zip', good + b'more')
write('unk-directory.zip', good.replace(b'PK\x01\x02', b'PK\x01\x03'))
write('unk-count.zip', good[:-12] + struct.pack('<H', 7) + good[-10:])
write('unk-lzma.txz', b'\xfd7zXZ\0' + random.randbytes(100))
write('unk-seven.7z', b"7z\xbc\xaf'\x1c" + random.randbytes(100))
