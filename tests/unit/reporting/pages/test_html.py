"""Tables as a page shows them."""

import pandas as pd

from segtalker.reporting.pages.html import Table


def test_a_table_knows_its_numbers_and_keeps_its_order() -> None:
    frame = pd.DataFrame({"method": ["b", "a"], "psnr": [27.5, float("nan")], "clips": [2, 12]})
    table = Table.of(frame)
    assert table.columns == ["method", "psnr", "clips"]
    assert table.numeric == {"psnr", "clips"}
    assert [[name for name, _ in row] for row in table.rows] == [table.columns] * 2
    assert [row[0][1] for row in table.rows] == ["b", "a"]
    assert [row[1][1] == "" for row in table.rows] == [False, True]
    assert [row[2][1] for row in table.rows] == ["2", "12"]
