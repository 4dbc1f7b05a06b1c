"""The benches, run by ``./dev bench`` inside ``odoo shell``.

Each bench is a module beside this one, whose ``run(books, sizes)`` yields ``measure.Result``, or prints what it found
and returns nothing. Reads the environment variables KSEF_BENCHES (names, all if empty), KSEF_BENCH_SIZES (numbers of
invoices) and KSEF_BENCH_OUT: the folder that receives ``summary.json``.
"""

import json
import os
from importlib import import_module
from pathlib import Path

from odoo.addons.l10n_pl_ksef_offline.devtools.bench.books import Books

BENCHES = ("sealing", "printing", "backlog")
ROW = "{:<52} {:>8} {:>9} {:>9} {:>7} {:>6}  {}"


def run(env, names, sizes, folder):
    books, summary = Books(env), {}
    print(ROW.format("median times in ms", "invoices", "this", "against", "ratio", "aim", ""))
    for name in names:
        bench = import_module(f"odoo.addons.l10n_pl_ksef_offline.devtools.bench.{name}")
        summary[name] = []
        for result in bench.run(books, sizes) or ():
            print(row(result), flush=True)
            summary[name].append(result.as_dict())
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")


def row(result):
    return ROW.format(
        result.title,
        result.records,
        f"{result.milliseconds:.1f}",
        f"{result.against_milliseconds:.1f}",
        f"{result.ratio:.2f}",
        result.aim or "",
        "MISSED" if result.missed else "",
    ).rstrip()


run(
    env,
    os.environ["KSEF_BENCHES"].split() or BENCHES,
    [int(size) for size in os.environ["KSEF_BENCH_SIZES"].split()],
    Path(os.environ["KSEF_BENCH_OUT"]),
)
