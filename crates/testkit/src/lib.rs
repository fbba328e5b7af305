//! What tests share. Never linked into the product.

pub mod podman;
pub mod postgres;
pub mod require;
pub mod small_disk;
