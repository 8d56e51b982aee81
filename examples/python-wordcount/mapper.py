#!/usr/bin/env python3
"""Reads lines, writes `word TAB 1` for each word."""

import sys

from exporter import Exporter

# Words are separated by what the built-in wordcount takes for a space, and bytes stay bytes: str.split() would know more spaces.
SPACES = b" \t\n\r\v\f"


def main():
    exporter = Exporter("map")
    out = sys.stdout.buffer
    for line in sys.stdin.buffer:
        for word in line.translate(bytes.maketrans(SPACES, b" " * len(SPACES))).split(b" "):
            if word:
                out.write(word + b"\t1\n")
    # The results go out before the metrics wait: nobody downstream has to wait with us.
    out.flush()
    exporter.finish()


main()
