//! The only input and output: reads a specification, replaces an output folder atomically. (interface skeleton)
