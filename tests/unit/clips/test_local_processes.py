"""Worker processes on this machine: what they are copies of, and what they keep open."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from segtalker.clips.worker_pools import Pool

NOTE = '''
    """What this process holds beside what importing gives."""
    note = ["imported"]


    def noted(_item):
        """As said in the process that works."""
        return note[0]
'''
RUN = """
    import threading

    import noting
    from segtalker.clips.worker_pools import Pool, fork_workers_from_here

    if __name__ == "__main__":
        ended = threading.Event()
        {before}
        noting.note[0] = "said before"
        fork_workers_from_here()
        noting.note[0] = "said after"
        print(*(reason for _, reason in Pool(2, "").outcomes(["a", "b"], noting.noted, "noting", None)), sep=", ")
        ended.set()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how many threads a process has")
@pytest.mark.parametrize(
    ("before", "said"),
    [("pass", "said before, said before"), ("threading.Thread(target=ended.wait).start()", "imported, imported")],
)
def test_workers_are_copies_of_a_process_without_threads(tmp_path: Path, before: str, said: str) -> None:
    (tmp_path / "noting.py").write_text(textwrap.dedent(NOTE))
    (tmp_path / "run.py").write_text(textwrap.dedent(RUN).format(before=before))
    # a script's folder is where its imports are looked for, in the processes it starts too
    done = subprocess.run([sys.executable, tmp_path / "run.py"], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == said


def _squared(number: int) -> int:
    return number**2


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_the_order_of_the_items(workers: int) -> None:
    assert Pool(workers, "").map(_squared, [3, 1, 2], __name__) == [9, 1, 4]
