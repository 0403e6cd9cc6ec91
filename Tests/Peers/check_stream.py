"""Checks the recordings of recorder.py: see h2check.py for what is checked."""

import argparse
import pathlib
import sys

import h2check
import recording

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=pathlib.Path)
    total = h2check.Verdict()
    for path in sorted(parser.parse_args().directory.glob("*.h2")):
        total.add(recording.check(path))
    sys.exit(h2check.report(total))
