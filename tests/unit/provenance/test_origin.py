"""What files say in their metadata is read back by others."""

import xml.etree.ElementTree
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from segtalker.media.images import write_png
from segtalker.media.video import open_video, write_video
from segtalker.provenance.origin import PNG_XMP, Origin, append_xmp, read_xmp, source_type

_IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"


def _source(packet: str) -> str:
    description = xml.etree.ElementTree.fromstring(packet)[0][0]
    return description.attrib[_IPTC]


def test_a_video_says_it_to_players_and_to_programs(origin: Origin, talk: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, talk, 25, None, 16000, 20, origin.video_tags)
    before = [frame.image for frame in open_video(path, "pyav")]
    append_xmp(path, origin.xmp)
    with av.open(str(path)) as container:
        assert {name: container.metadata[name] for name in origin.video_tags} == origin.video_tags
    for part in ("SegTalker", "experiment demo", "a5c000000000", "2026-11-29T03:04:05Z", "trainedAlgorithmicMedia"):
        assert part in origin.video_tags["comment"]
    assert _source(read_xmp(path)).endswith("/trainedAlgorithmicMedia")
    np.testing.assert_array_equal([frame.image for frame in open_video(path, "pyav")], before)


def test_a_picture_says_it(origin: Origin, talk: np.ndarray, tmp_path: Path) -> None:
    write_png(tmp_path / "a.png", talk[0], origin.png_tags)
    with Image.open(tmp_path / "a.png") as image:
        assert image.text["Description"] == origin.sentence
        assert _source(image.text[PNG_XMP]).endswith("/trainedAlgorithmicMedia")
        assert (np.asarray(image) == talk[0]).all()


def test_names_of_any_kind_are_written(talk: np.ndarray, origin: Origin) -> None:
    packet = Origin("<a> & \"b\" 'ä'", origin.signature, origin.created_at).xmp
    text = xml.etree.ElementTree.fromstring(packet)[0][0][0][0][0].text
    assert text is not None
    assert "<a> & \"b\" 'ä'" in text


@pytest.mark.parametrize("content", [b"", b"text", b"\0\0\0\x02free", b"\xff\xff\xff\xffuuid" + b"0" * 20, b"\0\0\0\0"])
def test_damaged_boxes_are_no_packet(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    assert read_xmp(tmp_path / "a.mp4") == ""


def test_a_date_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert Origin.now("demo", "0" * 64).date == "1970-01-02T00:00:00Z"


def test_a_source_type_is_found_in_any_text() -> None:
    place = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    assert source_type(["a", f"<b>{place}</b>"]) == "compositeWithTrainedAlgorithmicMedia"
    assert source_type(["trainedAlgorithmicMedia alone"]) == ""
