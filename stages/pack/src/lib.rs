//! cordon-pack
