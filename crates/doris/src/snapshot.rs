//! The job information document of a snapshot.
