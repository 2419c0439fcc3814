//! Bundles as archives, as bytes: the same bytes on every run and machine.
//!
//! Nothing of the machine enters: no clock, no owner, no file name or operating system in the gzip header; the compressor
//! is one pure implementation at one level. What zlib-rs and zstd choose by the processor (comparing, sliding, checksums, bits)
//! gives the same everywhere; what zlib-ng chooses so (its hash) zlib-rs has not taken over. It touches no file and decides nothing about what is in a bundle.
//!
//! Archives hold secrets, so their buffers are wiped. The compressors' own working memory belongs to zlib-rs and zstd and is not.

use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};
use std::str::FromStr;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use time::{OffsetDateTime, UtcOffset};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::bundle::{Bundle, BundleEntry, Content};
use crate::pki::secret::{SecretBytes, WipedBytes};

/// The compression level of gzip and zip: `docs/performance.md`, "The level of archives".
const DEFLATE_LEVEL: u32 = 2;

/// The compression level of zstd: likewise.
const ZSTD_LEVEL: i32 = 2;

/// Deflate, no flags, no time, nothing about the compressor, and an unknown system (RFC 1952, section 2.3.1): the machine that
/// packed says nothing about the archive.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

const TAR_BLOCK: usize = 512;

/// How a host's bundle is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A tar in gzip.
    TarGz,
    /// A tar in one frame of zstd (RFC 8878).
    TarZst,
    /// A zip with unix modes.
    Zip,
    /// No archive.
    None,
}

impl ArchiveFormat {
    /// All of them.
    pub const ALL: [ArchiveFormat; 4] = [
        ArchiveFormat::TarGz,
        ArchiveFormat::TarZst,
        ArchiveFormat::Zip,
        ArchiveFormat::None,
    ];

    /// As the command line has it.
    pub fn name(self) -> &'static str {
        self.extension().unwrap_or("none")
    }

    /// What the archive's file name ends in, or none where there is no archive.
    pub(crate) fn extension(self) -> Option<&'static str> {
        match self {
            ArchiveFormat::TarGz => Some("tar.gz"),
            ArchiveFormat::TarZst => Some("tar.zst"),
            ArchiveFormat::Zip => Some("zip"),
            ArchiveFormat::None => None,
        }
    }

    /// The archive's file name for a bundle called `name`.
    pub fn file_name(self, name: &str) -> Option<String> {
        self.extension().map(|extension| format!("{name}.{extension}"))
    }
}

impl fmt::Display for ArchiveFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ArchiveFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        ArchiveFormat::ALL
            .into_iter()
            .find(|format| format.name() == text)
            .ok_or_else(|| {
                format!(
                    "{text:?} is none of {}",
                    ArchiveFormat::ALL.map(ArchiveFormat::name).join(", ")
                )
            })
    }
}

/// Packs bundles, one after the other: its buffer and its compressor's working memory, several times as large as a worker's
/// bundle, are used again.
pub struct Packer {
    format: ArchiveFormat,
    mtime: OffsetDateTime,
    tar: SecretBytes,
    deflate: Option<Compress>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

impl Packer {
    /// Of archives in which everything is as old as `mtime` says (zip: in UTC, within 1980 to 2107, in steps of two seconds).
    pub fn new(format: ArchiveFormat, mtime: OffsetDateTime) -> Packer {
        Packer {
            format,
            mtime,
            tar: SecretBytes::default(),
            deflate: None,
            zstd: None,
        }
    }

    /// The bundle as an archive in which everything is below `name/`: sorted by path, directories included, owned by root.
    /// The same, whatever was packed before. None for [`ArchiveFormat::None`].
    ///
    /// Errors: nothing that a well-formed bundle of less than 4 GiB and a host's name can cause; an archive beyond what its
    /// format can say.
    pub fn pack(&mut self, name: &str, bundle: &Bundle) -> io::Result<Option<SecretBytes>> {
        match self.format {
            ArchiveFormat::TarGz => {
                fill_with_tar(&mut self.tar, name, bundle, self.mtime)?;
                let deflate = self
                    .deflate
                    .get_or_insert_with(|| Compress::new(Compression::new(DEFLATE_LEVEL), false));
                gzip(deflate, self.tar.expose()).map(Some)
            }
            ArchiveFormat::TarZst => {
                fill_with_tar(&mut self.tar, name, bundle, self.mtime)?;
                let compressor = match self.zstd.take() {
                    Some(compressor) => compressor,
                    None => zstd_compressor()?,
                };
                zstd(self.zstd.insert(compressor), self.tar.expose()).map(Some)
            }
            ArchiveFormat::Zip => zip(name, bundle, self.mtime).map(Some),
            ArchiveFormat::None => Ok(None),
        }
    }
}

/// One member without a name or a time (RFC 1952, section 2.3), deflated in one step.
fn gzip(deflate: &mut Compress, bytes: &[u8]) -> io::Result<SecretBytes> {
    let mut checksum = Crc::new();
    checksum.update(bytes);
    deflate.reset();
    let mut archive = WipedBytes::with_capacity(bytes.len() + bytes.len() / 8 + 128);
    archive.extend_from_slice(&GZIP_HEADER);
    // It never has to grow, so that nothing of it is left behind: what can't be made smaller is stored as it is.
    let status = deflate.compress_vec(bytes, &mut archive, FlushCompress::Finish)?;
    // Of more than 4 GiB, zlib would take that much and end there.
    if status != Status::StreamEnd || deflate.total_in() != bytes.len() as u64 {
        return Err(io::Error::other(
            "deflate has not taken all of it, or has no room for it",
        ));
    }
    archive.extend_from_slice(&checksum.sum().to_le_bytes());
    archive.extend_from_slice(&checksum.amount().to_le_bytes());
    Ok(SecretBytes::from(archive.as_slice()))
}

/// Of frames that say how much they hold and the checksum of it, made on one thread: the library's choices, which may change,
/// are the parameters of the level alone.
fn zstd_compressor() -> io::Result<zstd::bulk::Compressor<'static>> {
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL)?;
    compressor.include_checksum(true)?;
    compressor.include_contentsize(true)?;
    compressor.include_dictid(false)?;
    Ok(compressor)
}

fn zstd(compressor: &mut zstd::bulk::Compressor<'_>, bytes: &[u8]) -> io::Result<SecretBytes> {
    // It never has to grow, so that nothing of it is left behind.
    let mut archive = WipedBytes::with_capacity(zstd::zstd_safe::compress_bound(bytes.len()));
    compressor.compress_to_buffer(bytes, &mut *archive)?;
    Ok(SecretBytes::from(archive.as_slice()))
}

/// The bundle as an uncompressed tar: what a [`Packer`] puts into gzip or zstd.
///
/// Errors: as [`Packer::pack`].
pub fn tar(name: &str, bundle: &Bundle, mtime: OffsetDateTime) -> io::Result<SecretBytes> {
    let mut archive = SecretBytes::default();
    fill_with_tar(&mut archive, name, bundle, mtime)?;
    Ok(archive)
}

fn fill_with_tar(archive: &mut SecretBytes, name: &str, bundle: &Bundle, mtime: OffsetDateTime) -> io::Result<()> {
    let entry = |entry: &BundleEntry| match entry {
        BundleEntry::Directory { .. } => TAR_BLOCK,
        BundleEntry::File { content, .. } => 2 * TAR_BLOCK + content.bytes().len(),
    };
    archive.clear();
    archive.reserve(bundle.entries.values().map(entry).sum::<usize>() + 4 * TAR_BLOCK);
    write_tar(name, bundle, mtime, archive)
}

/// `tar::Builder` copies contents through a buffer on the stack that nobody wipes; so only the headers are the crate's.
fn write_tar(name: &str, bundle: &Bundle, mtime: OffsetDateTime, out: &mut impl Write) -> io::Result<()> {
    let seconds = u64::try_from(mtime.unix_timestamp()).unwrap_or(0);
    write_tar_entry(&format!("{name}/"), 0o755, None, seconds, out)?;
    for (path, entry) in &bundle.entries {
        match entry {
            BundleEntry::Directory { mode } => write_tar_entry(&format!("{name}/{path}/"), *mode, None, seconds, out)?,
            BundleEntry::File { mode, content } => {
                write_tar_entry(&format!("{name}/{path}"), *mode, Some(content), seconds, out)?;
            }
        }
    }
    out.write_all(&[0; 2 * TAR_BLOCK])
}

fn write_tar_entry(
    path: &str,
    mode: u32,
    content: Option<&Content>,
    seconds: u64,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut header = tar::Header::new_ustar();
    if header.set_path(path).is_err() {
        header = tar::Header::new_gnu();
        write_gnu_long_name(path, out)?;
        let end = (0..=100).rev().find(|end| path.is_char_boundary(*end)).unwrap_or(0);
        header.set_path(&path[..end])?;
    }
    header.set_entry_type(if content.is_some() {
        tar::EntryType::Regular
    } else {
        tar::EntryType::Directory
    });
    let bytes = content.map_or(&[][..], Content::bytes);
    header.set_size(bytes.len() as u64);
    header.set_mode(mode);
    header.set_mtime(seconds);
    seal_header(&mut header)?;
    out.write_all(header.as_bytes())?;
    write_padded(bytes, out)
}

/// The path of the next entry, where ustar's name (100 bytes) and prefix (155) can't hold it: GNU's `././@LongLink`, which
/// GNU tar, bsdtar, BusyBox and Python read.
fn write_gnu_long_name(path: &str, out: &mut impl Write) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    let name = b"././@LongLink";
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(tar::EntryType::GNULongName);
    header.set_size(path.len() as u64 + 1);
    header.set_mode(0o644);
    header.set_mtime(0);
    seal_header(&mut header)?;
    out.write_all(header.as_bytes())?;
    write_padded(format!("{path}\0").as_bytes(), out)
}

fn seal_header(header: &mut tar::Header) -> io::Result<()> {
    header.set_uid(0);
    header.set_gid(0);
    header.set_username("root")?;
    header.set_groupname("root")?;
    header.set_device_major(0)?;
    header.set_device_minor(0)?;
    // The sum of all bytes, those of the sum itself taken for spaces. Six digits, NUL, space, as every tar since the seventh
    // edition writes it; the crate's seven digits are valid too, but so an archive is byte for byte what GNU tar makes.
    header.as_old_mut().cksum = [b' '; 8];
    let checksum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
    header
        .as_old_mut()
        .cksum
        .copy_from_slice(format!("{checksum:06o}\0 ").as_bytes());
    Ok(())
}

fn write_padded(bytes: &[u8], out: &mut impl Write) -> io::Result<()> {
    out.write_all(bytes)?;
    out.write_all(&[0; TAR_BLOCK][..bytes.len().next_multiple_of(TAR_BLOCK) - bytes.len()])
}

fn zip(name: &str, bundle: &Bundle, mtime: OffsetDateTime) -> io::Result<SecretBytes> {
    let mut zip = ZipWriter::new(WipedFile::default());
    let options = SimpleFileOptions::default()
        .last_modified_time(zip_time(mtime))
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(i64::from(DEFLATE_LEVEL)));
    zip.add_directory(format!("{name}/"), options.unix_permissions(0o755))?;
    for (path, entry) in &bundle.entries {
        match entry {
            BundleEntry::Directory { mode } => {
                zip.add_directory(format!("{name}/{path}/"), options.unix_permissions(*mode))?
            }
            BundleEntry::File { mode, content } => {
                zip.start_file(format!("{name}/{path}"), options.unix_permissions(*mode))?;
                zip.write_all(content.bytes())?;
            }
        }
    }
    Ok(zip.finish()?.into_secret())
}

/// What a zip can say of an instant: a date and time without a zone, here UTC, from 1980 to 2107.
fn zip_time(instant: OffsetDateTime) -> zip::DateTime {
    let utc = instant.to_offset(UtcOffset::UTC);
    let earliest = zip::DateTime::from_date_and_time(1980, 1, 1, 0, 0, 0);
    let latest = zip::DateTime::from_date_and_time(2107, 12, 31, 23, 59, 58);
    match utc.year() {
        ..1980 => earliest.unwrap_or_default(),
        1980..=2107 => {
            let year = u16::try_from(utc.year()).unwrap_or(1980);
            zip::DateTime::from_date_and_time(
                year,
                u8::from(utc.month()),
                utc.day(),
                utc.hour(),
                utc.minute(),
                utc.second() & !1,
            )
            .unwrap_or_default()
        }
        _ => latest.unwrap_or_default(),
    }
}

/// A file in memory that can be sought in, as a zip needs it, and that wipes what it leaves behind when it grows.
#[derive(Default)]
struct WipedFile {
    bytes: WipedBytes,
    position: usize,
}

impl WipedFile {
    fn into_secret(mut self) -> SecretBytes {
        SecretBytes::from(std::mem::take(&mut *self.bytes))
    }

    fn grow_to(&mut self, length: usize) {
        if length > self.bytes.capacity() {
            let mut larger = WipedBytes::with_capacity(length.max(2 * self.bytes.capacity()));
            larger.extend_from_slice(&self.bytes);
            self.bytes = larger;
        }
        if length > self.bytes.len() {
            self.bytes.resize(length, 0);
        }
    }
}

impl Write for WipedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.position + bytes.len();
        self.grow_to(end);
        self.bytes[self.position..end].copy_from_slice(bytes);
        self.position = end;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for WipedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => i128::from(position),
            SeekFrom::End(offset) => self.bytes.len() as i128 + i128::from(offset),
            SeekFrom::Current(offset) => self.position as i128 + i128::from(offset),
        };
        self.position = usize::try_from(position).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position as u64)
    }
}
