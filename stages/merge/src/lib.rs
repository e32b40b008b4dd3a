//! cordon-merge
