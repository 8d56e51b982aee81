#!/usr/bin/env python3
"""Reads `word TAB count` lines sorted by word, writes one line for each word with the sum."""

import sys

from exporter import Exporter


def main():
    exporter = Exporter("reduce")
    out = sys.stdout.buffer
    current, total = None, 0
    for line in sys.stdin.buffer:
        word, _, count = line.rstrip(b"\n").partition(b"\t")
        if word != current:
            if current is not None:
                out.write(current + b"\t" + str(total).encode() + b"\n")
            current, total = word, 0
        total += int(count)
    if current is not None:
        out.write(current + b"\t" + str(total).encode() + b"\n")
    out.flush()
    exporter.finish()


main()
