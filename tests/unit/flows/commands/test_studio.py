"""What is asked of `segtalker studio` is looked at before anything heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from flows.commands.studio import check_options, is_loopback, studio
from flows.studio.options import LOOPBACK, StudioOptions
from segtalker.utils.errors import BadInputError

ROOT = Path(__file__).parents[4]


def test_defaults_are_modest() -> None:
    options = StudioOptions()
    assert options.host == LOOPBACK == "127.0.0.1"
    assert not options.webcam
    check_options(options)


def test_every_wrong_option_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(BadInputError) as raised:
        studio(experiment="absent", port=70000)
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == ["--port 70000", "experiment absent"]
    for options in (StudioOptions(max_speech_s=0), StudioOptions(queue=-1), StudioOptions(keep_min=float("nan"))):
        with pytest.raises(BadInputError, match="has to be more than 0"):
            check_options(options)


def test_this_machine_alone_is_known_by_its_names() -> None:
    own = [host for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost", "0.0.0.0", "10.0.0.7", "::", "studio")]
    assert [host for host in own if is_loopback(host)] == own[:4]


def test_nothing_heavy_is_loaded_for_a_wrong_option() -> None:
    script = """
import sys
from flows.cli import main
try:
    main()
except SystemExit as end:
    heavy = {"torch", "gradio", "pandas", "scipy"} & set(sys.modules)
    sys.exit(f"loaded: {heavy}" if heavy else end.code)
"""
    command = [sys.executable, "-c", script, "studio", "--experiment", "absent"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("error: experiment absent")
