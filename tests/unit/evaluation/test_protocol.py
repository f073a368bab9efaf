"""What makes runs comparable: every part counts, order does not, and differences are named."""

import json
from pathlib import Path

import pytest

from segtalker.evaluation.protocol import (
    differing_parts,
    make_protocol,
    protocol_signature,
    read_protocol,
    say_differences,
)
from segtalker.utils.errors import BadInputError

PARTS = {
    "metrics": {"psnr": {"protocol": "peak", "unit": "dB"}, "ssim": {"protocol": "similarity", "unit": ""}},
    "settings": {"reference_masks": "truth", "fps": 25},
    "weights": {"fid": ""},
    "clips": {"a_0": "1" * 64, "b_0": "2" * 64},
    "parser": "3" * 64,
    "expert": "4" * 64,
    "code": "7" * 64,
}


def protocol(**changes: object) -> dict:
    return make_protocol(**(PARTS | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"metrics": PARTS["metrics"] | {"psnr": {"protocol": "another", "unit": "dB"}}}, {"metrics": ["psnr"]}),
        ({"settings": {"reference_masks": "parsed", "fps": 25}}, {"settings": ["reference_masks"]}),
        ({"weights": {"fid": "5" * 64}}, {"weights": ["fid"]}),
        ({"clips": {"a_0": "1" * 64}}, {"clips": ["b_0"]}),
        ({"clips": PARTS["clips"] | {"b_0": "9" * 64}}, {"clips": ["b_0"]}),
        ({"parser": "6" * 64}, {"networks": ["parser"]}),
        ({"expert": "6" * 64}, {"networks": ["expert"]}),
        ({"code": "6" * 64}, {"code that measures": ["segtalker.evaluation"]}),
    ],
)
def test_every_part_counts_and_is_named(changes: dict, named: dict) -> None:
    assert protocol_signature(protocol(**changes)) != protocol_signature(protocol())
    assert differing_parts(protocol(), protocol(**changes)) == named
    assert next(iter(named)) in say_differences(named)


def test_a_protocol_of_before_is_told_apart_and_readable(tmp_path: Path) -> None:
    before = {part: content for part, content in protocol().items() if part != "code that measures"}
    (tmp_path / "protocol.json").write_text(json.dumps(before))
    parts = differing_parts(read_protocol(tmp_path / "protocol.json"), protocol())
    assert say_differences(parts) == "code that measures (segtalker.evaluation)"


def test_order_does_not_count_and_files_keep_it(tmp_path: Path) -> None:
    backwards = {part: dict(reversed(content.items())) for part, content in reversed(protocol().items())}
    assert protocol_signature(backwards) == protocol_signature(protocol())
    (tmp_path / "protocol.json").write_text(json.dumps(backwards))
    assert protocol_signature(read_protocol(tmp_path / "protocol.json")) == protocol_signature(protocol())
    assert differing_parts(protocol(), backwards) == {}


def test_many_names_are_counted_on_one_line() -> None:
    said = say_differences({"clips": [f"c{index}" for index in range(40)]})
    assert said == "clips (c0, c1, c2 and 37 more)"


@pytest.mark.parametrize("text", ["", "[]", '{"clips": 3}', "{", None])
def test_a_file_that_is_none_is_refused_on_one_line(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "protocol.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadInputError, match=r"protocol\.json: holds no protocol") as caught:
        read_protocol(path)
    assert "\n" not in str(caught.value)
