//! Service accounts, and the Pods whose tokens they show.

use crate::policy::ids::UserId;

/// A service account, as usernames say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceAccount<'a> {
    /// The namespace in which it lives.
    pub namespace: &'a str,
    /// Its name there.
    pub name: &'a str,
}

impl<'a> ServiceAccount<'a> {
    /// The account of this username; `None` where it is nobody's account.
    pub fn of(username: &'a str) -> Option<Self> {
        let (namespace, name) = username.strip_prefix("system:serviceaccount:")?.split_once(':')?;
        let is_one = !namespace.is_empty() && !name.is_empty() && !name.contains(':');
        is_one.then_some(Self { namespace, name })
    }
}

/// The Pod whose service account sends a request, as its token says by the Pod's name and UID.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deputy {
    /// A Pod that is there.
    Of {
        /// Its name.
        pod: String,
        /// The stamp on it; absent where it is from before the platform, or an Admin's.
        user_id: Option<UserId>,
    },
    /// There is no such Pod with that UID.
    Gone {
        /// The name that the token says.
        pod: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_username_is_an_account() {
        let spark = ServiceAccount { namespace: "detector", name: "spark" };
        assert_eq!(ServiceAccount::of("system:serviceaccount:detector:spark"), Some(spark));
        for other in
            ["alice", "system:serviceaccount:", "system:serviceaccount:detector", "system:serviceaccount::spark"]
        {
            assert_eq!(ServiceAccount::of(other), None, "{other}");
        }
        for other in ["system:serviceaccount:detector:", "system:serviceaccount:a:b:c", "x:system:serviceaccount:a:b"] {
            assert_eq!(ServiceAccount::of(other), None, "{other}");
        }
    }
}
