"""What do customers who attract customers do to a market? A worked example of a sweep and its comparison.

§3.3 of the article: scale attracts. The four sectors with network effects of 0, 0.5 and 0.9, each with the same seeds,
are swept and compared; `report.html` in the folder of results is what `abm compare` writes.

    python -m experiments.compare [--quick] [--out DIR]
"""

import tempfile
from pathlib import Path

from abm import compare, sweep
from abm.sweeps import Design
from experiments.common import experiment, shown

DESIGN = """
scenario = "four-sectors"
[factors]
network_effect = [0.0, 0.5, 0.9]
[replications]
count = {count}
seed = 1
[collect]
steps = 10
lives = true
"""


def main() -> None:
    """Sweep, compare and report what differs."""
    with experiment(__doc__, "compare") as out, tempfile.TemporaryDirectory() as place:
        design = Design.from_toml(DESIGN.format(count=out.runs(200, 4)), "network-effect")
        sweep(design, Path(place) / "network-effect")
        compared = Path(place) / "compared"
        found = compare([Path(place) / "network-effect"], out=compared)
        for file in compared.iterdir():
            if file.suffix in (".csv", ".html"):
                (out.folder / file.name).write_bytes(file.read_bytes())
        table = found.comparison.set_index(["outcome", "group"])
        for name, unit in (("sector_hhi", ""), ("firms", " firms"), ("weighted_R", ""), ("survival", "")):
            for group in ("0.5", "0.9"):
                row = table.loc[(name, group)]
                difference = shown(row["difference"], row["difference_low"], row["difference_high"])
                apart = row["p_holm"] < 0.05
                out.answer(f"{name} with network_effect = {group} against 0: {difference}{unit}.", supported=apart)
        out.text("[report.html](report.html) is the whole report, its tables are beside it.")


if __name__ == "__main__":
    main()
