"""Composing experiments: every named one is valid, and its networks take the sizes it chose."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch

from flows.stages.train_parser import parser_net
from flows.stages.train_sgi import sgi_nets
from flows.stages.train_sync import DOMAINS, expert_net
from flows.stages.train_tsg import tsg_net
from flows.stages.train_wav2lip import wav2lip_net
from segtalker.config.base import Base
from segtalker.config.experiment import activate, compose
from segtalker.config.params import EXPERIMENT_FILE, merge, read_yaml
from segtalker.inference.methods import ORACLE
from segtalker.regions import NUM_REGIONS
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[3]
NAMES = ["demo", *sorted(path.stem for path in (ROOT / "experiments").glob("*.yaml"))]


def _face(size: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(size * size).view(1, size, size) % NUM_REGIONS
    return torch.zeros(1, 3, size, size), torch.nn.functional.one_hot(labels, NUM_REGIONS).movedim(-1, 1).float()


def _shapes(base: Base) -> tuple[object, ...]:
    return base.image_size, base.mouth_box, base.mel, base.mel_window, base.window_frames


def _distinct_networks() -> list[str]:
    """The first experiment of each that have the same networks."""
    first: dict[str, str] = {}
    for name in NAMES:
        params = compose(ROOT, name, [])[1]
        sgi, sync = params.train_sgi, params.train_sync
        nets = (params.train_parser.net, sync.mask_expert.net, sync.image_expert.net, params.train_tsg.net)
        parts = (_shapes(params.base), nets, sgi.code, sgi.encoder, sgi.generator, params.train_wav2lip.net)
        first.setdefault(repr(parts), name)
    return list(first.values())


@pytest.mark.parametrize("name", NAMES)
def test_every_named_experiment_is_valid(name: str) -> None:
    assert compose(ROOT, name, [])[1].active.experiment == name


@pytest.mark.parametrize("name", _distinct_networks())
def test_every_named_experiment_builds_its_networks(name: str) -> None:
    """At the published widths without their values: shapes alone say whether the networks fit."""
    _, params = compose(ROOT, name, [])
    with torch.no_grad(), torch.device("meta" if params.base.image_size > 256 else "cpu"):
        base, size = params.base, params.base.image_size
        image, masks = _face(size)
        encoder, generator = (net.eval() for net in sgi_nets(params))
        if image.device.type == "cpu":  # test_train_sgi paints at full size, by values
            assert generator(masks, encoder(image, masks)).shape == image.shape
        assert parser_net(params).eval()(image).shape == masks.shape
        height, width = base.mouth_box.height, base.mouth_box.width
        frames = params.train_tsg.net.frames
        box = torch.zeros(1, frames, NUM_REGIONS, height, width)
        mel = torch.zeros(1, frames, base.mel.bins, params.train_tsg.net.mel_window)
        assert tsg_net(params).eval()(box, box[:, 0], mel).shape == box.shape
        for domain in DOMAINS:
            expert = expert_net(domain, params).eval()
            speech = torch.zeros(1, base.mel.bins, base.mel_window)
            unit_frames, unit_audio = expert(torch.zeros(1, *expert.window), speech)
            assert unit_frames.shape == unit_audio.shape
        baseline = wav2lip_net(params).eval()
        faces = torch.zeros(1, 6, baseline.size, baseline.size)
        assert baseline(faces, torch.zeros(1, base.mel.bins, base.mel_window)).shape == faces[:, :3].shape


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("no-sync", {"train_tsg.loss_weights.sync": 0.0}),
        ("no-mask-guidance", {"train_sgi.encoder.mask_guided": False}),
        ("no-adversarial", {"train_sgi.reconstruction_steps": 600, "train_sgi.adversarial_steps": 0}),
        ("one-frame", {"train_tsg.net.frames": 1, "train_tsg.stride": 1}),
    ],
)
def test_an_ablation_takes_one_thing_away_on_the_same_clips(name: str, changed: dict) -> None:
    plain, params = (compose(ROOT, other, [])[1].model_dump() for other in ("demo", name))
    expected = merge(plain, {"active": params["active"]})
    rest = {"train_wav2lip.trained": False, "generate.methods": ("segtalker", "static", "shuffled_audio", ORACLE)}
    for key, value in (changed | rest).items():
        nested: dict = {key.split(".")[-1]: value}
        for part in reversed(key.split(".")[:-1]):
            nested = {part: nested}
        expected = merge(expected, nested)
    assert params == expected
    assert params["active"]["dataset"] == plain["active"]["dataset"]
    sgi = plain["train_sgi"], params["train_sgi"]
    assert len({part["reconstruction_steps"] + part["adversarial_steps"] for part in sgi}) == 1


def test_experiments_share_no_data_unless_they_download_alike() -> None:
    """A dataset's folder has the name of the dataset: two of one name would take each other's place."""
    downloads: dict[str, object] = {}
    for params in (compose(ROOT, name, [])[1] for name in NAMES):
        assert downloads.setdefault(params.active.dataset, params.download) == params.download, params.active


def test_one_person_starts_from_the_networks_of_real_faces(project: Path) -> None:
    """As its file says: every network that is trained has the shape of the one it starts from."""
    general = compose(ROOT, "real-faces", [])[1]
    path = project / "models/real-faces/train_sgi/encoder.ckpt"
    path.parent.mkdir(parents=True)
    path.write_text("a network")
    one = compose(project, "one-person", ["training.start_from=real-faces"])[1]
    assert one.training.start_sha256
    for build in (sgi_nets, tsg_net, wav2lip_net, *(partial(expert_net, domain) for domain in DOMAINS)):
        nets = [build(params) for params in (general, one)]
        (earlier_nets, later_nets) = (net if isinstance(net, tuple) else (net,) for net in nets)
        assert [net.config for net in earlier_nets] == [net.config for net in later_nets]
    # recordings bring no masks: neither to train a parser on nor to measure against
    assert one.train_parser.labels == "none"
    assert one.train_parser.weights == "models/real-faces/train_parser/parser.ckpt"
    assert one.evaluate.reference_masks == "parsed"


def test_settings_lie_over_the_experiment(tmp_path: Path) -> None:
    content, params = compose(ROOT, "tiny", ["base.seed=3", "train_sgi.region_weights.hair=4"])
    assert (params.base.seed, params.train_sgi.region_weights["hair"], params.base.image_size) == (3, 4.0, 64)
    activate(tmp_path, content)
    assert read_yaml(tmp_path / EXPERIMENT_FILE) == content


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("none-such", [], "no file experiments/none-such.yaml; there are: demo, .*tiny"),
        ("demo", ["base.seed"], "expected key=value"),
        ("demo", ["base.sede=1"], "base.sede: Extra inputs"),
        ("demo", ["base.seed=[1"], "not valid YAML"),
        ("demo", ["base.seed=-1"], "base.seed: Input should be greater"),
        ("demo", ["train_sgi.loss_weights.pixle=2"], r"train_sgi\.loss_weights\.pixle: no such loss; there are: pixel"),
        ("demo", ["train_sgi.loss_weights.pixel=-2"], r"train_sgi\.loss_weights\.pixel: Input should be greater"),
        ("demo", ["train_tsg.log_every=5"], r"train_tsg\.log_every: is machine\.log_every now"),
        ("demo", ["base.precision=bf16-mixed"], r"base\.precision: is training\.precision now"),
        ("demo", ["train_tsg.sync_weight=0"], r"train_tsg\.sync_weight: is train_tsg\.loss_weights\.sync now"),
        ("folder", ["download.folder.splits={test: [a]}"], "which split.strategy subjects does not look at; set it to"),
        ("demo", ["train_sync.mask_expert.channels=[8]"], r"is train_sync\.mask_expert\.net\.channels now"),
    ],
)
def test_what_is_wrong_is_said_on_one_line(name: str, settings: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=message) as error:
        compose(ROOT, name, settings)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("torn", [b"", b"active: {exp", b"\xff\xfe", b"- a"])
def test_a_torn_active_experiment_is_written_anew(tmp_path: Path, torn: bytes) -> None:
    content = {"active": {"experiment": "demo", "dataset": "synthetic"}}
    activate(tmp_path, content)
    whole = (tmp_path / "experiment.yaml").read_bytes()
    (tmp_path / "experiment.yaml").write_bytes(torn)
    activate(tmp_path, content)
    assert (tmp_path / "experiment.yaml").read_bytes() == whole


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Params, and an experiment `other` with two trained networks and an unfinished training."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    for name in ("train_tsg/tsg", "train_sgi/encoder", "train_sgi/last"):
        path = tmp_path / "models" / "other" / f"{name}.ckpt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_what_starts_from_another_experiment_says_by_which_networks(project: Path) -> None:
    def start_hash() -> str:
        content, params = compose(project, "tiny", ["training.start_from=other"])
        assert content["training"]["start_sha256"] == params.training.start_sha256
        return params.training.start_sha256

    first = start_hash()
    (project / "models/other/train_sgi/last.ckpt").write_text("goes on")
    assert start_hash() == first
    (project / "models/other/train_tsg/tsg.ckpt").write_text("trained again")
    assert start_hash() != first
    assert "start_sha256" not in compose(project, "tiny", [])[0]["training"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [("gone", "models/gone: no trained networks to start from"), ("tiny", "cannot start from its own networks")],
)
def test_a_start_that_cannot_be_is_said(project: Path, name: str, reason: str) -> None:
    with pytest.raises(BadInputError, match=reason):
        compose(project, "tiny", [f"training.start_from={name}"])
