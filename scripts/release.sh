#!/bin/sh
# Builds releases that come out the same, octet for octet, wherever and whenever
# they are built from a commit with the same Go: release.sh
# stage|tar|deb|rpm|all|check [ARCH...], into dist/.
#
# The program is built in pure Go, so that it runs on any Linux of its
# architecture: it captures through AF_PACKET, and needs no libpcap.
set -eu
cd "$(dirname "$0")/.."
GO=${GO:-go}
DIST=${DIST:-dist}
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
SBOM=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# A tree without git, like that of check, is told these.
VERSION=${VERSION:-$(git describe --tags --always --dirty)}
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export VERSION SOURCE_DATE_EPOCH
export TZ=UTC LC_ALL=C
umask 022

what=${1:-tar}
[ $# -eq 0 ] || shift
archs=${*:-amd64 arm64}

# pkgversion is what packages sort by: a tag without its v, else a snapshot that
# sorts before any tag.
pkgversion() {
	case "$VERSION" in
	v[0-9]*) printf '%s' "${VERSION#v}" | tr - '~' ;;
	*) printf '0.0.0~%s.%s' "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y%m%d%H%M%S)" "$(printf %s "$VERSION" | tr - .)" ;;
	esac
}

# build ARCH OUT, with BUILD_CACHE in place of Go's own cache
build() {
	GOCACHE=${BUILD_CACHE:-$($GO env GOCACHE)} CGO_ENABLED=0 GOOS=linux GOARCH=$1 GOFLAGS= $GO build -trimpath -buildvcs=false \
		-ldflags "-s -w -buildid= -X github.com/gzeek/gzeek/cli.version=$VERSION" -o "$2" ./cmd/gzeek
}

# pages FOLDER: the manual, compressed without names and times
pages() {
	rm -rf "$1" && mkdir -p "$1"
	host=$($GO env GOHOSTARCH)
	stage_program "$host"
	"$DIST/$host/gzeek" __man "$1"
	gzip -9n "$1"/*.1
}

built=
stage_program() {
	case " $built " in *" $1 "*) return ;; esac
	built="$built $1"
	mkdir -p "$DIST/$1"
	build "$1" "$DIST/$1/gzeek"
}

# stage ARCH: everything that packages hold and that is made, once for all of them
staged=
stage() {
	case " $staged " in *" $1 "*) return ;; esac
	staged="$staged $1"
	stage_program "$1"
	pages "$DIST/$1/man"
	mkdir -p "$DIST/$1/completion"
	g=$DIST/$($GO env GOHOSTARCH)/gzeek
	"$g" completion bash >"$DIST/$1/completion/gzeek.bash"
	"$g" completion zsh >"$DIST/$1/completion/_gzeek"
	"$g" completion fish >"$DIST/$1/completion/gzeek.fish"
	# The list of what is in the program, in CycloneDX, read out of the program
	# itself. The tool tells its own hash, so it is built without paths as well.
	tool=$DIST/tools/cyclonedx-gomod
	[ -x "$tool" ] || GOFLAGS=-trimpath GOBIN=$(mkdir -p "$DIST/tools" && cd "$DIST/tools" && pwd) $GO install "$SBOM"
	GOPROXY=off "$tool" bin -json -licenses -noserial -notimestamp -version "$VERSION" -output "$DIST/$1/gzeek.cdx.json" "$DIST/$1/gzeek"
}

tarball() {
	stage "$1"
	name=gzeek-$VERSION-linux-$1
	rm -rf "$DIST/$name"
	mkdir -p "$DIST/$name"
	cp -R "$DIST/$1/gzeek" "$DIST/$1/man" "$DIST/$1/completion" "$DIST/$1/gzeek.cdx.json" LICENSE README.md CHANGELOG.md docs packaging "$DIST/$name/"
	tar --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --mode=go-w,a+rX --format=ustar \
		-C "$DIST" -cf - "$name" | gzip -9n >"$DIST/$name.tar.gz"
	rm -rf "${DIST:?}/$name"
}

# package FORMAT ARCH
package() {
	stage "$2"
	sed -e "s|@STAGE@|$DIST/$2|; s|@ARCH@|$2|; s|@VERSION@|$(pkgversion)|" packaging/nfpm.yaml >"$DIST/$2/nfpm.yaml"
	GOFLAGS= $GO run "$NFPM" package --config "$DIST/$2/nfpm.yaml" --packager "$1" --target "$DIST"
}

# sums lists what has been made; not every kind has to be there.
sums() {
	(cd "$DIST" && find . -maxdepth 1 \( -name '*.tar.gz' -o -name '*.deb' -o -name '*.rpm' \) -printf '%f\n' | sort | xargs sha256sum >SHA256SUMS)
}

case "$what" in
stage) for a in $archs; do stage "$a"; done ;;
tar)
	for a in $archs; do tarball "$a"; done
	sums
	cat "$DIST/SHA256SUMS"
	;;
deb | rpm)
	for a in $archs; do package "$what" "$a"; done
	sums
	;;
all)
	for a in $archs; do
		tarball "$a"
		package deb "$a"
		package rpm "$a"
	done
	sums
	cat "$DIST/SHA256SUMS"
	;;
check)
	# One commit twice, from trees at different places: once with Go's own cache, as
	# releases are made, and once with none, so that no part of the program is
	# compiled once for both. What is compared is everything that is released.
	commit=$(git rev-parse HEAD)
	version=$(git describe --tags --always)
	for n in 1 2; do
		tree=$(mktemp -d "/tmp/gzeek-release-$n.XXXXXX")
		git archive "$commit" | tar -x -C "$tree"
		cache=
		[ $n = 1 ] || cache=$tree.cache
		# shellcheck disable=SC2086 # archs is a list
		(cd "$tree" && VERSION=$version BUILD_CACHE=$cache DIST=$tree/dist sh scripts/release.sh all $archs >/dev/null)
		cp "$tree/dist/SHA256SUMS" "$tree.sums"
		rm -rf "$tree.cache"
		eval "tree$n=$tree"
	done
	cat "$tree1.sums"
	if cmp "$tree1.sums" "$tree2.sums"; then
		echo "release: both builds are the same"
		rm -rf "$tree1" "$tree2" "$tree1.sums" "$tree2.sums"
	else
		echo "release: the builds in $tree1 and $tree2 differ" >&2
		exit 1
	fi
	;;
*)
	echo "release.sh stage|tar|deb|rpm|all|check [ARCH...]" >&2
	exit 2
	;;
esac
