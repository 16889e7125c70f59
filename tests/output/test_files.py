"""Files that are written whole or not at all."""

import json
import os

import numpy as np
import pytest

from abm.output.files import write_json


def test_json_that_cannot_be_written_leaves_the_earlier_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "outcomes.json"
    write_json({"hhi": np.float64(0.5), "exit": float("nan"), "ceiling": float("inf")}, path)
    earlier = path.read_bytes()
    assert json.loads(earlier) == {"hhi": 0.5, "exit": None, "ceiling": "inf"}

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_json({"hhi": 0.1}, path)
    assert path.read_bytes() == earlier and os.listdir(tmp_path) == ["outcomes.json"]
