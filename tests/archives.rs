//! Archives as other programs see them: GNU tar, gzip, unzip and Python have the last word on what is in the bytes.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use khw_gen::as_found;
use khw_gen::bundle::{Bundle, BundleEntry, Content};
use khw_gen::disk::read_tree;
use khw_gen::found::{FoundNode, FoundNodes, unpack};
use khw_gen::manifest::{About, add_manifest};
use khw_gen::pack::{ArchiveFormat, Packer, tar};
use khw_gen::pki::digest::sha256_hex;
use khw_gen::pki::secret::SecretBytes;
use support::{program, skip};
use time::OffsetDateTime;
use time::macros::datetime;

const ISSUED: OffsetDateTime = datetime!(2024-02-29 12:34:57 UTC);

fn public(text: &str) -> Content {
    Content::public(text.as_bytes().into())
}

fn secret(text: &str) -> Content {
    Content::secret(Arc::new(SecretBytes::from(text.as_bytes())))
}

/// Modes of all kinds, an empty file, one of exactly a block, an empty directory, names that sort around `/`.
fn sample() -> Bundle {
    let mut bundle = Bundle::new();
    bundle.insert_file("INSTALL.md", 0o644, public("read me\n")).unwrap();
    bundle.insert_file("install.sh", 0o755, public("#!/bin/sh\n")).unwrap();
    bundle
        .insert_file("rootfs/etc/etcd/ca-key.pem", 0o600, secret(&"secret ".repeat(700)))
        .unwrap();
    bundle
        .insert_file("rootfs/etc/etcd.conf", 0o640, public(&"x".repeat(512)))
        .unwrap();
    bundle.insert_file("rootfs/etc/empty", 0o400, public("")).unwrap();
    bundle.insert_directory("rootfs/var/lib/etcd", 0o700).unwrap();
    add_manifest(&mut bundle, &About::named("node1")).unwrap();
    bundle
}

/// Paths on both sides of every limit of a tar header.
fn long_paths() -> Bundle {
    let mut bundle = sample();
    for length in [90, 93, 94, 95, 99, 100, 101, 154, 155, 156, 200, 255] {
        bundle
            .insert_file(&format!("d/{}", "f".repeat(length)), 0o644, public("one"))
            .unwrap();
        bundle
            .insert_directory(&format!("e/{}", "g".repeat(length)), 0o750)
            .unwrap();
        bundle
            .insert_file(&format!("{0}/{0}/{0}", "h".repeat(length)), 0o600, public("deep"))
            .unwrap();
    }
    bundle
        .insert_file(&format!("é/{}", "ü".repeat(120)), 0o644, public("not ASCII"))
        .unwrap();
    bundle
}

/// Bytes without a pattern: Knuth's MMIX generator, the same everywhere, and no compressor guesses it.
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, length: usize) -> Vec<u8> {
        let next = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 56) as u8
        };
        std::iter::repeat_with(next).take(length).collect()
    }
}

/// A megabyte of noise: more than any window and any block of a compressor.
fn noise() -> Vec<u8> {
    Noise(2).bytes(1 << 20)
}

fn incompressible() -> Bundle {
    let mut bundle = Bundle::new();
    bundle
        .insert_file("noise", 0o644, Content::public(noise().into()))
        .unwrap();
    bundle
}

fn archive(bundle: &Bundle, format: ArchiveFormat, mtime: OffsetDateTime) -> SecretBytes {
    Packer::new(format, mtime).pack("node1", bundle).unwrap().unwrap()
}

fn run(command: &mut Command) -> String {
    let output = support::run(command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    assert_eq!(errors, "", "{command:?} has something to say");
    String::from_utf8(output.stdout).unwrap()
}

/// What a bundle is expected to be on disk, below the folder of its host.
fn as_tree(bundle: &Bundle) -> FoundNodes {
    let mut tree = FoundNodes::from([("node1".to_owned(), FoundNode::Directory { mode: Some(0o755) })]);
    let entries = bundle.entries.iter();
    tree.extend(entries.map(|(path, entry)| (format!("node1/{path}"), as_found(entry))));
    tree
}

#[test]
fn none_is_no_archive() {
    let none = Packer::new(ArchiveFormat::None, ISSUED).pack("node1", &sample());
    assert!(none.unwrap().is_none());
    assert_eq!("none".parse(), Ok(ArchiveFormat::None));
    assert_eq!("tar.gz".parse(), Ok(ArchiveFormat::TarGz));
    assert_eq!("tar.zst".parse(), Ok(ArchiveFormat::TarZst));
    assert_eq!("zip".parse(), Ok(ArchiveFormat::Zip));
    assert!("tgz".parse::<ArchiveFormat>().is_err());
    assert_eq!(ArchiveFormat::TarGz.file_name("node1").as_deref(), Some("node1.tar.gz"));
}

/// Buffers and the compressor's memory are used again; nothing of one archive may get into the next.
#[test]
fn what_was_packed_before_leaves_no_trace() {
    for format in [ArchiveFormat::TarGz, ArchiveFormat::TarZst, ArchiveFormat::Zip] {
        let mut packer = Packer::new(format, ISSUED);
        for bundle in [
            &long_paths(),
            &sample(),
            &incompressible(),
            &Bundle::new(),
            &sample(),
            &long_paths(),
        ] {
            let packed = packer.pack("node1", bundle).unwrap().unwrap();
            assert!(
                packed == archive(bundle, format, ISSUED),
                "{format} of {} entries",
                bundle.entries.len()
            );
        }
    }
}

/// What can't be made smaller makes the archive larger than it is, and has to come back all the same.
#[test]
fn what_cannot_be_compressed_is_packed_too() {
    for format in [ArchiveFormat::TarGz, ArchiveFormat::TarZst, ArchiveFormat::Zip] {
        let packed = archive(&incompressible(), format, ISSUED);
        let (nodes, remarks) = unpack(packed.expose());
        assert!(remarks.is_empty(), "{format}: {remarks:?}");
        let Some(FoundNode::File { content, .. }) = nodes.get("node1/noise") else {
            panic!("{format}: {nodes:?}");
        };
        assert!(content.expose() == noise(), "{format}");
    }
}

/// These bytes may change only on purpose: two users compare archives by their digests. A new release of the compressor
/// that changes any but the first is a change of the output, to be announced as one.
#[test]
fn the_bytes_are_those_of_the_last_release() {
    let digests = [
        sha256_hex(tar("node1", &sample(), ISSUED).unwrap().expose()),
        sha256_hex(archive(&sample(), ArchiveFormat::TarGz, ISSUED).expose()),
        sha256_hex(archive(&sample(), ArchiveFormat::Zip, ISSUED).expose()),
        sha256_hex(archive(&sample(), ArchiveFormat::TarZst, ISSUED).expose()),
        // Large and of many kinds, so that the compressors come to all that they do, whatever the processor offers them.
        sha256_hex(archive(&large(), ArchiveFormat::TarGz, ISSUED).expose()),
        sha256_hex(archive(&large(), ArchiveFormat::Zip, ISSUED).expose()),
        sha256_hex(archive(&large(), ArchiveFormat::TarZst, ISSUED).expose()),
    ];
    let expected = [
        "1c50ff412ca2d72a94f3cee0db6d22c859365d15b75ed582a73a5561b22dc433",
        "3022634eae15d02b95c638ee75eb955c562e12acd4c4097ff0c377dc129681ab",
        "adbb5c8227420bf611fe5481f7d380878f1a04df3d22b8edfd2a4b06379e4e4f",
        "136f8cbb90f6d3c035b22425e8e38c395647470cd79b68a3ad5c6e7728b00070",
        "5bb91d579aac342c9b69694b7d92aa420989f074b5837ea0d0e383d8afcd3842",
        "220c7174a7ab3352755d975067190128b46da3d2532a76ef283414d8d4fca531",
        "0271a40721a8dda5d9cfa3740d7cb5d1493f534d3b46953b1b047a4da52d38f4",
    ];
    assert_eq!(
        digests, expected,
        "tar, tar.gz, zip, tar.zst; tar.gz, zip, tar.zst of a large one"
    );
}

/// Text that repeats near and far, bytes that don't compress, base64 of them, and nothing but zeros: 3 MiB.
fn large() -> Bundle {
    let mut noise = Noise(1);
    let mut noise = |length| noise.bytes(length);
    let words = noise(64 << 10);
    let text: String = words
        .iter()
        .map(|byte| ["node", "etcd", "--flag=", "\n", " "][usize::from(byte % 5)])
        .collect();
    let base64 = |bytes: Vec<u8>| -> String {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        bytes
            .iter()
            .map(|byte| char::from(digits[usize::from(byte % 64)]))
            .collect()
    };
    let mut bundle = sample();
    let files: [(&str, Vec<u8>); 6] = [
        ("rootfs/a/noise", noise(512 << 10)),
        ("rootfs/a/text", text.clone().into_bytes()),
        ("rootfs/b/base64", base64(noise(512 << 10)).into_bytes()),
        ("rootfs/b/zeros", vec![0; 1 << 20]),
        ("rootfs/c/text again", text.into_bytes()),
        ("rootfs/d/noise", noise(100_003)),
    ];
    for (path, bytes) in files {
        bundle.insert_file(path, 0o644, Content::public(bytes.into())).unwrap();
    }
    bundle
}

#[test]
fn zstd_is_one_frame_that_says_its_size_and_its_checksum_and_no_more() {
    let packed = archive(&sample(), ArchiveFormat::TarZst, ISSUED);
    let tar = tar("node1", &sample(), ISSUED).unwrap();
    let bytes = packed.expose();
    assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    // RFC 8878, section 3.1.1.1: two bytes of size, one segment, a checksum, no dictionary.
    assert_eq!(bytes[4], 0b0110_0100);
    assert_eq!(usize::from(u16::from_le_bytes([bytes[5], bytes[6]])) + 256, tar.len());
    assert_eq!(zstd::bulk::decompress(bytes, tar.len()).unwrap(), tar.expose());
    assert_eq!(zstd::zstd_safe::find_frame_compressed_size(bytes), Ok(bytes.len()));
    if program("zstd", "zstd -t on archives").is_some() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node1.tar.zst");
        fs::write(&path, bytes).unwrap();
        run(Command::new("zstd").arg("-tq").arg(&path));
    }
}

#[test]
fn a_tar_in_zstd_is_read_back_as_the_one_in_gzip() {
    let [gzip, zstd] = [ArchiveFormat::TarGz, ArchiveFormat::TarZst].map(|format| {
        let (nodes, remarks) = unpack(archive(&long_paths(), format, ISSUED).expose());
        assert!(remarks.is_empty(), "{format}: {remarks:?}");
        nodes
    });
    assert!(gzip.len() > 40 && gzip == zstd);
    let whole = archive(&sample(), ArchiveFormat::TarZst, ISSUED);
    let mut flipped = whole.expose().to_vec();
    flipped[whole.len() / 2] ^= 1;
    let with_more = [whole.expose(), b"more"].concat();
    for damaged in [
        &whole.expose()[..whole.len() - 1],
        &whole.expose()[..9],
        &flipped,
        &with_more,
    ] {
        let (_, remarks) = unpack(damaged);
        assert!(
            remarks.iter().any(|remark| remark.code.name == "damaged-archive"),
            "{remarks:?}"
        );
    }
}

#[test]
fn gzip_says_nothing_of_when_where_and_under_which_name() {
    let packed = archive(&sample(), ArchiveFormat::TarGz, ISSUED);
    assert_eq!(packed.expose()[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
    if program("gzip", "gzip -t on archives").is_some() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node1.tar.gz");
        fs::write(&path, packed.expose()).unwrap();
        assert_eq!(run(Command::new("gzip").arg("-t").arg(&path)), "");
    }
}

#[test]
fn tar_extracts_to_the_bundle_with_its_modes() {
    if program("tar", "extracting archives with tar").is_none() {
        return;
    }
    for bundle in [sample(), long_paths()] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node1.tar.gz");
        let into = folder.path().join("into");
        fs::create_dir(&into).unwrap();
        fs::write(&path, archive(&bundle, ArchiveFormat::TarGz, ISSUED).expose()).unwrap();
        run(Command::new("tar")
            .args(["--same-permissions", "-xzf"])
            .arg(&path)
            .arg("-C")
            .arg(&into));
        assert_eq!(read_tree(&into).unwrap(), as_tree(&bundle));
    }
}

#[test]
fn tar_lists_owner_root_and_the_given_time() {
    if program("tar", "listing archives with tar").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node1.tar");
    fs::write(&path, tar("node1", &long_paths(), ISSUED).unwrap().expose()).unwrap();
    let mut list = Command::new("tar");
    list.env("TZ", "UTC")
        .env("LC_ALL", "C.UTF-8")
        .args(["--full-time", "-tvf"])
        .arg(&path);
    let names = run(list.args(["--quoting-style=literal"]));
    assert_eq!(names.lines().count(), as_tree(&long_paths()).len());
    for line in names.lines() {
        assert!(
            line.contains(" root/root ") && line.contains(" 2024-02-29 12:34:57 "),
            "{line}"
        );
    }
    let numbers = run(Command::new("tar").args(["--numeric-owner", "-tvf"]).arg(&path));
    assert!(numbers.lines().all(|line| line.contains(" 0/0 ")), "{numbers}");
    let paths: Vec<&str> = names
        .lines()
        .filter_map(|line| line.split(" 12:34:57 ").nth(1))
        .collect();
    let expected: Vec<String> = as_tree(&long_paths())
        .iter()
        .map(|(path, entry)| match entry {
            FoundNode::Directory { .. } => format!("{path}/"),
            _ => path.clone(),
        })
        .collect();
    assert_eq!(paths, expected, "sorted, each parent before its children");
}

/// The strongest statement there is about a tar: GNU tar makes the same bytes of the same tree.
#[test]
fn gnu_tar_makes_the_same_bytes() {
    if program("tar", "comparing with the bytes that GNU tar makes").is_none() {
        return;
    }
    if !run(Command::new("tar").arg("--version")).contains("GNU tar") {
        return skip(
            "comparing with the bytes that GNU tar makes",
            "another tar is on this machine",
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let ours = folder.path().join("ours.tar");
    let theirs = folder.path().join("theirs.tar");
    let names = folder.path().join("names");
    fs::write(&ours, tar("node1", &sample(), ISSUED).unwrap().expose()).unwrap();
    run(Command::new("tar")
        .args(["--same-permissions", "-xf"])
        .arg(&ours)
        .arg("-C")
        .arg(folder.path()));
    fs::write(
        &names,
        as_tree(&sample())
            .keys()
            .map(|path| format!("{path}\n"))
            .collect::<String>(),
    )
    .unwrap();
    run(Command::new("tar")
        .args([
            "--format=ustar",
            "--no-recursion",
            "--owner=root:0",
            "--group=root:0",
            "--blocking-factor=1",
        ])
        .arg(format!("--mtime=@{}", ISSUED.unix_timestamp()))
        .arg("-cf")
        .arg(&theirs)
        .arg("-C")
        .arg(folder.path())
        .arg("-T")
        .arg(&names));
    assert!(
        fs::read(&ours).unwrap() == fs::read(&theirs).unwrap(),
        "the bytes differ"
    );
}

const PYTHON_LISTS_TAR: &str = r#"
import sys, tarfile
for m in tarfile.open(sys.argv[1]):
    kind = "d" if m.isdir() else "f" if m.isfile() else "?"
    print(kind, "%04o" % m.mode, m.size, m.mtime, m.uid, m.gid, m.uname, m.gname, m.name)
"#;

const PYTHON_LISTS_ZIP: &str = r#"
import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
assert z.testzip() is None
for i in z.infolist():
    kind = {0o040000: "d", 0o100000: "f"}[(i.external_attr >> 16) & 0o170000]
    assert i.is_dir() == (kind == "d"), i
    assert i.create_system == 3, i
    print(kind, "%04o" % ((i.external_attr >> 16) & 0o7777), i.file_size, "%d-%d-%d %d:%d:%d" % i.date_time, i.filename)
"#;

fn python(script: &str, archive: &SecretBytes) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    fs::write(&path, archive.expose()).unwrap();
    run(Command::new("python3")
        .env("PYTHONIOENCODING", "utf-8")
        .args(["-c", script])
        .arg(path))
}

/// A line for each entry of the bundle: kind, mode, size, what `middle` is, path (with `slash` after directories).
fn expected_lines(bundle: &Bundle, middle: &str, slash: &str) -> String {
    let line = |(path, entry): (&String, &FoundNode)| match entry {
        FoundNode::Directory { mode: Some(mode) } => format!("d {mode:04o} 0 {middle} {path}{slash}\n"),
        FoundNode::File {
            mode: Some(mode),
            content,
            ..
        } => format!("f {mode:04o} {} {middle} {path}\n", content.len()),
        other => panic!("{other:?}"),
    };
    as_tree(bundle).iter().map(line).collect()
}

#[test]
fn python_reads_the_same_tar() {
    if program("python3", "reading archives with Python").is_some() {
        let middle = format!("{} 0 0 root root", ISSUED.unix_timestamp());
        let listed = python(PYTHON_LISTS_TAR, &archive(&long_paths(), ArchiveFormat::TarGz, ISSUED));
        assert_eq!(listed, expected_lines(&long_paths(), &middle, ""));
    }
}

#[test]
fn python_reads_the_same_zip() {
    if program("python3", "reading archives with Python").is_some() {
        let listed = python(PYTHON_LISTS_ZIP, &archive(&long_paths(), ArchiveFormat::Zip, ISSUED));
        assert_eq!(listed, expected_lines(&long_paths(), "2024-2-29 12:34:56", "/"));
    }
}

#[test]
fn times_that_a_format_cannot_say_are_the_nearest_it_can() {
    if program("python3", "times at the limits of the formats").is_none() {
        return;
    }
    let mut bundle = Bundle::new();
    bundle.insert_file("f", 0o644, public("x")).unwrap();
    let zip_times = [
        (datetime!(1950-01-01 00:00 UTC), "1980-1-1 0:0:0"),
        (datetime!(1979-12-31 23:59:59 UTC), "1980-1-1 0:0:0"),
        (datetime!(1980-01-01 00:00:01 UTC), "1980-1-1 0:0:0"),
        (datetime!(2000-02-29 23:59:59 UTC), "2000-2-29 23:59:58"),
        (datetime!(2000-03-01 01:00:00 +02:00), "2000-2-29 23:0:0"),
        (datetime!(2107-12-31 23:59:59 UTC), "2107-12-31 23:59:58"),
        (datetime!(2108-01-01 00:00:00 UTC), "2107-12-31 23:59:58"),
        (datetime!(9999-12-31 23:59:59 UTC), "2107-12-31 23:59:58"),
    ];
    for (instant, expected) in zip_times {
        let listed = python(PYTHON_LISTS_ZIP, &archive(&bundle, ArchiveFormat::Zip, instant));
        assert_eq!(listed, expected_lines(&bundle, expected, "/"), "{instant}");
    }
    let tar_times = [
        (datetime!(1950-01-01 00:00 UTC), 0),
        (datetime!(1970-01-01 00:00:01 UTC), 1),
        (datetime!(2242-03-16 12:56:31 UTC), 8_589_934_591),
        (datetime!(2242-03-16 12:56:32 UTC), 8_589_934_592),
        (datetime!(9999-12-31 23:59:59 UTC), 253_402_300_799_i64),
    ];
    for (instant, expected) in tar_times {
        let listed = python(PYTHON_LISTS_TAR, &archive(&bundle, ArchiveFormat::TarGz, instant));
        assert_eq!(
            listed,
            expected_lines(&bundle, &format!("{expected} 0 0 root root"), ""),
            "{instant}"
        );
    }
}

#[test]
fn unzip_extracts_to_the_bundle_with_its_modes() {
    if program("unzip", "extracting archives with unzip").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("node1.zip");
    let into = folder.path().join("into");
    fs::create_dir(&into).unwrap();
    fs::write(&path, archive(&sample(), ArchiveFormat::Zip, ISSUED).expose()).unwrap();
    assert!(run(Command::new("unzip").arg("-tq").arg(&path)).starts_with("No errors detected"));
    run(Command::new("unzip").arg("-q").arg(&path).arg("-d").arg(&into));
    assert_eq!(read_tree(&into).unwrap(), as_tree(&sample()));
    let mode = fs::metadata(into.join("node1/rootfs/etc/etcd/ca-key.pem"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o7777, 0o600);
}

/// The order in which entries came into the bundle, and what was packed before, leave no trace.
#[test]
fn the_bytes_depend_on_the_bundle_alone() {
    let mut reversed = Bundle::new();
    for (path, entry) in sample().entries.iter().rev() {
        match entry {
            BundleEntry::Directory { mode } => reversed.insert_directory(path, *mode).unwrap(),
            BundleEntry::File { mode, content } => reversed.insert_file(path, *mode, content.clone()).unwrap(),
        }
    }
    for format in [ArchiveFormat::TarGz, ArchiveFormat::TarZst, ArchiveFormat::Zip] {
        let first = archive(&sample(), format, ISSUED);
        let _ = archive(&long_paths(), format, ISSUED);
        assert!(first == archive(&reversed, format, ISSUED), "{format}");
        assert!(
            first != archive(&sample(), format, ISSUED + time::Duration::seconds(2)),
            "{format}"
        );
    }
}
