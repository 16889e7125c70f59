"""The files of a finished calibration: their content, and how it is read back."""

import io
import json
from importlib import metadata
from pathlib import Path
from typing import Any

from abm.calibration.folder import ABOUT, SPECIFICATION, token_of
from abm.calibration.results import Calibration
from abm.calibration.specification import Specification
from abm.errors import InputError
from abm.output.files import csv_text, plain, versions
from abm.output.stored import parquet_errors, sealed
from abm.scenario.scenario import Scenario

_TABLES_AND_TEXTS = ("headline", "notes", "estimates", "fit", "optima")  # beside the facts
LIBRARIES = {"dfols": "DFO-LS", "sklearn": "scikit-learn"}  # modules and packages of the extra `calibration`


def read_files(folder: Path, about: dict[str, Any]) -> Calibration:
    """A finished calibration as its folder has it.

    Raises
    ------
    InputError
        If a file is missing or cannot be read.
    """
    import pandas as pd

    try:
        frames = {name: pd.read_csv(folder / f"{name}.csv", keep_default_na=True)
                  for name in ("estimates", "fit", "identification")}  # fmt: skip
        frames["estimates"]["on_bound"] = frames["estimates"]["on_bound"].astype(object).fillna("").astype("str")
        frames["identification"] = frames["identification"].astype({"direction": "Int64"})
        tables = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("points", "outcomes")}
        scenario = Scenario.stored(folder / "calibrated.toml")
    except InputError:
        raise
    except parquet_errors() as problem:
        raise InputError(f"{folder}: is damaged: {problem}; --overwrite makes all anew") from None
    told = about["facts"]
    return Calibration(
        **frames, optima=pd.DataFrame(told["optima"]), **tables, headline=told["headline"], notes=told["notes"],
        facts={name: told[name] for name in told if name not in _TABLES_AND_TEXTS}, scenario=scenario,
    )  # fmt: skip


def files_of(calibration: Calibration, spec: Specification) -> dict[str, bytes]:
    """The content of each file, equal for equal calibrations."""
    from abm.calibration.report.html import report_html

    tables = {f"{name}.csv": csv_text(getattr(calibration, name)).encode()
              for name in ("estimates", "fit", "identification")}  # fmt: skip
    parquet = {f"{name}.parquet": _parquet(getattr(calibration, name)) for name in ("points", "outcomes")}
    own = versions() | {package: metadata.version(package) for package in LIBRARIES.values()}
    about = {"specification": token_of(spec), "versions": own, "facts": facts_of(calibration)}
    return {
        "calibrated.toml": calibration.scenario.to_toml().encode(),
        **tables,
        **parquet,
        "report.html": report_html(calibration, spec).encode(),
        SPECIFICATION: spec.text.encode(),
        ABOUT: (json.dumps(sealed(about), indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(),
    }


def facts_of(calibration: Calibration) -> dict[str, Any]:
    """All that is printed, as plain values."""
    return plain(
        {"headline": calibration.headline, "notes": calibration.notes}
        | {name: getattr(calibration, name).to_dict("records") for name in ("estimates", "fit", "optima")}
        | calibration.facts
    )


def _parquet(frame: Any) -> bytes:
    buffer = io.BytesIO()
    texts = [name for name in frame.columns if frame[name].dtype == object]
    frame.astype(dict.fromkeys(texts, "str")).to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
