"""What does a sweep cost beside the bare runs, and does its memory stay flat?

The same runs are made by `simulate_many` on two threads, by `abm sweep` with one and with two local processes, and
through a Dask scheduler with two workers, in turn; every time is that of the whole command, its start included. Then
a million tiny runs show memory, files and disk.

    python -m experiments.sweep_speed [--quick] [--parts] [--out DIR]

writes `sweep_speed.csv`, `memory.csv` and `memory.png`; with `--parts` only `parts.csv`, the processor time of the
parts of a sweep with two processes, which other work on the machine disturbs less.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from matplotlib.figure import Figure

from abm import simulate_many, sweep
from abm.sweeps import Design
from abm.sweeps.work.executors.local import LocalProcesses

RUNS = """
scenario = "one-market"
[set]
capacity = 200
steps = 200
[replications]
count = {count}
"""
TINY = """
scenario = "one-market"
[set]
capacity = 4
steps = 2
[factors]
network_effect = {{low = 0.0, high = 1.0}}
[design]
points = 10
[replications]
count = {count}
"""


def bare(design: Design) -> float:
    """Seconds that `simulate_many` takes for the runs of a design's only point, on two threads."""
    started = time.perf_counter()
    simulate_many([design.scenario], range(design.replications.count), every=0, threads=2)
    return time.perf_counter() - started


def command(design: Path, out: Path, *options: str) -> float:
    """Seconds that a whole command takes."""
    started = time.perf_counter()
    line = [sys.executable, "-m", "abm", "sweep", str(design), "--out", str(out), *options]
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, timeout=3600)
    return time.perf_counter() - started


@contextlib.contextmanager
def dask_cluster(workers: int) -> Iterator[str]:
    """A scheduler and workers in processes of their own; yields its address."""
    with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as folder:
        about = Path(folder) / "scheduler.json"
        common = ["--host", "127.0.0.1", "--no-dashboard"]
        lines = [["scheduler", "--port", "0", "--scheduler-file", str(about), *common]]
        worker = ["worker", "--scheduler-file", str(about), "--nthreads", "1", *common]
        lines += [[*worker, "--local-directory", folder]] * workers
        for line in lines:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *line], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait, 30)
            stack.callback(process.terminate)
        from distributed import Client

        while not about.exists():
            time.sleep(0.1)
        with Client(scheduler_file=str(about), set_as_default=False) as client:
            client.wait_for_workers(workers, timeout=60)
            yield client.scheduler.address


_ADOPT_ORPHANS = 36  # of Linux's prctl


def processor_seconds(line: list[str]) -> float:
    """Processor seconds of a command and of all processes that it starts, on Linux."""
    ctypes.CDLL(None).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)  # the process from which workers are forked outlives its parent
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(line, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=3600)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def parts(count: int, rounds: int) -> pd.DataFrame:
    """Processor seconds of the parts of a sweep, beside `simulate_many`; medians over rounds."""
    few = 10
    rows = []
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place) / "small.toml", Path(place) / "large.toml"
        small.write_text(RUNS.format(count=few), encoding="utf-8")
        large.write_text(RUNS.format(count=count), encoding="utf-8")
        loaded = Design.load(large)
        bare(Design.load(small))  # loads the kernels

        def imports(text: str) -> float:
            return processor_seconds([sys.executable, "-c", f"import {text}"])

        def swept(design: Path, turn: int) -> float:
            line = [sys.executable, "-m", "abm", "sweep", str(design), "--out", f"{design}-{turn}", "--workers", "2"]
            return processor_seconds(line)

        for turn in range(rounds):
            client, both = imports("abm.sweeps.run"), imports("abm.sweeps.run, distributed")
            worker = imports("abm.sweeps.work.worker, distributed")
            warm = imports("abm.sweeps.work.warm, distributed")
            short = swept(small, turn)
            started = time.process_time()
            bare(loaded)
            raw = time.process_time() - started
            row = {"start of the command and its imports": client, "import of Dask": both - client}
            row |= {"imports of the workers": worker, "load of kernels": warm - worker}
            row["scheduler, start of workers, tables, end"] = short - both - warm - few * raw / count
            row[f"sweep of {few} runs"] = short
            row[f"simulate_many, {count:,} runs"] = raw
            row[f"sweep of {count:,} runs"] = swept(large, turn)
            rows.append(row)
    frame = pd.DataFrame(rows)
    frame[f"ratio at {count:,} runs"] = frame[f"sweep of {count:,} runs"] / frame[f"simulate_many, {count:,} runs"]
    return frame.median().rename("median").rename_axis("part").reset_index()


def first_chunk(design: Design, folder: Path) -> float:
    """Seconds from the call to the first chunk that is done."""
    started, found = time.perf_counter(), []
    sweep(design, folder, workers=2, watch=lambda p: found.append(time.perf_counter()) if p.fresh else None)
    return found[0] - started


def times(count: int, rounds: int) -> pd.DataFrame:
    """Every way in turn, `rounds` times."""
    rows = []
    with tempfile.TemporaryDirectory() as place, dask_cluster(2) as address:
        folder, design = Path(place), Path(place) / "design.toml"
        design.write_text(RUNS.format(count=count), encoding="utf-8")
        loaded = Design.load(design)
        bare(loaded)
        for turn in range(rounds):
            row = {"simulate_many, 2 threads": bare(loaded)}
            row["sweep, 2 processes"] = command(design, folder / f"two-{turn}", "--workers", "2")
            row["sweep, 1 process"] = command(design, folder / f"one-{turn}", "--workers", "1")
            row["sweep, Dask, 2 workers"] = command(design, folder / f"dask-{turn}", "--scheduler", address)
            row["finished sweep again"] = command(design, folder / f"two-{turn}")
            row["first chunk"] = first_chunk(loaded, folder / f"first-{turn}")
            rows.append(row)
    return pd.DataFrame(rows)


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Target, measured value, and the range over rounds."""
    two, one = frame["sweep, 2 processes"], frame["sweep, 1 process"]
    raw, through_dask = frame["simulate_many, 2 threads"], frame["sweep, Dask, 2 workers"]
    figures = {
        "overhead over simulate_many, 2 processes": (two / raw - 1.0, "<= 0.05"),
        "efficiency of two local processes": (one / (2.0 * two), ">= 0.9"),
        "efficiency of two Dask workers": (one / (2.0 * through_dask), ">= 0.9"),
        "finished sweep again, s": (frame["finished sweep again"], "<= 2"),
        "first chunk done after, s": (frame["first chunk"], "<= 5"),
    }
    rows = [
        {"figure": name, "median": values.median(), "least": values.min(), "most": values.max(), "to reach": goal}
        for name, (values, goal) in figures.items()
    ]
    return pd.DataFrame(rows)


def memory(count: int) -> tuple[pd.DataFrame, dict[str, float]]:
    """Memory of the client while many tiny runs are made, and what is on the disk at the end."""
    own = psutil.Process()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        design = Design.from_toml(TINY.format(count=count // 10))
        started = time.perf_counter()

        def watch(progress) -> None:
            rows.append((progress.done, own.memory_info().rss / 1e6))

        results = sweep(design, folder, executor=LocalProcesses(2), watch=watch)
        rows.append((results.summary["done"], own.memory_info().rss / 1e6))
        files = list(Path(folder).iterdir())
        facts = {
            "runs": results.summary["done"],
            "seconds": time.perf_counter() - started,
            "files": len(files),
            "MB on the disk": sum(file.stat().st_size for file in files) / 1e6,
        }
    return pd.DataFrame(rows, columns=["runs", "client_MB"]), facts


def picture(frame: pd.DataFrame) -> Figure:
    """The client's memory against the runs done."""
    figure = Figure(figsize=(7, 4), dpi=110, layout="constrained")
    axes = figure.subplots()
    axes.plot(frame["runs"], frame["client_MB"], color="#0072B2")
    axes.set(xlabel="runs done", ylabel="memory of the client, MB", ylim=(0, frame["client_MB"].max() * 1.2))
    axes.annotate("merging the tables", (frame["runs"].iloc[-1], frame["client_MB"].max()), (-8, -4),
                  textcoords="offset points", ha="right", va="top", color="0.3")  # fmt: skip
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, one round")
    parser.add_argument("--out", type=Path, default=Path("results/sweep_speed"))
    parser.add_argument("--parts", action="store_true", help="only the processor time of a sweep's parts")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.parts:
        found = parts(500 if options.quick else 10_000, 1 if options.quick else 3)
        found.to_csv(options.out / "parts.csv", index=False, float_format="%.4g")
        print(found.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
        return
    reached = verdicts(times(500 if options.quick else 10_000, 1 if options.quick else 3))
    frame, facts = memory(20_000 if options.quick else 1_000_000)
    reached.to_csv(options.out / "sweep_speed.csv", index=False, float_format="%.4g")
    chosen = np.unique(np.linspace(0, len(frame) - 1, 50).astype(int))
    frame.iloc[chosen].to_csv(options.out / "memory.csv", index=False, float_format="%.5g")
    picture(frame).savefig(options.out / "memory.png")
    print(reached.to_string(index=False, float_format=lambda value: f"{value:.3g}"))
    print(", ".join(f"{name}: {value:,.0f}" for name, value in facts.items()))
    print(f"client: {frame['client_MB'].iloc[0]:.0f} MB at the start, {frame['client_MB'].max():.0f} MB at most")


if __name__ == "__main__":
    main()
