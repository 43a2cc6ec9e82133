//! What is said in each language, that nothing is missing, and that it reads in the right direction.

mod direction;
mod resources;
mod samples;
mod sentences;
