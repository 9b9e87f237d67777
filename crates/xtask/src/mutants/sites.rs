//! Where faults can be put: expressions, statements and arms of a source file.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, ImplItemFn, Item, ItemFn, ItemImpl, ReturnType, Stmt, Token};

use super::swaps;

/// One fault: a place of a file, and what is changed there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Line, from 1.
    pub line: usize,
    /// What becomes of what.
    pub what: String,
    /// Name of the function that it stands in.
    pub function: String,
    /// Texts to put into the source, with their places in bytes; `#` stands for the number of the fault.
    pub edits: Vec<(usize, String)>,
}

/// All faults of a source; of an extension's, only where it says what it means.
///
/// # Errors
/// That it is no Rust.
pub fn of(text: &str, meanings_only: bool) -> Result<Vec<Site>, String> {
    let file = syn::parse_file(text).map_err(|error| error.to_string())?;
    let mut finder = Finder { text, within: !meanings_only, function: String::new(), sites: Vec::new() };
    finder.visit_file(&file);
    Ok(finder.sites)
}

struct Finder<'t> {
    text: &'t str,
    /// Whether faults are put here.
    within: bool,
    function: String,
    sites: Vec<Site>,
}

impl Finder<'_> {
    fn source(&self, span: Span) -> &str {
        self.text.get(span.byte_range()).unwrap_or_default()
    }

    fn add(&mut self, span: Span, what: String, edits: Vec<(usize, String)>) {
        if self.within {
            let function = self.function.clone();
            self.sites.push(Site { line: span.start().line, what, function, edits });
        }
    }

    /// Another expression in place of this one.
    fn other(&mut self, expr: &impl Spanned, new: String) {
        let span = expr.span();
        let range = span.byte_range();
        let short = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let what = format!("`{}` for `{}`", short(&new), short(self.source(span)));
        let before = format!("(if crate::mutant::is(#) {{ {new} }} else {{ ");
        self.add(span, what, vec![(range.start, before), (range.end, " })".to_owned())]);
    }

    fn statement(&mut self, stmt: &Stmt) {
        let range = stmt.span().byte_range();
        let what = format!("without `{}`", self.source(stmt.span()).lines().next().unwrap_or_default());
        let before = "if !crate::mutant::is(#) { ".to_owned();
        self.add(stmt.span(), what, vec![(range.start, before), (range.end, " }".to_owned())]);
    }

    fn outside(&mut self, visit: impl FnOnce(&mut Self)) {
        let was = std::mem::replace(&mut self.within, false);
        visit(self);
        self.within = was;
    }

    fn function(&mut self, sig: &syn::Signature, visit: impl FnOnce(&mut Self)) {
        // Of an extension, what helps to say what it means as well; what is constant can ask for no switch.
        let kind = match &sig.output {
            ReturnType::Type(_, kind) => self.source(kind.span()),
            ReturnType::Default => "",
        };
        let meaning = ["Pred", "Effect", "Need"].iter().any(|it| kind.contains(it));
        // What makes text is for people.
        let shown = sig.ident == "fmt" || kind.contains("String") || kind.contains("str");
        let within = sig.constness.is_none() && (self.within || meaning) && !shown;
        let was = std::mem::replace(&mut self.within, within);
        let outer = std::mem::replace(&mut self.function, sig.ident.to_string());
        visit(self);
        self.within = was;
        self.function = outer;
    }
}

/// Whether a statement only notes, for people, why something is not decided.
fn notes_a_reason(statement: &str) -> bool {
    statement.starts_with("self.note(") || statement.contains(".unknown.push(")
}

/// Whether all that follows from a choice is one text or another: a reason, for people.
fn chooses_a_text(choice: &syn::ExprIf) -> bool {
    let is_text = |it: &Expr| matches!(it, Expr::Lit(it) if matches!(it.lit, syn::Lit::Str(_)));
    let of_block = |it: &syn::Block| matches!(&*it.stmts, [Stmt::Expr(it, None)] if is_text(it));
    let other = choice.else_branch.as_ref().map(|it| &*it.1);
    of_block(&choice.then_branch)
        && other.is_some_and(|it| match it {
            Expr::Block(it) => of_block(&it.block),
            Expr::If(it) => chooses_a_text(it),
            _ => false,
        })
}

/// Whether a `let` stands in a chain of conditions.
fn has_let(expr: &Expr) -> bool {
    match expr {
        Expr::Let(_) => true,
        Expr::Binary(it) => has_let(&it.left) || has_let(&it.right),
        Expr::Paren(it) => has_let(&it.expr),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Const(_) | Item::Static(_) | Item::Macro(_) | Item::Use(_) | Item::Enum(_) => {}
            Item::Mod(it) if it.attrs.iter().any(|it| self.source(it.span()).contains("cfg(test)")) => {}
            item => visit::visit_item(self, item),
        }
    }

    fn visit_item_impl(&mut self, it: &'ast ItemImpl) {
        let name = it.trait_.as_ref().map(|it| self.source(it.1.span()).to_owned()).unwrap_or_default();
        if matches!(name.as_str(), "MatchExtension" | "TargetExtension") {
            let was = std::mem::replace(&mut self.within, true);
            visit::visit_item_impl(self, it);
            self.within = was;
        } else if name.contains("Display") || name == "Extension" {
            // Readers and printers are judged by others.
            self.outside(|it_self| visit::visit_item_impl(it_self, it));
        } else {
            visit::visit_item_impl(self, it);
        }
    }

    fn visit_item_fn(&mut self, it: &'ast ItemFn) {
        self.function(&it.sig, |finder| visit::visit_block(finder, &it.block));
    }

    fn visit_impl_item_fn(&mut self, it: &'ast ImplItemFn) {
        self.function(&it.sig, |finder| visit::visit_block(finder, &it.block));
    }

    fn visit_impl_item_const(&mut self, _: &'ast syn::ImplItemConst) {}
    fn visit_trait_item_const(&mut self, _: &'ast syn::TraitItemConst) {}
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}
    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_type(&mut self, _: &'ast syn::Type) {}
    fn visit_expr_const(&mut self, _: &'ast syn::ExprConst) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}

    fn visit_expr_repeat(&mut self, it: &'ast syn::ExprRepeat) {
        self.visit_expr(&it.expr);
    }

    fn visit_stmt(&mut self, stmt: &'ast Stmt) {
        if let Stmt::Expr(expr, Some(_)) = stmt
            && !notes_a_reason(self.source(expr.span()))
        {
            let operator = |it: &syn::ExprBinary| swaps::assigns(&it.op);
            match expr {
                Expr::Assign(_) | Expr::MethodCall(_) | Expr::Call(_) | Expr::Return(_) => {
                    self.statement(stmt);
                }
                Expr::Binary(it) if operator(it) => self.statement(stmt),
                _ => {}
            }
        }
        visit::visit_stmt(self, stmt);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        // What stands behind `else` must lead away.
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
        }
    }

    fn visit_expr_match(&mut self, it: &'ast syn::ExprMatch) {
        let open = |arm: &syn::Arm| match &arm.pat {
            syn::Pat::Wild(_) => arm.guard.is_none(),
            syn::Pat::Ident(it) => {
                let name = it.ident.to_string();
                arm.guard.is_none() && name.starts_with(char::is_lowercase)
            }
            _ => false,
        };
        if it.arms.last().is_some_and(open) {
            for arm in it.arms.iter().rev().skip(1).filter(|arm| !open(arm)) {
                let what = format!("without the arm `{}`", self.source(arm.pat.span()));
                let edits = match &arm.guard {
                    None => vec![(arm.pat.span().byte_range().end, " if !crate::mutant::is(#)".to_owned())],
                    Some((_, guard)) if has_let(guard) => continue,
                    Some((_, guard)) => {
                        let range = guard.span().byte_range();
                        vec![
                            (range.start, "!crate::mutant::is(#) && (".to_owned()),
                            (range.end, ")".to_owned()),
                        ]
                    }
                };
                self.add(arm.pat.span(), what, edits);
            }
        }
        visit::visit_expr_match(self, it);
    }

    fn visit_expr_if(&mut self, it: &'ast syn::ExprIf) {
        if chooses_a_text(it) {
            return;
        }
        let plain = match &*it.cond {
            Expr::Call(_) | Expr::Path(_) | Expr::Field(_) => true,
            Expr::MethodCall(it) => {
                let name = it.method.to_string();
                swaps::method(&name).is_none() && !swaps::answers(&name)
            }
            _ => false,
        };
        if plain {
            self.other(&it.cond, format!("!({})", self.source(it.cond.span())));
        }
        visit::visit_expr_if(self, it);
    }

    fn visit_expr_binary(&mut self, it: &'ast syn::ExprBinary) {
        let assigns = swaps::assigns(&it.op);
        if !has_let(&it.left) && !has_let(&it.right) {
            for new in swaps::operators(&it.op) {
                let text = format!("{} {new} {}", self.source(it.left.span()), self.source(it.right.span()));
                if assigns {
                    let what = format!("`{new}` in `{}`", self.source(it.span()));
                    let range = it.span().byte_range();
                    let before = format!("if crate::mutant::is(#) {{ {text} }} else {{ ");
                    self.add(it.span(), what, vec![(range.start, before), (range.end, " }".to_owned())]);
                } else {
                    self.other(it, text);
                }
            }
        }
        let compares = matches!(it.op, syn::BinOp::Eq(_) | syn::BinOp::Ne(_));
        for side in [&it.left, &it.right] {
            // Another name beside `==` is mostly the same as another operator.
            let skipped =
                compares && matches!(&**side, Expr::Path(_)) || assigns && std::ptr::eq(side, &it.left);
            if !skipped {
                self.visit_expr(side);
            }
        }
    }

    fn visit_expr_unary(&mut self, it: &'ast syn::ExprUnary) {
        if matches!(it.op, syn::UnOp::Not(_)) {
            self.other(it, self.source(it.expr.span()).to_owned());
        }
        visit::visit_expr_unary(self, it);
    }

    fn visit_expr_assign(&mut self, it: &'ast syn::ExprAssign) {
        self.visit_expr(&it.right);
    }

    fn visit_expr_lit(&mut self, it: &'ast syn::ExprLit) {
        match &it.lit {
            syn::Lit::Bool(value) => self.other(it, (!value.value).to_string()),
            syn::Lit::Int(number) => {
                let Ok(value) = number.base10_parse::<u128>() else { return };
                // Large numbers are masks.
                let new = if value > 255 { value >> 1 } else { value + 1 };
                self.other(it, format!("{new}{}", number.suffix()));
            }
            _ => {}
        }
    }

    fn visit_expr_path(&mut self, it: &'ast syn::ExprPath) {
        for new in swaps::names(self.source(it.span())) {
            self.other(it, new.to_owned());
        }
    }

    fn visit_expr_method_call(&mut self, it: &'ast syn::ExprMethodCall) {
        let name = it.method.to_string();
        let dot = it.method.span().byte_range();
        let all = it.span().byte_range();
        let around = (self.text.get(all.start..dot.start), self.text.get(dot.end..all.end));
        if let (Some(before), Some(after)) = around {
            if let Some(new) = swaps::method(&name) {
                self.other(it, format!("{before}{new}{after}"));
            } else if swaps::answers(&name) {
                self.other(it, format!("!{}", self.source(it.span())));
            } else if name == "inverted" {
                self.other(it, format!("{before}{name}(!{after})"));
            }
        }
        let inner = match &*it.receiver {
            Expr::Paren(inner) => &*inner.expr,
            other => other,
        };
        if let (Expr::Range(range), "contains", Some((_, after))) =
            (inner, name.as_str(), Some(around).and_then(|it| Some((it.0?, it.1?))))
            && let syn::RangeLimits::Closed(_) = range.limits
        {
            let end = |it: &Option<Box<Expr>>| {
                it.as_ref().map(|it| self.source(it.span()).to_owned()).unwrap_or_default()
            };
            let (low, high) = (end(&range.start), end(&range.end));
            self.other(it, format!("({low}..{high}).contains{after}"));
        }
        if name == "unwrap_or" && it.args.iter().all(|it| matches!(it, Expr::Lit(_))) {
            // What stands for a value that is there, because something before has asked for it: the lints allow no other way.
            return self.visit_expr(&it.receiver);
        }
        if name == "map_or"
            && matches!(it.args.first(), Some(Expr::Lit(it)) if matches!(it.lit, syn::Lit::Int(_)))
        {
            self.visit_expr(&it.receiver);
            return it.args.iter().skip(1).for_each(|it| self.visit_expr(it));
        }
        visit::visit_expr_method_call(self, it);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if !mac.path.is_ident("matches") {
            return;
        }
        let parse = |input: syn::parse::ParseStream<'_>| {
            let subject: Expr = input.parse()?;
            input.parse::<Token![,]>()?;
            let pattern = syn::Pat::parse_multi_with_leading_vert(input)?;
            let guard = match input.parse::<Option<Token![if]>>()? {
                Some(_) => Some(input.parse::<Expr>()?),
                None => None,
            };
            input.parse::<Option<Token![,]>>()?;
            Ok((subject, pattern, guard))
        };
        let Ok((subject, pattern, guard)) = mac.parse_body_with(parse) else { return };
        self.other(mac, format!("!{}", self.source(mac.span())));
        if let syn::Pat::Or(all) = &pattern {
            let all: Vec<String> = all.cases.iter().map(|it| self.source(it.span()).to_owned()).collect();
            let guard =
                guard.as_ref().map(|it| format!(" if {}", self.source(it.span()))).unwrap_or_default();
            for without in 0..all.len() {
                let kept = all.iter().enumerate().filter(|it| it.0 != without).map(|it| it.1.as_str());
                let kept = kept.collect::<Vec<_>>().join(" | ");
                self.other(mac, format!("matches!({}, {kept}{guard})", self.source(subject.span())));
            }
        }
    }
}
