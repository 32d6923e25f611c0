//! Frontends of a cluster: adding them, killing and starting them. Who is master: `election.rs`.

use rand::RngExt as _;

use super::{Answer, Model, Refusal, java_hash_order, java_string_hash};

/// A frontend (FE). All share the model; what differs is who may answer.
#[derive(Clone, Debug)]
pub struct Frontend {
    /// `fe_<hash>`, as in SHOW FRONTENDS.
    pub name: String,
    pub host: String,
    pub edit_log_port: u16,
    pub http_port: u16,
    pub query_port: u16,
    pub rpc_port: u16,
    pub role: FrontendRole,
    /// Whether the process answers Thrift and HTTP; a starting one does so before it answers SQL.
    pub alive: bool,
    /// When its MySQL port opens: later than the others after a start (seen).
    pub sql_from_ms: i64,
    /// When a process that was started answers.
    pub(crate) answers_from_ms: Option<i64>,
    pub started_ms: i64,
    /// Whether the master's last heartbeat was answered.
    pub known_alive: bool,
    pub last_heartbeat_ms: i64,
    /// How far it had come with the journal at that time.
    pub replayed_journal: i64,
    /// Since when heartbeats are answered (`LiveSince`); `None` for one that was master ever since.
    pub live_since_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrontendRole {
    /// May become master.
    Follower,
    /// Answers reads only, and never becomes master.
    Observer,
}

impl FrontendRole {
    /// As SHOW FRONTENDS prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Follower => "FOLLOWER",
            Self::Observer => "OBSERVER",
        }
    }
}

impl Model {
    /// Adds an FE, a follower; the first one is the master. Answers its index.
    pub fn add_frontend(&mut self, host: &str, query_port: u16, rpc_port: u16) -> usize {
        let hash: u128 = self.rng.random();
        let name = format!("{hash:032x}");
        let parts = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let name: Vec<&str> = parts.iter().filter_map(|(from, to)| name.get(*from..*to)).collect();
        self.frontends.push(Frontend {
            name: format!("fe_{}", name.join("_")),
            host: host.to_owned(),
            edit_log_port: 9010,
            http_port: 8030,
            query_port,
            rpc_port,
            role: FrontendRole::Follower,
            alive: true,
            sql_from_ms: self.now_ms,
            answers_from_ms: None,
            started_ms: self.now_ms,
            known_alive: true,
            last_heartbeat_ms: self.now_ms,
            replayed_journal: self.journal_id,
            live_since_ms: self.master.map(|_| self.now_ms),
        });
        let index = self.frontends.len() - 1;
        self.master.get_or_insert(index);
        index
    }

    /// All FEs with their indexes, in the order in which Doris lists them: that of a hash map of their names.
    pub fn frontends_by_name(&self) -> Vec<(usize, &Frontend)> {
        let hashed = self.frontends.iter().enumerate().map(|(n, fe)| (java_string_hash(&fe.name), (n, fe)));
        java_hash_order(hashed.collect())
    }

    /// Whether the MySQL port of an FE is open.
    pub fn serves_sql(&self, index: usize) -> bool {
        self.frontends.get(index).is_some_and(|fe| fe.alive && fe.sql_from_ms <= self.now_ms)
    }

    /// Kills the process of an FE (SIGKILL). If it was the master, the others elect one of them after a while.
    pub fn kill_frontend(&mut self, index: usize) -> Answer<()> {
        let fe = self.frontends.get_mut(index).ok_or_else(|| no_frontend(index))?;
        fe.alive = false;
        fe.answers_from_ms = None;
        self.deaths += 1;
        self.elect_if_needed(Some(index));
        Ok(())
    }

    /// Starts the process of an FE that is dead. It answers after a while ([`super::Options::frontend_start_ms`]), SQL
    /// last.
    pub fn start_frontend(&mut self, index: usize) -> Answer<()> {
        let (now, start) = (self.now_ms, self.options.frontend_start_ms);
        let fe = self.frontends.get_mut(index).ok_or_else(|| no_frontend(index))?;
        if fe.alive || fe.answers_from_ms.is_some() {
            return Err(Refusal::analysis(format!("frontend {index} runs")));
        }
        fe.started_ms = now;
        fe.answers_from_ms = Some(now.saturating_add(start));
        // Seen: 16.5 s until Thrift answered, 31 s until the MySQL port was open.
        fe.sql_from_ms = now.saturating_add(start.saturating_mul(2));
        Ok(())
    }

    /// When the next FE that starts answers, or opens its MySQL port.
    pub(super) fn next_frontend_start_ms(&self) -> Option<i64> {
        let opens = self.frontends.iter().filter(|fe| fe.sql_from_ms > self.now_ms).map(|fe| fe.sql_from_ms);
        self.frontends.iter().filter_map(|fe| fe.answers_from_ms).chain(opens).min()
    }

    /// FEs whose start is over answer from now on.
    pub(super) fn finish_frontend_starts(&mut self) {
        let now = self.now_ms;
        let mut started = false;
        for fe in &mut self.frontends {
            if fe.answers_from_ms.is_some_and(|at| at <= now) {
                fe.answers_from_ms = None;
                fe.alive = true;
                started = true;
            }
        }
        if started {
            self.elect_if_needed(None);
        }
    }
}

fn no_frontend(index: usize) -> Refusal {
    Refusal::analysis(format!("frontend {index} does not exist"))
}
