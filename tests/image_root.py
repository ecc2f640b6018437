"""The image without an engine and without a base image: a bare Debian in which the steps of the Dockerfile are run.

`python -m tests.image_root FOLDER` leaves one, from which an image for a cluster can be packed. Needs root.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pathspec

ROOT = Path(__file__).resolve().parents[1]
DOCKERFILE = ROOT / "Dockerfile"
CONNECTOR_DOCKERFILE = ROOT / "deploy/image/connector.Dockerfile"
EPOCH = 1_700_000_000
CERTIFICATES = "/tmp/certificates.pem"
# How a step reaches an index, where the machine has its own way.
PASSED = re.compile(r"(UV|PIP)_(INDEX_URL|DEFAULT_INDEX)|(HTTPS?|NO)_PROXY", re.IGNORECASE)
MOUNTS = 'mount --bind "$1" "$1"; mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; '
# As in a pod: nothing can be written but two folders of its own.
READ_ONLY = (
    'mount -o remount,ro,bind "$1"; mount -t tmpfs -o mode=1777 tmpfs "$1/tmp"; '
    'mount -t tmpfs -o uid=10001,gid=10001 tmpfs "$1/scratch"; '
)
Instruction = tuple[str, str]


def instructions(dockerfile: Path = DOCKERFILE) -> list[Instruction]:
    """(word, the rest) of each instruction, on one line."""
    lines = [line for line in dockerfile.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    whole = "\n".join(lines).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in whole.splitlines() if line)]


def values(word: str, dockerfile: Path = DOCKERFILE) -> dict[str, str]:
    """What `ENV`, `ARG` or `LABEL` sets."""
    rests = [rest for name, rest in instructions(dockerfile) if name == word]
    pairs = [pair.partition("=") for rest in rests for pair in shlex.split(rest)]
    return {name: value for name, sign, value in pairs if sign}


def last(word: str) -> str:
    """The rest of the last instruction of this word: the one that holds."""
    return [rest for name, rest in instructions() if name == word][-1]


def copies(dockerfile: Path = DOCKERFILE) -> list[tuple[list[str], str]]:
    """(sources, target) of what comes out of this folder."""
    words = [rest.split() for name, rest in instructions(dockerfile) if name == "COPY"]
    return [(sources, target) for *sources, target in words if not sources[0].startswith("--from")]


def context() -> list[str]:
    """The files that the build sees: those that git has or would add, by .dockerignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    return [name for name in listed if name and not ignored(name) and (ROOT / name).is_file()]


def ignored(name: str) -> bool:
    """Whether .dockerignore leaves it out."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return pathspec.PathSpec.from_lines("gitwildmatch", lines).match_file(name)


def make(root: Path) -> None:
    """A Debian of the base image's release, then every COPY and RUN of the Dockerfile."""
    release = values("ARG")["PYTHON_IMAGE"].rpartition("-")[2]
    targets = ["--format", "$(REPO_URI)", "Created-By: Packages", f"Codename: {release}"]
    found = subprocess.run(["apt-get", "indextargets", *targets], capture_output=True, text=True, check=False)
    mirrors = [uri for uri in found.stdout.split() if "security" not in uri]
    with_python = ["--variant=minbase", "--include=ca-certificates,python3-venv"]
    _quiet(["debootstrap", *with_python, release, str(root), *mirrors[:1]])
    (root / "opt/hallmark").mkdir(parents=True)
    build(root, DOCKERFILE)


def build(root: Path, dockerfile: Path, **arguments: str) -> None:
    """Every COPY and RUN of a Dockerfile, with these values of its ARGs."""
    shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
    shutil.copy(os.environ.get("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"), f"{root}{CERTIFICATES}")
    given = {name: value for name, value in os.environ.items() if PASSED.fullmatch(name)}
    given |= {"SSL_CERT_FILE": CERTIFICATES, "PIP_CERT": CERTIFICATES, "SOURCE_DATE_EPOCH": str(EPOCH), **arguments}
    paths = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    for word, rest in instructions(dockerfile):
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            _copy(root, sources, target)
        elif word == "RUN":
            step = " ".join(part for part in rest.split() if not part.startswith("--mount="))
            enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec"]
            into = MOUNTS + 'exec chroot "$1" /usr/bin/env -i "${@:2}"'
            variables = [f"{name}={value}" for name, value in {"PATH": paths, **given}.items()]
            _quiet([*enter, into, "-", str(root), *variables, "bash", "-c", step])
    Path(f"{root}{CERTIFICATES}").unlink()


def pod(root: Path, *command: str, timeout: float = 120, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a pod does: user, variables, folder and entry point of the image, the root read-only."""
    user, entry = last("USER"), json.loads(last("ENTRYPOINT"))
    given = [f"{name}={value}" for name, value in {**values("ENV"), **variables}.items()]
    into = MOUNTS + READ_ONLY + f'cd "$1"; exec chroot --userspec={user} "$1" /usr/bin/env -i "${{@:2}}"'
    enter = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "bash", "-ec", into, "-", str(root)]
    whole = [*enter, f"--chdir={last('WORKDIR')}", *given, *entry, *command]
    return subprocess.run(whole, capture_output=True, text=True, timeout=timeout, check=False)


def _copy(root: Path, sources: list[str], target: str) -> None:
    """As COPY does: a folder's content goes into the target, a file to it, or into it if it ends with a slash."""
    for source in sources:
        for name in context():
            if (ROOT / source).is_dir() and name.startswith(f"{source}/"):
                to = Path(target) / name.removeprefix(f"{source}/")
            elif name == source:
                to = Path(target) / Path(name).name
            else:
                continue
            place = root / to.relative_to("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, place)
            place.chmod(0o755 if os.access(ROOT / name, os.X_OK) else 0o644)


def _quiet(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command[-3:])} ended with {done.returncode}:\n{done.stdout[-3000:]}")


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
