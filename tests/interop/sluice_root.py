"""The manifest of a root (doc/PROTOCOL.root), by code that shares nothing with sluice."""
import hashlib
import os
import stat

LEFT_OUT = {b'proc', b'sys', b'dev', b'run', b'tmp'}


def manifest(top, is_stored=False):
    """Of a directory as it would be taken in, or of a tree in the store."""
    out = [b'sluice-root 1\0']

    def walk(directory, prefix):
        for name in sorted(os.listdir(directory)):
            if not prefix and not is_stored and name in LEFT_OUT:
                continue
            path, full = prefix + name, os.path.join(directory, name)
            mode = os.lstat(full).st_mode
            if stat.S_ISLNK(mode):
                out.append(b'l ' + os.readlink(full) + b'\0' + path + b'\0')
            elif stat.S_ISDIR(mode):
                out.append(b'd ' + path + b'\0')
                walk(full, path + b'/')
            else:
                assert stat.S_ISREG(mode), path
                with open(full, 'rb') as f:
                    digest = hashlib.sha256(f.read()).hexdigest().encode()
                out.append((b'x ' if mode & 0o111 else b'f ') + digest + b' ' + path + b'\0')

    walk(os.fsencode(top), b'')
    return b''.join(out)


def name(top):
    return 'sha256:' + hashlib.sha256(manifest(top)).hexdigest()
