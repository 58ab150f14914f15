//! The variables that pass, and what their values may be.

use std::ffi::OsStr;

/// What a value may look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// Data: a folder of the caller's files, an address to connect to, a number.
    Any,
    /// A plain name. With a `/` it would be a path, and what lies there would be loaded: message catalogues hold format
    /// strings, themes and input methods are found in folders that the system chose.
    Name,
    /// D-Bus addresses of sockets. The `unixexec:` and `autolaunch:` transports start a program (D-Bus specification).
    Bus,
}

use Value::{Any, Bus, Name};

/// Deliberately absent: SHELL, EDITOR, VISUAL, PAGER, BROWSER and SSH_ASKPASS name programs; XDG_DATA_DIRS,
/// XDG_CONFIG_DIRS, GTK_PATH, QT_PLUGIN_PATH and TERMINFO name folders of plugins, handlers or terminal
/// descriptions; ELECTRON_RUN_AS_NODE turns an application into an interpreter.
///
/// Of what the C library takes away in secure mode, three come back: TMPDIR and TZDIR name folders of data, RES_OPTIONS
/// tunes the resolver. HOSTALIASES and LOCALDOMAIN do not, since they turn a name the application asks for into
/// another, nor does anything that is loaded (LD_PRELOAD, GCONV_PATH, LOCPATH, NLSPATH) or tunes memory (GLIBC_TUNABLES, MALLOC_*).
const ALLOWED: &[(&str, Value)] = &[
    // The person and the place.
    ("HOME", Any),
    ("USER", Any),
    ("LOGNAME", Any),
    ("PWD", Any),
    ("TMPDIR", Any),
    // Language, terminal, time.
    ("LANG", Name),
    ("LANGUAGE", Name),
    ("TERM", Name),
    ("COLORTERM", Name),
    ("COLUMNS", Any),
    ("LINES", Any),
    ("NO_COLOR", Any),
    ("CLICOLOR", Any),
    ("CLICOLOR_FORCE", Any),
    ("FORCE_COLOR", Any),
    ("TZ", Any),
    ("TZDIR", Any),
    // The session and its sockets.
    ("DISPLAY", Any),
    ("WAYLAND_DISPLAY", Any),
    ("XAUTHORITY", Any),
    ("ICEAUTHORITY", Any),
    ("SESSION_MANAGER", Any),
    ("DBUS_SESSION_BUS_ADDRESS", Bus),
    ("DBUS_STARTER_ADDRESS", Bus),
    ("DBUS_STARTER_BUS_TYPE", Name),
    ("SSH_AUTH_SOCK", Any),
    ("GPG_TTY", Any),
    ("PULSE_SERVER", Any),
    ("DESKTOP_SESSION", Name),
    ("DESKTOP_STARTUP_ID", Any),
    ("XDG_ACTIVATION_TOKEN", Any),
    ("XDG_CURRENT_DESKTOP", Name),
    ("XDG_MENU_PREFIX", Name),
    ("XDG_RUNTIME_DIR", Any),
    ("XDG_SEAT", Name),
    ("XDG_SESSION_CLASS", Name),
    ("XDG_SESSION_DESKTOP", Name),
    ("XDG_SESSION_ID", Name),
    ("XDG_SESSION_TYPE", Name),
    ("XDG_VTNR", Name),
    // The caller's own folders, as HOME is.
    ("XDG_CACHE_HOME", Any),
    ("XDG_CONFIG_HOME", Any),
    ("XDG_DATA_HOME", Any),
    ("XDG_STATE_HOME", Any),
    // How windows look and how text is entered.
    ("XCURSOR_SIZE", Name),
    ("XCURSOR_THEME", Name),
    ("XMODIFIERS", Name),
    ("GDK_BACKEND", Name),
    ("GDK_DPI_SCALE", Name),
    ("GDK_SCALE", Name),
    ("GTK_IM_MODULE", Name),
    ("GTK_THEME", Name),
    ("QT_AUTO_SCREEN_SCALE_FACTOR", Name),
    ("QT_ENABLE_HIGHDPI_SCALING", Name),
    ("QT_FONT_DPI", Name),
    ("QT_IM_MODULE", Name),
    ("QT_IM_MODULES", Name),
    ("QT_QPA_PLATFORM", Name),
    ("QT_QPA_PLATFORMTHEME", Name),
    ("QT_SCALE_FACTOR", Name),
    ("QT_SCREEN_SCALE_FACTORS", Name),
    ("QT_STYLE_OVERRIDE", Name),
    ("SDL_VIDEODRIVER", Name),
    ("ELECTRON_OZONE_PLATFORM_HINT", Name),
    ("MOZ_ENABLE_WAYLAND", Name),
    ("_JAVA_AWT_WM_NONREPARENTING", Name),
    // The network. The firewall judges the proxy as it judges any address.
    ("RES_OPTIONS", Any),
    ("all_proxy", Any),
    ("ftp_proxy", Any),
    ("http_proxy", Any),
    ("https_proxy", Any),
    ("no_proxy", Any),
    ("ALL_PROXY", Any),
    ("FTP_PROXY", Any),
    ("HTTP_PROXY", Any),
    ("HTTPS_PROXY", Any),
    ("NO_PROXY", Any),
];

/// The categories of a locale (locale(7)).
const LOCALE_PREFIX: &str = "LC_";

/// Whether the variable `name` with this `value` reaches every application.
pub(super) fn passes(name: &str, value: &OsStr) -> bool {
    let value = value.as_encoded_bytes();
    match rule(name) {
        None => false,
        Some(Any) => true,
        Some(Name) => !value.contains(&b'/'),
        Some(Bus) => value.split(|&byte| byte == b';').all(|address| address.starts_with(b"unix:")),
    }
}

fn rule(name: &str) -> Option<Value> {
    if let Some(category) = name.strip_prefix(LOCALE_PREFIX) {
        return category.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_').then_some(Name);
    }
    ALLOWED.iter().find(|(allowed, _)| *allowed == name).map(|&(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(name: &str, value: &str) -> bool {
        super::passes(name, OsStr::new(value))
    }

    #[test]
    fn no_variable_that_names_code_passes() {
        let names = "LD_PRELOAD LD_LIBRARY_PATH LD_AUDIT GCONV_PATH LOCPATH NLSPATH GLIBC_TUNABLES PYTHONPATH PYTHONHOME \
            PYTHONSTARTUP PYTHONINSPECT PERL5LIB PERL5OPT PERL5DB RUBYOPT RUBYLIB NODE_OPTIONS NODE_PATH BASH_ENV ENV SHELLOPTS \
            PS4 PROMPT_COMMAND IFS CDPATH BASH_FUNC_ls%% ZDOTDIR JAVA_TOOL_OPTIONS _JAVA_OPTIONS JDK_JAVA_OPTIONS CLASSPATH \
            LUA_INIT LUA_PATH TCLLIBPATH PHPRC PHP_INI_SCAN_DIR R_PROFILE_USER GUILE_LOAD_PATH EMACSLOADPATH VIMINIT EXINIT GTK_MODULES GTK3_MODULES \
            GTK_PATH GTK2_RC_FILES GIO_EXTRA_MODULES GDK_PIXBUF_MODULE_FILE GST_PLUGIN_PATH GST_PLUGIN_SCANNER QT_PLUGIN_PATH QML2_IMPORT_PATH \
            QT_QPA_PLATFORM_PLUGIN_PATH XDG_DATA_DIRS XDG_CONFIG_DIRS XCURSOR_PATH LIBGL_DRIVERS_PATH LIBVA_DRIVERS_PATH \
            VK_ICD_FILENAMES VK_LAYER_PATH __GLX_VENDOR_LIBRARY_NAME ALSA_CONFIG_PATH PIPEWIRE_MODULE_DIR SPA_PLUGIN_DIR \
            MOZ_GMP_PATH MOZ_PLUGIN_PATH ELECTRON_RUN_AS_NODE SHELL EDITOR VISUAL PAGER BROWSER SSH_ASKPASS SUDO_ASKPASS \
            GIT_SSH GIT_SSH_COMMAND GIT_EXEC_PATH GIT_EXTERNAL_DIFF LESSOPEN LESSCLOSE MANPAGER TERMINFO TERMCAP OPENSSL_CONF \
            OPENSSL_ENGINES SSLKEYLOGFILE KRB5_CONFIG DBUS_SYSTEM_BUS_ADDRESS HOSTALIASES LOCALDOMAIN RESOLV_HOST_CONF MALLOC_TRACE \
            WINEDLLPATH WINEPRELOADRESERVE FONTCONFIG_FILE MAGIC TEXTDOMAINDIR PATH";
        for name in names.split_whitespace() {
            assert!(!passes(name, "x"), "{name}");
        }
    }

    #[test]
    fn the_language_is_a_name_and_never_a_path() {
        assert!(passes("LANG", "de_DE.UTF-8") && passes("LC_ALL", "C") && passes("LANGUAGE", "de:en"));
        for name in ["LANG", "LANGUAGE", "LC_MESSAGES", "TERM", "GTK_IM_MODULE"] {
            assert!(!passes(name, "../../tmp/evil"), "{name}");
        }
    }

    #[test]
    fn a_prefix_does_not_let_other_names_through() {
        assert!(
            !passes("LC_x", "C") && !passes("LC_A=B", "C") && !passes("LC_ALL\n", "C") && !passes("LC_BASH%%", "C")
        );
        assert!(!passes("home", "x") && !passes("HOME ", "x") && !passes("", "x"));
    }

    #[test]
    fn a_session_bus_that_starts_a_program_does_not_pass() {
        let name = "DBUS_SESSION_BUS_ADDRESS";
        assert!(passes(name, "unix:path=/run/user/1000/bus") && passes(name, "unix:abstract=/tmp/x;unix:path=/y"));
        for address in
            ["unixexec:path=/tmp/evil", "unix:path=/no;unixexec:path=/tmp/evil", "autolaunch:", "unix:path=/x;", ""]
        {
            assert!(!passes(name, address), "{address}");
        }
    }

    #[test]
    fn the_list_names_each_variable_once() {
        let mut names: Vec<_> = ALLOWED.iter().map(|(name, _)| name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
