//! From an object file to a program that runs.

use std::fs::File;
use std::path::{Path, PathBuf};

use aya::maps::{HashMap, MapError};
use aya::programs::links::FdLink;
use aya::programs::{CgroupAttachMode, CgroupSock, ProgramError};
use aya::{Ebpf, EbpfError};
use galaf::fold::{IdBase, MAX_TRUSTED_BASES};
use galaf::trust::text_of;
use nix::sys::resource::{RLIM_INFINITY, Resource, setrlimit};
use nix::sys::statfs::{CGROUP2_SUPER_MAGIC, fstatfs};

use crate::cause::{cause, is_refusal};
use crate::program::{PROGRAM, TRUSTED_BASES};

/// Why nothing was attached.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AttachError {
    /// The folder cannot be opened.
    #[error("cannot open '{}': {cause}", path.display())]
    Open { path: PathBuf, cause: String },
    /// The folder is no cgroup.
    #[error("'{}' is not a cgroup v2 folder", .0.display())]
    NotACgroup(PathBuf),
    /// The kernel refused although the capabilities are there.
    #[error("the kernel does not permit it: run it as root of the host, not inside a container or user namespace")]
    Refused,
    /// The object or the kernel does not go with this loader.
    #[error("cannot {step}: {cause}")]
    Step { step: &'static str, cause: String },
    /// More bases than the map holds.
    #[error("{0} trusted bases are given, at most {MAX_TRUSTED_BASES} fit")]
    TooManyBases(usize),
    /// Another object than galaf's.
    #[error("the object has no {0}: it was not built from galaf's sources")]
    Foreign(&'static str),
}

/// A cgroup v2 folder.
pub(crate) struct Cgroup(File);

impl Cgroup {
    /// Opens a folder and checks that it is one.
    ///
    /// # Errors
    /// When it cannot be opened or lies in another file system.
    pub(crate) fn open(path: &Path) -> Result<Self, AttachError> {
        let open_error = |cause| AttachError::Open { path: path.to_owned(), cause };
        let dir = File::open(path).map_err(|error| open_error(text_of(&error)))?;
        let kind = fstatfs(&dir).map_err(|error| open_error(text_of(&error.into())))?.filesystem_type();
        let is_dir = dir.metadata().is_ok_and(|metadata| metadata.is_dir());
        if kind == CGROUP2_SUPER_MAGIC && is_dir {
            Ok(Self(dir))
        } else {
            Err(AttachError::NotACgroup(path.to_owned()))
        }
    }
}

/// Loads the program, tells it the trusted bases, and attaches it. It runs as long as the result lives or is pinned.
///
/// # Errors
/// What the object lacks or the kernel refused.
pub(crate) fn attach(object: &[u8], cgroup: &Cgroup, trusted: &[IdBase]) -> Result<FdLink, AttachError> {
    // Before Linux 5.11 the maps count as locked memory; where that matters and this fails, so does the load.
    let _ = setrlimit(Resource::RLIMIT_MEMLOCK, RLIM_INFINITY, RLIM_INFINITY);
    let mut ebpf = Ebpf::load(object).map_err(at::<EbpfError>("read the object"))?;
    trust(&mut ebpf, trusted)?;
    let program = ebpf.program_mut(PROGRAM).ok_or(AttachError::Foreign("program 'galaf_mark'"))?;
    let program: &mut CgroupSock = program.try_into().map_err(at::<ProgramError>("use the program"))?;
    program.load().map_err(at("load the program"))?;
    // Links always share a cgroup with others; any other mode is refused with EINVAL.
    let id = program.attach(&cgroup.0, CgroupAttachMode::Single).map_err(at("attach the program"))?;
    let link = program.take_link(id).map_err(at("attach the program"))?;
    FdLink::try_from(link).map_err(at("hold the link"))
}

fn trust(ebpf: &mut Ebpf, bases: &[IdBase]) -> Result<(), AttachError> {
    if u32::try_from(bases.len()).map_or(true, |count| count > MAX_TRUSTED_BASES) {
        return Err(AttachError::TooManyBases(bases.len()));
    }
    let map = ebpf.map_mut(TRUSTED_BASES).ok_or(AttachError::Foreign("map 'TRUSTED_BASES'"))?;
    let mut map = HashMap::<_, u32, u8>::try_from(map).map_err(at::<MapError>("use the map of trusted bases"))?;
    bases.iter().try_for_each(|base| map.insert(base.get(), 1, 0)).map_err(at("write the trusted bases"))
}

fn at<E: std::error::Error + 'static>(step: &'static str) -> impl FnOnce(E) -> AttachError {
    move |error| {
        if is_refusal(&error) { AttachError::Refused } else { AttachError::Step { step, cause: cause(&error) } }
    }
}
