"""`python3 deploy/parts [NAME ...]`: puts the real parts of the tests into $VOLTSTREAM_PARTS (.parts by default).

A part that is there is left alone; one that cannot be had is named in a line. With --strict that ends in status 1.
"""

import argparse
import os
import sys
import time
from pathlib import Path

from catalogue import PARTS, PROJECT
from workshop import Unavailable, obtain, sole_workshop


def main() -> int:
    parser = argparse.ArgumentParser(prog="make parts", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(part.name for part in PARTS)}")
    parser.add_argument("--strict", action="store_true", help="fail when a part cannot be had")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {part.name for part in PARTS}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    parts = Path(os.environ.get("VOLTSTREAM_PARTS") or PROJECT / ".parts").absolute()
    missing = 0
    began = time.monotonic()
    with sole_workshop(parts):
        for part in PARTS:
            if arguments.names and part.name not in arguments.names:
                continue
            print(f"{part.title:20}", end=" ", flush=True)
            try:
                print(obtain(part, parts), flush=True)
            except Unavailable as reason:
                missing += 1
                print(f"cannot be had ({part.purpose}): {reason}", flush=True)
    print(f"{parts}: {missing or 'nothing'} missing, {time.monotonic() - began:.0f} s", flush=True)
    return 1 if missing and arguments.strict else 0


if __name__ == "__main__":
    sys.exit(main())
