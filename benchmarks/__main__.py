"""`python -m benchmarks [NAME...]`: runs the benchmarks and writes the results to their README."""

from __future__ import annotations

import argparse
import time
from importlib import import_module

from benchmarks import report

BENCHMARKS = ("overhead", "start", "formats", "phone")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args().names or BENCHMARKS
    unknown = sorted(set(names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"no benchmark {', '.join(unknown)}; choose from {', '.join(BENCHMARKS)}")
    began = time.monotonic()
    report.update_readme("machine", report.describe_machine())
    for name in names:
        start = time.monotonic()
        print(f"## {name}", flush=True)
        try:
            report.write(name, import_module(f"benchmarks.{name}").measure())
        except report.Skipped as reason:
            print(f"skipped: {reason}\n", flush=True)
        print(f"({time.monotonic() - start:.0f} s)\n", flush=True)
    print(f"{(time.monotonic() - began) / 60:.1f} minutes; {report.README}")


if __name__ == "__main__":
    main()
