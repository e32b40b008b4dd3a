//! cordon-body
