//! Users and passwords.

use doris::secret::Secret;

use super::Model;

impl Model {
    /// Adds a user, or gives it another password.
    pub fn set_password(&mut self, user: &str, password: Secret) {
        self.users.insert(user.to_owned(), password);
    }

    /// Whether a user may do everything.
    pub fn is_admin(&self, user: &str) -> bool {
        matches!(user, "root" | "admin")
    }

    /// Whether a login is accepted.
    pub fn password_fits(&self, user: &str, password: &Secret) -> bool {
        self.users.get(user).is_some_and(|expected| expected == password)
    }

    /// As [`Self::password_fits`], on the MySQL port: root from the FE's own host needs no right password (seen).
    pub fn sql_login_fits(&self, user: &str, password: &Secret) -> bool {
        let open_root = user == "root" && self.users.get(user).is_some_and(Secret::is_empty);
        open_root || self.password_fits(user, password)
    }
}
