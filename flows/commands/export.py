"""`segtalker export`: an experiment's networks for other programs: a model in MLflow, ONNX files."""

import logging
import tempfile
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.console import say
from segtalker.config.experiment import experiment_params
from segtalker.config.workspace import project_root, refuse_stage_output
from segtalker.inference.talk_inputs import check_writable, trained_experiment
from segtalker.tracking.store_address import check_store, public_uri, tracking_uri
from segtalker.utils.errors import check_all

export_app = typer.Typer(help="Hand an experiment's networks to other programs.", no_args_is_help=True)
Experiment = Annotated[str | None, typer.Option(help="Whose networks; the newest trained ones if left out.")]


@export_app.command("mlflow")
def export_mlflow(experiment: Experiment = None) -> None:
    """Log the trained model to MLflow, to be served: portrait and sound in, a video out."""
    root = project_root()
    check_store(root)
    from segtalker.inference.served_talker import COLUMNS, OUTPUT, PLAIN_OPTIONS, load_talker, save_talker
    from segtalker.nets.checkpoints import checkpoint_signature
    from segtalker.tracking.served_model import log_served_model

    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "talker"
        name = save_talker(root, experiment, folder)
        address = log_served_model(
            root,
            folder,
            f"{load_talker.__module__}:{load_talker.__name__}",
            name=f"{name} model",
            signature=checkpoint_signature(root / "models" / name / "train_sgi" / "generator.ckpt"),
            columns=COLUMNS,
            output=OUTPUT,
            params=PLAIN_OPTIONS,
        )
    say(f"{address}: the networks of {name}; serve them with")
    say(f"MLFLOW_TRACKING_URI={public_uri(tracking_uri(root))} mlflow models serve --env-manager local -m {address}")


@export_app.command("onnx")
def export_onnx(
    out: Annotated[Path, typer.Option(help="Folder to write them to; made where it is not there.")],
    experiment: Experiment = None,
) -> None:
    """Write the networks as ONNX files, each tried in ONNX Runtime against the network it was made from."""
    root = project_root()
    check_all(
        [
            partial(refuse_stage_output, out, root, "--out"),
            partial(trained_experiment, root, experiment),
            partial(check_writable, out / "networks.json", ".json"),
        ]
    )
    from segtalker.inference.onnx_export import check_packages, export_networks
    from segtalker.inference.talk_settings import TalkSettings

    check_packages()
    name = trained_experiment(root, experiment)
    settings = TalkSettings.of(experiment_params(root, name))
    logging.getLogger("onnx_ir").setLevel(logging.ERROR)  # it warns of attributes it has written rightly
    for file, difference in export_networks(root / "models" / name, settings, out).items():
        say(f"{out / file}: within {difference:.0e} of {name}'s")
    say(f"{out / 'networks.json'}: what goes in and comes out")
