"""A reader of C2SP tiles (c2sp.org/tlog-tiles), written from the text: a directory with
checkpoint, tile/L/N[.p/W] and tile/entries/N[.p/W].  Everything is checked against the
checkpoint's root, from the entries up."""
import gzip
import pathlib

from sluice_wire import Bad, Checkpoint, leaf_hash, need, node_hash, tree_root


def path(n, width):
    """n in groups of three digits, all but the last behind an x."""
    groups = ['%03d' % (n % 1000)]
    while n >= 1000:
        n //= 1000
        groups.insert(0, 'x%03d' % (n % 1000))
    return '/'.join(groups) + ('' if width == 256 else '.p/%d' % width)


def widths(count):
    """(index, width) of the tiles that hold count things."""
    full, rest = divmod(count, 256)
    return [(i, 256) for i in range(full)] + ([(full, rest)] if rest else [])


def bundle(data):
    """Entries, each behind its length."""
    if data[:2] == b'\x1f\x8b':
        data = gzip.decompress(data)
    out = []
    while data:
        n = int.from_bytes(data[:2], 'big')
        need(len(data) >= 2 + n, 'entries: cut off')
        out.append(data[2:2 + n])
        data = data[2 + n:]
    return out


def levels(leaves):
    """Per level the nodes that its tiles hold: those of full subtrees alone."""
    out = []
    while leaves:
        out.append(leaves)
        nxt = []
        for i in range(len(leaves) // 256):
            row = leaves[i * 256:(i + 1) * 256]
            while len(row) > 1:
                row = [node_hash(a, b) for a, b in zip(row[::2], row[1::2])]
            nxt.append(row[0])
        leaves = nxt
    return out


def read(base, size, root, leaf=leaf_hash):
    """The entries of a tree of that size; Bad unless they and all tiles fit the root."""
    base = pathlib.Path(base)

    def load(name):
        p = base / name
        need(p.is_file(), 'no {}', name)
        return p.read_bytes()

    entries = []
    for n, w in widths(size):
        got = bundle(load('tile/entries/' + path(n, w)))
        need(len(got) == w, 'entries: {} in a tile of {}', len(got), w)
        entries += got
    leaves = [leaf(e) for e in entries]
    need(tree_root(leaves) == root, 'the entries do not have the checkpoint\'s root')
    for level, nodes in enumerate(levels(leaves)):
        for n, w in widths(len(nodes)):
            want = b''.join(nodes[n * 256:n * 256 + w])
            need(load('tile/%d/%s' % (level, path(n, w))) == want, 'tile of level {}', level)
    return entries


def read_log(base, name, key, strict=False):
    c = Checkpoint((pathlib.Path(base) / 'checkpoint').read_bytes(), name, key, strict)
    return c, read(base, c.size, c.root)


__all__ = ['Bad', 'path', 'read', 'read_log', 'widths']
