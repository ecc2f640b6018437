#!/usr/bin/env bash
# The steps that make the image, by name:  build.sh system | packages | project | connector REQUIREMENT
# The Dockerfile runs them, and tests/integration/test_image.py does in a bare Debian. An index of packages is the one
# that pip is configured for. SOURCE_DATE_EPOCH is the newest time that a file may have.
set -euo pipefail
umask 022
TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 DO_NOT_TRACK=1 SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}
export UV_NO_CACHE=1
export UV_CONCURRENT_INSTALLS=1 # dbt's packages write the same files: which of them does it last must be the same

app=/opt/hallmark
venv=$app/.venv
connectors=$app/connectors
bill=/var/lib/db/sbom/hallmark.cdx.json # where scanners look for one
tools=/tmp/hallmark-tools
user=10001

# tini ends what a run leaves, tesseract reads scanned documents.
system() {
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends ca-certificates tesseract-ocr tini >/dev/null
  getent passwd $user >/dev/null || {
    groupadd --gid $user hallmark
    useradd --uid $user --gid $user --home-dir /scratch --no-create-home --shell /usr/sbin/nologin hallmark
  }
  install -d -o $user -g $user /scratch
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb /var/cache/debconf/*-old \
    /var/cache/ldconfig/aux-cache /var/log/apt /var/log/*.log /etc/*- /var/lib/dpkg/*-old
}

packages() {
  with_tools
  python3 -m venv --without-pip "$venv"
  uv pip sync --quiet --require-hashes --python "$venv/bin/python" "$app/requirements.lock"
  slim
  compile "$venv/lib"
  stamp "$venv"
}

# Editable: dbt's project, prefect.toml and sources.yml stand beside the packages, not in them. By a path, since a finder
# would slow each import down.
project() {
  with_tools
  uv pip install --quiet --no-deps --no-build-isolation --config-setting editable_mode=compat \
    --python "$venv/bin/python" --editable "$app"
  local info
  info=$(echo "$venv"/lib/python*/site-packages/hallmark-*.dist-info)
  rm -rf "$app/build" "$app"/*.egg-info "$info/uv_cache.json" # with the time of the installation
  sed -i /uv_cache.json/d "$info/RECORD"
  compile "$app/flows" "$app/blocks" "$app/governance" "$app/expectations"
  mkdir -p "$(dirname $bill)"
  "$tools/bin/cyclonedx-py" environment --output-reproducible --pyproject "$app/pyproject.toml" --mc-type application \
    --output-format JSON --output-file $bill "$venv/bin/python"
  chmod -R go-w,a+rX "$app" $bill
  stamp "$app" "$(dirname $bill)"
  rm -rf $tools
}

# Also asks the connector for its specification: beside the environment, where it is kept, nothing can be written later.
connector() {
  with_tools
  "$venv/bin/python" - "$connectors" "$1" <<'PY'
import sys
from pathlib import Path
from blocks.connectors import Connector

Connector("of the image", sys.argv[2], {}, Path(sys.argv[1])).specification
PY
  rm -rf $connectors/.[!.]*
  compile $connectors || echo "connector $1: files that are no Python stay uncompiled" >&2
  chmod -R go-w,a+rX $connectors
  stamp $connectors
  rm -rf $tools
}

# uv does not read pip's configuration.
with_tools() {
  if [ ! -e $tools/.ready ]; then
    rm -rf $tools
    python3 -m venv $tools
    $tools/bin/pip install --quiet --no-cache-dir --disable-pip-version-check --no-deps --require-hashes \
      -r "$app/requirements-image.lock"
    touch $tools/.ready
  fi
  local index
  index=${PIP_INDEX_URL:-$($tools/bin/pip config get global.index-url 2>/dev/null || true)}
  if [ -n "$index" ] && [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then export UV_DEFAULT_INDEX=$index; fi
  export PATH=$tools/bin:$PATH
}

# What no program of these packages imports: their own tests, and what C compilers read. Not every folder of that name
# can go: OpenMetadata's models have one of test cases.
slim() {
  local site
  site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  for package in numpy pandas pyarrow scipy; do # 120 MB; of all others together 7
    find "$site/$package" -depth -type d \( -name tests -o -name include -o -name includes \) -exec rm -rf {} +
    find "$site/$package" -type f \( -name '*.pyx' -o -name '*.pxd' -o -name '*.pxi' -o -name '*.h' -o -name '*.a' \) -delete
  done
}

# By hash and unchecked, so that neither the time of a source nor a look at it is needed.
compile() {
  "$venv/bin/python" -m compileall -q -j 0 --invalidation-mode unchecked-hash "$@"
}

stamp() {
  find "$@" -newermt "@$SOURCE_DATE_EPOCH" -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +
}

step=${1:-}
case $step in
  system | packages | project) "$step" ;;
  connector)
    [ $# -eq 2 ] || { echo "connector: no package is named. Remedy: build.sh connector airbyte-source-x==1.2.3" >&2; exit 2; }
    connector "$2" ;;
  *) echo "step '$step': there is none of that name. Remedy: system, packages, project or connector" >&2; exit 2 ;;
esac
