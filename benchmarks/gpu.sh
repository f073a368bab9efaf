#!/usr/bin/env bash
# What a GPU gives, in one table, meant for twelve minutes: benchmarks/gpu.sh [options of benchmarks.gpu]
# Runs on a bare machine with torch, Lightning, numpy, OpenCV and pandas. Wheels of pydantic and ruamel.yaml, where it
# lacks them and has no network, go into .whl/ (pip download --only-binary=:all: -d .whl pydantic ruamel.yaml).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
export PYTHONPATH=$root${PYTHONPATH:+:$PYTHONPATH}
if ! "$python" -c 'import pydantic, ruamel.yaml' 2>/dev/null; then
  site=$(mktemp -d)
  trap 'rm -rf "$site"' EXIT
  "$python" -m pip install -q --no-index --find-links "$root/.whl" --no-compile --target "$site" pydantic ruamel.yaml
  export PYTHONPATH=$site:$PYTHONPATH
fi
"$python" -m benchmarks.gpu --out "${OUT:-gpu}" "$@"
