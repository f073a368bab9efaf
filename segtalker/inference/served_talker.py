"""A Talker behind a table: portrait and sound in, a video out, each as base64 text; what MLflow serves.

`save_talker` writes all it needs into one folder, laid out as a project is; `load_talker` makes it again from there.
"""

import base64
import binascii
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from segtalker.config.experiment import experiment_params
from segtalker.config.params import EXPERIMENT_FILE, PARAMS_FILE
from segtalker.inference.talk_inputs import trained_experiment
from segtalker.inference.talk_options import TalkOptions
from segtalker.inference.talker import Talker
from segtalker.utils.errors import BadInputError

NETWORKS = ("train_tsg/tsg.ckpt", "train_sgi/encoder.ckpt", "train_sgi/generator.ckpt", "train_parser/parser.ckpt")
COLUMNS = ("portrait", "audio")
OUTPUT = "video"
PLAIN_OPTIONS: dict[str, Any] = {"repaint": TalkOptions.repaint, "crop_only": False, "watermark": True}
Predictor = Callable[[pd.DataFrame, Mapping[str, Any]], pd.DataFrame]


def save_talker(root: Path, experiment: str | None, folder: Path) -> str:
    """Copies params and networks of an experiment, without anything else of the project.

    Args:
        root: the project folder.
        experiment: its name; None for the one whose networks are newest.
        folder: where to; made where it is not there.

    Returns:
        The experiment.

    Raises:
        BadInputError: there is no such experiment.
        MissingWeightsError: its networks are not trained yet.
    """
    name = trained_experiment(root, experiment)
    content = experiment_params(root, name).model_dump(mode="json")
    folder.mkdir(parents=True, exist_ok=True)
    for network in NETWORKS:
        source, target = (place / "models" / name / network for place in (root, folder))
        if source.is_file():  # a published parser is none of the experiment's
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.copyfile(root / PARAMS_FILE, folder / PARAMS_FILE)
    (folder / EXPERIMENT_FILE).write_text(json.dumps(content), encoding="utf-8")  # YAML reads JSON
    return name


def load_talker(folder: Path) -> Predictor:
    """A predictor from what `save_talker` wrote.

    Returns:
        Rows with `portrait` and `audio`, files as base64 text, and options, see `PLAIN_OPTIONS`, to rows with `video`,
        an MP4 file as base64 text.
    """
    talker = Talker.load(root=folder)

    def predict(rows: pd.DataFrame, options: Mapping[str, Any]) -> pd.DataFrame:
        chosen = _options({**PLAIN_OPTIONS, **options})
        videos = [_video(talker, row, chosen) for row in rows[list(COLUMNS)].to_dict("records")]
        return pd.DataFrame({OUTPUT: videos}, index=rows.index)

    return predict


def _options(values: Mapping[str, Any]) -> TalkOptions:
    if values["repaint"] not in ("lips", "mouth", "face"):
        raise BadInputError(f"repaint {values['repaint']!r}: choose one of lips, mouth, face")
    return TalkOptions(values["repaint"], bool(values["crop_only"]), watermark=bool(values["watermark"]))


def _video(talker: Talker, row: Mapping[Any, Any], options: TalkOptions) -> str:
    with tempfile.TemporaryDirectory() as temporary:
        paths = {column: Path(temporary) / column for column in COLUMNS}
        for column, path in paths.items():
            path.write_bytes(_decode(column, row[column]))
        out = Path(temporary) / "talk.mp4"
        try:
            talker.talk(paths["portrait"], paths["audio"], out, options=options)
        except BadInputError as error:  # the caller knows no such folder
            raise BadInputError(str(error).replace(f"{temporary}/", "")) from error
        return base64.b64encode(out.read_bytes()).decode("ascii")


def _decode(column: str, text: object) -> bytes:
    if isinstance(text, str):
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            pass
    raise BadInputError(f"{column}: not base64; send the bytes of a file as base64 text")
