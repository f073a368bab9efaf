"""Scores of groups of clips as tables."""

import pandas as pd

from segtalker.reporting.tables.groups import group_tables, groups_of, groups_section, write_groups

from .shifted_scores import make_scores

SCORES = make_scores({"segtalker": 1.0, "static": 0.0}, 0.1)
MEASURED = [
    ("emotion", "sad", "segtalker", 0.51),
    ("emotion", "angry", "segtalker", 0.62),
    ("emotion", "angry", "static", 0.25),
    ("level", "1", "segtalker", 0.57),
]


def table() -> pd.DataFrame:
    rows = [
        {"by": by, "group": group, "method": method, "metric": "quality", "mean": mean, "low": mean - 0.1,
         "high": mean + 0.1, "clips": 4, "subjects": 2}
        for by, group, method, mean in MEASURED
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_column_a_group_and_a_row_a_method_empty_where_nothing_was_measured() -> None:
    emotions, levels = group_tables(groups_of(table(), ["segtalker", "static"]), SCORES)
    assert list(emotions.columns) == ["metric", "who", "emotion sad", "emotion angry"]
    assert emotions["who"].tolist() == ["segtalker", "static"]
    assert emotions.iloc[1]["emotion sad"] == ""
    assert [cell.split()[0] for cell in emotions["emotion angry"]] == ["0.620", "0.250"]
    assert list(levels.columns) == ["metric", "who", "level 1"]


def test_methods_that_are_not_shown_are_left_out() -> None:
    shown = groups_of(table(), ["segtalker"])
    assert set(shown["who"]) == {"segtalker"}
    (title,) = groups_section(shown, SCORES)
    assert title == "By emotion, level"


def test_without_groups_no_file_is_written(tmp_path) -> None:
    write_groups(table().iloc[:0], table().iloc[:0].assign(who=""), SCORES, tmp_path)
    assert list(tmp_path.iterdir()) == []
