//! What differs between versions of Doris, as single switches.
//!
//! There is one model, of the newest version; a [`Profile`] says in which points a cluster is older. Nothing else in the
//! simulator knows a version.
//!
//! **To add a switch**, add one line to the table below: what it does, its name, its type and its value in 2.1, 3.0 and
//! 4.1. Name it after the behaviour, so that `true` means that the cluster can do it; ask for it as
//! `model.profile().name` at the one place where the behaviour is. A simulation draws mixtures of the switches
//! ([`Profile::mixed`]): no switch may rely on another one.

/// Makes a [`Profile`] of the table of switches.
macro_rules! switches {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $old:expr, $middle:expr, $new:expr;)+) => {
        /// What a cluster can do: one field for every point in which versions differ.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Profile {
            $($(#[$doc])+ pub $name: $type,)+
        }

        impl Profile {
            /// `2.1-2024-09`: the branch of 2.1 as it was on 2024-09-23 (it calls itself 2.1.7-rc01).
            pub fn v2_1() -> Self {
                Self { $($name: $old,)+ }
            }

            /// `3.0-2024-09`: the branch of 3.0 of the same day (it calls itself 3.0.0-rc05).
            pub fn v3_0() -> Self {
                Self { $($name: $middle,)+ }
            }

            /// `4.1`: the newest.
            pub fn v4_1() -> Self {
                Self { $($name: $new,)+ }
            }

            /// A cluster that never existed: each switch is that of one of `of`, as `choose(of.len())` says.
            pub fn mixed(of: &[Self], mut choose: impl FnMut(usize) -> usize) -> Self {
                let mut mixture = Self::v4_1();
                $(if let Some(one) = of.get(choose(of.len())) {
                    mixture.$name = one.$name.clone();
                })+
                mixture
            }

            /// Names of the switches in which two profiles differ.
            pub fn differences(&self, other: &Self) -> Vec<&'static str> {
                let mut names = Vec::new();
                $(if self.$name != other.$name {
                    names.push(stringify!($name));
                })+
                names
            }
        }
    };
}

switches! {
    // name: type = 2.1, 3.0, 4.1

    // Thrift. A request's field that a version does not know is ignored, its reply's fields are unset.

    /// The method lockBinlog.
    lock_binlog: bool = false, false, true;
    /// `num_acquired` of getBinlog: more than one record an answer.
    binlog_batches: bool = false, false, true;
    /// `allow_follower_read` of getBinlog.
    binlog_follower_reads: bool = false, false, true;
    /// getBinlogLag answers positions and times besides the lag.
    binlog_lag_positions: bool = false, false, true;
    /// `backend_id` of beginTxn: a schema change waits for the transactions of a living backend.
    begin_txn_backend: bool = true, false, true;
    /// Transactions of several sub transactions through beginTxn and commitTxn.
    sub_transactions: bool = false, false, true;
    /// `only_commit` of commitTxn: no waiting for the publish.
    only_commit: bool = false, false, true;
    /// `enable_compress` of getSnapshot and `compressed` of restoreSnapshot.
    compressed_snapshots: bool = false, false, true;
    /// getSnapshot answers the position of a snapshot and when it expires.
    snapshot_position: bool = false, false, true;
    /// `clean_tables` and `clean_partitions` of restoreSnapshot.
    restore_cleaning: bool = true, false, true;
    /// `atomic_restore` of restoreSnapshot.
    atomic_restore: bool = true, false, true;
    /// `force_replace` of restoreSnapshot.
    force_replace: bool = false, false, true;
    /// Lists of dropped partitions, tables and indexes in getMeta.
    meta_dropped_lists: bool = true, false, true;
    /// Positions of the drops in getMeta.
    meta_dropped_positions: bool = false, false, true;
    /// Types of tables in getMeta.
    meta_table_types: bool = false, false, true;
}

impl Default for Profile {
    fn default() -> Self {
        Self::v4_1()
    }
}

impl Profile {
    /// By the version's number: `2.1`, `3.0`, `4.1`.
    pub fn of_version(version: &str) -> Option<Self> {
        match version {
            "2.1" => Some(Self::v2_1()),
            "3.0" => Some(Self::v3_0()),
            "4.1" => Some(Self::v4_1()),
            _ => None,
        }
    }
}
