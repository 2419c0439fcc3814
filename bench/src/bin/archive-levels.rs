//! How long archives take at each level, and how large they are: the table in docs/performance.md.
//!
//!     cargo run --release --package khw-gen-bench --bin archive-levels CLUSTER.TOML SEED [HOSTS]
//!
//! On one thread, without a disk: the bundles of the first hosts, packed over and over. Times are of the processor, the median
//! of five rounds in which each level has its turn.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use khw_gen::bundle::{Bundle, BundleEntry};
use khw_gen::disk::{Specification, read_seed};
use khw_gen::pki::derivation::Seed;
use khw_gen::plan::plan;
use khw_gen::render::Renderer;
use khw_gen::vault::Issuing;
use khw_gen::{input, pack};
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

/// At least so many archives are made for one time, since the clock of the processor is coarse.
const ARCHIVES: usize = 200;
const ROUNDS: usize = 5;

type Failed = Box<dyn std::error::Error>;

/// A host's name, its bundle, and that as a tar.
struct Packed<'a> {
    name: &'a str,
    bundle: Bundle,
    tar: Vec<u8>,
}

fn main() -> Result<(), Failed> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [cluster_toml, seed, rest @ ..] = arguments.as_slice() else {
        return Err("CLUSTER.TOML SEED [HOSTS]".into());
    };
    let most: usize = rest.first().map_or(Ok(ARCHIVES), |count| count.parse())?;
    let specification = Specification::open_with_keys(Path::new(cluster_toml))?;
    let checked = input::check(&specification).map_err(|_| "khw-gen check says what is wrong with it")?;
    let seed = Seed::parse(read_seed(Path::new(seed))?.bytes.expose())?.seed;
    let plan = plan(&checked.cluster);
    let vault = Issuing::new(&plan, &seed).issue()?;
    let renderer = Renderer::new(&plan, &vault)?;
    let mut hosts = Vec::new();
    for host in checked.cluster.hosts.iter().take(most) {
        let bundle = renderer.bundle(host)?;
        let tar = pack::tar(&host.name, &bundle, renderer.issued())?.expose().to_vec();
        hosts.push(Packed {
            name: &host.name,
            bundle,
            tar,
        });
    }
    let uncompressed: usize = hosts.iter().map(|host| host.tar.len()).sum();
    println!(
        "{} hosts, {} bytes of tar a host\n",
        hosts.len(),
        uncompressed / hosts.len()
    );
    println!("| | ms a host | bytes a host | of the tar |\n|---|---:|---:|---:|");
    let zstd_levels = [-5, -1].into_iter().chain(1..=12).chain([15, 19]);
    let jobs = (0..=9).map(|level| ("gzip", level));
    let jobs = jobs.chain((1..=9).map(|level| ("zip", level)));
    let jobs: Vec<(&str, i32)> = jobs.chain(zstd_levels.map(|level| ("zstd", level))).collect();
    let mut times = vec![Vec::new(); jobs.len()];
    let mut sizes = vec![0; jobs.len()];
    let repeats = ARCHIVES.div_ceil(hosts.len());
    for _ in 0..ROUNDS {
        for (index, (format, level)) in jobs.iter().enumerate() {
            let start = processor_milliseconds()?;
            for _ in 0..repeats {
                sizes[index] = 0;
                for host in &hosts {
                    sizes[index] += match *format {
                        "gzip" => gzip(host, *level)?,
                        "zip" => zip(host, *level)?,
                        _ => zstd(host, *level)?,
                    };
                }
            }
            times[index].push((processor_milliseconds()? - start) / (repeats * hosts.len()) as f64);
        }
    }
    for (index, (format, level)) in jobs.iter().enumerate() {
        times[index].sort_by(f64::total_cmp);
        let (time, size) = (times[index][ROUNDS / 2], sizes[index]);
        let part = 100.0 * size as f64 / uncompressed as f64;
        println!(
            "| {format} {level} | {time:.2} | {} | {part:.1} % |",
            size / hosts.len()
        );
    }
    Ok(())
}

fn gzip(host: &Packed<'_>, level: i32) -> Result<usize, Failed> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(level.unsigned_abs()));
    gzip.write_all(&host.tar)?;
    Ok(gzip.finish()?.len())
}

fn zip(host: &Packed<'_>, level: i32) -> Result<usize, Failed> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level.into()));
    for (path, entry) in &host.bundle.entries {
        match entry {
            BundleEntry::Directory { .. } => zip.add_directory(format!("{}/{path}/", host.name), options)?,
            BundleEntry::File { content, .. } => {
                zip.start_file(format!("{}/{path}", host.name), options)?;
                zip.write_all(content.bytes())?;
            }
        }
    }
    Ok(zip.finish()?.into_inner().len())
}

fn zstd(host: &Packed<'_>, level: i32) -> Result<usize, Failed> {
    let mut zstd = zstd::bulk::Compressor::new(level)?;
    zstd.include_checksum(true)?;
    Ok(zstd.compress(&host.tar)?.len())
}

/// What this program has used of the processor: the first number of proc_pid_schedstat, in nanoseconds, of each thread.
fn processor_milliseconds() -> Result<f64, Failed> {
    let mut used = 0.0;
    for thread in fs::read_dir("/proc/self/task")? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        used += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(used / 1e6)
}
