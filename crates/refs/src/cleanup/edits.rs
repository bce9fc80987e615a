//! What to change in a file.

use std::{collections::HashSet, ops::Range};

use syn::{
    Arm, Attribute, Block, Expr, ExprBinary, ExprIf, ExprMatch, File, ImplItemFn, ItemFn, Lit, Pat, Path,
    ReturnType, Signature, Stmt, TraitItemFn, Type, spanned::Spanned, visit::Visit,
};

use super::{
    Leftover, literals,
    subject::{Cleaner, type_of},
    text::{Edit, dedented, whole_lines},
    truth::{decisive, remaining, truth},
};

/// The outermost edits of a file. Those inside of them come in the next pass.
pub(super) fn edits(cleaner: &Cleaner, file: &File, source: &str) -> Vec<Edit> {
    let literals = source.parse().map(literals::inside).unwrap_or_default();
    let mut editor = Editor { cleaner, source, literals, is_operand: false, edits: Vec::new() };
    editor.visit_file(file);
    editor.edits
}

struct Editor<'s> {
    cleaner: &'s Cleaner,
    source: &'s str,
    literals: HashSet<usize>,
    /// Whether the next expression is an operand, or before a block: what replaces it may need parentheses.
    is_operand: bool,
    edits: Vec<Edit>,
}

/// What is left of an `if` or `match`.
enum Left<'e> {
    Block(&'e Block),
    Expression(&'e Expr),
    Nothing,
}

impl<'ast> Visit<'ast> for Editor<'_> {
    fn visit_block(&mut self, block: &'ast Block) {
        let count = block.stmts.len();
        for (place, statement) in block.stmts.iter().enumerate() {
            let is_last = place + 1 == count;
            if let Stmt::Expr(expression, semicolon) = statement
                && let Some(left) = self.left(expression)
            {
                let range = statement.span().byte_range();
                let is_value = is_last && semicolon.is_none();
                self.statement(range, &left, is_last, is_value);
                continue;
            }
            self.visit_stmt(statement);
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let is_operand = std::mem::take(&mut self.is_operand);
        if let Some(is_true) = truth(self.cleaner, expression) {
            self.edits.push((expression.span().byte_range(), is_true.to_string()));
            return;
        }
        if let Some(left) = self.left(expression) {
            let new = match left {
                Left::Block(block) => self.value(block, is_operand),
                Left::Expression(left) => self.enclosed(left, is_operand),
                Left::Nothing => "()".to_owned(),
            };
            self.edits.push((expression.span().byte_range(), new));
            return;
        }
        match expression {
            Expr::Binary(binary) if remaining(self.cleaner, binary).is_some() => self.side(binary),
            Expr::If(branch) => self.branch(branch),
            Expr::Match(found) => {
                self.operand(&found.expr);
                for arm in &found.arms {
                    self.visit_arm(arm);
                }
            }
            Expr::While(found) => {
                self.operand(&found.cond);
                self.visit_block(&found.body);
            }
            Expr::ForLoop(found) => {
                self.operand(&found.expr);
                self.visit_block(&found.body);
            }
            Expr::Binary(found) => {
                self.operand(&found.left);
                self.operand(&found.right);
            }
            Expr::MethodCall(found) => {
                self.operand(&found.receiver);
                for argument in &found.args {
                    self.visit_expr(argument);
                }
            }
            Expr::Call(found) => {
                self.operand(&found.func);
                for argument in &found.args {
                    self.visit_expr(argument);
                }
            }
            Expr::Index(found) => {
                self.operand(&found.expr);
                self.visit_expr(&found.index);
            }
            Expr::Range(found) => {
                for end in [&found.start, &found.end].into_iter().flatten() {
                    self.operand(end);
                }
            }
            Expr::Unary(found) => self.operand(&found.expr),
            Expr::Cast(found) => self.operand(&found.expr),
            Expr::Field(found) => self.operand(&found.base),
            Expr::Try(found) => self.operand(&found.expr),
            Expr::Await(found) => self.operand(&found.base),
            Expr::Reference(found) => self.operand(&found.expr),
            Expr::Let(found) => self.operand(&found.expr),
            _ => syn::visit::visit_expr(self, expression),
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !self.guarded(&item.attrs, &item.sig, &item.block) {
            syn::visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !self.guarded(&item.attrs, &item.sig, &item.block) {
            syn::visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        let is_guarded =
            item.default.as_ref().is_some_and(|block| self.guarded(&item.attrs, &item.sig, block));
        if !is_guarded {
            syn::visit::visit_trait_item_fn(self, item);
        }
    }
}

impl Editor<'_> {
    fn text(&self, range: Range<usize>) -> &str {
        self.source.get(range).unwrap_or_default()
    }

    fn operand(&mut self, expression: &Expr) {
        self.is_operand = true;
        self.visit_expr(expression);
        self.is_operand = false;
    }

    /// The text of an expression in another place.
    fn enclosed(&self, expression: &Expr, is_operand: bool) -> String {
        let text = self.text(expression.span().byte_range());
        if is_operand && !is_atomic(expression) { format!("({text})") } else { text.to_owned() }
    }

    /// What is left of an `if` or a `match` that the flag decides.
    fn left<'e>(&self, expression: &'e Expr) -> Option<Left<'e>> {
        match expression {
            // An attribute decides as well whether it is there.
            Expr::If(ExprIf { attrs, .. }) | Expr::Match(ExprMatch { attrs, .. }) if !attrs.is_empty() => {
                None
            }
            Expr::Match(ExprMatch { arms, .. }) if arms.iter().any(|arm| !arm.attrs.is_empty()) => None,
            Expr::If(ExprIf { cond, then_branch, else_branch, .. }) => {
                if truth(self.cleaner, cond)? {
                    return Some(Left::Block(then_branch));
                }
                Some(match else_branch.as_ref().map(|(_, other)| &**other) {
                    Some(Expr::Block(block)) => Left::Block(&block.block),
                    Some(other) => Left::Expression(other),
                    None => Left::Nothing,
                })
            }
            Expr::Match(ExprMatch { expr, arms, .. }) => {
                let arm = match truth(self.cleaner, expr) {
                    Some(is_true) => {
                        arms.iter().find(|arm| takes(&arm.pat, &|pattern| is_bool(pattern, is_true)))?
                    }
                    None => self.chosen_arm(expr, arms)?,
                };
                // Whether an arm with a condition is taken is not known.
                if matches!(arm.pat, Pat::Guard(_)) {
                    return None;
                }
                Some(match &*arm.body {
                    Expr::Block(block) if block.label.is_none() => Left::Block(&block.block),
                    body => Left::Expression(body),
                })
            }
            _ => None,
        }
    }

    fn chosen_arm<'e>(&self, call: &Expr, arms: &'e [Arm]) -> Option<&'e Arm> {
        let patterns = arms.iter().flat_map(|arm| paths(&arm.pat));
        let (kind, variant) = self.cleaner.chosen(call, patterns)?;
        let is_it = |path: &Path| {
            path.segments.last().is_some_and(|last| last.ident == variant)
                && type_of(path).is_none_or(|of| of == kind.as_str() || of == "Self")
        };
        arms.iter().find(|arm| takes(&arm.pat, &|pattern| paths(pattern).into_iter().any(is_it)))
    }

    /// A statement, which `left` replaces.
    fn statement(&mut self, range: Range<usize>, left: &Left<'_>, is_last: bool, is_value: bool) {
        let new = match left {
            Left::Nothing => {
                self.edits.push((whole_lines(self.source, &range), String::new()));
                return;
            }
            Left::Expression(expression) => {
                let text = dedented(self.source, expression.span().byte_range(), range.start, &self.literals);
                let needs_semicolon = !is_value && !is_block_like(expression);
                format!("{text}{}", if needs_semicolon { ";" } else { "" })
            }
            Left::Block(block) if block.stmts.is_empty() && self.text(inner(block)).trim().is_empty() => {
                if is_value {
                    "()".to_owned()
                } else {
                    self.edits.push((whole_lines(self.source, &range), String::new()));
                    return;
                }
            }
            // A name that is bound there must not replace another one after it.
            Left::Block(block) if !is_last && block.stmts.iter().any(binds) => {
                dedented(self.source, block.span().byte_range(), range.start, &HashSet::new())
            }
            Left::Block(block) => {
                let inner = trimmed(self.source, inner(block));
                let text = dedented(self.source, inner, range.start, &self.literals);
                let needs_semicolon = match block.stmts.last() {
                    Some(Stmt::Expr(last, None)) => !is_value && !is_block_like(last),
                    _ => false,
                };
                // A comment may be at the end.
                let has_comment = text.lines().last().is_some_and(|line| line.contains("//"));
                let semicolon = match (needs_semicolon, has_comment) {
                    (false, _) => "",
                    (true, false) => ";",
                    (true, true) => "\n;",
                };
                format!("{text}{semicolon}")
            }
        };
        self.edits.push((range, new));
    }

    /// A block in the place of a value: its only expression, or the block.
    fn value(&self, block: &Block, is_operand: bool) -> String {
        let has_comments = || {
            let text = self.text(inner(block));
            text.contains("//") || text.contains("/*")
        };
        match block.stmts.as_slice() {
            [Stmt::Expr(only, None)] if !has_comments() => self.enclosed(only, is_operand),
            _ if is_operand => format!("({})", self.text(block.span().byte_range())),
            _ => self.text(block.span().byte_range()).to_owned(),
        }
    }

    /// One side of `&&` or `||`.
    fn side(&mut self, binary: &ExprBinary) {
        if let Some(side) = remaining(self.cleaner, binary) {
            // A block at the start of a statement would be all of it.
            let new = self.enclosed(side, is_block_like(side));
            self.edits.push((binary.span().byte_range(), new));
        }
    }

    /// An `if` that depends on more than the flag; an `else if` may not.
    fn branch(&mut self, branch: &ExprIf) {
        self.operand(&branch.cond);
        self.visit_block(&branch.then_branch);
        let Some((_, other)) = &branch.else_branch else { return };
        let left = if matches!(**other, Expr::If(_)) { self.left(other) } else { None };
        match left {
            Some(Left::Nothing) => {
                let end = branch.then_branch.span().byte_range().end;
                self.edits.push((end..other.span().byte_range().end, String::new()));
            }
            Some(Left::Block(block)) => {
                let new = self.text(block.span().byte_range()).to_owned();
                self.edits.push((other.span().byte_range(), new));
            }
            Some(Left::Expression(expression)) => {
                let new = self.text(expression.span().byte_range()).to_owned();
                self.edits.push((other.span().byte_range(), new));
            }
            None => self.visit_expr(other),
        }
    }

    /// Takes away a guard. Returns whether the function has one for the flag.
    fn guarded(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) -> bool {
        let Some((attribute, guard)) =
            attributes.iter().find_map(|found| Some((found, Guard::of(self.cleaner, found)?)))
        else {
            return false;
        };
        let body = if guard.is_on {
            None
        } else {
            match guard.fallback(signature) {
                Some(body) => Some(body),
                // What it returns depends on a type that is not seen here.
                None => return false,
            }
        };
        self.edits.push((whole_lines(self.source, &attribute.span().byte_range()), String::new()));
        if let Some(body) = body {
            let text = if body.is_empty() { "{}".to_owned() } else { format!("{{ {body} }}") };
            self.edits.push((block.span().byte_range(), text));
        }
        true
    }
}

/// `#[novi::enabled("flag")]`.
struct Guard {
    is_on: bool,
    otherwise: Option<String>,
}

impl Guard {
    fn of(cleaner: &Cleaner, attribute: &Attribute) -> Option<Self> {
        attribute.path().segments.last().filter(|last| last.ident == "enabled")?;
        let arguments = attribute
            .parse_args_with(syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated)
            .ok()?;
        let mut arguments = arguments.iter();
        arguments.next().filter(|name| cleaner.is_name(name))?;
        let (mut variant, mut otherwise) = (None, None);
        for argument in arguments {
            let Expr::Assign(assign) = argument else { continue };
            let Expr::Path(key) = &*assign.left else { continue };
            match &*assign.right {
                Expr::Lit(literal) if key.path.is_ident("variant") => {
                    if let Lit::Str(text) = &literal.lit {
                        variant = Some(text.value());
                    }
                }
                // A constant, which is not seen here.
                _ if key.path.is_ident("variant") => return None,
                value if key.path.is_ident("otherwise") => otherwise = value.span().source_text(),
                _ => (),
            }
        }
        Some(Self { is_on: cleaner.is_on(variant.as_deref()), otherwise })
    }

    /// The body while the flag is off; empty for one that returns nothing.
    fn fallback(&self, signature: &Signature) -> Option<String> {
        if let Some(otherwise) = &self.otherwise {
            return Some(otherwise.clone());
        }
        match &signature.output {
            ReturnType::Default => Some(String::new()),
            ReturnType::Type(_, kind) => match &**kind {
                Type::Path(path) => {
                    path.path.segments.last().filter(|last| last.ident == "Option").map(|_| "None".to_owned())
                }
                Type::Tuple(tuple) if tuple.elems.is_empty() => Some(String::new()),
                _ => None,
            },
        }
    }
}

/// Whether a pattern may take what another says, or anything.
fn takes(pattern: &Pat, is_it: &impl Fn(&Pat) -> bool) -> bool {
    match pattern {
        Pat::Wild(_) => true,
        Pat::Guard(guarded) => takes(&guarded.pat, is_it),
        pattern => is_it(pattern),
    }
}

fn is_bool(pattern: &Pat, wanted: bool) -> bool {
    match pattern {
        Pat::Lit(literal) => matches!(&literal.lit, Lit::Bool(found) if found.value == wanted),
        Pat::Or(or) => or.cases.iter().any(|case| is_bool(case, wanted)),
        Pat::Paren(inner) => is_bool(&inner.pat, wanted),
        _ => false,
    }
}

/// The paths of a pattern, as in `Layout::List | Layout::Grid`.
fn paths(pattern: &Pat) -> Vec<&Path> {
    match pattern {
        Pat::Path(path) => vec![&path.path],
        Pat::Or(or) => or.cases.iter().flat_map(paths).collect(),
        Pat::Paren(inner) => paths(&inner.pat),
        _ => Vec::new(),
    }
}

/// What is between the braces of a block.
fn inner(block: &Block) -> Range<usize> {
    let range = block.span().byte_range();
    range.start + 1..range.end.saturating_sub(1).max(range.start + 1)
}

fn trimmed(source: &str, range: Range<usize>) -> Range<usize> {
    let text = source.get(range.clone()).unwrap_or_default();
    let start = range.start + (text.len() - text.trim_start().len());
    start..(start + text.trim().len())
}

/// Whether a statement binds a name for those after it.
fn binds(statement: &Stmt) -> bool {
    matches!(statement, Stmt::Local(_) | Stmt::Item(_))
}

/// Whether an expression is one wherever it stands.
fn is_atomic(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Array(_)
            | Expr::Await(_)
            | Expr::Call(_)
            | Expr::Field(_)
            | Expr::Index(_)
            | Expr::Lit(_)
            | Expr::Macro(_)
            | Expr::MethodCall(_)
            | Expr::Paren(_)
            | Expr::Path(_)
            | Expr::Repeat(_)
            | Expr::Try(_)
            | Expr::Tuple(_)
    )
}

/// Whether an expression is a statement without a semicolon.
fn is_block_like(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::If(_)
            | Expr::Match(_)
            | Expr::Block(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Unsafe(_)
    )
}

/// What still names the flag and, after a change, conditions that it has decided in part.
pub(super) fn leftovers(cleaner: &Cleaner, file: &File, is_changed: bool) -> Vec<Leftover> {
    let mut finder = Finder { cleaner, is_changed, found: Vec::new() };
    finder.visit_file(file);
    finder.found.sort_unstable();
    finder.found.dedup();
    finder.found
}

struct Finder<'c> {
    cleaner: &'c Cleaner,
    is_changed: bool,
    found: Vec<Leftover>,
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let line = attribute.span().start().line;
        if Guard::of(self.cleaner, attribute).is_some() {
            let why = "the guard returns a value of a type that is not seen here: remove the function, or give its body";
            self.found.push(Leftover { line, why: why.to_owned() });
        } else if let Some(text) = attribute.span().source_text()
            && text.contains(&format!("\"{}\"", self.cleaner.flag()))
        {
            self.found.push(Leftover { line, why: "it still names the flag".to_owned() });
        }
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        if literal.value() == self.cleaner.flag() {
            let line = literal.span().start().line;
            self.found.push(Leftover { line, why: "it still names the flag".to_owned() });
        }
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let condition = match expression {
            Expr::If(branch) => Some(&branch.cond),
            Expr::Match(found) => Some(&found.expr),
            _ => None,
        };
        let is_decided =
            |found: &Expr| matches!(found, Expr::Lit(literal) if matches!(literal.lit, Lit::Bool(_)));
        let line = expression.span().start().line;
        if self.is_changed && condition.is_some_and(|condition| is_decided(condition)) {
            let why = "its condition is decided, and an attribute or a condition of an arm says more: simplify it by hand";
            self.found.push(Leftover { line, why: why.to_owned() });
        } else if self.cleaner.may_choose(expression) {
            self.found
                .push(Leftover { line, why: "it still chooses among the variants of the flag".to_owned() });
        }
        syn::visit::visit_expr(self, expression);
    }

    fn visit_expr_binary(&mut self, binary: &'ast ExprBinary) {
        let is_decided = |expression: &Expr| match expression {
            Expr::Lit(literal) => {
                matches!(&literal.lit, Lit::Bool(found) if Some(found.value) == decisive(&binary.op))
            }
            _ => false,
        };
        if self.is_changed && is_decided(&binary.right) {
            let line = binary.right.span().start().line;
            let why =
                "what is on the left no longer decides anything, and may have an effect: simplify it by hand";
            self.found.push(Leftover { line, why: why.to_owned() });
        }
        syn::visit::visit_expr_binary(self, binary);
    }

    fn visit_macro(&mut self, found: &'ast syn::Macro) {
        let (name, tokens) = (format!("\"{}\"", self.cleaner.flag()), found.tokens.to_string());
        let chooses = tokens.contains("choose") && self.cleaner.has_type_in(&tokens);
        if tokens.contains(&name) || chooses {
            let line = found.span().start().line;
            self.found.push(Leftover { line, why: "the flag is used inside of a macro".to_owned() });
        }
    }
}
