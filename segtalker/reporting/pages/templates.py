"""The templates of all pages."""

import base64

from jinja2 import Environment, PackageLoader, StrictUndefined


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def page_environment() -> Environment:
    """The templates; whatever comes from outside is escaped."""
    environment = Environment(
        loader=PackageLoader("segtalker.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["data_uri"] = _data_uri
    return environment
