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
# d is a link to where it stands: behind it, ".." count from elsewhere
DOT = member('d', L, link='.')
write('esc-link-behind-link.tar', tar(DOT, member('d/./D/d/x', L, link='../../../x')))
write('esc-hard-to-link.tar', tar(member('a/b/l', L, link='../../x'), member('h', H, link='a/b/l')))
write('esc-pax-global-link.tar', tar(OK, member('in', data=b'x'), member('l', L, link='ok'), fmt=PAX, pax_headers={'linkpath': '../x'}))
records = tar(member('in', data=b'x', pax_headers={'path': 'harmless'}), fmt=PAX)[:-10240 + 2048] + tar(OK)
long_name = tar(member('../' + 'a' * 200, data=b'x'))[:1024]
write('esc-long-name-then-pax.tar', long_name + records)
long_link = tar(member('l', L, link='b' * 200))[:1024]
write('unk-two-targets.tar', long_link + tar(member('d/l', L, link='ok', pax_headers={'linkpath': '../other'}), fmt=PAX))
write('plain-many-links.tar', tar(*[member(f'd{i}/l', L, link='../x') for i in range(9000)]))
write('plain-hard-links.tar', tar(OK, DOT, member('h', H, link='dir/ok'), member('d', H, link='dir/ok'), member('e/l', L, link='../d')))
write('unk-too-many-links.tgz', gzip.compress(tar(*[member(f'l{i}', L, link='x') for i in range(17000)])))
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
write('unk-behind.tgz', whole + b'\x1f\x8c' + half)
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


def renamed(extra_name, mode=0o100644, in_directory=True, in_header=True):
    """A zip of one member, with Info-ZIP's Unicode path in either place."""
    x = b'\x01' + struct.pack('<I', zlib.crc32(b'in')) + extra_name
    x = b'\x99\x99\x02\0ab' + struct.pack('<HH', 0x7075, len(x)) + x
    out, data = io.BytesIO(), b'ok'
    with zipfile.ZipFile(out, 'w') as z:
        info = zipfile.ZipInfo('in')
        info.create_system, info.external_attr, info.extra = 3, mode << 16, x
        z.writestr(info, data)
    s = out.getvalue()
    for keep, magic in ((in_header, b'PK\x03\x04'), (in_directory, b'PK\x01\x02')):
        if not keep:  # of another kind, then
            i = s.index(b'\x75\x70', s.index(magic))
            s = s[:i] + b'\x98' + s[i + 1:]
    return s


write('esc-renamed.zip', renamed(b'../up'))
write('esc-renamed-header.zip', renamed(b'..\\up', in_directory=False))
write('esc-renamed-directory.zip', renamed(b'/abs', in_header=False))
write('esc-renamed-link.zip', renamed(b'a/in', 0o120777))
write('plain-renamed.zip', renamed('\u00e9'.encode()))
write('plain-not-renamed.zip', renamed(b'../up', in_directory=False, in_header=False))
write('esc-link-behind-link.zip', made(('d', b'.', 0o120777, S), ('d/d/x', b'../../x', 0o120777, F)))
hidden = made(('../hidden', b'x', 0o100644, S))
hidden = hidden[:hidden.index(b'PK\x01\x02')]
shift = len(hidden)


def with_hidden(s):
    """A member before the directory that the directory does not name."""
    i = s.index(b'PK\x01\x02')
    return s[:i] + hidden + s[i:-6] + struct.pack('<I', i + shift) + s[-2:]


write('unk-hidden.zip', with_hidden(made(FILE)))
write('unk-hidden-alone.zip', with_hidden(made()) if b'PK\x01\x02' in made() else hidden + made()[:-6] + struct.pack('<I', shift) + b'\0\0')
write('plain-one.zip', made(FILE))
write('plain-many.zip', made(*[(f'd{i}/..f', b'x', 0o100644, F) for i in range(3000)]))
write('plain-links.zip', made(FILE, ('dir/l', b'ok', 0o120777, S), ('e/l', b'../dir/' + b'o' * 300, 0o120777, F)))
write('plain-empty.zip', made())


class Pipe(io.RawIOBase):
    """Where nothing can be gone back to: sizes stand behind the content."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, b):
        self.data += b
        return len(b)


pipe = Pipe()
with zipfile.ZipFile(pipe, 'w') as streamed:
    streamed.writestr('in', b'x' * 100)
write('unk-streamed.zip', bytes(pipe.data))
good = made(FILE, ('x', b'y', 0o100644, S))
write('unk-prefix.zip', b'PK\x03\x04' + b'junk' * 9 + good)
write('unk-cut.zip', good[:-30])
write('unk-tail.zip', good + b'more')
write('unk-directory.zip', good.replace(b'PK\x01\x02', b'PK\x01\x03'))
write('unk-count.zip', good[:-12] + struct.pack('<H', 7) + good[-10:])
write('unk-lzma.txz', b'\xfd7zXZ\0' + random.randbytes(100))
write('unk-seven.7z', b"7z\xbc\xaf'\x1c" + random.randbytes(100))
