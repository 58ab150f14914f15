//! The object, executed instruction by instruction: what a socket costs, and that the mark is right. Needs no privilege.

#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::ops::Range;

use aya_obj::Object;
use aya_obj::generated::bpf_insn;
use galaf::id::{GroupId, UserId};
use galaf::mark::Mark;

/// Most instructions that a socket of ordinary ids may take.
const HOT_PATH_LIMIT: usize = 40;
/// Offset of `mark` in `struct bpf_sock` (linux/bpf.h).
const MARK_OFFSET: i16 = 16;
/// `bpf_get_current_uid_gid` (linux/bpf.h).
const GET_CURRENT_UID_GID: i32 = 15;
/// Source register of a call to a function of the object.
const CALL_LOCAL: u8 = 1;
/// Source register of an instruction that loads a plain 64-bit number.
const PLAIN_NUMBER: u8 = 0;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// With the mark and the hook's verdict.
    Exit { mark: Option<u32>, verdict: u64, count: usize },
    /// In the function for ids that need the map.
    OutOfLine,
}

fn instructions() -> Vec<bpf_insn> {
    let path = env::var_os("GALAF_EBPF_OBJECT")
        .unwrap_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/object/galaf.bpf.o").into());
    let object = Object::parse(&fs::read(path).unwrap()).unwrap();
    assert_eq!(object.programs.len(), 1);
    let program = &object.programs["galaf_mark"];
    object.functions[&program.function_key()].instructions.clone()
}

/// Executes the program for a process with these ids. Every instruction the kernel executes counts; one the
/// program has no reason to hold panics.
fn execute(program: &[bpf_insn], gid: u32, uid: u32) -> End {
    let mut registers = [0u64; 11];
    let (mut at, mut count, mut mark) = (0usize, 0usize, None);
    loop {
        let insn = program[at];
        let (dst, src) = (usize::from(insn.dst_reg()), usize::from(insn.src_reg()));
        let immediate = i64::from(insn.imm).cast_unsigned();
        count += 1;
        at += 1;
        match insn.code {
            0x18 if insn.src_reg() == PLAIN_NUMBER => {
                registers[dst] = u64::from(insn.imm.cast_unsigned()) | u64::from(program[at].imm.cast_unsigned()) << 32;
                at += 1;
            }
            0x63 => {
                assert_eq!((registers[dst], insn.off), (0, MARK_OFFSET), "the store goes to the context's mark");
                mark = Some(low(registers[src]));
            }
            0x85 if insn.src_reg() == CALL_LOCAL => return End::OutOfLine,
            0x85 => {
                assert_eq!(insn.imm, GET_CURRENT_UID_GID);
                registers[0] = u64::from(gid) << 32 | u64::from(uid);
            }
            0x95 => return End::Exit { mark, verdict: registers[0], count },
            code => {
                let operand = if code & 0x08 == 0 { immediate } else { registers[src] };
                match code & 0x07 {
                    0x04 => {
                        registers[dst] =
                            u64::from(low(arithmetic(code, registers[dst] & 0xffff_ffff, operand & 0xffff_ffff)))
                    }
                    0x07 => registers[dst] = arithmetic(code, registers[dst], operand),
                    0x05 => at = jump(at, insn.off, code == 0x05 || compare(code, registers[dst], operand)),
                    0x06 => at = jump(at, insn.off, compare(code, registers[dst] & 0xffff_ffff, operand & 0xffff_ffff)),
                    class => panic!("class {class:#x} of instruction {code:#x}"),
                }
            }
        }
    }
}

fn arithmetic(code: u8, left: u64, right: u64) -> u64 {
    match code & 0xf0 {
        0x00 => left.wrapping_add(right),
        0x10 => left.wrapping_sub(right),
        0x40 => left | right,
        0x50 => left & right,
        0x60 => left << right,
        0x70 => left >> right,
        0xb0 => right,
        operation => panic!("arithmetic {operation:#x}"),
    }
}

fn compare(code: u8, left: u64, right: u64) -> bool {
    match code & 0xf0 {
        0x10 => left == right,
        0x20 => left > right,
        0x30 => left >= right,
        0x50 => left != right,
        0xa0 => left < right,
        0xb0 => left <= right,
        operation => panic!("comparison {operation:#x}"),
    }
}

fn jump(at: usize, offset: i16, is_taken: bool) -> usize {
    if is_taken { at.checked_add_signed(isize::from(offset)).unwrap() } else { at }
}

fn low(value: u64) -> u32 {
    u32::try_from(value & 0xffff_ffff).unwrap()
}

/// Both sides of every place where the meaning of a plain id changes.
fn plain_ids() -> Vec<u32> {
    let around: [Range<u32>; 4] = [0..3, 999..1002, 29_999..30_006, 65_510..65_520];
    around.into_iter().flatten().chain([65_534]).collect()
}

#[test]
fn a_socket_of_ordinary_ids_costs_at_most_40_instructions_and_has_the_right_mark() {
    let program = instructions();
    let mut most = 0;
    for gid in plain_ids() {
        for uid in plain_ids() {
            let End::Exit { mark, verdict, count } = execute(&program, gid, uid) else {
                panic!("{gid}/{uid} leaves the hot path")
            };
            assert_eq!(mark, Some(Mark::new(GroupId(gid), UserId(uid)).0), "{gid}/{uid}");
            assert_eq!(verdict, 1, "{gid}/{uid} is refused its socket");
            most = most.max(count);
        }
    }
    println!("at most {most} instructions");
    assert!(most <= HOT_PATH_LIMIT, "{most} instructions");
}

#[test]
fn any_other_id_takes_the_way_over_the_map() {
    let program = instructions();
    for other in [65_520, 65_533, 65_535, 65_536, 161_076, u32::MAX - 1] {
        for plain in plain_ids() {
            assert_eq!(execute(&program, other, plain), End::OutOfLine, "{other}/{plain}");
            assert_eq!(execute(&program, plain, other), End::OutOfLine, "{plain}/{other}");
        }
    }
}
