//! Reads an expression, as the grammar of CEL has it.

use crate::builtin::expression::{
    functions,
    lexer::{Token, words},
    stack::with_room,
    syntax::{Arithmetic, Comparison, Expr, ExprKind, Span, Walk, WalkKind, Wrong},
    value::Val,
};

/// The longest expression, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;

/// How deep an expression may nest. Evaluating it recurses as deep, also in a thread with a stack of 256 KiB and in a build without
/// optimization, where a macro takes 4 KiB a level. CEL asks for 12 levels at least.
pub(super) const DEEPEST: u32 = 32;

/// Words that are no names in CEL: keywords, and those that its grammar keeps for other languages.
const RESERVED: [&str; 18] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "namespace",
    "package",
    "return",
    "var",
    "void",
    "while",
];

pub(super) fn parse(source: &str) -> Result<Expr, Wrong> {
    if source.len() > LONGEST {
        let message = format!("expected an expression of at most {LONGEST} bytes, found {}", source.len());
        return Err(Wrong::new(Span::default(), message));
    }
    let words = words(source)?;
    let mut parser = Parser { at: 0, nested: 0, locals: Vec::new(), words };
    let read = with_room(parser.nesting(), move || {
        let expr = parser.expression()?;
        match parser.peek() {
            Token::End => Ok(expr),
            _ => parser.expected("an operator or the end"),
        }
    });
    read.unwrap_or_else(|| Err(Wrong::new(Span::default(), "there is no memory to read it")))
}

struct Parser {
    words: Vec<(Token, Span)>,
    at: usize,
    nested: u32,
    /// The variables of the macros around the present place.
    locals: Vec<Box<str>>,
}

/// The binary operators by how tightly they bind, loosest first; `&&`, `||` and `?` are apart.
const COMPARISONS: [(&str, Comparison); 6] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
];
const SUMS: [(&str, Arithmetic); 2] = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
const PRODUCTS: [(&str, Arithmetic); 3] =
    [("*", Arithmetic::Multiply), ("/", Arithmetic::Divide), ("%", Arithmetic::Remainder)];

impl Parser {
    /// How many levels there may be, at most.
    fn nesting(&self) -> u32 {
        let (mut open, mut deepest) = (0_u32, 0);
        for (token, _) in &self.words {
            match token {
                // What is between `?` and `:` is a level, too.
                Token::Sign("(" | "[" | "{" | "?") => open += 1,
                Token::Sign(")" | "]" | "}") => open = open.saturating_sub(1),
                _ => (),
            }
            deepest = deepest.max(open);
        }
        deepest
    }

    fn peek(&self) -> &Token {
        self.words.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> Span {
        self.words.get(self.at).map_or_else(Span::default, |(_, span)| *span)
    }

    fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(found) if *found == sign)
    }

    fn take(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    fn need(&mut self, sign: &str) -> Result<Span, Wrong> {
        let span = self.span();
        if self.take(sign) { Ok(span) } else { self.expected(&format!("`{sign}`")) }
    }

    fn expected<T>(&self, what: &str) -> Result<T, Wrong> {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Name(name) => format!("`{name}`"),
            Token::Text(text) => format!("{text:?}"),
            Token::Int(number) | Token::UInt(number) => number.to_string(),
            Token::Float(number) => number.to_string(),
        };
        Err(Wrong::new(self.span(), format!("expected {what}, found {found}")))
    }

    /// A whole expression; what is nested in another one comes through here.
    fn expression(&mut self) -> Result<Expr, Wrong> {
        if self.nested >= DEEPEST {
            return too_deep(self.span());
        }
        self.nested += 1;
        let result = self.cases();
        self.nested -= 1;
        result
    }

    fn cases(&mut self) -> Result<Expr, Wrong> {
        let mut cases = Vec::new();
        let mut last = self.any()?;
        let first = last.at;
        while self.take("?") {
            let then = self.any_of_three()?;
            self.need(":")?;
            cases.push((last, then));
            last = self.any()?;
        }
        if cases.is_empty() {
            return Ok(last);
        }
        let at = first.to(last.at);
        make(at, ExprKind::Cases(cases, Box::new(last)))
    }

    /// What stands between `?` and `:`. The grammar wants parentheses around another `?` there; most readers do not.
    fn any_of_three(&mut self) -> Result<Expr, Wrong> {
        self.expression()
    }

    fn any(&mut self) -> Result<Expr, Wrong> {
        self.chain("||", Self::all, ExprKind::Any)
    }

    fn all(&mut self) -> Result<Expr, Wrong> {
        self.chain("&&", |parser| parser.binary(0), ExprKind::All)
    }

    /// Operands with this sign between them. However many, they are on one level.
    fn chain(
        &mut self,
        sign: &str,
        operand: fn(&mut Self) -> Result<Expr, Wrong>,
        kind: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr, Wrong> {
        let first = operand(self)?;
        if !self.is_sign(sign) {
            return Ok(first);
        }
        let mut at = first.at;
        let mut operands = vec![first];
        while self.take(sign) {
            let next = operand(self)?;
            at = at.to(next.at);
            operands.push(next);
        }
        make(at, kind(operands))
    }

    /// Comparisons (0), sums (1) and products (2).
    fn binary(&mut self, level: u8) -> Result<Expr, Wrong> {
        match level {
            0 => self.comparison(),
            1 => self.sum(&SUMS, 2),
            2 => self.sum(&PRODUCTS, 3),
            _ => self.unary(),
        }
    }

    fn comparison(&mut self) -> Result<Expr, Wrong> {
        let mut left = self.binary(1)?;
        loop {
            let operator = match self.peek() {
                Token::Sign(sign) => {
                    COMPARISONS.iter().find(|(known, _)| known == sign).map(|(_, found)| *found)
                }
                Token::Name(name) if name == "in" => Some(Comparison::In),
                _ => None,
            };
            let Some(operator) = operator else { return Ok(left) };
            self.at += 1;
            let right = self.binary(1)?;
            let at = left.at.to(right.at);
            left = make(at, ExprKind::Compare(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn sum(&mut self, operators: &[(&str, Arithmetic)], level: u8) -> Result<Expr, Wrong> {
        let first = self.binary(level)?;
        let (mut at, mut rest) = (first.at, Vec::new());
        loop {
            let operator = operators.iter().find(|(sign, _)| self.is_sign(sign)).map(|(_, found)| *found);
            let Some(operator) = operator else { break };
            self.at += 1;
            let next = self.binary(level)?;
            at = at.to(next.at);
            rest.push((operator, next));
        }
        if rest.is_empty() { Ok(first) } else { make(at, ExprKind::Sum(Box::new(first), rest)) }
    }

    /// Signs before an operand: `!`, or `-`, as often as one likes.
    fn unary(&mut self) -> Result<Expr, Wrong> {
        let start = self.span();
        for sign in ["!", "-"] {
            let first = self.at;
            while self.take(sign) {}
            let count = self.at - first;
            if count == 0 {
                continue;
            }
            // A minus belongs to the number behind it: -9223372036854775808 has no positive twin.
            if sign == "-" && matches!(self.peek(), Token::Int(_) | Token::Float(_)) {
                self.at -= 1;
                return self.signs(sign, count - 1, start);
            }
            return self.signs(sign, count, start);
        }
        self.postfix()
    }

    fn signs(&mut self, sign: &str, count: usize, start: Span) -> Result<Expr, Wrong> {
        let operand = self.postfix()?;
        let at = start.to(operand.at);
        // Of two in a row each undoes the other, but both ask for a boolean or a number.
        let mut expr = operand;
        for _ in 0..if count > 2 { 2 - count % 2 } else { count } {
            let operand = Box::new(expr);
            expr = make(at, if sign == "!" { ExprKind::Not(operand) } else { ExprKind::Negate(operand) })?;
        }
        Ok(expr)
    }

    /// An operand with what is behind it: `.field`, `.call(..)`, `[index]`.
    fn postfix(&mut self) -> Result<Expr, Wrong> {
        let mut expr = self.primary()?;
        loop {
            if self.take("[") {
                let index = Box::new(self.expression()?);
                let at = expr.at.to(self.need("]")?);
                expr = make(at, ExprKind::Index { operand: Box::new(expr), index })?;
            } else if self.take(".") {
                expr = self.member(expr)?;
            } else if self.is_sign("{") {
                return Err(Wrong::new(
                    self.span(),
                    "expected an operator, found `{`; messages are not supported",
                ));
            } else {
                return Ok(expr);
            }
        }
    }

    fn member(&mut self, operand: Expr) -> Result<Expr, Wrong> {
        let name_at = self.span();
        let Token::Name(name) = self.peek() else { return self.expected("a name") };
        let name: Box<str> = name.as_str().into();
        self.at += 1;
        let span = operand.at;
        if !self.take("(") {
            let kind = ExprKind::Select { operand: Box::new(operand), field: name, has: false };
            return make(span.to(name_at), kind);
        }
        if let Some(kind) = WalkKind::find(&name, self.arguments_ahead()) {
            return self.walk(kind, operand);
        }
        let mut arguments = vec![operand];
        let end = self.arguments(&mut arguments)?;
        let function = functions::find(&name, true, arguments.len(), name_at)?;
        make(span.to(end), ExprKind::Call(function, arguments))
    }

    /// How many arguments stand from here to the closing parenthesis.
    fn arguments_ahead(&self) -> usize {
        let (mut depth, mut commas, mut any) = (0_usize, 0, 0);
        for (token, _) in self.words.iter().skip(self.at) {
            match token {
                Token::Sign("(" | "[" | "{") => depth += 1,
                Token::Sign(")" | "]" | "}") if depth == 0 => break,
                Token::Sign(")" | "]" | "}") => depth -= 1,
                Token::Sign(",") if depth == 0 => commas += 1,
                Token::End => break,
                _ => (),
            }
            any = 1;
        }
        commas + any
    }

    /// Reads arguments up to the closing parenthesis, which is given.
    fn arguments(&mut self, arguments: &mut Vec<Expr>) -> Result<Span, Wrong> {
        if !self.is_sign(")") {
            loop {
                arguments.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
            }
        }
        self.need(")")
    }

    /// A macro with a variable: `list.all(x, x > 1)`.
    fn walk(&mut self, kind: WalkKind, range: Expr) -> Result<Expr, Wrong> {
        let Token::Name(name) = self.peek() else { return self.expected("the name of a variable") };
        let name: Box<str> = name.as_str().into();
        self.check_name(&name)?;
        self.at += 1;
        self.need(",")?;
        let local = u32::try_from(self.locals.len()).unwrap_or(u32::MAX);
        self.locals.push(name);
        let mut arguments = Vec::new();
        let end = self.arguments(&mut arguments)?;
        self.locals.pop();
        let Some(body) = arguments.pop() else { return self.expected("an expression") };
        let at = range.at.to(end);
        let walk = Walk { kind, range, local, filter: arguments.pop(), body };
        make(at, ExprKind::Walk(Box::new(walk)))
    }

    fn primary(&mut self) -> Result<Expr, Wrong> {
        let at = self.span();
        let literal = match self.peek().clone() {
            Token::Sign("-") => {
                self.at += 1;
                match self.peek() {
                    Token::Int(number) => {
                        let Some(number) = 0_i64.checked_sub_unsigned(*number) else {
                            return out_of_range(at);
                        };
                        Val::Int(number)
                    }
                    Token::Float(number) => Val::Float(-number),
                    _ => return self.expected("a number"),
                }
            }
            Token::Int(number) => {
                let Ok(number) = i64::try_from(number) else { return out_of_range(at) };
                Val::Int(number)
            }
            Token::UInt(number) => Val::UInt(number),
            Token::Float(number) => Val::Float(number),
            Token::Text(text) => Val::text(text),
            Token::Name(name) => {
                self.at += 1;
                return self.name(name.into(), at);
            }
            Token::Sign("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.need(")")?;
                return Ok(inner);
            }
            Token::Sign("[") => return self.list(at),
            Token::Sign("{") => return self.map(at),
            Token::Sign(_) | Token::End => return self.expected("an expression"),
        };
        let at = at.to(self.span());
        self.at += 1;
        make(at, ExprKind::Literal(literal))
    }

    fn name(&mut self, name: Box<str>, at: Span) -> Result<Expr, Wrong> {
        let literal = match &*name {
            "true" => Val::Bool(true),
            "false" => Val::Bool(false),
            "null" => Val::Null,
            _ => return self.variable(name, at),
        };
        make(at, ExprKind::Literal(literal))
    }

    fn variable(&mut self, name: Box<str>, at: Span) -> Result<Expr, Wrong> {
        if !self.take("(") {
            self.check_name(&name)?;
            let local = self.locals.iter().rposition(|local| *local == name);
            let local = local.and_then(|place| u32::try_from(place).ok());
            return make(at, local.map_or(ExprKind::Name(name), ExprKind::Local));
        }
        let mut arguments = Vec::new();
        if &*name == "has" {
            return self.has(at);
        }
        let end = self.arguments(&mut arguments)?;
        let function = functions::find(&name, false, arguments.len(), at)?;
        make(at.to(end), ExprKind::Call(function, arguments))
    }

    fn has(&mut self, at: Span) -> Result<Expr, Wrong> {
        let argument = self.expression()?;
        let end = self.need(")")?;
        let inner = argument.at;
        match argument.kind {
            ExprKind::Select { operand, field, has: false } => {
                make(at.to(end), ExprKind::Select { operand, field, has: true })
            }
            ExprKind::Name(name) => Err(Wrong::new(
                inner,
                format!("has: expected a field, as in has(context.{name}), found `{name}`"),
            )),
            _ => Err(Wrong::new(inner, "has: expected a field, as in has(context.plan)")),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), Wrong> {
        if RESERVED.contains(&name) {
            let message =
                format!("`{name}` is a word of CEL; an attribute of that name is context[\"{name}\"]");
            let at = self.words.get(self.at.saturating_sub(1)).map_or_else(Span::default, |(_, span)| *span);
            return Err(Wrong::new(at, message));
        }
        Ok(())
    }

    fn list(&mut self, start: Span) -> Result<Expr, Wrong> {
        self.at += 1;
        let mut items = Vec::new();
        while !self.is_sign("]") {
            items.push(self.expression()?);
            if !self.take(",") {
                break;
            }
        }
        let at = start.to(self.need("]")?);
        make(at, ExprKind::List(items))
    }

    fn map(&mut self, start: Span) -> Result<Expr, Wrong> {
        self.at += 1;
        let mut entries = Vec::new();
        while !self.is_sign("}") {
            let key = self.expression()?;
            self.need(":")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        let at = start.to(self.need("}")?);
        make(at, ExprKind::Map(entries))
    }
}

fn make(at: Span, kind: ExprKind) -> Result<Expr, Wrong> {
    let depth = kind.parts().into_iter().map(|part| part.depth + 1).max().unwrap_or(0);
    if depth > DEEPEST { too_deep(at) } else { Ok(Expr { at, depth, kind }) }
}

fn too_deep<T>(at: Span) -> Result<T, Wrong> {
    Err(Wrong::new(at, format!("expected at most {DEEPEST} levels inside one another, found more")))
}

fn out_of_range<T>(at: Span) -> Result<T, Wrong> {
    Err(Wrong::new(at, "expected a number of 64 bits with a sign, found a larger one; 1u has none"))
}
