//! The TCP implementation of [`super::Net`].
