"""`python -m benchmarks [NAME...]`: ask all questions or some; the answers go into the README."""

from __future__ import annotations

import argparse
import time
from importlib import import_module

from benchmarks import report

QUESTIONS = ("overhead", "small_routes", "download", "upload", "waiting", "start", "stand_in")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(QUESTIONS))
    names = parser.parse_args().names or QUESTIONS
    unknown = sorted(set(names) - set(QUESTIONS))
    if unknown:
        parser.error(f"no question {', '.join(unknown)}: there are {', '.join(QUESTIONS)}")
    began = time.monotonic()
    report.into_readme("machine", report.machine())
    for name in names:
        start = time.monotonic()
        print(f"## {name}", flush=True)
        try:
            report.write(name, import_module(f"benchmarks.{name}").measure())
        except report.Skipped as reason:
            print(f"skipped: {reason}\n", flush=True)
        print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes; {report.OUTPUT}, {report.README}")


if __name__ == "__main__":
    main()
