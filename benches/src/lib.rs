//! How fast the engine's parts are: see `benches/` and `RESULTS.md`.
