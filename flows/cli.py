"""The `segtalker` command."""

import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from flows.commands.compare import compare
from flows.commands.console import complain, say
from flows.commands.doctor import doctor
from flows.commands.edit import edit
from flows.commands.evaluate import evaluate
from flows.commands.export import export_app
from flows.commands.inspect import inspect
from flows.commands.plan import plan
from flows.commands.reproduce import reproduce
from flows.commands.runs import runs, tables
from flows.commands.studio import studio
from flows.commands.sweep import sweep_app
from flows.commands.talk import talk
from flows.commands.version import print_version
from flows.commands.weights import weights_app
from flows.dvc.run_lock import run_lock
from segtalker.config.params import load_params
from segtalker.config.stages import STAGES
from segtalker.config.workspace import project_root
from segtalker.tracking.store_address import check_store
from segtalker.utils.errors import EXIT_CODE, BadInputError, SegTalkerError, full_disk

_UsageError: Any = typer.BadParameter.__base__  # Typer does not export it by name

app = typer.Typer(
    help="Talking-face video from speech through face segmentation.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(talk)
app.command()(edit)
app.command()(reproduce)
app.command()(plan)
app.command()(inspect)
app.command()(studio)
app.command()(evaluate)
app.command()(doctor)
app.command()(runs)
app.command()(tables)
app.command()(compare)
app.add_typer(sweep_app, name="sweep")
app.add_typer(weights_app, name="weights")
app.add_typer(export_app, name="export")


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Show versions and leave.")
    ] = False,
) -> None:
    """Talking-face video from speech through face segmentation."""


@app.command()
def report() -> None:
    """Make tables, figures and page of the active experiment again, from what is on disk."""
    root = project_root()
    params = load_params(root)
    experiment = params.active.experiment
    if not (root / "results" / experiment / "evaluate").is_dir():
        raise BadInputError(f"results/{experiment}/evaluate: not there; run segtalker reproduce first")
    check_store(root)
    with run_lock(root):
        from flows.experiment_run import experiment_run

        with experiment_run(root, params, STAGES[-1:]) as run:
            page = run.report()
    say(f"report: {page}")


class _Interrupted(BaseException):
    """A person wants it to end; no KeyboardInterrupt, for Typer ends on those without a word."""


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise _Interrupted


def main() -> None:
    """Runs the command; an error a user can act on is one line and exit code 2."""
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, _stop)
    try:
        sys.exit(app(standalone_mode=False))
    except SegTalkerError as error:
        complain(str(error))
        sys.exit(EXIT_CODE)
    except _UsageError as error:
        if error.ctx and not sys.argv[1:]:
            print(error.ctx.get_help())
        else:
            complain(f"{error.format_message().rstrip('.')}; see segtalker --help")
        sys.exit(EXIT_CODE)
    except _Interrupted:
        complain("interrupted; the same command goes on where it stopped")
        sys.exit(130)
    except Exception as error:
        if not (disk := full_disk(error)):
            raise
        # FFmpeg names the unfinished file, as a URL; what is full is its folder
        folder = Path(str(disk.filename or "./.").removeprefix("file:")).parent
        complain(f"{folder}: cannot be written to ({disk.strerror}); free space there, then run again")
        sys.exit(EXIT_CODE)


if __name__ == "__main__":
    main()
