//! What `--help` and the manual pages show of each command in use. `tests/command_line.rs` has clap read every line.

pub const PROGRAM: &str = "Exit codes, of all commands:
  0  it is done, and nothing was found
  1  something was found (a problem, a difference, a certificate that ends soon), or it could not be done
  2  nothing could be judged, or the command was used wrongly

It makes files, and no more: a bundle's install.sh puts them in place, its INSTALL.md has the order, `diff` the steps of a change. A build \
seals no archive by itself: `seal` does. Nothing signs with a key that is not here: docs/what-it-does-not-do.md says what to do instead.

Examples:
  khw-gen init cluster
  khw-gen check cluster/cluster.toml
  khw-gen build cluster/cluster.toml -o out
  khw-gen verify out";

pub const BUILD: &str = "Examples:
  khw-gen build cluster.toml -o out
  khw-gen build cluster.toml -o out --plan plan.md
  khw-gen build cluster.toml -o part3 --shard 3/8 --archive tar.zst
  khw-gen build cluster.toml --signed signed -o out
  pass show cluster-seed | khw-gen build cluster.toml -o out --seed-file -
  khw-gen build cluster.toml -o out --identity ~/.ssh/id_ed25519";

pub const ADOPT: &str = "Examples:
  khw-gen adopt certs -o mycluster
  khw-gen adopt machines -o mycluster --kubernetes 1.34
  khw-gen adopt machines offline-keys -o mycluster
  khw-gen adopt / -o mycluster";

pub const CSR: &str = "Examples:
  khw-gen csr cluster.toml -o requests";

pub const MERGE: &str = "Examples:
  khw-gen merge part1 part2 part3 -o out";

pub const CHECK: &str = "Examples:
  khw-gen check cluster.toml
  khw-gen check cluster.toml --format json
  khw-gen check cluster.toml --format json --stdin < unsaved.toml
  khw-gen check cluster.toml --format sarif > khw-gen.sarif";

pub const PLAN: &str = "Examples:
  khw-gen plan cluster.toml
  khw-gen plan cluster.toml --flags";

pub const EXPLAIN: &str = "Examples:
  khw-gen explain
  khw-gen explain leaf-outlives-ca
  khw-gen explain --format json";

pub const RELEASES: &str = "Examples:
  khw-gen releases
  khw-gen releases 1.37
  khw-gen releases 1.38 --from 1.36 --format json";

pub const SCHEMA: &str = "Examples:
  khw-gen schema > cluster.schema.json
  khw-gen schema findings";

pub const FACTS: &str = "Examples:
  khw-gen facts cluster.toml --host node1";

pub const VERIFY: &str = "Examples:
  khw-gen verify out
  khw-gen verify node1.tar.gz
  khw-gen verify / --at 2027-01-01T00:00:00Z
  khw-gen verify new --beside out";

pub const DIFF: &str = "Examples:
  khw-gen diff out cluster.toml
  khw-gen diff out-before out --format markdown --limit 60000";

pub const INSPECT: &str = "Examples:
  khw-gen inspect out
  khw-gen inspect /etc/kubernetes --expires-within 30d";

pub const ROTATE: &str = "Examples:
  khw-gen rotate cluster.toml ca -o rotation";

pub const RENEW: &str = "Examples:
  khw-gen renew cluster.toml
  khw-gen renew cluster.toml --patch | patch cluster.toml";

pub const EXPIRY: &str = "Examples:
  khw-gen expiry out --within 8w
  khw-gen expiry cluster.toml --format ical > certificates.ics
  khw-gen expiry / --format prometheus > x.tmp; [ $? -le 1 ] && mv x.tmp x.prom";

pub const SECRETS: &str = "Examples:
  khw-gen secrets cluster.toml
  khw-gen secrets cluster.toml --host node1
  khw-gen secrets out/node1.tar.gz --format json";

pub const REPORT: &str = "Examples:
  khw-gen report out -o report.html
  khw-gen report cluster.toml --at 2027-01-01T00:00:00Z -o report.html
  khw-gen report out --format text | less
  khw-gen report out --format svg -o who-talks-to-whom.svg";

pub const GOLDEN_WRITE: &str = "Examples:
  khw-gen golden write cluster.toml golden";

pub const GOLDEN_CHECK: &str = "Examples:
  khw-gen golden check cluster.toml golden
  khw-gen golden check cluster.toml golden --without-seed";

pub const SEAL: &str = "Examples:
  khw-gen seal out -o sealed --spec cluster.toml
  khw-gen seal out --only --recipients-file team.txt";

pub const OPEN: &str = "Examples:
  khw-gen open node1.tar.gz.age --identity ~/.ssh/id_ed25519
  khw-gen open node1.tar.gz.age --identity key.txt --allowed-signers signers";

pub const SEED_NEW: &str = "Examples:
  khw-gen seed new -o cluster.seed --passphrase
  khw-gen seed new -o cluster.seed --recipients-file team.txt";

pub const SEED_SPLIT: &str = "Examples:
  khw-gen seed split -k 3 -n 5 cluster.seed -o shares";

pub const SEED_JOIN: &str = "Examples:
  khw-gen seed join share-1.txt share-3.txt share-4.txt -o cluster.seed";

pub const SEED_SIGNER: &str = "Examples:
  khw-gen seed signer cluster.toml > allowed_signers";

pub const SEED_SIGN: &str = "Examples:
  khw-gen seed sign cluster.toml out/SHA256SUMS -o SHA256SUMS.sig";

pub const INIT: &str = "Examples:
  khw-gen init cluster
  khw-gen init edge --from single-node";

pub const COMPLETIONS: &str = "Examples:
  khw-gen completions bash > /etc/bash_completion.d/khw-gen
  khw-gen completions zsh > ~/.zsh/completions/_khw-gen    # a folder of $fpath
  khw-gen completions fish > ~/.config/fish/completions/khw-gen.fish
  khw-gen completions elvish >> ~/.config/elvish/rc.elv
  khw-gen completions powershell >> $PROFILE";

pub const MAN: &str = "Examples:
  khw-gen man /usr/local/share/man/man1";
