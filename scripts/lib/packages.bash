# What the machine needs, and how it gets it. Sourced by the scripts beside it.

# Runs a command as root.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# Whether as_root can work; 'sudo' asks for a password on the terminal.
can_be_root() {
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; }
}

# Installs those of the Debian packages "$@" that are missing. Succeeds without a word where none is, and says
# what is missing where it cannot install them.
install_packages() {
    local package missing=()
    for package in "$@"; do
        [ "$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            missing+=("$package")
    done
    [ ${#missing[@]} != 0 ] || return 0
    if ! command -v apt-get >/dev/null || ! can_be_root; then
        echo "not installed, nor can this script install it: ${missing[*]} (as Debian calls them)" >&2
        return 1
    fi
    echo "installing: ${missing[*]}" >&2
    # A server that does not answer must not hold everything up.
    as_root apt-get update --quiet=2 &&
        as_root env DEBIAN_FRONTEND=noninteractive timeout 600 \
            apt-get install --yes --quiet=2 --no-install-recommends "${missing[@]}" >/dev/null
}

# The oldest Rust that galaf builds with.
rust_version() {
    sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml
}

# Whether a new enough Rust is there; one that rustup installed is put into PATH.
have_rust() {
    local needed found
    PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
    needed=$(rust_version)
    found=$(rustc --version 2>/dev/null | cut -d' ' -f2) || return 1
    [ "$(printf '%s\n' "$needed" "${found%%-*}" | sort --version-sort | head -n 1)" = "$needed" ]
}

# Makes sure that Rust is there, through rustup: Debian 12 has an older one.
install_rust() {
    ! have_rust || return 0
    echo "installing Rust $(rust_version) or later with rustup, below ${CARGO_HOME:-$HOME/.cargo}" >&2
    if ! command -v rustup >/dev/null; then
        install_packages ca-certificates curl || return 1
        curl --proto '=https' --tlsv1.2 --silent --show-error --fail https://sh.rustup.rs |
            sh -s -- -y --quiet --profile minimal --no-modify-path || return 1
        # An older one of the distribution must not be found first.
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
    fi
    rustup toolchain install stable --profile minimal --no-self-update >/dev/null || return 1
    have_rust || { echo "the Rust in PATH is older than $(rust_version)" >&2 && return 1; }
}
