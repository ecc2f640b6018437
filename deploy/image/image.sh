#!/usr/bin/env bash
# Builds the image from outside:  image.sh tag | build | connector REQUIREMENT
# REPOSITORY names it (default: hallmark). The tag says what is in it, so that the same tag is the same content.
set -euo pipefail
cd "$(dirname "$0")/../.."

fail() {
  printf '%s: %s\n  Remedy: %s\n' "$1" "$2" "$3" >&2
  exit 2
}

# version, commit, digest of the lock; -dirty with files that no commit has.
tag() {
  local version commit lock dirty=
  git rev-parse --quiet --verify HEAD >/dev/null 2>&1 || fail "tag" "this folder is no clone of git" "build from a clone"
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)
  commit=$(git rev-parse --short=12 HEAD)
  lock=$(sha256sum requirements.lock | cut -c1-8)
  [ -z "$(git status --porcelain)" ] || dirty=-dirty
  echo "$version-g$commit-l$lock$dirty"
}

# A command line alone is no engine: docker needs its daemon.
engine() {
  if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
    echo docker
  elif command -v podman >/dev/null; then
    echo podman
  elif command -v buildah >/dev/null; then
    echo buildah
  elif command -v docker >/dev/null; then
    fail "image" "docker is there, and its daemon does not answer" "start it, or install podman or buildah"
  else
    fail "image" "none of docker, podman and buildah is there" "install one of them: apt-get install buildah"
  fi
}

# build NAME OPTION…, in the form of Docker, since OCI's own has no health check.
build() {
  local name=$1 program
  shift
  program=$(engine)
  [ -z "${PIP_CONFIG_FILE:-}" ] || set -- "$@" --secret "id=pip.conf,src=$PIP_CONFIG_FILE"
  [ -z "${PYTHON_IMAGE:-}" ] || set -- "$@" --build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"
  [ "$program" = docker ] || set -- "$@" --format docker --timestamp "$epoch"
  "$program" build --build-arg "SOURCE_DATE_EPOCH=$epoch" --tag "$name" "$@" .
  echo "$name"
}

tag=$(tag)
epoch=$(git log -1 --format=%ct)
image=${REPOSITORY:-hallmark}:$tag
case ${1:-} in
  tag) echo "$tag" ;;
  build)
    build "$image" --build-arg "VERSION=$tag" --build-arg "REVISION=$(git rev-parse HEAD)" \
      --build-arg "CREATED=$(date --utc --date="@$epoch" +%Y-%m-%dT%H:%M:%SZ)" ;;
  connector)
    [ -n "${2:-}" ] || fail "connector" "none is named" "make connector-image CONNECTOR=airbyte-source-faker==7.2.1"
    name=${2%% *} # pins of other packages may follow
    build "$image-${name//==/-}" --file deploy/image/connector.Dockerfile \
      --build-arg "IMAGE=$image" --build-arg "CONNECTOR=$2" ;;
  *) fail "image.sh" "step '${1:-}' is none" "tag, build or connector" ;;
esac
