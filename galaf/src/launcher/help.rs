//! `--help`.

/// The whole help, as wide as a terminal of 80 columns.
pub(super) const TEXT: &str = "\
Launch an application in its own group, by which the firewall knows it.

Usage:
  galaf APP [ARG...]             launch APP
  galaf --list                   list the applications that you may launch
  galaf --explain APP [ARG...]   say what launching APP would do, and do nothing
  galaf --help | --version

Options stand before APP; everything after APP goes to APP. A symbolic link to
galaf launches the application it is named after, with all its arguments.

APP runs as you, with its own group, none of the groups of other applications,
no capabilities, a fixed PATH, and those of your variables that cannot make a
program load other code. Files that your groups give you access to stay
accessible. Open file descriptors are passed on.

Examples:
  galaf firefox https://example.org/
  galaf --explain firefox
  ln -s /usr/bin/galaf /usr/local/bin/firefox   (as root: a shortcut)

Exit codes:
  125   galaf refused or failed; nothing was launched
  126   the program was found but cannot be executed
  127   the program was not found
  else  the application's own
  --explain exits with 0, or with the code that launching would give.

Files:
  /var/lib/galaf/applications    what root granted; 'galaf-gen apply' writes it

Privileges:
  galaf carries the file capability cap_setgid+ep and gives it up before APP
  runs. Without it (a copy, a 'nosuid' file system, under no_new_privs), only
  --list and --explain work. Root cannot launch: its processes keep every
  privilege.
";
