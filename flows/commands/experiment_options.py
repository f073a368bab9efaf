"""Options that name an experiment, which several commands take."""

from typing import Annotated

import typer

ExperimentOption = Annotated[
    str, typer.Option(help="A file in experiments/, without .yaml; demo is the embedded data.")
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Override a value, e.g. train_tsg.steps=50; repeatable."),
]
