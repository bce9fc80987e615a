//! Lines that are inside of a text: their indentation is part of it.

use std::collections::HashSet;

use proc_macro2::{TokenStream, TokenTree};

/// The lines, from 1, that begin inside of a literal.
pub(super) fn inside(tokens: TokenStream) -> HashSet<usize> {
    let mut lines = HashSet::new();
    let mut open: Vec<proc_macro2::token_stream::IntoIter> = vec![tokens.into_iter()];
    while let Some(stream) = open.last_mut() {
        match stream.next() {
            None => {
                open.pop();
            }
            Some(TokenTree::Group(group)) => open.push(group.stream().into_iter()),
            Some(TokenTree::Literal(literal)) => {
                let span = literal.span();
                lines.extend(span.start().line + 1..=span.end().line);
            }
            Some(_) => (),
        }
    }
    lines
}
