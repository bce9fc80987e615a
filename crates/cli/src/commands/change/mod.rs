//! What all commands have in common that change flags: the changes of the API, their plan, and the commit.

mod current;
mod find;
mod operation;
mod options;
mod perform;

pub(super) use self::{
    current::Current,
    find::{find_flag, flag_name},
    operation::{Fields, Operation, raw},
    options::ChangeOptions,
    perform::{Draft, perform},
};
