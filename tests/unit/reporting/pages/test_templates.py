"""Templates let nothing from outside become markup."""

import base64

import pytest
from jinja2 import UndefinedError

from segtalker.reporting.pages.templates import page_environment


def test_words_from_outside_are_escaped() -> None:
    shown = page_environment().from_string('<p title="{{ words }}">{{ words }}</p>').render(words='<b a="1">&')
    assert shown.count("&lt;b a=&#34;1&#34;&gt;&amp;") == 2


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="forgotten"):
        page_environment().from_string("{{ forgotten }}").render()


def test_files_become_addresses() -> None:
    shown = page_environment().from_string("{{ content | data_uri('image/png') }}").render(content=b"\x89PNG")
    kind, text = shown.split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(text) == b"\x89PNG"
