//! The floors of the house: a room imports only from floors below it, and on its own floor only from the left.
#![expect(clippy::unwrap_used, reason = "a test that fails panics")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each floor from the ground up; on one floor from left to right. `ARCHITECTURE.md` tells what the rooms are for.
const FLOORS: &[&[&str]] = &[
    &["error", "clock", "id", "secret", "seal", "money", "idempotency", "metrics", "fail_point", "retry_after"],
    &["message", "platform", "event"],
    &["team", "quota", "session", "usage", "ai", "inbox"],
    &["webhook", "command", "tool"],
    &["turn"],
    &["engine"],
];
/// Rooms at the side: what stands beside the floors and may look into them. The second list is who may look at it.
const SIDE: &[(&str, &[&str])] = &[("store", &["engine", "settings", "testing"]), ("settings", &[]), ("testing", &[])];

fn place(room: &str) -> Option<(usize, usize)> {
    FLOORS
        .iter()
        .enumerate()
        .find_map(|(floor, rooms)| rooms.iter().position(|&known| known == room).map(|position| (floor, position)))
}

fn may_import(from: &str, to: &str) -> bool {
    if from == to {
        return true;
    }
    if let Some((_, visitors)) = SIDE.iter().find(|(side, _)| *side == to) {
        return visitors.contains(&from);
    }
    match (place(from), place(to)) {
        (Some((from_floor, from_position)), Some((to_floor, to_position))) => {
            to_floor < from_floor || (to_floor == from_floor && to_position < from_position)
        }
        (None, Some(_)) => SIDE.iter().any(|(side, _)| *side == from),
        _ => false,
    }
}

/// Tests may look at whatever they need.
fn is_of_tests(path: &Path) -> bool {
    path.file_stem().is_some_and(|name| name.to_string_lossy().ends_with("tests"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") && !is_of_tests(&path) {
            found.push(path);
        }
    }
}

/// The rooms that a source names after `crate::`, outside its own tests and its comments.
fn imported_rooms(source: &str) -> Vec<String> {
    let code = source.split("\nmod tests {").next().unwrap_or(source);
    let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut rooms = Vec::new();
    for line in code {
        // In a macro, `$crate` is how others will name this crate.
        for after in line.replace("$crate::", "").split("crate::").skip(1) {
            // `use crate::{a, b}` would hide what it names: written out, one line a room, it reads better anyway.
            assert!(!after.starts_with('{'), "write out the rooms of: {line}");
            let room: String = after.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            // Names with a capital letter are those that lib.rs gives out again.
            if room.starts_with(|c: char| c.is_ascii_lowercase()) {
                rooms.push(room);
            }
        }
    }
    rooms
}

#[test]
fn rooms_import_only_from_below_and_from_the_left() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let (mut faults, mut seen) = (Vec::new(), BTreeMap::<String, usize>::new());
    for file in files {
        let inside = file.strip_prefix(&root).unwrap();
        let room = inside.components().next().unwrap().as_os_str().to_str().unwrap().trim_end_matches(".rs").to_owned();
        if room == "lib" {
            continue;
        }
        assert!(place(&room).is_some() || SIDE.iter().any(|(side, _)| *side == room), "{room} stands on no floor");
        for imported in imported_rooms(&fs::read_to_string(&file).unwrap()) {
            *seen.entry(room.clone()).or_default() += 1;
            if !may_import(&room, &imported) {
                faults.push(format!("{} imports {imported}", inside.display()));
            }
        }
    }
    assert!(faults.is_empty(), "against the floors:\n{}", faults.join("\n"));
    assert!(seen.len() > 10 && seen.values().sum::<usize>() > 50, "the scan found too little: {seen:?}");
}

#[test]
fn the_rule_itself_holds() {
    assert!(may_import("turn", "quota") && may_import("session", "team") && may_import("store", "turn"));
    assert!(!may_import("quota", "turn") && !may_import("team", "session") && !may_import("turn", "store"));
    assert!(!may_import("error", "clock") && may_import("engine", "store") && !may_import("ai", "nowhere"));
}
