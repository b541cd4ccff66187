#!/bin/sh
# Runs all checks against Python's libraries. See README.md.
set -eu
cd "$(dirname "$0")/../.."

if [ -z "${PYTHON:-}" ]; then
  venv=.venv-interop
  PYTHON=$PWD/$venv/bin/python
  packages="torch transformers tokenizers safetensors numpy pyarrow lm-eval[hf,api] openai"
  [ -x "$PYTHON" ] || python3 -m venv "$venv"
  if [ "$(cat "$venv/installed" 2>/dev/null)" != "$packages" ]; then
    # The build of torch without GPU libraries is a tenth of the size: from a folder of wheels that pip is set to
    # search, or from PyTorch's own index. Where there is neither, the ordinary build.
    "$PYTHON" -m pip install --quiet --no-index --no-deps torch 2>/dev/null ||
      "$PYTHON" -m pip install --quiet --index-url https://download.pytorch.org/whl/cpu torch 2>/dev/null ||
      "$PYTHON" -m pip install --quiet torch
    # shellcheck disable=SC2086
    "$PYTHON" -m pip install --quiet $packages
    echo "$packages" >"$venv/installed"
  fi
fi

swift build -c release --product castle
CASTLE=$(swift build -c release --show-bin-path)/castle
export CASTLE

for script in Tests/Interop/check_*.py; do
  echo "== $script"
  "$PYTHON" "$script"
done
echo "All checks against Python passed."
