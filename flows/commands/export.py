"""`segtalker export`: an experiment's networks for other programs: a model in MLflow."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.console import say
from segtalker.config.workspace import project_root
from segtalker.tracking.store_address import check_store, public_uri, tracking_uri

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
