//! cordon-container
