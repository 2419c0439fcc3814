//! `verify` on what somebody made to hurt it: bombs of every kind end in a finding or an error, never in a panic, never in
//! more memory than there may be.
//!
//! The program runs as a child whose address space is limited: what takes more is killed, whatever the machine has.

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use khw_gen::audit::audit;
use khw_gen::found::{Found, FoundNode, FoundNodes, from_archive, from_folder};
use khw_gen::pki::cfssl::{self, Authority, CaSection, ExtendedKeyUsage, Name, Profile, Request, Usage};
use khw_gen::pki::key::{Algorithm, Curve, KeyPair};
use khw_gen::pki::secret::SecretBytes;
use khw_gen::pki::x509::to_pem;
use support::{run, said};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::macros::datetime;

const AT: OffsetDateTime = datetime!(2026-06-01 00:00 UTC);

/// What the program may have in address space, in KiB: far below what the bombs ask for.
const MOST_MEMORY: u64 = 1200 << 10;

fn verify(path: &Path) -> Output {
    run(Command::new("sh")
        .arg("-c")
        .arg(format!(
            "ulimit -v {MOST_MEMORY}; exec \"$0\" verify \"$1\" --at 2026-06-01T00:00:00Z"
        ))
        .arg(env!("CARGO_BIN_EXE_khw-gen"))
        .arg(path)
        .env("RAYON_NUM_THREADS", "1"))
}

/// It ended of itself, with that code, and said why.
fn assert_found(path: &Path, exit: i32, what: &str) {
    let output = verify(path);
    let text = said(&output);
    let shown: String = text.chars().take(4000).collect();
    assert_eq!(output.status.code(), Some(exit), "{}: {shown}", path.display());
    assert!(text.contains(what), "{}: no {what} in {shown}", path.display());
}

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a temporary folder");
    let out = folder.path().join("out");
    fs::create_dir(&out).expect("a folder");
    (folder, out)
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn codes(found: &Found) -> BTreeSet<&'static str> {
    audit(found, AT).iter().map(|finding| finding.code).collect()
}

fn codes_of_archive(bytes: &[u8]) -> BTreeSet<&'static str> {
    codes(&from_archive("h.tar", bytes))
}

// --- folders -----------------------------------------------------------------------------------------------------------

fn sparse(path: &Path, size: u64) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let file = File::create(path).expect("a file");
    file.set_len(size).expect("a sparse file");
}

#[test]
fn a_file_that_is_too_large_is_a_finding_and_hides_no_other() {
    let (_folder, out) = folder();
    sparse(&out.join("node1/rootfs/etc/large"), 10 << 30);
    write(&out.join("node1/rootfs/etc/broken.yaml"), b"a: [");
    assert_found(&out, 1, "error[archive-limit]");
    assert_found(&out, 1, "error[bad-syntax]");
    assert_found(&out.join("node1"), 1, "error[archive-limit]");
}

#[test]
fn files_that_are_too_much_together_are_an_error() {
    let (_folder, out) = folder();
    for number in 0..20 {
        sparse(&out.join(format!("node1/rootfs/etc/{number}")), 200 << 20);
    }
    assert_found(&out, 2, "holds more than");
}

#[test]
fn folders_that_are_too_deep_are_an_error() {
    let (_folder, out) = folder();
    let deep: PathBuf = std::iter::repeat_n("d", 300).collect();
    fs::create_dir_all(out.join(deep)).expect("folders");
    assert_found(&out, 2, "too deep");
}

#[test]
fn an_archive_that_is_too_large_is_an_error() {
    let (_folder, out) = folder();
    let path = out.join("node1.tar");
    sparse(&path, 10 << 30);
    assert_found(&path, 2, "larger than");
}

// --- tar ---------------------------------------------------------------------------------------------------------------

fn header(path: &str, kind: tar::EntryType, size: u64) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_cksum();
    header.as_bytes().to_vec()
}

fn tar_of(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, kind, content) in entries {
        bytes.extend(header(path, *kind, content.len() as u64));
        bytes.extend_from_slice(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A tar.gz that says what `first` says and goes on with zeros.
fn gzip_bomb(first: &[u8], mebibytes: usize) -> Vec<u8> {
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(1));
    bomb.write_all(first).expect("memory");
    let zeros = vec![0; 1 << 20];
    for _ in 0..mebibytes {
        bomb.write_all(&zeros).expect("memory");
    }
    bomb.finish().expect("a bomb")
}

#[test]
fn a_bomb_of_zstd_is_one_too() {
    let mut tar = header("node/rootfs/x", tar::EntryType::Regular, 600 << 20);
    tar.resize(601 << 20, 0);
    let bomb = zstd::bulk::compress(&tar, 1).expect("a bomb");
    drop(tar);
    let (_folder, out) = folder();
    let path = out.join("node.tar.zst");
    write(&path, &bomb);
    assert_found(&path, 1, "error[archive-limit]");
}

#[test]
fn a_frame_of_zstd_that_points_back_too_far_is_refused() {
    // RFC 8878, section 3.1.1.1.2: a window of 2 GiB, then a last block of no bytes.
    let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, 21 << 3, 1, 0, 0];
    let (_folder, out) = folder();
    let path = out.join("node.tar.zst");
    write(&path, &frame);
    assert_found(&path, 1, "error[damaged-archive]");
}

#[test]
fn bombs_beside_each_other_are_bounded_together() {
    let bomb = gzip_bomb(&header("node/rootfs/x", tar::EntryType::Regular, 200 << 20), 201);
    let (_folder, out) = folder();
    for number in 0..12 {
        fs::create_dir_all(out.join(format!("node{number}/rootfs"))).expect("a folder");
        write(&out.join(format!("node{number}.tar.gz")), &bomb);
    }
    assert_found(&out, 1, "error[archive-limit]");
}

#[test]
fn an_entry_of_a_bomb_that_nothing_reads_counts_too() {
    for kind in [
        tar::EntryType::Char,
        tar::EntryType::GNULongName,
        tar::EntryType::XHeader,
    ] {
        let bomb = gzip_bomb(&header("node/x", kind, 600 << 20), 601);
        let (_folder, out) = folder();
        let path = out.join("node.tar.gz");
        write(&path, &bomb);
        assert_found(&path, 1, "error[archive-limit]");
    }
}

#[test]
fn what_tools_read_differently_is_told() {
    use tar::EntryType;
    let file = EntryType::Regular;
    let record = |key: &str, value: &str| {
        let rest = format!(" {key}={value}\n");
        let length = (1..)
            .find(|length: &usize| length.to_string().len() + rest.len() == *length)
            .expect("a length");
        format!("{length}{rest}").into_bytes()
    };
    let path = record("path", "node/rootfs/long");
    let good = codes_of_archive(&tar_of(&[
        ("x", EntryType::XHeader, &path),
        ("node/rootfs/short", file, b"x"),
    ]));
    assert!(
        !good.contains("unsafe-entry") && !good.contains("damaged-archive"),
        "{good:?}"
    );
    let found = from_archive(
        "node.tar",
        &tar_of(&[("x", EntryType::XHeader, &path), ("short", file, b"x")]),
    );
    assert!(!found.hosts[0].is_bundle() || found.hosts.iter().all(|host| !host.files.contains_key("/short")));

    let (size, other) = (record("size", "3"), record("path", "node/rootfs/other"));
    for (case, entries) in [
        (
            "a second size",
            vec![("x", EntryType::XHeader, &size[..]), ("node/a", file, b"x")],
        ),
        (
            "two paths",
            vec![
                ("x", EntryType::XHeader, &path[..]),
                ("y", EntryType::XHeader, &other[..]),
                ("a", file, b""),
            ],
        ),
        (
            "GNU's and pax's",
            vec![
                ("x", EntryType::GNULongName, b"node/b"),
                ("y", EntryType::XHeader, &path),
                ("a", file, b""),
            ],
        ),
        ("a path of nothing", vec![("x", EntryType::GNULongName, b"node/b")]),
        (
            "no attributes",
            vec![("x", EntryType::XHeader, b"99 path=x\n"), ("a", file, b"")],
        ),
    ] {
        let found = codes_of_archive(&tar_of(&entries));
        assert!(found.contains("damaged-archive"), "{case}: {found:?}");
    }
    let owner = record("uid", "1000");
    let found = codes_of_archive(&tar_of(&[
        ("x", EntryType::XHeader, &owner),
        ("node/rootfs/a", file, b"x"),
    ]));
    assert!(found.contains("archive-owner"), "{found:?}");

    let mut two = tar_of(&[("node/rootfs/a", file, b"x")]);
    two.extend(tar_of(&[("node/rootfs/b", file, b"x")]));
    assert!(codes_of_archive(&two).contains("unsafe-entry"));
}

// --- zip ---------------------------------------------------------------------------------------------------------------

/// An entry of a zip that is not compressed.
#[derive(Clone)]
struct Entry {
    name: String,
    local_name: String,
    content: Vec<u8>,
    flags: u16,
    method: u16,
    /// What the directory says instead of the sizes.
    sizes: Option<(u32, u32)>,
    /// Where the directory says that it begins, instead of where it does.
    start: Option<u32>,
    /// Sizes and sum stand behind the content alone.
    descriptor: bool,
}

fn entry(name: &str, content: &[u8]) -> Entry {
    Entry {
        name: name.to_owned(),
        local_name: name.to_owned(),
        content: content.to_vec(),
        flags: 0,
        method: 0,
        sizes: None,
        start: None,
        descriptor: false,
    }
}

fn zip_of(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let mut crc = flate2::Crc::new();
        crc.update(&entry.content);
        let size = entry.content.len() as u32;
        let flags = entry.flags | if entry.descriptor { 8 } else { 0 };
        let start = entry.start.unwrap_or(bytes.len() as u32);
        let put16 = |to: &mut Vec<u8>, values: &[u16]| values.iter().for_each(|value| to.extend(value.to_le_bytes()));
        let put32 = |to: &mut Vec<u8>, values: &[u32]| values.iter().for_each(|value| to.extend(value.to_le_bytes()));
        bytes.extend(b"PK\x03\x04");
        put16(&mut bytes, &[20, flags, entry.method, 0, 0x21]);
        match entry.descriptor {
            true => put32(&mut bytes, &[0, 0, 0]),
            false => put32(&mut bytes, &[crc.sum(), size, size]),
        }
        put16(&mut bytes, &[entry.local_name.len() as u16, 0]);
        bytes.extend(entry.local_name.as_bytes());
        bytes.extend(&entry.content);
        if entry.descriptor {
            bytes.extend(b"PK\x07\x08");
            put32(&mut bytes, &[crc.sum(), size, size]);
        }
        let (packed, unpacked) = entry.sizes.unwrap_or((size, size));
        directory.extend(b"PK\x01\x02");
        put16(&mut directory, &[0x0314, 20, flags, entry.method, 0, 0x21]);
        put32(&mut directory, &[crc.sum(), packed, unpacked]);
        put16(&mut directory, &[entry.name.len() as u16, 0, 0, 0, 0]);
        put32(&mut directory, &[0o100_644 << 16, start]);
        directory.extend(entry.name.as_bytes());
    }
    let start = bytes.len() as u32;
    bytes.extend(&directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((entries.len() as u16).to_le_bytes());
    bytes.extend((directory.len() as u32).to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

const ABOUT_ARCHIVES: [&str; 3] = ["unsafe-entry", "damaged-archive", "archive-limit"];

#[test]
fn a_zip_with_sizes_behind_its_contents_is_read() {
    let mut one = entry("node/rootfs/etc/a", b"content");
    one.descriptor = true;
    for entries in [vec![one.clone()], vec![one, entry("node/rootfs/etc/b", b"more")]] {
        let found = from_archive("node.zip", &zip_of(&entries));
        assert_eq!(found.remarks, [], "nothing is wrong with it");
        let file = &found.hosts[0].files["/etc/a"];
        assert_eq!(file.content.expose(), b"content");
    }
}

#[test]
fn zips_that_tools_read_differently_are_told() {
    let good = entry("node/rootfs/a", b"content");
    let with = |change: fn(&mut Entry)| {
        let mut one = good.clone();
        change(&mut one);
        zip_of(&[one, entry("node/rootfs/b", b"b")])
    };
    let none = codes_of_archive(&with(|_| {}));
    assert!(ABOUT_ARCHIVES.iter().all(|code| !none.contains(code)), "{none:?}");
    let mut behind = zip_of(std::slice::from_ref(&good));
    behind.extend(b"more");
    let overlapping = {
        let second = Entry {
            start: Some(0),
            ..entry("node/rootfs/a2", b"")
        };
        zip_of(&[good.clone(), second])
    };
    for (case, bytes, code) in [
        ("encrypted", with(|one| one.flags = 1), "damaged-archive"),
        ("an unknown method", with(|one| one.method = 12), "damaged-archive"),
        (
            "a size too large",
            with(|one| one.sizes = Some((7, u32::MAX - 1))),
            "damaged-archive",
        ),
        (
            "both sizes too large",
            with(|one| one.sizes = Some((u32::MAX - 1, u32::MAX - 1))),
            "damaged-archive",
        ),
        ("no size", with(|one| one.sizes = Some((0, 0))), "damaged-archive"),
        (
            "another name",
            with(|one| one.local_name = "node/rootfs/c".to_owned()),
            "unsafe-entry",
        ),
        (
            "an absolute path",
            with(|one| one.name = "/etc/passwd".to_owned()),
            "unsafe-entry",
        ),
        (
            "beyond the end",
            with(|one| one.start = Some(1 << 30)),
            "damaged-archive",
        ),
        ("over each other", overlapping, "unsafe-entry"),
        ("more behind it", behind, "unsafe-entry"),
    ] {
        let found = codes_of_archive(&bytes);
        assert!(found.contains(code), "{case}: {found:?}");
    }
    let many: Vec<Entry> = (0..25_000)
        .map(|number| entry(&format!("node/{number}"), b""))
        .collect();
    assert!(codes_of_archive(&zip_of(&many)).contains("archive-limit"));
}

#[test]
fn zips_that_ask_for_memory_get_none() {
    let (_folder, out) = folder();
    let path = out.join("node.zip");

    // 300 MiB of zeros in 300 KiB.
    let mut bomb = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    bomb.start_file("node/rootfs/a", zip::write::SimpleFileOptions::default())
        .expect("an entry");
    let zeros = vec![0; 1 << 20];
    for _ in 0..300 {
        bomb.write_all(&zeros).expect("memory");
    }
    write(&path, bomb.finish().expect("a zip").get_ref());
    assert_found(&path, 1, "error[archive-limit]");

    // One content of 8 MiB for a hundred entries.
    let mut entries = vec![entry("node/rootfs/0", &vec![0; 8 << 20])];
    entries.extend((1..100).map(|number| Entry {
        start: Some(0),
        sizes: Some((8 << 20, 8 << 20)),
        ..entry(&format!("node/rootfs/{number}"), b"")
    }));
    write(&path, &zip_of(&entries));
    assert_found(&path, 1, "unsafe-entry");

    // A directory of billions of entries, as zip64 may say, in a file with room for them.
    let mut file = File::create(&path).expect("a file");
    file.write_all(b"PK\x03\x04").expect("a file");
    let start: u64 = 64 << 20;
    file.seek(std::io::SeekFrom::Start(start)).expect("a place");
    let mut end = b"PK\x01\x02".to_vec();
    end.extend([0; 42]);
    let end64 = start + end.len() as u64;
    end.extend(b"PK\x06\x06");
    end.extend(44_u64.to_le_bytes());
    end.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [60_000_000_u64, 60_000_000, 46 * 60_000_000, start] {
        end.extend(value.to_le_bytes());
    }
    end.extend(b"PK\x06\x07\0\0\0\0");
    end.extend(end64.to_le_bytes());
    end.extend(1_u32.to_le_bytes());
    end.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    file.write_all(&end).expect("a file");
    drop(file);
    assert_found(&path, 1, "error[archive-limit]");
}

// --- documents ---------------------------------------------------------------------------------------------------------

/// What `verify` says of a folder with files of these names and contents, in which it has to find errors.
fn findings_in(cases: &[(&str, impl AsRef<[u8]>)]) -> String {
    let (_folder, out) = folder();
    for (name, content) in cases {
        write(&out.join(name), content.as_ref());
    }
    let output = verify(&out);
    let text = said(&output);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        text.chars().take(4000).collect::<String>()
    );
    text
}

/// Each is a finding, and none takes memory or the stack.
#[test]
fn documents_that_ask_for_memory_get_none() {
    let repeat = |text: &str, count: usize| text.repeat(count);
    let laughs = (1..30).fold("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned(), |text, level| {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("{text}a{level}: &a{level} [{aliases}]\n")
    });
    let scalar = format!("a: &a {}\nb: [{}]\n", repeat("x", 1 << 20), vec!["*a"; 90].join(", "));
    let scalar_of_many = (0..400).fold(format!("z: &z {}\n", repeat("x", 1 << 20)), |text, at| {
        format!("{text}a{at}: &a{at} 1\nb{at}: [{}]\n", ["*z"; 9].join(", "))
    });
    let merges = (1..25).fold("a0: &a0 {k: v}\n".to_owned(), |text, level| {
        let below = level - 1;
        format!("{text}a{level}: &a{level} {{<<: [*a{below}, *a{below}], k{level}: *a{below}}}\n")
    });
    let block = (0..4000).fold(String::new(), |text, level| format!("{text}{}a:\n", repeat(" ", level)));
    let cases: Vec<(&str, String)> = vec![
        ("laughs.yaml", laughs),
        ("scalar.yaml", scalar),
        ("scalar-of-many.yaml", scalar_of_many),
        ("merges.yaml", merges),
        ("large-scalar.yaml", format!("a: {}", repeat("x", 16 << 20))),
        ("flow.yaml", repeat("[", 1 << 20)),
        ("flow-maps.yaml", repeat("{a: ", 1 << 20)),
        ("block.yaml", block),
        ("dashes.yaml", repeat("- ", 1 << 20)),
        ("dashes-and-tabs.yaml", repeat("-\t", 1 << 20)),
        ("questions.yaml", repeat("? ", 1 << 20)),
        ("questions-and-dashes.yaml", repeat("? - ", 1 << 20)),
        ("tags.yaml", repeat("- !!seq\n ", 1 << 18)),
        ("anchors.yaml", repeat("&a [", 1 << 20)),
        ("twice.yaml", "a: 1\na: 2\n".to_owned()),
        ("documents.yaml", repeat("---\na: b\n", 1 << 18)),
        ("nodes.yaml", format!("a: [{}1]", repeat("1,", (2 << 20) - 10))),
        ("flow.json", repeat("[", 1 << 20)),
        ("objects.json", repeat("{\"a\":", 1 << 20)),
        ("twice.json", "{\"a\": 1, \"a\": 2}".to_owned()),
        ("nodes.json", format!("[{}1]", repeat("1,", (2 << 20) - 10))),
        ("lists.json", format!("[{}1]", repeat("[],", 1 << 20))),
        ("large.json", format!("[{}1]", repeat("1,", 8 << 20))),
        ("number.json", format!("{}x", repeat("9", 3 << 20))),
    ];
    let text = findings_in(&cases);
    for (name, _) in &cases {
        let line = text.lines().find(|line| line.contains(&format!("/{name}:")));
        let known = ["bad-syntax", "archive-limit"];
        assert!(
            line.is_some_and(|line| known.iter().any(|code| line.contains(code))),
            "{name}: {line:?}"
        );
    }
}

#[test]
fn many_fields_and_many_items_are_read_in_their_time() {
    let fields = |quote: &str| {
        let fields: Vec<String> = (0..60_000).map(|at| format!("{quote}f{at}{quote}: 1")).collect();
        format!("{{{}}}", fields.join(", "))
    };
    let nodes = FoundNodes::from([("a.json".to_owned(), file(fields("\"").as_bytes()))]);
    assert!(!codes(&from_folder("x", nodes)).contains("bad-syntax"));
    // The reader of YAML gives up before.
    let nodes = FoundNodes::from([("a.yaml".to_owned(), file(fields("").as_bytes()))]);
    codes(&from_folder("x", nodes));
}

fn file(content: &[u8]) -> FoundNode {
    FoundNode::File {
        mode: Some(0o644),
        root_owned: None,
        content: SecretBytes::from(content),
    }
}

// --- certificates ------------------------------------------------------------------------------------------------------

fn request(cn: &str, hosts: Vec<String>) -> Request {
    Request {
        cn: cn.to_owned(),
        names: vec![Name::default()],
        serial_number: String::new(),
        hosts,
        key: Algorithm::Ecdsa(Curve::P256),
        ca: Some(CaSection::default()),
        crl_url: String::new(),
        delegation_enabled: false,
        extensions: Vec::new(),
    }
}

fn key(number: u8) -> KeyPair {
    KeyPair::from_seed(Algorithm::Ecdsa(Curve::P256), &[number; 32]).expect("a key")
}

#[test]
fn der_and_pem_that_ask_for_memory_get_none() {
    let nested = |depth: usize| {
        // From the inside: each level has a length of four bytes.
        let mut der = Vec::new();
        for level in (0..depth).rev() {
            der.extend([0x30, 0x84]);
            der.extend((6 * level as u32).to_be_bytes());
        }
        der
    };
    let certificate = to_pem(
        "CERTIFICATE",
        &cfssl::root(&request("ca", vec![]), &key(1), AT).expect("a certificate"),
    );
    let cases: Vec<(&str, Vec<u8>)> = vec![
        (
            "length.pem",
            to_pem("CERTIFICATE", b"\x30\x84\xff\xff\xff\xff\x30").into_bytes(),
        ),
        (
            "length8.pem",
            to_pem("CERTIFICATE", b"\x30\x88\x7f\xff\xff\xff\xff\xff\xff\xff\x30").into_bytes(),
        ),
        ("nested.pem", to_pem("CERTIFICATE", &nested(200_000)).into_bytes()),
        (
            "nested-request.pem",
            to_pem("CERTIFICATE REQUEST", &nested(200_000)).into_bytes(),
        ),
        ("nested-key.pem", to_pem("PRIVATE KEY", &nested(200_000)).into_bytes()),
        ("nested.pub", to_pem("PUBLIC KEY", &nested(200_000)).into_bytes()),
        (
            "indefinite.pem",
            to_pem("CERTIFICATE", &[0x30, 0x80].repeat(200_000)).into_bytes(),
        ),
        ("blocks.pem", certificate.repeat(100_000).into_bytes()),
        ("begins.pem", b"-----BEGIN CERTIFICATE-----\n".repeat(1_000_000)),
        ("ends.pem", b"-----END CERTIFICATE-----\n".repeat(1_000_000)),
        ("empty.pem", b"-----BEGIN A-----\n-----END A-----\n".repeat(100_000)),
    ];
    let text = findings_in(&cases);
    for (name, _) in &cases {
        let line = text
            .lines()
            .find(|line| line.contains(&format!("/{name}:")) && line.contains("bad-pem"));
        assert!(
            line.is_some(),
            "{name} in {}",
            text.chars().take(4000).collect::<String>()
        );
    }
}

#[test]
fn a_certificate_for_a_hundred_thousand_names_is_judged() {
    let ca_key = key(1);
    let ca = cfssl::root(&request("ca", vec![]), &ca_key, AT).expect("an authority");
    let mut hosts: Vec<String> = (0..50_000).map(|at| format!("n{at}.example.org")).collect();
    hosts.extend((0..50_000).map(|at| format!("http://n{at}.example.org")));
    let authority = Authority {
        certificate: &ca,
        key: &ca_key,
    };
    let profile = Profile {
        expiry: time::Duration::days(30),
        usages: vec![Usage::Extended(ExtendedKeyUsage::ServerAuth)],
        ..Profile::default()
    };
    let leaf_key = key(2);
    let asked = Request {
        ca: None,
        ..request("leaf", hosts)
    };
    let leaf = cfssl::leaf(&asked, leaf_key.public(), &profile, &authority, AT).expect("a certificate");
    let nodes = FoundNodes::from([
        ("ca.pem".to_owned(), file(to_pem("CERTIFICATE", &ca).as_bytes())),
        (
            "kubernetes.pem".to_owned(),
            file(to_pem("CERTIFICATE", &leaf).as_bytes()),
        ),
    ]);
    let findings = audit(&from_folder("x", nodes), AT);
    let bad = findings.iter().filter(|finding| finding.code == "bad-san").count();
    assert!(bad >= 50_000, "{bad}");
}

/// Of authorities that issued each other there are more paths than anybody can try.
#[test]
fn authorities_that_issued_each_other_are_gone_through_once() {
    let pair = key(1);
    let bundle: String = (0..300)
        .map(|at| {
            let der =
                cfssl::root(&request("one", vec![]), &pair, AT - time::Duration::days(at)).expect("a certificate");
            to_pem("CERTIFICATE", &der)
        })
        .collect();
    let stranger = cfssl::root(&request("one", vec![]), &key(2), AT).expect("an authority");
    let unit = "[Service]\nExecStart=/usr/local/bin/etcd --trusted-ca-file=/etc/other.pem --cert-file=/etc/all.pem \
                --peer-trusted-ca-file=/etc/other.pem --peer-cert-file=/etc/all.pem\n";
    let nodes = FoundNodes::from([
        ("etc".to_owned(), FoundNode::Directory { mode: Some(0o755) }),
        ("etc/all.pem".to_owned(), file(bundle.as_bytes())),
        (
            "etc/other.pem".to_owned(),
            file(to_pem("CERTIFICATE", &stranger).as_bytes()),
        ),
        ("etc/systemd/system/etcd.service".to_owned(), file(unit.as_bytes())),
    ]);
    let found = codes(&from_folder("node", nodes));
    assert!(found.contains("untrusted-certificate"), "{found:?}");
}
