"""`segtalker talk --batch`: many videos from one list, the networks loaded once."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from flows.commands.console import say
from segtalker.inference.batch import Job, Ledger, read_list
from segtalker.inference.talk_inputs import TalkInputs
from segtalker.utils.errors import SegTalkerError, one_line

if TYPE_CHECKING:
    from segtalker.inference.talker import TalkingVideo

SOME_FAILED = 1


def run_batch(
    batch: Path,
    shared: TalkInputs,
    settings: str,
    check: Callable[[TalkInputs], object],
    make: Callable[[TalkInputs], "TalkingVideo"],
) -> int:
    """Makes the videos of a list that are not made yet; what fails is listed, and the others are made.

    Args:
        batch: the list.
        shared: what holds for all videos.
        settings: likewise, networks included, for a person or a program to compare.
        check: looks at what one is made from.
        make: makes one.

    Returns:
        The exit code: 0 where all are there, 1 where some failed.

    Raises:
        BadInputError: the list cannot be read.
    """
    jobs, ledger = read_list(batch, shared), Ledger(batch)
    failures: list[tuple[Job, str]] = []
    made = 0
    for job in jobs:
        try:
            check(job.inputs)
            key = job.key(settings)
            if ledger.holds(job.out, key):
                continue
            video = make(job.inputs)
        except SegTalkerError as error:
            failures.append((job, one_line(error)))
            say(f"line {job.line}: {failures[-1][1]}")
            continue
        ledger.add(job.out, key)
        made += 1
        say(f"line {job.line}: {job.out}, {video.seconds:.1f} s")
    ledger.fail(failures)
    kept = len(jobs) - made - len(failures)
    say(f"{batch}: {made} made, {kept} already there, {len(failures)} failed")
    if failures:
        say(f"{ledger.failures}: what failed, and why")
    return SOME_FAILED if failures else 0
