//! The Thrift binary protocol over complete messages.
