//! A typed library for IPVS.
