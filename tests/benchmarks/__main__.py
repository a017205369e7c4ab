"""Benchmarks, on request: ``python -m tests.benchmarks [--threads 1] [--device cpu] [name ...]``.

Prints ratios against loops written by hand, measured in this very run.
"""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable, Iterable
from functools import partial

from tests.benchmarks.harness import set_threads


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="which (default: all)")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    set_threads(options.threads)

    # After the number of threads is set.
    import numpy as np
    import torch

    from tests.benchmarks import (
        class_certificates,
        experts,
        hindsight,
        many_samples,
        many_seeds,
        network,
        online,
        projections,
        sharper,
    )

    torch.set_num_threads(options.threads)
    suites: dict[str, Callable[[], Iterable[str]]] = {
        "single": online.single,
        "batched": online.batched,
        "hedge": experts.single,
        "hedge-batched": experts.batched,
        "memory": online.memory,
        "attack-float32": lambda: network.attack(torch.float32, options.device),
        "attack-float64": lambda: network.attack(torch.float64, options.device),
        "attack-linf-float32": lambda: network.attack(torch.float32, options.device, "linf"),
        "round-float32": lambda: network.rounds(torch.float32, options.device),
        "round-float64": lambda: network.rounds(torch.float64, options.device),
        "hindsight": hindsight.table,
        "batch-seeds": lambda: many_seeds.table(options.device),
        "certificates": many_samples.certificates,
        "pieces": many_samples.pieces,
        "classes": class_certificates.table,
        "sharper-caps": sharper.caps,
        "sharper-branches": sharper.branches,
        "sharper-ceilings": sharper.ceilings,
        "projections": projections.table,
    }
    parts = {name: partial(hindsight.hindsight, *case) for name, case in hindsight.CASES.items()}
    known: dict[str, Callable[[], Iterable[str]]] = {**suites, **parts}
    unknown = set(options.names) - set(known)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    device = torch.cuda.get_device_name() if options.device == "cuda" else platform.processor()
    print(f"{options.threads} thread(s), {options.device} {device}, "
          f"NumPy {np.__version__}, torch {torch.__version__}")  # fmt: skip
    print(network.floor())
    for name in options.names or suites:
        print(f"\n{name}")
        for line in known[name]():
            print("  " + line, flush=True)


if __name__ == "__main__":
    main()
