"""A project folder with untrained networks of the real classes at a tiny size, see `drawn_people`."""

import shutil
from pathlib import Path

import numpy as np
from drawn_people import SIZE, DrawnFace, write_models

from segtalker.clips.store import write_wav
from segtalker.media.images import write_png
from segtalker.regions import colourise

_CHECKOUT = Path(__file__).resolve().parents[1]
_EXPERIMENT = f"""active: {{experiment: demo, dataset: synthetic}}
base: {{image_size: {SIZE}, mouth_box: {{height: 16, width: 24}}}}
generate: {{batch_size: 8}}
"""


def write_project(root: Path) -> Path:
    """Writes params, networks of `demo`, `portrait.png`, a drawn face, and half a second of speech, `speech.wav`."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copyfile(_CHECKOUT / name, root / name)
    (root / "experiment.yaml").write_text(_EXPERIMENT, encoding="utf-8")
    write_models(root / "models" / "demo")
    write_png(root / "portrait.png", colourise(DrawnFace(160, 80.0, 64.0, 24.0, 0.2).mask))
    sound = np.random.default_rng(0).uniform(-0.3, 0.3, 8000).astype(np.float32)
    write_wav(root / "speech.wav", sound, 16000)
    return root
