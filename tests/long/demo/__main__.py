"""The demo, again and again: it passes every time.

usage: python -m tests.long.demo [--times N] [flags of `voltstream demo`]

Each run has a seed of its own. Prints each verdict, with the differences; exits with 1 where one was wrong.
"""

import argparse
import os
import subprocess
import sys
import time


def main() -> int:
    options = argparse.ArgumentParser(prog="make demo-20 ARGS=...")
    options.add_argument("--times", type=int, default=20)
    chosen, flags = options.parse_known_args()
    wrong = 0
    for number in range(1, chosen.times + 1):
        began_s = time.monotonic()
        command = [sys.executable, "-m", "voltstream", "demo", "--json", "--seed", str(number), *flags]
        demo = subprocess.run(command, capture_output=True, text=True, check=False)
        wrong += demo.returncode != 0
        verdict = "right" if demo.returncode == 0 else f"WRONG ({demo.returncode})"
        load = os.getloadavg()[0]
        took_s = time.monotonic() - began_s
        print(f"{number:2} {verdict} in {took_s:.0f} s, load {load:.1f}: {demo.stdout.strip()}", flush=True)
        if demo.returncode:
            print(demo.stderr, flush=True)
    print(f"{chosen.times - wrong} of {chosen.times} were right")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
