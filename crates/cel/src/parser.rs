//! Parses tokens by the grammar of CEL.

use crate::{
    MAX_DEPTH, MAX_SOURCE,
    ast::{Arithmetic, Comparison, Expr, ExprKind, Macro, MacroKind},
    error::CompileError,
    functions,
    lexer::{Token, tokens},
    span::Span,
    stack::with_stack,
    value::Value,
};

/// Keywords, and names that CEL reserves.
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

pub(crate) fn parse(source: &str) -> Result<Expr, CompileError> {
    if source.len() > MAX_SOURCE {
        let message = format!("the expression has {} bytes; the limit is {MAX_SOURCE}", source.len());
        return Err(CompileError::new(Span::default(), message));
    }
    let tokens = tokens(source)?;
    let mut parser = Parser { at: 0, nested: 0, locals: Vec::new(), tokens };
    let read = with_stack(parser.nesting(), move || {
        let expr = parser.expression()?;
        match parser.peek() {
            Token::End => Ok(expr),
            _ => parser.expected("an operator or the end"),
        }
    });
    read.unwrap_or_else(|| {
        Err(CompileError::new(Span::default(), "cannot start a thread to parse the expression"))
    })
}

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    nested: u32,
    /// The variables of the enclosing macros.
    locals: Vec<Box<str>>,
}

/// Binary operators. `&&`, `||` and `?` are parsed apart.
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
    /// An upper bound of the depth.
    fn nesting(&self) -> u32 {
        let (mut open, mut deepest) = (0_u32, 0);
        for (token, _) in &self.tokens {
            match token {
                // The branch between `?` and `:` is a level, too.
                Token::Symbol("(" | "[" | "{" | "?") => open += 1,
                Token::Symbol(")" | "]" | "}") => open = open.saturating_sub(1),
                _ => (),
            }
            deepest = deepest.max(open);
        }
        deepest
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    fn span(&self) -> Span {
        self.tokens.get(self.at).map_or_else(Span::default, |(_, span)| *span)
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn take(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<Span, CompileError> {
        let span = self.span();
        if self.take(symbol) { Ok(span) } else { self.expected(&format!("`{symbol}`")) }
    }

    fn expected<T>(&self, what: &str) -> Result<T, CompileError> {
        let found = match self.peek() {
            Token::End => "the end".to_owned(),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Name(name) => format!("`{name}`"),
            Token::String(text) => format!("{text:?}"),
            Token::Int(number) | Token::UInt(number) => number.to_string(),
            Token::Float(number) => number.to_string(),
        };
        Err(CompileError::new(self.span(), format!("expected {what}, found {found}")))
    }

    /// An expression, which may be nested in another one.
    fn expression(&mut self) -> Result<Expr, CompileError> {
        if self.nested >= MAX_DEPTH {
            return too_deep(self.span());
        }
        self.nested += 1;
        let result = self.cases();
        self.nested -= 1;
        result
    }

    fn cases(&mut self) -> Result<Expr, CompileError> {
        let mut cases = Vec::new();
        let mut last = self.any()?;
        let first = last.span;
        while self.take("?") {
            // The grammar requires parentheses around a nested `?` here. Most other parsers do not.
            let then = self.expression()?;
            self.expect(":")?;
            cases.push((last, then));
            last = self.any()?;
        }
        if cases.is_empty() {
            return Ok(last);
        }
        let span = first.to(last.span);
        make(span, ExprKind::Cases(cases, Box::new(last)))
    }

    fn any(&mut self) -> Result<Expr, CompileError> {
        self.chain("||", Self::all, ExprKind::Any)
    }

    fn all(&mut self) -> Result<Expr, CompileError> {
        self.chain("&&", |parser| parser.binary(0), ExprKind::All)
    }

    /// Operands separated by an operator. They form one level, whatever their number.
    fn chain(
        &mut self,
        symbol: &str,
        operand: fn(&mut Self) -> Result<Expr, CompileError>,
        kind: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr, CompileError> {
        let first = operand(self)?;
        if !self.is_symbol(symbol) {
            return Ok(first);
        }
        let mut span = first.span;
        let mut operands = vec![first];
        while self.take(symbol) {
            let next = operand(self)?;
            span = span.to(next.span);
            operands.push(next);
        }
        make(span, kind(operands))
    }

    /// Comparisons (0), sums (1) and products (2).
    fn binary(&mut self, level: u8) -> Result<Expr, CompileError> {
        match level {
            0 => self.comparison(),
            1 => self.sum(&SUMS, 2),
            2 => self.sum(&PRODUCTS, 3),
            _ => self.unary(),
        }
    }

    fn comparison(&mut self) -> Result<Expr, CompileError> {
        let mut left = self.binary(1)?;
        loop {
            let operator = match self.peek() {
                Token::Symbol(symbol) => {
                    COMPARISONS.iter().find(|(known, _)| known == symbol).map(|(_, found)| *found)
                }
                Token::Name(name) if name == "in" => Some(Comparison::In),
                _ => None,
            };
            let Some(operator) = operator else { return Ok(left) };
            self.at += 1;
            let right = self.binary(1)?;
            let span = left.span.to(right.span);
            left = make(span, ExprKind::Compare(operator, Box::new(left), Box::new(right)))?;
        }
    }

    fn sum(&mut self, operators: &[(&str, Arithmetic)], level: u8) -> Result<Expr, CompileError> {
        let first = self.binary(level)?;
        let (mut span, mut rest) = (first.span, Vec::new());
        loop {
            let operator =
                operators.iter().find(|(symbol, _)| self.is_symbol(symbol)).map(|(_, found)| *found);
            let Some(operator) = operator else { break };
            self.at += 1;
            let next = self.binary(level)?;
            span = span.to(next.span);
            rest.push((operator, next));
        }
        if rest.is_empty() { Ok(first) } else { make(span, ExprKind::Sum(Box::new(first), rest)) }
    }

    /// Prefix operators: any number of `!` or of `-`.
    fn unary(&mut self) -> Result<Expr, CompileError> {
        let start = self.span();
        for symbol in ["!", "-"] {
            let first = self.at;
            while self.take(symbol) {}
            let count = self.at - first;
            if count == 0 {
                continue;
            }
            // A minus belongs to the number after it: -9223372036854775808 has no positive counterpart.
            if symbol == "-" && matches!(self.peek(), Token::Int(_) | Token::Float(_)) {
                self.at -= 1;
                return self.prefixed(symbol, count - 1, start);
            }
            return self.prefixed(symbol, count, start);
        }
        self.postfix()
    }

    fn prefixed(&mut self, symbol: &str, count: usize, start: Span) -> Result<Expr, CompileError> {
        let operand = self.postfix()?;
        let span = start.to(operand.span);
        // Two in a row cancel out, but still require a boolean or a number.
        let mut expr = operand;
        for _ in 0..if count > 2 { 2 - count % 2 } else { count } {
            let operand = Box::new(expr);
            expr =
                make(span, if symbol == "!" { ExprKind::Not(operand) } else { ExprKind::Negate(operand) })?;
        }
        Ok(expr)
    }

    /// An operand and its suffixes: `.field`, `.call(..)`, `[index]`.
    fn postfix(&mut self) -> Result<Expr, CompileError> {
        let mut expr = self.primary()?;
        loop {
            if self.take("[") {
                let index = Box::new(self.expression()?);
                let span = expr.span.to(self.expect("]")?);
                expr = make(span, ExprKind::Index { operand: Box::new(expr), index })?;
            } else if self.take(".") {
                expr = self.member(expr)?;
            } else if self.is_symbol("{") {
                return Err(CompileError::new(
                    self.span(),
                    "expected an operator, found `{` (messages are not supported)",
                ));
            } else {
                return Ok(expr);
            }
        }
    }

    fn member(&mut self, operand: Expr) -> Result<Expr, CompileError> {
        let name_at = self.span();
        let Token::Name(name) = self.peek() else { return self.expected("a name") };
        let name: Box<str> = name.as_str().into();
        self.at += 1;
        let span = operand.span;
        if !self.take("(") {
            let kind = ExprKind::Select { operand: Box::new(operand), field: name, has: false };
            return make(span.to(name_at), kind);
        }
        if let Some(kind) = MacroKind::find(&name, self.arguments_ahead()) {
            return self.macro_call(kind, operand);
        }
        if let ExprKind::Name(namespace) = &operand.kind
            && functions::is_namespace(namespace)
        {
            let (name, mut arguments) = (format!("{namespace}.{name}"), Vec::new());
            let end = self.arguments(&mut arguments)?;
            let function = functions::find(&name, false, arguments.len(), span.to(name_at))?;
            return make(span.to(end), ExprKind::Call(function, arguments));
        }
        let mut arguments = vec![operand];
        let end = self.arguments(&mut arguments)?;
        let function = functions::find(&name, true, arguments.len(), name_at)?;
        make(span.to(end), ExprKind::Call(function, arguments))
    }

    /// Counts the arguments up to the closing parenthesis.
    fn arguments_ahead(&self) -> usize {
        let (mut depth, mut commas, mut any) = (0_usize, 0, 0);
        for (token, _) in self.tokens.iter().skip(self.at) {
            match token {
                Token::Symbol("(" | "[" | "{") => depth += 1,
                Token::Symbol(")" | "]" | "}") if depth == 0 => break,
                Token::Symbol(")" | "]" | "}") => depth -= 1,
                Token::Symbol(",") if depth == 0 => commas += 1,
                Token::End => break,
                _ => (),
            }
            any = 1;
        }
        commas + any
    }

    /// Parses arguments up to the closing parenthesis, whose span is returned.
    fn arguments(&mut self, arguments: &mut Vec<Expr>) -> Result<Span, CompileError> {
        if !self.is_symbol(")") {
            loop {
                arguments.push(self.expression()?);
                if !self.take(",") {
                    break;
                }
            }
        }
        self.expect(")")
    }

    /// A macro with a variable: `list.all(x, x > 1)`.
    fn macro_call(&mut self, kind: MacroKind, range: Expr) -> Result<Expr, CompileError> {
        let Token::Name(name) = self.peek() else { return self.expected("the name of a variable") };
        let name: Box<str> = name.as_str().into();
        self.check_name(&name)?;
        self.at += 1;
        self.expect(",")?;
        let local = u32::try_from(self.locals.len()).unwrap_or(u32::MAX);
        self.locals.push(name);
        let mut arguments = Vec::new();
        let end = self.arguments(&mut arguments)?;
        self.locals.pop();
        let Some(body) = arguments.pop() else { return self.expected("an expression") };
        let span = range.span.to(end);
        let walk = Macro { kind, range, local, filter: arguments.pop(), body };
        make(span, ExprKind::Macro(Box::new(walk)))
    }

    fn primary(&mut self) -> Result<Expr, CompileError> {
        let span = self.span();
        let literal = match self.peek().clone() {
            Token::Symbol("-") => {
                self.at += 1;
                match self.peek() {
                    Token::Int(number) => {
                        let Some(number) = 0_i64.checked_sub_unsigned(*number) else {
                            return out_of_range(span);
                        };
                        Value::Int(number)
                    }
                    Token::Float(number) => Value::Double(-number),
                    _ => return self.expected("a number"),
                }
            }
            Token::Int(number) => {
                let Ok(number) = i64::try_from(number) else { return out_of_range(span) };
                Value::Int(number)
            }
            Token::UInt(number) => Value::UInt(number),
            Token::Float(number) => Value::Double(number),
            Token::String(text) => Value::String(text.into()),
            Token::Name(name) => {
                self.at += 1;
                return self.name(name.into(), span);
            }
            Token::Symbol("(") => {
                self.at += 1;
                let inner = self.expression()?;
                self.expect(")")?;
                return Ok(inner);
            }
            Token::Symbol("[") => return self.list(span),
            Token::Symbol("{") => return self.map(span),
            Token::Symbol(_) | Token::End => return self.expected("an expression"),
        };
        let span = span.to(self.span());
        self.at += 1;
        make(span, ExprKind::Literal(literal))
    }

    fn name(&mut self, name: Box<str>, span: Span) -> Result<Expr, CompileError> {
        let literal = match &*name {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => return self.variable(name, span),
        };
        make(span, ExprKind::Literal(literal))
    }

    fn variable(&mut self, name: Box<str>, span: Span) -> Result<Expr, CompileError> {
        if !self.take("(") {
            self.check_name(&name)?;
            let local = self.locals.iter().rposition(|local| *local == name);
            let local = local.and_then(|place| u32::try_from(place).ok());
            return make(span, local.map_or(ExprKind::Name(name), ExprKind::Local));
        }
        let mut arguments = Vec::new();
        if &*name == "has" {
            return self.has(span);
        }
        let end = self.arguments(&mut arguments)?;
        let function = functions::find(&name, false, arguments.len(), span)?;
        make(span.to(end), ExprKind::Call(function, arguments))
    }

    fn has(&mut self, span: Span) -> Result<Expr, CompileError> {
        let argument = self.expression()?;
        let end = self.expect(")")?;
        let inner = argument.span;
        match argument.kind {
            ExprKind::Select { operand, field, has: false } => {
                make(span.to(end), ExprKind::Select { operand, field, has: true })
            }
            ExprKind::Name(name) => {
                Err(CompileError::new(inner, format!("`has` requires a field: write `has(context.{name})`")))
            }
            _ => Err(CompileError::new(inner, "`has` requires a field, as in `has(context.plan)`")),
        }
    }

    fn check_name(&self, name: &str) -> Result<(), CompileError> {
        if RESERVED.contains(&name) {
            let message = format!(
                "`{name}` is reserved in CEL; write `context[\"{name}\"]` for an attribute of that name"
            );
            let span =
                self.tokens.get(self.at.saturating_sub(1)).map_or_else(Span::default, |(_, span)| *span);
            return Err(CompileError::new(span, message));
        }
        Ok(())
    }

    fn list(&mut self, start: Span) -> Result<Expr, CompileError> {
        self.at += 1;
        let mut items = Vec::new();
        while !self.is_symbol("]") {
            items.push(self.expression()?);
            if !self.take(",") {
                break;
            }
        }
        let span = start.to(self.expect("]")?);
        make(span, ExprKind::List(items))
    }

    fn map(&mut self, start: Span) -> Result<Expr, CompileError> {
        self.at += 1;
        let mut entries = Vec::new();
        while !self.is_symbol("}") {
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
            if !self.take(",") {
                break;
            }
        }
        let span = start.to(self.expect("}")?);
        make(span, ExprKind::Map(entries))
    }
}

fn make(span: Span, kind: ExprKind) -> Result<Expr, CompileError> {
    let depth = kind.operands().into_iter().map(|operand| operand.depth + 1).max().unwrap_or(0);
    if depth > MAX_DEPTH { too_deep(span) } else { Ok(Expr { span, depth, kind }) }
}

fn too_deep<T>(span: Span) -> Result<T, CompileError> {
    Err(CompileError::new(span, format!("nested too deeply: the limit is {MAX_DEPTH} levels")))
}

fn out_of_range<T>(span: Span) -> Result<T, CompileError> {
    Err(CompileError::new(span, "the number does not fit into an int of 64 bits; write `1u` for a uint"))
}
