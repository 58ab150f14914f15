//! `galaf.json`.
