"""Options that say how a file tells that it is generated."""

from collections.abc import Callable
from pathlib import Path

import pytest
from signing_keys import write_keys

from flows.commands.disclosure import signing_key
from segtalker.utils.errors import BadInputError


def test_key_and_certificate_go_together(tmp_path: Path) -> None:
    key, certificate = write_keys(tmp_path)
    assert signing_key(None, None) is None
    signed_with = signing_key(key, certificate)
    assert signed_with is not None
    assert signed_with.algorithm == "es256"
    for pair in ((key, None), (None, certificate)):
        with pytest.raises(BadInputError, match="--credentials and --certificate go together"):
            signing_key(*pair)


def test_a_key_that_cannot_sign_is_said_with_all_else_that_is_wrong(segtalker: Callable, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_text("no key")
    given = [f"{option}={tmp_path / name}" for option, name in (
        ("--portrait", "absent.png"), ("--audio", "absent.wav"), ("--out", "o.mp4"), ("--credentials", "key.pem"),
        ("--certificate", "key.pem"),
    )]  # fmt: skip
    code, _, complaint = segtalker("talk", *given)
    assert code == 2
    assert f"{tmp_path / 'key.pem'}: not a private key in PEM without a password" in complaint
    assert f"{tmp_path / 'absent.png'}: no such file" in complaint
