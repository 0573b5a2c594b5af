#!/usr/bin/python3
"""embed.py OUT.c NAME=FILE... -- each FILE as `const unsigned char NAME[]` (a NUL that
does not count behind it) and `const unsigned long NAME_len`, for files that a binary
carries.  Deterministic: depends on nothing but the bytes of the files."""
import sys


def main(argv):
    out = ["/* made by tools/embed.py */"]
    for arg in argv[2:]:
        name, path = arg.split("=", 1)
        with open(path, "rb") as f:
            data = f.read()
        out.append(f"extern const unsigned char {name}[];")
        out.append(f"extern const unsigned long {name}_len;")
        out.append(f"const unsigned long {name}_len = {len(data)};")
        out.append(f"const unsigned char {name}[] = {{")
        for i in range(0, len(data), 16):
            out.append("\t" + " ".join(f"{b}," for b in data[i:i + 16]))
        out.append("\t0\n};")
    with open(argv[1], "w", encoding="ascii") as f:
        f.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main(sys.argv)
