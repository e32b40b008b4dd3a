//! cordon-courier
