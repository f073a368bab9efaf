import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segtalker.reporting.figures import dag
from segtalker.reporting.figures.style import DARK, LIGHT, render
from segtalker.utils.errors import BadInputError


@st.composite
def graphs(draw: st.DrawFn) -> dag.Graph:
    count = draw(st.integers(1, 12))
    return {
        str(index): {str(parent) for parent in draw(st.sets(st.integers(0, index - 1) if index else st.nothing()))}
        for index in range(count)
    }


def reachable(graph: dag.Graph) -> set[tuple[str, str]]:
    pairs = {(parent, name) for name, parents in graph.items() for parent in parents}
    for middle, start, end in itertools.product(graph, repeat=3):
        if (start, middle) in pairs and (middle, end) in pairs:
            pairs.add((start, end))
    return pairs


def test_edges_come_from_outputs_that_others_read(project) -> None:
    graph = dag.read_graph(project / "dvc.yaml")
    assert graph == {"crop": set(), "train_tsg": {"crop"}, "generate": {"crop", "train_tsg"},
                     "tables": {"crop", "generate"}}  # fmt: skip
    assert dag.reduce_graph(graph)["tables"] == {"generate"}


def test_a_missing_pipeline_is_one_line(tmp_path) -> None:
    with pytest.raises(BadInputError, match=r"dvc\.yaml: cannot be read"):
        dag.read_graph(tmp_path / "dvc.yaml")


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_reduction_loses_no_way_and_keeps_no_shortcut(graph: dag.Graph) -> None:
    reduced = dag.reduce_graph(graph)
    assert reachable(reduced) == reachable(graph)
    for name, parents in reduced.items():
        for parent in parents:
            without = reduced | {name: parents - {parent}}
            assert (parent, name) not in reachable(without)


@given(graphs())
@settings(max_examples=60, deadline=None)
def test_boxes_never_overlap_and_arrows_lead_on(graph: dag.Graph) -> None:
    reduced = dag.reduce_graph(graph)
    threaded, ranks = dag.thread_waypoints(reduced, dag.rank_stages(reduced))
    places = dag.place_nodes(threaded, ranks)
    for (x0, y0), (x1, y1) in itertools.combinations(places.values(), 2):
        assert abs(x0 - x1) >= dag._BOX_WIDTH or abs(y0 - y1) >= dag._BOX_HEIGHT
    assert all(ranks[name] == ranks[parent] + 1 for name, parents in threaded.items() for parent in parents)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_the_same_graph_gives_the_same_pixels(project, theme) -> None:
    graph = dag.read_graph(project / "dvc.yaml")
    first, second = (render(dag.dag_figure(graph, theme), theme) for _ in range(2))
    assert (first == second).all()
    assert first.std() > 0
