//! khw-gen: a pure-offline compiler for the PKI and configuration of a Kubernetes cluster built the hard way.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod catalog;
pub mod cluster;
pub mod diagnostic;
pub mod disk;
pub mod pack;
pub mod pki;
pub mod spec;
