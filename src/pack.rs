//! Bundles as archives, as bytes. (interface skeleton)
