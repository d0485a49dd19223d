//! Tests of this module against the git executable.

mod discover;
mod history;
mod identify;
mod place;
mod work_tree;
