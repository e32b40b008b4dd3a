//! cordon-tests
