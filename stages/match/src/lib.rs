//! cordon-match
