"""The pipeline drawn from `dvc.yaml`: stages as boxes, an arrow from each output to who reads it.

Stages stand in columns by the longest way to them, in two lanes where they are many. An arrow that passes a column
holds a place in it (a waypoint), so that it never runs through a box.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from segtalker.config.params import read_yaml
from segtalker.reporting.figures.style import Theme, bare, new_figure, styled

Graph = dict[str, set[str]]
Point = tuple[float, float]
_BOX_WIDTH, _BOX_HEIGHT = 1.3, 0.44
_COLUMN, _ROW = 1.8, 0.66
_LANE_GAP = 0.5
_ONE_LANE = 6
_CORNER = 0.14
_SWEEPS = 8


def _paths(entries: list[Any]) -> list[str]:
    """Paths of `deps` or `outs`, each a string or a mapping with options."""
    return [entry if isinstance(entry, str) else next(iter(entry)) for entry in entries]


def _reads(dependency: str, output: str) -> bool:
    """Whether one path is, lies in or holds the other."""
    left, right = Path(dependency), Path(output)
    return left == right or right in left.parents or left in right.parents


def read_graph(path: Path) -> Graph:
    """Each stage of `dvc.yaml` with the stages whose outputs it reads directly, in order of the file.

    Raises:
        BadInputError: the file is missing or no YAML mapping.
    """
    stages: Mapping[str, Any] = read_yaml(path).get("stages", {})
    outputs = {
        name: _paths([*stage.get("outs", []), *stage.get("metrics", []), *stage.get("plots", [])])
        for name, stage in stages.items()
    }
    graph: Graph = {}
    for name, stage in stages.items():
        deps = _paths(stage.get("deps", []))
        graph[name] = {
            other for other in stages
            if other != name and any(_reads(dep, out) for dep in deps for out in outputs[other])
        }  # fmt: skip
    return graph


def reduce_graph(graph: Graph) -> Graph:
    """Without the arrows that a longer way implies."""

    def ancestors(name: str) -> set[str]:
        return set().union(*({parent} | ancestors(parent) for parent in graph[name]), set())

    return {
        name: {parent for parent in parents if not any(parent in ancestors(other) for other in parents - {parent})}
        for name, parents in graph.items()
    }


def rank_stages(graph: Graph) -> dict[str, int]:
    """Column of each stage: the longest way to it."""
    ranks: dict[str, int] = {}

    def rank(name: str) -> int:
        if name not in ranks:
            ranks[name] = 1 + max((rank(parent) for parent in graph[name]), default=-1)
        return ranks[name]

    for name in graph:
        rank(name)
    return ranks


def _mean(values: list[float], default: float) -> float:
    return sum(values) / len(values) if values else default


def thread_waypoints(graph: Graph, ranks: dict[str, int]) -> tuple[Graph, dict[str, int]]:
    """The graph with every arrow cut into steps of one column, each cut a waypoint named `parent>child>rank`."""
    waypoint_graph: Graph = {name: set() for name in graph}
    waypoint_ranks = dict(ranks)
    for name, parents in graph.items():
        for parent in sorted(parents):
            previous = parent
            for rank in range(ranks[parent] + 1, ranks[name]):
                waypoint = f"{parent}>{name}>{rank}"
                waypoint_graph[waypoint], waypoint_ranks[waypoint] = {previous}, rank
                previous = waypoint
            waypoint_graph[name].add(previous)
    return waypoint_graph, waypoint_ranks


def settle_rows(graph: Graph, ranks: dict[str, int]) -> dict[str, float]:
    """Row of each node: columns ordered and centred by the mean row of the nodes they are joined to."""
    columns: dict[int, list[str]] = {}
    for name in graph:
        columns.setdefault(ranks[name], []).append(name)
    neighbours = {name: graph[name] | {other for other in graph if name in graph[other]} for name in graph}
    rows: dict[str, float] = {}
    for names in columns.values():
        rows |= {name: index - (len(names) - 1) / 2 for index, name in enumerate(names)}
    for _ in range(_SWEEPS):
        for rank, names in columns.items():
            wish = {name: _mean([rows[other] for other in sorted(neighbours[name])], rows[name]) for name in names}
            columns[rank] = order = sorted(names, key=wish.__getitem__)
            middle = round(_mean(list(wish.values()), 0.0) * 2) / 2
            rows |= {name: middle + index - (len(order) - 1) / 2 for index, name in enumerate(order)}
    return rows


def first_of_second_lane(ranks: dict[str, int]) -> int:
    """The column where the second lane starts: near the middle, after a column of one node where there is one."""
    count = max(ranks.values()) + 1
    if count <= _ONE_LANE:
        return count
    narrow = [rank + 1 for rank in range(1, count - 2) if list(ranks.values()).count(rank) == 1]
    return min(narrow or [count // 2], key=lambda rank: abs(rank - count / 2))


def place_nodes(graph: Graph, ranks: dict[str, int]) -> dict[str, Point]:
    """Centre of each node, inches, y up; the second lane lies below the first."""
    rows = settle_rows(graph, ranks)
    turn = first_of_second_lane(ranks)
    lanes = [[name for name in graph if (ranks[name] >= turn) == second] for second in (False, True)]
    drop = 0.0
    if lanes[1]:
        drop = (max(rows[name] for name in lanes[0]) - min(rows[name] for name in lanes[1])) * _ROW
        drop += _BOX_HEIGHT + _LANE_GAP
    places = {name: (ranks[name] * _COLUMN, -rows[name] * _ROW) for name in lanes[0]}
    return places | {name: ((ranks[name] - turn) * _COLUMN, -rows[name] * _ROW - drop) for name in lanes[1]}


def dag_figure(graph: Graph, theme: Theme) -> Figure:
    """Draws the graph without the arrows that a longer way implies.

    Args:
        graph: from `read_graph`.
        theme: the paper.
    """
    reduced_graph = reduce_graph(graph)
    waypoint_graph, ranks = thread_waypoints(reduced_graph, rank_stages(reduced_graph))
    places = place_nodes(waypoint_graph, ranks)
    xs, ys = zip(*places.values(), strict=True)
    left, right = min(xs) - _BOX_WIDTH / 2 - _COLUMN / 5, max(xs) + _BOX_WIDTH / 2 + 0.1
    bottom, top = min(ys) - _BOX_HEIGHT / 2 - 0.1, max(ys) + _BOX_HEIGHT / 2 + 0.1
    with styled(theme):
        figure = new_figure(right - left, top - bottom)
        axes = bare(figure.add_subplot())
        axes.set_xlim(left, right)
        axes.set_ylim(bottom, top)
        for name, parents in waypoint_graph.items():
            for parent in sorted(parents):
                axes.add_patch(_arrow(parent, name, places, theme))
        for name in reduced_graph:
            _draw_box(axes, name, places[name], theme)
    return figure


def _draw_box(axes: Axes, name: str, centre: Point, theme: Theme) -> None:
    """A stage; those that train a network stand out."""
    colour = theme.primary if name.startswith("train_") else theme.secondary
    corner = (centre[0] - _BOX_WIDTH / 2, centre[1] - _BOX_HEIGHT / 2)
    style = "round,pad=0,rounding_size=0.12"
    axes.add_patch(FancyBboxPatch(corner, _BOX_WIDTH, _BOX_HEIGHT, boxstyle=style, facecolor=theme.raised,
                                  edgecolor=colour, linewidth=1.4, zorder=3))  # fmt: skip
    axes.text(*centre, name, ha="center", va="center", color=theme.ink, fontsize=10, zorder=4)


def _arrow(parent: str, child: str, places: dict[str, Point], theme: Theme) -> FancyArrowPatch:
    start, end = places[parent], places[child]
    reach = 0.0 if ">" in parent else _BOX_WIDTH / 2
    stop = 0.0 if ">" in child else _BOX_WIDTH / 2 + 0.02
    if end[0] > start[0]:
        curve = _level_curve((start[0] + reach, start[1]), (end[0] - stop, end[1]))
    else:
        curve = _return_curve(start, (end[0] - stop, end[1]))
    tip = "-" if ">" in child else "-|>,head_length=4,head_width=2.4"
    return FancyArrowPatch(path=curve, arrowstyle=tip, mutation_scale=1.0, edgecolor=theme.muted, facecolor=theme.muted,
                           linewidth=1.2, zorder=2, fill=">" not in child, capstyle="round")  # fmt: skip


def _level_curve(start: Point, end: Point) -> Curve:
    """Leaves and arrives level."""
    bend = (end[0] - start[0]) / 2
    points = [start, (start[0] + bend, start[1]), (end[0] - bend, end[1]), end]
    return Curve(points, [Curve.MOVETO, Curve.CURVE4, Curve.CURVE4, Curve.CURVE4])


def _return_curve(start: Point, end: Point) -> Curve:
    """From the bottom of a box in the first lane, between the lanes, to the left side of one in the second."""
    gutter = start[1] - _BOX_HEIGHT / 2 - _LANE_GAP / 2
    turn = end[0] - _COLUMN / 6
    corners = [(start[0], start[1] - _BOX_HEIGHT / 2), (start[0], gutter), (turn, gutter), (turn, end[1]), end]
    return _rounded(corners)


def _rounded(corners: list[Point]) -> Curve:
    """A polyline along the axes with round corners."""
    points, codes = [corners[0]], [Curve.MOVETO]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        points += [_towards(corner, before), corner, _towards(corner, after)]
        codes += [Curve.LINETO, Curve.CURVE3, Curve.CURVE3]
    return Curve([*points, corners[-1]], [*codes, Curve.LINETO])


def _towards(corner: Point, other: Point) -> Point:
    """The point a corner's radius away from it on the way to another."""
    distance = max(abs(other[0] - corner[0]), abs(other[1] - corner[1]))
    share = min(_CORNER, distance / 2) / distance if distance else 0.0
    return corner[0] + (other[0] - corner[0]) * share, corner[1] + (other[1] - corner[1]) * share
