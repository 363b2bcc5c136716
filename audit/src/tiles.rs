//! The log as static files: Merkle tiles and entry bundles in the layout of C2SP `tlog-tiles` v0.1.0.
//! Pure; who writes the files is [`publish`](mod@crate::publish).
//!
//! A tile of level 0 has 256 leaf hashes, one of a level above the roots of 256 full tiles below it.
//! So any node of the tree is one hash of a tile, or a few of them hashed together, and proofs need
//! no server ([`TiledTree`]).

mod bundle;
mod edge;
mod extent;
mod hash_tile;
mod nodes;
mod path;
mod ranges;
mod reader;
mod tree;

pub use bundle::{BundleError, EntryBundle, MAX_ENTRY_BYTES, encode_bundle};
pub use edge::{EdgeError, FullTile, TileEdge};
pub use extent::grown;
pub use hash_tile::{HashTile, HashTileError};
pub use nodes::TileNodes;
pub use path::{Kind, PathError, TILE_WIDTH, TilePath, Width};
pub use reader::TileReader;
pub use tree::{Inclusion, Prefix, TiledTree, TreeError};
