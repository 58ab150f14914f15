//! The loaded program, found by its number.

use aya::maps::{HashMap, Map, MapData, MapError, MapInfo};
use aya::programs::{ProgramError, ProgramInfo, loaded_programs};

/// Its name in the object. The kernel shows the same: it has fewer than 16 characters.
pub(crate) const PROGRAM: &str = "galaf_mark";
/// Its map of containers that root trusts.
pub(crate) const TRUSTED_BASES: &str = "TRUSTED_BASES";

/// The program with this number.
///
/// # Errors
/// When the kernel does not tell (CAP_SYS_ADMIN).
pub(crate) fn find(id: u32) -> Result<Option<ProgramInfo>, ProgramError> {
    loaded_programs().find(|info| info.as_ref().map_or(true, |info| info.id() == id)).transpose()
}

/// The id bases it trusts, ascending.
///
/// # Errors
/// When the kernel does not tell (CAP_SYS_ADMIN).
pub(crate) fn trusted_bases(program: &ProgramInfo) -> Result<Vec<u32>, ProgramError> {
    for id in program.map_ids()?.unwrap_or_default() {
        if MapInfo::from_id(id)?.name_as_str() == Some(TRUSTED_BASES) {
            let map = HashMap::<_, u32, u8>::try_from(Map::HashMap(MapData::from_id(id)?))?;
            let mut bases = map.keys().collect::<Result<Vec<u32>, MapError>>()?;
            bases.sort_unstable();
            return Ok(bases);
        }
    }
    Ok(Vec::new())
}
