//! cordon-generate
