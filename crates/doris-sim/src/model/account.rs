//! Users, roles and what they may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use doris::secret::Secret;

use super::{Answer, Model, Refusal};

/// What can be granted, in the order in which Doris prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Privilege {
    Node,
    Admin,
    Grant,
    Select,
    Load,
    Alter,
    Create,
    Drop,
    Usage,
    ShowView,
}

impl Privilege {
    const ALL: [(Self, &'static str); 10] = [
        (Self::Node, "Node_priv"),
        (Self::Admin, "Admin_priv"),
        (Self::Grant, "Grant_priv"),
        (Self::Select, "Select_priv"),
        (Self::Load, "Load_priv"),
        (Self::Alter, "Alter_priv"),
        (Self::Create, "Create_priv"),
        (Self::Drop, "Drop_priv"),
        (Self::Usage, "Usage_priv"),
        (Self::ShowView, "Show_view_priv"),
    ];

    /// As SHOW GRANTS prints it.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(privilege, _)| *privilege == self).map_or("", |(_, name)| name)
    }

    /// By its name in GRANT, in any case.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)).map(|(privilege, _)| *privilege)
    }
}

/// A set of privileges, printed as Doris does: `Admin_priv,Load_priv`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privileges(pub BTreeSet<Privilege>);

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|privilege| privilege.name()).collect();
        f.write_str(&names.join(","))
    }
}

/// What a grant is about. Only the catalog `internal` exists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GrantScope {
    /// `*.*.*`
    Global,
    /// `*.*`
    Catalog,
    /// `db.*`
    Database(String),
    /// `db.table`
    Table(String, String),
}

/// What is granted, by scope.
pub type Grants = BTreeMap<GrantScope, Privileges>;

/// `'name'@'host'`
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserIdentity {
    pub name: String,
    /// A pattern as of LIKE.
    pub host: String,
}

impl fmt::Display for UserIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'@'{}'", self.name, self.host)
    }
}

/// A user.
#[derive(Clone, Debug)]
pub struct Account {
    pub(crate) password: Secret,
    pub(crate) comment: String,
    pub(crate) roles: BTreeSet<String>,
    /// Its own ones, besides those of its roles.
    pub(crate) grants: Grants,
}

/// A role.
#[derive(Clone, Debug, Default)]
pub struct Role {
    pub(crate) grants: Grants,
    pub(crate) comment: String,
}

/// The users of every cluster, with their roles and comments.
const FIRST_USERS: [(&str, &str, &str); 2] = [("root", "operator", "ROOT"), ("admin", "admin", "ADMIN")];

/// Whom a GRANT or REVOKE is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grantee {
    User(UserIdentity),
    Role(String),
}

pub(super) fn first_users(root_password: &Secret) -> BTreeMap<UserIdentity, Account> {
    let user = |(name, role, comment): (&str, &str, &str)| {
        let account = Account {
            password: if name == "root" { root_password.clone() } else { Secret::default() },
            comment: comment.to_owned(),
            roles: BTreeSet::from([role.to_owned()]),
            grants: Grants::new(),
        };
        (UserIdentity { name: name.to_owned(), host: "%".to_owned() }, account)
    };
    FIRST_USERS.into_iter().map(user).collect()
}

pub(super) fn first_roles() -> BTreeMap<String, Role> {
    let role = |name: &str, privileges: &[Privilege]| {
        let privileges = Privileges(privileges.iter().copied().collect());
        let grants = Grants::from([(GrantScope::Global, privileges)]);
        (name.to_owned(), Role { grants, comment: String::new() })
    };
    BTreeMap::from([role("operator", &[Privilege::Node, Privilege::Admin]), role("admin", &[Privilege::Admin])])
}

impl Model {
    /// The account of a login: the one whose host is named most exactly. Without an address only `'user'@'%'` fits
    /// (seen).
    pub(crate) fn identity(&self, user: &str, address: Option<&str>) -> Option<(&UserIdentity, &Account)> {
        let fits = |identity: &UserIdentity| match address {
            _ if identity.host == "%" => true,
            Some(address) => host_fits(&identity.host, address),
            None => false,
        };
        let found = self.users.iter().filter(|(identity, _)| identity.name == user && fits(identity));
        found.min_by_key(|(identity, _)| (identity.host.contains('%'), std::cmp::Reverse(identity.host.len())))
    }

    /// Whether a user has the role of those who may do everything.
    pub fn is_admin(&self, user: &str) -> bool {
        self.may(user, None, &[Privilege::Admin], None, None)
    }

    /// Whether a login is accepted.
    pub fn password_fits(&self, user: &str, password: &Secret, address: Option<&str>) -> bool {
        self.identity(user, address).is_some_and(|(_, account)| account.password == *password)
    }

    /// As [`Self::password_fits`], on the MySQL port: root from the FE's own host needs no right password (seen).
    pub fn sql_login_fits(&self, user: &str, password: &Secret, address: Option<&str>) -> bool {
        let open_root = || self.identity(user, address).is_some_and(|(_, account)| account.password.is_empty());
        user == "root" && open_root() || self.password_fits(user, password, address)
    }

    /// The password of a user, which is empty if any will do; `None`: no such user.
    pub(crate) fn sql_password(&self, user: &str, address: Option<&str>) -> Option<&Secret> {
        self.identity(user, address).map(|(_, account)| &account.password)
    }

    /// What an account may do: its own grants and those of its roles.
    pub(crate) fn all_grants(&self, account: &Account) -> Grants {
        let mut all = account.grants.clone();
        for role in account.roles.iter().filter_map(|role| self.roles.get(role)) {
            for (scope, privileges) in &role.grants {
                all.entry(scope.clone()).or_default().0.extend(&privileges.0);
            }
        }
        all
    }

    /// Whether a user has one of some privileges: on a table, a database, the catalog, or everywhere.
    ///
    /// A session without a user is not a login but the owner of the simulator, who may do everything.
    pub fn may(
        &self,
        user: &str,
        address: Option<&str>,
        one_of: &[Privilege],
        db: Option<&str>,
        table: Option<&str>,
    ) -> bool {
        if user.is_empty() {
            return true;
        }
        let Some((_, account)) = self.identity(user, address) else { return false };
        let reads_only = one_of.contains(&Privilege::Select);
        if reads_only && db.is_some_and(|db| matches!(db, "information_schema" | "mysql")) {
            return true;
        }
        let of_scope = |scope: &GrantScope| match (scope, db, table) {
            (GrantScope::Global, ..) => true,
            (GrantScope::Catalog, db, _) => db.is_some(),
            (GrantScope::Database(name), db, _) => db == Some(name),
            (GrantScope::Table(in_db, name), db, table) => db == Some(in_db) && table == Some(name),
        };
        let grants = self.all_grants(account);
        grants.iter().any(|(scope, held)| of_scope(scope) && one_of.iter().any(|privilege| held.0.contains(privilege)))
    }

    /// Whether a user may know that a database exists: it has a privilege on it or on something in it.
    pub fn sees_database(&self, user: &str, address: Option<&str>, db: &str) -> bool {
        let inside = |account: &Account| {
            self.all_grants(account).keys().any(|scope| matches!(scope, GrantScope::Table(in_db, _) if in_db == db))
        };
        self.may(user, address, &SHOW, Some(db), None) || self.identity(user, address).is_some_and(|(_, a)| inside(a))
    }

    /// CREATE USER.
    pub fn create_user(&mut self, identity: UserIdentity, account: Account, if_not_exists: bool) -> Answer<()> {
        if self.users.contains_key(&identity) {
            let refusal = || Refusal::analysis(format!("User {identity} already exist"));
            return if if_not_exists { Ok(()) } else { Err(refusal()) };
        }
        if let Some(role) = account.roles.iter().find(|role| !self.roles.contains_key(*role)) {
            return Err(no_role(role));
        }
        self.journal();
        self.users.insert(identity, account);
        Ok(())
    }

    /// DROP USER.
    pub fn drop_user(&mut self, identity: &UserIdentity, if_exists: bool) -> Answer<()> {
        if FIRST_USERS.iter().any(|(name, ..)| *name == identity.name) && identity.host == "%" {
            let what = format!("Can not drop user: {identity}");
            return Err(Refusal::analysis(what));
        }
        if self.users.remove(identity).is_none() && !if_exists {
            let UserIdentity { name, host } = identity;
            return Err(Refusal::analysis(format!("User `{name}`@`{host}` does not exist.")));
        }
        self.journal();
        Ok(())
    }

    /// SET PASSWORD.
    pub fn set_user_password(&mut self, identity: &UserIdentity, password: Secret) -> Answer<()> {
        let account = self.users.get_mut(identity).ok_or_else(|| no_user(identity))?;
        account.password = password;
        self.journal();
        Ok(())
    }

    /// CREATE ROLE.
    pub fn create_role(&mut self, name: &str, comment: &str, if_not_exists: bool) -> Answer<()> {
        if self.roles.contains_key(name) {
            let refusal = || Refusal::analysis(format!("Role {name} already exists!"));
            return if if_not_exists { Ok(()) } else { Err(refusal()) };
        }
        self.roles.insert(name.to_owned(), Role { grants: Grants::new(), comment: comment.to_owned() });
        self.journal();
        Ok(())
    }

    /// DROP ROLE.
    pub fn drop_role(&mut self, name: &str, if_exists: bool) -> Answer<()> {
        if first_roles().contains_key(name) {
            return Err(Refusal::analysis(format!("Can not drop role: {name}")));
        }
        if self.roles.remove(name).is_none() && !if_exists {
            return Err(Refusal::analysis(format!("Role {name} does not exists!")));
        }
        for account in self.users.values_mut() {
            account.roles.remove(name);
        }
        self.journal();
        Ok(())
    }

    /// GRANT of privileges.
    pub fn grant(&mut self, to: &Grantee, scope: GrantScope, privileges: &BTreeSet<Privilege>) -> Answer<()> {
        self.grants_of(to)?.entry(scope).or_default().0.extend(privileges);
        self.journal();
        Ok(())
    }

    /// REVOKE of privileges.
    pub fn revoke(&mut self, from: &Grantee, scope: &GrantScope, privileges: &BTreeSet<Privilege>) -> Answer<()> {
        let grants = self.grants_of(from)?;
        let held = grants.get_mut(scope).filter(|held| !held.0.is_disjoint(privileges));
        let Some(held) = held else {
            let names = Privileges(privileges.clone());
            return Err(Refusal::analysis(format!(
                "doris-sim does not model the refusal of REVOKE {names}: not granted"
            )));
        };
        held.0.retain(|privilege| !privileges.contains(privilege));
        if held.0.is_empty() {
            grants.remove(scope);
        }
        self.journal();
        Ok(())
    }

    fn grants_of(&mut self, of: &Grantee) -> Answer<&mut Grants> {
        match of {
            Grantee::User(identity) => {
                let account = self.users.get_mut(identity).ok_or_else(|| no_user(identity))?;
                Ok(&mut account.grants)
            }
            Grantee::Role(role) => Ok(&mut self.roles.get_mut(role).ok_or_else(|| no_role(role))?.grants),
        }
    }

    /// GRANT and REVOKE of roles.
    pub fn set_roles(&mut self, user: &UserIdentity, roles: &[String], granted: bool) -> Answer<()> {
        if let Some(role) = roles.iter().find(|role| !self.roles.contains_key(*role)) {
            return Err(no_role(role));
        }
        let account = self.users.get_mut(user).ok_or_else(|| no_user(user))?;
        for role in roles {
            if granted {
                account.roles.insert(role.clone());
            } else {
                account.roles.remove(role);
            }
        }
        self.journal();
        Ok(())
    }
}

/// Those that make an object visible.
pub(crate) const SHOW: [Privilege; 7] = [
    Privilege::Admin,
    Privilege::Select,
    Privilege::Load,
    Privilege::Alter,
    Privilege::Create,
    Privilege::Drop,
    Privilege::ShowView,
];

fn no_user(identity: &UserIdentity) -> Refusal {
    Refusal::analysis(format!("user {identity} does not exist"))
}

fn no_role(role: &str) -> Refusal {
    Refusal::analysis(format!("Role {role} does not exist"))
}

/// `%` in a host stands for any characters.
fn host_fits(pattern: &str, address: &str) -> bool {
    match pattern.split_once('%') {
        None => pattern == address,
        Some((start, rest)) => {
            let Some(tail) = address.strip_prefix(start) else { return false };
            let ends = tail.char_indices().map(|(at, _)| at).chain([tail.len()]);
            ends.filter_map(|at| tail.get(at..)).any(|tail| host_fits(rest, tail))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::Options;

    #[test]
    fn a_user_may_do_what_it_or_one_of_its_roles_was_granted() {
        let mut model = Model::new(Options::default(), 0);
        let user = UserIdentity { name: "ccr".into(), host: "10.%".into() };
        let account = Account {
            password: Secret::new("s"),
            comment: String::new(),
            roles: BTreeSet::new(),
            grants: Grants::new(),
        };
        model.create_user(user.clone(), account, false).unwrap();
        let address = Some("10.0.0.7");
        let may = |model: &Model, privilege, db, table| model.may("ccr", address, &[privilege], Some(db), table);
        assert!(!may(&model, Privilege::Load, "d", Some("t")));
        let grantee = Grantee::User(user.clone());
        model.grant(&grantee, GrantScope::Table("d".into(), "t".into()), &BTreeSet::from([Privilege::Load])).unwrap();
        assert!(may(&model, Privilege::Load, "d", Some("t")));
        assert!(!may(&model, Privilege::Load, "d", Some("u")) && !may(&model, Privilege::Load, "d", None));
        assert!(model.sees_database("ccr", address, "d") && !model.sees_database("ccr", address, "e"));
        model.create_role("r", "", false).unwrap();
        model.grant(&Grantee::Role("r".into()), GrantScope::Catalog, &BTreeSet::from([Privilege::Select])).unwrap();
        model.set_roles(&user, &["r".into()], true).unwrap();
        assert!(may(&model, Privilege::Select, "e", None));
        model.drop_role("r", false).unwrap();
        assert!(!may(&model, Privilege::Select, "e", None));
        assert!(!model.password_fits("ccr", &Secret::new("s"), Some("11.0.0.7")));
        assert!(!model.password_fits("ccr", &Secret::new("s"), None));
        assert!(model.password_fits("ccr", &Secret::new("s"), address));
    }
}
