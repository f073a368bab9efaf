"""Options of the commands that make pictures and videos: how those say that they are generated."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segtalker.utils.errors import BadInputError

if TYPE_CHECKING:
    from segtalker.provenance.credentials import SigningKey

_PANEL = "Said of the result"
NoWatermark = Annotated[
    bool,
    typer.Option(
        "--no-watermark",
        rich_help_panel=_PANEL,
        help="Leave the invisible watermark out; metadata still says it is generated.",
    ),
]
CredentialsKey = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_PANEL, metavar="KEY.pem", help="Sign content credentials (C2PA) with this private key."
    ),
]
Certificate = Annotated[
    Path | None,
    typer.Option(
        rich_help_panel=_PANEL, metavar="CERT.pem", help="The key's certificate, then those that vouch for it."
    ),
]


def signing_key(credentials: Path | None, certificate: Path | None) -> "SigningKey | None":
    """The key that was given, looked at; None where none was.

    Raises:
        BadInputError: it cannot be used, or one of both files is missing.
    """
    if credentials is None and certificate is None:
        return None
    if credentials is None or certificate is None:
        raise BadInputError("--credentials and --certificate go together")
    from segtalker.provenance.credentials import read_signing_key  # a library of 20 MB, which few runs need

    return read_signing_key(credentials, certificate)
