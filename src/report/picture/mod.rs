//! The graph as a picture: who stands where ([`layout`]), what is drawn as one ([`scene`]), in which colour
//! ([`standing`]), as a drawing for documents ([`svg`]) and as a page that answers ([`html`]).
//!
//! A picture is a function of the graph alone, so that the same checkout has the same bytes. What stands in it was
//! written by others: each text passes through one door, [`escape`].

mod escape;
mod html;
mod layout;
mod scene;
mod standing;
mod svg;

pub(super) use escape::{escaped, source_hash};
pub(crate) use html::graph_html;
pub(crate) use standing::Standings;
pub(crate) use svg::graph_svg;
