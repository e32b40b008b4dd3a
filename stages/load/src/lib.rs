//! cordon-load
