//! Reading answers: a shape nobody expects is an error, never a panic.

use redis::Value;
use state::coordinator::{CoordinatorError, Outage};

use crate::error::{LinkError, LinkErrorKind};

/// What was read, or why it cannot be.
pub(super) type Read<T> = Result<T, CoordinatorError>;

/// What to make of a failure of the link.
pub(super) fn failed(error: LinkError) -> CoordinatorError {
    let outage = match error.kind {
        LinkErrorKind::Loading
        | LinkErrorKind::Misconf
        | LinkErrorKind::Oom
        | LinkErrorKind::NoReplicas
        | LinkErrorKind::ReadOnly
        | LinkErrorKind::ClusterDown
        | LinkErrorKind::Busy => Outage::Certain,
        LinkErrorKind::NoAuth
        | LinkErrorKind::WrongPass
        | LinkErrorKind::NoPerm
        | LinkErrorKind::OldServer
        | LinkErrorKind::Config => Outage::Refused,
        _ => Outage::Transient,
    };
    let text = error.message;
    CoordinatorError { outage, text }
}

/// An answer, or what is stored, has a shape we do not know.
pub(super) fn unreadable(what: &str) -> CoordinatorError {
    CoordinatorError {
        outage: Outage::Transient,
        text: format!("redis holds or answered what cannot be read: {what}"),
    }
}

/// A list that is read from its beginning.
pub(super) struct Reply(std::vec::IntoIter<Value>);

impl Reply {
    pub(super) fn of(value: Value) -> Read<Self> {
        match value {
            Value::Array(values) => Ok(Self(values.into_iter())),
            _ => Err(unreadable("a list was expected")),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// How many values there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn value(&mut self) -> Read<Value> {
        self.0.next().ok_or_else(|| unreadable("a list ends early"))
    }

    pub(super) fn list(&mut self) -> Read<Self> {
        Self::of(self.value()?)
    }

    pub(super) fn text(&mut self) -> Read<String> {
        text(self.value()?)
    }

    pub(super) fn number(&mut self) -> Read<i64> {
        number(self.value()?)
    }

    pub(super) fn count(&mut self) -> Read<usize> {
        usize::try_from(self.number()?).map_err(|_| unreadable("a count is negative"))
    }

    pub(super) fn unsigned(&mut self) -> Read<u64> {
        u64::try_from(self.number()?).map_err(|_| unreadable("a number is negative"))
    }

    /// A version of records.
    pub(super) fn version(&mut self) -> Read<u32> {
        u32::try_from(self.number()?).map_err(|_| unreadable("a version of records"))
    }

    /// The rest as names and values.
    pub(super) fn pairs(mut self) -> Read<Vec<(String, String)>> {
        let mut pairs = Vec::with_capacity(self.0.len() / 2);
        while !self.is_empty() {
            pairs.push((self.text()?, self.text()?));
        }
        Ok(pairs)
    }
}

pub(super) fn text(value: Value) -> Read<String> {
    match value {
        Value::BulkString(bytes) => {
            String::from_utf8(bytes).map_err(|_| unreadable("a text is not UTF-8"))
        }
        Value::SimpleString(text) => Ok(text),
        Value::Okay => Ok("OK".to_owned()),
        Value::Int(number) => Ok(number.to_string()),
        _ => Err(unreadable("a text was expected")),
    }
}

/// A text where it lies.
pub(super) fn str_of(value: &Value) -> Read<&str> {
    match value {
        Value::BulkString(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| unreadable("a text is not UTF-8"))
        }
        _ => Err(unreadable("a text was expected")),
    }
}

pub(super) fn number(value: Value) -> Read<i64> {
    match value {
        Value::Int(number) => Ok(number),
        other => text(other)?
            .parse()
            .map_err(|_| unreadable("a number was expected")),
    }
}

/// A version counter; one that is not there counts from zero.
pub(super) fn version(value: Value) -> Read<u64> {
    match value {
        Value::Nil => Ok(0),
        other => u64::try_from(number(other)?).map_err(|_| unreadable("a version is negative")),
    }
}
