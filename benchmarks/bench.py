"""What the program costs: seconds, peak memory and bytes, each the median of several whole processes.

The figures are of this machine at this moment; what travels is the ratios, which are of the same run.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.synthetic import inventory

EXAMPLE = Path(__file__).parent.parent / "examples" / "shop"


@dataclass(frozen=True, slots=True)
class Cost:
    """Medians over the runs of one command."""

    wall: float
    cpu: float
    memory: float
    """Megabytes at the peak."""


def measure(runs: int, *arguments: str) -> Cost:
    """Run the program `runs` times with these arguments."""
    samples = [_once(arguments) for _ in range(runs)]
    return Cost(*(statistics.median(column) for column in zip(*samples, strict=True)))


PROGRAM = """
import atexit, sys
def tell():
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(peak.split()[1], file=sys.stderr)
atexit.register(tell)
from observe.cli import main
main()
"""
"""The program, with its own peak memory (kB) as the last line of stderr. What the kernel tells a parent of its child
begins with the parent's own size, so it cannot be used."""


def _once(arguments: tuple[str, ...]) -> tuple[float, float, float]:
    command = [sys.executable, "-c", PROGRAM, *arguments]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"observe {' '.join(arguments)} ended with {done.returncode}: {done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, int(done.stderr.split()[-1]) / 1024


def size(folder: Path) -> tuple[int, int]:
    """Files and bytes of a pack."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return len(files), sum(path.stat().st_size for path in files)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what the program costs.")
    parser.add_argument("--services", type=int, default=1000, help="size of the synthetic inventory")
    parser.add_argument("--runs", type=int, default=3, help="processes per figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        report(Path(place), options.services, options.runs)


def report(place: Path, services: int, runs: int) -> None:
    """Measure and print."""
    source = place / "inventory.yaml"
    source.write_text(inventory(services), encoding="utf-8")
    print(f"{'':44}{'wall s':>8}{'CPU s':>8}{'MB':>7}")
    show("observe --help", measure(runs, "--help"))
    show("observe validate, example", measure(runs, "validate", "-i", str(EXAMPLE)))
    show(
        "observe build, example, unchanged",
        measure(runs, "build", "-i", str(EXAMPLE), "-o", str(place / "example")),
    )
    fresh = measure_fresh(place, source, runs)
    show(f"observe build, {services} services, to an empty folder", fresh)
    again = measure(runs, "build", "-i", str(source), "-o", str(place / "fresh-0"))
    show(f"observe build, {services} services, unchanged", again)
    floor = plain_writes(place / "fresh-0", place / "floor")
    print(f"of which the file system's own: {floor:.2f} s to create the same files with the same bytes, one by one")
    print(f"unchanged : fresh = {again.cpu / fresh.cpu:.2f} of the CPU time")
    for name, folder in (("example", place / "example"), (f"{services} services", place / "fresh-0")):
        files, bytes_ = size(folder)
        print(f"{name}: {files} files, {bytes_ / 1e6:.2f} MB")


def measure_fresh(place: Path, source: Path, runs: int) -> Cost:
    """The same build into folders that are not there yet."""
    samples = [_once(("build", "-i", str(source), "-o", str(place / f"fresh-{run}"))) for run in range(runs)]
    return Cost(*(statistics.median(column) for column in zip(*samples, strict=True)))


def plain_writes(pack: Path, copy: Path) -> float:
    """Seconds of CPU, the kernel's included, for creating the same files without any program around it."""
    contents = {copy / path.relative_to(pack): path.read_bytes() for path in pack.rglob("*") if path.is_file()}
    started = time.process_time()
    for path, content in contents.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return time.process_time() - started


def show(what: str, cost: Cost) -> None:
    print(f"{what:44}{cost.wall:8.2f}{cost.cpu:8.2f}{cost.memory:7.0f}")


if __name__ == "__main__":
    main()
