"""What every network that is kept on disk has: a kind, and the arguments it was built with."""

from typing import Any, ClassVar, Self

from torch import nn


class Network(nn.Module):
    """A network that can be built again: its constructor takes keyword arguments of plain types alone.

    Args:
        config: the keyword arguments of the subclass; its docstring is their documentation.

    Attributes:
        kind: what it is, for example `tsg`; names it in checkpoints.
        config: the keyword arguments it was built with.
    """

    kind: ClassVar[str]
    config: dict[str, Any]

    def __new__(cls, **config: Any) -> Self:
        net = super().__new__(cls)
        net.config = config
        return net
