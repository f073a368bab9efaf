"""Equal trainings give equal bytes, whatever cores and instructions the machine has."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from segtalker.utils import arithmetic
from segtalker.utils.arithmetic import arithmetic_environment, processor

# trains a small face parser for three steps and prints the hash of its weights
_TRAINING = """
import hashlib
import numpy as np, torch
from torch.nn import functional as F
from segtalker.nets.parser import FaceParser
torch.set_num_threads(2)
torch.manual_seed(1)
net = FaceParser(channels=16, multipliers=[1, 2], regions=12)
optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
images, labels = torch.rand(4, 3, 64, 64), torch.randint(0, 12, (4, 64, 64))
for _ in range(3):
    optimizer.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    optimizer.step()
matrix = np.random.default_rng(0).standard_normal((64, 300))
parts = [weights.detach().numpy() for weights in net.parameters()] + [np.exp(matrix), matrix @ matrix.T]
print(hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest())
"""
# a processor of 2008, so that `native` is another here than on any machine that runs this
_OLD_PROCESSOR = {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default", "OPENBLAS_CORETYPE": "Nehalem"}


def _weights_hash(cores: int, **environment: str) -> str:
    """Trains on two threads, in a process of its own that sees so many of this machine's cores."""
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    return subprocess.run(
        [sys.executable, "-c", _TRAINING],
        env=os.environ | environment,
        preexec_fn=lambda: os.sched_setaffinity(0, allowed),
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.skipif("avx2" not in processor()["instructions"], reason="this processor has no AVX2")
def test_equal_trainings_end_with_equal_bytes_on_one_core_and_on_two_of_another_processor() -> None:
    fixed, native = arithmetic_environment("avx2"), arithmetic_environment("native")
    first = _weights_hash(cores=1, **fixed)
    assert _weights_hash(cores=2, **_OLD_PROCESSOR | fixed) == first
    assert _weights_hash(cores=2, **_OLD_PROCESSOR | native) != first


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library has other settings")
def test_memory_of_freed_tensors_is_used_again() -> None:
    program = """
import resource, torch
for round in range(40):
    torch.zeros(10_000_000)
    if round == 9:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
    command = [sys.executable, "-c", program]
    environment = os.environ | arithmetic_environment("native")
    faults = int(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert faults < 30 * 10_000_000 * 4 / os.sysconf("SC_PAGE_SIZE") / 10  # each tensor anew would be ten times as many


def test_the_processor_is_read_from_what_the_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cpuinfo"
    path.write_text(
        "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t\t: fpu avx avx2 fma\n\n"
        "processor\t: 1\nmodel name\t: Another\nflags\t\t: fpu\n"
    )
    monkeypatch.setattr(arithmetic, "_CPU_INFO", path)
    assert processor() == {"model": "Some CPU @ 2 GHz", "instructions": "avx2 fma"}


def test_without_the_file_the_processor_is_what_python_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arithmetic, "_CPU_INFO", tmp_path / "cpuinfo")
    assert processor()["model"]
    assert processor()["instructions"] == ""
