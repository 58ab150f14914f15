//! Questions and answers of DNS (RFC 1035), with extended errors (RFC 8914).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

const TYPE_A: u16 = 1;
const TYPE_AAAA: u16 = 28;
const TYPE_OPT: u16 = 41;
const CLASS_IN: u16 = 1;
const OPTION_EXTENDED_ERROR: u16 = 15;
/// What fits every path unfragmented (RFC 9715).
const UDP_SIZE: u16 = 1232;

/// Code 0: no error.
pub const NOERROR: u8 = 0;
/// Code 5: the server will not answer that.
pub const REFUSED: u8 = 5;
/// Extended error 15: blocked by whoever runs the server.
pub const BLOCKED: u16 = 15;

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The response code.
    pub code: u8,
    /// Extended errors.
    pub extended: Vec<u16>,
    /// Addresses, in order.
    pub addresses: Vec<IpAddr>,
}

impl Answer {
    /// Whether the server's operator forbids the name.
    pub fn is_blocked(&self) -> bool {
        self.code == REFUSED && self.extended == [BLOCKED] && self.addresses.is_empty()
    }

    /// One line of what `galaf-peer` prints.
    pub fn to_json(&self) -> Value {
        let addresses: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        json!({ "code": self.code, "extended": self.extended, "addresses": addresses })
    }

    /// Reads what [`Self::to_json`] made.
    ///
    /// # Errors
    /// If it is something else.
    pub fn from_json(text: &str) -> Result<Self> {
        let read = || -> Option<Self> {
            let value: Value = serde_json::from_str(text).ok()?;
            let extended = value["extended"].as_array()?.iter();
            let addresses = value["addresses"].as_array()?.iter();
            Some(Self {
                code: u8::try_from(value["code"].as_u64()?).ok()?,
                extended: extended.map(|code| u16::try_from(code.as_u64()?).ok()).collect::<Option<_>>()?,
                addresses: addresses.map(|address| address.as_str()?.parse().ok()).collect::<Option<_>>()?,
            })
        };
        read().with_context(|| format!("not an answer: '{text}'"))
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "code {}", self.code)?;
        self.extended.iter().try_for_each(|code| write!(f, ", extended error {code}"))?;
        self.addresses.iter().try_for_each(|address| write!(f, ", {address}"))
    }
}

/// A question for the addresses of `name`: IPv6 ones, or IPv4 ones.
///
/// # Errors
/// If a label is not one of 1 to 63 bytes.
pub fn question(id: u16, name: &str, ipv6: bool) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(64);
    // Recursion desired; one question, one additional record.
    for number in [id, 0x0100, 1, 0, 0, 1] {
        bytes.extend(number.to_be_bytes());
    }
    for label in name.trim_end_matches('.').split('.') {
        let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
        bytes.push(length.with_context(|| format!("'{label}' is not a label"))?);
        bytes.extend(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend(if ipv6 { TYPE_AAAA } else { TYPE_A }.to_be_bytes());
    bytes.extend(CLASS_IN.to_be_bytes());
    // EDNS: root name, OPT, size, flags, no options. Without it a server may not send extended errors.
    bytes.push(0);
    bytes.extend(TYPE_OPT.to_be_bytes());
    bytes.extend(UDP_SIZE.to_be_bytes());
    bytes.extend([0; 6]);
    Ok(bytes)
}

/// Reads the answer to the question with `id`.
///
/// # Errors
/// If it is not one.
pub fn answer(id: u16, bytes: &[u8]) -> Result<Answer> {
    let mut reader = Reader { bytes, at: 0 };
    if reader.number()? != id {
        bail!("the answer is to another question");
    }
    let flags = reader.number()?;
    let [questions, answers, authorities, additional] =
        [reader.number()?, reader.number()?, reader.number()?, reader.number()?];
    for _ in 0..questions {
        reader.skip_name()?;
        reader.take(4)?;
    }
    let mut answer = Answer { code: u8::try_from(flags & 0xf)?, extended: Vec::new(), addresses: Vec::new() };
    for _ in 0..u32::from(answers) + u32::from(authorities) + u32::from(additional) {
        reader.skip_name()?;
        let kind = reader.number()?;
        reader.take(6)?;
        let length = reader.number()?;
        let data = reader.take(usize::from(length))?;
        match kind {
            TYPE_A => answer.addresses.push(Ipv4Addr::from(<[u8; 4]>::try_from(data)?).into()),
            TYPE_AAAA => answer.addresses.push(Ipv6Addr::from(<[u8; 16]>::try_from(data)?).into()),
            TYPE_OPT => answer.extended = extended_errors(data)?,
            _ => {}
        }
    }
    Ok(answer)
}

fn extended_errors(options: &[u8]) -> Result<Vec<u16>> {
    let mut reader = Reader { bytes: options, at: 0 };
    let mut codes = Vec::new();
    while reader.at < options.len() {
        let (option, length) = (reader.number()?, reader.number()?);
        let mut data = Reader { bytes: reader.take(usize::from(length))?, at: 0 };
        if option == OPTION_EXTENDED_ERROR {
            codes.push(data.number()?);
        }
    }
    Ok(codes)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let end = self.at + length;
        let part = self.bytes.get(self.at..end).context("the answer is cut off")?;
        self.at = end;
        Ok(part)
    }

    fn number(&mut self) -> Result<u16> {
        Ok(u16::from_be_bytes(<[u8; 2]>::try_from(self.take(2)?)?))
    }

    /// A name ends with an empty label or with a pointer, whose two highest bits are set.
    fn skip_name(&mut self) -> Result<()> {
        loop {
            match self.take(1)?[0] {
                0 => return Ok(()),
                pointer if pointer >= 0xc0 => return self.take(1).map(drop),
                length => self.take(usize::from(length)).map(drop)?,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_with_an_extended_error_is_read() {
        let mut bytes = question(7, "www.granted.test", false).unwrap();
        bytes[2..4].copy_from_slice(&[0x81, 0x85]);
        let length = bytes.len();
        bytes[length - 1] = 6;
        bytes.extend([0, 15, 0, 2, 0, 15]);
        let read = answer(7, &bytes).unwrap();
        assert!(read.is_blocked(), "{read}");
        assert_eq!(Answer::from_json(&read.to_json().to_string()).unwrap(), read);
        assert!(answer(8, &bytes).is_err());
        assert!(answer(7, &bytes[..length + 1]).is_err());
    }

    #[test]
    fn addresses_behind_a_compressed_name_are_read() {
        let mut bytes = question(1, "a.test", false).unwrap();
        bytes.truncate(bytes.len() - 11);
        bytes[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 198, 51, 100, 1]);
        let read = answer(1, &bytes).unwrap();
        assert_eq!((read.code, read.addresses), (NOERROR, vec![IpAddr::from([198, 51, 100, 1])]));
    }
}
