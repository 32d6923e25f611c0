//! Users, roles and grants.

use std::collections::BTreeSet;

use doris::secret::Secret;
use sqlparser::tokenizer::Token;

use super::{
    cursor::{Cursor, Parsed},
    statement::{AccountStatement, NewUser, Statement},
};
use crate::model::{GrantScope, Grantee, Privilege, UserIdentity};

/// `USER [IF NOT EXISTS] user [IDENTIFIED BY '..'] [DEFAULT ROLE '..'] [COMMENT '..']`, `ROLE [IF NOT EXISTS] name ..`
pub(super) fn create(c: &mut Cursor<'_>) -> Parsed<Statement> {
    if c.take("ROLE") {
        let if_not_exists = c.if_not_exists();
        let name = c.string_or_identifier()?;
        let comment = if c.take("COMMENT") { c.string()? } else { String::new() };
        return Ok(Statement::Account(AccountStatement::CreateRole { name, comment, if_not_exists }));
    }
    c.expect("USER")?;
    let if_not_exists = c.if_not_exists();
    let user = user(c)?;
    let mut new = NewUser { user, if_not_exists, password: Secret::default(), role: None, comment: String::new() };
    if c.take_all(&["IDENTIFIED", "BY"]) {
        if c.is_word("PASSWORD") {
            return c.not_modelled("a password that is given as its hash");
        }
        new.password = Secret::new(c.string()?);
    }
    if c.take_all(&["DEFAULT", "ROLE"]) {
        new.role = Some(c.string()?);
    }
    if c.take("COMMENT") {
        new.comment = c.string()?;
    }
    Ok(Statement::Account(AccountStatement::CreateUser(new)))
}

/// `USER [IF EXISTS] user`, `ROLE [IF EXISTS] name`
pub(super) fn drop(c: &mut Cursor<'_>) -> Parsed<Statement> {
    if c.take("ROLE") {
        let if_exists = c.if_exists();
        return Ok(Statement::Account(AccountStatement::DropRole { name: c.string_or_identifier()?, if_exists }));
    }
    c.expect("USER")?;
    let if_exists = c.if_exists();
    Ok(Statement::Account(AccountStatement::DropUser { user: user(c)?, if_exists }))
}

/// `PASSWORD [FOR user] = PASSWORD('..')` behind SET.
pub(super) fn set_password(c: &mut Cursor<'_>) -> Parsed<Statement> {
    c.expect("PASSWORD")?;
    let user = if c.take("FOR") { Some(self::user(c)?) } else { None };
    c.expect_token(&Token::Eq)?;
    c.expect("PASSWORD")?;
    let mut texts = c.parenthesized(Cursor::string)?;
    let password = Secret::new(texts.pop().unwrap_or_default());
    Ok(Statement::Account(AccountStatement::SetPassword { user, password }))
}

/// `GRANT privilege, .. ON scope TO user`, `GRANT 'role', .. TO user`, and REVOKE with FROM.
pub(super) fn grant(c: &mut Cursor<'_>) -> Parsed<Statement> {
    let granted = c.take("GRANT");
    if !granted {
        c.expect("REVOKE")?;
    }
    let preposition = if granted { "TO" } else { "FROM" };
    if matches!(c.peek(), Token::SingleQuotedString(_) | Token::DoubleQuotedString(_)) {
        let roles = c.list(Cursor::string)?;
        c.expect(preposition)?;
        return Ok(Statement::Account(AccountStatement::Roles { granted, roles, user: user(c)? }));
    }
    let privileges = if c.take("ALL") {
        use Privilege::{Alter, Create, Drop, Load, Select};
        BTreeSet::from([Select, Load, Alter, Create, Drop])
    } else {
        c.list(privilege)?.into_iter().collect()
    };
    c.expect("ON")?;
    if ["RESOURCE", "WORKLOAD", "COMPUTE", "CLUSTER", "STAGE", "STORAGE"].iter().any(|word| c.is_word(word)) {
        return c.not_modelled("privileges on anything but tables");
    }
    let scope = scope(c)?;
    c.expect(preposition)?;
    let grantee = if c.take("ROLE") { Grantee::Role(c.string_or_identifier()?) } else { Grantee::User(user(c)?) };
    Ok(Statement::Account(AccountStatement::Privileges { granted, privileges, scope, grantee }))
}

fn privilege(c: &mut Cursor<'_>) -> Parsed<Privilege> {
    let found = c.word_at(0).and_then(|word| Privilege::of_name(&word));
    let Some(privilege) = found else { return c.unexpected("IDENTIFIER") };
    c.advance();
    if c.peek() == &Token::LParen {
        return c.not_modelled("privileges on columns");
    }
    Ok(privilege)
}

/// `[*.]*.*`, `[internal.]db.*`, `[internal.]db.table`
fn scope(c: &mut Cursor<'_>) -> Parsed<GrantScope> {
    let part = |c: &mut Cursor<'_>| if c.take_token(&Token::Mul) { Ok(None) } else { c.identifier().map(Some) };
    let mut parts = vec![part(c)?];
    while c.take_token(&Token::Period) {
        parts.push(part(c)?);
    }
    match <[Option<String>; 3]>::try_from(parts) {
        Ok([None, None, None]) => Ok(GrantScope::Global),
        Ok([Some(_), None, None]) => Ok(GrantScope::Catalog),
        Ok([Some(_), Some(db), None]) => Ok(GrantScope::Database(db)),
        Ok([Some(_), Some(db), Some(table)]) => Ok(GrantScope::Table(db, table)),
        Err(parts) => match &parts[..] {
            // Of two parts, both are inside the catalog (seen).
            [None, None] => Ok(GrantScope::Catalog),
            [Some(db), None] => Ok(GrantScope::Database(db.clone())),
            [Some(db), Some(table)] => Ok(GrantScope::Table(db.clone(), table.clone())),
            _ => c.unexpected("'.'"),
        },
        Ok(_) => c.unexpected("'*'"),
    }
}

/// `'name'[@'host']`, with or without quotes.
pub(super) fn user(c: &mut Cursor<'_>) -> Parsed<UserIdentity> {
    let name = c.string_or_identifier()?;
    let host = match c.take_at_sign()? {
        Some(host) => host,
        None => "%".to_owned(),
    };
    Ok(UserIdentity { name, host })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sql::parse;

    fn one(sql: &str) -> AccountStatement {
        match parse(sql).unwrap().pop().unwrap() {
            Statement::Account(statement) => statement,
            other => panic!("{sql}: {other:?}"),
        }
    }

    #[test]
    fn users_and_grants_are_parsed_in_all_their_forms() {
        let user = |name: &str, host: &str| UserIdentity { name: name.to_owned(), host: host.to_owned() };
        let AccountStatement::CreateUser(new) = one("CREATE USER 'ccr'@'10.%' IDENTIFIED BY 'se\\'cret'") else {
            panic!()
        };
        assert_eq!((new.user, new.password.expose()), (user("ccr", "10.%"), "se'cret"));
        let AccountStatement::CreateUser(new) = one("CREATE USER IF NOT EXISTS ccr DEFAULT ROLE 'r' COMMENT 'c'")
        else {
            panic!()
        };
        assert_eq!((new.user, new.role.as_deref(), &*new.comment), (user("ccr", "%"), Some("r"), "c"));
        for (text, expected) in [
            ("*.*.*", GrantScope::Global),
            ("*.*", GrantScope::Catalog),
            ("internal.*.*", GrantScope::Catalog),
            ("`d`.*", GrantScope::Database("d".into())),
            ("internal.d.t", GrantScope::Table("d".into(), "t".into())),
        ] {
            let sql = format!("GRANT SELECT_PRIV, load_priv ON {text} TO 'ccr'@'%'");
            let AccountStatement::Privileges { granted: true, privileges, scope, grantee } = one(&sql) else {
                panic!()
            };
            assert_eq!(scope, expected);
            assert_eq!(privileges, BTreeSet::from([Privilege::Select, Privilege::Load]));
            assert_eq!(grantee, Grantee::User(user("ccr", "%")));
        }
        assert!(matches!(one("REVOKE 'r' FROM ccr@localhost"), AccountStatement::Roles { granted: false, .. }));
        assert!(parse("GRANT NONSENSE ON *.* TO x").is_err());
    }
}
