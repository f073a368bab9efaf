"""Fixing what decides the last bits of a sum: the instructions and the threads of the libraries that compute.

A sum taken eight numbers at a time ends in other bits than one taken sixteen at a time, and one shared by two threads
in others than one thread's. These libraries choose by the processor they find, each when it is loaded: oneDNN
(convolutions), ATen (what torch does by itself), MKL and OpenBLAS (matrix products of torch and of NumPy), NumPy
(exponentials and powers of float64) and the IPP inside OpenCV (cubic interpolation, as of the renderer's noise).
"""

import platform
from pathlib import Path
from typing import Literal

InstructionSet = Literal["avx2", "native"]

# AVX2 with fused products, in the words of each library: Intel since 2013, AMD since 2015
_AVX2 = {
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "ATEN_CPU_CAPABILITY": "avx2",
    "MKL_CBWR": "AVX2,STRICT",  # COMPATIBLE, without AVX2, takes three times as long
    "OPENBLAS_CORETYPE": "Haswell",
    "OPENCV_IPP": "avx2",
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",
}
# OpenBLAS else shares a product among all cores. A thread of GNU OpenMP that waits for the others looks so often before
# it sleeps: a step of train_parser on two threads took 55 ms, 82 if it sleeps at once (85 on one thread), 50 if it
# never does, which would keep a core from what runs beside it
_THREADS = {"OPENBLAS_NUM_THREADS": "1", "GOMP_SPINCOUNT": "20000"}
# glibc else gives every freed tensor of some size back to the system, which clears its pages anew for the next one:
# a twentieth of a training's time on the CPU
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**32)}
_CPU_INFO = Path("/proc/cpuinfo")
_TELLING_FLAGS = ("avx2", "fma", "avx512f", "avx512_bf16", "amx_tile")


def arithmetic_environment(instruction_set: InstructionSet) -> dict[str, str]:
    """Variables of every process that computes, to be set before it starts, at the latest before it imports torch.

    Beside the instructions: how long idle threads spin, and that freed memory stays with the process.

    Args:
        instruction_set: `avx2`: the same instructions on every x86-64 processor that has AVX2, as far as the libraries
            let themselves be told; torch's exponential, logarithm and matrix product may still end in other bits on
            another maker's processor. `native`: the widest instructions there are.
    """
    return _THREADS | _MEMORY | (_AVX2 if instruction_set == "avx2" else {})


def processor() -> dict[str, str]:
    """The processor: its `model`, and which of the instructions that matter here it has, as `instructions`."""
    fields: dict[str, str] = {}
    if _CPU_INFO.is_file():
        lines = (line.partition(":") for line in _CPU_INFO.read_text(encoding="utf-8").splitlines())
        for name, _, value in lines:
            fields.setdefault(name.strip(), value.strip())
    flags = fields.get("flags", "").split()
    return {
        "model": fields.get("model name") or platform.processor() or platform.machine(),
        "instructions": " ".join(flag for flag in _TELLING_FLAGS if flag in flags),
    }
