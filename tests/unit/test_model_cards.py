"""Model cards state the sizes that params lead to, name files that are written, and link to what is there."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import sgi_discriminator, sgi_nets
from flows.stages.train_sync import expert_net
from flows.stages.train_tsg import tsg_net
from flows.stages.train_wav2lip import wav2lip_net
from segtalker.config.experiment import compose

ROOT = Path(__file__).parents[2]
CARDS = sorted((ROOT / "docs" / "models").glob("*.md"))
EXPERIMENTS = ("demo", "real-faces", "hdtf")


@cache
def _nets(experiment: str) -> Mapping[str, nn.Module]:
    _, params = compose(ROOT, experiment, ())
    with torch.device("meta"):
        encoder, generator = sgi_nets(params)
        return {
            "parser": parser_net(params),
            "mask expert": expert_net("mask", params),
            "image expert": expert_net("image", params),
            "tsg": tsg_net(params),
            "encoder": encoder,
            "generator": generator,
            "discriminator": sgi_discriminator(params),
            "wav2lip": wav2lip_net(params),
        }


def _size(net: nn.Module) -> int:
    return sum(weight.numel() for weight in net.parameters())


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_sizes_are_those_of_the_networks(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    table = text.split(f"| parameters | {' | '.join(EXPERIMENTS)} |")[1].split("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    assert rows
    for name, *sizes in rows:
        assert [int(size.replace(",", "")) for size in sizes] == [
            _size(_nets(experiment)[name]) for experiment in EXPERIMENTS
        ]


def test_every_network_has_a_row() -> None:
    rows = {
        name for card in CARDS for name in re.findall(r"^\| ([a-z0-9 ]+) \| [\d,]+ \|", card.read_text(), re.MULTILINE)
    }
    assert rows == set(_nets("demo"))
    assert {card.stem for card in CARDS} == {"parser", "sgi", "sync", "tsg", "wav2lip"}


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.stem)
def test_each_says_what_a_reader_asks(card: Path) -> None:
    text = card.read_text(encoding="utf-8")
    for part in ("| in |", "| out |", "| licence |", "**Trained on.**", "**Measured.**", "**Limits.**"):
        assert part.removeprefix("| ") in text, part
    kinds = {net.kind for net in _nets("demo").values() if hasattr(net, "kind")}
    assert any(f"`{kind}`" in text for kind in kinds)
